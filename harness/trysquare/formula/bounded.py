"""The formula in float64 together with a running bound on the rounding error of evaluating it.

One analysis serves twice: with the published bounds of a format's primitives it is the inherited
tolerance; with pessimistic bounds for NumPy's float64 it certifies the fast truth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from trysquare.dtypes import FLOAT64, Array, Format
from trysquare.formula.float64 import Float64
from trysquare.formula.primitives import HALF, Rounding
from trysquare.formula.tree import Op, Scope, Symbol

VANISHING = {Op.EXP, Op.ERFC}
"""Functions that come as near to zero as one likes, and never reach it."""

GONE = 3000.0
"""exp(-GONE) times the largest float64, thrice, is less than the smallest subnormal."""


@dataclass(frozen=True)
class Bounded:
    """A value, and how far from it an evaluation may be; for conditions, where both may hold."""

    value: Array
    error: Array


class BoundedFloat64:
    """Arithmetic over values with error bounds."""

    def __init__(self, rows: int, columns: int, rounding: Rounding, named: Format) -> None:
        self._plain = self._values = Float64(rows, columns, named)
        self._rounding = rounding
        self._rows, self._columns = rows, columns

    def exact(self, values: Array) -> Bounded:
        """Return an input, which is exact; one that is flushed is another input."""
        return Bounded(values, np.zeros_like(values))

    def number(self, value: Fraction) -> Bounded:
        """Return a constant, rounded where the format does not contain it."""
        nearest = self._values.number(value)
        format = self._rounding.format
        held = Fraction(float(value)) == value and bool(format.round(nearest) == nearest)
        return Bounded(nearest, np.zeros((1, 1)) if held else format.ulp(nearest) / 2)

    def symbol(self, name: str) -> Bounded:
        """Return a named number of the format; pi is rounded."""
        value = self._values.symbol(name)
        error = self._rounding.format.ulp(value) / 2 if name == Symbol.PI else np.zeros((1, 1))
        return Bounded(value, error)

    def position(self) -> Bounded:
        """Return column numbers, exact."""
        value = self._plain.position()
        return Bounded(value, np.zeros_like(value))

    def apply(self, op: Op, args: list[Bounded]) -> Bounded:
        """Propagate the errors of the arguments and add the operation's own."""
        value = self._values.apply(op, [argument.value for argument in args])
        error = self._error(op, args, value)
        if op is Op.SELECT and self._rounding.flushes:
            return _hull(Bounded(value, error), *args)
        if op is Op.SIGN and self._rounding.flushes:
            return _signs(value, *args)
        if op not in self._rounding.ulps:
            return Bounded(value, error)
        return self._flushed(Bounded(value, self._rounded(op, args, value, error)))

    def _error(self, op: Op, args: list[Bounded], value: Array) -> Array:
        """Return what the errors of the arguments make of the result."""
        match op, args:
            case ((Op.NEG | Op.ABS), [a]):
                return a.error
            case Op.SIGN, [a]:
                return np.where((np.abs(a.value) > a.error) | (a.error == 0), 0.0, 2.0)
            case ((Op.ADD | Op.SUB), [a, b]):
                return a.error + b.error
            case Op.MUL, [a, b]:
                return _product_error(a, b)
            case Op.DIV, [a, b]:
                room = np.abs(b.value) - b.error
                error = (a.error + np.abs(value) * b.error) / room
                # infinity over a number is infinity, whatever is known of the number
                exact = np.isinf(a.value) & (a.error == 0)
                return np.where(room > 0, np.where(exact, 0.0, error), np.inf)
            case ((Op.MINIMUM | Op.MAXIMUM), [a, b]):
                return _chosen_error(a, b, value)
            case ((Op.LESS | Op.LESS_EQUAL | Op.EQUAL | Op.NOT_EQUAL), [a, b]):
                slack = a.error + b.error
                unsure = ~(np.abs(a.value - b.value) > slack) & (slack != 0)
                return np.asarray(unsure, np.float64)
            case ((Op.AND | Op.OR | Op.NOT), _):
                errors = [argument.error for argument in args]
                return np.asarray(np.maximum.reduce(np.broadcast_arrays(*errors)))
            case Op.SELECT, [condition, a, b]:
                return _selected_error(condition, a, b, certifies=self._rounding.certifies)
            case Op.GATHER, [row, at]:
                error = self._plain.apply(Op.GATHER, [_wide(row.error, row), at.value])
                return np.where(at.error == 0, error, np.inf)
            case Op.EXP, [a] if not self._rounding.certifies:
                # an argument that has overflowed is as far out as can be, whatever its error
                return np.where(a.value == -np.inf, 0.0, _moved(op, a))
            case _, [a]:
                return _moved(op, a)
            case _:
                raise ValueError(f"{op} has no error bound")

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
        value = self._values.reduce(op, arg.value, scope)
        if op is Op.SUM:
            error = self._sum_error(arg, value, scope)
        elif op is Op.MAX:
            error = self._plain.reduce(Op.MAX, _wide(arg.error, arg), scope)
        elif op is Op.ARGMAX:
            error = _rivals(arg)
        else:
            error = np.zeros_like(value)
        found = Bounded(value, error)
        return self._flushed(found) if op is Op.SUM else found

    def _sum_error(self, arg: Bounded, value: Array, scope: Scope) -> Array:
        format, total = (
            self._rounding.format,
            self._plain.reduce(Op.SUM, _wide(arg.error, arg), scope),
        )
        # whoever adds a zero rounds nothing: of a row times a mask the rest is left
        counts = np.asarray((arg.value != 0) | (arg.error != 0), np.float64)
        terms = self._plain.reduce(Op.SUM, counts, scope)
        magnitudes = self._plain.reduce(Op.SUM, np.abs(arg.value), scope)
        rounding = self._rounding.terms(terms) * format.unit_roundoff * magnitudes
        rounding = np.maximum(rounding, format.ulp(value) / 2)
        if self._rounding.flushes:
            rounding = rounding + self._lost_sums(arg, terms, magnitudes, scope)
        return np.asarray(total + np.where(terms > 1, rounding, 0.0))

    def _lost_sums(self, arg: Bounded, terms: Array, magnitudes: Array, scope: Scope) -> Array:
        """Return what is lost of sums of some terms, in any order, that cancel to a subnormal."""
        ends = (arg.value + arg.error > 0, arg.value - arg.error < 0)
        both = (self._plain.reduce(Op.SUM, np.asarray(end, np.float64), scope) for end in ends)
        cancels = np.logical_and(*(count > 0 for count in both))
        lost = np.minimum((terms - 2) * self._rounding.format.smallest_normal, magnitudes)
        return np.where(cancels, np.maximum(lost, 0.0), 0.0)

    def _rounded(self, op: Op, args: list[Bounded], value: Array, error: Array) -> Array:
        """Add the operation's own rounding.

        Half an ULP is counted as the unit roundoff, relative to the value: then the same roundings
        in another order, say of the factors of a product, have the same bound.
        """
        format, ulps = self._rounding.format, self._rounding.ulps[op]
        size = np.abs(value) + error
        size = np.minimum(size, np.finfo(size.dtype).max)
        if ulps == HALF:
            own = np.maximum(format.unit_roundoff * size, _least(format))
        else:
            own = np.maximum(self._own(ulps, size), _least(format))
        if op in VANISHING and not self._rounding.certifies:
            own = _vanished(op, args[0], size, own, format)
        exact, infinite = value == 0, np.isinf(value)
        if infinite.any() and self._rounding.certifies:
            finite = [np.isfinite(argument.value) for argument in args]
            lost = infinite & np.logical_and.reduce(np.broadcast_arrays(*finite))
            own = np.where(lost, np.inf, own)
        if exact.any():
            exact = exact & _exact_zero(op, args)
        if infinite.any():
            for argument in args:  # an infinity that was infinite before is not rounded
                exact = exact | (infinite & np.isinf(argument.value))
        if op in (Op.ADD, Op.SUB):  # a sum that is subnormal is never rounded
            exact = exact | (size < 2 * format.smallest_normal)
        return np.asarray(error + np.where(exact, 0.0, own))

    def _own(self, ulps: float, size: Array) -> Array:
        """Return so many ULP; beyond the format those of its end."""
        return np.asarray(ulps * self._rounding.format.ulp(size))

    def _flushed(self, found: Bounded) -> Bounded:
        """Let whatever may be subnormal be zero as well.

        Zero lies on one side of it. So the value moves to the middle of all that may come out:
        with an error around the old one, twice the number would be as right as zero.
        """
        if not self._rounding.flushes:
            return found
        value, error, size = found.value, found.error, np.abs(found.value)
        may = (size - error < self._rounding.format.smallest_normal) & (size > error)
        return Bounded(np.where(may, value / 2, value), np.where(may, size / 2 + error, error))


