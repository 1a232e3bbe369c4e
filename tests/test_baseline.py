"""Baselines: what a file may say, what an entry covers and until when, and what is stale."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from fake_run import TARGETS, diverging, result, run
from trysquare.baseline import Accepted, budget_of, read
from trysquare.errors import SpecErrors
from trysquare.ratchet import Judged, Ratchet, Standing
from trysquare.record import Run
from trysquare.result import Expectation, Outcome, Result, Symptom

TODAY = date(2026, 11, 26)
TARGET = TARGETS[1]
GROUP = "sigmoid/values/float32"
ID = f"{GROUP}/{TARGET}/7-points"
PASSING = replace(result(), id=ID, case="7 points")
FAILING = replace(diverging(PASSING), symptom=Symptom.INACCURATE)
HEAD = "baseline: 1\naccepted:\n"
ENTRY = f"""\
  - id: {ID}
    reason: The new kernel rounds once too often.
    symptom: beyond the limit
    budget: 919
"""
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    monkeypatch.chdir(tmp_path)

    def written(text: str) -> Path:
        path = tmp_path / "baseline.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return written


@pytest.fixture
def entry(write: Write) -> Accepted:
    (found,) = read(write(HEAD + ENTRY))
    return found


def ratchet(*entries: Accepted, complete: bool = False, today: date = TODAY) -> Ratchet:
    return Ratchet(entries, [GROUP], [TARGET], complete=complete, today=today)


def only(book: Ratchet) -> Judged:
    (judged,) = book.standings()
    return judged


def complaints(errors: SpecErrors) -> list[str]:
    return [f"{one.line}: {one.message} {one.hint}".strip() for one in errors.mistakes]


# --- what an entry covers


def test_what_is_accepted_is_expected_and_says_why_and_where(entry: Accepted) -> None:
    judged = ratchet(entry).judge(FAILING)
    assert judged.expectation is Expectation.EXPECTED
    assert judged.known == "The new kernel rounds once too often."
    assert (judged.baseline, judged.budget) == ("baseline.yaml:3:5", 919)


def test_only_the_very_id_is_covered(entry: Accepted) -> None:
    other = replace(FAILING, id=f"{ID}-more")
    assert ratchet(entry).judge(other) == other


def test_worse_than_the_budget_is_unexpected_and_says_so(entry: Accepted) -> None:
    judged = ratchet(entry).judge(replace(FAILING, max_ulp=919.1))
    assert judged.expectation is Expectation.UNEXPECTED
    assert judged.known.startswith("accepted up to 919 ULP: The new kernel")


@pytest.mark.parametrize("error", [919.0, 918.99, 918.1])
def test_up_to_the_budget_is_expected(entry: Accepted, error: float) -> None:
    assert ratchet(entry).judge(replace(FAILING, max_ulp=error)).known == entry.reason


def test_better_than_the_budget_offers_to_tighten_it(entry: Accepted) -> None:
    book = ratchet(entry)
    judged = book.judge(replace(FAILING, max_ulp=500.04))
    assert judged.expectation is Expectation.EXPECTED
    assert only(book).standing is Standing.BETTER
    assert only(book).why == "500.1 ULP would do, where 919 are allowed"


@pytest.mark.parametrize(
    "changed",
    [
        replace(FAILING, symptom=Symptom.NAN),
        replace(FAILING, symptom=Symptom.NAN, failed=5, besides={"beyond the limit": 3}),
        replace(FAILING, failed=5, besides={"wrong sign of zero": 3}),
        replace(FAILING, outcome=Outcome.CRASHED, symptom=None),
        replace(FAILING, outcome=Outcome.ERRORED, symptom=None),
    ],
)
def test_another_symptom_is_news(entry: Accepted, changed: Result) -> None:
    book = ratchet(entry)
    judged = book.judge(changed)
    assert judged.expectation is Expectation.UNEXPECTED
    assert "accepted as 'beyond the limit', and nothing else" in judged.known
    assert only(book).standing is Standing.BROKEN


def test_an_entry_may_list_several_symptoms(write: Write) -> None:
    text = ENTRY.replace("beyond the limit", "[NaN against a number, beyond the limit]")
    (several,) = read(write(HEAD + text))
    both = replace(FAILING, symptom=Symptom.NAN, failed=5, besides={"beyond the limit": 3})
    assert ratchet(several).judge(both).expectation is Expectation.EXPECTED
    assert ratchet(several).judge(FAILING).expectation is Expectation.EXPECTED
    more = replace(both, besides={"beyond the limit": 3, "wrong sign of zero": 1})
    assert ratchet(several).judge(more).expectation is Expectation.UNEXPECTED


def test_an_entry_counts_on_its_last_day_and_no_longer(entry: Accepted) -> None:
    dated = replace(entry, until=TODAY)
    assert ratchet(dated).judge(FAILING).expectation is Expectation.EXPECTED
    later = ratchet(dated, today=date(2026, 11, 27))
    judged = later.judge(FAILING)
    assert judged.expectation is Expectation.UNEXPECTED
    assert judged.known.startswith("accepted until 2026-11-26, which is past: The new kernel")
    assert only(later).standing is Standing.BROKEN


def test_a_crash_can_be_accepted(write: Write) -> None:
    text = ENTRY.replace("beyond the limit", "crashed").replace("    budget: 919\n", "")
    (crash,) = read(write(HEAD + text))
    dead = replace(FAILING, outcome=Outcome.CRASHED, symptom=None)
    assert ratchet(crash).judge(dead).expectation is Expectation.EXPECTED


def test_the_issue_is_told_with_the_reason(entry: Accepted) -> None:
    linked = replace(entry, issue="https://example.org/1")
    known = ratchet(linked).judge(FAILING).known
    assert known == f"{entry.reason} (https://example.org/1)"


# --- what is stale


@pytest.mark.parametrize("outcome", [Outcome.CONFORMS, Outcome.UNSUPPORTED])
def test_what_no_longer_diverges_is_stale(entry: Accepted, outcome: Outcome) -> None:
    book = ratchet(entry)
    judged = book.judge(replace(PASSING, outcome=outcome))
    assert (judged.expectation, judged.known) == (Expectation.STALE, entry.reason)
    assert only(book).standing is Standing.CONFORMS
    assert list(book.stale()) == []  # the result itself says so


def test_what_the_backend_lists_goes_first_and_the_entry_is_stale(entry: Accepted) -> None:
    listed = replace(FAILING, expectation=Expectation.EXPECTED, known="It is made so.")
    book = ratchet(entry)
    assert book.judge(listed) == listed
    (stale,) = book.stale()
    assert (stale.backend, stale.entry) == ("torch", ID)
    assert stale.reason == "baseline.yaml:3:5: listed beside the backend already: It is made so."


def test_a_result_that_is_not_there_is_stale(entry: Accepted) -> None:
    (stale,) = ratchet(entry).stale()
    assert stale.reason == "baseline.yaml:3:5: there is no such result"


@pytest.mark.parametrize(
    ("groups", "targets", "complete", "standing"),
    [
        ([GROUP], [TARGET], False, Standing.GONE),
        ([], [TARGET], True, Standing.GONE),
        ([], [TARGET], False, Standing.NOT_RUN),
        ([GROUP], [], False, Standing.NOT_RUN),
        ([GROUP], [TARGETS[0]], True, Standing.NOT_RUN),
    ],
)
def test_only_what_was_asked_can_be_missing(
    entry: Accepted, groups: list[str], targets: list[str], *, complete: bool, standing: Standing
) -> None:
    book = Ratchet([entry], groups, targets, complete=complete, today=TODAY)
    assert only(book).standing is standing


def test_a_run_is_judged_again_by_another_baseline(entry: Accepted) -> None:
    judged = ratchet(entry).judge(FAILING)
    assert ratchet().judge(judged) == FAILING
    lower = replace(entry, budget=3.0)
    assert ratchet(lower).judge(judged).expectation is Expectation.UNEXPECTED


def test_a_whole_run_tells_what_becomes_of_every_entry(entry: Accepted) -> None:
    header = run().header
    recorded = Run(header, (), (FAILING,), None)
    gone = replace(entry, id=f"{GROUP}/{TARGET}/gone")
    other = replace(entry, id=f"tanh/values/float32/{TARGET}/gone")
    book = Ratchet.over([entry, gone, other], recorded, TODAY)
    standings = [judged.standing for judged in book.standings()]
    assert standings == [Standing.HOLDS, Standing.GONE, Standing.NOT_RUN]


# --- budgets


@pytest.mark.parametrize(
    ("error", "budget"),
    [(919.0, 919.0), (919.01, 919.1), (17331234.0, 17340000.0), (0.50001, 0.5001), (4.0, 4.0)],
)
def test_a_budget_is_the_error_with_four_digits_rounded_up(error: float, budget: float) -> None:
    assert budget_of(error) == budget
    assert float(f"{budget_of(error):g}") >= error


# --- what a file may say


def test_all_mistakes_of_a_file_are_told_at_once(write: Write) -> None:
    text = f"""\
