"""Which room may import which, what the harness must not name, and what starts light.

A new room fails until it has a line in LAYERS; put it on the lowest line that lets it import what
it needs.
"""

from __future__ import annotations

import ast
import math
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from trysquare.formula.tree import Op

ROOT = Path(__file__).parents[1]
HARNESS = ROOT / "harness" / "trysquare"
PACKAGES = {
    "trysquare": HARNESS,
    "trysquare_backends": ROOT / "backends" / "trysquare_backends",
    "trysquare_miniatures": ROOT / "miniatures" / "trysquare_miniatures",
    "trysquare_reports": ROOT / "reports" / "trysquare_reports",
}

LAYERS = (
    "__main__",
    "cli.planning",
    "cli.comparing cli.hunting cli.sweeping",
    "cli.looking cli.measuring pytest_plugin",
    (
        "cli.tabling command.assembling command.campaign command.catalogue command.hunting "
        "command.rates command.staleness command.sweeping pytest_results"
    ),
    (
        "cli.baselining command.doctor command.merging command.table errands pytest_items "
        "sweep.campaign"
    ),
    "cli.auditing cli.walking command.mutation hunt.chase recorder usage.porting",
    (
        "cli.packing cli.reviewing cli.testing command.auditing command.noticing command.standing "
        "hunt.catch hunt.hunter sweep.conclusion usage.defaults"
    ),
    (
        "cli.options command.lint command.trial hunt.asking planning.forecast ratchet sweep.pairs "
        "sweep.shares usage.asking"
    ),
    (
        "command.agreement command.interview conformance engines.cluster ledger planning.shards "
        "run sweep.finding"
    ),
    (
        "audit.reproducing command.proof command.selection engines.dispatch engines.local "
        "engines.station packs.pack packs.verify planning.plan sweep.runner workers.witness"
    ),
    "engines.engine planning.checks reader sweep.surveys verdict.judge workers.pool",
    (
        "hunt.score planning.properties specfile.sections sweep.subject verdict.bits "
        "verdict.diagnosis verdict.properties workers.conversation workers.line"
    ),
    (
        "audit.examination audit.goldens packs.answers packs.questions planning.edges "
        "planning.invariance planning.limits planning.pairs planning.refusals "
        "specfile.case_reader specfile.properties sweep.journal verdict.draws verdict.measure "
        "verdict.part workers.guest workers.process workers.worker"
    ),
    (
        "audit.golden_files audit.rounding audit.stability command.amending command.collecting "
        "command.deciding command.versions describe engines.likeness hunt.start packs.arrays "
        "planning.inputs specfile.signature sweep.evaluation unfinished verdict.standard "
        "verdict.yardsticks workers.launch workers.program workers.remote workers.stretch"
    ),
    (
        "audit.double_entry audit.second_opinion baseline hunt.subject packs.hard_cases "
        "packs.manifest planning.corpus results_file specfile.parameters sweep.surveyor "
        "truth.bundle truth.rounding truth.tolerance verdict.infinities workers.declaration "
        "workers.protocol workers.reproduction"
    ),
    (
        "audit.assumptions audit.published audit.region audit.settings cli.announcing "
        "command.confirming difference divergences formula.interval formula.series framework "
        "machine planning.corpus_point planning.second record_form specfile.phrases truth.domain "
        "truth.oracle verdict.spread verdict.tendency workers.confines workers.headers"
    ),
    (
        "audit.enclosure audit.grid binding causes command.progress command.rerun engines.places "
        "formula.branching formula.detour loading planning.cases planning.settling "
        "planning.variations record specfile.composer specfile.schema specfile.values "
        "truth.arrangement verdict.compare workers.area workers.frames workers.probes"
    ),
    (
        "audit.multiprecision audit.mutants backend formula.ball formula.bounded formula.extended "
        "formula.rounded hunt.search planning.joints planning.sampling result specfile.document "
        "sweep.tally truth.layout truth.meaning"
    ),
    (
        "formula.constant formula.derivative formula.evaluate formula.float64 formula.mathml "
        "formula.parser formula.primitives hunt.box spec sweep.bounds sweep.chart sweep.extremes "
        "truth.known"
    ),
    (
        "audit cli command dtypes engines errors formula formula.tree formula.typeset hunt packs "
        "planning shelf specfile specfile.fits sweep sweep.segment truth usage verdict workers "
        "workers.arithmetic workers.lifeline workers.starter"
    ),
)
"""The rooms of the harness, from the top down; a room imports only from lines below its own.

A folder stands for its `__init__`: a docstring that anyone may pass through.
"""

