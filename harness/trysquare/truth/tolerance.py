"""How far an answer may be from the truth: stated in ULP by the spec, or inherited."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from trysquare.dtypes import FLOAT64, Array
from trysquare.formula.evaluate import evaluate
from trysquare.formula.float64 import Float64
from trysquare.formula.tree import Node
from trysquare.truth.known import Allowance, Reach
from trysquare.truth.oracle import Oracle

ESTIMATE = 2.0**-10
"""How good, at least, the estimate of a reciprocal or a root is that a kernel corrects: x86's rcpps
and rsqrtps are within 1.5 * 2^-12."""

TERMS = "n"
"""The name, in a stated tolerance, of the number of elements that are reduced."""


def allowance(oracle: Oracle, stated: Node | None, terms: int, *, flushes: bool) -> Allowance:
    """Return the limit for every answer.

    A target that flushes subnormals is allowed, beyond the limit, what flushing any intermediate
    of the formula can change.
    """
    inherited = oracle.inherited
    limit, fraction = inherited.limit, None
    if stated is not None:
        limit, fraction = _stated(oracle, stated, terms)
    limit = np.where(np.isnan(limit), np.inf, limit)
    found = replace(inherited, limit=limit, fraction=fraction)
    return _flushing(oracle, found) if flushes else found


def _flushing(oracle: Oracle, found: Allowance) -> Allowance:
    """Return what is allowed to a target that flushes subnormals.

    Beyond what the formula says, a correction of an ESTIMATE may have been flushed; and where the
    truth is zero, a subnormal number is as good.
    """
    limit, truth, reach, own = found.limit, oracle.ieee, oracle.flushing, oracle.inherited.limit
    tiny, size = oracle.format.smallest_normal, np.abs(truth)
    least = np.minimum(np.where(size > 0, ESTIMATE * size, tiny), tiny)
    with np.errstate(invalid="ignore"):
        below, above = (
            np.maximum(side - own, least - limit) for side in (reach.below, reach.above)
        )
    known = np.isfinite(limit) & np.isfinite(below) & np.isfinite(above)
    room = Reach(*(np.where(known, np.maximum(side, 0.0), 0.0) for side in (below, above)))
    return replace(found, limit=np.where(known, limit, np.inf), flushed=room)


def _stated(oracle: Oracle, stated: Node, terms: int) -> tuple[Array, Array | None]:
    """Return a limit, and in ULP what of it is less than the smallest number of float64."""
    arithmetic = Float64(oracle.rows, oracle.columns, oracle.format)
    names = {**oracle.inputs, TERMS: np.full((1, 1), float(terms))}
    ulps = evaluate(stated, arithmetic, names)
    spacing = oracle.format.ulp(oracle.ieee)
    limit = ulps * spacing
    smallest = spacing == FLOAT64.smallest_subnormal
    if not smallest.any():
        return limit, None
    with np.errstate(invalid="ignore"):
        return limit, np.where(smallest, ulps - limit / spacing, 0.0)
