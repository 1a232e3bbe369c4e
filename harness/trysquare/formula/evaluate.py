"""Gives a tree its value in any arithmetic: one walk, each shared part once.

An arithmetic is a small class; NumPy float64, Arb balls and float64 with error bounds are three.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Protocol, TypeVar

from trysquare.formula.tree import Node, Op, Scope

A = TypeVar("A")


class Arithmetic(Protocol[A]):
    """What an interpreter must know; every `A` is shaped (rows or 1, columns or 1)."""

    def number(self, value: Fraction) -> A:
        """Return a constant."""

    def symbol(self, name: str) -> A:
        """Return a named number."""

    def position(self) -> A:
        """Return 0, 1, 2 ... along a row."""

    def apply(self, op: Op, args: list[A]) -> A:
        """Return an elementwise operation, a comparison, a selection or a gather."""

    def power(self, base: A, exponent: int) -> A:
        """Return base ** exponent for a whole exponent >= 0."""

    def reduce(self, op: Op, arg: A, scope: Scope) -> A:
        """Return a reduction with the reduced dimensions kept as 1."""


def evaluate(node: Node, arithmetic: Arithmetic[A], names: Mapping[str, A]) -> A:
    """Return the value of the tree; `names` gives the value of every name in it.

    Equal parts are computed once, wherever they stand.
    """
    numbers: dict[int, int] = {}
    known: dict[tuple[object, ...], int] = {}
    values: list[A] = []

    def visit(node: Node) -> int:
        if id(node) not in numbers:
            args = tuple(visit(argument) for argument in node.args)
            key = (node.op, node.value, *args)
            if key not in known:
                values.append(_apply(node, [values[place] for place in args], arithmetic, names))
                known[key] = len(values) - 1
            numbers[id(node)] = known[key]
        return numbers[id(node)]

    return values[visit(node)]


def _apply(node: Node, args: list[A], arithmetic: Arithmetic[A], names: Mapping[str, A]) -> A:
    match node:
        case Node(op=Op.NUMBER, value=Fraction() as value):
            return arithmetic.number(value)
        case Node(op=Op.NAME, value=str() as name):
            return names[name]
        case Node(op=Op.SYMBOL, value=str() as name):
            return arithmetic.symbol(name)
        case Node(op=Op.POSITION):
            return arithmetic.position()
        case Node(op=Op.POW, value=int() as exponent):
            return arithmetic.power(args[0], exponent)
        case Node(op=Op.SUM | Op.MAX | Op.ARGMAX | Op.COUNT):
            return arithmetic.reduce(node.op, args[0], Scope(str(node.value)))
        case _:
            return arithmetic.apply(node.op, args)
