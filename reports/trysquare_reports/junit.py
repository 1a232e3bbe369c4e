"""A run as JUnit XML, as CI servers read it: a suite for each target, a case for each group.

A group is a function, a check and a dtype. One result that nobody expected fails its group; what is
known to diverge, or is not there, skips it, since a group that passes must be one that conforms.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from xml.etree import ElementTree as ET

from trysquare.record import Run, TargetRecord
from trysquare.result import Result
from trysquare_reports.findings import cause
from trysquare_reports.text import failure, last_lines
from trysquare_reports.verdict import (
    ALARMING,
    State,
    measured,
    one_line,
    printable,
    question,
    severity,
    state,
    worst_state,
)

_SPELLED_OUT = 3
"""Results of one group whose text is given; of the others, the ids."""

_ITSELF = "trysquare"
"""The suite of what is true of the run as a whole."""

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", re.ASCII)


class _Kind(StrEnum):
    """What a case is if it does not pass; the names of elements."""

    FAILURE = "failure"
    ERROR = "error"
    SKIPPED = "skipped"


_KINDS = {
    State.UNEXPECTED: _Kind.FAILURE,
    State.STALE: _Kind.FAILURE,
    State.ERROR: _Kind.ERROR,
    State.KNOWN: _Kind.SKIPPED,
    State.UNSUPPORTED: _Kind.SKIPPED,
}


@dataclass(frozen=True)
class _Case:
    """A test case; without a kind it passes."""

    suite: str
    place: str
    name: str
    kind: _Kind | None = None
    message: str = ""
    text: str = ""
    seconds: float = 0.0


def render(run: Run) -> str:
    """Return the document, which never says of a run that failed that all of it passed."""
    root = ET.Element("testsuites")
    total: Counter[str] = Counter()
    started = run.header.started[: len("2026-11-26T01:00:00")]
    suites: defaultdict[str, list[_Case]] = defaultdict(list)
    for case in (*_measured(run), *_not_here(run.header.targets), *_itself(run)):
        suites[case.suite].append(case)
    for name, cases in suites.items():
        counts = _counts(cases)
        total.update(counts)
        attributes = {"name": one_line(name), **_figures(counts)}
        attributes["skipped"] = str(counts[_Kind.SKIPPED])
        attributes["time"] = _seconds(sum(case.seconds for case in cases))
        if _TIME.fullmatch(started):
            attributes["timestamp"] = started
        suite = ET.SubElement(root, "testsuite", attributes)
        for case in cases:
            _add(suite, case)
    root.attrib = {"name": _ITSELF, **_figures(total)}
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _counts(cases: Sequence[_Case]) -> Counter[str]:
    counts: Counter[str] = Counter(case.kind for case in cases if case.kind is not None)
    counts["tests"] = len(cases)
    return counts


def _figures(counts: Mapping[str, int]) -> dict[str, str]:
    return {
        "tests": str(counts["tests"]),
        "failures": str(counts[_Kind.FAILURE]),
        "errors": str(counts[_Kind.ERROR]),
    }


def _add(suite: ET.Element, case: _Case) -> None:
    names = {"classname": one_line(f"{case.suite}.{case.place}"), "name": one_line(case.name)}
    element = ET.SubElement(suite, "testcase", {**names, "time": _seconds(case.seconds)})
    if case.kind is None:
        return
    said = ET.SubElement(element, str(case.kind), {"message": one_line(case.message)})
    if case.text:
        # no character is left that XML does not have
        said.text = printable(case.text)


def _seconds(time: float) -> str:
    return f"{max(time, 0.0):.3f}"


def _measured(run: Run) -> Iterator[_Case]:
    """Yield a case for each group on each target."""
    asked: defaultdict[tuple[object, ...], list[Result]] = defaultdict(list)
    for result in run.results:
        if state(result) in ALARMING:
            asked[question(result)] = []
    groups: defaultdict[tuple[str, str, str, str], list[Result]] = defaultdict(list)
    for result in run.results:
        groups[result.target, result.function, str(result.check), result.dtype].append(result)
        if (key := question(result)) in asked:
            asked[key].append(result)
    for (target, function, check, dtype), members in groups.items():
        counts = Counter(map(state, members))
        alarming = sorted((one for one in members if state(one) in ALARMING), key=severity)
        yield _Case(
            target,
            function,
            f"{check} {dtype}",
            _KINDS.get(worst_state(members)),
            _message(counts, members),
            "\n\n".join(_texts(alarming, asked)),
            sum(result.seconds for result in members),
        )


def _message(counts: Counter[State], members: Iterable[Result]) -> str:
    """Return how many results are in each state, and why the worst of them are."""
    numbers = ", ".join(f"{counts[kind]} {kind}" for kind in State if counts[kind])
    worst = next(kind for kind in State if counts[kind])
    reasons = dict.fromkeys(cause(one) for one in members if state(one) is worst)
    return ": ".join(part for part in (numbers, "; ".join(filter(None, reasons))) if part)


def _texts(
    alarming: Sequence[Result], asked: Mapping[tuple[object, ...], Sequence[Result]]
) -> Iterator[str]:
    for result in alarming[:_SPELLED_OUT]:
        yield failure(result, asked[question(result)])
    if rest := alarming[_SPELLED_OUT:]:
        yield "\n".join(("as well:", *(f"  {one_line(result.id)}" for result in rest)))


def _not_here(targets: Iterable[TargetRecord]) -> Iterator[_Case]:
    """Yield a case for each target that did not run."""
    for target in targets:
        if not target.available:
            alarming = target.broken or target.named
            kind = _Kind.ERROR if alarming else _Kind.SKIPPED
            word = "broken" if target.broken else "not here"
            yield _Case(target.target, "target", "is here", kind, f"{word}: {target.reason}")


def _itself(run: Run) -> Iterator[_Case]:
    """Yield what is true of the run as a whole, and each entry that is stale."""
    ended = None if run.footer else _Kind.ERROR
    yield _Case(_ITSELF, "run", "ended", ended, "the run did not end", last_lines(run))
    nothing = None if measured(run) else _Kind.ERROR
    if nothing and run.header.shard and not run.results:
        nothing = _Kind.SKIPPED  # more parts than groups: the others tell
    yield _Case(_ITSELF, "run", "measured something", nothing, "nothing was measured")
    for entry in () if run.footer is None else run.footer.stale:
        name = f"{entry.backend}: {entry.entry}"
        yield _Case(_ITSELF, "stale", name, _Kind.FAILURE, entry.reason)
