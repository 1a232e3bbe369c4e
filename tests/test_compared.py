"""`trysquare diff`: what two results files say to a person, to a pull request, to a program."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from fake_run import LINK, diverging, result, run
from trysquare.__main__ import main
from trysquare.cli.options import Code
from trysquare.difference import Change, compare
from trysquare.record import Run
from trysquare.result import Outcome, Result
from trysquare.results_file import ResultsWriter
from trysquare_reports import compared

BASE = run()
PASSING = result()
FAILING = diverging(PASSING)
Diff = Callable[..., int]


def of(*results: Result) -> Run:
    assert BASE.footer is not None
    counts = {one.value: sum(item.outcome is one for item in results) for one in Outcome}
    return Run(BASE.header, BASE.functions, results, replace(BASE.footer, counts=counts))


@pytest.fixture
def diff(tmp_path: Path) -> Diff:
    """Write two runs, compare them, and return the exit code."""

    def compares(before: Run, after: Run, *options: str) -> int:
        paths = []
        for name, recorded in (("before", before), ("after", after)):
            paths.append(str(tmp_path / name))
            with ResultsWriter(Path(paths[-1])) as writer:
                assert recorded.footer is not None
                writer.write(recorded.header)
                for function in recorded.functions:
                    writer.write(function)
                for one in recorded.results:
                    writer.write(one)
                writer.write(recorded.footer)
        return main(["diff", *paths, *options])

    return compares


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        (of(PASSING), of(FAILING), Code.UNEXPECTED),
        (of(FAILING), of(PASSING), Code.EXPECTED),
        (of(FAILING), of(FAILING), Code.EXPECTED),
        (of(PASSING), of(diverging(PASSING, LINK)), Code.EXPECTED),
        (of(PASSING), of(), Code.NOTHING),
    ],
    ids=["regressed", "fixed", "as bad as before", "accepted", "nothing in common"],
)
def test_a_gate_lets_through_what_did_not_get_worse(
    before: Run, after: Run, code: Code, diff: Diff
) -> None:
    assert diff(before, after) == code


def test_results_of_one_cause_are_one_line_with_both_sides(
    diff: Diff, capsys: pytest.CaptureFixture[str]
) -> None:
    others = [replace(PASSING, id=f"{PASSING.id}-{n}") for n in range(5)]
    worse = [replace(diverging(one), max_ulp=919.0 + n) for n, one in enumerate(others)]
    assert diff(of(*others), of(*worse)) == Code.UNEXPECTED
    told = capsys.readouterr().out
    assert told.count("sigmoid ·") == 1
    assert "5 results   pass 1.5 ulp → unexpected 923 ulp" in told
    assert f"id {others[4].id}" in told
    assert told.splitlines()[-1].startswith("✗ 5 regressed · 0 new · 0 stale · 0 fixed")


def test_what_cannot_be_compared_says_why(diff: Diff, capsys: pytest.CaptureFixture[str]) -> None:
    absent = replace(PASSING, outcome=Outcome.UNSUPPORTED, reason="it has no such function")
    diff(of(PASSING), of(absent))
    assert "after: it has no such function" in capsys.readouterr().out


def test_a_program_gets_every_result_that_is_not_the_same(
    diff: Diff, capsys: pytest.CaptureFixture[str]
) -> None:
    other = result("tanh")
    assert diff(of(PASSING, other), of(FAILING, other), "--format", "json") == Code.UNEXPECTED
    told = json.loads(capsys.readouterr().out)
    assert (told["failed"], told["compared"]) == (True, 2)
    assert (told["counts"]["regressed"], told["counts"]["same"]) == (1, 1)
    (changed,) = told["changes"]
    assert (changed["id"], changed["change"]) == (PASSING.id, "regressed")
    assert (changed["before"]["max_ulp"], changed["after"]["max_ulp"]) == (1.5, 919.0)


def test_a_pull_request_gets_a_table_that_no_text_breaks() -> None:
    hostile = replace(FAILING, diagnosis="a | b <img src=x> `c` [d](e)\n\n# f @me")
    text = compared.markdown(compare(of(PASSING), of(hostile)))
    assert text.startswith("**✗ 1 regressed, of 1 results in both runs**")
    (row,) = (line for line in text.splitlines() if line.startswith("| sigmoid"))
    assert "<img" not in row
    assert "@" not in row
    assert row.replace("\\|", "").count("|") == 4
    assert "\\`c\\`" in row


@pytest.mark.parametrize("change", list(Change))
def test_every_change_is_counted_in_the_last_line_and_in_the_table(change: Change) -> None:
    comparison = compare(BASE, BASE)
    assert f" {change}" in compared.last_line(comparison)
    assert f"| {change} |" in compared.markdown(comparison)
