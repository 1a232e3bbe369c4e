"""What is asked to see whether a function has the properties that its spec states."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from trysquare.dtypes import Array, Format
from trysquare.formula.evaluate import evaluate
from trysquare.formula.float64 import Float64
from trysquare.formula.tree import Node, Op, name
from trysquare.planning.cases import Case, Expect, Property
from trysquare.planning.inputs import CHANNELS, Inputs, finite, moderate, required, samples
from trysquare.planning.pairs import pair
from trysquare.planning.sampling import numbers, whole_format
from trysquare.planning.settling import Generator, axis_of, floats, pointwise, settled
from trysquare.planning.variations import reducing, variations
from trysquare.result import Check
from trysquare.spec import (
    Claim,
    Course,
    Expression,
    Extent,
    Identity,
    Range,
    Spec,
    Trait,
    Value,
)
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
            yield from pair(spec, claim, case, random)


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
