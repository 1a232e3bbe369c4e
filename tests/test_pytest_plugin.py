"""Specs as pytest items: which there are, what they say, and what becomes of their results."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from trysquare import pytest_items
from trysquare.backend import Target
from trysquare.command.merging import merge
from trysquare.divergences import Entry
from trysquare.ledger import Ledger
from trysquare.planning.plan import Group
from trysquare.reader import specs_folder
from trysquare.record import Run
from trysquare.result import Outcome, Symptom
from trysquare.results_file import read
from trysquare.spec import Place
from trysquare.workers.protocol import Hello

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[1]
SOURCES = os.pathsep.join(
    str(ROOT / name) for name in ("harness", "backends", "reports", "miniatures", "tests")
)
INSTALLED = "trysquare" in entry_points(group="pytest11").names
PLUGIN = () if INSTALLED else ("-p", "trysquare.pytest_plugin")
NUMPY = ("--trysquare-backend", "numpy")
LIAR = ("--trysquare-backend", "trysquare_miniatures.liars:returns_float64")
HALF = """\
# the function that divides by two
trysquare: 1
function: half
summary: Half of a number.
source:
  - Euclid
inputs:
  x: float
formula: x / 2
cases:
  - {name: one, x: 1.0, expect: 0.5}
  - {name: two, x: 2.0, expect: 1.0}
  - {name: three, x: 3.0, expect: 1.5}
  - {name: four, x: 4.0, expect: 2.0}
  - {name: five, x: 5.0, expect: 2.5}
  - {name: six, x: 6.0, expect: 3.0}
  - {name: seven, x: 7.0, expect: 3.5}
"""
DTYPES = ("float64", "float32", "float16", "bfloat16")
ASKED = {
    "cases": DTYPES,
    "values": DTYPES,
    "gradients": DTYPES,
    "defaults": ("float32",),
    "invariance": ("float32", "bfloat16"),
    "edges": ("float32",),
    "limits": ("float32",),
    "second": ("float64", "float32"),
}
IN_FLOAT32 = sum("float32" in dtypes for dtypes in ASKED.values())
CASES_FLOAT32 = ("-k", "cases and float32")


@pytest.fixture
def specs(pytester: pytest.Pytester) -> pytest.Pytester:
    """A folder with one spec, in which pytest runs."""
    pytester.path.joinpath("half.yaml").write_text(HALF, encoding="utf-8")
    return pytester


def run(specs: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Run pytest in this process, without a plugin that costs more than all the rest."""
    without = ("-p", "no:hypothesispytest")
    return specs.runpytest_inprocess(*PLUGIN, *without, "--strict-markers", *arguments)


def known(symptom: Symptom, pattern: str, *, exact: bool = False) -> Entry:
    place = Place(Path("known.yaml"), 1, 1)
    return Entry((pattern,), exact, "it is made so", frozenset({symptom}), place)


def ledger_of(
    entries: Mapping[str, Sequence[Entry]],
    _: object,
    groups: Sequence[Group],
    targets: Mapping[Target, Hello],
    *,
    complete: bool,
) -> Ledger:
    """Return a ledger with these entries instead of those from files."""
    return Ledger(entries, groups, targets, complete=complete)


def collected(result: pytest.RunResult) -> list[str]:
    return [line for line in result.outlines if "::" in line]


def test_there_is_an_item_for_each_check_dtype_and_target_in_this_order(
    specs: pytest.Pytester,
) -> None:
    result = run(specs, *NUMPY, "--collect-only", "-q")
    assert collected(result) == [
        f"half.yaml::half::{check}[{dtype}-numpy-cpu-formula]"
        for check, dtypes in ASKED.items()
        for dtype in dtypes
    ]


def test_targets_of_the_same_question_follow_each_other(specs: pytest.Pytester) -> None:
    result = run(specs, *NUMPY, *LIAR, "--collect-only", "-q", *CASES_FLOAT32)
    assert collected(result) == [
        "half.yaml::half::cases[float32-numpy-cpu-formula]",
        "half.yaml::half::cases[float32-returns_float64-cpu-miniature]",
    ]


