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
from trysquare.hunt.box import Box, Generator, Space, cut

WIDTH = 7
"""With n evaluations for a level, sqrt(n) / 7 boxes are kept by each of the two scores."""

FEWEST = 8
"""Boxes that are kept at least, by each of the two scores."""

PER_CALL = 400
"""Samples at least of half a box that needs a call of its own."""

LONGEST = 80
"""Levels at most: farther down every half of a box in many dimensions is like the other."""

START = 4
"""Boxes that a search begins with, for each that it keeps."""

REACHES = (0.25, 0.5, 0.75)
"""Boxes around the best first points; the sides of one are all of the space's to this power."""

TROPHIES = 512
"""Points that are remembered, by each of the two scores."""

CROWD = 16
"""Points that are remembered of one part of a space: others would only be their neighbours."""

PARTS = 12
"""A part of a space is 2^-12 of the range of each coordinate."""


@dataclass(frozen=True)
class Scores:
    """Two scores of every point of a batch, not negative, or ABSENT."""

    error: Array
    excess: Array


Evaluate = Callable[[Sequence[Array]], Sequence[Scores]]
"""Batches of points, shaped (points, coordinates), to their scores."""


@dataclass(frozen=True)
class Trophies:
    """The best points that were seen, in the order of their errors, few from each part of a space.

    `parts` holds how wide a part is in each coordinate.
    """

    points: Array
    error: Array
    excess: Array
    parts: Array

    @classmethod
    def none(cls, space: Space) -> Trophies:
        """Return no points of a space."""
        widths = [
            max((top - bottom) >> PARTS, 1)
            for bottom, top in zip(space.low, space.high, strict=True)
        ]
        empty = np.empty((0, len(widths)), np.int64)
        return cls(empty, np.empty(0), np.empty(0), np.array(widths, np.int64))

    @property
    def worst(self) -> Array:
        """The point that is farthest outside its limit; if there is none, that of most error."""
        outside = self.excess.max() > 1
        return np.asarray(self.points[np.argmax(self.excess if outside else self.error)])

    def only(self, mask: Array) -> Trophies:
        """Return some of the points."""
        return replace(
            self, points=self.points[mask], error=self.error[mask], excess=self.excess[mask]
        )

    def joined(self, points: Array, scores: Scores) -> Trophies:
        """Return the best of these and of other points, by either score."""
        points, first = np.unique(np.concatenate([self.points, points]), axis=0, return_index=True)
        error = np.concatenate([self.error, scores.error])[first]
        excess = np.concatenate([self.excess, scores.excess])[first]
        everything = replace(self, points=points, error=error, excess=excess)
        best = np.union1d(everything.best(TROPHIES), everything.best(TROPHIES, by_excess=True))
        best = best[np.lexsort((*points[best].T, -error[best]))]
        return everything.only(best)

    def best(self, count: int, crowd: int = CROWD, *, by_excess: bool = False) -> Array:
        """Return the places of the best points by a score, the best first.

        No more than `crowd` of them are from one part.
        """
        score = self.excess if by_excess else self.error
        order = np.argsort(-score, kind="stable")
        order = order[score[order] >= 0]
        _, part = np.unique(self.points[order] // self.parts, axis=0, return_inverse=True)
        part = part.reshape(-1)
        grouped = np.argsort(part, kind="stable")
        begins = np.searchsorted(part[grouped], part[grouped])
        rank = np.empty(len(part), np.int64)
        rank[grouped] = np.arange(len(part)) - begins
        return np.asarray(order[rank < crowd][:count])


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
        least, fewest = (PER_CALL, FEWEST // 2) if any(space.shared) else (1, FEWEST)
        levels = 1
        for _ in range(4):  # how wide the beam may be depends on how many levels there are
            beam = max(fewest, math.isqrt(evaluations // (levels * least)) // WIDTH)
            samples = max(evaluations // (levels * 4 * beam), least)
            levels = 1 + math.ceil(bits - math.log2(START * beam) - math.log2(samples))
            levels = min(max(levels, 1), LONGEST, max(evaluations // (4 * beam * least), 1))
        return cls(levels, beam, samples)


def search(
    space: Space,
    evaluate: Evaluate,
    evaluations: int,
    random: Generator,
    starts: Sequence[Array] = (),
) -> Trophies:
    """Return the best points of a space that so many evaluations find; the same for the same seed.

    `starts` are batches to begin with, which are counted too; the search goes on around the best
    of them as well as everywhere.
    """
    plan = Plan.of(evaluations, space)
    trophies = Trophies.none(space)
    left = evaluations
    if starts:
        trophies, _ = _taken(trophies, starts, evaluate)
        left -= sum(map(len, starts))
    halves = [*cut(space, START * plan.beam), *_around(space, trophies, plan.beam // 2)]
    while halves and left > 0:
        count = min(plan.samples * 4 * plan.beam, left) // len(halves) or 1
        batches = [half.sample(count, space.shared, random) for half in halves]
        left -= sum(map(len, batches))
        trophies, scores = _taken(trophies, batches, evaluate)
        scored = [
            replace(
                half,
                error=half.error.or_better(batch, score.error),
                excess=half.excess.or_better(batch, score.excess),
            )
            for half, batch, score in zip(halves, batches, scores, strict=True)
            if half.size > count
        ]
        halves = [half for box in _kept(scored, plan.beam) for half in box.halves()]
    return trophies


def _taken(
    trophies: Trophies, batches: Sequence[Array], evaluate: Evaluate
) -> tuple[Trophies, Sequence[Scores]]:
    scores = evaluate(batches)
    count = max(CROWD, 16 * TROPHIES // len(batches))
    parts = [_top(*each, count) for each in zip(batches, scores, strict=True)]
    fresh = Scores(
        np.concatenate([score.error for _, score in parts]),
        np.concatenate([score.excess for _, score in parts]),
    )
    return trophies.joined(np.concatenate([points for points, _ in parts]), fresh), scores


def _top(points: Array, scores: Scores, count: int) -> tuple[Array, Scores]:
    """Return the best points of a batch by either score."""
    if len(points) <= count:
        return points, scores
    tops = [np.argpartition(-score, count)[:count] for score in (scores.error, scores.excess)]
    best = np.union1d(*tops)
    return points[best], Scores(scores.error[best], scores.excess[best])


def _kept(boxes: Sequence[Box], beam: int) -> list[Box]:
    """Return the best boxes by either score, each once, in their order."""
    found = [box for box in boxes if box.error.score >= 0]
    by_error = sorted(found, key=lambda box: (-box.error.score, box.low))[:beam]
    by_excess = sorted(found, key=lambda box: (-box.excess.score, box.low))
    others = [box for box in by_excess if box not in by_error][:beam]
    return [*by_error, *others]


def _around(space: Space, trophies: Trophies, count: int) -> Iterator[Box]:
    """Yield boxes of several sizes around the best points by either score."""
    best = np.union1d(trophies.best(count, 1), trophies.best(count, 1, by_excess=True))
    for point in trophies.points[best].tolist():
        for power in REACHES:
            corners = []
            for at, bottom, top in zip(point, space.low, space.high, strict=True):
                reach = int((top - bottom) ** power)
                corners.append((max(bottom, at - reach), min(top, at + reach)))
            yield Box(tuple(low for low, _ in corners), tuple(high for _, high in corners))
