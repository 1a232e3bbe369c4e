"""What is asked to see whether a function has the properties that its spec states."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from trysquare.backend import Want
from trysquare.dtypes import Array, Format
from trysquare.formula.ball import Ball, balls, precision
from trysquare.formula.bounded import BoundedFloat64
from trysquare.formula.evaluate import evaluate
from trysquare.formula.float64 import Float64
from trysquare.formula.primitives import pessimistic
from trysquare.formula.tree import Node, Op, name, names
from trysquare.planning.cases import Case, Expect, Property
from trysquare.planning.inputs import (
    CHANNELS,
    Generator,
    Inputs,
    axis_of,
    finite,
    floats,
    moderate,
    pointwise,
    required,
    samples,
    settled,
)
from trysquare.planning.sampling import numbers, whole_format
from trysquare.planning.variations import reducing, variations
from trysquare.result import Check
from trysquare.spec import (
    Claim,
    Course,
    Expression,
    Extent,
    Identity,
    InputKind,
    Range,
    Spec,
    Trait,
    Value,
)
from trysquare.truth.arrangement import Arrangement, arrange
from trysquare.truth.domain import inside
from trysquare.truth.layout import layout
from trysquare.truth.meaning import OUTPUT, meaning

RUNS, LENGTH = 48, 48
"""Stretches of consecutive numbers on a grid, and how long each of them is."""

FIXED = 8
"""Values of the other inputs for which a course is followed."""

SPARSE = 400
"""Numbers on a grid along one of several inputs."""

POINTS = 600
"""Points at which an identity is asked, where there are several inputs or numbers are wide."""

STEP = 8
"""Multiples of 1 / STEP are numbers whose sums are often exact."""

BITS = 2200
"""Precision at which a sum or a product of two float64 is exact."""

ROWS = (3, 100)
"""Lengths of rows at which an identity is asked."""

Parameters = Mapping[str, Value]


def properties(spec: Spec, format: Format, random: Generator) -> Iterator[Case]:
    """Yield the cases that examine every property of a spec."""
    for claim in spec.properties:
        match claim:
            case Range():
                yield from _ranges(spec, claim, format, random)
            case Course(trait=Trait.INCREASING | Trait.DECREASING):
                yield from _courses(spec, claim, format, random)
            case Course():
                yield from _identities(spec, mirrored(claim), format, random)
            case Identity():
                yield from _identities(spec, claim, format, random)


def mirrored(claim: Course) -> Identity:
    """Return what odd and even mean: an identity with the negative inputs."""
    output = Expression(OUTPUT, name(OUTPUT))
    mirror = Expression(f"-{OUTPUT}", Node(Op.NEG, (output.tree,)))
    return Identity(
        name=f"{claim.trait} in {' and '.join(claim.inputs)}",
        why="",
        of="",
        when=claim.when,
        parameters={},
        second=True,
        inputs={key: Expression(f"-{key}", Node(Op.NEG, (name(key),))) for key in claim.inputs},
        changed={},
        left=output,
        right=mirror if claim.trait is Trait.ODD else output,
        exact=True,
        overall=False,
        place=claim.place,
    )


def _ranges(spec: Spec, claim: Range, format: Format, random: Generator) -> Iterator[Case]:
    for label, parameters in variations(spec):
        for size, sampled in samples(spec, parameters, format, random):
            inputs = finite(spec, parameters, sampled)
            yield _case(spec, claim, format, f"range of {size}{label}", inputs, parameters)
    by = claim.holds.parameter
    for choice in (
        reducing(spec) if by is None or (spec.reduce and by == spec.reduce.parameter) else ()
    ):
        inputs = required(spec, moderate(spec, choice, (10, 10), format, random))
        words = ", ".join(str(value) for value in choice.values())
        yield _case(spec, claim, format, f"range, {words}", inputs, choice)


def _courses(spec: Spec, claim: Course, format: Format, random: Generator) -> Iterator[Case]:
    (along,) = claim.inputs
    for label, parameters in variations(spec):
        if not _applies(spec, claim.when, parameters):
            continue
        inputs = _grid(spec, along, parameters, format, random)
        words = f"{claim.trait} in {along}{label}"
        yield _case(spec, claim, format, words, inputs, parameters)


def _grid(
    spec: Spec, along: str, parameters: Parameters, format: Format, random: Generator
) -> Inputs:
    """Return ordered numbers along one input, for a few values of each of the others.

    Raises ValueError where elements depend on each other: a row has no course.
    """
    meant = meaning(spec, parameters)
    if not pointwise(meant.terms):
        raise ValueError(f"{spec.function} has no course along {along}: it is a function of rows")
    elements = floats(spec, meant.parameters, Extent.ELEMENT)
    others = [item for item in elements if item.name != along]
    if format.width == 16 and not others:
        pool = whole_format(format)
    else:
        pool = np.concatenate([numbers(format, meant.terms, random), _runs(format, random)])
    pool = np.unique(pool[np.isfinite(pool)])
    if others and len(pool) > SPARSE:
        pool = pool[np.sort(random.choice(len(pool), SPARSE, replace=False))]
    drawn = random.normal(0, 2, (FIXED, len(elements)))
    fixed = settled(meant, elements, np.concatenate([drawn, np.abs(drawn)]), format, random)
    fixed = fixed[:FIXED] if others else fixed[:1]
    place = next(i for i, item in enumerate(elements) if item.name == along)
    points = np.repeat(fixed, len(pool), axis=0)
    points[:, place] = np.tile(pool, len(fixed))
    points = settled(meant, elements, points, format, random)
    inputs = {
        item.name: format.cast(points[:, i])
        for i, item in enumerate(elements)
        if item.default is None or item.name == along
    }
    if spec.axis is None:
        return inputs
    wide = {key: np.repeat(array[:, None], CHANNELS, axis=1) for key, array in inputs.items()}
    for item in floats(spec, meant.parameters, Extent.POSITION):
        if item.default is None:
            wide[item.name] = format.cast(random.normal(0, 1, CHANNELS))
    return wide


def _runs(format: Format, random: Generator) -> Array:
    """Return stretches of consecutive numbers, in binades where functions are not yet flat."""
    starts = random.uniform(0.5, 1, RUNS) * 2.0 ** random.integers(-8, 6, RUNS)
    starts *= np.where(random.random(RUNS) < 0.5, 1.0, -1.0)
    ordinals = format.ordinal(format.round(starts))[:, None] + np.arange(LENGTH)
    return format.from_ordinal(ordinals.ravel())


def _identities(spec: Spec, claim: Identity, format: Format, random: Generator) -> Iterator[Case]:
    for label, parameters in _settings(spec, claim):
        if not _applies(spec, claim.when, parameters):
            continue
        for size, sampled in _samples(spec, claim, parameters, format, random):
            words = f"{claim.name}, {size}{label}"
            case = _case(spec, claim, format, words, sampled, parameters)
            yield from _pair(spec, claim, case, random)


def _settings(spec: Spec, claim: Identity) -> Iterator[tuple[str, dict[str, Value]]]:
    """Yield the parameters for which an identity is asked.

    What it says itself stays; and what joins all values to one is asked with the defaults only.
    """
    told = claim.parameters.keys() | claim.changed.keys()
    for label, parameters in variations(spec):
        varied = {key for key, value in parameters.items() if value != spec.defaults[key]}
        plain = next(variations(spec))[1].keys()
        if label == "" or not (claim.overall or (varied - plain) & told):
            yield label, {**parameters, **claim.parameters}


def _applies(spec: Spec, when: Expression | None, parameters: Parameters) -> bool:
    if when is None:
        return True
    tree = meaning(spec, parameters).expression(when.tree)
    return bool(evaluate(tree, Float64(1, 1), {})[0, 0])


def _samples(
    spec: Spec, claim: Identity, parameters: Parameters, format: Format, random: Generator
) -> Iterator[tuple[str, Inputs]]:
    """Yield inputs of the first question, with a word on how many they are."""
    meant = meaning(spec, parameters)
    if claim.overall or meant.reduces:
        yield "10 x 10", _even(moderate(spec, parameters, (10, 10), format, random), format)
    elif pointwise(meant.terms):
        for _, inputs in samples(spec, parameters, format, random):
            latest = inputs  # the last ones have all inputs
        yield "points", finite(spec, parameters, latest)
        shape = (POINTS,) if spec.axis is None else (POINTS // CHANNELS, CHANNELS)
        yield "round numbers", _even(moderate(spec, parameters, shape, format, random), format)
    else:
        for length in ROWS:
            inputs = _even(moderate(spec, parameters, (12, length), format, random), format)
            yield f"rows of {length}", _shared(spec, parameters, inputs, format)


def _shared(spec: Spec, parameters: Parameters, inputs: Inputs, format: Format) -> Inputs:
    """Make distributions of what follows the first input of a row, if nothing else is said."""
    effective = {**spec.defaults, **parameters}
    axis = axis_of(spec, effective)
    changed = dict(inputs)
    for item in floats(spec, effective, Extent.ELEMENT)[1:]:
        if item.domain is None and item.default is None:
            shares = np.abs(inputs[item.name].astype(np.float64)) + 1 / STEP
            changed[item.name] = format.cast(shares / shares.sum(axis=axis, keepdims=True))
    return changed


def _even(inputs: Inputs, format: Format) -> Inputs:
    """Round to multiples of 1 / STEP."""
    return {
        key: array
        if array.dtype.kind == "i"
        else format.cast(np.round(array.astype(np.float64) * STEP) / STEP)
        for key, array in inputs.items()
    }


def _pair(spec: Spec, claim: Identity, case: Case, random: Generator) -> Iterator[Case]:
    """Yield one case with both questions, or two where one call cannot ask both."""
    mentioned = _mentioned(spec, claim)
    optional = {item.name for item in spec.inputs if item.default is not None}
    asked = {key: a for key, a in case.inputs.items() if key not in optional or key in mentioned}
    found = _exact_pair(spec, claim, replace(case, inputs=asked))
    if found is None:
        return
    first, second = found
    case = replace(case, inputs=first)
    if claim.of:
        meant = meaning(spec, case.effective)
        shape = layout(spec, case.effective, first).shape_of(meant.output)
        cotangent = case.format.cast(np.asarray(random.normal(0, 2, shape) + 0.25))
        case = replace(case, want=Want.GRADIENT, wrt=claim.of, cotangent=cotangent)
    if not claim.second:
        yield case
    elif _together(spec, claim, case):
        yield _joined(spec, case, second)
    else:
        earlier = replace(case, name=f"{case.name}, first", expect=Expect.FORM, claimed=None)
        effective = {**case.effective, **claim.changed}
        yield earlier
        yield replace(
            case,
            inputs=second,
            effective=effective,
            given=effective,
            claimed=Property(claim, earlier),
        )


def _mentioned(spec: Spec, claim: Identity) -> frozenset[str]:
    trees = [claim.left.tree, claim.right.tree, *(one.tree for one in claim.inputs.values())]
    parts = meaning(spec, claim.parameters)
    return frozenset(claim.inputs).union(*(names(parts.expression(tree)) for tree in trees))


def _together(spec: Spec, claim: Identity, case: Case) -> bool:
    """Tell whether the rows of both questions can stand in one tensor."""
    meant = meaning(spec, case.effective)
    if claim.changed or meant.reduces or not meant.output.rows:
        return False
    columns = {item.name for item in spec.inputs if not meant.extents[item.name].rows}
    if columns & ({claim.of} | claim.inputs.keys()):
        return False
    shape = next(array.shape for name, array in case.inputs.items() if name not in columns)
    return spec.axis is None or axis_of(spec, case.effective) % max(len(shape), 1) != 0


def _joined(spec: Spec, case: Case, second: Inputs) -> Case:
    extents = meaning(spec, case.effective).extents
    inputs = {
        key: np.concatenate([array, second[key]]) if extents[key].rows else array
        for key, array in case.inputs.items()
    }
    cotangent = case.cotangent
    if cotangent is not None:
        cotangent = np.concatenate([cotangent, cotangent])
    return replace(case, inputs=inputs, cotangent=cotangent)


def _exact_pair(spec: Spec, claim: Identity, case: Case) -> tuple[Inputs, Inputs] | None:
    """Return the inputs of both questions, without rows whose second cannot be asked exactly.

    None if no row is left.
    """
    parameters, format, first = case.effective, case.format, dict(case.inputs)
    changed = {**parameters, **claim.changed}
    for _ in range(3):  # what a row gives may depend on the others, which may be left out
        arranged = arrange(spec, parameters, first)
        second, keep = dict(first), inside(spec, arranged)
        extents, forms = meaning(spec, changed).extents, {i.name: i for i in spec.inputs}
        for key, expression in claim.inputs.items():
            tree = arranged.meant.expression(expression.tree)
            value, exact = _evaluated(tree, arranged, format)
            keep &= exact
            tensor = arranged.layout.from_rows(value, extents[key])
            whole = forms[key].form(changed).kind is InputKind.INDEX
            with np.errstate(invalid="ignore"):
                second[key] = tensor.astype(np.int64) if whole else format.cast(tensor)
        keep &= inside(spec, arrange(spec, changed, second))
        if keep.all():
            return (first, second) if keep.size else None
        first = {
            key: _kept(arranged, key, array, keep) if arranged.meant.extents[key].rows else array
            for key, array in first.items()
        }
    return None


def _evaluated(tree: Node, arranged: Arrangement, format: Format) -> tuple[Array, Array]:
    """Return a tree as rows, and for which rows no digit of it had to be rounded."""
    laid = arranged.layout
    shape = laid.rows, laid.columns
    value = np.array(evaluate(tree, Float64(*shape, format), arranged.rows), np.float64)
    bounded = BoundedFloat64(*shape, pessimistic(), format)
    given = {key: bounded.exact(array) for key, array in arranged.rows.items()}
    error = np.broadcast_to(evaluate(tree, bounded, given).error, shape)
    full = np.broadcast_to(value, shape)
    exact = np.isfinite(full) & (format.round(full) == full)
    open_rows = np.flatnonzero((exact & (error != 0)).any(axis=1))
    if open_rows.size:
        with precision(BITS):
            found = evaluate(
                tree, Ball(*shape, format), {key: balls(a) for key, a in arranged.rows.items()}
            )
        sure = np.frompyfunc(lambda ball, number: ball.is_exact() and ball == number, 2, 1)
        exact &= np.asarray(sure(np.broadcast_to(found, shape), full), bool)
    return value, np.asarray(exact.all(axis=1))


def _kept(arranged: Arrangement, key: str, array: Array, keep: Array) -> Array:
    """Return the rows of an input that are kept, as a tensor of one or two dimensions."""
    laid, spread = arranged.layout, arranged.meant.extents[key]
    rows = laid.to_rows(array, spread)[keep]
    if not spread.columns or laid.axis is None:
        return np.ascontiguousarray(rows[:, 0])
    return np.ascontiguousarray(np.moveaxis(rows, -1, min(laid.axis, 1)))


def _case(
    spec: Spec, claim: Claim, format: Format, words: str, inputs: Inputs, parameters: Parameters
) -> Case:
    effective = {**spec.defaults, **parameters}
    return Case(
        name=words,
        check=Check.PROPERTIES,
        function=spec.function,
        format=format,
        place=claim.place,
        inputs=inputs,
        effective=effective,
        given=effective,
        why=claim.why if isinstance(claim, Identity) else "",
        expect=Expect.PROPERTY,
        claimed=Property(claim),
    )
