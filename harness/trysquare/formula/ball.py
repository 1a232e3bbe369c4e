"""The formula in Arb balls: every value comes with a proven error bound.

Arrays hold `flint.arb`; comparisons are 1.0 (certainly), 0.0 (certainly not) or NaN (undecided).
Infinities and NaN have no meaning here: where a ball is not finite, nothing is proven.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

import flint
import numpy as np

from trysquare.dtypes import Array, Format
from trysquare.formula.float64 import AXES, gather, symbol_value
from trysquare.formula.tree import Op, Scope, Symbol

NAN = flint.arb.nan()
INFINITY = flint.arb.pos_inf()
UNDECIDED = math.nan


def _less(a: flint.arb, b: flint.arb) -> float:
    return 1.0 if a < b else 0.0 if a >= b else UNDECIDED


def _less_equal(a: flint.arb, b: flint.arb) -> float:
    return 1.0 if a <= b else 0.0 if a > b else UNDECIDED


def _equal(a: flint.arb, b: flint.arb) -> float:
    return 1.0 if a == b else 0.0 if a != b else UNDECIDED


def _select(condition: float, a: flint.arb, b: flint.arb) -> flint.arb:
    if condition == 1.0:
        return a
    if condition == 0.0:
        return b
    return a.union(b) if a.is_finite() and b.is_finite() else NAN


def _and(a: float, b: float) -> float:
    return 0.0 if 0.0 in (a, b) else a * b


def _or(a: float, b: float) -> float:
    return 1.0 if 1.0 in (a, b) else a + b


def _log(a: flint.arb) -> flint.arb:
    return flint.arb.neg_inf() if a == 0 else a.log()


def _log1p(a: flint.arb) -> flint.arb:
    return flint.arb.neg_inf() if a == -1 else a.log1p()


def _erf(a: flint.arb) -> flint.arb:
    return a.sgn() if abs(a) == INFINITY else a.erf()  # Arb leaves out the limit


def _erfc(a: flint.arb) -> flint.arb:
    if abs(a) == INFINITY:
        return 1 - a.sgn()
    found = a.erfc()
    if found > 0 or not a > 1:
        return found
    # far out Arb says no more than almost zero; DLMF 7.12.1, whose error has the next term's sign
    most = (-a * a).exp() / (a * flint.arb.pi().sqrt())
    return most.union(most * (1 - 1 / (2 * a * a)))


def _vector(function: Callable[..., Any], arity: int) -> Callable[..., Array]:
    vector: Callable[..., Array] = np.frompyfunc(function, arity, 1)
    return vector


_SIGN = _vector(lambda a: a.sgn() if a.is_finite() or abs(a) == INFINITY else NAN, 1)
_NOT = _vector(lambda a: 1.0 - a, 1)
_MAX = _vector(lambda a, b: a.max(b), 2)

OPERATIONS: dict[Op, Callable[..., Any]] = {
    Op.NEG: np.negative,
    Op.ADD: np.add,
    Op.SUB: np.subtract,
    Op.MUL: np.multiply,
    Op.DIV: np.true_divide,
    Op.ABS: np.abs,
    Op.SIGN: _SIGN,
    Op.SQRT: _vector(lambda a: a.sqrt(), 1),
    Op.EXP: _vector(lambda a: a.exp(), 1),
    Op.EXPM1: _vector(lambda a: a.expm1(), 1),
    Op.LOG: _vector(_log, 1),
    Op.LOG1P: _vector(_log1p, 1),
    Op.TANH: _vector(lambda a: a.tanh(), 1),
    Op.ERF: _vector(_erf, 1),
    Op.ERFC: _vector(_erfc, 1),
    Op.MINIMUM: _vector(lambda a, b: a.min(b), 2),
    Op.MAXIMUM: _MAX,
    Op.LESS: _vector(_less, 2),
    Op.LESS_EQUAL: _vector(_less_equal, 2),
    Op.EQUAL: _vector(_equal, 2),
    Op.NOT_EQUAL: lambda a, b: _NOT(OPERATIONS[Op.EQUAL](a, b)),
    Op.AND: _vector(_and, 2),
    Op.OR: _vector(_or, 2),
    Op.NOT: _NOT,
    Op.SELECT: _vector(_select, 3),
}


@contextmanager
def precision(bits: int) -> Iterator[None]:
    """Let flint's context have so many bits for a while."""
    before = flint.ctx.prec
    flint.ctx.prec = bits
    try:
        yield
    finally:
        flint.ctx.prec = before


