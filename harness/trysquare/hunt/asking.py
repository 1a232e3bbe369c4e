"""Many points put to one target; a call that is not answered is halved until the point is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from trysquare.backend import Answer, Kind, Refusal, Reply, Target
from trysquare.dtypes import Array
from trysquare.hunt.subject import Subject
from trysquare.planning.cases import Case
from trysquare.run import Session
from trysquare.verdict.standard import Standard

ACCIDENTS = 3
"""After so many points that are refused, crash or hang, a target is left alone."""


class Spent(Exception):  # noqa: N818 - an outcome of a hunt, not an error
    """The target cannot be asked any further; `accidents` say why, or its form is wrong."""


@dataclass(frozen=True)
class Accident:
    """Points that had no answer, and what came instead; None for an answer of the wrong form."""

    points: Array
    reply: Refusal | None


@dataclass
class Asking:
    """One target that is asked about one subject."""

    session: Session
    target: Target
    subject: Subject
    accidents: list[Accident] = field(default_factory=list)

    def replies(self, cases: Sequence[Case]) -> list[Reply]:
        """Return what the target replies to these calls."""
        calls = [case.call for case in cases]
        return self.session.replies(self.target, self.subject.spec, calls)

    def answers(self, groups: Sequence[Array]) -> list[tuple[Array, Array]]:
        """Return for the points of each call the answers, as rows, and which points have one.

        Raises Spent after too many accidents, or when an answer does not have the right form.
        """
        cases = [self.subject.case(points, "search") for points in groups]
        replies = self.replies(cases)
        return [self._answer(*each) for each in zip(groups, cases, replies, strict=True)]

    def _answer(self, points: Array, case: Case, reply: Reply) -> tuple[Array, Array]:
        standard = Standard(self.subject.spec, case)
        if isinstance(reply, Answer):
            rows = rows_of(standard, reply)
            if rows is None:
                self.accidents.append(Accident(points[:1], None))
                raise Spent
            return rows, np.ones(len(points), bool)
        if len(points) > 1 and _has_a_culprit(reply):
            parts = self.answers(np.array_split(points, 2))
            outputs, answered = zip(*parts, strict=True)
            return np.concatenate(outputs), np.concatenate(answered)
        self._note(points, reply)
        columns = standard.layout.columns if standard.spread.columns else 1
        return np.full((len(points), columns), np.nan), np.zeros(len(points), bool)

    def _note(self, points: Array, reply: Refusal) -> None:
        self.accidents.append(Accident(points, reply))
        if len(self.accidents) >= ACCIDENTS or not _has_a_culprit(reply):
            raise Spent


def rows_of(standard: Standard, reply: Reply) -> Array | None:
    """Return an answer as float64 rows; None if it is none, or has another shape or dtype."""
    if not isinstance(reply, Answer):
        return None
    case = standard.case
    got = reply.outputs.get(output_of(case))
    if got is None or got.shape != standard.shape or str(got.dtype) != case.format.name:
        return None
    return standard.layout.to_rows(got.astype(np.float64), standard.spread)


def output_of(case: Case) -> str:
    """Return under which name an answer holds what the case asks for."""
    return case.wrt if case.want.derives else "output"


def _has_a_culprit(reply: Refusal) -> bool:
    """Tell whether a single point may be to blame, and can be found in reasonable time."""
    return reply.kind in {Kind.RAISED, Kind.CRASHED}
