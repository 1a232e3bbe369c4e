"""Two runs by id: each change is called by its name, and nothing is compared that cannot be."""

from __future__ import annotations

from dataclasses import replace

import pytest

import fake_run
from trysquare.difference import Change, Changed, compare
from trysquare.result import Expectation, Outcome, Result, Run

CONFORMS = fake_run.result()
DIVERGES = fake_run.diverging(CONFORMS)
KNOWN = fake_run.diverging(CONFORMS, "because")
STALE = replace(CONFORMS, expectation=Expectation.STALE)
ABSENT = replace(CONFORMS, outcome=Outcome.UNSUPPORTED, reason="no such operator", worst=None)
CRASHED = replace(DIVERGES, outcome=Outcome.CRASHED)


def a_run(*results: Result, without: str = "") -> Run:
    run = fake_run.run()
    targets = tuple(replace(t, available=t.target != without) for t in run.header.targets[:3])
    return replace(run, header=replace(run.header, targets=targets), results=results)


def only(old: Run, new: Run) -> Changed:
    (changed,) = compare(old, new)
    return changed


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        (CONFORMS, CONFORMS, Change.SAME),
        (CONFORMS, DIVERGES, Change.REGRESSED),
        (CONFORMS, KNOWN, Change.REGRESSED),
        (CONFORMS, CRASHED, Change.REGRESSED),
        (KNOWN, DIVERGES, Change.REGRESSED),
        (DIVERGES, CRASHED, Change.REGRESSED),
        (KNOWN, KNOWN, Change.SAME),
        (KNOWN, replace(KNOWN, max_ulp=1_000.0), Change.SAME),
        (KNOWN, replace(KNOWN, max_ulp=10_000.0), Change.REGRESSED),
        (KNOWN, STALE, Change.STALE),
        (DIVERGES, CONFORMS, Change.FIXED),
        (CONFORMS, replace(CONFORMS, max_ulp=1.6), Change.WORSE),
        (CONFORMS, replace(CONFORMS, max_ulp=1.4), Change.BETTER),
        (CONFORMS, ABSENT, Change.INCOMPARABLE),
        (ABSENT, DIVERGES, Change.INCOMPARABLE),
        (ABSENT, ABSENT, Change.SAME),
    ],
)
def test_what_both_runs_have_is_called_by_what_became_of_it(
    old: Result, new: Result, change: Change
) -> None:
    assert only(a_run(old), a_run(new)).change is change


def test_a_new_result_is_added_and_a_new_failure_is_new() -> None:
    assert only(a_run(), a_run(CONFORMS)).change is Change.ADDED
    assert only(a_run(), a_run(KNOWN)).change is Change.ADDED
    assert only(a_run(), a_run(DIVERGES)).change is Change.NEW


def test_a_result_that_is_gone_is_removed() -> None:
    changed = only(a_run(DIVERGES), a_run())
    assert (changed.change, changed.old, changed.new) == (Change.REMOVED, DIVERGES, None)


def test_a_target_that_did_not_run_on_one_side_cannot_be_compared() -> None:
    absent = a_run(without=CONFORMS.target)
    there = only(absent, a_run(DIVERGES))
    gone = only(a_run(DIVERGES), absent)
    assert (there.change, there.why) == (
        Change.INCOMPARABLE,
        "torch:cpu:eager did not run before",
    )
    assert (gone.change, gone.why) == (Change.INCOMPARABLE, "torch:cpu:eager does not run now")


def test_what_cannot_be_compared_says_why_on_each_side() -> None:
    why = only(a_run(ABSENT), a_run(CONFORMS)).why
    assert why == "before: unsupported (no such operator); now: conforms"


def test_every_id_of_both_runs_comes_once() -> None:
    other = replace(CONFORMS, id="other")
    found = [*compare(a_run(CONFORMS, other), a_run(replace(CONFORMS, id="third"), other))]
    assert [changed.id for changed in found] == ["third", "other", CONFORMS.id]
