# The two commands of the README, and the steps they are made of. Python: make PYTHON=python3.12
# A torch without CUDA: make report PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu

PYTHON ?= python3
JOBS ?= 2
BIN := .venv/bin
READY := .venv/.installed

.PHONY: report reproductions goldens test long lint types bench docs

report: $(READY) ## run everything that is installed; write results.jsonl and report.html
	$(BIN)/trysquare run -o results.jsonl --report report.html || [ $$? -eq 1 ]

reproductions: $(READY) ## run the script of every divergence of results.jsonl, each in a process of its own
	$(BIN)/trysquare repro results.jsonl --run

goldens: $(READY) ## write anew what the pages of the report look like: tests/golden, to be looked at in git
	TRYSQUARE_GOLDEN=1 $(BIN)/python -m pytest -q tests/test_screenshot.py -k as_it_did

test: lint types ## lint, types, tests
	OMP_NUM_THREADS=1 TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/python -m pytest -n $(JOBS)

long: $(READY) ## the tests, with all functions in all dtypes where `test` takes a part: about an hour
	TRYSQUARE_LONG=1 OMP_NUM_THREADS=1 TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/python -m pytest -n $(JOBS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

bench: $(READY)
	set -e; for script in benchmarks/*.py; do $(BIN)/python $$script; done

docs: $(READY)
	$(BIN)/python -m pytest -q tests/test_docs.py

# Installs only when what is to be installed has changed since the last time.
$(READY): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -c 'import ensurepip, sys; assert sys.version_info >= (3, 11)' 2>/dev/null \
	|| { echo "Trysquare needs Python 3.11 or newer with the venv module (Debian: apt install python3-venv)." >&2; \
	     echo "$(PYTHON) is: $$($(PYTHON) --version 2>&1). Name another one: make PYTHON=python3.12" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --no-input --progress-bar off --constraint constraints.txt --editable '.[cpu,dev]'
	@touch $@
