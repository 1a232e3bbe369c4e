"""Where something fails, in words: intervals of one input, or the box of several."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from trysquare.audit.grid import Grid
from trysquare.dtypes import Array
from trysquare.formula.tree import Node
from trysquare.truth.meaning import COTANGENT

MOST = 3
"""Intervals that are named."""

ALMOST = 16
"""By how much less than the limit is almost the limit."""


def region(points: Grid, tree: Node, height: Array, limit: float) -> str:
    """Return where a quantity, one for each row, exceeds its limit: `x in [-38.4, -5.1]`."""
    given = {name: x for name, x in points.given(tree).items() if name != COTANGENT}
    if len(given) == points.columns == 1:
        ((name, x),) = given.items()
        pieces = [_interval(low, high) for low, high in _runs(x[:, 0], height, limit)]
        more = f" and {len(pieces) - MOST} more intervals" if len(pieces) > MOST else ""
        return f"{name} in {', '.join(pieces[:MOST])}{more}"
    rows = np.flatnonzero(height > limit)
    box = [f"{n} in {_interval(x[rows].min(), x[rows].max())}" for n, x in given.items()]
    return f"{len(rows)} of {points.rows} rows, {', '.join(box)}"


def point(points: Grid, trees: Iterable[Node], row: int) -> str:
    """Return the inputs of trees in one row, exactly: `x = -5.25`."""
    given = {name for tree in trees for name in points.given(tree)}
    numbers = {name: x[row].tolist() for name, x in points.inputs.items() if name in given}
    return ", ".join(f"{n} = {x[0] if len(x) == 1 else x}" for n, x in numbers.items())


def _interval(low: float, high: float) -> str:
    return f"[{low:.6g}, {high:.6g}]"


def _runs(x: Array, height: Array, limit: float) -> Iterator[tuple[float, float]]:
    """Yield the ends of every run of points above the limit, in order of size.

    A run goes on over points that are almost above it: an ULP halves at a power of two.
    """
    order = np.argsort(x, kind="stable")
    x, height = x[order], height[order]
    edges = np.flatnonzero(np.diff(np.concatenate([[False], height > limit / ALMOST, [False]])))
    for start, end in edges.reshape(-1, 2):
        above = start + np.flatnonzero(height[start:end] > limit)
        if above.size:
            yield float(x[above[0]]), float(x[above[-1]])
