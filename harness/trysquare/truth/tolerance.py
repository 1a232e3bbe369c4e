"""How far an answer may be from the truth: stated in ULP by the spec, or inherited."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from trysquare.dtypes import Array
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
    limit = inherited.limit if stated is None else _stated(oracle, stated, terms)
    if flushes:
        with np.errstate(invalid="ignore"):
            limit = limit + np.maximum(oracle.flushing - inherited.limit, 0.0)
        # whatever the order of operations, one term may have been flushed
        limit = np.maximum(limit, oracle.format.smallest_normal)
    return replace(inherited, limit=np.where(np.isnan(limit), np.inf, limit))


def _stated(oracle: Oracle, stated: Node, terms: int) -> Array:
    arithmetic = Float64(oracle.rows, oracle.columns, oracle.format)
    names = {**oracle.inputs, TERMS: np.full((1, 1), float(terms))}
    ulps = evaluate(stated, arithmetic, names)
    return ulps * oracle.format.ulp(oracle.ieee)
