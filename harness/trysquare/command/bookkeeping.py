"""Whether the two ways in which a spec states a thing agree, proven with balls at random points.

Formula against definition, stated gradients against the derivative of the formula.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from trysquare.dtypes import FLOAT64, Array
from trysquare.errors import Mistake, UndecidedError
from trysquare.formula.tree import Node
from trysquare.spec import InputKind, Spec, Value
from trysquare.truth.known import Truth
from trysquare.truth.meaning import COTANGENT, Meaning, meaning
from trysquare.truth.oracle import Oracle

ROWS, COLUMNS = 40, 5
"""Points at which both are compared; the length of a row."""


def contradictions(spec: Spec) -> Iterator[Mistake]:
    """Yield what disagrees, for the defaults and for every other value or choice of a parameter."""
    for given in variations(spec):
        words = ", ".join(f"{name} {value}" for name, value in given.items())
        where = f" (with {words})" if words else ""
        if spec.definition is not None and not definition_agrees(spec, given):
            yield _mistake(spec, f"formula and definition differ{where}")
        for name in spec.gradient:
            item = next(item for item in spec.inputs if item.name == name)
            form = item.form({**spec.defaults, **given})
            if form.kind is InputKind.FLOAT and not gradient_agrees(spec, given, name):
                yield _mistake(spec, f"the stated gradient of {name} is not the derivative{where}")


def variations(spec: Spec) -> Iterator[dict[str, Value]]:
    """Yield parameters, one changed at a time; the first are the defaults."""
    yield {}
    for item in spec.parameters:
        flag = isinstance(item.default, bool)
        values: tuple[Value, ...] = (True, False) if flag else item.choices or item.also
        yield from ({item.name: value} for value in values if value != item.default)


def definition_agrees(spec: Spec, parameters: Mapping[str, Value]) -> bool:
    """Tell whether formula and definition agree, before they are reduced."""
    meant = meaning(replace(spec, reduce=None), parameters)
    definition = meant.definition()
    return definition is None or _agree(spec, meant, meant.terms, definition)


def gradient_agrees(spec: Spec, parameters: Mapping[str, Value], wrt: str) -> bool:
    """Tell whether the stated gradient is the one that calculus derives from the formula."""
    meant = meaning(replace(spec, reduce=None), parameters)
    return _agree(spec, meant, meant.gradients(wrt)[0], meant.derived(wrt, meant.terms), wrt)


def _agree(spec: Spec, meant: Meaning, a: Node, b: Node, wrt: str | None = None) -> bool:
    """Tell whether two trees can be the same; what Arb cannot decide is not held against them."""
    try:
        first, second = (_exact(spec, meant, tree, wrt) for tree in (a, b))
    except UndecidedError:
        return True
    spacing = FLOAT64.ulp(first.value)
    with np.errstate(invalid="ignore"):
        apart = (first.value - second.value) / spacing + first.rest
        apart -= second.rest * (FLOAT64.ulp(second.value) / spacing)
    near = np.abs(apart) <= 2 * (first.bound + second.bound)
    same = (first.value == second.value) | (np.isnan(first.value) & np.isnan(second.value))
    return bool((near | (same & ~np.isfinite(first.value))).all())


def _exact(spec: Spec, meant: Meaning, tree: Node, wrt: str | None) -> Truth:
    """Return the proven value of a tree, shaped like the formula or like an input."""
    columns = 1 if spec.axis is None else COLUMNS
    spread = meant.output if wrt is None else meant.extents[wrt]
    extents = {**meant.extents, COTANGENT: meant.output}
    shapes = {
        name: (ROWS if extent.rows else 1, columns if extent.columns else 1)
        for name, extent in extents.items()
    }
    return Oracle(tree, _points(spec, meant, shapes), ROWS, columns, spread, FLOAT64).certified


def _points(spec: Spec, meant: Meaning, shapes: Mapping[str, tuple[int, int]]) -> dict[str, Array]:
    """Return random inputs as rows, those with a domain from the unit interval; a cotangent."""
    random = np.random.default_rng(20)
    found = {}
    for item in spec.inputs:
        if item.form(meant.parameters).kind is InputKind.INDEX:
            found[item.name] = random.integers(0, COLUMNS, shapes[item.name]).astype(np.float64)
        elif item.domain is None:
            found[item.name] = random.normal(0, 2, shapes[item.name])
        else:
            found[item.name] = random.uniform(0, 1, shapes[item.name])
    if spec.random is not None:
        found[spec.random.name] = random.uniform(0.125, 0.25, shapes[spec.random.name])
    found[COTANGENT] = random.normal(0, 2, shapes[COTANGENT]) + 0.25
    return found


def _mistake(spec: Spec, message: str) -> Mistake:
    place = spec.place
    return Mistake(str(place.path), place.line, place.column, message)
