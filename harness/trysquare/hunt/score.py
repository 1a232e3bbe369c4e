"""Answers at many points -> how bad each is; what the fast truth does not prove, Arb confirms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from trysquare.dtypes import FLOAT64, Array
from trysquare.errors import UndecidedError
from trysquare.hunt.box import ABSENT
from trysquare.hunt.search import Scores
from trysquare.hunt.subject import Subject
from trysquare.result import Symptom
from trysquare.verdict.compare import FARTHEST, distance, symptoms
from trysquare.verdict.measure import excess_of, nearest
from trysquare.verdict.standard import Standard

DISCRETE = frozenset({Symptom.NAN, Symptom.INFINITY, Symptom.LOST})
"""What is no distance between two numbers, and would hide every distance there is."""

CONFIRMED = 2
"""Points of a batch that Arb confirms, by each score, where the fast truth has no bound."""


@dataclass(frozen=True)
class Question:
    """What is compared: a subject, whether its target flushes subnormals, and what is masked."""

    subject: Subject
    flushes: bool
    masked: bool

    def scores(self, points: Array, rows: Array, batches: Sequence[slice]) -> Scores:
        """Return the scores of points of one call, given what a target answered there.

        `rows` holds the answers, row by row. `batches` are the parts of which the best points
        must be certain; where only Arb is certain, the others have no score.
        """
        standard = Standard(self.subject.spec, self.subject.case(points, "search"), searching=True)
        try:
            return self._scores(standard, rows, batches)
        except UndecidedError:
            if len(points) == 1:
                return Scores(np.full(1, ABSENT), np.full(1, ABSENT))
        parts = np.array_split(np.arange(len(points)), 2)
        halves = [self.scores(points[part], rows[part], [slice(0, len(part))]) for part in parts]
        return Scores(
            np.concatenate([half.error for half in halves]),
            np.concatenate([half.excess for half in halves]),
        )

    def _scores(self, standard: Standard, rows: Array, batches: Sequence[slice]) -> Scores:
        format = standard.case.format
        match = nearest(standard, rows, flushes=self.flushes)
        error, excess = np.abs(match.distance.ulp), excess_of(match.distance)
        error = np.where(np.isnan(error), np.where(match.distance.bad, FARTHEST, 0.0), error)
        if self.masked:
            kinds = symptoms(rows, match.value, match.distance, format)
            hidden = np.isin(kinds, list(DISCRETE)) | ((rows == 0) & (match.value != 0))
            error, excess = np.where(hidden, 0.0, error), np.where(hidden, 0.0, excess)
        else:
            hidden = np.zeros(rows.shape, bool)
        best = Scores(error.max(axis=1), excess.max(axis=1))
        if format is not FLOAT64 or standard.canonical.oracle.extended is None:
            return best
        return self._confirmed(standard, rows, best, hidden, match.other, batches)

    def _confirmed(
        self,
        standard: Standard,
        rows: Array,
        best: Scores,
        hidden: Array,
        other: Array,
        batches: Sequence[slice],
    ) -> Scores:
        chosen = np.array(sorted({place for part in batches for place in _top(best, part)}), int)
        truth = standard.canonical.oracle.exact(chosen)
        limit = standard.limit(flushes=self.flushes).only(chosen)
        again = distance(rows[chosen], truth, limit, standard.case.format)
        # an answer that conforms to another convention has the score of that one: none
        skip = hidden[chosen] | other[chosen]
        error = np.abs(again.ulp)
        error = np.where(np.isnan(error), np.where(again.bad, FARTHEST, 0.0), error)
        error = np.where(skip, 0.0, error)
        excess = np.where(skip, 0.0, excess_of(again))
        scores = Scores(np.full(len(rows), ABSENT), np.full(len(rows), ABSENT))
        scores.error[chosen], scores.excess[chosen] = error.max(axis=1), excess.max(axis=1)
        return scores


def _top(scores: Scores, part: slice) -> Iterator[int]:
    """Yield the places of the best points of a batch, by either score."""
    for score in (scores.error[part], scores.excess[part]):
        count = min(CONFIRMED, len(score))
        yield from (part.start + np.argpartition(-score, count - 1)[:count]).tolist()
