"""Second derivatives of functions of one number, where they exist: not where branches meet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from trysquare.backend import Want
from trysquare.dtypes import Array, Format
from trysquare.formula.evaluate import evaluate
from trysquare.formula.float64 import Float64
from trysquare.planning.cases import Case
from trysquare.planning.joints import compared
from trysquare.planning.sampling import numbers
from trysquare.planning.settling import Generator, inside, pointwise
from trysquare.planning.variations import choices
from trysquare.result import Check
from trysquare.spec import Spec, Value
from trysquare.truth.meaning import COTANGENT, Meaning, meaning

POINTS = 50
"""So many numbers of all sizes, and as many of an ordinary size, where functions still bend."""

ORDINARY = (1 / 16, 128.0)
"""The smallest and the largest ordinary size."""


def cases(spec: Spec, format: Format, random: Generator) -> Iterator[Case]:
    """Yield a call for the defaults, and for each other choice."""
    for choice, meant in bending(spec):
        (item,) = spec.inputs
        pool = numbers(format, meant.terms, random)
        pool = inside(meant, [item], np.unique(pool[np.isfinite(pool)])[:, None], format)[:, 0]
        smooth = pool[~_at_joints(meant, item.name, pool, format)]
        low, high = ORDINARY
        ordinary = (np.abs(smooth) >= low) & (np.abs(smooth) <= high)
        pools = smooth[ordinary], smooth[~ordinary]
        chosen = np.concatenate([random.choice(some, POINTS) for some in pools])
        effective = {**spec.defaults, **choice}
        words = "".join(f", {name} {value}" for name, value in choice.items())
        case = Case(
            f"d2 {item.name}, {len(chosen)} points{words}",
            Check.SECOND,
            spec.function,
            format,
            spec.place,
            {item.name: format.cast(chosen)},
            effective,
            effective,
        )
        direction = random.normal(0, 2, len(chosen)) + 0.25
        yield replace(case, want=Want.SECOND, wrt=item.name, cotangent=format.cast(direction))


def bending(spec: Spec) -> Iterator[tuple[Mapping[str, Value], Meaning]]:
    """Yield the choices that make a function of one number, and what is meant by them."""
    if len(spec.inputs) > 1 or spec.axis is not None:
        return
    (item,) = spec.inputs
    for choice in choices(spec):
        meant = meaning(spec, choice)
        if item.differentiable and not meant.reduces and pointwise(meant.terms):
            yield choice, meant


def _at_joints(meant: Meaning, wrt: str, points: Array, format: Format) -> Array:
    """Mark the numbers at which a derivative is a convention, or changes its branch."""
    slope, kinks = meant.gradients(wrt)
    given = {wrt: points[:, None], COTANGENT: np.ones((1, 1))}
    arithmetic = Float64(len(points), 1, format)
    found = np.zeros((len(points), 1), bool)
    for condition, _ in kinks:
        found |= np.asarray(evaluate(condition, arithmetic, given), bool)
    for left, right in (*compared(meant.terms), *compared(slope)):
        found |= evaluate(left, arithmetic, given) == evaluate(right, arithmetic, given)
    return found[:, 0]
