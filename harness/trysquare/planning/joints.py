"""Where the branches of a formula meet: what it compares, and the numbers at which that changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from trysquare.dtypes import Array, Format
from trysquare.formula.evaluate import evaluate
from trysquare.formula.float64 import Float64
from trysquare.formula.tree import Node, Op, number, parts

COMPARISONS = frozenset({Op.LESS, Op.LESS_EQUAL, Op.EQUAL, Op.NOT_EQUAL})
CHOICES = frozenset({Op.MINIMUM, Op.MAXIMUM})
TURNS = frozenset({Op.ABS, Op.SIGN})


def compared(tree: Node) -> Iterator[tuple[Node, Node]]:
    """Yield each pair of values that a tree compares, openly or by a minimum or a magnitude."""
    for part in dict.fromkeys(parts(tree)):
        if part.op in COMPARISONS | CHOICES and part.args[0] != part.args[1]:  # not `x != x`
            yield part.args[0], part.args[1]
        elif part.op in TURNS:
            yield part.args[0], number(0)


def joints(
    format: Format, tree: Node, along: str, fixed: Mapping[str, Array], pool: Array
) -> Array:
    """Return the neighbouring numbers of one input on both sides of every joint, and on it.

    The other inputs are `fixed`, one number each; `pool` are finite numbers of the format between
    which joints are looked for.
    """
    places = np.unique(format.ordinal(pool))
    found = [np.empty(0)]
    for left, right in compared(tree):
        pair = _sides(format, left, right, along, fixed, places)
        found.append(format.from_ordinal(np.concatenate([pair, pair + 1])))
    finite = np.unique(np.concatenate(found))
    return finite[np.isfinite(finite)]


def _sides(
    format: Format,
    left: Node,
    right: Node,
    along: str,
    fixed: Mapping[str, Array],
    places: Array,
) -> Array:
    """Return the places of the last numbers before the comparison changes."""

    def side(ordinals: Array) -> Array:
        numbers = format.from_ordinal(ordinals)[:, None]
        arithmetic = Float64(len(numbers), 1, format)
        values = [evaluate(one, arithmetic, {**fixed, along: numbers}) for one in (left, right)]
        with np.errstate(invalid="ignore"):
            difference = np.sign(values[0] - values[1])
        return np.broadcast_to(difference, (len(numbers), 1))[:, 0]

    sides = side(places)
    changes = np.flatnonzero((sides[1:] != sides[:-1]) & ~np.isnan(sides[1:] + sides[:-1]))
    low, high, first = places[changes], places[changes + 1], sides[changes]
    while (high - low > 1).any():
        middle = low + (high - low) // 2
        before = side(middle) == first
        low, high = np.where(before, middle, low), np.where(before, high, middle)
    return np.asarray(low)