LEVEL = {room: -height for height, line in enumerate(LAYERS) for room in line.split()}
LEVEL[""] = -len(LAYERS)  # the package trysquare itself: its version

PARTS = frozenset({"_keras_words"})
"""Parts of a backend that would fill its room; all other `_x` are quoted by reproductions."""

FRAMEWORKS = frozenset(
    {"jax", "keras", "onnxruntime", "openvino", "optax", "pytorch", "tensorflow", "torch"}
)
HEAVY = FRAMEWORKS | {"flint", "ml_dtypes", "numpy"}


def name_of(path: Path, package: str) -> str:
    """`trysquare.formula.tree` for harness/trysquare/formula/tree.py."""
    parts = path.relative_to(PACKAGES[package]).with_suffix("").parts
    return ".".join((package, *parts)).removesuffix(".__init__")


def modules() -> dict[str, str]:
    """Every module of the four packages, and its source."""
    return {
        name_of(path, package): path.read_text(encoding="utf-8")
        for package, folder in PACKAGES.items()
        for path in sorted(folder.rglob("*.py"))
    }


def imported(module: str, source: str, known: Iterable[str]) -> Iterator[str]:
    """What a source imports, anywhere in it; `from a import b` means a.b where that is a module."""
    known = set(known)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            near = module.split(".")[: -node.level] if node.level else []
            origin = ".".join([*near, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{origin}.{alias.name}"
                yield inner if inner in known else origin


def wrong_arrows(sources: dict[str, str]) -> list[str]:
    """Every import that points up, sideways, or out of its package where it may not."""
    return [
        f"{module} imports {target}"
        for module, source in sources.items()
        for target in imported(module, source, sources)
        if not allowed(module, target)
    ]


def allowed(module: str, target: str) -> bool:
    """Whether an arrow from one module to another points the right way."""
    here, _, room = module.partition(".")
    there, _, below = target.partition(".")
    if there not in PACKAGES:
        return True
    if here == "trysquare":
        return there == here and LEVEL.get(room, 1) > LEVEL.get(below, 2)
    if here == "trysquare_backends":
        if room.startswith("_") and room not in PARTS:
            return False  # reproductions quote it, and need nothing of ours
        return there == "trysquare" or (there == here and below.startswith("_"))
    if here == "trysquare_miniatures" and target == "trysquare_backends.numpy":
        return True  # a liar is the reference but for one fault
    return there in {here, "trysquare"}


def named(words: Iterable[str], text: str) -> list[str]:
    """Which of these words occur in a text as words, whatever their case."""
    found = {word.lower() for word in re.findall(r"\w+", text)}
    return sorted(word for word in words if word.lower() in found)


def loaded(*arguments: str) -> set[str]:
    """The top-level modules that a fresh Python imports for this command line, which succeeds."""
    roots = os.pathsep.join(str(folder.parent) for folder in PACKAGES.values())
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments],
        env={**os.environ, "PYTHONPATH": roots},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    lines = (line for line in done.stderr.splitlines() if line.startswith("import time:"))
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}


SOURCES = modules()
ROOMS = {module.removeprefix("trysquare.") for module in SOURCES if module.startswith("trysquare.")}
LANGUAGE = {op.value for op in Op}
"""The words of the formula language, some of which are functions with a spec as well."""
PYTHON = set(dir(math))
"""The words of Python's own mathematics, with which the harness counts: math.log2 and the like."""
FUNCTIONS = {path.stem for path in (ROOT / "specs").rglob("*.yaml")} - LANGUAGE - PYTHON
WRITTEN = sorted(path for path in HARNESS.rglob("*.*") if path.suffix != ".pyc")


def test_every_room_of_the_harness_has_a_layer() -> None:
    unknown = sorted(ROOMS - set(LEVEL))
    assert not unknown, f"new rooms {unknown}: add each to LAYERS, on the lowest line that holds"


