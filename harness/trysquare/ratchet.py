"""A baseline against the results of a run: what it covers, what no longer holds, what is better."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Self

from trysquare.baseline import Accepted, budget_of
from trysquare.ledger import SOUND
from trysquare.record import Run, Stale
from trysquare.result import Expectation, Result


class Standing(StrEnum):
    """What a run says of an entry."""

    HOLDS = "holds"
    BETTER = "holds, and the budget could be lower"
    BROKEN = "does not cover what the result does"
    CONFORMS = "no longer diverges"
    LISTED = "listed beside the backend already"
    GONE = "there is no such result"
    NOT_RUN = "not asked in this run"


STALE = frozenset({Standing.CONFORMS, Standing.LISTED, Standing.GONE})
"""What `prune` removes."""


@dataclass(frozen=True)
class Judged:
    """An entry, what became of it, in words too, and its result if it has one."""

    entry: Accepted
    standing: Standing
    why: str
    result: Result | None = None


class Ratchet:
    """The entries of a baseline, and what the results of one run said of them.

    `groups` and `targets` are the names of what is run; `complete` says that there are no other
    groups, so that an entry about another one is about nothing.
    """

    def __init__(
        self,
        entries: Sequence[Accepted],
        groups: Collection[str],
        targets: Collection[str],
        *,
        complete: bool,
        today: date | None = None,
    ) -> None:
        self._entries = {entry.id: entry for entry in entries}
        self._groups, self._targets = frozenset(groups), frozenset(targets)
        self._complete = complete
        self._today = today or datetime.now(UTC).date()
        self._seen: dict[str, Judged] = {}

    @classmethod
    def over(cls, entries: Sequence[Accepted], run: Run, today: date | None = None) -> Self:
        """Return the baseline with all results of a run, whatever baseline that was judged by."""
        asked = {"/".join(result.id.split("/")[:3]) for result in run.results}
        there = [target.target for target in run.header.targets if target.available]
        book = cls(entries, asked, there, complete=False, today=today)
        for result in run.results:
            book.judge(result)
        return book

    def judge(self, result: Result) -> Result:
        """Return a result, judged by the list of its backend, with what the baseline says of it.

        What that list knows stays as it is. Otherwise what an entry covers is expected, and what
        conforms in spite of one is stale.
        """
        entry = self._entries.get(result.id)
        bare = _bare(result)
        if entry is None:
            return bare
        judged = self._judged(entry, bare)
        self._seen[entry.id] = judged
        marked = replace(bare, baseline=str(entry.place), budget=entry.budget)
        match judged.standing:
            case Standing.LISTED:
                return bare
            case Standing.HOLDS | Standing.BETTER:
                return replace(marked, expectation=Expectation.EXPECTED, known=entry.why)
            case Standing.CONFORMS:
                return replace(marked, expectation=Expectation.STALE, known=entry.why)
        return replace(marked, known=f"{judged.why}: {entry.why}")

    def standings(self) -> tuple[Judged, ...]:
        """Return all entries in their order, and what became of each."""
        return tuple(
            self._seen.get(entry.id) or self._unseen(entry) for entry in self._entries.values()
        )

    def stale(self) -> Iterator[Stale]:
        """Yield the entries that are of no use, but for those whose result itself says so."""
        for judged in self.standings():
            if judged.standing in STALE and judged.standing is not Standing.CONFORMS:
                entry = judged.entry
                yield Stale(_backend(entry), entry.id, f"{entry.place}: {judged.why}")

    def _judged(self, entry: Accepted, result: Result) -> Judged:
        if result.known:
            return Judged(entry, Standing.LISTED, f"{Standing.LISTED}: {result.known}", result)
        if result.outcome in SOUND:
            return Judged(entry, Standing.CONFORMS, Standing.CONFORMS, result)
        if refusal := entry.refusal(result, self._today):
            return Judged(entry, Standing.BROKEN, refusal, result)
        best = budget_of(result.max_ulp)
        if entry.budget is not None and best < entry.budget:
            why = f"{best:g} ULP would do, where {entry.budget:g} are allowed"
            return Judged(entry, Standing.BETTER, why, result)
        return Judged(entry, Standing.HOLDS, Standing.HOLDS, result)

    def _unseen(self, entry: Accepted) -> Judged:
        """Return what is to be said of an entry without a result."""
        function, check, dtype, target, _ = entry.id.split("/")
        asked = f"{function}/{check}/{dtype}" in self._groups or self._complete
        standing = Standing.GONE if asked and target in self._targets else Standing.NOT_RUN
        return Judged(entry, standing, standing)


def _bare(result: Result) -> Result:
    """Return a result as it was before a baseline was laid against it."""
    if not result.baseline:
        return result
    sound = result.outcome in SOUND
    expectation = Expectation.EXPECTED if sound else Expectation.UNEXPECTED
    return replace(result, expectation=expectation, known="", baseline="", budget=None)


def _backend(entry: Accepted) -> str:
    return entry.id.split("/")[3].rsplit(":", 2)[0]
