"""Whether a call is one that the spec allows: choices, domains of parameters and of inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from trysquare.dtypes import Array
from trysquare.formula.evaluate import evaluate
from trysquare.formula.float64 import Float64
from trysquare.formula.tree import Node
from trysquare.spec import Extent, InputKind, Spec, Value, choice_text
from trysquare.truth.arrangement import Arrangement, arrange
from trysquare.truth.meaning import domains


def violations(
    spec: Spec, parameters: Mapping[str, Value], inputs: Mapping[str, Array]
) -> Iterator[str]:
    """Yield what is wrong with a call; nothing if the spec allows it.

    NaN lies in every domain: it is not a number, and says so in the answer. Raises ValueError if
    the shapes of the inputs do not fit together.
    """
    chosen = {**spec.defaults, **parameters}
    for parameter in spec.parameters:
        value = chosen[parameter.name]
        if parameter.choices and choice_text(value) not in parameter.choices:
            yield f"{parameter.name} is {value}, not one of {', '.join(parameter.choices)}"
            return
    arranged = arrange(spec, chosen, inputs)
    yield from _misshapen(spec, arranged, chosen, inputs)
    for parameter in spec.parameters:
        if parameter.domain is not None and not _holds(arranged, parameter.domain.tree).all():
            value = chosen[parameter.name]
            yield f"{parameter.name} is {value}; it must satisfy {parameter.domain.text}"
    for item in spec.inputs:
        if item.domain is None or item.name not in inputs:
            continue
        inside = _holds(arranged, item.domain.tree)
        if not (inside | np.isnan(arranged.rows[item.name])).all():
            yield f"{item.name} must satisfy {item.domain.text}"
    yield from _missing_positions(arranged, spec, chosen)


def _misshapen(
    spec: Spec, arranged: Arrangement, parameters: Mapping[str, Value], inputs: Mapping[str, Array]
) -> Iterator[str]:
    """Yield required inputs that only broadcasting makes fit, and inputs of a wrong length."""
    shapes = {
        item.name: inputs[item.name].shape
        for item in spec.required
        if item.name in inputs and item.form(parameters).extent is Extent.ELEMENT
    }
    if len(set(shapes.values())) > 1:
        words = (f"{name} is {list(shape)}" for name, shape in shapes.items())
        yield f"the shapes of inputs are equal, but {', '.join(words)}"
    columns = arranged.layout.columns
    for item in spec.inputs:
        alone = item.name not in inputs or item.form(parameters).extent is not Extent.POSITION
        if not alone and inputs[item.name].size not in (1, columns):
            yield f"{item.name} has {inputs[item.name].size} numbers for {columns} positions"


def inside(spec: Spec, arranged: Arrangement) -> Array:
    """Tell for which rows every input, and every parameter, satisfies its domain."""
    everything = (arranged.layout.rows, arranged.layout.columns)
    holds = np.ones(everything, bool)
    for _, domain in domains(spec):
        holds &= np.broadcast_to(_holds(arranged, domain.tree), everything)
    return np.asarray(holds.all(axis=1))


def _missing_positions(
    arranged: Arrangement, spec: Spec, parameters: Mapping[str, Value]
) -> Iterator[str]:
    """Yield the index inputs that point outside their row where the formula does use them."""
    columns = arranged.layout.columns
    arithmetic = Float64(arranged.layout.rows, columns)
    for item in spec.inputs:
        if item.form(parameters).kind is not InputKind.INDEX or item.name not in arranged.rows:
            continue
        # what is gathered outside is NaN; what is gathered inside instead is not
        inside = {**arranged.rows, item.name: np.clip(arranged.rows[item.name], 0, columns - 1)}
        terms = arranged.meant.terms
        asked, possible = (evaluate(terms, arithmetic, rows) for rows in (arranged.rows, inside))
        if (np.isnan(asked) & ~np.isnan(possible)).any():
            yield f"{item.name} points outside the {columns} positions of a row"


def _holds(arranged: Arrangement, condition: Node) -> Array:
    arithmetic = Float64(arranged.layout.rows, arranged.layout.columns)
    value = evaluate(arranged.meant.expression(condition), arithmetic, arranged.rows)
    return np.asarray(value, bool)
