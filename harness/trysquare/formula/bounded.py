"""The formula in float64 together with a running bound on the rounding error of evaluating it.

One analysis serves twice: with the published bounds of a format's primitives it is the inherited
tolerance; with pessimistic bounds for NumPy's float64 it certifies the fast truth.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from importlib.resources import files

import numpy as np

from trysquare.dtypes import FLOAT64, Array, Format
from trysquare.formula.float64 import Float64
from trysquare.formula.tree import Op, Scope

LIBM_ULP = 16.0
"""Allowed to NumPy's float64 functions: more than 3 times the worst published figure, 5.09."""

MONOTONE = {Op.SQRT, Op.EXP, Op.EXPM1, Op.LOG, Op.LOG1P, Op.TANH, Op.ERF, Op.ERFC}


@dataclass(frozen=True)
class Bounded:
    """A value, and how far from it an evaluation may be; for conditions, where both may hold."""

    value: Array
    error: Array


@dataclass(frozen=True)
class Rounding:
    """What is allowed to each operation: ULP of primitives, roundings of a sum of n terms.

    `flushes` allows every subnormal intermediate to be replaced by zero.
    """

    format: Format
    ulps: Mapping[Op, float]
    terms: Callable[[int], float]
    flushes: bool = False


@cache
def published(format: Format, flushes: bool = False) -> Rounding:
    """Return what the data file allows to an evaluation in this format."""
    data = json.loads((files("trysquare") / "primitives.json").read_text("utf-8"))
    ulps = {Op(name): float(row[format.name]) for name, row in data["ulp"].items()}
    constant, root = float(data["sum"]["constant"]), float(data["sum"]["sqrt"])
    return Rounding(format, ulps, lambda n: constant + root * math.sqrt(n), flushes)


@cache
def pessimistic() -> Rounding:
    """Return what is assumed of NumPy's float64: any order of summation, LIBM_ULP per function."""
    exact = {Op.ADD, Op.SUB, Op.MUL, Op.DIV, Op.SQRT}
    ulps = {op: 0.5 if op in exact else LIBM_ULP for op in exact | MONOTONE}
    return Rounding(FLOAT64, ulps, float)


class BoundedFloat64:
    """Arithmetic over values with error bounds."""

    def __init__(self, rows: int, columns: int, rounding: Rounding, named: Format) -> None:
        self._plain = Float64(rows, columns, named)
        self._rounding = rounding
        self._rows, self._columns = rows, columns

    def exact(self, values: Array) -> Bounded:
        """Return an input: exact, unless a subnormal may be flushed on the way in."""
        return Bounded(values, self._flushed(values, np.zeros_like(values)))

    def number(self, value: Fraction) -> Bounded:
        """Return a constant, rounded where the format does not contain it."""
        nearest = self._plain.number(value)
        format = self._rounding.format
        held = Fraction(float(value)) == value and bool(format.round(nearest)[0, 0] == nearest[0, 0])
        return Bounded(nearest, np.zeros((1, 1)) if held else format.ulp(nearest) / 2)

    def symbol(self, name: str) -> Bounded:
        """Return a named number of the format; pi is rounded."""
        value = self._plain.symbol(name)
        pi = value == math.pi
        return Bounded(value, np.where(pi, self._rounding.format.ulp(value) / 2, 0.0))

    def position(self) -> Bounded:
        """Return column numbers, exact."""
        value = self._plain.position()
        return Bounded(value, np.zeros_like(value))

    def apply(self, op: Op, args: list[Bounded]) -> Bounded:
        """Propagate the errors of the arguments and add the operation's own."""
        value = self._plain.apply(op, [argument.value for argument in args])
        with np.errstate(all="ignore"):
            if op in MONOTONE:
                return self._rounded(op, args, value, _moved(op, args[0]))
            return self._apply(op, args, value)

    def _apply(self, op: Op, args: list[Bounded], value: Array) -> Bounded:
        match op, args:
            case (Op.NEG | Op.ABS), [a]:
                return Bounded(value, a.error)
            case Op.SIGN, [a]:
                return Bounded(value, np.where(np.abs(a.value) > a.error, 0.0, _unsure(a, 2.0)))
            case (Op.ADD | Op.SUB), [a, b]:
                return self._rounded(op, args, value, a.error + b.error)
            case Op.MUL, [a, b]:
                return self._rounded(op, args, value, _product_error(a, b))
            case Op.DIV, [a, b]:
                room = np.abs(b.value) - b.error
                error = (a.error + np.abs(value) * b.error) / room
                return self._rounded(op, args, value, np.where(room > 0, error, np.inf))
            case (Op.MINIMUM | Op.MAXIMUM), [a, b]:
                return Bounded(value, np.maximum(a.error, b.error))
            case (Op.LESS | Op.LESS_EQUAL | Op.EQUAL | Op.NOT_EQUAL), [a, b]:
                slack = a.error + b.error
                unsure = (np.abs(a.value - b.value) <= slack) & (slack > 0)
                return Bounded(value, unsure.astype(np.float64))
            case (Op.AND | Op.OR | Op.NOT), _:
                errors = [argument.error for argument in args]
                return Bounded(value, np.maximum.reduce(np.broadcast_arrays(*errors)))
            case Op.SELECT, [condition, a, b]:
                return Bounded(value, _selected_error(condition, a, b, value))
            case _, [row, at]:
                return Bounded(value, self._plain.apply(Op.GATHER, [_like(row), at.value]))

    def power(self, base: Bounded, exponent: int) -> Bounded:
        """Multiply repeatedly."""
        if exponent == 0:
            return Bounded(np.ones((1, 1)), np.zeros((1, 1)))
        result = base
        for _ in range(exponent - 1):
            result = self.apply(Op.MUL, [result, base])
        return result

    def reduce(self, op: Op, arg: Bounded, scope: Scope) -> Bounded:
        """Reduce; a sum may round as often as `terms` allows, relative to the magnitudes."""
        value = self._plain.reduce(op, arg.value, scope)
        error = np.broadcast_to(arg.error, arg.value.shape)
        match op:
            case Op.SUM:
                with np.errstate(all="ignore"):
                    return self._sum(arg, error, value, scope)
            case Op.MAX:
                return Bounded(value, self._plain.reduce(Op.MAX, error, scope))
            case _:
                return Bounded(value, np.zeros_like(value))

    def _sum(self, arg: Bounded, error: Array, value: Array, scope: Scope) -> Bounded:
        terms = int(self._plain.reduce(Op.COUNT, arg.value, scope)[0, 0])
        total = self._plain.reduce(Op.SUM, error, scope)
        if terms > 1:
            format = self._rounding.format
            magnitudes = self._plain.reduce(Op.SUM, np.abs(arg.value), scope)
            rounding = self._rounding.terms(terms) * format.unit_roundoff * magnitudes
            total = total + np.maximum(rounding, format.ulp(value) / 2)
        return Bounded(value, self._flushed(value, total))

    def _rounded(self, op: Op, args: list[Bounded], value: Array, error: Array) -> Bounded:
        rounding = self._rounding
        own = rounding.ulps[op] * rounding.format.ulp(np.abs(value) + error)
        own = np.maximum(own, FLOAT64.smallest_subnormal)  # half of that is zero in float64
        own = np.where((value == 0) & (error == 0) & _exact_zero(op, args), 0.0, own)
        return Bounded(value, self._flushed(value, error + own))

    def _flushed(self, value: Array, error: Array) -> Array:
        if not self._rounding.flushes:
            return error
        tiny = self._rounding.format.smallest_normal
        smallest = np.abs(value) - error
        flushable = (smallest < tiny) & ((value != 0) | (error > 0))
        return error + np.where(flushable, np.minimum(np.abs(value) + error, tiny), 0.0)