def _least(format: Format) -> float:
    """Return the least rounding error of a format; half of float64's own is zero in float64."""
    return max(format.smallest_subnormal / 2, FLOAT64.smallest_subnormal)


def _vanished(op: Op, arg: Bounded, size: Array, own: Array, format: Format) -> Array:
    """Return the rounding of a result, which is all of it where hardly anything is left.

    As many spacings as a primitive is allowed would be many times the result there, and a factor
    makes them visible again: x * exp(x) at -1e30 would be allowed 4e-15. But whatever is below a
    quarter of the smallest subnormal is zero, and far enough out float64 cannot tell it from zero
    after any multiplication.
    """
    # twice, because the exact result itself is that far from zero
    own = np.where(size < format.smallest_subnormal / 4, np.minimum(own, 2 * size), own)
    own = np.maximum(own, FLOAT64.smallest_subnormal)
    if op is Op.EXP:
        beyond = (arg.value + arg.error < -GONE) | (arg.value == -np.inf)
    else:
        beyond = arg.value - arg.error > GONE**0.5
    return np.where(beyond, 0.0, own)


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
    return np.where(error == 0, 0.0, error * slope * (1 + 2.0**-40))


def _exact_zero(op: Op, args: list[Bounded]) -> Array:
    """Tell where a zero is exact, and not the result of an underflow."""
    zeros = [(argument.value == 0) & (argument.error == 0) for argument in args]
    match op:
        case Op.MUL:
            return np.asarray(zeros[0] | zeros[1])
        case Op.DIV:
            return np.asarray(zeros[0])
        case Op.EXP | Op.ERFC:  # zero at an infinity, and nowhere else
            end = -np.inf if op is Op.EXP else np.inf
            return np.asarray((args[0].value == end) & (args[0].error == 0))
        case Op.ADD | Op.SUB:
            return np.asarray((args[0].error == 0) & (args[1].error == 0))
        case _:
            return np.asarray(args[0].error == 0)


