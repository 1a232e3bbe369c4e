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
    """Return the value of the tree; `names` gives the value of every name in it."""
    done: dict[int, A] = {}

    def visit(node: Node) -> A:
        key = id(node)
        if key not in done:
            done[key] = compute(node)
        return done[key]

    def compute(node: Node) -> A:
        match node:
            case Node(op=Op.NUMBER, value=Fraction() as value):
                return arithmetic.number(value)
            case Node(op=Op.NAME, value=str() as name):
                return names[name]
            case Node(op=Op.SYMBOL, value=str() as name):
                return arithmetic.symbol(name)
            case Node(op=Op.POSITION):
                return arithmetic.position()
            case Node(op=Op.POW, args=(base,), value=int() as exponent):
                return arithmetic.power(visit(base), exponent)
            case Node(op=Op.SUM | Op.MAX | Op.ARGMAX | Op.COUNT, args=(argument,)):
                return arithmetic.reduce(node.op, visit(argument), Scope(str(node.value)))
            case _:
                return arithmetic.apply(node.op, [visit(argument) for argument in node.args])

    return visit(node)
