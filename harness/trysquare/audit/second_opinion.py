"""A second opinion on the truth: the same tree, or its textbook form, over mpmath's numbers.

mpmath shares no code with Arb, but both walk the same tree: what this finds is a fault of an
arithmetic or of an elementary function, and, where a definition is stated, of the formula.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import flint
import mpmath
import numpy as np

from trysquare.audit.enclosure import each, enclosures, narrow
from trysquare.audit.grid import Grid
from trysquare.audit.multiprecision import Multiprecision
from trysquare.dtypes import FLOAT64, Array
from trysquare.formula.evaluate import evaluate
from trysquare.formula.tree import Node
from trysquare.truth.oracle import Oracle

PRECISIONS = (320, 1280, 2560)
"""Bits; more where a textbook form has lost them."""


SLACK = 2.0**-10
"""ULP of float64 by which two opinions on a finite point may differ: nothing that matters."""

ROWS = 300
"""Finite points that are asked; mpmath is slow."""


@dataclass(frozen=True)
class Opinion:
    """How many numbers were compared, and the first row of inputs about which the two differ."""

    compared: int
    differs: Mapping[str, Array] | None = None


def compare(points: Grid) -> Opinion:
    """Hold the truth of a formula against its definition, or itself, over mpmath's numbers."""
    meant = points.meant
    definition = meant.definition()
    finite = _finite(points, meant.terms if definition is None else definition)
    special = _special(points, meant.terms)
    return Opinion(finite.compared + special.compared, finite.differs or special.differs)


def _finite(points: Grid, tree: Node) -> Opinion:
    """Compare at finite points, where Arb proves what is true."""
    some = points.only(np.linspace(0, points.rows - 1, min(ROWS, points.rows)).astype(int))
    wide = any(points.spread(each).columns for each in (tree, points.meant.terms))
    shape = (some.rows, some.columns if wide else 1)
    exact = enclosures(points.meant.terms, some.inputs, shape, some.columns)
    known = each(narrow, exact)
    open_rows = np.arange(some.rows)
    for bits in PRECISIONS:
        asked = some.only(open_rows)
        values = opinion(tree, asked.inputs, asked.columns, bits)
        values = np.broadcast_to(values, (len(open_rows), shape[1]))
        known[open_rows] &= ~each(_is_nan, values)  # a textbook form may be 0 * inf at an end
        differ = known[open_rows] & ~each(_same, values, exact[open_rows])
        open_rows = open_rows[differ.any(axis=1)]
        if not open_rows.size:
            return Opinion(int(known.sum()))
    return Opinion(int(known.sum()), some.only(open_rows[:1]).inputs)


def _special(points: Grid, tree: Node) -> Opinion:
    """Compare IEEE's rules where an input is an infinity or NaN."""
    rows = _with_specials(points)
    truth = Oracle(tree, rows.given(tree), rows.rows, rows.columns, rows.spread(tree), FLOAT64).ieee
    values = opinion(tree, rows.inputs, rows.columns, PRECISIONS[0])
    same = each(_alike, np.broadcast_to(values, truth.shape), truth)
    wrong = np.flatnonzero(~same.all(axis=1))
    return Opinion(int(same.size), rows.only(wrong[:1]).inputs if wrong.size else None)


def _with_specials(points: Grid) -> Grid:
    """Return rows in which one input, or two of them, are infinities or NaN."""
    kinds = list(product((math.inf, -math.inf, math.nan, None), repeat=2))[:-1]
    chosen = points.only(np.arange(len(kinds)) % points.rows)
    inputs = {name: np.array(values) for name, values in chosen.inputs.items()}
    floats = [name for name in inputs if name not in points.indices]
    for row, pair in enumerate(kinds):
        for place, name in enumerate(floats):
            value = pair[place % 2]
            if value is not None:
                inputs[name][row, row % inputs[name].shape[1]] = value
    return replace(chosen, inputs=inputs).inside()


def _same(value: Any, ball: flint.arb) -> bool:
    """Tell whether mpmath's number is where the ball is, to a fraction of a float64."""
    middle, near = ball.mid(), float(ball.mid())
    if not math.isfinite(near):  # beyond float64: any number as large will do
        return bool(abs(value) > FLOAT64.largest)
    mantissa, exponent = middle.man_exp()
    apart = abs(value - value.context.ldexp(int(mantissa), int(exponent)))
    # a fraction of the smallest float64 is no float64
    return bool(apart <= value.context.mpf(float(FLOAT64.ulp(np.array(near)))) * SLACK)


def _is_nan(value: Any) -> bool:
    return bool(value != value)  # noqa: PLR0124 - NaN is the only such number


def _alike(value: Any, truth: float) -> bool:
    """Tell whether both are NaN, the same infinity, or about the same number.

    How good the number is, finite points tell.
    """
    number = float(value)
    close = math.isclose(number, truth, rel_tol=1e-6, abs_tol=1e-6)
    return close or (math.isnan(number) and math.isnan(truth))


def opinion(tree: Node, inputs: Mapping[str, Array], columns: int, bits: int) -> Array:
    """Return the tree's values as an array of mpmath numbers; NaN and infinities as IEEE has them.

    There is no negative zero: 1 / -0 is infinite here.
    """
    rows = max((len(values) for values in inputs.values()), default=1)
    with mpmath.workprec(bits), np.errstate(all="ignore"):
        names = {
            name: np.asarray(np.frompyfunc(mpmath.mpf, 1, 1)(values), object)
            for name, values in inputs.items()
        }
        return evaluate(tree, Multiprecision(mpmath, rows, columns), names)
