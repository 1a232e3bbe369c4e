"""A tree over one name, evaluated on a set of numbers at once: only the branch that is taken.

What a value is, a subclass says: a Taylor series around a ball, an interval. A condition that holds
for one part of the set and not for another ends the evaluation.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Generic, TypeVar

import flint

from trysquare.dtypes import Format
from trysquare.formula.ball import OPERATIONS
from trysquare.formula.float64 import symbol_value
from trysquare.formula.tree import REDUCTIONS, Node, Op, Symbol

V = TypeVar("V")

NOT_A_NUMBER = "NaN"
"""What a function gives outside of its domain, for certain."""

CONNECTIVES = frozenset({Op.AND, Op.OR, Op.NOT})
COMPARISONS = frozenset({Op.LESS, Op.LESS_EQUAL, Op.EQUAL, Op.NOT_EQUAL})
STRANGERS = REDUCTIONS | {Op.POSITION, Op.GATHER}
"""What a function of one number does not have."""


class UndecidedHereError(ArithmeticError):
    """Nothing can be said of the whole set: a condition changes, or a divisor may be zero."""


class Branching(ABC, Generic[V]):
    """A tree over one name; equal parts are evaluated once.

    `decisions` are the answers to all conditions of the latest evaluation, in their order; an
    evaluation may be told to take those of an earlier one. Raises TypeError for a tree that
    reduces, KeyError for another name.
    """

    def __init__(self, tree: Node, variable: str, format: Format) -> None:
        self._format, self._variable = format, variable
        self._places: dict[tuple[object, ...], int] = {}
        self._steps: list[tuple[Op, tuple[int, ...], Any]] = []
        self._root = self._place(tree)
        self._values: list[Any] = []
        self._replayed: Iterator[float] | None = None
        self._x: V
        self.decisions: list[float] = []

    def evaluated(self, x: V, decisions: list[float] | None = None) -> V | str:
        """Return the value; raises UndecidedHereError where it is not one for the whole set."""
        self._values = [None] * len(self._steps)
        self._x, self.decisions = x, []
        self._replayed = None if decisions is None else iter(decisions)
        value: V | str = self._value(self._root)
        return value

    @abstractmethod
    def constant(self, number: flint.arb) -> V:
        """Return a constant."""

    @abstractmethod
    def compared(self, op: Op, a: V, b: V) -> float:
        """Return 1.0 or 0.0, or NaN where that is not decided."""

    @abstractmethod
    def power(self, base: V, exponent: int) -> V:
        """Return base ** exponent for an exponent of at least 1."""

    @abstractmethod
    def elementary(self, op: Op, args: list[V]) -> V | str:
        """Return a sum, a product, an elementary function."""

    def _place(self, node: Node) -> int:
        """Number the node; equal parts have one number."""
        if node.op in STRANGERS:
            raise TypeError(f"a function of one number has no {node.op}")
        args = tuple(self._place(argument) for argument in node.args)
        key = (node.op, node.value, *args)
        if key not in self._places:
            self._places[key] = len(self._steps)
            self._steps.append((node.op, args, self._leaf(node)))
        return self._places[key]

    def _leaf(self, node: Node) -> Any:
        match node:
            case Node(op=Op.NUMBER, value=Fraction() as value):
                quotient = flint.fmpq(value.numerator, value.denominator)
                return self.constant(flint.arb(quotient))
            case Node(op=Op.SYMBOL, value=Symbol.NAN):
                return NOT_A_NUMBER
            case Node(op=Op.SYMBOL, value=str() as name):
                pi = name == Symbol.PI
                named = flint.arb.pi() if pi else flint.arb(symbol_value(name, self._format))
                return self.constant(named)
            case Node(op=Op.NAME, value=name) if name != self._variable:
                raise KeyError(name)
            case _:
                return node.value

    def _value(self, place: int) -> Any:
        known = self._values[place]
        if known is None:
            known = self._values[place] = self._worked_out(*self._steps[place])
        return known

    def _worked_out(self, op: Op, places: tuple[int, ...], leaf: Any) -> Any:
        if op is Op.NAME:
            return self._x
        if not places:
            return leaf
        if op is Op.SELECT:
            return self._value(places[1] if self._value(places[0]) else places[2])
        args = [self._value(place) for place in places]
        if op in CONNECTIVES:
            return float(OPERATIONS[op](*args))
        if op in COMPARISONS:
            return self._decided(op, *args)
        if NOT_A_NUMBER in args:
            return NOT_A_NUMBER
        match op, args:
            case Op.POW, [base]:
                return self.power(base, leaf) if leaf else self.constant(flint.arb(1))
            case Op.ABS, [a]:
                negative = self._decided(Op.LESS_EQUAL, a, self.constant(flint.arb(0)))
                return self.elementary(Op.NEG, [a]) if negative else a
            case Op.SIGN, [a]:
                return self.constant(flint.arb(self._sign(a)))
            case Op.MINIMUM, [a, b]:
                return a if self._decided(Op.LESS_EQUAL, a, b) else b
            case Op.MAXIMUM, [a, b]:
                return b if self._decided(Op.LESS_EQUAL, a, b) else a
            case _:
                return self.elementary(op, args)

    def _sign(self, a: V) -> int:
        zero = self.constant(flint.arb(0))
        if self._decided(Op.EQUAL, a, zero):
            return 0
        return -1 if self._decided(Op.LESS, a, zero) else 1

    def _decided(self, op: Op, a: V | str, b: V | str) -> float:
        if isinstance(a, str) or isinstance(b, str):
            return float(op is Op.NOT_EQUAL)
        answer = self.compared(op, a, b) if self._replayed is None else next(self._replayed)
        if math.isnan(answer):
            raise UndecidedHereError("a condition changes here")
        self.decisions.append(answer)
        return answer
