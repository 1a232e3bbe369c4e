"""Checks that follow from any spec: the cases that nobody had to write down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from zlib import crc32

import numpy as np

from trysquare.backend import Want
from trysquare.cases import Case, Expect, named_cases
from trysquare.dtypes import Array, Format
from trysquare.formula.evaluate import evaluate
from trysquare.formula.float64 import Float64
from trysquare.formula.tree import Node, Op, Scope
from trysquare.layout import layout
from trysquare.meaning import LOSS, Meaning, meaning
from trysquare.result import Check
from trysquare.sampling import LONG_ROW, ROW_LENGTHS, numbers, rows, tuples, whole_format
from trysquare.spec import Extent, Input, InputKind, Role, Spec, Value

CHANNELS = 16
"""Positions along the axis of a function that treats every element alone."""

POINTS = {"float64": 400, "float32": 2000, "float16": 2000, "bfloat16": 2000}
"""Random points of a function of several numbers, of each of the three kinds."""

DRAWS = 20_000
"""Elements of a call whose random draws are examined."""

SIZES = ((1,), (7,), (2, 3), (50, 100))
"""Shapes that are reduced."""

Inputs = dict[str, Array]


def cases(spec: Spec, check: Check, format: Format, seed: int) -> tuple[Case, ...]:
    """Return the cases of one check, the same for the same seed."""
    random = np.random.default_rng([seed, crc32(f"{spec.function}/{check}/{format.name}".encode())])
    named = (case for case in named_cases(spec, format) if case.check is check)
    match check:
        case Check.CASES:
            return tuple(named)
        case Check.VALUES:
            return tuple(_values(spec, format, random))
        case Check.GRADIENTS:
            return tuple(_gradients(spec, format, random))
        case Check.DEFAULTS:
            return (_defaults(spec, format, random),)
        case Check.REDUCTIONS:
            return tuple(_reductions(spec, format, random))
        case Check.INPLACE:
            return (*named, *_inplace(spec, format, random))
        case Check.RANDOMNESS:
            return tuple(_draws(spec, format, random, seed))


def _values(spec: Spec, format: Format, random: np.random.Generator) -> Iterator[Case]:
    for label, parameters in _variations(spec):
        for size, inputs in _samples(spec, parameters, format, random):
            yield _case(spec, Check.VALUES, format, f"{size}{label}", inputs, parameters)


def _gradients(spec: Spec, format: Format, random: np.random.Generator) -> Iterator[Case]:
    for label, parameters in _variations(spec):
        for size, sampled in _samples(spec, parameters, format, random):
            inputs = _finite(spec, parameters, sampled)
            case = _case(spec, Check.GRADIENTS, format, f"{size}{label}", inputs, parameters)
            yield from _with_cotangents(spec, case, random)
    # a gradient per position sums over rows: of moderate numbers, or it would be all overflow
    inputs = _ordinary(spec, {}, (100, CHANNELS), format, random)
    case = _case(spec, Check.GRADIENTS, format, f"100 x {CHANNELS}", inputs, {})
    yield from _with_cotangents(spec, case, random, Extent.POSITION)
    for choice in _reducing(spec):
        inputs = _ordinary(spec, choice, (10, 10), format, random)
        label = ", ".join(str(value) for value in choice.values())
        case = _case(spec, Check.GRADIENTS, format, label, inputs, choice)
        yield from _with_cotangents(spec, case, random)


def _with_cotangents(
    spec: Spec, case: Case, random: np.random.Generator, extent: Extent = Extent.ELEMENT
) -> Iterator[Case]:
    meant = meaning(spec, case.effective)
    shape = layout(spec, case.effective, case.inputs).shape_of(meant.output)
    varied = random.normal(0, 2, shape) + 0.25
    for item in spec.inputs:
        form = item.form(case.effective)
        if not item.differentiable or form.kind is not InputKind.FLOAT:
            continue
        if item.name not in case.inputs or form.extent is not extent:
            continue
        for label, cotangent in (("ones", np.ones(shape)), ("varied", np.array(varied))):
            yield replace(
                case,
                name=f"d {item.name}, {label}, {case.name}",
                want=Want.GRADIENT,
                wrt=item.name,
                cotangent=case.format.cast(cotangent),
            )


def _defaults(spec: Spec, format: Format, random: np.random.Generator) -> Case:
    inputs = _ordinary(spec, spec.defaults, (2, 3, 4), format, random, optional=False)
    case = _case(spec, Check.DEFAULTS, format, "every argument left out", inputs, {})
    return replace(case, given={}, canonical=False)


def _reductions(spec: Spec, format: Format, random: np.random.Generator) -> Iterator[Case]:
    for choice in _reducing(spec):
        label = ", ".join(str(value) for value in choice.values())
        for shape in SIZES:
            inputs = _ordinary(spec, choice, shape, format, random)
            size = " x ".join(str(length) for length in shape)
            yield _case(spec, Check.REDUCTIONS, format, f"{label} of {size}", inputs, choice)
    for old in spec.deprecated:
        inputs = _ordinary(spec, old.means, (2, 3), format, random, optional=False)
        words = ", ".join(f"{name}={_word(value)}" for name, value in old.given.items())
        case = _case(spec, Check.REDUCTIONS, format, f"deprecated {words}", inputs, old.means)
        yield replace(case, given=old.given, place=old.place)


def _inplace(spec: Spec, format: Format, random: np.random.Generator) -> Iterator[Case]:
    for flag in spec.parameters:
        if flag.role is Role.INPLACE:
            parameters = {flag.name: True}
            inputs = _ordinary(spec, parameters, (10, 10), format, random)
            case = _case(spec, Check.INPLACE, format, "same storage", inputs, parameters)
            yield replace(case, want=Want.INPLACE)


def _draws(
    spec: Spec, format: Format, random: np.random.Generator, seed: int
) -> Iterator[Case]:
    if spec.random is None:
        return
    count = DRAWS
    name = next(item.name for item in spec.inputs)
    inputs = {name: format.cast(-random.uniform(1, 2, count))}
    case = _case(spec, Check.RANDOMNESS, format, "uniform draws", inputs, spec.random.mode)
    yield replace(case, expect=Expect.DRAWS, seed=seed)


def _case(
    spec: Spec,
    check: Check,
    format: Format,
    name: str,
    inputs: Inputs,
    parameters: Mapping[str, Value],
) -> Case:
    effective = {**spec.defaults, **parameters}
    return Case(name, check, spec.function, format, spec.place, inputs, effective, effective)


def _word(value: Value | None) -> str:
    return "absent" if value is None else str(value)


def _variations(spec: Spec) -> Iterator[tuple[str, dict[str, Value]]]:
    """Yield parameters worth trying, unreduced: the defaults, then one thing changed at a time."""
    plain: dict[str, Value] = {}
    if spec.reduce is not None and spec.reduce.parameter is not None:
        whole = (c for c, e in spec.reduce.options.items() if _is_loss(e.tree))
        plain = {spec.reduce.parameter: next(whole)}
    yield "", plain
    for item in spec.parameters:
        others = item.also if item.choices == () else item.choices
        for value in others:
            random_mode = spec.random is not None and spec.random.mode.get(item.name) == value
            if item.name not in plain and value != item.default and not random_mode:
                yield f", {item.name} {value}", {**plain, item.name: value}


def _is_loss(tree: Node) -> bool:
    return tree.op is Op.NAME and tree.value == LOSS


def _reducing(spec: Spec) -> Iterator[dict[str, Value]]:
    """Yield the choices of a reduction that reduce; for each form of the other choices."""
    if spec.reduce is None or spec.reduce.parameter is None:
        return
    forms: list[dict[str, Value]] = [{}]
    for item in spec.inputs:
        if item.by is not None:
            forms = [{item.by: choice} for choice in item.forms]
    for form in forms:
        for choice, expression in spec.reduce.options.items():
            if not _is_loss(expression.tree):
                yield {**form, spec.reduce.parameter: choice}


def _samples(
    spec: Spec, parameters: Mapping[str, Value], format: Format, random: np.random.Generator
) -> Iterator[tuple[str, Inputs]]:
    meant = meaning(spec, parameters)
    if not _pointwise(meant.terms):
        changed = any(spec.defaults[name] != value for name, value in parameters.items())
        long_row = LONG_ROW if format.width == 16 else LONG_ROW // 5  # Arb sums the wide ones
        for length in ROW_LENGTHS if changed else (*ROW_LENGTHS, long_row):
            yield f"rows of {length}", _row_inputs(spec, meant, length, format, random)
        return
    elements = _floats(spec, meant.parameters, Extent.ELEMENT)
    if len(elements) > 1:
        points = tuples(format, meant.terms, POINTS[format.name], len(elements), random)
    elif format.width == 16:
        points = whole_format(format)[:, None]
    else:
        points = numbers(format, meant.terms, random)[:, None]
    points = _inside(spec, meant, elements, points, format)
    shape: tuple[int, ...] = (-1,)
    if spec.axis is not None:
        points = points[: len(points) // CHANNELS * CHANNELS]
        shape = (-1, CHANNELS)
    inputs = {
        item.name: format.cast(points[:, place]).reshape(shape)
        for place, item in enumerate(elements)
    }
    for item in _floats(spec, meant.parameters, Extent.POSITION):
        inputs[item.name] = format.cast(random.normal(0, 1, CHANNELS))
    yield f"{len(points)} points", inputs


def _row_inputs(
    spec: Spec, meant: Meaning, length: int, format: Format, random: np.random.Generator
) -> Inputs:
    sampled = rows(format, length, random)
    axis = _axis(spec, meant.parameters)
    inputs: Inputs = {}
    for item in spec.inputs:
        form = item.form(meant.parameters)
        if form.extent is Extent.ROW:
            inputs[item.name] = random.integers(0, length, len(sampled))
        elif form.extent is Extent.POSITION:
            inputs[item.name] = format.cast(random.uniform(0.25, 2, length))
        elif inputs:
            inputs[item.name] = format.cast(np.moveaxis(random.dirichlet(np.ones(length), len(sampled)), 1, axis))
        else:
            inputs[item.name] = format.cast(np.moveaxis(sampled, 1, axis))
    return inputs


def _ordinary(
    spec: Spec,
    parameters: Mapping[str, Value],
    shape: tuple[int, ...],
    format: Format,
    random: np.random.Generator,
    *,
    optional: bool = True,
) -> Inputs:
    """Return inputs of moderate size; a function of rows gets at least two dimensions."""
    effective = {**spec.defaults, **parameters}
    meant = meaning(spec, parameters)
    if spec.axis is not None and len(shape) < 2:
        shape = (3, *shape)
    axis = _axis(spec, effective)
    elements = _floats(spec, effective, Extent.ELEMENT)
    count = int(np.prod(shape))
    points = random.normal(0, 2, (8 * count + 64, len(elements)))
    points = _inside(spec, meant, elements, np.where(random.random(points.shape) < 0.5, points, random.random(points.shape)), format)[:count]
    inputs: Inputs = {}
    for place, item in enumerate(elements):
        if optional or item.default is None:
            inputs[item.name] = format.cast(points[:, place]).reshape(shape)
    for item in spec.inputs:
        form = item.form(effective)
        if form.extent is Extent.ROW:
            outer = shape[: axis % len(shape)] + shape[axis % len(shape) + 1 :]
            inputs[item.name] = random.integers(0, shape[axis], outer)
        elif form.extent is Extent.POSITION and (optional or item.default is None):
            inputs[item.name] = format.cast(random.uniform(0.25, 2, shape[axis]))
    return inputs


def _axis(spec: Spec, parameters: Mapping[str, Value]) -> int:
    if spec.axis is None:
        return -1
    return int(parameters[spec.axis]) if isinstance(spec.axis, str) else spec.axis


def _floats(spec: Spec, parameters: Mapping[str, Value], extent: Extent) -> list[Input]:
    forms = [(item, item.form(parameters)) for item in spec.inputs]
    return [
        item for item, form in forms if form.kind is InputKind.FLOAT and form.extent is extent
    ]


def _inside(
    spec: Spec, meant: Meaning, elements: list[Input], points: Array, format: Format
) -> Array:
    """Keep the points, shaped (points, inputs), at which every domain condition holds."""
    points = format.round(points)
    names = {item.name: points[:, [place]] for place, item in enumerate(elements)}
    keep = np.ones(len(points), bool)
    for item in elements:
        if item.domain is not None:
            condition = meant.expression(item.domain.tree)
            arithmetic = Float64(len(points), 1, format)
            keep &= np.broadcast_to(evaluate(condition, arithmetic, names), (len(points), 1))[:, 0]
    return points[keep]


def _finite(spec: Spec, parameters: Mapping[str, Value], inputs: Inputs) -> Inputs:
    """Drop points with infinities or NaN: gradients are judged at numbers."""
    effective = {**spec.defaults, **parameters}
    elements = [inputs[item.name] for item in _floats(spec, effective, Extent.ELEMENT)]
    keep = np.all([np.isfinite(array.astype(np.float64)) for array in elements], axis=0)
    if keep.all():
        return inputs
    if keep.ndim > 1:
        keep = np.broadcast_to(keep.all(axis=1)[:, None], keep.shape)
    kept = {}
    for name, array in inputs.items():
        same = array.shape == keep.shape
        kept[name] = array[keep].reshape(-1, *keep.shape[1:]) if same else array
    return kept


def _pointwise(tree: Node) -> bool:
    """Tell whether no element depends on others of its row."""
    mixing = {Op.SUM, Op.MAX, Op.ARGMAX, Op.GATHER, Op.POSITION, Op.COUNT}
    if tree.op in mixing and tree.value != Scope.ALL:
        return False
    return all(_pointwise(argument) for argument in tree.args)
