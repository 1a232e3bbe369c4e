"""An answer against what the same target answered elsewhere, to the last bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from trysquare.dtypes import Array, Format
from trysquare.result import Outcome, Result, Symptom, Worst
from trysquare.verdict.compare import integer_distance
from trysquare.verdict.measure import inputs_at, number
from trysquare.verdict.standard import Standard


def judge_bits(blank: Result, standard: Standard, got: Array, reference: Array) -> Result:
    """Return the result of an answer; `reference` is the answer to the case elsewhere.

    NaN equals NaN whatever its payload; zeros of different signs differ.
    """
    elsewhere = standard.case.elsewhere
    if elsewhere is None:
        raise ValueError(f"'{standard.case.name}' refers to no other case")
    want = reference.reshape(-1)[elsewhere.places]
    here, there = np.asarray(got, np.float64), np.asarray(want, np.float64)
    same = ((here == there) & (np.signbit(here) == np.signbit(there))) | (
        np.isnan(here) & np.isnan(there)
    )
    counted = replace(blank, count=got.size)
    if same.all():
        return counted
    worst = _worst(standard, here, there, ~same)
    return replace(
        counted,
        outcome=Outcome.DIVERGES,
        symptom=Symptom.BITS,
        failed=int((~same).sum()),
        max_ulp=0.0 if np.isnan(worst.ulp) else worst.ulp,
        worst=worst,
        diagnosis=f"differs from its own answer in '{elsewhere.case.name}'",
    )


def _worst(standard: Standard, got: Array, want: Array, differs: Array) -> Worst:
    laid, spread, format = standard.layout, standard.spread, standard.case.format
    here, there, bad = (laid.to_rows(array, spread) for array in (got, want, differs))
    ulps = _ulps(here, there, format)
    chosen = np.argmax(np.where(bad, np.where(np.isnan(ulps), np.inf, ulps), -1.0))
    place = divmod(int(chosen), bad.shape[1])
    one, other = number(float(here[place]), format), number(float(there[place]), format)
    return Worst(
        index=standard.index_of(*place),
        inputs=inputs_at(standard, place),
        got=one,
        want=other,
        ulp=float(ulps[place]),
        limit=0.0,
        distance=integer_distance(float(here[place]), float(there[place]), format),
        condition=None,
    )


def _ulps(here: Array, there: Array, format: Format) -> Array:
    """Return |here - there| in ULP of there; NaN where one of both is no number."""
    with np.errstate(all="ignore"):
        ulps = np.abs(here - there) / format.ulp(there)
    return np.where(np.isfinite(here) & np.isfinite(there), ulps, np.nan)
