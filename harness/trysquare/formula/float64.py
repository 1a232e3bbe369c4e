"""The formula in float64 with NumPy: what IEEE arithmetic makes of it, special values included."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from trysquare.dtypes import FLOAT64, Array, Format
from trysquare.formula.tree import Op, Scope, Symbol

AXES: dict[Scope, tuple[int, ...]] = {Scope.ROW: (1,), Scope.COLUMN: (0,), Scope.ALL: (0, 1)}


def gather(row: Array, at: Array, columns: int, outside: Any = np.nan) -> Array:
    """Return the element of each row at a position; `outside` where the row has no such one."""
    (rows,) = np.broadcast_shapes(row.shape[:1], at.shape[:1])  # none at all among them
    width = max(row.shape[1], columns)
    wide = np.broadcast_to(row, (rows, width))
    place = np.broadcast_to(at, (rows, 1))
    inside = (place >= 0) & (place < width)
    taken = np.take_along_axis(wide, np.where(inside, place, 0).astype(np.int64), axis=1)
    return np.asarray(np.where(inside, taken, outside))


def _sum(arg: Array, scope: Scope) -> Array:
    """Add up along contiguous memory: NumPy sums pairwise there, and one by one elsewhere."""
    match scope:
        case Scope.ROW:
            return np.asarray(np.ascontiguousarray(arg).sum(axis=1, keepdims=True))
        case Scope.COLUMN:
            return np.asarray(np.ascontiguousarray(arg.T).sum(axis=1)[None, :])
        case Scope.ALL:
            return np.full((1, 1), np.ascontiguousarray(arg).ravel().sum())


OPERATIONS: dict[Op, Callable[..., Any]] = {
    Op.NEG: np.negative,
    Op.ADD: np.add,
    Op.SUB: np.subtract,
    Op.MUL: np.multiply,
    Op.DIV: np.divide,
    Op.ABS: np.abs,
    Op.SIGN: np.sign,
    Op.SQRT: np.sqrt,
    Op.EXP: np.exp,
    Op.EXPM1: np.expm1,
    Op.LOG: np.log,
    Op.LOG1P: np.log1p,
    Op.TANH: np.tanh,
    Op.ERF: np.vectorize(math.erf, otypes=[np.float64]),
    Op.ERFC: np.vectorize(math.erfc, otypes=[np.float64]),
    Op.MINIMUM: np.minimum,
    Op.MAXIMUM: np.maximum,
    Op.LESS: np.less,
    Op.LESS_EQUAL: np.less_equal,
    Op.EQUAL: np.equal,
    Op.NOT_EQUAL: np.not_equal,
    Op.AND: np.logical_and,
    Op.OR: np.logical_or,
    Op.NOT: np.logical_not,
    Op.SELECT: np.where,
}


def symbol_value(name: str, format: Format) -> float:
    """Return the number that a symbol stands for in a format."""
    match Symbol(name):
        case Symbol.INF:
            return math.inf
        case Symbol.NAN:
            return math.nan
        case Symbol.PI:
            return math.pi
        case Symbol.EPS:
            return format.eps
        case Symbol.LARGEST:
            return format.largest
        case Symbol.SMALLEST_NORMAL:
            return format.smallest_normal
        case Symbol.SMALLEST_SUBNORMAL:
            return format.smallest_subnormal


class Float64:
    """Arithmetic over float64 arrays; `format` is the one whose eps, largest ... are named."""

    def __init__(self, rows: int, columns: int, format: Format = FLOAT64) -> None:
        self._rows, self._columns, self._format = rows, columns, format

    def number(self, value: Fraction) -> Array:
        """Return the nearest float64."""
        return np.full((1, 1), float(value))

    def symbol(self, name: str) -> Array:
        """Return the symbol's number."""
        return np.full((1, 1), symbol_value(name, self._format))

    def position(self) -> Array:
        """Return column numbers, shaped (1, columns)."""
        return np.arange(self._columns, dtype=np.float64)[None, :]

    def apply(self, op: Op, args: list[Array]) -> Array:
        """Apply one NumPy operation."""
        if op is Op.GATHER:
            row, at = args
            return gather(row, at, self._columns)
        result: Array = OPERATIONS[op](*args)
        return result

    def power(self, base: Array, exponent: int) -> Array:
        """Multiply repeatedly: np.power is not correctly rounded for squares."""
        if exponent == 0:
            return np.ones((1, 1))
        result = base
        for _ in range(exponent - 1):
            result = result * base
        return result

    def reduce(self, op: Op, arg: Array, scope: Scope) -> Array:
        """Reduce; the sum of nothing is 0, the maximum of nothing -inf."""
        arg = self._spread(arg, scope)
        axes = AXES[scope]
        match op:
            case Op.SUM:
                return _sum(arg, scope)
            case Op.MAX:
                return np.asarray(np.max(arg, axis=axes, keepdims=True, initial=-np.inf))
            case Op.COUNT:
                size = math.prod(arg.shape[axis] for axis in axes)
                return np.full((1, 1), float(size))
            case _ if arg.shape[1] == 0:
                return np.zeros((arg.shape[0], 1))
            case _:
                return np.asarray(np.argmax(arg, axis=1, keepdims=True), np.float64)

    def _spread(self, arg: Array, scope: Scope) -> Array:
        """Give a broadcast argument its real extent along the dimensions that are reduced."""
        rows = arg.shape[0] if scope is Scope.ROW else self._rows
        columns = self._columns if scope is Scope.ROW else arg.shape[1]
        return arg if arg.shape == (rows, columns) else np.broadcast_to(arg, (rows, columns))


class Overflowing(Float64):
    """The same with infinity for every result that is larger than the format's largest number.

    `strained` tells in which rows a result came near to that number, or beyond.
    """

    def __init__(self, rows: int, columns: int, format: Format) -> None:
        super().__init__(rows, columns, format)
        self.strained = np.zeros(rows, bool)

    def apply(self, op: Op, args: list[Array]) -> Array:
        """Apply one operation."""
        return self._limited(super().apply(op, args))

    def power(self, base: Array, exponent: int) -> Array:
        """Multiply repeatedly."""
        return self._limited(super().power(base, exponent))

    def reduce(self, op: Op, arg: Array, scope: Scope) -> Array:
        """Reduce."""
        return self._limited(super().reduce(op, arg, scope))

    def _limited(self, values: Array) -> Array:
        if values.dtype == bool:
            return values
        size = np.abs(values)
        near = size > self._format.largest / 2
        if near.any():
            self.strained |= near.any(axis=1) if near.shape[0] == len(self.strained) else True
        return np.where(size > self._format.largest, np.copysign(np.inf, values), values)


class Underflowing(Overflowing):
    """The same with zero as well for every result that rounds to it in the format."""

    def _limited(self, values: Array) -> Array:
        if values.dtype == bool:
            return values
        values = super()._limited(values)
        # half of float64's smallest number is zero already
        small = np.abs(values) <= self._format.smallest_subnormal / 2
        return np.where(small, np.copysign(0.0, values), values)