def test_a_file_whose_first_key_is_another_is_left_alone(specs: pytest.Pytester) -> None:
    specs.path.joinpath("other.yaml").write_text("name: x\ntrysquare: 1\n", encoding="utf-8")
    assert run(specs, ".", "--ignore", "half.yaml").ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_without_a_spec_no_worker_starts(
    specs: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pytest_items, "Session", None)
    specs.path.joinpath("test_x.py").write_text("def test_x(): pass", encoding="utf-8")
    run(specs, "test_x.py").assert_outcomes(passed=1)


def test_what_conforms_passes(specs: pytest.Pytester) -> None:
    run(specs, *NUMPY, "-k", "float32").assert_outcomes(passed=IN_FLOAT32)


def test_what_diverges_fails_with_our_text_and_no_traceback(specs: pytest.Pytester) -> None:
    result = run(specs, *LIAR, *CASES_FLOAT32)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["✗ half · cases: one · returns_float64:cpu:miniature · float32*"])
    result.stdout.no_fnmatch_line("*pytest_items.py*")


def test_five_failures_are_printed_in_full_and_the_others_counted(specs: pytest.Pytester) -> None:
    result = run(specs, *LIAR, *CASES_FLOAT32)
    # in CI, pytest repeats whole messages in its summary
    end = next(at for at, line in enumerate(result.outlines) if "short test summary" in line)
    heads = [line for line in result.outlines[:end] if line.startswith("✗ half")]
    assert len(heads) == pytest_items.SPELLED_OUT
    result.stdout.fnmatch_lines(["and 2 more"])


def test_a_failure_names_who_conforms(specs: pytest.Pytester) -> None:
    result = run(specs, *NUMPY, *LIAR, *CASES_FLOAT32)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*also run here and conforming: numpy:cpu:formula*"])


def test_what_is_unsupported_is_skipped_with_the_reason_at_the_spec(
    pytester: pytest.Pytester,
) -> None:
    relu = (specs_folder() / "activations" / "relu.yaml").read_text(encoding="utf-8")
    pytester.path.joinpath("relu.yaml").write_text(relu, encoding="utf-8")
    result = run(pytester, *NUMPY, "-rs", "-k", "inplace and float32")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED [[]1[]] relu.yaml:3: a formula has no storage*"])


def test_a_known_divergence_is_expected_to_fail_with_its_reason(
    specs: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = known(Symptom.DTYPE, "half/cases/*/*/*")
    ledger = partial(ledger_of, {"returns_float64": [entry]})
    monkeypatch.setattr(pytest_items, "Ledger", ledger)
    result = run(specs, *LIAR, "-rx", *CASES_FLOAT32)
    result.assert_outcomes(xfailed=1)
    result.stdout.fnmatch_lines(["XFAIL half.yaml::half::cases*it is made so"])


def test_a_known_divergence_that_no_longer_shows_fails(
    specs: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = known(Symptom.DTYPE, "half/cases/float32/numpy:cpu:formula/one", exact=True)
    monkeypatch.setattr(pytest_items, "known", lambda _: (entry,))
    result = run(specs, *NUMPY, *CASES_FLOAT32)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["★ half · cases: one*", "*known: it is made so*"])


def test_a_spec_with_mistakes_is_an_error_with_their_places(specs: pytest.Pytester) -> None:
    path = specs.path / "half.yaml"
    path.write_text(HALF.replace("x / 2", "x // 2").replace("float", "flaot"), encoding="utf-8")
    result = run(specs, *NUMPY)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["half.yaml:8:*", "half.yaml:9:*"])
    result.stdout.no_fnmatch_line("*pytest_items.py*")


def test_a_backend_that_does_not_exist_is_a_usage_error(specs: pytest.Pytester) -> None:
    result = run(specs, "--trysquare-backend", "numpi")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*did you mean 'numpy'?*"])


@pytest.mark.parametrize("expression", ["values and float32 and numpy", "trysquare and values"])
def test_items_are_selected_by_markers(specs: pytest.Pytester, expression: str) -> None:
    result = run(specs, *NUMPY, "--collect-only", "-q", "-m", expression)
    wanted = DTYPES if "trysquare" in expression else ("float32",)
    assert collected(result) == [
        f"half.yaml::half::values[{dtype}-numpy-cpu-formula]" for dtype in wanted
    ]


