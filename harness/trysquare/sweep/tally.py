"""Answers of one target against the truth, block by block -> a segment.

Equality comes first; only what differs is measured. What the limits of a block do not decide is
put aside, and judged together at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum

import numpy as np

from trysquare.dtypes import Array, Format
from trysquare.sweep.extremes import Answers, Intervals, Worst, figure
from trysquare.sweep.segment import (
    QUANTUM,
    Discrete,
    Found,
    Segment,
    Silence,
    highest,
    summed,
    worst_of,
)

BINS = 10
"""A curve has 2^BINS points at most."""

LARGEST = 2.0**30
"""ULP; larger errors count as this in the sum of signed errors."""


class Kind(StrEnum):
    """Outcomes that are no number, or that hide one."""

    NAN = "NaN against a number"
    INFINITY = "infinity against a finite number"
    LOST = "zero where the truth is not zero"
    FLUSHED = "subnormal flushed to zero"
    SIGN = "other sign of zero"


Judge = Callable[[Array, Array], Array]
"""Positions and patterns of answers -> which of them diverge, each by its own limit."""


@dataclass
class Tally:
    """Counts the answers on [start, stop), in the order of the blocks."""

    format: Format
    start: int
    stop: int
    flushes: bool
    _silence: Silence | None = None
    _inexact: int = 0
    _failed: int = 0
    _total: int = 0
    _powers: dict[int, int] = field(default_factory=dict)
    _discrete: dict[Kind, Discrete] = field(default_factory=dict)
    _worst: Worst = field(default_factory=Worst)
    _diverging: Worst = field(default_factory=Worst)
    _curve: dict[int, float] = field(default_factory=dict)
    _suspects: list[tuple[Answers, Array]] = field(default_factory=list)
    _bad: list[Array] = field(default_factory=list)
    _intervals: Intervals = field(default_factory=Intervals)

    def add(self, answers: Answers, limits: Array) -> None:
        """Count answers of one block whose bits are not those of the rounded truth.

        `limits` are two errors in ULP: up to the first an answer conforms, beyond the second it
        diverges.
        """
        if not len(answers.got):
            return
        got, want = self._numbers(answers.got), self._numbers(answers.rounded)
        if np.isfinite(got).all() and np.isfinite(want).all() and got.all():
            self._count(answers, got, limits)
            return
        nans = np.isnan(got) & np.isnan(want)
        zeros = (got == 0) & (want == 0)
        self._note(Kind.SIGN, answers, zeros, np.zeros(len(got)))
        rest = ~(nans | zeros)
        if rest.any():
            self._odd(answers.only(rest), got[rest], want[rest], limits)

    def _odd(self, answers: Answers, got: Array, want: Array, limits: Array) -> None:
        """Count answers some of which are no number, or zero."""
        nan = np.isnan(got) != np.isnan(want)
        infinite = ~nan & ((np.isinf(got) | np.isinf(want)) & (got != want))
        lost = (got == 0) & (want != 0)
        flushed = lost & (np.abs(want) < self.format.smallest_normal) & self.flushes
        no_number = nan | infinite
        error = np.where(no_number, np.inf, distance(got, answers.value, self.format))
        self._note(Kind.NAN, answers, nan, error)
        self._note(Kind.INFINITY, answers, infinite, error)
        self._note(Kind.FLUSHED, answers, flushed, error)
        self._note(Kind.LOST, answers, lost & ~flushed, error)
        # what a target flushes by its own account is no error of the function
        numeric = ~(no_number | flushed)
        self._inexact += int(len(got) - numeric.sum())
        self._count(answers.only(numeric), got[numeric], limits)
        self._sort(answers.only(~numeric), error[~numeric], limits)

    def _count(self, answers: Answers, got: Array, limits: Array) -> None:
        if not len(got):
            return
        error = distance(got, answers.value, self.format)
        # what is not the nearest number is at least half an ULP away; a model may say a bit less
        size = np.maximum(np.abs(error), 0.5)
        error, top = np.copysign(size, error), float(size.max())
        self._inexact += len(error)
        clipped = error if top <= LARGEST else np.clip(error, -LARGEST, LARGEST)
        self._total += int(np.rint(clipped / QUANTUM).sum())
        for power, count in _powers(size):
            self._powers[power] = self._powers.get(power, 0) + count
        self._worst.keep(answers, error)
        for place, highest_ in self._tops(answers.positions, size, top):
            self._curve[place] = max(highest_, self._curve.get(place, 0.0))
        self._sort(answers, error, limits)

    def _tops(self, positions: Array, size: Array, top: float) -> Iterator[tuple[int, float]]:
        """Yield the largest size for each point of the curve; mostly all are at one point."""
        shift = self.format.width - BINS
        first, last = int(positions[0]) >> shift, int(positions[-1]) >> shift
        if first == last:
            yield first, top
            return
        places = positions >> shift
        for place in np.unique(places):
            yield int(place), float(size[places == place].max())

    def _sort(self, answers: Answers, error: Array, limits: Array) -> None:
        """Tell apart what conforms, what diverges, and what has to be judged one by one."""
        sure, beyond = limits
        size = np.abs(error)
        if not size.max(initial=0.0) > sure:
            return
        bad = size > beyond
        self._fail(answers.only(bad), error[bad])
        suspect = ~bad & (size > sure)
        if suspect.any():
            self._suspects.append((answers.only(suspect), error[suspect]))

    def _fail(self, answers: Answers, error: Array) -> None:
        if len(error):
            self._failed += len(error)
            self._bad.append(answers.positions)
            self._diverging.keep(answers, error)

    def _note(self, kind: Kind, answers: Answers, where: Array, error: Array) -> None:
        places = np.flatnonzero(where)
        if len(places):
            first = places[np.argmin(answers.positions[places])]
            new = Discrete(len(places), _found(answers, error, first))
            known = self._discrete.get(kind)
            self._discrete[kind] = new if known is None else known.joined(new)

    def _numbers(self, patterns: Array) -> Array:
        return self.format.widen(self.format.from_bits(patterns))

    def miss(self, first: int, count: int, outcome: str, message: str) -> None:
        """Note numbers that have no answer."""
        new = Silence(count, first, outcome, message)
        self._silence = new if self._silence is None else self._silence.joined(new)

    def settle(self, judge: Judge) -> None:
        """Judge what was put aside; later blocks come after all that were added."""
        if self._suspects:
            suspects = Answers(*(
                np.concatenate([getattr(one, item.name) for one, _ in self._suspects])
                for item in fields(Answers)
            ))  # fmt: skip
            bad = judge(suspects.positions, suspects.got)
            self._fail(suspects.only(bad), np.concatenate([e for _, e in self._suspects])[bad])
            self._suspects.clear()
        if self._bad:
            # two sorted runs, of which the sort that is stable takes advantage
            self._intervals.extend(np.sort(np.concatenate(self._bad), kind="stable"))
            self._bad.clear()

    def finished(self) -> Segment:
        """Return the segment of what has been added and settled."""
        found = self._intervals
        return Segment(
            start=self.start,
            stop=self.stop,
            inexact=self._inexact,
            failed=self._failed,
            total=self._total,
            silence=self._silence,
            powers=tuple(sorted(self._powers.items())),
            discrete={str(kind): self._discrete[kind] for kind in sorted(self._discrete)},
            worst=self._worst.found(),
            diverging=self._diverging.found(),
            curve=tuple(sorted(self._curve.items())),
            intervals=found.count,
            first=found.first,
            widest=found.widest,
            head=found.first if found.first and found.first.start == self.start else None,
            tail=found.last if found.last and found.last.stop == self.stop else None,
        )


def amended(segment: Segment, answers: Answers, format: Format) -> Segment:
    """Return a segment with those answers that turned out not to be correctly rounded.

    They are next to the truth, half an ULP and a little away from it, and conform.
    """
    for place in np.flatnonzero(answers.got != answers.rounded):
        one = answers.only(np.array([place]))
        tally = Tally(format, segment.start, segment.stop, flushes=False)
        tally.add(one, np.array([np.inf, np.inf]))
        more = tally.finished()
        segment = replace(
            segment,
            inexact=segment.inexact + more.inexact,
            total=segment.total + more.total,
            powers=summed(segment.powers, more.powers),
            worst=worst_of((*segment.worst, *more.worst)),
            curve=highest(segment.curve, more.curve),
        )
    return segment


def distance(got: Array, value: Array, format: Format) -> Array:
    """Return (got - exact) / ulp(exact), for finite answers; by exponent bits, and so fast."""
    exponents = value.view(np.int64) & np.int64(0x7FF0_0000_0000_0000)
    low, high = (np.int64(1023 + e) << np.int64(52) for e in (format.emin, format.emax))
    binade = np.clip(exponents, low, high).view(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        return np.asarray((got - value) / binade * 2.0 ** (format.precision - 1))


def _powers(size: Array) -> Iterator[tuple[int, int]]:
    """Yield floor(log2(error)) with the number of errors, none of which is zero."""
    exponents = (size.view(np.int64) >> np.int64(52)) - 1023
    least = int(exponents.min())
    counts = np.bincount(exponents - least)
    yield from ((least + int(i), int(counts[i])) for i in np.flatnonzero(counts))


def _found(answers: Answers, error: Array, place: int) -> Found:
    return Found(int(answers.positions[place]), figure(error[place]), int(answers.got[place]))
