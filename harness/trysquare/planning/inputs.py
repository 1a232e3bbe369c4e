"""The tensors of sampled calls: for a spec, its parameters and a dtype, as arrays by input."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction

import numpy as np

from trysquare.dtypes import Array, Format
from trysquare.errors import Mistake, SpecErrors
from trysquare.formula.tree import Node, Op, parts
from trysquare.planning import corpus
from trysquare.planning.sampling import (
    EDGE_LENGTHS,
    LONG_ROW,
    ROW_LENGTHS,
    VARIED_LENGTHS,
    numbers,
    rows,
    tuples,
    whole_format,
)
from trysquare.planning.settling import (
    Generator,
    axis_of,
    chosen,
    floats,
    numeric,
    pointwise,
    rare,
    settled,
)
from trysquare.spec import Extent, Input, InputKind, Spec, Value
from trysquare.truth.meaning import Meaning, meaning

CHANNELS = 16
"""Positions along the axis of a function that treats every element alone."""

WHOLE = 2048
"""Sampled points come in multiples of this."""

SPARE, FEW_SPARE = 32, 4
"""Points that are drawn for each that is wanted, because not all lie in every domain."""
NAMED = 0.3
"""The share of rows whose index is a number that the formula names, such as one to be ignored."""

FLAT = 2
"""Dimensions of rows that lie one below the other."""

COLUMNS, MIDDLE = 4, 10
"""Rows side by side along the last of three axes, and the length of the middle one."""

POINTS = {"float64": 400, "float32": 2000, "float16": 2000, "bfloat16": 2000}
"""Random points of a function of several numbers, of each of the three kinds."""

Inputs = dict[str, Array]


def samples(
    spec: Spec, parameters: Mapping[str, Value], format: Format, random: Generator
) -> Iterator[tuple[str, Inputs]]:
    """Yield inputs worth trying, each with a few words on what they are.

    Optional inputs are left out at first, as most callers do, and given once more.
    """
    meant = meaning(spec, parameters)
    optional = any(item.default is not None for item in spec.inputs)
    if pointwise(meant.terms):
        inputs = _points(spec, meant, format, random)
        size = math.prod(next(iter(inputs.values())).shape)
        yield f"{size} points", required(spec, inputs)
        if optional:
            yield f"{size} points, all inputs", inputs
        return
    reduction = None if spec.reduce is None else spec.reduce.parameter
    changed = any(
        spec.defaults[name] != value for name, value in parameters.items() if name != reduction
    )
    long_row = LONG_ROW if format.width == 16 else LONG_ROW // 5  # Arb sums the wide ones
    long_rows = (long_row,) if spec.reduce is None else ()
    for length in VARIED_LENGTHS if changed else (*ROW_LENGTHS, *long_rows):
        inputs = _rows(spec, meant, length, format, random)
        yield f"rows of {length}", required(spec, inputs)
    for length in VARIED_LENGTHS if optional else ():
        inputs = _rows(spec, meant, length, format, random)
        yield f"rows of {length}, all inputs", inputs
    for length in () if changed else EDGE_LENGTHS:
        inputs = _rows(spec, meant, length, format, random)
        yield f"rows of {length}", required(spec, _few(spec, meant, inputs))
    if axis_of(spec, meant.parameters) == 1 and (isinstance(spec.axis, str) or not changed):
        inputs = _rows(spec, meant, MIDDLE, format, random)
        yield f"rows of {MIDDLE} in the middle", required(spec, _middle(spec, meant, inputs))


def moderate(
    spec: Spec,
    parameters: Mapping[str, Value],
    shape: tuple[int, ...],
    format: Format,
    random: Generator,
) -> Inputs:
    """Return inputs of moderate size; a function of rows gets at least two dimensions.

    Raises SpecErrors for a domain in which no number lies that is tried.

    A function of single numbers gives a number at each: in a sum of a hundred, NaN would hide what
    becomes of all others. Sampled points and named cases ask for it.
    """

    def draw(count: int, arity: int) -> Array:
        normal, share = random.normal(0, 2, (count, arity)), random.random((count, arity))
        return np.where(random.random((count, arity)) < 0.5, normal, share)

    return _shaped(spec, parameters, shape, format, random, draw)


def telling(
    spec: Spec,
    parameters: Mapping[str, Value],
    shape: tuple[int, ...],
    format: Format,
    random: Generator,
) -> Inputs:
    """Return required inputs of all sizes and near the ends of domains, where defaults show."""

    def draw(count: int, arity: int) -> Array:
        wide = 10.0 ** random.uniform(-6, 2, (count, arity))
        signed = np.where(random.random((count, arity)) < 0.5, wide, -wide)
        low = random.random((count, arity)) ** 12
        # near the ends of a unit interval, not at them: infinities would hide everything else
        start, end = np.maximum(low, format.smallest_normal), np.maximum(low, 4 * format.eps)
        ends = np.where(random.random((count, arity)) < 0.5, start, 1 - end)
        return np.where(random.random((count, arity)) < 0.5, signed, ends)

    return required(spec, _shaped(spec, parameters, shape, format, random, draw))


def finite(spec: Spec, parameters: Mapping[str, Value], inputs: Inputs) -> Inputs:
    """Replace points with infinities or NaN by others: gradients are judged at numbers."""
    effective = {**spec.defaults, **parameters}
    given = [item for item in floats(spec, effective, Extent.ELEMENT) if item.name in inputs]
    wide = [inputs[item.name].astype(np.float64) for item in given]
    keep = np.all([np.isfinite(array) for array in wide], axis=0)
    if keep.all():
        return inputs
    if keep.ndim > 1:
        keep = np.broadcast_to(keep.all(axis=1)[:, None], keep.shape)
    kept = {}
    for name, array in inputs.items():
        same = array.shape == keep.shape
        rows = array[keep].reshape(-1, *keep.shape[1:]) if same else array
        kept[name] = repeated(rows, len(array)) if same else array
    return kept


def repeated(rows: Array, count: int) -> Array:
    """Return so many rows, the first ones again where there are not enough; of none, none.

    Who compiles a program for each shape compiles few where few shapes are asked.
    """
    return rows[np.arange(count) % len(rows)] if len(rows) else rows


def required(spec: Spec, inputs: Inputs) -> Inputs:
    """Leave out the optional inputs."""
    optional = {item.name for item in spec.inputs if item.default is not None}
    return {name: array for name, array in inputs.items() if name not in optional}


def _points(spec: Spec, meant: Meaning, format: Format, random: Generator) -> Inputs:
    elements = floats(spec, meant.parameters, Extent.ELEMENT)
    if len(elements) > 1:
        points = tuples(format, meant.terms, POINTS[format.name], len(elements), random)
        points = np.concatenate([corpus.tuples(spec, elements, format.name), points])
    elif format.width == 16 and not _tuned(spec, meant):
        points = whole_format(format)[:, None]
    else:
        points = numbers(format, meant.terms, random)[:, None]
        points = np.concatenate([corpus.tuples(spec, elements, format.name), points])
    points = settled(meant, elements, points, format, random)
    points = repeated(points, math.ceil(len(points) / WHOLE) * WHOLE)
    shape: tuple[int, ...] = (-1,)
    if spec.axis is not None:
        points = points[: len(points) // CHANNELS * CHANNELS]
        shape = (-1, CHANNELS)
    inputs = {
        item.name: format.cast(points[:, place]).reshape(shape)
        for place, item in enumerate(elements)
    }
    for item in floats(spec, meant.parameters, Extent.POSITION):
        inputs[item.name] = format.cast(random.normal(0, 1, CHANNELS))
    return inputs


def _tuned(spec: Spec, meant: Meaning) -> bool:
    """Whether a parameter has another number than its default: the same curve, stretched."""
    return any(
        item.choices == () and meant.parameters[item.name] != item.default
        for item in spec.parameters
    )


def _rows(spec: Spec, meant: Meaning, length: int, format: Format, random: Generator) -> Inputs:
    sampled = rows(format, length, random)
    axis = axis_of(spec, meant.parameters)
    lengths = {
        item.name: 1 if item.form(meant.parameters).extent is Extent.ROW else length
        for item in spec.required
    }
    known = corpus.rows(spec, lengths, format.name)
    inputs: Inputs = {}
    for item in spec.inputs:
        match item.form(meant.parameters).extent:
            case Extent.ROW if item.form(meant.parameters).kind is InputKind.FLOAT:
                values = chosen(meant, item, len(sampled), format, random)
                inputs[item.name] = format.cast(values)
            case Extent.ROW:
                places = random.integers(0, length, len(sampled))
                if item.name in known:
                    places = np.concatenate([places, known[item.name][:, 0].astype(np.int64)])
                inputs[item.name] = places
            case Extent.POSITION:
                inputs[item.name] = format.cast(random.uniform(0.25, 2, length))
            case Extent.ELEMENT:
                # the first input is hard for a reduction, a second one is a distribution
                shares = random.dirichlet(np.ones(length), len(sampled))
                if length == 1:  # the quotient of a number and itself was not 1 everywhere
                    shares[:] = 1
                values = shares if inputs else sampled
                if rare(meant, item, values.reshape(-1, 1), format):
                    drawn = chosen(meant, item, values.size, format, random)
                    values = drawn.reshape(values.shape)
                if item.name in known:
                    values = np.concatenate([values, known[item.name]])
                inputs[item.name] = format.cast(np.moveaxis(values, 1, axis))
    return inputs


def _few(spec: Spec, meant: Meaning, inputs: Inputs) -> Inputs:
    """Return every fourth row."""
    return _over_rows(spec, meant, inputs, lambda rows: rows[::4])


def _middle(spec: Spec, meant: Meaning, inputs: Inputs) -> Inputs:
    """Return the same rows along the middle axis of three, so that none is in one piece."""

    def fold(rows: Array) -> Array:
        rows = rows[: len(rows) // COLUMNS * COLUMNS]
        return np.moveaxis(rows.reshape(-1, COLUMNS, *rows.shape[1:]), 1, -1)

    return _over_rows(spec, meant, inputs, fold)


def _over_rows(
    spec: Spec, meant: Meaning, inputs: Inputs, change: Callable[[Array], Array]
) -> Inputs:
    """Change everything that there is one of for each row, given row by row."""
    axis = axis_of(spec, meant.parameters)
    changed = {}
    for item in spec.inputs:
        extent, array = item.form(meant.parameters).extent, inputs[item.name]
        if extent is Extent.ELEMENT and array.ndim == FLAT:
            changed[item.name] = change(np.moveaxis(array, axis, 1))
            if changed[item.name].ndim == FLAT:
                changed[item.name] = np.moveaxis(changed[item.name], 1, axis)
        else:
            changed[item.name] = array if extent is Extent.POSITION else change(array)
    return changed


def _shaped(
    spec: Spec,
    parameters: Mapping[str, Value],
    shape: tuple[int, ...],
    format: Format,
    random: Generator,
    draw: Callable[[int, int], Array],
) -> Inputs:
    effective = {**spec.defaults, **parameters}
    if spec.axis is not None and len(shape) < 2:
        shape = (3, *shape)
    axis = axis_of(spec, effective)
    elements = floats(spec, effective, Extent.ELEMENT)
    count = math.prod(shape)
    # of a long tensor no more than domains may cost
    spare = SPARE if count <= WHOLE * 4 else FEW_SPARE
    drawn = draw(spare * count + 256, len(elements))
    meant = meaning(spec, parameters)
    points = settled(meant, elements, drawn, format, random)
    if elements and not len(points):
        raise _nothing_to_try(spec, elements, format)
    points = repeated(numeric(meant, elements, points, format)[:count], count)
    inputs = {
        item.name: format.cast(points[:, place]).reshape(shape)
        for place, item in enumerate(elements)
    }
    for item in spec.inputs:
        form = item.form(effective)
        if form.extent is Extent.ROW:
            outer = shape[: axis % len(shape)] + shape[axis % len(shape) + 1 :]
            if form.kind is InputKind.FLOAT:
                values = chosen(meant, item, math.prod(outer), format, random)
                inputs[item.name] = format.cast(values).reshape(outer)
            else:
                places = random.integers(0, shape[axis], outer)
                apart = [place for place in _named(meant, item) if not 0 <= place < shape[axis]]
                if apart:  # what a formula names means something else than a place
                    named = (random.random(outer) < NAMED) & (np.arange(places.size) > 0).reshape(
                        outer
                    )
                    places = np.where(named, random.choice(apart, outer), places)
                inputs[item.name] = places
        elif form.extent is Extent.POSITION:
            inputs[item.name] = format.cast(random.uniform(0.25, 2, shape[axis]))
    return inputs


def _nothing_to_try(spec: Spec, elements: list[Input], format: Format) -> SpecErrors:
    domains = [one.domain.text for one in elements if one.domain is not None]
    message = f"no number that is tried in {format.name} lies in the domain {' and '.join(domains)}"
    place = spec.place
    return SpecErrors([Mistake(str(place.path), place.line, place.column, message)])


def _named(meant: Meaning, item: Input) -> list[int]:
    """Return the numbers with which a formula compares an index."""
    index = Node(Op.NAME, value=item.name)
    compared = [part.args for part in set(parts(meant.terms)) if part.op is Op.EQUAL]
    numbers = [one for pair in compared if index in pair for one in pair if one.op is Op.NUMBER]
    return sorted(int(one.value) for one in numbers if isinstance(one.value, Fraction))
