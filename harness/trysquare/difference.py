"""Two runs compared result by result, by id: what changed, and what cannot be compared and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from trysquare.result import Expectation, Outcome, Result, Run

FARTHER = 2.0
"""How many times farther off something that diverged before must be to count as a regression."""

_FAILS = frozenset({Outcome.DIVERGES, Outcome.CRASHED, Outcome.TIMED_OUT, Outcome.ERRORED})


class Change(StrEnum):
    """What became of a result from one run to the next; a closed set, the worst first."""

    REGRESSED = "regressed"
    NEW = "new"
    STALE = "stale"
    FIXED = "fixed"
    WORSE = "worse within limit"
    BETTER = "better"
    ADDED = "added"
    REMOVED = "removed"
    INCOMPARABLE = "not comparable"
    SAME = "same"


@dataclass(frozen=True)
class Changed:
    """One id in two runs; `old` or `new` is None where that run has no such result.

    `why` says why two sides are not comparable, else nothing.
    """

    id: str
    change: Change
    old: Result | None
    new: Result | None
    why: str = ""


def compare(old: Run, new: Run) -> Iterator[Changed]:
    """Yield every id of both runs once: those of the new one in its order, then what is gone."""
    before = {result.id: result for result in old.results}
    ran_before, runs_now = _ran(old), _ran(new)
    for result in new.results:
        earlier = before.pop(result.id, None)
        if earlier is not None:
            yield _both(earlier, result)
        elif result.target in ran_before:
            change = Change.NEW if _alarms(result) else Change.ADDED
            yield Changed(result.id, change, None, result)
        else:
            why = f"{result.target} did not run before"
            yield Changed(result.id, Change.INCOMPARABLE, None, result, why)
    for earlier in before.values():
        if earlier.target in runs_now:
            yield Changed(earlier.id, Change.REMOVED, earlier, None)
        else:
            why = f"{earlier.target} does not run now"
            yield Changed(earlier.id, Change.INCOMPARABLE, earlier, None, why)


def _ran(run: Run) -> frozenset[str]:
    """Return the targets that ran."""
    return frozenset(target.target for target in run.header.targets if target.available)


def _both(old: Result, new: Result) -> Changed:
    if Outcome.UNSUPPORTED in (old.outcome, new.outcome) and old.outcome is not new.outcome:
        why = f"before: {_said(old)}; now: {_said(new)}"
        return Changed(new.id, Change.INCOMPARABLE, old, new, why)
    return Changed(new.id, _change(old, new), old, new)


def _change(old: Result, new: Result) -> Change:
    if new.expectation is Expectation.STALE and old.expectation is not Expectation.STALE:
        return Change.STALE
    if old.outcome not in _FAILS and new.outcome in _FAILS:
        return Change.REGRESSED
    if old.outcome in _FAILS and new.outcome not in _FAILS:
        return Change.FIXED
    if new.outcome in _FAILS:
        farther = new.max_ulp > FARTHER * old.max_ulp
        broke = old.outcome is Outcome.DIVERGES and new.outcome is not Outcome.DIVERGES
        return Change.REGRESSED if farther or broke or _alarms(new) > _alarms(old) else Change.SAME
    if new.max_ulp == old.max_ulp:
        return Change.SAME
    return Change.WORSE if new.max_ulp > old.max_ulp else Change.BETTER


def _alarms(result: Result) -> bool:
    return result.outcome in _FAILS and result.expectation is Expectation.UNEXPECTED


def _said(result: Result) -> str:
    reason = result.reason if result.outcome is Outcome.UNSUPPORTED else ""
    return f"{result.outcome} ({reason})" if reason else str(result.outcome)
