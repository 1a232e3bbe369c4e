"""The truth of a tree at given inputs, with a proven bound; never asks a backend.

Tier 1 is float64 with a running error bound, tier 2 is Arb with rising precision. Infinities and
NaN, of inputs or of results, are what IEEE float64 arithmetic makes of the formula.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import flint
import numpy as np

from trysquare.dtypes import Array, Format
from trysquare.errors import UndecidedError
from trysquare.formula.ball import Ball, balls
from trysquare.formula.bounded import Bounded, BoundedFloat64, Rounding, pessimistic, published
from trysquare.formula.derivative import Extent
from trysquare.formula.evaluate import evaluate
from trysquare.formula.float64 import Float64
from trysquare.formula.tree import Node, Op, Scope

PRECISIONS = (128, 320, 1280, 2560, 5120)
"""Bits of Arb, one after the other until the answer is decided; the last holds any sum of float64."""

SPARE_BITS = 20
"""How much finer than the format's spacing the truth is known."""


@dataclass(frozen=True)
class Truth:
    """The exact result as a float64 `value`, and what is missing, in ULP of the format at `value`.

    The exact result is value + (rest +- bound) ULP. `value` is infinite or NaN where the exact
    result is, or is larger than float64.
    """

    value: Array
    rest: Array
    bound: Array

    def patched(self, rows: Array, other: Truth) -> Truth:
        """Return this truth with some rows replaced by those of another."""
        parts = []
        for mine, theirs in zip(self._parts(), other._parts(), strict=True):
            merged = np.array(mine)
            merged[rows] = theirs
            parts.append(merged)
        return Truth(*parts)

    def only(self, rows: Array) -> Truth:
        """Return the truth of some rows."""
        return Truth(*(part[rows] for part in self._parts()))

    def _parts(self) -> tuple[Array, Array, Array]:
        return self.value, self.rest, self.bound


@dataclass(frozen=True)
class Allowance:
    """How far an answer may be from the truth (absolute), infinite where nothing can be said.

    Where `spills`, an evaluation of the formula in the format may overflow on its way, and an
    answer may also be infinite or NaN.
    """

    limit: Array
    spills: Array