def _moved(op: Op, arg: Bounded) -> Array:
    """Return how far a function moves over the argument's interval: width times largest slope."""
    value, error = arg.value, arg.error
    low, high = value - error, value + error
    nearest_zero = np.maximum(np.abs(value) - error, 0.0)
    match op:
        case Op.EXP | Op.EXPM1:
            slope = np.exp(high)
        case Op.LOG:
            slope = np.where(low > 0, 1 / low, np.inf)
        case Op.LOG1P:
            slope = np.where(low > -1, 1 / (1 + low), np.inf)
        case Op.SQRT:
            slope = np.where(low > 0, 0.5 / np.sqrt(low), np.inf)
        case Op.TANH:
            decay = np.exp(-2 * nearest_zero)
            slope = 4 * decay / (1 + decay) ** 2
        case _:
            slope = 2 / math.sqrt(math.pi) * np.exp(-nearest_zero * nearest_zero)
    # a little more than the slope as float64 has it
    return np.where(error > 0, error * slope * (1 + 2.0**-40), 0.0)


def _exact_zero(op: Op, args: list[Bounded]) -> Array | bool:
    """Tell where a zero is exact, and not the result of an underflow."""
    match op:
        case Op.MUL:
            return (args[0].value == 0) | (args[1].value == 0)
        case Op.DIV:
            return args[0].value == 0
        case Op.EXP | Op.ERFC:
            return False
        case _:
            return True


def _like(bounded: Bounded) -> Array:
    return np.broadcast_to(bounded.error, bounded.value.shape)


def _unsure(a: Bounded, width: float) -> Array:
    return np.where(a.error > 0, width, 0.0)


def _product_error(a: Bounded, b: Bounded) -> Array:
    error = np.abs(a.value) * b.error + np.abs(b.value) * a.error + a.error * b.error
    # an infinite factor has no error to pass on: inf * 0 is not a bound
    return np.where((a.error == 0) & (b.error == 0), 0.0, error)


def _selected_error(condition: Bounded, a: Bounded, b: Bounded, value: Array) -> Array:
    taken = np.where(condition.value, a.error, b.error)
    if not condition.error.any():
        return taken
    either = np.maximum(np.abs(a.value - value) + a.error, np.abs(b.value - value) + b.error)
    return np.where(condition.error > 0, either, taken)
