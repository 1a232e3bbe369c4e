"""A call of a spec, laid out once for all of its mutants: what another formula gives there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import flint
import numpy as np

from trysquare.command.agreement import ROUNDINGS
from trysquare.dtypes import FLOAT64, Array, Format
from trysquare.formula.ball import Ball, balls, precision
from trysquare.formula.bounded import BoundedFloat64
from trysquare.formula.evaluate import evaluate
from trysquare.formula.primitives import pessimistic
from trysquare.formula.tree import Node
from trysquare.planning.cases import numbers
from trysquare.spec import NamedCase, Nested, Spec, Special, Value
from trysquare.truth.arrangement import arrange
from trysquare.truth.oracle import Oracle

BITS = 400
"""Precision at which two formulas are told apart."""

CLOSE = 400
"""Numbers at which two formulas are compared with so many bits."""

SEEN = flint.arb(2) ** -100
"""The relative difference that counts: no format, and no proof of a rounding, sees a smaller one.

A fraction or a series that does not end has to be cut somewhere.
"""


@dataclass(frozen=True)
class Estimate:
    """What a formula gives in float64, and how far off."""

    value: Array
    error: Array


class Trial:
    """A call of a spec, laid out once for all of its mutants."""

    def __init__(
        self,
        spec: Spec,
        parameters: Mapping[str, Value],
        inputs: Mapping[str, Array],
        format: Format,
    ) -> None:
        self.arranged = arrange(spec, parameters, inputs)
        self.parameters, self.format = self.arranged.meant.parameters, format
        self._spread = self.arranged.meant.output
        self._truth = self._oracle(self.arranged.meant.value)

    def rows_of(self, stated: Array) -> Array | None:
        """Return a tensor that is stated as rows; None if it is not shaped like the answer."""
        laid = self.arranged.layout
        if stated.shape != laid.shape_of(self._spread):
            return None
        return laid.to_rows(stated, self._spread)

    def contradicts(self, tree: Node, named: NamedCase) -> bool:
        """Tell whether a tree gives none of the numbers that a case states."""
        allowed = [(rows, _slack(rows, named, self.format)) for rows in self._answers(named)]
        plain = self._oracle(tree).ieee
        if any(not self._apart(plain, rows, slack).any() for rows, slack in allowed):
            return False
        got = self.bounded(tree)
        return all(self._apart(got.value, rows, got.error + slack).any() for rows, slack in allowed)

    def _apart(self, got: Array, stated: Array, allowed: Array) -> Array:
        """Mark what is not as stated: infinite is what overflows in the format of a case."""
        overflown = np.isinf(stated) & (self.format.round(got) == stated)
        return np.asarray(_apart(got, stated, allowed) & ~overflown)

    def _answers(self, named: NamedCase) -> Iterator[Array]:
        for nested in () if isinstance(named.expect, Special) else named.expect:
            rows = self.rows_of(numbers(nested, self.parameters, self.format))
            if rows is not None:
                yield rows

    def apart(self, known: Estimate, tree: Node) -> bool:
        """Tell whether float64 proves that a tree gives something else than is known.

        At finite inputs, it may have overflowed.
        """
        other = self.bounded(tree)
        apart = _apart(known.value, other.value, known.error + other.error)
        both = np.isfinite(known.value) & np.isfinite(other.value)
        return bool((apart & (both | ~self.finite[:, None])).any())

    def bounded(self, tree: Node) -> Estimate:
        """Return the value of a tree, with its bound."""
        rows, columns = self._truth.rows, self._truth.columns
        arithmetic = BoundedFloat64(rows, columns, pessimistic(), self.format)
        names = {key: arithmetic.exact(value) for key, value in self.arranged.rows.items()}
        found = evaluate(tree, arithmetic, names)
        shape = self._truth.shape
        return Estimate(np.broadcast_to(found.value, shape), np.broadcast_to(found.error, shape))

    def exact(self, tree: Node) -> Array:
        """Return all rows of a tree as balls."""
        return self.balls(tree, np.arange(self._truth.shape[0]))

    def balls(self, tree: Node, rows: Array) -> Array:
        """Return some rows of a tree as balls."""
        if not rows.size:
            return np.zeros((0, self._truth.shape[1]), object)
        return self._oracle(tree).balls(rows, BITS)

    @cached_property
    def close(self) -> Array:
        """Some rows that are worth many bits."""
        rows = np.flatnonzero(self.finite)
        if self._truth.mixes_rows:
            return rows if self.finite.all() else rows[:0]
        return rows[:: max(-(-len(rows) * self._truth.columns // CLOSE), 1)]

    @cached_property
    def finite(self) -> Array:
        """Which rows of the answer follow from finite inputs alone."""
        finite = np.ones(self._truth.rows, bool)
        for value in self.arranged.rows.values():
            finite &= np.isfinite(value).all(axis=1)
        if self._truth.mixes_rows or not self._spread.rows:
            finite = np.full(self._truth.shape[0], finite.all())
        return finite

    def _oracle(self, tree: Node) -> Oracle:
        laid = self.arranged.layout
        rows = self.arranged.rows
        return Oracle(tree, rows, laid.rows, laid.columns, self._spread, self.format)


def _slack(stated: Array, named: NamedCase, format: Format) -> Array:
    """Return how far off a number may be as it is stated: nothing, of an infinity."""
    slack = (ROUNDINGS + 1) * FLOAT64.ulp(stated)
    if named.dtypes:  # what is stated is rounded
        slack = slack + format.ulp(stated)
    if named.digits is not None:
        slack = slack + 0.5 * 10.0**-named.digits
    return np.where(np.isfinite(stated), slack, 0.0)


def _apart(one: Array, other: Array, allowed: Array) -> Array:
    with np.errstate(all="ignore"):
        different = (one != other) & ~(np.abs(one - other) <= allowed)
    different |= np.isinf(one) & (one == -other)
    nan = np.isnan(one) & np.isnan(other)
    unknown = ~np.isfinite(allowed) & np.isfinite(one) & np.isfinite(other)
    return np.asarray(different & ~nan & ~unknown)


def stated_balls(nested: Nested, call: Trial) -> Array:
    """Return the numbers that a case states as balls: decimals are exact."""
    names = {
        key: balls(np.full((1, 1), float(value)))
        for key, value in call.parameters.items()
        if isinstance(value, int | float)
    }

    def value(part: Nested) -> Any:
        if isinstance(part, tuple):
            return [value(item) for item in part]
        if isinstance(part, Node):
            return evaluate(part, Ball(1, 1, call.format), names)[0, 0]
        raise TypeError(f"{part!r} is the text of a choice, not a number")

    with precision(BITS):
        return np.array(value(nested), object)


def differ(one: Array, other: Array) -> bool:
    """Tell whether balls are apart by more than anybody sees; no number proves nothing."""

    def apart(a: flint.arb, b: flint.arb) -> bool:
        return a.is_finite() and b.is_finite() and bool(abs(a - b) > SEEN * abs(a))

    with precision(BITS):
        return bool(np.any(np.frompyfunc(apart, 2, 1)(one, other)))
