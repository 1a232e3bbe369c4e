"""What a run found, as a queue: the worst first, one entry for each cause on one target."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from trysquare.result import Result, Run
from trysquare_reports.verdict import ALARMING, State, severity, state

PAGES = 600
"""Results with a page of their own, the worst first; the others are lines in a list."""


@dataclass(frozen=True)
class Finding:
    """Results of one function on one target with one cause, the worst first."""

    state: State
    function: str
    target: str
    cause: str
    results: tuple[Result, ...]

    @property
    def dtypes(self) -> list[str]:
        """The dtypes that show it."""
        return list(dict.fromkeys(result.dtype for result in self.results))

    @property
    def checks(self) -> list[str]:
        """The checks that show it."""
        return list(dict.fromkeys(str(result.check) for result in self.results))


def paged(run: Run) -> list[Result]:
    """Return the results that have a page of their own, the worst first."""
    return diverging(run.results)[:PAGES]


def diverging(results: Iterable[Result]) -> list[Result]:
    """Return the results that are not simply as they should be, the worst first."""
    shown = ALARMING | {State.KNOWN}
    return sorted((result for result in results if state(result) in shown), key=severity)


def findings(run: Run) -> list[Finding]:
    """Return the queue."""
    groups: defaultdict[tuple[State, str, str, str], list[Result]] = defaultdict(list)
    for result in diverging(run.results):
        groups[state(result), result.function, result.target, _cause(result)].append(result)
    return [Finding(*key, tuple(members)) for key, members in groups.items()]


def _cause(result: Result) -> str:
    return result.known or result.diagnosis or result.reason or result.symptom or ""
