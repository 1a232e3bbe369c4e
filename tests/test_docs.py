"""The pages lead somewhere, and say what is there."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

import fake_run
from trysquare import results_file
from trysquare.__main__ import cli
from trysquare.dtypes import FORMATS
from trysquare.planning.cases import named_cases
from trysquare.reader import read
from trysquare.result import Check, Expectation, Extreme, Sweep
from trysquare_reports.text import failure
from workshop import LONG

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s#]+)[^)]*\)")


def broken(page: Path, text: str) -> list[str]:
    """Links of a page to files that are not there."""
    links = (link for link in LINK.findall(text) if not re.match(r"[a-z]+:", link))
    return [link for link in links if not (page.parent / link).exists()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_to_a_file_leads_to_one(page: Path) -> None:
    assert broken(page, page.read_text(encoding="utf-8")) == []


def test_a_broken_link_is_found() -> None:
    text = "[here](docs_of_nothing.md#top) [there](https://example.org) [this](test_docs.py)"
    assert broken(Path(__file__), text) == ["docs_of_nothing.md"]


TABLES = ROOT / "docs" / "tables.py"
SWEEPS = ROOT / "docs" / "sweeps.py"
SOURCES = [str(ROOT / folder) for folder in ("harness", "backends", "reports")]
FRAMEWORKS = ("torch", "tensorflow", "jax", "optax", "keras", "onnxruntime", "openvino")


@pytest.fixture
def tables() -> ModuleType:
    return script(TABLES)


def script(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.skipif(
    not all(map(importlib.util.find_spec, FRAMEWORKS)),
    reason=f"the table shows calls of {' and '.join(FRAMEWORKS)}",
)
def test_the_coverage_table_is_current() -> None:
    done = subprocess.run(
        [sys.executable, str(TABLES), "--check"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(SOURCES)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_stale_coverage_table_is_found(tables: ModuleType) -> None:
    page = f"before\n{tables.BEGIN}| old |\n{tables.END}\nafter\n"
    fresh = f"before\n{tables.BEGIN}| new |\n{tables.END}\nafter\n"
    assert tables.replaced(page, "| new |\n") == fresh
    assert tables.replaced(fresh, "| new |\n") == fresh


def test_a_page_without_room_for_the_table_is_an_error(tables: ModuleType) -> None:
    with pytest.raises(ValueError, match="coverage:begin"):
        tables.replaced("no marks", "| new |\n")


def test_torch_nn_has_no_activation_or_loss_without_a_row(tables: ModuleType) -> None:
    activation = pytest.importorskip("torch.nn.modules.activation")
    loss = pytest.importorskip("torch.nn.modules.loss")
    listed = {*activation.__all__, *loss.__all__}
    assert listed == {*tables.MODULES.values(), *tables.UNSPECIFIED}


def test_a_module_without_a_spec_is_an_error(tables: ModuleType) -> None:
    with pytest.raises(LookupError, match="sigmoid"):
        tables.table([], {})


YARDSTICKS = ROOT / "docs" / "tolerances.py"


def test_the_tables_of_yardsticks_are_current() -> None:
    done = subprocess.run(
        [sys.executable, str(YARDSTICKS), "--check"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(SOURCES)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")


GUIDE = (ROOT / "docs" / "writing-a-backend.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^`([\w./]+)`:\n\n```\w+\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL))
SESSION = re.compile(
    r"^```\n\$ PYTHONPATH=\. trysquare (.*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL
)
SESSIONS = SESSION.findall(GUIDE)


def printed(folder: Path, arguments: list[str]) -> str:
    """What the command line prints in a folder that is on the path."""
    done = subprocess.run(
        [sys.executable, "-m", "trysquare", *arguments],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([*SOURCES, str(folder)]),
            "PYTHONUTF8": "1",  # where the locale has no letters but ASCII's, others are printed
        },
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )
    return done.stdout + done.stderr


def told(text: str) -> list[str]:
    """The lines of a session that stay the same on other machines and with further cases."""
    version = r"(?<=mine:cpu:eager  )\S+"
    counted = re.compile(rf"yaml:\d+:\d+|\d+ (?=pass|unsupported)|in [\d.hms]+$|{version}")
    passing = re.compile(r"^$|^\.\.\.$|settings|sha256")
    return [counted.sub("", line) for line in text.splitlines() if not passing.search(line)]


@pytest.mark.parametrize(("command", "output"), SESSIONS, ids=[command for command, _ in SESSIONS])
def test_the_guide_to_backends_shows_what_is_printed(
    tmp_path: Path, command: str, output: str
) -> None:
    for name, text in FILES.items():
        if "K " in output or not name.endswith(".divergences.yaml"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
    lines = told(printed(tmp_path, command.split()))
    assert [line for line in told(output) if line not in lines] == []


def test_the_guide_to_backends_shows_files_and_sessions() -> None:
    assert [Path(name).name for name in FILES] == [
        "homemade.py",
        "homemade.py",
        "reciprocal.yaml",
        "mine.py",
        "homemade.divergences.yaml",
    ]
    assert len(SESSIONS) == 5


PLACE = re.compile(r"(specs/\S+\.yaml):(\d+:\d+) +id ([\w.:/+-]+)")
"""A place in a spec and the id of a result, as a failure shows them."""


def place_of(file: str, identity: str) -> str:
    """Where the spec states what a result is about: a named case, or the function."""
    spec = read(ROOT / file)
    _, check, dtype, _, slug = identity.split("/")
    named = named_cases(spec, FORMATS[dtype]) if check == Check.CASES else ()
    place = next((case.place for case in named if case.slug == slug), spec.place)
    return f"{place.line}:{place.column}"


@pytest.mark.parametrize(
    ("file", "place", "identity"),
    [
        pytest.param(*found, id=f"{page.stem}: {found[2]}")
        for page in PAGES
        for found in PLACE.findall(page.read_text(encoding="utf-8"))
    ],
)
def test_every_place_that_a_page_shows_is_where_it_says(
    file: str, place: str, identity: str
) -> None:
    assert place == place_of(file, identity)


DIVERGENCE = re.compile(r"^```\n(✗ elu.*?)^```$", re.MULTILINE | re.DOTALL)


def shown(page: str) -> list[str]:
    """The lines of the divergence that a page shows, but for the newest version."""
    (text,) = DIVERGENCE.findall((ROOT / page).read_text(encoding="utf-8"))
    return re.sub(r"tensorflow \d\S+", "", text).splitlines()


def test_both_pages_show_the_same_divergence() -> None:
    whole, explained = shown("README.md"), shown("docs/how-to-read-a-divergence.md")
    assert explained == [*whole[: len(explained) - 1], "      ..."]


@pytest.mark.skipif(not LONG, reason="only `make long` asks frameworks for what the README shows")
def test_the_divergence_of_the_readme_is_what_a_run_finds(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    asked = ["--backend", "torch,tensorflow", "-k", "elu", "--dtype", "float32", "--check", "cases"]
    printed(tmp_path, ["run", *asked, "-o", str(path)])
    results = results_file.read(path).results
    found = next(one for one in results if one.id in "".join(shown("README.md")))
    news = replace(found, known="", expectation=Expectation.UNEXPECTED)
    text = re.sub(r"tensorflow \d\S+", "", failure(news, results))
    assert text.splitlines() == shown("README.md")


HARNESS = ROOT / "harness" / "trysquare"
ROOMS = sorted(
    path.relative_to(HARNESS).with_suffix("").as_posix()
    for path in HARNESS.rglob("*.py")
    if path.stem != "__init__"
)


def drawn(page: str) -> list[str]:
    """The rooms in the table of ARCHITECTURE.md, in the folder of their row."""
    rows = [line.split("|") for line in page.splitlines() if line.startswith("| ")]
    return sorted(
        f"{folder.replace('trysquare/', '')}{room}"
        for row in rows
        for folder in re.findall(r"`(\w+/)`", row[1])
        for room in re.findall(r"`(\w+)`", row[2])
    )


def test_the_drawing_of_the_rooms_is_complete() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    assert drawn(page) == ROOMS


def test_a_room_is_drawn_only_by_its_name_in_the_second_column() -> None:
    page = (
        "| `a/` | `spec` `tree` | not `here` |\n`nor` here\n| `trysquare/` | `spec` | another |\n"
    )
    assert drawn(page) == ["a/spec", "a/tree", "spec"]


def unexplained(words: Iterable[str], page: str) -> set[str]:
    """Words that no row of a table on a page begins with."""
    return set(words) - set(re.findall(r"^\| `(?:trysquare )?(\w+)", page, re.MULTILINE))


def test_every_command_is_in_the_readme() -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    together = {"verify"}  # explained beside `pack`, whose output it takes
    assert unexplained(cli.commands, page) == together
    assert "`trysquare verify " in page


def test_every_check_is_explained_to_whoever_reads_a_divergence() -> None:
    page = (ROOT / "docs" / "how-to-read-a-divergence.md").read_text(encoding="utf-8")
    assert unexplained(Check, page) == set()


def test_a_word_without_a_row_is_found() -> None:
    page = "| `trysquare run FILE` | measures |\n| `cases` | named |\n`hunt` | no row |\n"
    assert unexplained(["run", "cases", "hunt"], page) == {"hunt"}


def test_the_architecture_fits_on_one_page() -> None:
    assert len((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").splitlines()) < 80


def test_the_page_of_sweeps_has_the_figures_of_the_results() -> None:
    x = fake_run.number(-88.72284)
    got, want = fake_run.number(0.0), fake_run.number(2.938734e-39)
    extreme = Extreme(x=x, got=got, want=want, ulp=-2097152.0, alone=got)
    sweep = Sweep(x, x, 170335203, (), 1, None, None, (extreme,))
    recorded = fake_run.run()
    (one, *_) = (item for item in recorded.results if item.symptom is not None)
    result = replace(one, case="d x, every number", count=1 << 32, failed=1743694, sweep=sweep)
    page = script(SWEEPS).page([replace(recorded, results=(one, result))])
    (row,) = (line for line in page.splitlines() if "derivative of" in line)
    for figure in ("170,335,203 (3.97 %)", "2.097e+06", f"({x.bits})", "1,743,694"):
        assert figure in row
    assert str(one.symptom) in row
