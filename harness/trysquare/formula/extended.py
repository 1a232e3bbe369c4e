"""The formula in NumPy's `longdouble`, where that is wider than float64: fast, and not proven.

It serves a search, which needs a million truths and certifies the few that it keeps.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from trysquare.dtypes import FLOAT64, Array
from trysquare.formula.float64 import Float64
from trysquare.formula.tree import Node, Op, Symbol

WIDE = np.longdouble
PI = "3.14159265358979323846264338327950288419716939937511"
LEAST_BITS = 63
"""Stored bits of the x87 format; a longdouble with fewer is float64 under another name."""

_ABSENT = frozenset({Op.ERF, Op.ERFC})
"""What NumPy has in no precision."""


def holds(tree: Node) -> bool:
    """Whether this platform has a wider format, with every operation of the tree in it."""
    return np.finfo(WIDE).nmant >= LEAST_BITS and not _occurs(tree, {})


def _occurs(tree: Node, known: dict[int, bool]) -> bool:
    """Tell whether an operation occurs that is absent; parts that are shared are visited once."""
    if id(tree) not in known:
        known[id(tree)] = tree.op in _ABSENT or any(_occurs(each, known) for each in tree.args)
    return known[id(tree)]


class Extended(Float64):
    """Arithmetic over longdouble arrays, shaped like those of float64."""

    def __init__(self, rows: int, columns: int) -> None:
        super().__init__(rows, columns, FLOAT64)

    def number(self, value: Fraction) -> Array:
        """Return the quotient of the two integers, each rounded once."""
        top, bottom = WIDE(str(value.numerator)), WIDE(str(value.denominator))
        return np.full((1, 1), top / bottom, WIDE)

    def symbol(self, name: str) -> Array:
        """Return the symbol's number."""
        value = WIDE(PI) if name == Symbol.PI else WIDE(super().symbol(name)[0, 0])
        return np.full((1, 1), value, WIDE)

    def position(self) -> Array:
        """Return column numbers, shaped (1, columns)."""
        return super().position().astype(WIDE)
