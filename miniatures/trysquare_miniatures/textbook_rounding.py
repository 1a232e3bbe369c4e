"""Rounding as a textbook has it: to nearest, ties to even, with integers alone."""

from __future__ import annotations

import math

from trysquare_miniatures.textbook import Real, mp

SIZES = {"float64": (53, 1023), "float32": (24, 127), "float16": (11, 15), "bfloat16": (8, 127)}
"""Significant bits, largest exponent."""


def nearest(value: Real, dtype: str) -> float:
    """Round to nearest, ties to even, with integers alone."""
    if mp.isnan(value) or mp.isinf(value) or value == 0:
        return float(value)
    bits, top = SIZES[dtype]
    sign, mantissa, exponent, length = value._mpf_
    leading = exponent + length - 1
    if leading > top:
        return -math.inf if sign else math.inf
    last = max(leading, 1 - top) - (bits - 1)
    drop = last - exponent
    if drop <= 0:
        whole = mantissa << -drop
    elif drop > length + 1:
        whole = 0
    else:
        whole, rest = mantissa >> drop, mantissa & ((1 << drop) - 1)
        half = 1 << (drop - 1)
        whole += rest > half or (rest == half and whole & 1)
    if whole.bit_length() + last - 1 > top:
        return -math.inf if sign else math.inf
    # what is rounded to zero keeps its sign
    return math.copysign(math.ldexp(whole, last), -1.0 if sign else 1.0)
