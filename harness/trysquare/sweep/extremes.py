"""Of answers that arrive block by block: the largest errors, and what diverges in one piece."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from trysquare.dtypes import Array
from trysquare.sweep.segment import QUANTUM, WORST, Found, Interval


@dataclass(frozen=True)
class Answers:
    """Some answers and their truths: positions, patterns of both, the exact values in float64."""

    positions: Array
    got: Array
    rounded: Array
    value: Array

    def only(self, chosen: Array) -> Answers:
        """Return some of them."""
        return Answers(
            self.positions[chosen], self.got[chosen], self.rounded[chosen], self.value[chosen]
        )


@dataclass
class Worst:
    """The WORST largest errors so far, as arrays: rounded sizes, positions, errors, answers."""

    sizes: Array = field(default_factory=lambda: np.empty(0))
    positions: Array = field(default_factory=lambda: np.empty(0, np.int64))
    errors: Array = field(default_factory=lambda: np.empty(0))
    got: Array = field(default_factory=lambda: np.empty(0, np.int64))

    def keep(self, answers: Answers, error: Array) -> None:
        """Keep what is worse; most blocks have nothing that is."""
        sizes = np.abs(error)
        if len(self.sizes) == WORST and sizes.max() < self.sizes[-1] - QUANTUM:
            return
        sizes = np.rint(sizes / QUANTUM) * QUANTUM
        places = np.arange(len(sizes))
        if len(self.sizes) == WORST:
            places = np.flatnonzero(sizes >= self.sizes[-1])
        if len(places) > WORST:
            bar = np.partition(sizes[places], -WORST)[-WORST]
            places = places[sizes[places] >= bar]
        parts = (sizes, answers.positions, error, answers.got)
        mine = (self.sizes, self.positions, self.errors, self.got)
        all_ = [np.concatenate((a, b[places])) for a, b in zip(mine, parts, strict=True)]
        order = np.lexsort((all_[1], -all_[0]))[:WORST]
        self.sizes, self.positions, self.errors, self.got = (one[order] for one in all_)

    def found(self) -> tuple[Found, ...]:
        """Return them, the worst first."""
        rows = zip(self.positions, self.errors, self.got, strict=True)
        return tuple(Found(int(place), figure(error), int(got)) for place, error, got in rows)


@dataclass
class Intervals:
    """What is consecutive among positions that arrive in their order."""

    count: int = 0
    first: Interval | None = None
    widest: Interval | None = None
    last: Interval | None = None

    def extend(self, positions: Array) -> None:
        """Add sorted positions."""
        breaks = np.flatnonzero(np.diff(positions) > 1)
        starts = positions[np.concatenate(([0], breaks + 1))]
        stops = positions[np.concatenate((breaks, [len(positions) - 1]))] + 1
        new = len(starts)
        if self.last is not None and self.last.stop == starts[0]:
            starts[0] = self.last.start
            if self.first == self.last:
                self.first = None
            new -= 1
        self.count += new
        widths = stops - starts
        best = int(np.argmax(widths))
        candidates = [Interval(int(starts[best]), int(stops[best])), self.widest]
        self.widest = min((one for one in candidates if one), key=lambda one: one.rank)
        self.first = self.first or Interval(int(starts[0]), int(stops[0]))
        self.last = Interval(int(starts[-1]), int(stops[-1]))


def figure(error: float) -> float:
    """Return an error as it is kept: a model is not much more certain than that."""
    return float(np.rint(error / QUANTUM) * QUANTUM) if np.isfinite(error) else float("inf")
