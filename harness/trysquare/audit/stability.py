"""Whether a formula keeps its digits in float64, as far as the problem itself allows it.

The running error bound of the formula is held against the condition number of what it computes:
the sum of |x df/dx / f| over all inputs, the factor by which f magnifies a rounding of its inputs,
and what f jumps where an input moves by one ULP. A bound that the condition explains is the
problem's; any other is the formula's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import flint
import numpy as np

from trysquare.audit.double_entry import gradients
from trysquare.audit.enclosure import enclosures, nearest
from trysquare.audit.grid import Grid
from trysquare.dtypes import FLOAT64, Array
from trysquare.formula.derivative import gradient
from trysquare.formula.tree import Node, name
from trysquare.truth.known import Truth
from trysquare.truth.oracle import Oracle

LIMIT = 2.0**10
"""ULP of float64, for each unit of 1 + condition, that a formula may lose.

Every primitive is allowed 16 ULP here, so that a stable formula of a few of them stays below 2^8,
and a formula that cancels reaches 2^50 (measured over all specs: docs/auditing.md). In between, 43
of 53 bits are left, which is what a float32 answer needs to be judged without Arb.
"""

HARMLESS = 2.0**5
"""ULP of float64 that need no explanation."""

MOST = 600
"""Rows whose condition is worked out, where a row has several numbers."""

JUMP = 16
"""How much more than by its condition a value moves at a jump."""

SEED = "seed"
"""The name of the output's adjoint in the derivatives of a tree."""


@dataclass(frozen=True)
class Loss:
    """One place where a formula loses digits: row, column, and figures in ULP of float64.

    `bound` is proven, `measured` is the error that this machine makes (infinite if it gives NaN).
    """

    row: int
    column: int
    bound: float
    measured: float
    condition: float
    value: float

    @property
    def ratio(self) -> float:
        """The bound for each unit of 1 + condition."""
        return self.bound / (1 + self.condition)


@dataclass(frozen=True)
class Stability:
    """What was found of one tree: the places where digits are lost, and the ratio of each row."""

    name: str
    wrt: str | None
    points: Grid
    ratios: Array
    losses: tuple[Loss, ...]

    @property
    def worst(self) -> float:
        """The largest ratio of bound to 1 + condition."""
        return float(self.ratios.max(initial=0.0))


def trees(points: Grid) -> Iterator[tuple[str, str | None, Node]]:
    """Yield the formula and every gradient, stated or derived, with their names."""
    yield "formula", None, points.meant.terms
    for wrt in gradients(points):
        yield f"gradient of {wrt}", wrt, points.meant.gradients(wrt)[0]


def stability(points: Grid, label: str, wrt: str | None, tree: Node) -> Stability:
    """Hold the float64 bound of a tree against its condition, at every point."""
    if wrt is not None:
        points = points.only(np.flatnonzero(~points.kinks))
    given, spread = points.given(tree), points.spread(tree)
    fast = Oracle(tree, given, points.rows, points.columns, spread, FLOAT64).fast
    ratios = np.minimum(fast.bound, HARMLESS).max(axis=1)
    suspects = np.flatnonzero((fast.bound > HARMLESS).any(axis=1))
    if points.columns > 1 and len(suspects) > MOST:
        suspects = suspects[np.linspace(0, len(suspects) - 1, MOST).astype(int)]
    if not suspects.size:
        return Stability(label, wrt, points, ratios, ())
    found, losses = _losses(points.only(suspects), tree, fast.only(suspects))
    ratios[suspects] = found.max(axis=1)
    placed = tuple(replace(loss, row=int(suspects[loss.row])) for loss in losses)
    return Stability(label, wrt, points, ratios, placed)


def _losses(points: Grid, tree: Node, fast: Truth) -> tuple[Array, list[Loss]]:
    """Return the ratios of bound to condition, and every place where one is too large."""
    exact = enclosures(tree, points.given(tree), fast.bound.shape, points.columns)
    condition = conditions(points, tree, exact)
    true = np.asarray(np.frompyfunc(nearest, 1, 1)(exact), np.float64)
    with np.errstate(all="ignore"):
        spacing = FLOAT64.ulp(true)
        bound = fast.bound * (FLOAT64.ulp(fast.value) / spacing)
        measured = np.abs(fast.value - true) / spacing
    measured = np.nan_to_num(measured, nan=np.inf, posinf=np.inf)
    ratio = _ratio(bound, condition, true)
    rows = np.flatnonzero((ratio > LIMIT).any(axis=1))
    if rows.size:
        jumped = jumps(points.only(rows), tree, exact[rows])
        smooth = condition[rows]
        condition[rows] = np.where(jumped > JUMP * (1 + smooth), jumped, smooth)
        ratio = _ratio(bound, condition, true)
    figures = (bound, measured, condition, true)
    losses = [
        Loss(int(row), int(column), *(float(each[row, column]) for each in figures))
        for row, column in np.argwhere(ratio > LIMIT)
    ]
    return ratio, losses


def _ratio(bound: Array, condition: Array, true: Array) -> Array:
    """Return the bound for each unit of 1 + condition.

    It is 0 where nothing is asked: at a pole, an overflow of the result itself, an exact zero, and
    where the condition excuses the loss of all digits.
    """
    judged = np.isfinite(true) & (true != 0) & ((1 + condition) * LIMIT < 1 / FLOAT64.eps)
    with np.errstate(invalid="ignore"):
        return np.where(judged, bound / (1 + condition), 0.0)


def conditions(points: Grid, tree: Node, exact: Array) -> Array:
    """Return upper bounds of the condition number, shaped like the values `exact` (balls)."""
    given = points.given(tree)
    spread = points.spread(tree)
    extents = {**points.extents, SEED: spread}
    total = np.zeros(exact.shape)
    for wrt, x in given.items():
        derivative = gradient(tree, name(SEED), wrt, extents)
        for column in range(exact.shape[1]):
            seed = np.zeros(exact.shape)
            seed[:, column] = 1
            slopes = enclosures(derivative, {**given, SEED: seed}, x.shape, points.columns)
            moved = np.frompyfunc(_moved, 3, 1)(slopes, x, exact[:, [column]])
            total[:, column] += np.asarray(moved, np.float64).sum(axis=1)
    return total


def jumps(points: Grid, tree: Node, exact: Array) -> Array:
    """Return by how many ULP of float64 the values move as each input moves by one, summed.

    Where the function itself jumps, no derivative tells that.
    """
    given = points.given(tree)
    total = np.zeros(exact.shape)
    for name_, x in given.items():
        if name_ in points.indices:
            continue
        for end in (-np.inf, np.inf):
            beside = {**given, name_: np.nextafter(x, end)}
            moved = enclosures(tree, beside, exact.shape, points.columns) - exact
            total += np.asarray(np.frompyfunc(_in_ulp, 2, 1)(moved, exact), np.float64)
    return total


def _in_ulp(moved: flint.arb, value: flint.arb) -> float:
    """Return a distance in ULP of float64 at a value; none if it is not known."""
    spacing = float(FLOAT64.ulp(np.array(nearest(value))))
    return float(abs(moved.mid())) / spacing if moved.is_finite() else 0.0


def _moved(slope: flint.arb, x: float, value: flint.arb) -> float:
    """Return an upper bound of |x slope / value|."""
    least = value.abs_lower()
    if not slope.is_finite() or not least > 0:
        return np.inf
    return float((slope * flint.arb(x)).abs_upper() / least)
