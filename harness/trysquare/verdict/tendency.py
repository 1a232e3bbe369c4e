"""What answers tend to where a number is infinite: what calculus says, beside what IEEE 754 does.

Arithmetic with an infinity gives 0 * inf where two limits meet, and the derivative of a formula has
more such places than the formula. The limit is told by growing finite numbers in its place. Where a
derivative meets 0 * inf depends on how it is written, so whoever computes with an infinity may find
NaN; whoever only compares it with something may not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from trysquare.dtypes import Array
from trysquare.formula.tree import Node, Op, Symbol, name
from trysquare.planning.cases import Case, infinite
from trysquare.planning.joints import COMPARISONS
from trysquare.spec import Value

GROWTH = (2.0**16, 2.0**64, 2.0**256)
"""What stands for infinity, one after the other: each is a power of the one before."""

BITS = 2560
"""Bits of Arb at which the square of the largest of them, plus one, is exact."""

SAME = 2.0**-24
"""Relative to a limit, how near to each other the last two answers are, and so it to the last."""

FASTER = 2.0**-4
"""What decays or grows does so by this factor from one of them to the next, at least."""


SWAPPED = {Op.LESS: Op.LESS_EQUAL, Op.LESS_EQUAL: Op.LESS}
"""Orders, and what is the same but where two numbers are equal."""

UNKNOWN = "?"
"""The end of a name that stands for what is NaN where the name is infinite."""

INFINITY = Node(Op.SYMBOL, value=Symbol.INF.value)


def grown(case: Case, size: float) -> Case:
    """Return a case with a finite number of this size in place of every infinite one."""

    def finite(array: Array) -> Array:
        if array.dtype.kind == "i":
            return array
        wide = array.astype(np.float64)
        return np.where(np.isinf(wide), np.copysign(size, wide), wide)

    def number(value: Value) -> Value:
        return math.copysign(size, value) if isinstance(value, float) and infinite(value) else value

    return replace(
        case,
        inputs={name: finite(array) for name, array in case.inputs.items()},
        effective={name: number(value) for name, value in case.effective.items()},
    )


def tendency(first: Array, second: Array, third: Array) -> Array:
    """Return what three answers tend to, each at a larger number; NaN where that is not plain."""
    with np.errstate(all="ignore"):
        small, middle, large = (np.abs(one) for one in (first, second, third))
        settled = (second == third) | (np.abs(second - third) <= SAME * large)
        decays = (large <= FASTER * middle) & (middle <= FASTER * small)
        grows = (middle >= 2 * small) & (large >= 2 * middle) & (np.sign(third) == np.sign(second))
    found = np.where(settled, third, np.where(decays, np.copysign(0.0, third), np.nan))
    return np.where(grows & ~settled, np.copysign(np.inf, third), found)


def moved(node: Node) -> Node:
    """Return a tree in which every number between two branches belongs to the other one."""
    args = tuple(moved(argument) for argument in node.args)
    return Node(SWAPPED.get(node.op, node.op), args, node.value)


def computing(node: Node) -> Node:
    """Return a tree whose value is NaN where the taken branch computes with an infinity.

    Orders and signs are told of the infinity itself. The names in it are those of `unknown`.
    """
    if node.op in COMPARISONS or node.op is Op.SIGN:
        return node
    if node.op is Op.NAME:
        return name(f"{node.value}{UNKNOWN}")
    if node == INFINITY:
        return Node(Op.SYMBOL, value=Symbol.NAN.value)
    return Node(node.op, tuple(computing(argument) for argument in node.args), node.value)


def unknown(rows: Mapping[str, Array]) -> dict[str, Array]:
    """Return rows under their own names, and with NaN for infinities under those of `computing`."""
    hidden = {
        f"{key}{UNKNOWN}": np.where(np.isinf(value), np.nan, value) for key, value in rows.items()
    }
    return {**rows, **hidden}
