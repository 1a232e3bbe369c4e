"""Which inputs to try where a spec names none: seeded, boundaries first, every binade."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from trysquare.dtypes import Array, Format
from trysquare.formula.evaluate import evaluate
from trysquare.formula.float64 import Float64
from trysquare.formula.tree import Node, Op

Generator = np.random.Generator

ROW_LENGTHS = (1, 2, 3, 10, 100)
"""Lengths of sampled rows."""

EDGE_LENGTHS = (4, 5, 7, 8, 9, 15, 16, 17, 33)
"""Lengths around those of vectors, where the elements that do not fill one are left over."""

VARIED_LENGTHS = (3, 100)
"""Lengths of rows where a parameter is not at its default."""

LONG_ROW = 5000
"""A sum of so many ones stands still at 256 or 2048 if a 16-bit format holds it."""

RARE = 0.05
"""Where a smaller share of sampled numbers lies in the domain of an input, they are replaced."""

PER_BINADE = {"float64": 1, "float32": 16, "float16": 64, "bfloat16": 16}
"""Random numbers in every binade of either sign."""


def specials(format: Format) -> Array:
    """Return zeros, ones, infinities, NaN and the edges of the format, of both signs."""
    positive = np.array(
        [
            0.0,
            format.smallest_subnormal,
            format.smallest_normal - format.smallest_subnormal,
            format.smallest_normal,
            format.eps,
            0.5,
            1.0,
            1.0 + format.eps,
            2.0,
            format.largest,
            math.inf,
        ]
    )
    return np.concatenate([positive, -positive, [math.nan]])


def whole_format(format: Format) -> Array:
    """Return every number of a 16-bit format in the order of the bit patterns, as float64."""
    return format.widen(format.from_bits(np.arange(1 << format.width)))


def numbers(format: Format, tree: Node, random: Generator) -> Array:
    """Return the specials, the surroundings of the tree's constants, and each binade at random."""
    sample = np.concatenate(
        [specials(format), near_constants(format, tree), strata(format, random)]
    )
    return format.round(sample)


def allowed(format: Format, name: str, domain: Node | None, random: Generator) -> Array:
    """Return the numbers of a pool that lie in the domain of one input (None: all), in no order.

    Ordinary numbers, and for a domain its boundaries and the specials of the format.
    """
    usual = format.round(random.normal(0, 2, 256))
    if domain is None:
        return usual
    pool = np.concatenate([usual, numbers(format, domain, random)])
    holds = evaluate(domain, Float64(len(pool), 1, format), {name: pool[:, None]})
    inside: Array = pool[np.broadcast_to(np.asarray(holds, bool), (len(pool), 1))[:, 0]]
    return inside


def strata(format: Format, random: Generator) -> Array:
    """Return random numbers from every binade, subnormal ones included, of both signs."""
    lowest = format.emin - format.precision + 1
    exponents = np.repeat(np.arange(lowest, format.emax + 1), PER_BINADE[format.name])
    values = np.ldexp(random.uniform(1, 2, exponents.size), exponents)
    values = np.minimum(format.round(values), format.largest)
    return np.concatenate([values, -values])


def near_constants(format: Format, tree: Node) -> Array:
    """Return numbers 0, 1, 2, 4 ... steps away from every constant of the tree, of both signs."""
    constants = np.array(sorted({*_constants(tree), 0.0, 1.0}))
    constants = constants[np.abs(constants) <= format.largest]
    centres = format.ordinal(np.concatenate([constants, -constants]))
    steps = 1 << np.arange(format.precision + 4, dtype=np.int64)
    offsets = np.concatenate([[0], steps, -steps])
    ordinals = (centres[:, None] + offsets).ravel()
    reach = int(format.ordinal(np.array([format.largest]))[0])
    return format.from_ordinal(np.unique(ordinals[np.abs(ordinals) <= reach]))


def tuples(format: Format, tree: Node, count: int, arity: int, random: Generator) -> Array:
    """Return `count` and more points with `arity` coordinates, shaped (points, arity).

    All pairs of specials, equal and neighbouring coordinates, coordinates of similar size, and
    independent ones from all binades.
    """
    pool = numbers(format, tree, random)
    ordinary = format.round(random.normal(0, 3, (count, arity)))
    independent = random.choice(pool, (count, arity))
    finite = pool[np.isfinite(pool)]
    steps = random.integers(-3, 4, (count, arity))
    close = format.ordinal(random.choice(finite, (count, 1))) + steps
    reach = int(format.ordinal(np.array([format.largest]))[0])
    neighbours = format.from_ordinal(np.clip(close, -reach, reach))
    corners = np.stack(np.meshgrid(*[specials(format)] * min(arity, 2)), -1).reshape(
        -1, min(arity, 2)
    )
    corners = np.concatenate([corners] + [corners[:, :1]] * (arity - corners.shape[1]), axis=1)
    return np.concatenate([corners, ordinary, independent, neighbours])


def rows(format: Format, length: int, random: Generator) -> Array:
    """Return rows of finite numbers that are hard for a reduction, shaped (rows, length)."""
    return format.round(np.stack(list(_rows(format, length, random))))


def _rows(format: Format, length: int, random: Generator) -> Iterator[Array]:
    normal = random.normal(0, 1, length)
    for scale in (1e-3, 1.0, 10.0, 80.0):
        yield normal * scale
    yield np.full(length, 3.0)
    yield np.zeros(length)
    one = normal * 1e-2  # equal terms would all be rounded the same way
    one[random.integers(length)] = 20.0
    yield one
    yield -20 * one
    yield normal + 1000.0
    yield np.linspace(-1, 1, length) * 12
    yield np.where(np.arange(length) % 2, format.smallest_normal, -format.smallest_subnormal)
    yield np.where(np.arange(length) % 2, 1.0, -1.0) * min(format.largest / 4, 2.0**100)


def _constants(tree: Node) -> Iterator[float]:
    if tree.op is Op.NUMBER and isinstance(tree.value, Fraction):
        yield abs(float(tree.value))
    for argument in tree.args:
        yield from _constants(argument)
