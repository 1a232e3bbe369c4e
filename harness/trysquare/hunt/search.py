"""A beam search over boxes of ordered floats: halve, sample, keep the best halves, go on.

The scheme is Zimmermann's (Gladman, Innocente, Mather, Zimmermann, Accuracy of Mathematical
Functions, https://inria.hal.science/hal-03141101), for any number of coordinates. Knows numbers
and scores, and nothing of what they mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from trysquare.dtypes import Array

Generator = np.random.Generator

WIDTH = 7
"""With n evaluations for a level, sqrt(n) / 7 boxes are kept by each of the two scores."""

FEWEST = 8
"""Boxes that are kept at least, by each of the two scores."""

LONGEST = 80
"""Levels at most: farther down every half of a box in many dimensions is like the other."""

START = 4
"""Boxes that a search begins with, for each that it keeps."""

REACHES = (8, 24, 40)
"""Boxes around an input that is known to be bad reach 2^8, 2^24 ... ordinals to either side."""

TROPHIES = 512
"""Points that are remembered, by each of the two scores."""

ABSENT = -1.0
"""The score of a point outside the domain, or without an answer."""


@dataclass(frozen=True)
class Space:
    """Ranges of whole numbers, both ends included; `shared` marks those that one batch shares."""

    low: tuple[int, ...]
    high: tuple[int, ...]
    shared: tuple[bool, ...]


@dataclass(frozen=True)
class Scores:
    """Two scores of every point of a batch, not negative, or ABSENT."""

    error: Array
    excess: Array


Evaluate = Callable[[Sequence[Array]], Sequence[Scores]]
"""Batches of points, shaped (points, coordinates), to their scores."""


@dataclass(frozen=True)
class Trophies:
    """The best points that were seen, in the order of their scores, without repetitions."""

    points: Array
    error: Array
    excess: Array

    @classmethod
    def none(cls, coordinates: int) -> Trophies:
        """Return no points."""
        return cls(np.empty((0, coordinates), np.int64), np.empty(0), np.empty(0))

    def joined(self, other: Trophies, most: int = TROPHIES) -> Trophies:
        """Return the best of both, by either score."""
        points = np.concatenate([self.points, other.points])
        _, first = np.unique(points, axis=0, return_index=True)
        points = points[first]
        error = np.concatenate([self.error, other.error])[first]
        excess = np.concatenate([self.excess, other.excess])[first]
        best = np.union1d(_best(error, most), _best(excess, most))
        best = best[error[best] >= 0]
        best = best[np.lexsort((*points[best].T, -error[best]))]
        return Trophies(points[best], error[best], excess[best])


@dataclass(frozen=True)
class Box:
    """Points between two corners, both included, and the best scores that were seen inside."""

    low: tuple[int, ...]
    high: tuple[int, ...]
    error: float = ABSENT
    excess: float = ABSENT

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
        return Box(self.low, below), Box(above, self.high)

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


@dataclass(frozen=True)
class Plan:
    """How a number of evaluations is spent: levels, boxes kept by either score, samples a half."""

    levels: int
    beam: int
    samples: int

    @classmethod
    def of(cls, evaluations: int, space: Space) -> Plan:
        """Return a plan for a space."""
        bits = sum(
            (top - bottom).bit_length() for bottom, top in zip(space.low, space.high, strict=True)
        )
        levels = 1
        for _ in range(4):  # how wide the beam may be depends on how many levels there are
            beam = max(FEWEST, math.isqrt(evaluations // levels) // WIDTH)
            samples = max(evaluations // (levels * 4 * beam), 1)
            levels = 1 + math.ceil(bits - math.log2(START * beam) - math.log2(samples))
            levels = min(max(levels, 1), LONGEST)
        return cls(levels, beam, samples)


def search(
    space: Space,
    evaluate: Evaluate,
    evaluations: int,
    random: Generator,
    seeds: Array | None = None,
) -> Trophies:
    """Return the best points of a space that so many evaluations find; the same for the same seed.

    `seeds` are points to begin with, shaped (points, coordinates).
    """
    plan = Plan.of(evaluations, space)
    trophies = Trophies.none(len(space.low))
    halves = [*_cut(space, START * plan.beam), *_around(space, seeds)]
    if seeds is not None and len(seeds):
        trophies = _taken(trophies, _apart(space, seeds), evaluate)[0]
    left = evaluations
    while halves and left > 0:
        count = min(plan.samples * 4 * plan.beam, left) // len(halves) or 1
        batches = [half.sample(count, space.shared, random) for half in halves]
        left -= sum(map(len, batches))
        trophies, scores = _taken(trophies, batches, evaluate)
        scored = [
            replace(
                half,
                error=max(float(score.error.max(initial=ABSENT)), half.error),
                excess=max(float(score.excess.max(initial=ABSENT)), half.excess),
            )
            for half, score in zip(halves, scores, strict=True)
            if half.size > count
        ]
        halves = [piece for box in _kept(scored, plan.beam) for piece in _split(box, trophies)]
    return trophies


def _taken(
    trophies: Trophies, batches: Sequence[Array], evaluate: Evaluate
) -> tuple[Trophies, Sequence[Scores]]:
    scores = evaluate(batches)
    fresh = Trophies(
        np.concatenate(batches),
        np.concatenate([score.error for score in scores]),
        np.concatenate([score.excess for score in scores]),
    )
    best = np.union1d(_best(fresh.error, TROPHIES), _best(fresh.excess, TROPHIES))
    fresh = Trophies(fresh.points[best], fresh.error[best], fresh.excess[best])
    return trophies.joined(fresh), scores


def _kept(boxes: Sequence[Box], beam: int) -> list[Box]:
    """Return the best boxes by either score, each once, in their order."""
    found = [box for box in boxes if box.error >= 0]
    by_error = sorted(found, key=lambda box: (-box.error, box.low))[:beam]
    by_excess = sorted(found, key=lambda box: (-box.excess, box.low))
    others = [box for box in by_excess if box not in by_error][:beam]
    return [*by_error, *others]


def _split(box: Box, trophies: Trophies) -> Iterator[Box]:
    """Yield the halves of a box; the one with a point that is remembered keeps its score."""
    for half in box.halves():
        inside = np.ones(len(trophies.points), bool)
        for place, (bottom, top) in enumerate(zip(half.low, half.high, strict=True)):
            inside &= (trophies.points[:, place] >= bottom) & (trophies.points[:, place] <= top)
        yield replace(
            half,
            error=float(trophies.error[inside].max(initial=ABSENT)),
            excess=float(trophies.excess[inside].max(initial=ABSENT)),
        )


def _cut(space: Space, count: int) -> list[Box]:
    """Return the space cut into so many boxes, as equal as halving makes them."""
    boxes = [Box(space.low, space.high)]
    while len(boxes) < count:
        pieces = [half for box in boxes for half in box.halves()]
        if len(pieces) == len(boxes):
            break
        boxes = pieces
    return boxes


def _around(space: Space, seeds: Array | None) -> Iterator[Box]:
    for seed in [] if seeds is None else seeds.tolist():
        for reach in REACHES:
            corners = [
                (max(bottom, at - (1 << reach)), min(top, at + (1 << reach)))
                for at, bottom, top in zip(seed, space.low, space.high, strict=True)
            ]
            yield Box(tuple(low for low, _ in corners), tuple(high for _, high in corners))


def _apart(space: Space, points: Array) -> list[Array]:
    """Return points as batches: one, or one for each point where coordinates are shared."""
    return [point[None, :] for point in points] if any(space.shared) else [points]


def _best(score: Array, count: int) -> Array:
    """Return the places of the highest scores."""
    if len(score) <= count:
        return np.arange(len(score))
    return np.argpartition(-score, count)[:count]
