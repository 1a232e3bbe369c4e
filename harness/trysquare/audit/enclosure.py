"""What Arb proves of a tree at every point: balls, at more bits where few do not say much."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import flint
import numpy as np

from trysquare.dtypes import FLOAT64, Array, Format
from trysquare.formula.ball import Ball, balls, precision
from trysquare.formula.evaluate import evaluate
from trysquare.formula.tree import Node

PRECISIONS = (128, 320, 1280, 2560)
"""Bits, one after the other; the last resolves the smallest float64 beside 1."""

NARROW = 2.0**-90
"""A ball as narrow as this, relative to its middle, says enough for anything asked here."""


def enclosures(
    tree: Node, inputs: Mapping[str, Array], shape: tuple[int, int], columns: int
) -> Array:
    """Return balls, shaped `shape`, that hold the tree's exact values; some may not be finite.

    Inputs are finite and shaped (rows, columns or 1), and no row depends on another.
    """
    found = np.empty(shape, object)
    open_rows = np.arange(shape[0])
    for bits in PRECISIONS:
        some = {name: values[open_rows] for name, values in inputs.items()}
        values = at_precision(tree, some, (len(open_rows), columns), bits)
        found[open_rows] = np.broadcast_to(values, (len(open_rows), shape[1]))
        vague = ~each(narrow, found[open_rows])
        open_rows = open_rows[vague.any(axis=1)]
        if not open_rows.size:
            break
    return found


def each(question: Callable[..., bool], *arrays: Array) -> Array:
    """Ask a question of every element, or pair of elements, and return the answers."""
    with np.errstate(invalid="ignore"):  # NumPy takes NaN for a mistake of the question
        return np.asarray(np.frompyfunc(question, len(arrays), 1)(*arrays), bool)


def narrow(ball: flint.arb) -> bool:
    """Tell whether a ball is as good as a number."""
    if not ball.is_finite():
        return False
    return bool(ball.rad() <= abs(ball.mid()) * NARROW)


def nearest(ball: flint.arb) -> float:
    """Return the float64 nearest to the middle of a ball; NaN where it is not finite."""
    return float(ball.mid()) if ball.is_finite() else np.nan


def at_precision(
    tree: Node,
    inputs: Mapping[str, Array],
    size: tuple[int, int],
    bits: int,
    format: Format = FLOAT64,
) -> Array:
    """Return the balls that a tree has at finite inputs laid out as `size` = rows, columns."""
    with precision(bits):
        names = {name: balls(values) for name, values in inputs.items()}
        return evaluate(tree, Ball(*size, format), names)
