"""A case in which numbers are infinite: where, what answers tend to, and what nobody can say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from trysquare.dtypes import FLOAT64, Array
from trysquare.formula.evaluate import evaluate
from trysquare.formula.float64 import Float64
from trysquare.formula.tree import Node
from trysquare.planning.cases import Case, has_infinite
from trysquare.planning.settling import pointwise
from trysquare.result import Check
from trysquare.truth.arrangement import Arrangement
from trysquare.truth.known import from_balls
from trysquare.truth.meaning import COTANGENT
from trysquare.truth.oracle import Oracle
from trysquare.verdict.tendency import BITS, GROWTH, computing, tendency, unknown


@dataclass(frozen=True)
class Infinities:
    """What follows from infinite numbers in a case, worked out when it is first asked for.

    `tree` is what the case asks for and `oracle` its answer, `larger` the answer with a number in
    place of infinities.
    """

    case: Case
    arranged: Arrangement
    tree: Node
    oracle: Oracle
    larger: Callable[[float], Oracle]

    @property
    def matter(self) -> bool:
        """Whether the case asks what is right there."""
        return self.case.check is Check.LIMITS and bool(self.where.any())

    @cached_property
    def where(self) -> Array:
        """Where an answer depends on an infinite number."""
        if has_infinite(self.case.effective):
            return np.ones(self.oracle.shape, bool)
        laid, rows = self.arranged.layout, self.arranged.rows
        found = np.zeros((laid.rows, laid.columns), bool)
        for name, value in rows.items():
            if name != COTANGENT:
                found |= np.isinf(value)
        if not pointwise(self.arranged.meant.terms):
            found = np.broadcast_to(found.any(axis=1, keepdims=True), found.shape)
        height, width = self.oracle.shape
        return np.asarray(found[:height, :width])

    @cached_property
    def grown(self) -> tuple[Oracle, ...]:
        """The case with ever larger numbers in place of infinities."""
        return tuple(self.larger(size) for size in GROWTH)

    @cached_property
    def tendency(self) -> Array:
        """What the answers tend to as infinities grow; NaN where that is not plain."""
        return tendency(*(_by_arb(oracle) for oracle in self.grown))

    @cached_property
    def computed(self) -> Array:
        """Where an infinity is not only compared with something, so that NaN is no mistake.

        The values of a function at infinite inputs are stated elsewhere, and so are those of rows.
        """
        own = self.case.want.derives or has_infinite(self.case.effective)
        if not (own and pointwise(self.arranged.meant.terms)):
            return np.zeros(self.oracle.shape, bool)
        laid = self.arranged.layout
        arithmetic = Float64(laid.rows, laid.columns, self.case.format)
        value = evaluate(computing(self.tree), arithmetic, unknown(self.arranged.rows))
        return np.asarray(self.where & np.isnan(value))

    @cached_property
    def unsaid(self) -> Array:
        """Where neither arithmetic nor a limit says what is right."""
        if not self.matter:
            return np.zeros((1, 1), bool)
        return np.asarray(self.computed & np.isnan(self.oracle.ieee) & np.isnan(self.tendency))


def _by_arb(oracle: Oracle) -> Array:
    """Return answers as float64, NaN where so many bits do not decide them."""
    found, decided = from_balls(oracle.balls(np.arange(oracle.shape[0]), BITS), FLOAT64)
    return np.where(decided, found.value, np.nan)