baseline: 1
accepted:
  - id: sigmoid/values/float32/*/7-points
    reason: slow
    symptom: beyond the limits
    budget: 3
  - id: {ID}
    reasn: The new kernel rounds once too often.
    symptom: beyond the limit
    issue: http://example.org
    until: 2026-02-30
  - id: {ID}
    reason: The new kernel rounds once too often.
    symptom: NaN against a number
    budget: much
"""
    with pytest.raises(SpecErrors) as caught:
        read(write(text))
    assert complaints(caught.value) == [
        "3: a baseline has no wildcards one entry accepts one result",
        "4: 'slow' is not a reason of at least 15 characters",
        "5: 'beyond the limits' is not a symptom did you mean 'beyond the limit'?",
        "7: 'beyond the limit' needs a budget for example 'budget: 12.5'",
        "8: unknown key 'reasn' did you mean 'reason'?",
        "10: 'http://example.org' is not an https address",
        "11: there is no day 2026-02-30",
        "12: already accepted on line 7",
        "15: 'much' is not a number of ULP for example 12.5",
    ]


@pytest.mark.parametrize("key", ["id", "reason", "symptom"])
def test_id_reason_and_symptom_are_mandatory(write: Write, key: str) -> None:
    lines = ENTRY.splitlines(keepends=True)
    kept = [line for line in lines if not line.lstrip(" -").startswith(f"{key}:")]
    text = HEAD + "  - " + "".join(kept).lstrip(" -")
    with pytest.raises(SpecErrors, match=f"missing key '{key}'"):
        read(write(text))


@pytest.mark.parametrize("value", ["nan", "inf", "-1"])
def test_a_budget_is_a_finite_number(write: Write, value: str) -> None:
    with pytest.raises(SpecErrors, match="is not a number of ULP"):
        read(write(HEAD + ENTRY.replace("919", value)))


@pytest.mark.parametrize("value", ["!!python/name:os.system x", "&a x", "*a"])
def test_tags_anchors_and_aliases_are_refused(write: Write, value: str) -> None:
    with pytest.raises(SpecErrors, match="not allowed"):
        read(write(f"{HEAD}{ENTRY}    issue: {value}\n"))


def test_a_version_that_is_not_known_is_refused(write: Write) -> None:
    with pytest.raises(SpecErrors, match="version of the format"):
        read(write(HEAD.replace("1", "2") + ENTRY))
