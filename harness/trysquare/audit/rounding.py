"""The correctly rounded answers of a call, by Arb alone, at as many bits as that needs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import flint
import numpy as np

from trysquare.audit.enclosure import at_precision, precision
from trysquare.dtypes import Array, Format
from trysquare.formula.derivative import Extent
from trysquare.formula.tree import Node
from trysquare.truth.oracle import PRECISIONS, Oracle


@dataclass(frozen=True)
class Rounded:
    """The rows of an answer: balls around the exact values, and those rounded to the format.

    `decided` is false where the highest precision leaves open to which side a value rounds.
    """

    balls: Array
    values: Array
    decided: Array
    format: Format

    def error(self, stated: float, place: tuple[int, int]) -> float:
        """Return how far a number is from the exact value, in ULP of it; NaN if one is no number.

        An infinity stands at 2^(emax + 1), where the next number would be.
        """
        ball = self.balls[place]
        if math.isnan(stated) or not ball.is_finite():
            return math.nan
        with precision(PRECISIONS[-1]):
            end = math.copysign(1, stated) * flint.arb(2) ** (self.format.emax + 1)
            got = end if math.isinf(stated) else flint.arb(stated)
            return float(abs((got - ball) / _unit(ball, self.format)).mid())


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
    values = format.round(oracle.ieee)
    balls = np.full(oracle.shape, flint.arb.nan(), object)
    numbers = np.ones(size[0], bool)
    for each in inputs.values():
        numbers &= np.isfinite(each).all(axis=1)
    alone = spread.rows and not oracle.mixes_rows
    rows = np.flatnonzero(numbers) if alone else np.arange(oracle.shape[0] if numbers.all() else 0)
    decided = np.ones(oracle.shape, bool)
    decided[rows] = False
    for bits in PRECISIONS:
        if not rows.size:
            break
        balls[rows] = _balls(oracle, rows if alone else None, bits)[... if alone else rows]
        each = np.frompyfunc(lambda ball: round_ball(ball, format), 1, 1)
        nearest = np.asarray(each(balls[rows]), np.float64)
        found = ~np.isnan(nearest)
        values[rows] = np.where(found, nearest, values[rows])
        decided[rows] |= found
        # at a pole more bits find nothing either
        hopeless = ~np.isfinite(oracle.ieee[rows]) & (bits > PRECISIONS[1])
        rows = rows[~(found | hopeless).all(axis=1)]
    return Rounded(balls, values, decided | ~np.isfinite(values), format)


def round_ball(ball: flint.arb, format: Format) -> float:
    """Return the number of a format to which a ball rounds (ties to even); NaN if it is open."""
    if not ball.is_finite():
        return math.nan
    with precision(PRECISIONS[-1]):
        if ball.abs_lower() > flint.arb(2) ** (format.emax + 1):
            return math.inf if ball > 0 else -math.inf
        unit = _unit(ball, format)
        shifted = ball / unit + flint.arb(0.5)
        whole = shifted.floor().unique_fmpz()
        if whole is None:
            return math.nan
        count = int(whole)
        if shifted == flint.arb(whole) and count % 2:  # a tie
            count -= 1
        value = count * float(unit)
    return value if abs(value) <= format.largest else math.copysign(math.inf, value)


def _balls(oracle: Oracle, rows: Array | None, bits: int) -> Array:
    """Return the balls of some rows, or of all if they depend on each other."""
    inputs, count = oracle.inputs, oracle.rows
    if rows is not None and count > 1:
        inputs = {name: x[rows] if len(x) == count else x for name, x in inputs.items()}
        count = len(rows)
    found = at_precision(oracle.tree, inputs, (count, oracle.columns), bits, oracle.format)
    return np.broadcast_to(found, (count if oracle.spread.rows else 1, oracle.shape[1]))


def _unit(ball: flint.arb, format: Format) -> flint.arb:
    """Return the spacing of a format at the smallest magnitude of a ball."""
    exponent = format.emin
    least = ball.abs_lower()
    if least > 0:
        mantissa, shift = least.mid().man_exp()
        exponent = int(mantissa).bit_length() - 1 + int(shift)
        exponent = min(max(exponent, format.emin), format.emax)
    return flint.arb(2) ** (exponent - (format.precision - 1))
