"""The value of an expression that needs no input: defaults, parameters of cases, their domains.

Rationals stay exact until the end, so that 1 / 8 and 0.1 become the nearest double.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from operator import add, and_, eq, le, lt, mul, ne, or_, sub, truediv
from typing import Final

from trysquare.errors import FormulaError
from trysquare.formula.tree import Node, Op

Number = Fraction | float

LARGEST_FRACTION: Final = 20_000
"""Bits of a numerator or denominator on the way; no double needs so many."""

_SYMBOLS = {"inf": math.inf, "nan": math.nan, "pi": math.pi}
_ARITHMETIC: dict[Op, Callable[..., Number]] = {
    Op.ADD: add,
    Op.SUB: sub,
    Op.MUL: mul,
    Op.DIV: truediv,
}
_CONDITIONS: dict[Op, Callable[..., bool]] = {
    Op.LESS: lt,
    Op.LESS_EQUAL: le,
    Op.EQUAL: eq,
    Op.NOT_EQUAL: ne,
    Op.AND: and_,
    Op.OR: or_,
}
OPERATIONS: Final = frozenset(
    {Op.NUMBER, Op.NAME, Op.SYMBOL, Op.NEG, Op.POW, Op.NOT, *_ARITHMETIC, *_CONDITIONS}
)
"""What has a value here."""


def value(tree: Node) -> Number:
    """Return the value: a Fraction where it is rational, else a double (inf, nan, pi, -0.0).

    Raises FormulaError for names, functions, symbols of a dtype, and division by zero.
    """
    return _number(tree, {})


def double(number: Number) -> float:
    """Return the nearest double; raises FormulaError if it would be infinite or zero instead."""
    try:
        nearest = float(number)
    except OverflowError:
        raise FormulaError("too large for double precision") from None
    if nearest == 0 != number:
        raise FormulaError("too small for double precision")
    return nearest


def holds(condition: Node, names: Mapping[str, float]) -> bool:
    """Return whether a condition on parameters is true, compared in double precision.

    Raises FormulaError where it is not made of comparisons and arithmetic.
    """
    if condition.op is Op.NOT:
        return not holds(condition.args[0], names)
    if condition.op not in _CONDITIONS:
        raise FormulaError("not a condition", hint="write a comparison, for example beta >= 0")
    inside = holds if condition.op in (Op.AND, Op.OR) else _double
    return _CONDITIONS[condition.op](*(inside(argument, names) for argument in condition.args))


def _double(node: Node, names: Mapping[str, float]) -> float:
    # the default 0.1 is the double, and 0.1 in its domain must be the same
    return double(_number(node, names))


def _number(node: Node, names: Mapping[str, float]) -> Number:
    args = [_number(argument, names) for argument in node.args]
    match node:
        case Node(op=Op.NUMBER, value=Fraction() as exact):
            return exact
        case Node(op=Op.NAME, value=str() as name) if name in names:
            return _exact(names[name])
        case Node(op=Op.SYMBOL, value=str() as symbol) if symbol in _SYMBOLS:
            return _SYMBOLS[symbol]
        case Node(op=Op.SYMBOL):
            raise FormulaError(f"'{node.value}' depends on the dtype, this value does not")
        case Node(op=Op.NEG):
            # a rational has no negative zero, a default has
            return -args[0] if args[0] else -float(args[0])
        case Node(op=Op.POW, value=int() as exponent):
            if _bits(args[0]) * exponent <= LARGEST_FRACTION:
                return _bounded(lambda: args[0] ** exponent)
            raise FormulaError("too large")
        case _ if node.op in _ARITHMETIC:
            return _bounded(lambda: _ARITHMETIC[node.op](*args))
    raise FormulaError("not a constant", hint="numbers, + - * / **, inf, nan and pi make one")


def _exact(number: float) -> Number:
    return Fraction(number) if math.isfinite(number) and number else number


def _bits(number: Number) -> int:
    if isinstance(number, float):
        return 1
    return max(number.numerator.bit_length(), number.denominator.bit_length())


def _bounded(compute: Callable[[], Number]) -> Number:
    try:
        result = compute()
    except ZeroDivisionError:
        raise FormulaError("division by zero") from None
    except OverflowError:
        raise FormulaError("too large for double precision") from None
    if _bits(result) > LARGEST_FRACTION:
        raise FormulaError("too large")
    return result
