"""What a sweep found on a range of consecutive numbers, so that ranges join in any order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce

WORST = 100
"""Inputs that are kept: those with the largest error, and as many that diverge."""

QUANTUM = 2.0**-16
"""ULP; signed errors are added up as whole multiples of it, so that their order is no matter."""


@dataclass(frozen=True)
class Found:
    """One input: its position, the error in ULP (infinite if it is no number), and the answer."""

    position: int
    ulp: float
    got: int

    @property
    def rank(self) -> tuple[float, int]:
        """Larger errors first; of equal ones, the smaller number."""
        return -abs(self.ulp), self.position


@dataclass(frozen=True)
class Discrete:
    """An outcome that is no number: how often, and where first."""

    count: int
    first: Found

    def joined(self, other: Discrete) -> Discrete:
        """Return both together."""
        first = min(self.first, other.first, key=lambda found: found.position)
        return Discrete(self.count + other.count, first)


@dataclass(frozen=True)
class Interval:
    """Consecutive positions [start, stop)."""

    start: int
    stop: int

    @property
    def rank(self) -> tuple[int, int]:
        """Wider ones first; of equal ones, the first."""
        return self.start - self.stop, self.start


@dataclass(frozen=True)
class Silence:
    """Numbers without an answer: how many, the first, and what happened there."""

    count: int
    first: int
    outcome: str
    message: str

    def joined(self, other: Silence) -> Silence:
        """Return both together."""
        first = min(self, other, key=lambda one: one.first)
        return replace(first, count=self.count + other.count)


@dataclass(frozen=True)
class Segment:
    """The summary of the positions [start, stop).

    `inexact` numbers are not correctly rounded; `total` is the sum of their signed errors in
    QUANTA. `powers` counts them by the power of two, in ULP, at or below the error. `curve` has
    the largest error of each bin of positions that has one. Of the intervals that diverge there
    are so many, the first and the widest, and those that touch the ends of the range.
    """

    start: int
    stop: int
    inexact: int = 0
    failed: int = 0
    total: int = 0
    silence: Silence | None = None
    powers: tuple[tuple[int, int], ...] = ()
    discrete: Mapping[str, Discrete] = field(default_factory=dict)
    worst: tuple[Found, ...] = ()
    diverging: tuple[Found, ...] = ()
    curve: tuple[tuple[int, float], ...] = ()
    intervals: int = 0
    first: Interval | None = None
    widest: Interval | None = None
    head: Interval | None = None
    tail: Interval | None = None

    @property
    def count(self) -> int:
        """Numbers in the range."""
        return self.stop - self.start


def joined(segments: Iterable[Segment]) -> tuple[Segment, ...]:
    """Return segments in their order, those that meet as one; raises ValueError if two overlap."""
    done: list[Segment] = []
    for segment in sorted(segments, key=lambda one: one.start):
        if done and segment.start < done[-1].stop:
            raise ValueError(f"position {segment.start} was swept twice")
        if done and segment.start == done[-1].stop:
            done[-1] = _met(done[-1], segment)
        else:
            done.append(segment)
    return tuple(done)


def worst_of(found: Iterable[Found]) -> tuple[Found, ...]:
    """Return the worst, in the order of their rank."""
    return tuple(sorted(found, key=lambda one: one.rank)[:WORST])


def _met(left: Segment, right: Segment) -> Segment:
    """Join two segments, the second of which begins where the first ends."""
    discrete = dict(left.discrete)
    for name, one in right.discrete.items():
        discrete[name] = discrete[name].joined(one) if name in discrete else one
    silent = [one for one in (left.silence, right.silence) if one is not None]
    return replace(
        _intervals_met(left, right),
        inexact=left.inexact + right.inexact,
        failed=left.failed + right.failed,
        total=left.total + right.total,
        silence=reduce(Silence.joined, silent) if silent else None,
        powers=summed(left.powers, right.powers),
        discrete=dict(sorted(discrete.items())),
        worst=worst_of((*left.worst, *right.worst)),
        diverging=worst_of((*left.diverging, *right.diverging)),
        curve=highest(left.curve, right.curve),
    )


def summed(
    left: Iterable[tuple[int, int]], right: Iterable[tuple[int, int]]
) -> tuple[tuple[int, int], ...]:
    """Return counts by key, of both together."""
    counts = Counter(dict(left))
    counts.update(dict(right))
    return tuple(sorted(counts.items()))


def highest(
    left: Iterable[tuple[int, float]], right: Iterable[tuple[int, float]]
) -> tuple[tuple[int, float], ...]:
    """Return the largest value by key, of both together."""
    tops = dict(left)
    for place, top in right:
        tops[place] = max(top, tops.get(place, 0.0))
    return tuple(sorted(tops.items()))


def _intervals_met(left: Segment, right: Segment) -> Segment:
    """Join what diverges on both sides: an interval may go on across the border."""
    across = None
    if left.tail is not None and right.head is not None:
        across = Interval(left.tail.start, right.head.stop)
    first = across if across and left.first == left.tail else left.first or right.first
    candidates = [left.widest, right.widest, across]
    whole_left = left.head == Interval(left.start, left.stop)
    whole_right = right.tail == Interval(right.start, right.stop)
    return Segment(
        start=left.start,
        stop=right.stop,
        intervals=left.intervals + right.intervals - (across is not None),
        first=first,
        widest=min((one for one in candidates if one), key=lambda one: one.rank, default=None),
        head=across if whole_left and across else left.head,
        tail=across if whole_right and across else right.tail,
    )


def whole(segments: Iterable[Segment]) -> Segment:
    """Return one segment; raises ValueError if they do not cover a single range."""
    parts = joined(segments)
    if len(parts) != 1:
        gaps = reduce(lambda text, part: f"{text} [{part.start}, {part.stop})", parts, "")
        raise ValueError(f"these are not one range:{gaps}")
    return parts[0]


@dataclass(frozen=True)
class Part:
    """A segment in a results file: what one job of a sweep has found on one target.

    `seconds` is its share of what the job took. One that is `refused` (for which kind of reason)
    has no answers at all; its silence says why.
    """

    function: str
    dtype: str
    gradient: bool
    target: str
    segment: Segment
    seconds: float = 0.0
    refused: str = ""
