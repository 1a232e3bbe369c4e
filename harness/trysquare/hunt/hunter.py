"""The hunt of one subject on one target: two passes, and the best points of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from trysquare.backend import Target
from trysquare.dtypes import FLOAT64, Array
from trysquare.formula.extended import holds
from trysquare.hunt.asking import Asking, Spent
from trysquare.hunt.box import ABSENT, Generator, Space
from trysquare.hunt.score import Question
from trysquare.hunt.search import Scores, Trophies, search
from trysquare.hunt.start import starts
from trysquare.hunt.subject import Subject
from trysquare.run import Session
from trysquare.truth.meaning import meaning

FIRST_PASS = 5
"""The share of the evaluations, 1 / 5, that goes to failures that are no numbers."""

FIRST_POINTS = 5
"""The share of a pass, 1 / 5, that is spent on points to begin with."""

ARB_COST = 20
"""Evaluations that one costs where Arb is the only truth that is exact enough for float64."""

SHOWN = 64
"""Points of a hunt that every other target is asked too."""


@dataclass(frozen=True)
class Bag:
    """What a hunt brings home: points whose answers are numbers, and points where they are not.

    Scores of `discrete` points include failures that are no distance; those of `numeric` do not.
    """

    numeric: Trophies
    discrete: Trophies


class Hunter:
    """Searches one subject on one target."""

    def __init__(self, session: Session, target: Target, subject: Subject) -> None:
        self.asking = Asking(session, target, subject)
        self._subject, self._space = subject, subject.space
        self._flushes = session.flushes(target, subject.format)
        self._spent = False

    def hunt(self, evaluations: int, seed: int, seeds: Array) -> Bag:
        """Return the best points, the same for the same seed; accidents are in `asking`."""
        if self._subject.format is FLOAT64 and not self._is_quick():
            evaluations //= ARB_COST
        share = evaluations // FIRST_PASS
        discrete = self._pass(share, seed, seeds, masked=False)
        return Bag(self._pass(evaluations - share, seed + 1, seeds, masked=True), discrete)

    def scored(self, points: Array, *, masked: bool) -> Scores:
        """Return the scores of these points; ABSENT where one is not allowed or not answered."""
        if not len(points):
            return _absent(0)
        scores = self._evaluate(self._batches(points), masked=masked, certain=True)
        return Scores(
            np.concatenate([score.error for score in scores]),
            np.concatenate([score.excess for score in scores]),
        )

    def united(self, bag: Bag, others: Sequence[Bag]) -> Bag:
        """Return a bag with what this target makes of the best points of all.

        A failure that is no distance stays where it is one here, and outside its limit.
        """
        numeric = _points([bag.numeric for bag in others], self._subject)
        discrete = _points([bag.discrete for bag in others], self._subject)
        numbers = bag.numeric.joined(numeric, self.scored(numeric, masked=True))
        failures = bag.discrete.joined(discrete, self.scored(discrete, masked=False))
        failures = failures.only(failures.excess > 1)
        failures = failures.only(self.scored(failures.points, masked=True).excess <= 0)
        return Bag(numbers, failures)

    def _pass(self, evaluations: int, seed: int, seeds: Array, *, masked: bool) -> Trophies:
        """Search once; where points share coordinates, once more with the best of those."""
        name = f"{self._subject.spec.function}{self._subject.label}/{self._subject.format.name}"
        random = np.random.default_rng([seed, crc32(name.encode())])
        first = starts(self._subject, evaluations // FIRST_POINTS, random) + self._batches(seeds)
        whole = self._space
        if not any(whole.shared):
            return self._search(evaluations, random, first, masked=masked)
        half = evaluations // 2
        found = self._search(half, random, first, masked=masked)
        if len(found.points):
            best = found.worst
            low, high = (
                tuple(np.where(whole.shared, best, ends).tolist())
                for ends in (whole.low, whole.high)
            )
            self._space = Space(low, high, (False,) * len(low))
            same = (found.points == best)[:, np.array(whole.shared)].all(axis=1)
            more = self._search(half, random, [found.points[same]], masked=masked)
            self._space, found = whole, found.joined(more.points, Scores(more.error, more.excess))
        return found

    def _search(
        self, evaluations: int, random: Generator, first: list[Array], *, masked: bool
    ) -> Trophies:
        def evaluate(batches: Sequence[Array]) -> Sequence[Scores]:
            return self._evaluate(batches, masked=masked, certain=False)

        return search(self._space, evaluate, evaluations, random, first)

    def _batches(self, points: Array) -> list[Array]:
        """Return points as batches: one, or one for each point where coordinates are shared."""
        if not len(points):
            return []
        return [point[None, :] for point in points] if any(self._space.shared) else [points]

    def _evaluate(
        self, batches: Sequence[Array], *, masked: bool, certain: bool
    ) -> Sequence[Scores]:
        """Return the scores of batches; one call holds them all, unless coordinates are shared.

        A target that cannot be asked any further has no more scores, and so a search ends.
        """
        subject = self._subject
        scores = [_absent(len(batch)) for batch in batches]
        if self._spent:
            return scores
        usable = self._allowed(batches)
        filled = [place for place, mask in enumerate(usable) if mask.any()]
        kept = {place: batches[place][usable[place]] for place in filled}
        calls = [[place] for place in filled] if any(self._space.shared) else [filled]
        calls = [call for call in calls if call]
        points = [np.concatenate([kept[place] for place in call]) for call in calls]
        question = Question(subject, self._flushes, masked)
        try:
            answers = self.asking.answers(points)
        except Spent:
            self._spent = True
            return scores
        for call, sent, (rows, answered) in zip(calls, points, answers, strict=True):
            parts = list(_slices([len(kept[place]) for place in call]))
            wanted = [slice(at, at + 1) for at in range(len(sent))] if certain else parts
            found = question.scores(sent, rows, wanted)
            error = np.where(answered, found.error, ABSENT)
            excess = np.where(answered, found.excess, ABSENT)
            for place, part in zip(call, parts, strict=True):
                scores[place].error[usable[place]] = error[part]
                scores[place].excess[usable[place]] = excess[part]
        return scores

    def _allowed(self, batches: Sequence[Array]) -> list[Array]:
        if any(self._space.shared):
            return [self._subject.allowed(batch) for batch in batches]
        everything = self._subject.allowed(np.concatenate(batches))
        return [everything[part] for part in _slices([len(batch) for batch in batches])]

    def _is_quick(self) -> bool:
        subject = self._subject
        meant = meaning(subject.spec, {**subject.spec.defaults, **subject.settings})
        return holds(meant.gradients(subject.wrt)[0] if subject.wrt else meant.value)


def _points(bags: Sequence[Trophies], subject: Subject) -> Array:
    """Return the best points of several bags."""
    none = np.empty((0, len(subject.coordinates)), np.int64)
    return np.concatenate([none, *(bag.points[:SHOWN] for bag in bags)])


def _absent(count: int) -> Scores:
    return Scores(np.full(count, ABSENT), np.full(count, ABSENT))


def _slices(lengths: Sequence[int]) -> list[slice]:
    ends = np.cumsum(lengths).tolist()
    return [slice(end - length, end) for end, length in zip(ends, lengths, strict=True)]
