"""Hypothesis strategies for calls of the shipped specs, ready to be put to an oracle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from trysquare.dtypes import FORMATS, Array, Format
from trysquare.formula.derivative import Extent as Spread
from trysquare.formula.tree import names
from trysquare.planning.sampling import allowed
from trysquare.spec import Extent, Input, InputForm, InputKind, Parameter, Role, Spec
from trysquare.truth.arrangement import arrange
from trysquare.truth.oracle import Oracle
from workshop import LONG, SPECS

EXAMPLES = 60 if LONG else 20
"""How many calls of each function are drawn, others in every run."""


@dataclass(frozen=True)
class Question:
    """A call of a shipped spec, as an oracle sees it."""

    function: str
    parameters: Mapping[str, Any]
    inputs: Mapping[str, Array]
    wrt: str
    oracle: Oracle


def _choices(parameter: Parameter) -> st.SearchStrategy[Any]:
    if parameter.choices:
        return st.sampled_from(parameter.choices)
    if parameter.role is Role.INPLACE or isinstance(parameter.default, bool):
        return st.just(parameter.default)
    if parameter.name == "dim":
        return st.sampled_from([0, 1, -1])
    return st.sampled_from([parameter.default, *parameter.also])


def _elements(item: Input, form: InputForm, columns: int, format: Format) -> Any:
    if form.kind is InputKind.INDEX:
        return st.integers(0, columns - 1) | st.just(-100)
    share = st.floats(0, 1).map(lambda x: float(format.round(np.array(x))))
    if item.domain is not None and set(names(item.domain.tree)) == {item.name}:
        pool = allowed(format, item.name, item.domain.tree, np.random.default_rng(0))
        return st.sampled_from(np.unique(pool[np.isfinite(pool)]).tolist())
    if form.extent is Extent.POSITION:
        return st.floats(0.25, 4).map(lambda x: float(format.round(np.array(x))))
    top = format.largest
    anything = st.floats(-top, top, allow_nan=False).map(lambda x: float(format.round(np.array(x))))
    ordinary = st.floats(-20, 20).map(lambda x: float(format.round(np.array(x))))
    return ordinary | ordinary | anything | share


def _tensor(
    draw: st.DrawFn, shape: tuple[int, ...], elements: st.SearchStrategy[Any], dtype: Any
) -> Array:
    count = int(np.prod(shape))
    values = draw(st.lists(elements, min_size=count, max_size=count))
    return np.array(values, np.float64).astype(dtype).reshape(shape)


@st.composite
def questions(draw: st.DrawFn, function: str, *, plain: bool = False) -> Question:
    """Draw parameters, one or a few rows of finite inputs, and value or gradient.

    A plain question is one for the value of every element.
    """
    spec = SPECS[function]
    format = FORMATS[draw(st.sampled_from(["float64", "float32", "float16"]))]
    parameters = {item.name: draw(_choices(item)) for item in spec.parameters}
    if plain and "reduction" in parameters:
        parameters["reduction"] = "none"
    shape = (draw(st.integers(1, 3)), draw(st.integers(1, 4)))
    axis = parameters.get("dim", 1) if isinstance(spec.axis, str) else spec.axis or 1
    columns = shape[axis]
    inputs: dict[str, Array] = {}
    for item in spec.inputs:
        form = item.form(parameters)
        if item.default is not None and draw(st.booleans()):
            continue
        size = {
            Extent.ELEMENT: shape,
            Extent.ROW: (shape[1 - axis % 2],),
            Extent.POSITION: (columns,),
        }[form.extent]
        dtype = np.int64 if form.kind is InputKind.INDEX else format.numpy
        inputs[item.name] = _tensor(draw, size, _elements(item, form, columns, format), dtype)
    wanted = [] if plain else _differentiable(spec, parameters, inputs)
    wrt = draw(st.sampled_from(["", *wanted]))
    return _asked(draw, spec, parameters, inputs, wrt, format)


def _differentiable(
    spec: Spec, parameters: Mapping[str, Any], inputs: Mapping[str, Array]
) -> list[str]:
    return [
        item.name
        for item in spec.inputs
        if item.differentiable
        and item.name in inputs
        and item.form(parameters).kind is InputKind.FLOAT
    ]


def _asked(
    draw: st.DrawFn,
    spec: Spec,
    parameters: Mapping[str, Any],
    inputs: Mapping[str, Array],
    wrt: str,
    format: Format,
) -> Question:
    laid = arrange(spec, parameters, inputs)
    spread: Spread = laid.meant.extents[wrt] if wrt else laid.meant.output
    tree = laid.meant.value
    rows = dict(laid.rows)
    if wrt:
        shape = laid.layout.shape_of(laid.meant.output)
        ordinary = st.floats(-4, 4).map(lambda x: float(format.round(np.array(x))))
        cotangent = _tensor(draw, shape, ordinary, format.numpy)
        rows = dict(arrange(spec, parameters, inputs, cotangent).rows)
        tree = laid.meant.gradients(wrt)[0]
    layout = laid.layout
    oracle = Oracle(tree, rows, layout.rows, layout.columns, spread, format)
    return Question(spec.function, parameters, inputs, wrt, oracle)