def _wide(part: Array, bounded: Bounded) -> Array:
    shape = bounded.value.shape
    return part if part.shape == shape else np.broadcast_to(part, shape)


def _product_error(a: Bounded, b: Bounded) -> Array:
    error = np.abs(a.value) * b.error + np.abs(b.value) * a.error + a.error * b.error
    if np.isfinite(error).all():
        return np.asarray(error)
    # an infinite factor has no error to pass on: inf * 0 is not a bound
    exact = (a.error == 0) & (b.error == 0)
    exact |= _surely_infinite(a, b) | _surely_infinite(b, a)
    return np.where(exact, 0.0, error)


def _surely_infinite(a: Bounded, b: Bounded) -> Array:
    return np.asarray(np.isinf(a.value) & (a.error == 0) & (np.abs(b.value) > b.error))


def _rivals(arg: Bounded) -> Array:
    """Return 1 for rows in which an evaluation may take another element for the largest."""
    if not np.any(arg.error):
        return np.zeros((arg.value.shape[0], 1))
    least = np.max(arg.value - arg.error, axis=1, keepdims=True)
    candidates = (arg.value + arg.error >= least).sum(axis=1, keepdims=True)
    return np.asarray(candidates > 1, np.float64)


def _chosen_error(a: Bounded, b: Bounded, value: Array) -> Array:
    """Return the error of the smaller or larger of two, of the winner alone if it is clear."""
    clear = np.abs(a.value - b.value) > (a.error + b.error) * (1 + 2.0**-40)
    winner = np.where(a.value == value, a.error, b.error)
    return np.where(clear, winner, np.maximum(a.error, b.error))


def _selected_error(condition: Bounded, a: Bounded, b: Bounded, *, certifies: bool) -> Array:
    taken = np.where(condition.value, a.error, b.error)
    if not condition.error.any():
        return taken
    # the exact condition may hold where that of an evaluation does not, and the other way round
    either = np.abs(a.value - b.value) + np.maximum(a.error, b.error)
    if not certifies:  # a branch that is no number says nothing of how far the other may be off
        held = np.isfinite(a.value)
        alone = held != np.isfinite(b.value)
        either = np.where(alone, np.where(held, a.error, b.error), either)
    return np.where(condition.error > 0, either, taken)


def _hull(found: Bounded, condition: Bounded, a: Bounded, b: Bounded) -> Bounded:
    """Return all of both branches where either may be taken, and both are numbers."""
    low = np.minimum(a.value - a.error, b.value - b.error)
    high = np.maximum(a.value + a.error, b.value + b.error)
    either = (condition.error > 0) & np.isfinite(low) & np.isfinite(high)
    value = np.where(either, low + (high - low) / 2, found.value)
    return Bounded(value, np.where(either, (high - low) / 2, found.error))


def _signs(value: Array, arg: Bounded) -> Bounded:
    """Return all signs that a number may have: of one that may be flushed, its own or none."""
    ends = np.sign([arg.value - arg.error, arg.value + arg.error])
    told = np.isfinite(ends).all(axis=0)
    middle, half = (ends[1] + ends[0]) / 2, (ends[1] - ends[0]) / 2
    return Bounded(np.where(told, middle, value), np.where(told, half, 0.0))