def test_every_layer_names_rooms_that_exist() -> None:
    gone = sorted(set(LEVEL) - ROOMS - {""})
    assert not gone, f"LAYERS names {gone}, which are no rooms of the harness"


def test_no_room_is_on_two_layers() -> None:
    rooms = " ".join(LAYERS).split()
    assert len(rooms) == len(set(rooms))


def test_arrows_point_down_and_never_between_backends_and_reports() -> None:
    assert wrong_arrows(SOURCES) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("trysquare.spec", "from trysquare.run import run"),
        ("trysquare.spec", "import trysquare.truth.oracle"),
        ("trysquare.spec", "from trysquare.truth import oracle"),
        ("trysquare.spec", "def f():\n    from trysquare.truth import oracle"),
        ("trysquare.spec", "from .truth import oracle"),
        ("trysquare.formula.tree", "from ..oracle import truth"),
        ("trysquare.truth.oracle", "from trysquare.verdict.judge import judge"),
        ("trysquare.truth.oracle", "from trysquare.unheard_of import x"),
        ("trysquare", "from trysquare.spec import Spec"),
        ("trysquare.run", "from trysquare_backends import torch"),
        ("trysquare.__main__", "import trysquare_reports.html"),
        ("trysquare_backends.torch", "import trysquare_reports.html"),
        ("trysquare_backends.torch", "from trysquare_backends import numpy"),
        ("trysquare_backends._model", "from trysquare.backend import Target"),
        ("trysquare_reports.html", "from trysquare_backends.torch import x"),
        ("trysquare.__main__", "import trysquare_miniatures.liars"),
        ("trysquare_backends.torch", "import trysquare_miniatures.liars"),
        ("trysquare_reports.html", "import trysquare_miniatures.liars"),
        ("trysquare_miniatures.liars", "import trysquare_reports.html"),
        ("trysquare_miniatures.liars", "from trysquare_backends import torch"),
    ],
)
def test_a_wrong_arrow_is_found(module: str, source: str) -> None:
    known = {"trysquare": "", "trysquare.truth.oracle": "", "trysquare_backends.numpy": ""}
    assert len(wrong_arrows({**known, module: source})) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("trysquare.run", "from trysquare.spec import Spec"),
        ("trysquare.run", "from trysquare import spec\nimport json"),
        ("trysquare.__main__", "from trysquare import __version__"),
        ("trysquare_backends.torch", "import torch\nfrom trysquare.backend import Binding"),
        ("trysquare_backends.onnxruntime", "from trysquare_backends._one_node import run"),
        ("trysquare_reports.html", "from trysquare_reports.text import table"),
        ("trysquare_miniatures.liars", "from trysquare_backends.numpy import NumPy"),
        ("trysquare_miniatures.liars", "from trysquare.run import Session"),
    ],
)
def test_a_right_arrow_is_allowed(module: str, source: str) -> None:
    known = {"trysquare": "", "trysquare.spec": ""}
    assert wrong_arrows({**known, module: source}) == []


def test_there_are_functions_that_the_harness_could_name() -> None:
    assert FUNCTIONS


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.relative_to(HARNESS).as_posix())
def test_the_harness_names_no_function_and_no_framework(path: Path) -> None:
    assert named(FUNCTIONS | FRAMEWORKS, path.read_text(encoding="utf-8")) == []


def test_a_name_is_found_only_as_a_word() -> None:
    assert named({"elu", "torch", "gelu"}, "# An Elu, not a prelu; torch_like") == ["elu"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("-m", "trysquare", "--version"),
        ("-m", "trysquare", "--help"),
        ("-c", "import trysquare.pytest_plugin"),
        ("-c", "from trysquare import assert_conforms"),
    ],
    ids=["--version", "--help", "pytest plugin", "trysquare"],
)
def test_what_starts_light_imports_nothing_heavy(arguments: tuple[str, ...]) -> None:
    modules_loaded = loaded(*arguments)
    assert "trysquare" in modules_loaded
    assert modules_loaded & HEAVY == set()


def test_a_heavy_import_is_seen() -> None:
    assert loaded("-c", "import numpy.linalg") & HEAVY == {"numpy"}
