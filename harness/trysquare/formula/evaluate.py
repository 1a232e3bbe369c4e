"""Gives a tree its value in any arithmetic: one walk, each shared part once.

An arithmetic is a small class; NumPy float64, Arb balls and float64 with error bounds are three.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Protocol, TypeVar

import numpy as np

from trysquare.formula.tree import REDUCTIONS, Node, Op, Scope

A = TypeVar("A")

_OTHERS = REDUCTIONS | {Op.NUMBER, Op.NAME, Op.SYMBOL, Op.POSITION, Op.POW}
"""What is no elementwise operation on its arguments."""


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

    Equal parts are computed once, wherever they stand. Exceptions of IEEE arithmetic are values.
    """
    values: list[A] = []
    with np.errstate(all="ignore"):  # once: it takes longer than to add two numbers
        for step in _steps(_Same(node)):
            args = [values[place] for place in step.places]
            values.append(_apply(step.part, args, arithmetic, names))
    return values[-1]


@dataclass(frozen=True)
class _Step:
    """A part of a tree; `places` tells which earlier steps gave its arguments."""

    part: Node
    places: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class _Same:
    """A tree, equal to itself alone: to compare trees takes as long as to walk through them."""

    tree: Node

    def __hash__(self) -> int:
        return id(self.tree)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.tree is self.tree


@lru_cache(maxsize=1024)
def _steps(root: _Same) -> tuple[_Step, ...]:
    """Return the parts of a tree in the order in which they can be computed, equal ones once."""
    numbers: dict[int, int] = {}
    known: dict[tuple[object, ...], int] = {}
    steps: list[_Step] = []

    def visit(node: Node) -> int:
        if id(node) not in numbers:
            places = tuple(visit(argument) for argument in node.args)
            key = (node.op, node.value, *places)
            if key not in known:
                known[key] = len(steps)
                steps.append(_Step(node, places))
            numbers[id(node)] = known[key]
        return numbers[id(node)]

    visit(root.tree)
    return tuple(steps)


def _apply(node: Node, args: list[A], arithmetic: Arithmetic[A], names: Mapping[str, A]) -> A:
    if node.op not in _OTHERS:
        return arithmetic.apply(node.op, args)
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
        case _:
            return arithmetic.reduce(node.op, args[0], Scope(str(node.value)))
