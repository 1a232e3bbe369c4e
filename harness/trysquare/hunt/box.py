"""Boxes of whole numbers: halves, samples, and the best that was seen in each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trysquare.dtypes import Array

Generator = np.random.Generator

ABSENT = -1.0
"""The score of a point outside the domain, or without an answer."""


@dataclass(frozen=True)
class Space:
    """Ranges of whole numbers, both ends included; `shared` marks those that one batch shares."""

    low: tuple[int, ...]
    high: tuple[int, ...]
    shared: tuple[bool, ...]


@dataclass(frozen=True)
class Best:
    """The highest value of a score that was seen in a box, and where."""

    score: float = ABSENT
    at: tuple[int, ...] = ()

    def or_better(self, points: Array, scores: Array) -> Best:
        """Return this, or the best of some points if that is better."""
        if not len(scores) or scores.max() <= self.score:
            return self
        place = int(np.argmax(scores))
        return Best(float(scores[place]), tuple(points[place].tolist()))


@dataclass(frozen=True)
class Box:
    """Points between two corners, both included, and the best that were seen inside."""

    low: tuple[int, ...]
    high: tuple[int, ...]
    error: Best = Best()
    excess: Best = Best()

    @property
    def size(self) -> int:
        """How many points it holds."""
        return math.prod(top - bottom + 1 for bottom, top in zip(self.low, self.high, strict=True))

    def halves(self) -> tuple[Box, ...]:
        """Return both halves along the widest side; a single point is its own half."""
        widths = [top - bottom for bottom, top in zip(self.low, self.high, strict=True)]
        side = widths.index(max(widths))
        if not widths[side]:
            return (self,)
        middle = self.low[side] + widths[side] // 2
        below = (*self.high[:side], middle, *self.high[side + 1 :])
        above = (*self.low[:side], middle + 1, *self.low[side + 1 :])
        return self._part(self.low, below), self._part(above, self.high)

    def _part(self, low: tuple[int, ...], high: tuple[int, ...]) -> Box:
        """Return a smaller box, with the best points that are inside it."""
        bests = [
            best if best.at and _is_inside(best.at, low, high) else Best()
            for best in (self.error, self.excess)
        ]
        return Box(low, high, *bests)

    def sample(self, count: int, shared: Sequence[bool], random: Generator) -> Array:
        """Return all points if there are no more than `count`, else so many at random."""
        if self.size <= count and not any(shared):
            sides = [np.arange(a, b + 1) for a, b in zip(self.low, self.high, strict=True)]
            return np.stack(np.meshgrid(*sides, indexing="ij"), -1).reshape(-1, len(sides))
        columns = [
            random.integers(bottom, top, 1 if one else count, np.int64, endpoint=True)
            for bottom, top, one in zip(self.low, self.high, shared, strict=True)
        ]
        return np.stack(np.broadcast_arrays(*columns), -1)


def cut(space: Space, count: int) -> list[Box]:
    """Return the space cut into so many boxes, as equal as halving makes them."""
    boxes = [Box(space.low, space.high)]
    while len(boxes) < count:
        pieces = [half for box in boxes for half in box.halves()]
        if len(pieces) == len(boxes):
            break
        boxes = pieces
    return boxes


def _is_inside(point: tuple[int, ...], low: tuple[int, ...], high: tuple[int, ...]) -> bool:
    return all(a <= at <= b for a, at, b in zip(low, point, high, strict=True))
