"""How far an answer may be from the truth: stated in ULP by the spec, or inherited."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from trysquare.dtypes import FLOAT64, Array
from trysquare.formula.evaluate import evaluate
from trysquare.formula.float64 import Float64
from trysquare.formula.tree import Node
from trysquare.truth.known import Allowance
from trysquare.truth.oracle import Oracle

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
    if flushes:
        fraction = None  # more than the smallest normal number is allowed
        with np.errstate(invalid="ignore"):
            limit = limit + np.maximum(oracle.flushing - inherited.limit, 0.0)
        # whatever the order of operations, one term may have been flushed
        limit = np.maximum(limit, oracle.format.smallest_normal)
    limit = np.where(np.isnan(limit), np.inf, limit)
    return replace(inherited, limit=limit, fraction=fraction)


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
