"""What Arb knows, in float64 and float32: bounds that nothing exceeds, and what all rounds to."""

from __future__ import annotations

import math

import flint
import numpy as np

from trysquare.dtypes import FLOAT32

NEAR = 1 + 2.0**-40
"""More than the roundings of a bound that is itself worked out in float64."""

HUGE, SMALL = 2.0**1000, 2.0**-1000
"""What is beyond does not become a float64: flint's exponents have no limit."""


def pattern_of(value: float) -> int:
    """Return the bits of a number in float32."""
    return int(np.array(value, np.float32).view(np.uint32))


def same_rounding(lowest: flint.arb, highest: flint.arb) -> int | None:
    """Return the pattern of the number that everything between rounds to, if it is one.

    A zero has the sign of what was rounded; where that is not known, it is not one number.
    """
    if not (lowest.is_finite() and highest.is_finite()):
        return None
    low, high = _below(lowest.lower()), -_below(-highest.upper())
    if lowest >= 0:
        low = max(low, 0.0)
    if highest <= 0:
        high = min(high, 0.0)
    with np.errstate(over="ignore"):
        ends = np.array([low, high]).astype(np.float32)
    if ends[0] != ends[1]:
        return None
    if ends[0] != 0:
        return pattern_of(float(ends[0]))
    if lowest.is_zero() and highest.is_zero():
        return None
    return pattern_of(0.0) if lowest >= 0 else pattern_of(-0.0) if highest <= 0 else None


def size_of(ball: flint.arb) -> float:
    """Return a float64 that nothing in a ball exceeds in size."""
    size = ball.abs_upper()
    if not size < HUGE:
        return math.inf
    return SMALL if size < SMALL else float(size) * NEAR


def middle_of(ball: flint.arb) -> float:
    """Return about the middle of a ball; what float64 cannot hold is infinite, or zero."""
    middle = ball.mid()
    if abs(middle) < SMALL:
        return 0.0
    return float(middle) if abs(middle) < HUGE else math.inf


def spacing_of(least: float) -> float:
    """Return the ULP of a number of at least this size."""
    if least <= FLOAT32.smallest_normal:
        return FLOAT32.smallest_subnormal
    exponent = min(math.frexp(least)[1] - 1, FLOAT32.emax)
    return math.ldexp(1.0, exponent - (FLOAT32.precision - 1))


def _below(value: flint.arb) -> float:
    """Return a float64 that is not larger."""
    if value > HUGE:
        return HUGE
    if value < -HUGE:
        return -math.inf
    if abs(value) < SMALL:
        return -SMALL
    return math.nextafter(float(value), -math.inf)
