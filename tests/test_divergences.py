"""Known divergences: what a file may say, what it covers, and when it is stale."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from trysquare.backend import Offer, OnRequest, Target, Unavailable
from trysquare.divergences import Entry, known, matches, read
from trysquare.dtypes import FLOAT32, FLOAT64
from trysquare.errors import SpecErrors
from trysquare.ledger import Ledger
from trysquare.loading import NAMESPACE, available
from trysquare.planning.plan import Group
from trysquare.reader import read as read_spec
from trysquare.reader import specs_folder
from trysquare.result import Check, Expectation, Outcome, Result, Symptom
from trysquare.workers.protocol import Hello

CPU = Target("liar", "cpu", "eager")
GPU = Target("liar", "gpu", "eager")
SPEC = read_spec(specs_folder() / "activations" / "elu.yaml")
VALUES = Group(SPEC, Check.VALUES, FLOAT32)
GRADIENTS = Group(SPEC, Check.GRADIENTS, FLOAT32)
DOUBLE = Group(SPEC, Check.VALUES, FLOAT64)
BECAUSE = "because: It rounds too often.\n    symptom: beyond the limit"
POINTS = "elu/values/float32/liar:cpu:eager/7-points"
HEAD = "trysquare: 1\nbackend: liar\ndivergences:\n"
Write = Callable[[str], tuple[Entry, ...]]


@pytest.fixture
def entries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    monkeypatch.chdir(tmp_path)

    def write(text: str) -> tuple[Entry, ...]:
        path = tmp_path / "liar.divergences.yaml"
        path.write_text(HEAD + text, encoding="utf-8")
        return read(path, "liar")

    return write


def hello(target: Target = CPU, version: str = "2.13.0+cpu", cpu: str = "AVX2") -> Hello:
    return Hello(
        target=target,
        version=version,
        targets=(CPU, Unavailable(GPU, "no GPU is visible")),
        dtypes=("float32",),
        environment={"cpu capability": cpu},
        functions={},
        absent={},
        unfaithful={},
        flushes={},
        canary=True,
    )


def result(
    identity: str = POINTS,
    outcome: Outcome = Outcome.DIVERGES,
    symptom: Symptom | None = Symptom.INACCURATE,
) -> Result:
    function, _, dtype, target, case = identity.split("/")
    return Result(
        id=identity,
        function=function,
        check=Check.VALUES,
        case=case,
        target=target,
        dtype=dtype,
        parameters={},
        outcome=outcome,
        expectation=Expectation.UNEXPECTED,
        place="elu.yaml:1:1",
        symptom=symptom if outcome is Outcome.DIVERGES else None,
    )


CONFORMING = replace(
    result(outcome=Outcome.CONFORMS), expectation=Expectation.EXPECTED, symptom=None
)


def ledger(
    entries: Sequence[Entry],
    groups: Sequence[Group] = (VALUES,),
    hellos: Sequence[Hello] = (hello(),),
    *,
    complete: bool = True,
) -> Ledger:
    return Ledger({"liar": entries}, groups, {one.target: one for one in hellos}, complete=complete)


def complaints(errors: SpecErrors) -> list[str]:
    return [f"{one.line}: {one.message} {one.hint}".strip() for one in errors.mistakes]


# --- what an entry covers


def test_an_exact_id_is_expected_and_gives_its_reason_and_link(entries: Write) -> None:
    found = entries(f"  - id: {POINTS}\n    {BECAUSE}\n    see: https://example.org/1\n")
    judged = ledger(found).judge(result())
    assert judged.expectation is Expectation.EXPECTED
    assert judged.known == "It rounds too often. (https://example.org/1)"


def test_a_divergence_without_entry_stays_unexpected() -> None:
    assert ledger([]).judge(result()).expectation is Expectation.UNEXPECTED


def test_a_pattern_covers_each_of_its_results(entries: Write) -> None:
    found = entries(f"  - match: elu/*/float32/liar:cpu:eager/*-points\n    {BECAUSE}\n")
    assert ledger(found).judge(result()).expectation is Expectation.EXPECTED


@pytest.mark.parametrize(
    ("pattern", "identity"),
    [
        ("elu/values/float32/liar:cpu:eager/points", POINTS),
        ("lu/values/float32/liar:cpu:eager/7-points", POINTS),
        ("elu/*/7-points", POINTS),
        ("elu/*", POINTS),
        ("elu/values/float*/liar:cpu:eager/7-points", "selu/" + POINTS.partition("/")[2]),
        ("ELU/values/float32/liar:cpu:eager/7-points", POINTS),
    ],
)
def test_a_substring_does_not_match(pattern: str, identity: str) -> None:
    assert not matches(pattern, identity)


def test_another_symptom_is_not_covered(entries: Write) -> None:
    found = entries(f"  - id: {POINTS}\n    {BECAUSE}\n")
    judged = ledger(found).judge(result(symptom=Symptom.NAN))
    assert (judged.expectation, judged.known) == (Expectation.UNEXPECTED, "")


def test_any_symptom_of_a_list_is_covered(entries: Write) -> None:
    listed = "because: It rounds too often.\n    symptom: [beyond the limit, crashed]"
    book = ledger(entries(f"  - id: {POINTS}\n    {listed}\n"))
    assert book.judge(result()).expectation is Expectation.EXPECTED
    assert book.judge(result(outcome=Outcome.CRASHED)).expectation is Expectation.EXPECTED


def test_a_crash_is_not_covered_by_a_symptom(entries: Write) -> None:
    found = entries(f"  - id: {POINTS}\n    {BECAUSE}\n")
    judged = ledger(found).judge(result(outcome=Outcome.CRASHED))
    assert judged.expectation is Expectation.UNEXPECTED


def test_an_error_of_ours_cannot_be_known(entries: Write) -> None:
    found = entries(f"  - id: {POINTS}\n    {BECAUSE}\n")
    judged = ledger(found).judge(result(outcome=Outcome.ERRORED))
    assert judged.expectation is Expectation.UNEXPECTED


TWO_WAYS = replace(result(symptom=Symptom.NAN), failed=5, besides={"beyond the limit": 3})


def test_a_known_symptom_hides_no_other_one_of_the_same_result(entries: Write) -> None:
    nan = "because: It overflows on the way.\n    symptom: NaN against a number"
    for only in (nan, BECAUSE):
        book = ledger(entries(f"  - id: {POINTS}\n    {only}\n"))
        judged = book.judge(TWO_WAYS)
        assert (judged.expectation, judged.known) == (Expectation.UNEXPECTED, "")
        assert book.stale() == ()


def test_several_entries_together_cover_a_result_and_give_their_reasons(entries: Write) -> None:
    nan = "because: It overflows on the way.\n    symptom: NaN against a number"
    found = entries(f"  - id: {POINTS}\n    {BECAUSE}\n  - id: {POINTS}\n    {nan}\n")
    judged = ledger(found).judge(TWO_WAYS)
    assert judged.expectation is Expectation.EXPECTED
    assert judged.known == "It overflows on the way.; besides: It rounds too often."


def test_one_entry_that_lists_all_symptoms_covers_a_result(entries: Write) -> None:
    both = "because: It rounds too often.\n    symptom: [beyond the limit, NaN against a number]"
    judged = ledger(entries(f"  - id: {POINTS}\n    {both}\n")).judge(TWO_WAYS)
    assert judged.known == "It rounds too often."


def test_another_version_is_not_covered(entries: Write) -> None:
    found = entries(f"  - id: {POINTS}\n    {BECAUSE}\n    versions: '>=2.4, <2.13'\n")
    assert ledger(found).judge(result()).expectation is Expectation.UNEXPECTED
    older = ledger(found, hellos=[hello(version="2.12.1")])
    assert older.judge(result()).expectation is Expectation.EXPECTED


def test_a_version_that_is_none_is_not_covered(entries: Write) -> None:
    found = entries(f"  - id: {POINTS}\n    {BECAUSE}\n    versions: '>=2.4'\n")
    book = ledger(found, hellos=[hello(version="of today")])
    assert book.judge(result()).expectation is Expectation.UNEXPECTED


def test_another_environment_is_not_covered(entries: Write) -> None:
    found = entries(f"  - id: {POINTS}\n    {BECAUSE}\n    where: {{cpu capability: AVX2}}\n")
    assert ledger(found).judge(result()).expectation is Expectation.EXPECTED
    elsewhere = ledger(found, hellos=[hello(cpu="AVX512")])
    assert elsewhere.judge(result()).expectation is Expectation.UNEXPECTED


def test_a_setting_may_have_one_of_several_values(entries: Write) -> None:
    where = "where: {cpu capability: [AVX2, AVX512]}"
    found = entries(f"  - id: {POINTS}\n    {BECAUSE}\n    {where}\n")
    book = ledger(found, hellos=[hello(cpu="AVX512")])
    assert book.judge(result()).expectation is Expectation.EXPECTED


def test_a_setting_that_a_target_does_not_have_is_not_covered(entries: Write) -> None:
    found = entries(f"  - id: {POINTS}\n    {BECAUSE}\n    where: {{cuda: '12.8'}}\n")
    assert ledger(found).judge(result()).expectation is Expectation.UNEXPECTED


def test_device_and_mode_are_settings_of_the_target(entries: Write) -> None:
    text = "  - match: elu/values/float32/*/*\n    " + BECAUSE + "\n    where: {device: gpu}\n"
    book = ledger(entries(text), hellos=[hello(), hello(GPU)])
    assert book.judge(result()).expectation is Expectation.UNEXPECTED
    on_gpu = result(POINTS.replace("cpu", "gpu"))
    assert book.judge(on_gpu).expectation is Expectation.EXPECTED


def test_entries_of_another_backend_are_not_covered(entries: Write) -> None:
    found = entries(f"  - match: elu/values/float32/*/*\n    {BECAUSE}\n")
    book = Ledger({"other": found}, [VALUES], {CPU: hello()}, complete=True)
    assert book.judge(result()).expectation is Expectation.UNEXPECTED


def test_the_first_of_two_entries_gives_the_reason(entries: Write) -> None:
    second = BECAUSE.replace("rounds too often", "is altogether wrong")
    book = ledger(
        entries(f"  - id: {POINTS}\n    {BECAUSE}\n  - match: elu/*/*/*/*\n    {second}\n")
    )
    assert book.judge(result()).known == "It rounds too often."
    assert book.stale() == ()


# --- what is stale


def test_a_conforming_result_with_an_exact_id_is_stale(entries: Write) -> None:
    book = ledger(entries(f"  - id: {POINTS}\n    {BECAUSE}\n"))
    judged = book.judge(CONFORMING)
    assert judged.expectation is Expectation.STALE
    assert judged.known == "It rounds too often."
    assert book.stale() == ()


def test_a_conforming_result_in_a_pattern_is_not_stale(entries: Write) -> None:
    book = ledger(entries(f"  - match: elu/values/*/liar:cpu:eager/*\n    {BECAUSE}\n"))
    assert book.judge(CONFORMING) == CONFORMING


def test_a_pattern_of_which_nothing_diverges_is_stale(entries: Write) -> None:
    book = ledger(entries(f"  - match: elu/values/*/liar:cpu:eager/*\n    {BECAUSE}\n"))
    book.judge(CONFORMING)
    (stale,) = book.stale()
    assert (stale.backend, stale.entry) == ("liar", "elu/values/*/liar:cpu:eager/*")
    assert stale.reason == "liar.divergences.yaml:4:5: nothing that it matches diverges any more"


def test_a_pattern_of_which_one_result_diverges_is_not_stale(entries: Write) -> None:
    book = ledger(entries(f"  - match: elu/values/*/liar:cpu:eager/*\n    {BECAUSE}\n"))
    book.judge(CONFORMING)
    book.judge(result(POINTS.replace("7", "8")))
    assert book.stale() == ()


def test_a_pattern_whose_results_diverge_otherwise_is_stale_and_says_how(entries: Write) -> None:
    book = ledger(entries(f"  - match: elu/values/*/liar:cpu:eager/*\n    {BECAUSE}\n"))
    book.judge(result(symptom=Symptom.NAN))
    book.judge(CONFORMING)
    (stale,) = book.stale()
    assert stale.reason == (
        "liar.divergences.yaml:4:5: what it matches diverges otherwise: NaN against a number"
    )


@pytest.mark.parametrize("seen", [POINTS, POINTS.replace("7-points", "all")], ids=["case", "group"])
@pytest.mark.parametrize("key", ["id", "match"])
def test_a_fault_of_ours_leaves_unjudged_what_it_hides(entries: Write, seen: str, key: str) -> None:
    book = ledger(entries(f"  - {key}: {POINTS}\n    {BECAUSE}\n"))
    book.judge(result(seen, outcome=Outcome.ERRORED))
    book.judge(replace(CONFORMING, id=POINTS.replace("7", "8")))
    assert book.stale() == ()


def test_a_fault_of_ours_hides_nothing_else(entries: Write) -> None:
    idle = "elu/values/float32/liar:cpu:eager/8-*"
    book = ledger(entries(f"  - match: [{POINTS}, '{idle}']\n    {BECAUSE}\n"))
    book.judge(result(outcome=Outcome.ERRORED))
    assert [stale.entry for stale in book.stale()] == [idle]


def test_each_pattern_of_a_list_must_be_of_use(entries: Write) -> None:
    idle = "elu/values/float32/liar:cpu:eager/8-*"
    book = ledger(entries(f"  - match: [{POINTS}, '{idle}']\n    {BECAUSE}\n"))
    book.judge(result())
    assert [stale.entry for stale in book.stale()] == [idle]


@pytest.mark.parametrize("key", ["id", "match"])
def test_an_entry_that_matches_nothing_is_stale(entries: Write, key: str) -> None:
    book = ledger(entries(f"  - {key}: elu/values/float32/liar:cpu:eager/gone\n    {BECAUSE}\n"))
    book.judge(result())
    (stale,) = book.stale()
    assert stale.reason == "liar.divergences.yaml:4:5: matches nothing"


def test_an_entry_for_a_function_that_does_not_exist_is_stale(entries: Write) -> None:
    book = ledger(entries(f"  - id: ilu/values/float32/liar:cpu:eager/x\n    {BECAUSE}\n"))
    assert len(book.stale()) == 1


def test_an_entry_for_a_target_that_does_not_exist_is_stale(entries: Write) -> None:
    book = ledger(entries(f"  - id: elu/values/float32/liar:cpuu:eager/x\n    {BECAUSE}\n"))
    (stale,) = book.stale()
    assert "'liar:cpuu:eager' is no target; there are liar:cpu:eager, " in stale.reason


@pytest.mark.parametrize(
    "scope",
    ["versions: '<2'", "where: {cpu capability: AVX512}", "where: {mode: compile}"],
)
def test_an_entry_that_holds_nowhere_in_this_run_is_not_stale(entries: Write, scope: str) -> None:
    book = ledger(entries(f"  - id: {POINTS}\n    {BECAUSE}\n    {scope}\n"))
    judged = book.judge(CONFORMING)
    assert judged == CONFORMING
    assert book.stale() == ()


def test_an_entry_for_a_target_that_cannot_run_here_is_not_stale(entries: Write) -> None:
    book = ledger(entries(f"  - match: elu/*/*/liar:gpu:eager/*\n    {BECAUSE}\n"))
    assert book.stale() == ()


ENGINE = Target("liar", "cpu", "engine")


@pytest.mark.parametrize(
    ("offer", "judged"),
    [
        (Unavailable(ENGINE, "engine not installed"), False),
        (ENGINE, False),  # offered, and broken
        (OnRequest(ENGINE, "it is slow"), True),
        (Unavailable(GPU, "no GPU is visible"), True),
    ],
    ids=["not installed", "broken", "on request", "on another device"],
)
@pytest.mark.parametrize("case", ["*", "gone"])
def test_a_pattern_of_several_targets_is_judged_if_all_of_the_device_ran(
    entries: Write, offer: Offer, case: str, *, judged: bool
) -> None:
    found = entries(f"  - match: elu/values/*/liar:*:e*/{case}\n    {BECAUSE}\n")
    book = ledger(found, hellos=[replace(hello(), targets=(CPU, offer))])
    book.judge(CONFORMING)
    assert bool(book.stale()) == judged


def test_a_target_for_which_an_entry_does_not_hold_need_not_run(entries: Write) -> None:
    where = "    where: {mode: eager}\n"
    found = entries(f"  - match: elu/values/*/liar:cpu:*/*\n    {BECAUSE}\n{where}")
    siblings = (CPU, Unavailable(ENGINE, "engine not installed"))
    book = ledger(found, hellos=[replace(hello(), targets=siblings)])
    book.judge(CONFORMING)
    assert len(book.stale()) == 1


def test_once_all_targets_of_a_pattern_run_it_is_judged_again(entries: Write) -> None:
    found = entries(f"  - match: elu/values/*/liar:cpu:*/*\n    {BECAUSE}\n")
    both = [replace(hello(one), targets=(CPU, ENGINE)) for one in (CPU, ENGINE)]
    book = ledger(found, hellos=both)
    book.judge(CONFORMING)
    assert len(book.stale()) == 1


def test_an_entry_of_a_backend_that_did_not_run_is_not_stale(entries: Write) -> None:
    found = entries(f"  - id: {POINTS}\n    {BECAUSE}\n")
    assert ledger(found, hellos=[]).stale() == ()


def test_a_partial_run_judges_the_entries_of_its_groups(entries: Write) -> None:
    book = ledger(entries(f"  - id: {POINTS}\n    {BECAUSE}\n"), complete=False)
    assert [stale.entry for stale in book.stale()] == [POINTS]


@pytest.mark.parametrize(
    "pattern",
    [
        "elu/gradients/float32/liar:cpu:eager/*",
        "relu/values/float32/liar:cpu:eager/*",
        "elu/values/float64/liar:cpu:eager/*",
        "elu/values/*/liar:cpu:eager/*",
        "elu/*/float32/liar:cpu:eager/*",
        "elu/values/float32/liar:*:eager/*",
    ],
)
def test_a_partial_run_does_not_judge_what_reaches_beyond_it(entries: Write, pattern: str) -> None:
    book = ledger(entries(f"  - match: {pattern}\n    {BECAUSE}\n"), complete=False)
    book.judge(CONFORMING)
    assert book.stale() == ()


def test_a_complete_run_judges_what_reaches_over_groups(entries: Write) -> None:
    found = entries(f"  - match: elu/*/float32/liar:cpu:eager/*\n    {BECAUSE}\n")
    book = ledger(found, [VALUES, GRADIENTS, DOUBLE])
    book.judge(CONFORMING)
    assert len(book.stale()) == 1


# --- what a file may say


def test_all_mistakes_of_a_file_are_told_at_once(entries: Write) -> None:
    text = f"""\
  - id: elu/values/float32/7-points
    {BECAUSE}
  - match: {POINTS}
    becuase: It rounds too often.
    symptom: beyond the limits
  - id: {POINTS}
    because: slow
    symptom: NaN against a number
    see: http://example.org
    versions: new ones
  - because: It rounds too often.
    symptom: []
