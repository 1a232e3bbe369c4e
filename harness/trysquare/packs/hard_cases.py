"""Inputs whose exact result is hardest to round: the closest to a midpoint, proven for a pool."""

from __future__ import annotations

import numpy as np

from trysquare.dtypes import Array, Format
from trysquare.planning.sampling import Generator
from trysquare.truth.known import Truth
from trysquare.truth.oracle import Oracle

POOL = {"float64": 1 << 13, "float32": 1 << 16}
"""Random candidates; Arb looks at each one of float64, and at few of float32."""

NORMAL, SUBNORMAL = 64, 16
"""How many are kept with results of either kind: half of a subnormal number is often a tie."""

HARD = 2.0**-6
"""ULP from a midpoint; what is farther away is not hard."""

MODERATE = (2.0**-12, 2.0**8)
"""Sizes among which half of the candidates are, since most functions do most of it there."""


def pool(format: Format, random: Generator) -> Array:
    """Return candidates of both signs, as float64: all binades alike, and moderate ones again."""
    count = POOL[format.name] // 2
    low, high = (int(end) for end in format.ordinal(np.array(MODERATE)))
    reach = int(format.ordinal(np.array([format.largest]))[0])
    anywhere = random.integers(1, reach + 1, count)
    moderate = random.integers(low, high, count)
    signs = np.where(random.random(2 * count) < 0.5, -1, 1)
    return format.from_ordinal(np.unique(signs * np.concatenate([anywhere, moderate])))


def hardest(oracle: Oracle) -> Array:
    """Return the rows of the hardest results, the hardest first; each row has one result.

    Whatever tier 1 leaves open is asked of Arb, so the choice depends on no libm.
    """
    fast, format = oracle.fast, oracle.format
    value = np.abs(fast.value[:, 0])
    rounds = np.isfinite(value) & (value <= format.largest) & (value > 0)
    normal = value >= format.smallest_normal
    chosen = [
        _closest(oracle, np.flatnonzero(rounds & kind), count)
        for kind, count in ((normal, NORMAL), (~normal, SUBNORMAL))
    ]
    return np.concatenate(chosen)


def _closest(oracle: Oracle, rows: Array, count: int) -> Array:
    """Return the rows whose results are closest to a midpoint, at most so many."""
    fast = oracle.fast.only(rows)
    gap, doubt = _gap(fast, oracle.format), fast.bound[:, 0]
    # the farthest that the closest ones may be; who is certainly farther is none of them
    ends = np.sort(np.minimum(gap + doubt, HARD))
    farthest = ends[min(count, len(ends)) - 1] if ends.size else 0.0
    rows = rows[gap - doubt <= farthest]
    if not rows.size:
        return rows
    gap = _gap(oracle.exact(rows), oracle.format)
    order = np.argsort(gap, kind="stable")
    return rows[order[gap[order] < HARD]][:count]


def _gap(truth: Truth, format: Format) -> Array:
    """Return how many ULP lie between each result and the nearest midpoint."""
    with np.errstate(over="ignore", invalid="ignore"):
        steps = truth.value[:, 0] / format.ulp(truth.value[:, 0])
        beyond = (steps - np.floor(steps)) + truth.rest[:, 0]
    return np.abs(beyond - np.floor(beyond) - 0.5)