@dataclass(frozen=True)
class Oracle:
    """A tree and the inputs, as rows, at which its truth is asked.

    `spread` tells whether there is an answer for each row, and for each column.
    """

    tree: Node
    inputs: Mapping[str, Array]
    rows: int
    columns: int
    spread: Extent
    format: Format

    @cached_property
    def mixes_rows(self) -> bool:
        """Whether a result depends on more than its own row."""
        return _mixes(self.tree)

    @cached_property
    def ieee(self) -> Array:
        """The tree in plain float64 arithmetic."""
        return self._full(evaluate(self.tree, self._plain, self._wide))

    @cached_property
    def fast(self) -> Truth:
        """Tier 1: float64 with a certified bound; infinite where nothing is known."""
        bounded = self._bounded(pessimistic())
        value = self._full(bounded.value)
        # where IEEE arithmetic says infinity or NaN there is nothing to be near to
        with np.errstate(over="ignore"):
            error = self._full(bounded.error) / self.format.ulp(value)
        bound = np.where(np.isfinite(value), error, 0.0)
        return Truth(value, np.zeros_like(value), np.where(np.isnan(bound), np.inf, bound))

    @cached_property
    def inherited(self) -> Allowance:
        """The inherited tolerance: how far a good evaluation in the format may be."""
        return self._allowance(flushes=False)

    @cached_property
    def inherited_flushing(self) -> Allowance:
        """The same for an evaluation that may replace any subnormal number by zero."""
        return self._allowance(flushes=True)

    @cached_property
    def certified(self) -> Truth:
        """Tier 2: the truth of every row by Arb, decided to SPARE_BITS below an ULP.

        Raises UndecidedError where the highest precision does not suffice.
        """
        return self._certified()

    def exact(self, rows: Array) -> Truth:
        """Return tier 2 for some rows only; UndecidedError as for all."""
        if self.mixes_rows or not self.spread.rows or "certified" in self.__dict__:
            return self.certified.only(rows)
        key = rows.tobytes()
        if key not in self._exact_rows:
            self._exact_rows[key] = self._only(rows).certified
        return self._exact_rows[key]

    @cached_property
    def _exact_rows(self) -> dict[bytes, Truth]:
        """What `exact` has worked out: targets often share their worst element."""
        return {}

    def condition(self, row: int, column: int, wrt: str, derivative: Node) -> float | None:
        """Return |x f'(x) / f(x)| at one element, in float64."""
        value = self.ieee[row, column]
        slope = self._full(evaluate(derivative, self._plain, self._wide))[row, column]
        x = np.broadcast_to(self.inputs[wrt], (self.rows, self.columns))[row, column]
        with np.errstate(all="ignore"):
            result = float(abs(x * slope / value))
        return result if np.isfinite(result) else None

    @property
    def _plain(self) -> Float64:
        return Float64(self.rows, self.columns, self.format)

    @cached_property
    def _wide(self) -> dict[str, Array]:
        return {key: np.asarray(value, np.float64) for key, value in self.inputs.items()}

    def _allowance(self, *, flushes: bool) -> Allowance:
        bounded = self._bounded(published(self.format, flushes))
        spills = np.broadcast_to(bounded.spills, self._shape)
        return Allowance(self._full(bounded.error), spills)

    def _bounded(self, rounding: Rounding) -> Bounded:
        arithmetic = BoundedFloat64(self.rows, self.columns, rounding, self.format)
        names = {key: arithmetic.exact(value) for key, value in self._wide.items()}
        return evaluate(self.tree, arithmetic, names)

    def _full(self, values: Array) -> Array:
        """Spread a value that does not vary over everything it stands for."""
        return np.array(np.broadcast_to(values, self._shape))

    @property
    def _shape(self) -> tuple[int, int]:
        height = self.rows if self.spread.rows else 1
        return height, self.columns if self.spread.columns else 1

    def _only(self, rows: Array) -> Oracle:
        inputs = {
            key: value[rows] if value.shape[0] == self.rows and self.rows > 1 else value
            for key, value in self.inputs.items()
        }
        return Oracle(self.tree, inputs, len(rows), self.columns, self.spread, self.format)

    def _certified(self) -> Truth:
        plain, truth = self.ieee, self.fast
        finite = self._finite_rows()
        if self.mixes_rows or not self.spread.rows:
            open_rows = np.arange(plain.shape[0] if finite.all() else 0)
        else:
            open_rows = np.flatnonzero(finite)
        for bits in PRECISIONS:
            if not open_rows.size:
                return truth
            found, decided = self._at_precision(open_rows, bits)
            # an infinite or NaN result has no ball; a second opinion at more bits, then IEEE's word
            special = ~np.isfinite(plain[open_rows]) & (bits > PRECISIONS[0])
            keep = np.where(decided, True, ~special)
            parts = [
                np.where(keep, new, old[open_rows])
                for new, old in zip(found._parts(), self.fast._parts(), strict=True)
            ]
            truth = truth.patched(open_rows, Truth(*parts))
            open_rows = open_rows[~(decided | special).all(axis=1)]
        if open_rows.size:
            raise UndecidedError(f"{open_rows.size} rows undecided at {PRECISIONS[-1]} bits")
        return truth

    def _finite_rows(self) -> Array:
        """Tell for which rows every input is finite."""
        finite = np.ones(self.rows, bool)
        for value in self._wide.values():
            finite &= np.isfinite(value).all(axis=1)
        return finite

    def _at_precision(self, rows: Array, bits: int) -> tuple[Truth, Array]:
        oracle = self if self.mixes_rows or len(rows) == self._shape[0] else self._only(rows)
        before = flint.ctx.prec
        flint.ctx.prec = bits
        try:
            arithmetic = Ball(oracle.rows, oracle.columns, self.format)
            names = {key: balls(value) for key, value in oracle._wide.items()}
            found = evaluate(self.tree, arithmetic, names)
            return self._split(np.broadcast_to(found, oracle._shape))
        finally:
            flint.ctx.prec = before

    def _split(self, found: Array) -> tuple[Truth, Array]:
        """Return balls as a truth, and which of them are decided."""
        value = np.asarray(np.frompyfunc(_midpoint, 1, 1)(found), np.float64)
        spacing = self.format.ulp(value)
        rests = np.frompyfunc(_rest, 3, 1)(found, value, spacing)
        rest = np.asarray(np.frompyfunc(_midpoint, 1, 1)(rests), np.float64)
        bound = np.asarray(np.frompyfunc(_beyond, 2, 1)(rests, rest), np.float64)
        bound = np.where(np.isnan(value), np.inf, bound)
        # a ball around zero says no more than that: zero, within its radius
        nothing = np.abs(value) <= bound * spacing
        value, rest = np.where(nothing, 0.0, value), np.where(nothing, 0.0, rest)
        decided = bound <= 2.0**-SPARE_BITS
        # far beyond the format the only answer is infinity, however far it is
        with np.errstate(over="ignore"):
            decided |= np.abs(value) - bound * spacing > 2 * self.format.largest
        return Truth(value, rest, np.where(nothing, 2 * bound, bound)), decided


def _midpoint(ball: flint.arb) -> float:
    return float(ball.mid()) if ball.is_finite() else np.nan


def _rest(ball: flint.arb, value: float, spacing: float) -> flint.arb:
    return (ball - flint.arb(value)) / flint.arb(spacing) if np.isfinite(value) else flint.arb(0)


def _beyond(rest: flint.arb, middle: float) -> float:
    """Return an upper bound on how far the truth is from value + rest, in the same unit."""
    if not rest.is_finite():
        return np.inf
    return float((rest - flint.arb(middle)).abs_upper()) * (1 + 2.0**-50)


def _mixes(node: Node) -> bool:
    if node.op in (Op.SUM, Op.MAX, Op.COUNT) and node.value != Scope.ROW:
        return True
    return any(_mixes(argument) for argument in node.args)


