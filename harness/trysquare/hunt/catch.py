"""What a hunt brought home -> results: the best points as cases, judged as those of a run are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from trysquare.backend import Answer, Target
from trysquare.dtypes import Array
from trysquare.hunt.asking import Accident, Asking, output_of, rows_of
from trysquare.hunt.search import Trophies
from trysquare.hunt.subject import Subject
from trysquare.result import Found, Result
from trysquare.run import Session
from trysquare.truth.rounding import same
from trysquare.verdict.compare import distance
from trysquare.verdict.measure import nearest, number
from trysquare.verdict.standard import Standard

BEST = 16
"""Points of a case, by each of the two scores."""

CROWD = 4
"""Points of a case from one part of the space."""

BLUR = 2.0**-5
"""ULP by which the truth of a search and that of a verdict may differ."""

LONG = 4096
"""Elements to which a case is repeated where a short call has other answers than a long one."""


@dataclass(frozen=True)
class Catch:
    """Turns what was found of one subject on one target into results."""

    session: Session
    target: Target
    subject: Subject

    def results(self, name: str, best: Trophies) -> Iterator[Result]:
        """Yield the result of the best points, and that of each alone where it differs."""
        points, error = selected(best, self.subject)
        if not len(points):
            return
        asking = Asking(self.session, self.target, self.subject)
        case = self.subject.case(points, f"{name}{self.subject.label}")
        (reply,) = asking.replies([case])
        standard = Standard(self.subject.spec, case)
        rows = rows_of(standard, reply)
        if rows is not None and (self._errors(standard, rows) < error * (1 - BLUR) - BLUR).any():
            again = np.resize(np.arange(len(points)), LONG)
            case = self.subject.case(points[again], case.name)
            (reply,) = asking.replies([case])
            standard = Standard(self.subject.spec, case)
            rows = rows_of(standard, reply)
        result = self.session.judged(standard, self.target, reply)
        if rows is None:
            yield result
            return
        alone = self._alone(points, standard, rows)
        yield replace(result, found=self._found(points, standard, rows, alone))
        if not same(alone, rows[: len(points)]).all():
            yield self._lonely(points, alone, name)

    def accident(self, number: int, accident: Accident) -> Result:
        """Return the result of points without an answer."""
        case = self.subject.case(accident.points, f"unanswered {number}{self.subject.label}")
        asking = Asking(self.session, self.target, self.subject)
        reply = accident.reply or asking.replies([case])[0]
        result = self.session.judged(Standard(self.subject.spec, case), self.target, reply)
        if len(accident.points) > 1:
            return result
        return replace(result, found=(Found(self._numbers(accident.points[0])),))

    def _alone(self, points: Array, standard: Standard, rows: Array) -> Array:
        """Return the answers to each point alone; where there is none, the one in company."""
        name = standard.case.name
        cases = [self.subject.case(point[None, :], name) for point in points]
        replies = Asking(self.session, self.target, self.subject).replies(cases)
        standards = [Standard(self.subject.spec, case) for case in cases]
        found = rows[: len(points)].copy()
        for place, (single, reply) in enumerate(zip(standards, replies, strict=True)):
            lonely = rows_of(single, reply)
            if lonely is not None:
                found[place] = lonely[0]
        return found

    def _lonely(self, points: Array, alone: Array, name: str) -> Result:
        """Return the result of answers that were given to each point alone."""
        case = self.subject.case(points, f"{name}{self.subject.label}, each alone")
        standard = Standard(self.subject.spec, case)
        tensor = standard.layout.from_rows(case.format.cast(alone), standard.spread)
        reply = Answer(outputs={output_of(case): np.ascontiguousarray(tensor)})
        result = self.session.judged(standard, self.target, reply)
        return replace(result, found=self._found(points, standard, alone, alone))

    def _found(
        self, points: Array, standard: Standard, rows: Array, alone: Array
    ) -> tuple[Found, ...]:
        """Return the points with certified errors, the worst first."""
        format, count = standard.case.format, len(points)
        ulps = self._ulps(standard, rows)[:count]
        sizes = np.where(np.isnan(ulps), np.inf, np.abs(ulps))
        places = sizes.argmax(axis=1)
        found = []
        for at in np.argsort(-sizes.max(axis=1), kind="stable").tolist():
            place = int(places[at])
            got, single = rows[at, place], alone[at, place]
            differs = not same(got, single)
            found.append(
                Found(
                    inputs=self._numbers(points[at]),
                    position=place,
                    got=number(got, format),
                    ulp=float(abs(ulps[at, place])),
                    alone=number(single, format) if differs else None,
                )
            )
        return tuple(found)

    def _numbers(self, point: Array) -> dict[str, tuple[str, ...]]:
        told = self.subject.told(point)
        return {name: tuple(value.hex() for value in values) for name, values in told.items()}

    def _errors(self, standard: Standard, rows: Array) -> Array:
        """Return the largest error of each row in ULP."""
        return np.asarray(np.nan_to_num(np.abs(self._ulps(standard, rows)), nan=np.inf).max(axis=1))

    def _ulps(self, standard: Standard, rows: Array) -> Array:
        """Return every error, by Arb; where another convention holds, the distance from that.

        NaN where an answer that diverges is no number, 0 where one that conforms is none.
        """
        flushes = self.session.flushes(self.target, standard.case.format)
        match = nearest(standard, rows, flushes=flushes)
        truth = standard.canonical.oracle.exact(np.arange(len(rows)))
        limit = standard.limit(flushes=flushes)
        exact = distance(rows, truth, limit, standard.case.format)
        known = match.distance.where(match.other, exact)
        return np.where(np.isnan(known.ulp) & ~known.bad, 0.0, known.ulp)


def selected(best: Trophies, subject: Subject) -> tuple[Array, Array]:
    """Return points that one call can hold, few from each part of the space, and their errors."""
    if not len(best.points):
        return best.points, best.error
    shared = np.array(subject.space.shared)
    best = best.only((best.points == best.worst)[:, shared].all(axis=1))
    orders = best.best(BEST, CROWD), best.best(BEST, CROWD, by_excess=True)
    chosen = list(dict.fromkeys(np.concatenate(orders).tolist()))
    return best.points[chosen], best.error[chosen]
