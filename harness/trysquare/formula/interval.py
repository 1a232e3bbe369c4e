"""The formula on an interval, with both ends in Arb: wide ranges, where balls say nothing.

A ball around [2^-100, 1] reaches below zero; an interval does not. Each end is a ball of its own,
so that nothing is rounded the wrong way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import flint

from trysquare.formula.branching import NOT_A_NUMBER, Branching, UndecidedHereError
from trysquare.formula.tree import Op


class Ends(NamedTuple):
    """All numbers from the lower bound of `low` to the upper bound of `high`."""

    low: flint.arb
    high: flint.arb


class Interval(Branching[Ends]):
    """A tree on an interval."""

    def constant(self, number: flint.arb) -> Ends:
        """Return an interval as wide as the number's ball."""
        return Ends(number, number)

    def compared(self, op: Op, a: Ends, b: Ends) -> float:
        """Compare all of one with all of the other."""
        match op:
            case Op.LESS:
                return _either(a.high < b.low, a.low >= b.high)
            case Op.LESS_EQUAL:
                return _either(a.high <= b.low, a.low > b.high)
            case _:
                apart = a.high < b.low or a.low > b.high
                same = a.low == b.high and a.high == b.low
                return _either(same, apart) if op is Op.EQUAL else _either(apart, same)

    def power(self, base: Ends, exponent: int) -> Ends:
        """Multiply; an even power of numbers of both signs is not monotone."""
        result = base
        for _ in range(exponent - 1):
            result = _product(result, base)
        return result

    def elementary(self, op: Op, args: list[Ends]) -> Ends | str:
        """Return the interval of all values."""
        match op, args:
            case Op.NEG, [a]:
                return Ends(-a.high, -a.low)
            case Op.ADD, [a, b]:
                return Ends(a.low + b.low, a.high + b.high)
            case Op.SUB, [a, b]:
                return Ends(a.low - b.high, a.high - b.low)
            case Op.MUL, [a, b]:
                return _product(a, b)
            case Op.DIV, [a, b]:
                if not (b.low > 0 or b.high < 0):
                    raise UndecidedHereError("a division by zero")
                return _product(a, Ends(1 / b.high, 1 / b.low))
            case _, [a]:
                return _moved(op, a)
        raise TypeError(op)


def _either(yes: bool, no: bool) -> float:  # noqa: FBT001
    return 1.0 if yes else 0.0 if no else float("nan")


def _product(a: Ends, b: Ends) -> Ends:
    products = [x * y for x in a for y in b]
    low, high = products[0], products[0]
    for product in products[1:]:
        low, high = low.min(product), high.max(product)
    return Ends(low, high)


def _moved(op: Op, a: Ends) -> Ends | str:
    """Return a monotone function of both ends, or NaN where all is outside of its domain."""
    edge = _EDGES.get(op)
    if edge is not None and a.high < edge:
        return NOT_A_NUMBER
    if edge is not None and not a.low > edge:
        raise UndecidedHereError("the edge of a domain")
    low, high = map(_FUNCTIONS[op], a)
    low, high = (high, low) if op is Op.ERFC else (low, high)
    if op in _POSITIVE and not low > 0:  # far out Arb says no more than almost zero
        low, high = flint.arb(0), high.upper()
    return Ends(low, high)


_POSITIVE = {Op.EXP, Op.ERFC}

_EDGES = {Op.LOG: 0, Op.LOG1P: -1, Op.SQRT: 0}

_FUNCTIONS: dict[Op, Callable[[flint.arb], flint.arb]] = {
    Op.SQRT: lambda a: a.sqrt(),
    Op.EXP: lambda a: a.exp(),
    Op.EXPM1: lambda a: a.expm1(),
    Op.LOG: lambda a: a.log(),
    Op.LOG1P: lambda a: a.log1p(),
    Op.TANH: lambda a: a.tanh(),
    Op.ERF: lambda a: a.erf(),
    Op.ERFC: lambda a: a.erfc(),
}
