"""One function on one target, with arguments left out and given: the questions, and the replies."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace

import numpy as np

from trysquare.backend import Answer, Call, Reply, Target
from trysquare.dtypes import FLOAT32, FLOAT64, Array, Format
from trysquare.planning.cases import Case
from trysquare.planning.inputs import telling
from trysquare.result import SEED, Check
from trysquare.run import Session
from trysquare.spec import Spec, Value

SHAPE = (4, 6, 8)
"""Three dimensions, so that a default axis shows whichever it is."""

Parameters = Mapping[str, Value]


def formats(session: Session, target: Target) -> tuple[Format, ...]:
    """Return the formats in which a target is asked, the one that shows most first."""
    return tuple(f for f in (FLOAT64, FLOAT32) if f.name in session.targets[target].dtypes)


def case(spec: Spec, format: Format) -> Case:
    """Return a call with every argument left out, of numbers of all sizes where defaults show."""
    random = np.random.default_rng(SEED)
    inputs = telling(spec, spec.defaults, SHAPE, format, random)
    return Case(
        name="every argument left out",
        check=Check.DEFAULTS,
        function=spec.function,
        format=format,
        place=spec.place,
        inputs=inputs,
        effective=spec.defaults,
        given={},
        canonical=False,
    )


def given(bare: Case, parameters: Parameters, *, canonical: bool) -> Case:
    """Return the same call with some arguments given."""
    effective = {**bare.effective, **parameters}
    return replace(bare, given=parameters, effective=effective, canonical=canonical)


@dataclass(frozen=True)
class Asked:
    """Calls on their way to a target, in the order of their names."""

    names: tuple[str, ...]
    replies: Future[list[Reply]]

    def answers(self) -> dict[str, Array | None]:
        """Wait; return the output of each call, None where there is none."""
        return {
            name: reply.outputs.get("output") if isinstance(reply, Answer) else None
            for name, reply in zip(self.names, self.replies.result(), strict=True)
        }


def ask(session: Session, target: Target, spec: Spec, calls: Mapping[str, Call]) -> Asked:
    """Send calls, and do not wait."""
    return Asked(tuple(calls), session.asked(target, spec, tuple(calls.values())))


def same(one: Array | None, other: Array | None) -> bool:
    """Whether two answers have the same bits; NaN is NaN."""
    if one is None or other is None or (one.shape, one.dtype) != (other.shape, other.dtype):
        return False
    a, b = one.astype(np.float64), other.astype(np.float64)
    return bool(((a == b) & (np.signbit(a) == np.signbit(b)) | (np.isnan(a) & np.isnan(b))).all())
