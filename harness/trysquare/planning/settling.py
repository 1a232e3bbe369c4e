"""Points in the domains that a spec states; which inputs are floats, and along which axis."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from trysquare.dtypes import Array, Format
from trysquare.formula.evaluate import evaluate
from trysquare.formula.float64 import Float64
from trysquare.formula.tree import Node, Op, Scope, names
from trysquare.planning.sampling import RARE, allowed
from trysquare.spec import Extent, Input, InputKind, Spec, Value
from trysquare.truth.meaning import Meaning

Generator = np.random.Generator


def axis_of(spec: Spec, parameters: Mapping[str, Value]) -> int:
    """Return the axis along which rows run; the last one where there is none."""
    if spec.axis is None:
        return -1
    return int(parameters[spec.axis]) if isinstance(spec.axis, str) else spec.axis


def floats(spec: Spec, parameters: Mapping[str, Value], extent: Extent) -> list[Input]:
    """Return the inputs that are floats of this extent; the parameters are all that hold."""
    forms = [(item, item.form(parameters)) for item in spec.inputs]
    return [item for item, form in forms if form.kind is InputKind.FLOAT and form.extent is extent]


def inside(meant: Meaning, elements: list[Input], points: Array, format: Format) -> Array:
    """Keep the points, shaped (points, inputs), at which every domain condition holds."""
    points = format.round(points)
    given = {item.name: points[:, [place]] for place, item in enumerate(elements)}
    keep = np.ones(len(points), bool)
    for item in elements:
        if item.domain is not None:
            condition = meant.expression(item.domain.tree)
            holds = evaluate(condition, Float64(len(points), 1, format), given)
            keep &= np.broadcast_to(holds, (len(points), 1))[:, 0]
    return points[keep]


def settled(
    meant: Meaning, elements: list[Input], points: Array, format: Format, random: Generator
) -> Array:
    """Keep the points at which every domain condition holds; few numbers are put in where needed.

    An input that may only be one of a few numbers (-1 or 1) would hardly ever be one by chance.
    """
    points = format.round(points)
    for place, item in enumerate(elements):
        if rare(meant, item, points[:, [place]], format):
            points[:, place] = chosen(meant, item, len(points), format, random)
    return inside(meant, elements, points, format)


def numeric(meant: Meaning, elements: list[Input], points: Array, format: Format) -> Array:
    """Keep the points at which a function of nothing else is a number; all if it never is."""
    given = {item.name: points[:, [place]] for place, item in enumerate(elements)}
    if not pointwise(meant.terms) or not set(names(meant.terms)) <= given.keys():
        return points
    value = evaluate(meant.terms, Float64(len(points), 1, format), given)
    known = np.broadcast_to(~np.isnan(value), (len(points), 1))[:, 0]
    return points[known] if known.any() else points


def rare(meant: Meaning, item: Input, values: Array, format: Format) -> bool:
    """Tell whether an input has a domain of its own, in which hardly any of these numbers lie."""
    if item.domain is None or set(names(item.domain.tree)) != {item.name}:
        return False
    return len(inside(meant, [item], values, format)) < RARE * len(values)


def chosen(meant: Meaning, item: Input, count: int, format: Format, random: Generator) -> Array:
    """Return random numbers from the domain of one input, boundaries and specials among them."""
    domain = None if item.domain is None else meant.expression(item.domain.tree)
    pool = allowed(format, item.name, domain, random)
    # of a domain without a number there is nothing to try, and whoever checks domains sees it
    return random.choice(pool, count) if pool.size else np.full(count, np.nan)


def pointwise(tree: Node) -> bool:
    """Tell whether no element depends on others of its row."""
    mixing = {Op.SUM, Op.MAX, Op.ARGMAX, Op.GATHER, Op.POSITION, Op.COUNT}
    if tree.op in mixing and tree.value != Scope.ALL:
        return False
    return all(pointwise(argument) for argument in tree.args)
