"""The correctly rounded answers of a call, and how far a stated number is from the exact one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import flint
import numpy as np

from trysquare.audit.enclosure import narrow
from trysquare.dtypes import Array, Format
from trysquare.formula.ball import precision
from trysquare.formula.derivative import Extent
from trysquare.formula.tree import Node
from trysquare.truth import rounding
from trysquare.truth.oracle import PRECISIONS, Oracle


@dataclass(frozen=True)
class Rounded:
    """The rows of an answer: the exact values, rounded to the format.

    `decided` is false where the highest precision leaves open to which side a value rounds.
    """

    oracle: Oracle
    values: Array
    decided: Array

    def error(self, stated: float, place: tuple[int, int]) -> float:
        """Return how far a number is from the exact value, in ULP of it; NaN if one is no number.

        An infinity stands at 2^(emax + 1), where the next number would be.
        """
        ball, format = self._ball(place), self.oracle.format
        if math.isnan(stated) or not ball.is_finite():
            return math.nan
        with precision(PRECISIONS[-1]):
            end = math.copysign(1, stated) * flint.arb(2) ** (format.emax + 1)
            got = end if math.isinf(stated) else flint.arb(stated)
            return float(abs((got - ball) / _unit(ball, format)).mid())

    def _ball(self, place: tuple[int, int]) -> flint.arb:
        row, column = place
        ball = flint.arb.nan()
        if not all(np.isfinite(x[min(row, len(x) - 1)]).all() for x in self.oracle.inputs.values()):
            return ball
        for bits in PRECISIONS:
            ball = self.oracle.balls(np.array([row]), bits)[0, column]
            if narrow(ball):
                break
        return ball


def rounded(
    tree: Node,
    inputs: Mapping[str, Array],
    size: tuple[int, int],
    spread: Extent,
    format: Format,
) -> Rounded:
    """Return what a tree gives at inputs that are laid out as `size` = rows, columns.

    Infinities and NaN, of inputs or of results, are what IEEE float64 arithmetic makes of it.
    """
    oracle = Oracle(tree, inputs, *size, spread, format)
    values, undecided = rounding.rounded(oracle)
    return Rounded(oracle, values, ~undecided)


def _unit(ball: flint.arb, format: Format) -> flint.arb:
    """Return the spacing of a format at the smallest magnitude of a ball."""
    exponent = format.emin
    least = ball.abs_lower()
    if least > 0:
        mantissa, shift = least.mid().man_exp()
        exponent = int(mantissa).bit_length() - 1 + int(shift)
        exponent = min(max(exponent, format.emin), format.emax)
    return flint.arb(2) ** (exponent - (format.precision - 1))
