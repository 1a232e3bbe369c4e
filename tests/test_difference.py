"""Two runs compared by the ids of their results: every bucket, and what keeps two answers apart."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fake_run import LINK, TARGETS, diverging, result, run
from trysquare.difference import Change, Comparison, Delta, compare
from trysquare.record import Run, TargetRecord
from trysquare.result import Check, Expectation, Outcome, Result, Symptom

BASE = run()
PASSING = result()
FAILING = diverging(PASSING)
KNOWN = diverging(PASSING, LINK)
STALE = replace(PASSING, expectation=Expectation.STALE, known=LINK)
ABSENT = replace(PASSING, outcome=Outcome.UNSUPPORTED, reason="it has no such function")


def of(*results: Result) -> Run:
    """Return a complete run with these results only."""
    return replace(BASE, results=results)


def between(before: Run, after: Run) -> Delta:
    """Return what became of the only result."""
    (delta,) = compare(before, after).deltas
    return delta


def change(before: Result, after: Result) -> Change:
    return between(of(before), of(after)).change


def version(run: Run, text: str) -> Run:
    targets = tuple(replace(target, version=text) for target in run.header.targets)
    return replace(run, header=replace(run.header, targets=targets))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (PASSING, FAILING, Change.REGRESSED),
        (KNOWN, FAILING, Change.REGRESSED),
        (STALE, FAILING, Change.REGRESSED),
        (FAILING, replace(FAILING, max_ulp=920.0), Change.REGRESSED),
        (FAILING, replace(FAILING, symptom=Symptom.NAN), Change.REGRESSED),
        (FAILING, replace(FAILING, outcome=Outcome.CRASHED, symptom=None), Change.REGRESSED),
        (FAILING, replace(FAILING, failed=FAILING.failed + 1), Change.REGRESSED),
        (
            PASSING,
            replace(PASSING, outcome=Outcome.ERRORED, expectation=Expectation.UNEXPECTED),
            Change.REGRESSED,
        ),
        (FAILING, PASSING, Change.FIXED),
        (KNOWN, PASSING, Change.FIXED),
        (KNOWN, STALE, Change.STALE),
        (PASSING, STALE, Change.STALE),
        (PASSING, KNOWN, Change.ACCEPTED),
        (KNOWN, replace(KNOWN, max_ulp=1000.0), Change.ACCEPTED),
        (PASSING, replace(PASSING, max_ulp=1.6), Change.WORSE),
        (PASSING, replace(PASSING, max_ulp=1.4), Change.BETTER),
        (FAILING, replace(FAILING, max_ulp=918.0), Change.BETTER),
        (FAILING, KNOWN, Change.SAME),
        (FAILING, FAILING, Change.SAME),
        (PASSING, PASSING, Change.SAME),
        (ABSENT, ABSENT, Change.SAME),
        (ABSENT, PASSING, Change.INCOMPARABLE),
        (PASSING, ABSENT, Change.INCOMPARABLE),
    ],
)
def test_a_result_in_both_runs_is_in_one_bucket(
    before: Result, after: Result, expected: Change
) -> None:
    assert change(before, after) is expected


@pytest.mark.parametrize(
    ("before", "after", "failed"),
    [
        (of(PASSING), of(FAILING), True),
        (of(PASSING), of(PASSING, diverging(result(case="more inputs"))), True),
        (of(FAILING), of(FAILING), False),
        (of(PASSING), of(KNOWN), False),
        (of(KNOWN), of(STALE), False),
        (of(FAILING), of(), False),
    ],
)
def test_only_what_is_worse_and_unexpected_stops_a_gate(
    before: Run, after: Run, *, failed: bool
) -> None:
    assert compare(before, after).failed is failed


def test_equal_totals_hide_no_regression() -> None:
    other = result("tanh")
    found = compare(of(PASSING, diverging(other)), of(FAILING, other))
    assert found.counts == {Change.REGRESSED: 1, Change.FIXED: 1}


def test_what_only_one_run_asked_is_added_removed_or_new() -> None:
    other = result("sigmoid", case="more inputs")
    assert between(of(), of(PASSING)).why == "before: float32 was not asked"
    wider = compare(of(other), of(other, result(check=Check.CASES), result(dtype="float64")))
    assert [delta.why for delta in wider.deltas] == [
        "",
        "before: cases was not asked",
        "before: float64 was not asked",
    ]
    both = compare(of(PASSING), of(PASSING, other))
    assert both.counts == {Change.SAME: 1, Change.ADDED: 1}
    both = compare(of(PASSING, other), of(PASSING))
    assert both.counts == {Change.SAME: 1, Change.REMOVED: 1}
    both = compare(of(PASSING), of(PASSING, diverging(other)))
    assert both.counts == {Change.SAME: 1, Change.NEW: 1}
    assert both.compared == 1


def test_a_target_that_did_not_run_is_not_comparable_and_says_why() -> None:
    missing = TargetRecord(TARGETS[1], available=False, reason="it is not installed")
    header = replace(BASE.header, targets=(BASE.header.targets[0], missing))
    delta = between(Run(header, BASE.functions, (), BASE.footer), of(FAILING))
    assert delta.change is Change.INCOMPARABLE
    assert delta.why == f"before: {TARGETS[1]} did not run: it is not installed"
    delta = between(of(FAILING), Run(header, BASE.functions, (), BASE.footer))
    assert delta.why == f"after: {TARGETS[1]} did not run: it is not installed"


def test_a_group_that_one_run_could_not_ask_gives_its_reason() -> None:
    refused = replace(
        ABSENT,
        id=f"{PASSING.function}/{PASSING.check}/{PASSING.dtype}/{PASSING.target}/all",
        case="all",
        reason="it has no such dtype",
    )
    found = {delta.id: delta for delta in compare(of(PASSING), of(refused)).deltas}
    assert found[PASSING.id].change is Change.INCOMPARABLE
    assert found[PASSING.id].why == "after: it has no such dtype"


def test_each_side_of_two_results_gives_its_reason() -> None:
    assert between(of(ABSENT), of(PASSING)).why == "before: it has no such function"
    assert between(of(PASSING), of(ABSENT)).why == "after: it has no such function"


def test_a_run_that_did_not_end_removes_nothing() -> None:
    other = result("sigmoid", case="more inputs")
    cut = replace(of(PASSING), footer=None)
    delta = compare(of(PASSING, other), cut).deltas[1]
    assert (delta.change, delta.why) == (Change.INCOMPARABLE, "after: the run did not end")


def test_a_function_whose_spec_changed_is_not_comparable() -> None:
    def revised(revision: str, item: Result) -> Run:
        functions = tuple(
            replace(record, revision=revision if record.function == "sigmoid" else "same")
            for record in BASE.functions
        )
        return replace(of(item, result("tanh")), functions=functions)

    found = compare(revised("aaa", PASSING), revised("bbb", FAILING))
    assert found.counts == {Change.INCOMPARABLE: 1, Change.SAME: 1}
    assert found.deltas[0].why == "its spec changed: sha256 aaa before, bbb after"


def test_another_seed_leaves_only_named_cases_comparable() -> None:
    named = result("sigmoid", check=Check.CASES, case="minus infinity")
    seeded = replace(of(FAILING, diverging(named)), header=replace(BASE.header, seed=1))
    found = compare(of(PASSING, named), seeded)
    assert [delta.change for delta in found.deltas] == [Change.INCOMPARABLE, Change.REGRESSED]
    assert "other random inputs: seed 0 before, 1 after" in found.remarks


def test_what_differs_between_the_runs_as_a_whole_is_remarked() -> None:
    header = replace(BASE.header, specs="others", trysquare="0.2.0")
    later = version(replace(BASE, header=header), "2.14.0")
    assert compare(BASE, BASE).remarks == ()
    remarks = compare(BASE, later).remarks
    assert "other specs: specs before, others after" in remarks
    assert "trysquare 0.1.0 before, 0.2.0 after" in remarks
    assert f"{TARGETS[1]}: version 2.13.0 before, 2.14.0 after" in remarks


def test_what_is_only_a_part_of_a_run_is_remarked() -> None:
    cut = replace(BASE, footer=None)
    part = replace(BASE, header=replace(BASE.header, shard="1/4"))
    assert compare(cut, part).remarks == (
        "only a part of a run before: the run did not end",
        "only a part of a run after: this is shard 1/4 of it",
    )


def test_every_id_is_in_exactly_one_bucket_in_the_order_of_the_newer_run() -> None:
    older = replace(BASE, results=BASE.results[10:])
    found: Comparison = compare(older, BASE)
    assert [delta.id for delta in found.deltas] == [item.id for item in BASE.results]
    assert found.counts.total() == len(BASE.results)


@pytest.mark.parametrize("change", list(Change))
def test_every_bucket_says_what_it_means(change: Change) -> None:
    assert change.meaning