def balls(values: Array) -> Array:
    """Return exact balls for finite float64 values, as an object array of the same shape."""
    return np.asarray(np.frompyfunc(flint.arb, 1, 1)(np.asarray(values, np.float64)), object)


class Ball:
    """Arithmetic over arrays of balls, at the precision of flint's context."""

    def __init__(self, rows: int, columns: int, format: Format) -> None:
        self._rows, self._columns, self._format = rows, columns, format

    def number(self, value: Fraction) -> Array:
        """Return a ball around the exact rational."""
        quotient = flint.fmpq(value.numerator, value.denominator)
        return _single(flint.arb(quotient))

    def symbol(self, name: str) -> Array:
        """Return a ball around the symbol's number."""
        if name == Symbol.PI:
            return _single(flint.arb.pi())
        return _single(flint.arb(symbol_value(name, self._format)))

    def position(self) -> Array:
        """Return column numbers, shaped (1, columns)."""
        return balls(np.arange(self._columns)[None, :])

    def apply(self, op: Op, args: list[Array]) -> Array:
        """Apply one operation to every element."""
        if op is Op.GATHER:
            return self._gather(*args)
        # NumPy takes undecided conditions for invalid floats, which `evaluate` lets pass
        return np.asarray(OPERATIONS[op](*args), object)

    def power(self, base: Array, exponent: int) -> Array:
        """Return base ** exponent."""
        return np.asarray(_vector(lambda a: a**exponent, 1)(base), object)

    def reduce(self, op: Op, arg: Array, scope: Scope) -> Array:
        """Reduce; the sum of nothing is 0."""
        rows = arg.shape[0] if scope is Scope.ROW else self._rows
        columns = self._columns if scope is Scope.ROW else arg.shape[1]
        arg = np.broadcast_to(arg, (rows, columns))
        axes = AXES[scope]
        match op:
            case Op.SUM:
                return self._sum(arg, axes)
            case Op.MAX:
                for axis in axes:  # NumPy reduces objects along one axis at a time
                    arg = np.asarray(_MAX.reduce(arg, axis=axis, keepdims=True), object)  # type: ignore[attr-defined]
                return arg
            case Op.COUNT:
                return _single(flint.arb(math.prod(arg.shape[axis] for axis in axes)))
            case _:
                return np.array([[_argmax(row)] for row in arg], object)

    def _sum(self, arg: Array, axes: tuple[int, ...]) -> Array:
        if arg.size == 0:
            shape = tuple(1 if axis in axes else size for axis, size in enumerate(arg.shape))
            return np.full(shape, flint.arb(0), object)
        for axis in axes:  # NumPy reduces objects along one axis at a time
            arg = np.asarray(np.add.reduce(arg, axis=axis, keepdims=True), object)
        return arg

    def _gather(self, row: Array, at: Array) -> Array:
        position = np.asarray(np.frompyfunc(float, 1, 1)(at), np.float64)
        return gather(row, position, self._columns, NAN)


def _single(value: flint.arb) -> Array:
    array = np.empty((1, 1), object)
    array[0, 0] = value
    return array


def _argmax(row: Array) -> flint.arb:
    best = 0
    for position in range(1, len(row)):
        larger = _less(row[best], row[position])
        if math.isnan(larger):
            return NAN
        if larger:
            best = position
    return flint.arb(best)
