"""The report as JUnit XML: valid whatever the texts are, and no failure that passes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

import fake_run
from trysquare.record import Run, TargetRecord
from trysquare.result import Expectation, Outcome, Result
from trysquare_reports.junit import render

HOSTILE = (
    "]]></failure><testcase name='x'/><!-- &amp; &boom; \"'\x00\x08\x0b\x1b[31m\x7f\x85"
    "\ud800\ufffe\uffff\u202e\n\r\t::error::x" + "y" * 2000
)

# the schema of the xUnit plugin of Jenkins, by which pytest's xunit2 goes too
ATTRIBUTES = {
    "testsuites": ({"name", "tests", "failures", "errors"}, {"time"}),
    "testsuite": (
        {"name", "tests", "failures", "errors"},
        {"skipped", "time", "timestamp", "hostname", "id", "package", "group"},
    ),
    "testcase": ({"name"}, {"classname", "time", "group"}),
    "failure": (set(), {"message", "type"}),
    "error": (set(), {"message", "type"}),
    "skipped": (set(), {"message", "type"}),
}
CHILDREN = {
    "testsuites": {"testsuite"},
    "testsuite": {"testcase"},
    "testcase": {"failure", "error", "skipped"},
}


def faults(root: ET.Element) -> Iterator[str]:
    """What the schema forbids, and sums that are wrong."""
    for element in root.iter():
        required, allowed = ATTRIBUTES[element.tag]
        names = set(element.attrib)
        if not required <= names <= required | allowed:
            yield f"{element.tag} has {names}"
        for child in element:
            if child.tag not in CHILDREN.get(element.tag, set()):
                yield f"{child.tag} in {element.tag}"
    for suite in root:
        counted = Counter(child.tag for case in suite for child in case)
        said = [int(suite.get(name, "")) for name in ("tests", "failures", "errors", "skipped")]
        if said != [len(suite), counted["failure"], counted["error"], counted["skipped"]]:
            yield f"{suite.get('name')} says {said}"
    for name in ("tests", "failures", "errors"):
        if int(root.get(name, "")) != sum(int(suite.get(name, "")) for suite in root):
            yield f"the sum of {name} is wrong"


def parsed(run: Run) -> ET.Element:
    text = render(run)
    text.encode("utf-8")
    root = ET.fromstring(text)  # noqa: S314 - we wrote it
    assert [*faults(root)] == []
    return root


def only(*results: Result) -> Run:
    run = fake_run.run()
    assert run.footer is not None
    return replace(run, results=results, footer=replace(run.footer, stale=()))


def kinds(root: ET.Element) -> list[str]:
    """What became of the cases that are measured, in their order."""
    measured = [case for suite in root for case in suite if case.get("name") == "values float32"]
    return [case[0].tag if len(case) else "passed" for case in measured]


PASSING = fake_run.result()
UNSUPPORTED = replace(PASSING, outcome=Outcome.UNSUPPORTED, reason="has no argument", worst=None)
CRASHED = replace(
    PASSING, outcome=Outcome.CRASHED, expectation=Expectation.UNEXPECTED, reason="signal 11"
)
STALE = replace(PASSING, expectation=Expectation.STALE)
KNOWN = fake_run.diverging(PASSING, "why it is so")
DIVERGING = fake_run.diverging(PASSING)


@pytest.mark.parametrize(
    ("results", "kind"),
    [
        ([PASSING], "passed"),
        ([PASSING, UNSUPPORTED], "passed"),
        ([UNSUPPORTED], "skipped"),
        ([PASSING, KNOWN], "skipped"),
        ([PASSING, KNOWN, STALE], "failure"),
        ([PASSING] * 9 + [DIVERGING], "failure"),
        ([KNOWN, CRASHED], "error"),
    ],
)
def test_a_group_is_as_the_worst_of_its_results(results: list[Result], kind: str) -> None:
    assert kinds(parsed(only(*results))) == [kind]


def test_a_failure_has_the_text_of_the_product_and_a_known_one_its_reason() -> None:
    (failure,) = parsed(only(PASSING, DIVERGING)).iter("failure")
    assert failure.get("message") == (
        "1 unexpected, 1 pass: equals dialect 'tanh' on every element"
    )
    assert failure.text is not None
    assert f"id {DIVERGING.id}" in failure.text
    assert "assert got.item() != 0, got" in failure.text
    (skipped, *_) = parsed(only(KNOWN)).iter("skipped")
    assert skipped.get("message") == "1 known: why it is so"


def test_of_many_failures_the_others_are_named() -> None:
    many = [replace(DIVERGING, id=f"number-{count}") for count in range(9)]
    (failure,) = parsed(only(*many)).iter("failure")
    assert failure.text is not None
    assert all(result.id in failure.text for result in many)
    assert failure.text.count("reproduce:") == 3


def test_every_target_is_a_suite_and_one_that_is_not_here_is_no_success() -> None:
    root = parsed(fake_run.run())
    assert [suite.get("name") for suite in root] == [
        *fake_run.TARGETS,
        "torch:cuda:eager",
        "trysquare",
    ]
    (absent,) = root[3]
    assert [child.tag for child in absent] == ["skipped"]


def with_target(record: TargetRecord) -> Run:
    run = only(PASSING)
    return replace(run, header=replace(run.header, targets=(*run.header.targets, record)))


@pytest.mark.parametrize(
    "failing",
    [
        fake_run.run(),
        only(DIVERGING),
        only(CRASHED),
        only(STALE),
        only(UNSUPPORTED),
        only(),
        replace(only(PASSING), footer=None),
        replace(only(PASSING), footer=fake_run.run().footer),
        with_target(TargetRecord("x", available=False, reason="raised", broken=True)),
        with_target(TargetRecord("x", available=False, reason="absent", named=True)),
    ],
    ids=[
        *("everything", "diverges", "crashed", "stale result", "unsupported", "no results"),
        *("no end", "stale entry", "broken", "named and absent"),
    ],
)
def test_a_run_that_did_not_succeed_has_a_failure_or_an_error(failing: Run) -> None:
    root = parsed(failing)
    assert int(root.get("failures", "0")) + int(root.get("errors", "0")) > 0


def test_a_run_that_succeeded_has_neither() -> None:
    root = parsed(only(PASSING, KNOWN))
    assert (root.get("failures"), root.get("errors")) == ("0", "0")


def test_hostile_texts_add_no_element_and_leave_it_valid() -> None:
    run = fake_run.run()
    once = fake_run.hostile(run, HOSTILE)
    root = parsed(once)
    # every text is the same: all targets are one suite, all functions one class
    assert len(root) == 2
    assert all(character.isprintable() or character == "\n" for character in render(once))
    assert "timestamp" not in root[0].attrib


def test_a_fault_is_found() -> None:
    root = parsed(only(PASSING))
    ET.SubElement(root[0], "testcase", {"file": "x"})
    assert len([*faults(root)]) == 2