def test_an_item_is_at_the_line_of_its_function(specs: pytest.Pytester) -> None:
    items, _ = specs.inline_genitems(*PLUGIN, *NUMPY, "half.yaml")
    assert {item.location[:2] for item in items} == {("half.yaml", 2)}


def test_the_targets_are_told_after_collection(specs: pytest.Pytester) -> None:
    arguments = (*NUMPY, "--trysquare-backend", "not_there.module", "--collect-only")
    run(specs, *arguments).stdout.fnmatch_lines(
        ["trysquare * on numpy:cpu:formula *; without not_there.module (* is not installed)"]
    )


def test_workers_end_with_the_run(specs: pytest.Pytester) -> None:
    run(specs, *NUMPY, *CASES_FLOAT32)
    assert not [it for it in threading.enumerate() if it.name.startswith("trysquare ")]


def test_a_complete_run_writes_header_function_results_and_footer(specs: pytest.Pytester) -> None:
    result = run(specs, *NUMPY, "-k", "float32", "--trysquare-results", "r.jsonl")
    result.stdout.fnmatch_lines(["trysquare results: *r.jsonl"])
    recorded = read(specs.path / "r.jsonl")
    assert [record.function for record in recorded.functions] == ["half"]
    assert {item.check for item in recorded.results} == set(ASKED)
    assert recorded.footer is not None
    good = sum(recorded.footer.counts[one] for one in (Outcome.CONFORMS, Outcome.UNSUPPORTED))
    assert good == len(recorded.results)


def test_a_run_that_stops_early_has_no_footer(specs: pytest.Pytester) -> None:
    run(specs, *LIAR, "-x", "-k", "float32", "--trysquare-results", "r.jsonl")
    recorded = read(specs.path / "r.jsonl")
    assert len(recorded.results) == HALF.count("name:")
    assert recorded.footer is None


def test_no_results_file_is_written_where_nothing_was_measured(specs: pytest.Pytester) -> None:
    run(specs, *NUMPY, "-k", "nothing", "--trysquare-results", "r.jsonl")
    assert not (specs.path / "r.jsonl").exists()


def test_several_processes_write_one_results_file(
    specs: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", SOURCES)
    many = (*PLUGIN, *NUMPY, "-n", "2", "-k", "float32", "--trysquare-results", "many.jsonl")
    specs.runpytest_subprocess(*many).assert_outcomes(passed=IN_FLOAT32)
    run(specs, *NUMPY, "-k", "float32", "--trysquare-results", "one.jsonl")
    one, many_ = (read(specs.path / name) for name in ("one.jsonl", "many.jsonl"))
    assert {result.id for result in many_.results} == {result.id for result in one.results}
    assert len(many_.results) == len(one.results)
    assert (len(many_.functions), many_.footer is None) == (1, False)


def test_junit_xml_is_valid_and_holds_the_failure(specs: pytest.Pytester) -> None:
    run(specs, *LIAR, *CASES_FLOAT32, "--junitxml", "junit.xml")
    tree = ET.parse(specs.path / "junit.xml")  # noqa: S314 - we wrote it
    (failure,) = tree.iter("failure")
    assert "half · cases: one" in (failure.text or "")


def test_the_entry_point_imports_nothing_but_pytest() -> None:
    code = "import pytest, sys; before = set(sys.modules); import trysquare.pytest_plugin\n"
    code += "print(*sorted(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": SOURCES},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.split() == ["trysquare", "trysquare.pytest_plugin"]


def test_a_broken_backend_fails_a_run_in_which_all_items_pass(specs: pytest.Pytester) -> None:
    broken = ("--trysquare-backend", "fragile:dies_at_once")
    result = run(specs, *NUMPY, *broken, *CASES_FLOAT32)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["trysquare: broken: fragile:dies_at_once (ended with exit code 7*"]
    )
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_a_backend_that_was_named_and_is_absent_ends_with_3(specs: pytest.Pytester) -> None:
    absent = ("--trysquare-backend", "not_there.module")
    result = run(specs, *NUMPY, *absent, *CASES_FLOAT32)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["trysquare: asked for and not here: not_there.module (*"])
    assert int(result.ret) == 3


