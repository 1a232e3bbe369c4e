"""The formula over mpmath's numbers, with IEEE's rules for what is not finite."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from types import ModuleType
from typing import Any

import numpy as np

from trysquare.dtypes import FLOAT64, Array
from trysquare.formula.float64 import AXES, gather, symbol_value
from trysquare.formula.tree import Op, Scope, Symbol


class Multiprecision:
    """Arithmetic over arrays of mpmath numbers, with IEEE's rules for what is not finite."""

    def __init__(self, mpmath: ModuleType, rows: int, columns: int) -> None:
        self._mp, self._rows, self._columns = mpmath, rows, columns
        self._operations = _operations(mpmath)

    def number(self, value: Fraction) -> Array:
        """Return the rational, rounded to the working precision."""
        return self._single(self._mp.mpf(value.numerator) / value.denominator)

    def symbol(self, name: str) -> Array:
        """Return the symbol's number."""
        exact = self._mp.pi if name == Symbol.PI else symbol_value(name, FLOAT64)
        return self._single(self._mp.mpf(exact))

    def position(self) -> Array:
        """Return column numbers, shaped (1, columns)."""
        return self._all(self._mp.mpf, np.arange(self._columns)[None, :])

    def apply(self, op: Op, args: list[Array]) -> Array:
        """Apply one operation to every element."""
        if op is Op.GATHER:
            row, at = args
            where = np.asarray(np.frompyfunc(float, 1, 1)(at), np.float64)
            return gather(row, where, self._columns, self._mp.nan)
        return self._all(self._operations[op], *args)

    def power(self, base: Array, exponent: int) -> Array:
        """Return base ** exponent."""
        return self._all(lambda a: a**exponent, base)

    def reduce(self, op: Op, arg: Array, scope: Scope) -> Array:
        """Reduce; the sum of nothing is 0, the maximum of nothing -inf."""
        rows = arg.shape[0] if scope is Scope.ROW else self._rows
        columns = self._columns if scope is Scope.ROW else arg.shape[1]
        arg = np.broadcast_to(arg, (rows, columns))
        match op:
            case Op.COUNT:
                return self._single(self._mp.mpf(math.prod(arg.shape[a] for a in AXES[scope])))
            case Op.ARGMAX:
                return np.array([[self._largest(row)] for row in arg], object)
        start, join = self._mp.mpf(0), self._operations[Op.ADD]
        if op is Op.MAX:
            start, join = -self._mp.inf, self._operations[Op.MAXIMUM]
        for axis in AXES[scope]:
            lines = np.moveaxis(arg, axis, 0)
            total = np.full(lines.shape[1:], start, object)
            for line in lines:
                total = self._all(join, total, line)
            arg = np.expand_dims(total, axis)
        return arg

    def _largest(self, row: Array) -> Any:
        best = 0
        for position, value in enumerate(row):
            if self._mp.isnan(value):  # as NumPy: the first NaN
                return self._mp.mpf(position)
            if value > row[best]:
                best = position
        return self._mp.mpf(best)

    def _single(self, value: Any) -> Array:
        array = np.empty((1, 1), object)
        array[0, 0] = value
        return array

    def _all(self, function: Callable[..., Any], *args: Array) -> Array:
        return np.asarray(np.frompyfunc(function, len(args), 1)(*args), object)


def _operations(mp: ModuleType) -> dict[Op, Callable[..., Any]]:
    """Return every elementwise operation; what is not real is NaN."""

    def real(function: Callable[..., Any], least: float = -math.inf) -> Callable[..., Any]:
        return lambda a: function(a) if a >= least else mp.nan

    def divide(a: Any, b: Any) -> Any:
        if b != 0:
            return a / b
        return mp.nan if a == 0 or mp.isnan(a) else mp.sign(a) * mp.inf

    def pick(a: Any, b: Any, first: bool) -> Any:  # noqa: FBT001 - an answer, not an option
        if mp.isnan(a) or mp.isnan(b):
            return mp.nan
        return a if first else b

    return {
        Op.NEG: lambda a: -a,
        Op.ADD: lambda a, b: a + b,
        Op.SUB: lambda a, b: a - b,
        Op.MUL: lambda a, b: a * b,
        Op.DIV: divide,
        Op.ABS: abs,
        Op.SIGN: mp.sign,
        Op.SQRT: real(mp.sqrt, 0),
        Op.EXP: real(mp.exp),
        Op.EXPM1: real(mp.expm1),
        Op.LOG: real(lambda a: mp.log(a) if a else -mp.inf, 0),
        Op.LOG1P: real(lambda a: mp.log1p(a) if a != -1 else -mp.inf, -1),
        Op.TANH: real(mp.tanh),
        Op.ERF: real(mp.erf),
        Op.ERFC: real(mp.erfc),
        Op.MINIMUM: lambda a, b: pick(a, b, a <= b),
        Op.MAXIMUM: lambda a, b: pick(a, b, a >= b),
        Op.LESS: lambda a, b: a < b,
        Op.LESS_EQUAL: lambda a, b: a <= b,
        Op.EQUAL: lambda a, b: a == b,
        Op.NOT_EQUAL: lambda a, b: a != b,
        Op.AND: lambda a, b: a and b,
        Op.OR: lambda a, b: a or b,
        Op.NOT: lambda a: not a,
        Op.SELECT: lambda condition, a, b: a if condition else b,
    }
