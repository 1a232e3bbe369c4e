"""Random answers: draws within their bounds, uniform together, and independent."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from trysquare.dtypes import Array
from trysquare.formula.evaluate import evaluate
from trysquare.formula.float64 import Float64
from trysquare.result import Outcome, Result, Symptom
from trysquare.spec import Expression
from trysquare.truth.meaning import OUTPUT
from trysquare.verdict.standard import Standard

FALSE_ALARM = 1e-9
"""How often a uniform generator would be blamed."""


def judge_draws(blank: Result, standard: Standard, got: Array) -> Result:
    """Recover the draws from an answer and examine them.

    The test of uniformity is Kolmogorov's: sqrt(n) * D exceeds t with probability at most
    2 exp(-2 t^2) (Massart 1990).
    """
    random = standard.spec.random
    if random is None:
        return replace(blank, outcome=Outcome.ERRORED, reason="the spec draws nothing")
    low, high = _number(standard, random.low), _number(standard, random.high)
    rows = {
        **standard.rows,
        OUTPUT: standard.layout.to_rows(got.astype(np.float64), standard.spread),
    }
    arithmetic = Float64(standard.layout.rows, standard.layout.columns, standard.case.format)
    where = np.asarray(
        evaluate(standard.meant.expression(random.when.tree), arithmetic, rows), bool
    )
    draws = evaluate(standard.meant.expression(random.given.tree), arithmetic, rows)[where]
    if not draws.size:
        return replace(blank, outcome=Outcome.ERRORED, reason="no element shows a draw")
    # a draw, its product and our quotient are rounded once each
    blur = 3 * standard.case.format.unit_roundoff * max(abs(low), abs(high))
    reason = _outside(draws, low - blur, high + blur) or _uneven(draws, low, high, blur)
    figures = replace(blank, count=draws.size)
    if not reason:
        return figures
    return replace(
        figures,
        outcome=Outcome.DIVERGES,
        symptom=Symptom.DISTRIBUTION,
        failed=draws.size,
        reason=reason,
    )


def _number(standard: Standard, expression: Expression) -> float:
    tree = standard.meant.expression(expression.tree)
    return float(evaluate(tree, Float64(1, 1), {})[0, 0])


def _outside(draws: Array, low: float, high: float) -> str:
    wrong = draws[~((draws >= low) & (draws <= high))]
    if not wrong.size:
        return ""
    return f"{wrong.size} of {draws.size} draws are outside [{low:.6g}, {high:.6g}]: {wrong[0]:.6g}"


def _uneven(draws: Array, low: float, high: float, blur: float) -> str:
    ordered = np.sort((draws - low) / (high - low))
    steps = np.arange(ordered.size + 1) / ordered.size
    gap = float(np.maximum(np.abs(steps[1:] - ordered), np.abs(ordered - steps[:-1])).max())
    allowed = math.sqrt(math.log(2 / FALSE_ALARM) / (2 * draws.size)) + 2 * blur / (high - low)
    if gap > allowed:
        return f"not uniform: the distribution is off by {gap:.4f}, {allowed:.4f} allowed"
    return _repeated(draws - draws.mean())


def _repeated(centred: Array) -> str:
    """Look for a distance at which draws resemble each other: the autocorrelation at every lag."""
    count = centred.size
    spectrum = np.abs(np.fft.rfft(centred, 2 * count)) ** 2
    correlations = np.fft.irfft(spectrum)[1:count] / (centred**2).sum()
    lag = int(np.argmax(np.abs(correlations)))
    # n^-1/2 is one standard deviation; 7.5 of them at any of 20,000 lags: FALSE_ALARM
    if abs(correlations[lag]) > 7.5 / math.sqrt(count):
        return f"not independent: draws {lag + 1} apart correlate by {correlations[lag]:.4f}"
    return ""
