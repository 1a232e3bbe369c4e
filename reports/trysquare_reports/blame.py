"""Targets read side by side: who is wrong where, one, some or all of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from trysquare.result import REFERENCE, Outcome, Result
from trysquare_reports.verdict import question

FAULTS = frozenset({Outcome.DIVERGES, Outcome.CRASHED, Outcome.TIMED_OUT})
ANSWERED = FAULTS | {Outcome.CONFORMS}


class Blame(StrEnum):
    """Who is wrong about a question that at least two targets answer; a closed set."""

    ONE = "one target is wrong, all others are right"
    SOME = "some targets are wrong, others are right"
    ALL = "all targets are wrong: look at the specification, or at what they have in common"
    DIFFERENT = "all targets are within their limits, and different"
    ALIKE = "all targets give the same bits"


@dataclass(frozen=True)
class Side:
    """One question, the results of the targets that answered it, and who is to blame.

    `apart` is how many representable numbers apart those that conform are, at most.
    """

    results: tuple[Result, ...]
    blame: Blame

    @property
    def wrong(self) -> list[Result]:
        """The results that diverge, crashed or hung."""
        return [result for result in self.results if result.outcome in FAULTS]

    @property
    def apart(self) -> int:
        """How many representable numbers the answers that conform are apart, at most."""
        return max((result.apart or 0 for result in self.results), default=0)


def sides(results: Iterable[Result]) -> Iterator[Side]:
    """Yield every question that two or more targets answered; the reference is not one of them."""
    asked: defaultdict[tuple[object, ...], list[Result]] = defaultdict(list)
    for result in results:
        if result.outcome in ANSWERED and not result.target.endswith(f":{REFERENCE}"):
            asked[question(result)].append(result)
    for members in asked.values():
        if len(members) > 1:
            yield Side(tuple(members), _blame(members))


def _blame(members: Sequence[Result]) -> Blame:
    wrong = sum(result.outcome in FAULTS for result in members)
    if wrong == len(members):
        return Blame.ALL
    if wrong:
        return Blame.ONE if wrong == 1 else Blame.SOME
    apart = max(result.apart or 0 for result in members)
    return Blame.DIFFERENT if apart else Blame.ALIKE


def counts(found: Iterable[Side]) -> Counter[Blame]:
    """Return how often each is to blame."""
    return Counter(side.blame for side in found)


def told(side: Side) -> str:
    """Return in one sentence who is wrong about a question."""
    wrong, count = len(side.wrong), len(side.results)
    if side.blame in (Blame.ONE, Blame.SOME):
        names = ", ".join(one.target for one in side.wrong)
        return f"{side.blame} ({wrong} of {count}: {names})"
    return f"{side.blame} ({count})"


def sentence(result: Result, others: Iterable[Result]) -> str:
    """Return who else is wrong about the question of a result; nothing if nobody else was asked."""
    found = [side for side in sides([result, *others]) if result in side.results]
    return told(found[0]) if found else ""