def test_other_processes_tell_of_a_broken_backend_and_of_a_shard_that_gets_nothing(
    specs: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", SOURCES)
    broken = ("--trysquare-backend", "fragile:dies_at_once")
    dealt = ("--trysquare-shard", "2/2", "--trysquare-results", "empty.jsonl")
    many = (*PLUGIN, *NUMPY, *broken, "-n", "2", *CASES_FLOAT32, *dealt)
    result = specs.runpytest_subprocess(*many)
    result.stdout.fnmatch_lines(["trysquare: broken: fragile:dies_at_once (*"])
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    empty = read(specs.path / "empty.jsonl")
    assert (empty.header.shard, empty.results, empty.footer is None) == ("2/2", (), False)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--trysquare-results", "no/such/folder/r.jsonl"),
        ("--trysquare-results", "."),
        ("--trysquare-seed", "-1"),
        ("--trysquare-backend", ","),
        ("--trysquare-shard", "3/2"),
        ("--trysquare-baseline", "no-such-file.yaml"),
    ],
    ids=" ".join,
)
def test_an_option_that_makes_no_sense_is_a_usage_error(
    specs: pytest.Pytester, arguments: tuple[str, ...]
) -> None:
    assert run(specs, *arguments).ret == pytest.ExitCode.USAGE_ERROR


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_told_and_stops_no_item(specs: pytest.Pytester) -> None:
    result = run(specs, *NUMPY, "-k", "float32", "--trysquare-results", "/dev/full")
    result.assert_outcomes(passed=IN_FLOAT32)
    result.stdout.fnmatch_lines(["trysquare: /dev/full: cannot be written: No space left*"])
    assert result.ret == pytest.ExitCode.USAGE_ERROR


def test_what_a_baseline_accepts_is_expected_to_fail_with_its_reason(
    specs: pytest.Pytester,
) -> None:
    run(specs, *LIAR, *CASES_FLOAT32, "--trysquare-results", "r.jsonl")
    bad = read(specs.path / "r.jsonl").results
    head = "baseline: 1\naccepted:\n"
    entries = (
        f"  - {{id: {one.id}, reason: It is float64 for now., symptom: {one.symptom}}}\n"
        for one in bad
    )
    (specs.path / "b.yaml").write_text(head + "".join(entries), encoding="utf-8")
    accepted = ("--trysquare-baseline", "b.yaml")
    result = run(specs, *LIAR, *CASES_FLOAT32, *accepted, "-rx")
    result.assert_outcomes(xfailed=1)
    result.stdout.fnmatch_lines(["XFAIL *It is float64 for now.*"])
    run(specs, *NUMPY, *CASES_FLOAT32, *accepted).assert_outcomes(passed=1)


def test_two_shards_ask_everything_once(specs: pytest.Pytester) -> None:
    few = (*NUMPY, "-k", "cases or edges")
    parts = [
        collected(run(specs, *few, "--co", "-q", "--trysquare-shard", f"{n}/2")) for n in (1, 2)
    ]
    whole = collected(run(specs, *few, "--co", "-q"))
    assert sorted(parts[0] + parts[1]) == sorted(whole)
    assert all(parts)


def test_shards_make_up_a_run_if_the_same_was_selected_also_where_one_gets_nothing(
    specs: pytest.Pytester,
) -> None:
    def shard(part: int, wanted: str) -> Run:
        name = f"{part}.jsonl"
        dealt = ("--trysquare-shard", f"{part}/2", "--trysquare-results", name)
        run(specs, *NUMPY, "-k", wanted, *dealt)
        return read(specs.path / name)

    whole = {"1": shard(1, "cases and float32"), "2": shard(2, "cases and float32")}
    assert (len(whole["1"].results) > 0, whole["2"].results) == (True, ())
    assert merge(whole).missing == ()
    other = {**whole, "2": shard(2, "float32 and (cases or values)")}
    lacking = [text.split(" of the run")[0] for text in merge(other).missing]
    assert lacking == ["missing: 2/2", "missing: 1/2"]


def test_a_callable_is_checked_in_one_line_of_anybodys_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import numpy as np

        def test_kernel(conforms):
            conforms(lambda x: np.where(x < 0, np.zeros_like(x), x), "relu", dtype="float16")

        def test_liar(conforms):
            conforms(lambda x: x, "relu")
        """
    )
    result = run(pytester)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*<lambda> does not conform to relu: *"])
