"""Answer, truth and limit -> distance in ULP and outcome of every element."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trysquare.dtypes import Array, Format
from trysquare.result import Symptom
from trysquare.truth.known import Allowance, Truth

FARTHEST = 1e300
"""The most ULP that are reported; only float64 near an exact zero gets there."""


@dataclass(frozen=True)
class Distance:
    """How far an answer is from the truth, element by element.

    `ulp` is (got - exact) / ulp(exact), signed, NaN where one of them is no number. `limit` is the
    allowed |ulp| (infinite where none can be said), `bad` marks what diverges, `unsure` what the
    truth's bound does not decide.
    """

    ulp: Array
    limit: Array
    bad: Array
    unsure: Array

    def where(self, mask: Array, other: Distance) -> Distance:
        """Return this where the mask holds, and the other elsewhere."""
        return Distance(
            np.where(mask, self.ulp, other.ulp),
            np.where(mask, self.limit, other.limit),
            np.where(mask, self.bad, other.bad),
            np.where(mask, self.unsure, other.unsure),
        )


def distance(got: Array, truth: Truth, allowance: Allowance, format: Format) -> Distance:
    """Compare float64 copies of an answer with the truth.

    An infinite answer stands at 2^(emax + 1), so that overflow is continuous: infinity is as far
    from `largest` as the next number would be. Nothing measures how far a number is from NaN, or
    from an infinity that is the exact result.
    """
    with np.errstate(all="ignore"):
        error, scale = _scaled_error(got, truth, format)
        spacing = truth.spacing(format)
        permitted = allowance.toward(error)
        # scaled first: a fraction of the smallest subnormal would be zero
        allowed, slack = permitted * scale, truth.bound * (format.ulp(truth.value) * scale)
        missing = 0.0 if allowance.fraction is None else allowance.fraction
        allowed = allowed + missing * (spacing * scale)
        ulp = np.clip(error / (spacing * scale), -FARTHEST, FARTHEST)
        ulp = np.where(np.isfinite(error), ulp, np.nan)
        limit = np.minimum(permitted / spacing + missing, FARTHEST)
        limit = np.where(np.isfinite(permitted), limit, np.inf)
        size = np.abs(error)
        unsure = np.abs(size - allowed) <= slack
        # no answer is nearer: in a tail that vanishes there is nothing left to decide
        unsure &= size + slack >= spacing * scale / 2
    wrong = special_mismatch(got, truth.value)
    # overflow: an infinity of the right sign where the exact value is finite but too large
    overflown = np.isinf(got) & (np.abs(truth.value) >= _overflow(format))
    overflown &= np.sign(got) == np.sign(truth.value)
    both_special = ~np.isfinite(got) & ~np.isfinite(truth.value)
    fine = overflown | (both_special & ~wrong)
    # overflow on the way, as an evaluation of the formula in this format has it
    fine |= (np.isnan(got) & np.isnan(allowance.spilled)) | (
        np.isinf(got) & (got == allowance.spilled)
    )
    for detour in allowance.detours:
        fine |= detour.accepts(got)
    fine |= _just_inside(got, truth, allowance, format)
    # where flushing or overflow leaves no limit, an answer that is no number is no worse
    fine |= np.isinf(allowance.limit) & np.isfinite(truth.value) & ~np.isfinite(got)
    judged = np.isfinite(error) & ~fine
    # blamed is what is proven: an answer may be the truth itself, as well as that is known
    with np.errstate(invalid="ignore"):
        bad = np.where(judged, size - slack > allowed, wrong & ~fine)
    unsure = (judged & unsure & (truth.bound > 0)) | (~fine & ~np.isfinite(truth.bound))
    return Distance(np.where(fine, np.nan, ulp), limit, bad, unsure)


def special_mismatch(got: Array, want: Array) -> Array:
    """Mark NaN against a number, and infinity against another infinity or a small number."""
    nan = np.isnan(got) != np.isnan(want)
    got_inf, want_inf = np.isinf(got), np.isinf(want)
    return np.asarray(nan | (got_inf & want_inf & (got != want)) | (got_inf != want_inf))


def symptoms(got: Array, exact: Array, distance: Distance, format: Format) -> Array:
    """Return the Symptom of every element that diverges, None elsewhere."""
    found = np.full(got.shape, None, object)
    bad = distance.bad
    found[bad] = Symptom.INACCURATE
    found[bad & (got == 0) & (np.abs(exact) >= format.smallest_subnormal)] = Symptom.LOST
    found[bad & (np.isinf(got) != np.isinf(format.round(exact)))] = Symptom.INFINITY
    found[bad & (np.isnan(got) != np.isnan(exact))] = Symptom.NAN
    return found


def integer_distance(got: float, truth: float, format: Format) -> int | None:
    """Count the representable numbers from the rounded truth to the answer; None for NaN."""
    if np.isnan(got) or np.isnan(truth):
        return None
    pair = format.ordinal(np.array([got, truth]))
    return abs(int(pair[0]) - int(pair[1]))


def _just_inside(got: Array, truth: Truth, allowance: Allowance, format: Format) -> Array:
    """Mark answers as near the largest number as they may be to an exact result beyond it.

    A truth beyond float64 is infinite. It is barely beyond where the formula, evaluated in the
    format, is large, but does not overflow.
    """
    if format.precision != 53:
        return np.zeros(got.shape, bool)
    barely = np.isinf(truth.value) & np.isfinite(allowance.spilled)
    barely &= np.abs(allowance.spilled) > format.largest / 2
    barely &= np.sign(got) == np.sign(truth.value)
    with np.errstate(all="ignore"):
        near: Array = barely & (format.largest - np.abs(got) <= allowance.limit)
    return near


def _overflow(format: Format) -> float:
    """Return where rounding to nearest becomes infinite: half an ULP above the largest number."""
    if format.precision == 53:
        return float("inf")
    return format.largest + float(format.ulp(np.array(format.largest))) / 2


def _scaled_error(got: Array, truth: Truth, format: Format) -> tuple[Array, Array]:
    """Return got - exact, and the power of two by which it is scaled to stay inside float64."""
    size = np.maximum(np.abs(truth.value), np.abs(got))
    scale = np.where(size >= 1, 2.0**-8, np.where(size < 2.0**-500, 2.0**200, 1.0))
    placed = np.where(np.isinf(got), np.copysign(2.0 ** (format.emax - 7), got), got * scale)
    missing = truth.rest * (format.ulp(truth.value) * scale)
    return (placed - truth.value * scale) - missing, scale
