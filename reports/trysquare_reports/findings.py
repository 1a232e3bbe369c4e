"""What a run found, as a queue: first what nobody expected, the worst first, then what is known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from trysquare.result import Result
from trysquare_reports.verdict import ALARMING, State, severity, state

QUEUED = 100
"""Causes of what nobody expected that are entries of the queue; the others are counted."""

SAMPLES = 8
"""Results with one cause that are lines below it; the others are a click away."""


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
        groups[state(result), backend, result.function, cause(result)].append(result)
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


def cause(result: Result) -> str:
    """Return the reason that is known, or else the best that is found."""
    return result.known or result.diagnosis or result.reason or result.symptom or ""