"""
    with pytest.raises(SpecErrors) as caught:
        entries(text)
    assert complaints(caught.value) == [
        "4: expected function/check/dtype/target/case",
        "8: unknown key 'becuase' did you mean 'because'?",
        "9: 'beyond the limits' is not a symptom did you mean 'beyond the limit'?",
        "11: 'slow' is not a reason of at least 15 characters",
        "13: 'http://example.org' is not an https address",
        "14: not a range of versions for example '>=2.4, <3'",
        "15: an entry has either 'id' or 'match'",
        "16: too few items: expected a symptom",
    ]


@pytest.mark.parametrize("missing", ["because", "symptom"])
def test_reason_and_symptom_are_mandatory(entries: Write, missing: str) -> None:
    kept = next(line for line in BECAUSE.split("\n    ") if not line.startswith(missing))
    with pytest.raises(SpecErrors, match=f"missing key '{missing}'"):
        entries(f"  - id: {POINTS}\n    {kept}\n")


def test_white_space_is_no_reason(entries: Write) -> None:
    with pytest.raises(SpecErrors, match="at least 15 characters"):
        entries(f"  - id: {POINTS}\n    because: '{' ' * 20}'\n    symptom: crashed\n")


def test_an_errored_result_is_no_symptom(entries: Write) -> None:
    with pytest.raises(SpecErrors, match="'errored' is not a symptom"):
        entries(f"  - id: {POINTS}\n    because: It is our own fault.\n    symptom: errored\n")


def test_an_entry_has_not_both_id_and_pattern(entries: Write) -> None:
    with pytest.raises(SpecErrors, match="either 'id' or 'match'"):
        entries(f"  - id: {POINTS}\n    match: {POINTS}\n    {BECAUSE}\n")


def test_an_id_has_no_wildcards(entries: Write) -> None:
    with pytest.raises(SpecErrors, match="an id has no wildcards"):
        entries(f"  - id: elu/values/*/liar:cpu:eager/x\n    {BECAUSE}\n")


def test_a_file_is_about_the_backend_of_its_name(tmp_path: Path) -> None:
    path = tmp_path / "other.divergences.yaml"
    path.write_text(f"{HEAD}  - id: {POINTS}\n    {BECAUSE}\n", encoding="utf-8")
    with pytest.raises(SpecErrors, match="this file is about 'other', by its name"):
        read(path, "other")


@pytest.mark.parametrize("value", ["!!python/name:os.system x", "&a x", "*a"])
def test_tags_anchors_and_aliases_are_refused(entries: Write, value: str) -> None:
    with pytest.raises(SpecErrors, match="not allowed"):
        entries(f"  - id: {POINTS}\n    {BECAUSE}\n    see: {value}\n")


def test_a_list_of_entries_may_be_empty(entries: Write) -> None:
    assert entries("  []\n") == ()


def test_the_file_lies_beside_the_module_of_the_backend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / NAMESPACE
    folder.mkdir()
    (folder / "liar.py").write_text("backend = None\n", encoding="utf-8")
    text = f"{HEAD}  - id: {POINTS}\n    {BECAUSE}\n"
    (folder / "liar.divergences.yaml").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert [entry.patterns for entry in known("liar")] == [(POINTS,)]


@pytest.mark.parametrize(
    "backend", ["trysquare_miniatures.liars", "module:attribute", "nosuch", "../torch"]
)
def test_a_backend_from_elsewhere_has_no_known_divergences(backend: str) -> None:
    assert known(backend) == ()


@pytest.mark.parametrize("backend", available())
def test_the_shipped_files_can_be_read(backend: str) -> None:
    assert all(entry.patterns for entry in known(backend))
