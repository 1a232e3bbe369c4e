"""What a run found, as a queue: first what nobody expected, the worst first, then what is known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from trysquare.result import Result
from trysquare_reports.verdict import ALARMING, State, severity, state

PAGES = 600
"""The most results that have a page of their own."""

SAMPLES = 8
"""Known results with one cause, of one function, that have a page of their own: the worst."""

LISTED = 50
"""Results with one cause, of one function, that are lines in a list; the others are counted."""


@dataclass(frozen=True)
class Finding:
    """Results of one function on one backend with one cause, the worst first."""

    state: State
    backend: str
    function: str
    cause: str
    results: tuple[Result, ...]

    @property
    def targets(self) -> list[str]:
        """The targets that show it."""
        return list(dict.fromkeys(result.target for result in self.results))

    @property
    def dtypes(self) -> list[str]:
        """The dtypes that show it."""
        return list(dict.fromkeys(result.dtype for result in self.results))

    @property
    def checks(self) -> list[str]:
        """The checks that show it."""
        return list(dict.fromkeys(str(result.check) for result in self.results))

    @property
    def listed(self) -> tuple[Result, ...]:
        """The results that are lines in a list."""
        return self.results[:LISTED]

    @property
    def unlisted(self) -> int:
        """How many results are in the results file only."""
        return len(self.results) - len(self.listed)


@dataclass(frozen=True)
class Known:
    """Everything known of one backend: its functions in alphabetical order, each with causes."""

    backend: str
    functions: tuple[tuple[str, tuple[Finding, ...]], ...]

    @property
    def causes(self) -> int:
        """How many there are; what several functions share counts once."""
        return len({found.cause for _, causes in self.functions for found in causes})

    @property
    def results(self) -> int:
        """How many there are."""
        return sum(len(found.results) for _, causes in self.functions for found in causes)


def findings(results: Iterable[Result]) -> list[Finding]:
    """Return the queue; what is known is sorted by backend, function and cause."""
    shown = ALARMING | {State.KNOWN}
    diverging = sorted((result for result in results if state(result) in shown), key=severity)
    groups: defaultdict[tuple[State, str, str, str], list[Result]] = defaultdict(list)
    for result in diverging:
        backend = result.target.partition(":")[0]
        groups[state(result), backend, result.function, _cause(result)].append(result)
    found = [Finding(*key, tuple(members)) for key, members in groups.items()]
    known = [item for item in found if item.state is State.KNOWN]
    known.sort(key=lambda item: (item.backend, item.function, item.cause))
    return [item for item in found if item.state in ALARMING] + known


def known(queue: Iterable[Finding]) -> list[Known]:
    """Return what is known, by backend."""
    items = [item for item in queue if item.state is State.KNOWN]
    return [
        Known(
            backend,
            tuple((name, tuple(them)) for name, them in groupby(group, lambda one: one.function)),
        )
        for backend, group in groupby(items, lambda one: one.backend)
    ]


def paged(queue: Sequence[Finding]) -> list[Result]:
    """Return the results that have a page of their own, in the order of the queue."""
    return [
        result
        for item in queue
        for result in (item.results[:SAMPLES] if item.state is State.KNOWN else item.results)
    ][:PAGES]


def _cause(result: Result) -> str:
    return result.known or result.diagnosis or result.reason or result.symptom or ""
