"""What a report shows of a function: formulas to read, defaults to compare, curves to look at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from trysquare.dtypes import FLOAT64, Array
from trysquare.formula.derivative import ONE, SCALAR, Extent, gradient
from trysquare.formula.evaluate import evaluate
from trysquare.formula.float64 import Float64
from trysquare.formula.mathml import mathml
from trysquare.formula.tree import REDUCTIONS, Node, Op, substitute
from trysquare.planning.cases import numbers
from trysquare.record import FunctionRecord
from trysquare.spec import (
    Expression,
    Input,
    InputForm,
    InputKind,
    Parameter,
    Selected,
    Spec,
    Tolerance,
    choice_text,
)
from trysquare.spec import Extent as InputExtent
from trysquare.truth.arrangement import arrange
from trysquare.truth.meaning import COTANGENT, LOSS, meaning
from trysquare.workers.protocol import Hello

FAR = 6.0
"""Curves run from -FAR to FAR."""

POINTS = 201

_DERIVED = "derived from the formula"
"""Stands for the text of a gradient that the spec leaves to calculus."""

_DRAWN = InputForm(InputKind.FLOAT, InputExtent.ELEMENT)

Formula = tuple[str, str, str]
Curve = tuple[str, tuple[tuple[float, float], ...]]


def describe(spec: Spec, hellos: Iterable[Hello] = ()) -> FunctionRecord:
    """Return the record of a function; calls and framework defaults are what workers say."""
    spellings = {
        hello.target.backend: hello.functions[spec.function]
        for hello in hellos
        if spec.function in hello.functions
    }
    return FunctionRecord(
        function=spec.function,
        category=spec.category,
        place=str(spec.place),
        summary=spec.summary,
        source=spec.source,
        formulas=tuple(_formulas(spec)),
        parameters={item.name: _parameter(item) for item in spec.parameters},
        tolerance=_tolerance(spec.tolerance),
        dialects={dialect.name: dialect.why for dialect in spec.dialects},
        curves=tuple(_curves(spec)),
        calls={backend: spelling.text for backend, spelling in spellings.items()},
        framework_defaults={backend: spelling.defaults for backend, spelling in spellings.items()},
        arranged=tuple(backend for backend, spelling in spellings.items() if spelling.arranged),
        kinks=tuple(
            (kink.at.text, name, tuple(value.text for value in allowed))
            for kink in spec.kinks
            for name, allowed in kink.allowed.items()
        ),
    )


def _formulas(spec: Spec) -> Iterator[Formula]:
    whole = frozenset() if spec.axis is None else frozenset(item.name for item in spec.inputs)
    indexed = whole | spec.where.keys() if whole else whole
    yield from _selected("formula", spec.formula, indexed)
    for name, part in spec.where.items():
        yield from _selected(f"where {name}", part, indexed)
    if spec.definition is not None:
        yield from _selected("definition", spec.definition, indexed)
    if spec.reduce is not None:
        terms = frozenset({LOSS, *(item.name for item in spec.inputs), *spec.where})
        yield from _selected("returned", spec.reduce, terms)
    for item in spec.inputs:
        if item.name in spec.gradient:
            stated = spec.gradient[item.name]
            yield from _selected(f"derivative in {item.name}", stated, indexed | {COTANGENT})
        elif item.differentiable and spec.axis is None:
            yield from _derivatives(spec, item)


def _selected(label: str, selected: Selected, indexed: frozenset[str]) -> Iterator[Formula]:
    for choice, expression in selected.options.items():
        when = f"{label}, {selected.parameter} = {choice}" if selected.parameter else label
        yield when, expression.text, mathml(expression.tree, indexed=indexed)


def _derivatives(spec: Spec, item: Input) -> Iterator[Formula]:
    """Yield what calculus gives, with the names of the parameters left in."""
    if any(part.parameter for part in spec.where.values()):
        return
    meanings: dict[str, Node] = {}
    for name, part in spec.where.items():
        meanings[name] = substitute(part.options[""].tree, meanings)
    element = Extent(rows=True, columns=False)
    names = {part.name: element for part in spec.inputs}
    names |= {part.name: SCALAR for part in spec.parameters}
    if spec.random is not None:
        names[spec.random.name] = element
    derived = Selected(
        spec.formula.parameter,
        {
            choice: Expression(
                _DERIVED, gradient(substitute(formula.tree, meanings), ONE, item.name, names)
            )
            for choice, formula in spec.formula.options.items()
        },
    )
    yield from _selected(f"derivative in {item.name}", derived, frozenset())


def _parameter(item: Parameter) -> str:
    parts = [choice_text(item.default)]
    if item.domain is not None:
        parts.append(f"domain {item.domain.text}")
    if item.choices:
        parts.append(f"one of {', '.join(item.choices)}")
    return ", ".join(parts)


def _tolerance(tolerance: Tolerance) -> str:
    stated = {key: f"{limit.text} ULP" for key, limit in tolerance.ulps.items()}
    everywhere = stated.pop("", "inherited from the formula")
    if not stated:
        return everywhere
    by = f"{tolerance.by} = " if tolerance.by else ""
    parts = [f"{by}{key}: {limit}" for key, limit in stated.items()]
    return "; ".join([*parts, f"otherwise {everywhere}"])


def _curves(spec: Spec) -> Iterator[Curve]:
    """Yield the function and its derivative against its first float input, unless it reduces.

    Where elements of a row depend on each other, the row is (x, 0), and its first element is drawn.
    Parameters have their defaults, other required inputs their first value in the first case.
    """
    moving = next((i for i in spec.inputs if i.form(spec.defaults) == _DRAWN), None)
    fixed = {} if moving is None else dict(_fixed(spec, moving))
    if spec.reduce is not None or moving is None or None in fixed.values():
        return
    mixes = _mixes(meaning(spec, spec.defaults).terms)
    x = np.zeros((POINTS, 2 if mixes else 1))
    x[:, 0] = np.linspace(-FAR, FAR, POINTS)
    tensors = {name: np.asarray(value) for name, value in fixed.items() if value is not None}
    arranged = arrange(spec, spec.defaults, {moving.name: _along(spec, x), **tensors})
    trees = {_label(spec, moving, fixed, mixes=mixes): arranged.meant.value}
    if moving.differentiable:
        trees["derivative"] = arranged.meant.gradients(moving.name)[0]
    width = x.shape[1] if arranged.meant.output.columns else 1
    rows = {**arranged.rows, COTANGENT: np.eye(1, width)}
    for label, tree in trees.items():
        values = evaluate(tree, Float64(*x.shape, FLOAT64), rows)
        yield label, _points(x[:, 0], np.broadcast_to(values[:, 0], POINTS))


def _fixed(spec: Spec, moving: Input) -> Iterator[tuple[str, float | None]]:
    """Yield the values of the other required inputs, None where no case says one."""
    for item in spec.inputs:
        if item is moving or item.default is not None:
            continue
        values: list[float] = []
        for case in spec.cases[:1]:
            if item.name in case.inputs:
                given = {**spec.defaults, **case.parameters}
                values += numbers(case.inputs[item.name], given, FLOAT64).ravel().tolist()
        yield item.name, values[0] if values else None


def _along(spec: Spec, rows: Array) -> Array:
    """Return rows as a tensor in which they run along the axis of the spec."""
    if spec.axis is None:
        return rows[:, 0]
    axis = int(spec.defaults[spec.axis] if isinstance(spec.axis, str) else spec.axis)
    dimensions = max(2, axis + 1, -axis)
    apart = rows.reshape(rows.shape[0], *[1] * (dimensions - 2), rows.shape[1])
    return np.moveaxis(apart, -1, axis)


def _mixes(node: Node) -> bool:
    """Return whether an element depends on others of its row."""
    return node.op in REDUCTIONS or node.op is Op.GATHER or any(map(_mixes, node.args))


def _label(spec: Spec, moving: Input, fixed: Mapping[str, float | None], *, mixes: bool) -> str:
    argument = f" of ({moving.name}, 0)" if mixes else ""
    return spec.function + argument + "".join(f", {key} {at:g}" for key, at in fixed.items())


def _points(x: Array, y: Array) -> tuple[tuple[float, float], ...]:
    """Return the finite points, with as many digits as a drawing shows."""
    return tuple(
        (round(float(a), 2), float(f"{b:.6g}")) for a, b in zip(x, y, strict=True) if np.isfinite(b)
    )
