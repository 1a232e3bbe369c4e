"""Where a hunt begins: what there is to hunt of a function, and the points to try first."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from trysquare.dtypes import Array, Format
from trysquare.hunt.box import Generator
from trysquare.hunt.search import PER_CALL
from trysquare.hunt.subject import Kind, Subject
from trysquare.planning.sampling import numbers
from trysquare.planning.settling import pointwise
from trysquare.planning.variations import choices
from trysquare.spec import Extent, InputKind, ParameterKind, Spec
from trysquare.truth.meaning import meaning

ROW_LENGTHS = (2, 3)
"""Lengths of the rows in which a function of rows is searched; sampled rows are as long."""

ORDINARY = 8.0
"""Numbers of ordinary size are between 2^-8 and 2^8."""

BATCHES = 32
"""Calls to begin with at most, where the points of one call share parameters."""


def subjects(spec: Spec, format: Format, *, gradient: bool) -> Iterator[Subject]:
    """Yield everything to hunt of a function in a dtype: values, or gradients by each input."""
    numeric = tuple(item.name for item in spec.parameters if item.kind is ParameterKind.NUMBER)
    for settings in choices(spec):
        effective = {**spec.defaults, **settings}
        meant = meaning(spec, effective)
        lengths = (1,) if pointwise(meant.terms) else ROW_LENGTHS
        wanted = [
            item.name
            for item in spec.required
            if item.differentiable
            and item.form(effective).kind is InputKind.FLOAT
            and item.form(effective).extent is Extent.ELEMENT
        ]
        for wrt in wanted if gradient else [""]:
            for length in lengths:
                plain = Subject(spec, format, settings, wrt, length, ())
                yield plain
                mentioned = tuple(name for name in numeric if _matters(plain, name))
                if mentioned:
                    yield replace(plain, searched=mentioned)


def _matters(subject: Subject, parameter: str) -> bool:
    """Tell whether a parameter changes what is computed."""
    spec, settings = subject.spec, subject.settings
    default = spec.defaults[parameter]
    trees = [
        meaning(spec, {**settings, parameter: value}).terms
        for value in (default, float(default) + 1)
    ]
    return trees[0] != trees[1]


def starts(subject: Subject, count: int, random: Generator) -> list[Array]:
    """Return about so many points to begin with, in batches that share what must be shared.

    The numbers that a run samples, from every binade and near the constants of the formula;
    numbers of ordinary size; numbers between which exponentials go from zero to infinity; and
    some that are close to each other.
    """
    batches = min(BATCHES, count // PER_CALL + 1) if any(subject.space.shared) else 1
    meant = meaning(subject.spec, {**subject.spec.defaults, **subject.settings})
    pool = numbers(subject.format, meant.terms, random)
    pool = subject.format.ordinal(pool[np.isfinite(pool)])
    return [_start(subject, max(count // batches, 1), pool, random) for _ in range(batches)]


def _start(subject: Subject, count: int, pool: Array, random: Generator) -> Array:
    reach = -math.log(subject.format.smallest_subnormal)
    columns: list[Array] = []
    for one in subject.coordinates:
        size = 1 if one.shared else count
        if one.kind in (Kind.INDEX, Kind.CHOICE):
            columns.append(random.integers(one.low, one.high + 1, size))
            continue
        if one.shared:
            exponent, share = random.uniform(-ORDINARY, ORDINARY), random.random()
            single = random.choice([share, 2.0**exponent, -(2.0**exponent)])
            columns.append(subject.format.ordinal(np.array([single])))
            continue
        signs = random.choice([-1.0, 1.0], size)
        ordinary = signs * np.exp2(random.uniform(-ORDINARY, ORDINARY, size))
        wide = np.where(random.random(size) < 0.5, ordinary, random.uniform(-reach, reach, size))
        sampled = random.permutation(pool)
        sampled = sampled if size > 2 * len(pool) else sampled[: size // 4 + 1]
        column = subject.format.ordinal(wide)
        column[: len(sampled)] = sampled[:size]
        if columns:
            near = columns[0] + random.integers(-3, 4, size)
            column = np.where(random.random(size) < 0.25, near, column)
        columns.append(np.clip(column, one.low, one.high))
    return np.stack(np.broadcast_arrays(*columns), -1)
