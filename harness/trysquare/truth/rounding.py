"""The correctly rounded answer: the truth to nearest in the format, ties to even, proven or not.

Tier 1 decides where both ends of its interval round to one number. Elsewhere Arb's ends do, with
rising precision; an exact tie is a ball without radius, whose two ends are one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import flint
import numpy as np

from trysquare.dtypes import Array, Format
from trysquare.formula.ball import precision
from trysquare.truth.oracle import PRECISIONS, Oracle

INFLATION = 1 + 2.0**-40
"""Tier 1 adds up its bound in float64; its own few roundings are far smaller than this."""


def rounded(oracle: Oracle) -> tuple[Array, Array]:
    """Return the correctly rounded answers, float64 shaped (rows, columns), and what is undecided.

    An answer is the exact result rounded once, to nearest in the oracle's format, ties to even,
    beyond its largest number to infinity (IEEE 754-2019, 4.3.1). A result that is too small becomes
    a zero of the same sign. The sign of an exact zero, NaN and infinities are what IEEE arithmetic
    makes of the formula. What the highest precision does not decide is marked, and NaN among the
    answers; `candidates` has the two numbers between which it lies.
    """
    low, high = candidates(oracle)
    undecided = ~same(low, high)
    return np.where(undecided, np.nan, low), undecided


def candidates(oracle: Oracle) -> tuple[Array, Array]:
    """Return the least and the greatest number to which the exact result may round.

    Both are float64 shaped (rows, columns), and where that is decided the same bit for bit.
    """
    low, high = _fast(oracle)
    # poles, and what is outside a domain, have no ball at any precision
    special = ~np.isfinite(oracle.ieee)
    for bits in PRECISIONS:
        unsure = ~same(low, high)
        rows = np.flatnonzero(unsure.any(axis=1))
        if not rows.size:
            break
        with precision(bits):
            least, greatest = _ends(oracle.balls(rows, bits), oracle.ieee[rows], oracle.format)
        known = unsure[rows] & ~np.isnan(least)
        special[rows] &= ~known
        low[rows] = np.where(known, least, low[rows])
        high[rows] = np.where(known, greatest, high[rows])
    special &= ~same(low, high)
    return np.where(special, oracle.ieee, low), np.where(special, oracle.ieee, high)


def round_ball(ball: flint.arb, format: Format) -> float:
    """Return the number of a format to which a ball rounds, ties to even; NaN where it is open."""
    with precision(PRECISIONS[-1]):
        low = _end(format, flint.arb.lower, -0.0, ball, 0.0)
        high = _end(format, flint.arb.upper, 0.0, ball, 0.0)
    return low if low == high else math.nan


def same(a: Array, b: Array) -> Array:
    """Tell where two arrays hold the same number, zeros of one sign, or both NaN."""
    equal = (a == b) & (np.signbit(a) == np.signbit(b))
    return np.asarray(equal | (np.isnan(a) & np.isnan(b)))


def _fast(oracle: Oracle) -> tuple[Array, Array]:
    """Round both ends of tier 1's interval; where it has none they are both infinities."""
    truth, format = oracle.fast, oracle.format
    with np.errstate(over="ignore", invalid="ignore"):
        error = truth.bound * format.ulp(truth.value) * INFLATION
        low = np.nextafter(truth.value - error, -np.inf)
        high = np.nextafter(truth.value + error, np.inf)
    unknown = np.isinf(truth.bound)
    low, high = np.where(unknown, -np.inf, low), np.where(unknown, np.inf, high)
    exact = error == 0
    low, high = np.where(exact, truth.value, low), np.where(exact, truth.value, high)
    return format.round(low), format.round(high)


def _ends(found: Array, ieee: Array, format: Format) -> tuple[Array, Array]:
    """Round both ends of balls, at flint's precision; NaN where a ball is not finite."""
    least = np.frompyfunc(partial(_end, format, flint.arb.lower, -0.0), 2, 1)
    greatest = np.frompyfunc(partial(_end, format, flint.arb.upper, 0.0), 2, 1)
    return np.asarray(least(found, ieee), np.float64), np.asarray(greatest(found, ieee), np.float64)


def _end(
    format: Format,
    side: Callable[[flint.arb], flint.arb],
    zero: float,
    ball: flint.arb,
    ieee: float,
) -> float:
    if not ball.is_finite():
        return math.nan
    end = side(ball)
    if end != 0:
        return _nearest(end, format)
    if ball != 0:  # the exact result may be zero or not
        return zero
    return math.copysign(0.0, ieee) if ieee == 0 else 0.0


def _nearest(number: flint.arb, format: Format) -> float:
    """Round a ball without radius, not zero, with integers alone."""
    mantissa, exponent = (int(part) for part in number.man_exp())
    size, sign = abs(mantissa), -1.0 if mantissa < 0 else 1.0
    leading = exponent + size.bit_length() - 1
    if leading > format.emax:
        return sign * math.inf
    last = max(leading, format.emin) - (format.precision - 1)
    drop = last - exponent
    if drop <= 0:
        whole = size << -drop
    elif leading < last - 1:  # less than half of the smallest subnormal
        whole = 0
    else:
        odd = (size >> drop) & 1
        whole = (size + (1 << (drop - 1)) - 1 + odd) >> drop
    if whole.bit_length() - 1 + last > format.emax:
        return sign * math.inf
    return sign * math.ldexp(whole, last)
