"""Checks that follow from any spec: the cases that nobody had to write down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from zlib import crc32

import numpy as np

from trysquare.backend import Want
from trysquare.dtypes import Format
from trysquare.planning import edges, invariance, limits, refusals, second
from trysquare.planning.cases import Case, Expect, named_cases
from trysquare.planning.inputs import CHANNELS, Inputs, finite, moderate, required, samples, telling
from trysquare.planning.properties import properties
from trysquare.planning.settling import Generator, floats
from trysquare.planning.variations import reducing, variations
from trysquare.result import Check
from trysquare.spec import Extent, InputKind, Role, Spec, Value
from trysquare.truth.layout import layout
from trysquare.truth.meaning import meaning

DRAWS = 20_000
"""Elements of a call whose random draws are examined."""

SIZES = ((1,), (7,), (2, 3), (2, 3, 4), (50, 100))
"""Shapes that are reduced."""


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
        case Check.INVARIANCE | Check.EDGES:
            made = invariance.cases if check is Check.INVARIANCE else edges.cases
            plain = next(variations(spec))[1]
            return tuple(made(spec, format, random, plain, tuple(reducing(spec))))
        case Check.LIMITS:
            return tuple(limits.cases(spec, format, random, next(variations(spec))[1]))
        case Check.SECOND:
            return tuple(second.cases(spec, format, random))
        case Check.ERRORS:
            return tuple(refusals.cases(spec, format, random, next(variations(spec))[1]))
        case Check.PROPERTIES:
            return tuple(properties(spec, format, random))
        case Check.SWEEP | Check.HUNT:
            return ()  # their inputs are found, not planned


def chosen(
    spec: Spec, format: Format, parameters: Mapping[str, Value], seed: int, *, derived: bool
) -> tuple[Case, ...]:
    """Return what is asked of calls with these parameters and no others, the same for a seed.

    Named cases and sampled values; gradients too, if somebody has them (`derived`).
    """
    words = f"{spec.function}/{format.name}/{sorted(parameters.items())}"
    random = np.random.default_rng([seed, crc32(words.encode())])
    effective = {**spec.defaults, **parameters}
    named = (case for case in named_cases(spec, format) if case.check is Check.CASES)
    found = [case for case in named if case.effective == effective]
    for size, inputs in _sampled(spec, parameters, format, random):
        found.append(_case(spec, Check.VALUES, format, size, inputs, parameters))
        if derived:
            numbers = finite(spec, parameters, inputs)
            case = _case(spec, Check.GRADIENTS, format, size, numbers, parameters)
            found += _with_cotangents(spec, case, random)
    return tuple(found)


def _sampled(
    spec: Spec, parameters: Mapping[str, Value], format: Format, random: Generator
) -> Iterator[tuple[str, Inputs]]:
    """Yield inputs for one choice of parameters, moderate ones where they are added up."""
    effective = {**spec.defaults, **parameters}
    if not any(choice.items() <= effective.items() for choice in reducing(spec)):
        yield from samples(spec, parameters, format, random)
        return
    for shape in SIZES:
        size = " x ".join(str(length) for length in shape)
        inputs = moderate(spec, parameters, shape, format, random)
        yield size, required(spec, inputs)
        if len(required(spec, inputs)) < len(inputs):
            yield f"{size}, all inputs", inputs


def _values(spec: Spec, format: Format, random: Generator) -> Iterator[Case]:
    for label, parameters in variations(spec):
        for size, inputs in samples(spec, parameters, format, random):
            yield _case(spec, Check.VALUES, format, f"{size}{label}", inputs, parameters)


def _gradients(spec: Spec, format: Format, random: Generator) -> Iterator[Case]:
    for label, parameters in variations(spec):
        for size, sampled in samples(spec, parameters, format, random):
            inputs = finite(spec, parameters, sampled)
            case = _case(spec, Check.GRADIENTS, format, f"{size}{label}", inputs, parameters)
            yield from _with_cotangents(spec, case, random)
    # a gradient per position sums over rows: of moderate numbers, or it would be all overflow
    inputs = moderate(spec, {}, (100, CHANNELS), format, random)
    case = _case(spec, Check.GRADIENTS, format, f"100 x {CHANNELS}", inputs, {})
    yield from _with_cotangents(spec, case, random, Extent.POSITION)
    for item in floats(spec, case.effective, Extent.POSITION):
        shared = {**inputs, item.name: inputs[item.name][:1]}
        one = replace(case, name=f"{case.name}, one {item.name}", inputs=shared)
        yield from _with_cotangents(spec, one, random, Extent.POSITION)
    for choice in reducing(spec):
        inputs = moderate(spec, choice, (10, 10), format, random)
        label = ", ".join(str(value) for value in choice.values())
        case = _case(spec, Check.GRADIENTS, format, label, inputs, choice)
        yield from _with_cotangents(spec, case, random)


def _with_cotangents(
    spec: Spec, case: Case, random: Generator, extent: Extent = Extent.ELEMENT
) -> Iterator[Case]:
    meant = meaning(spec, case.effective)
    shape = layout(spec, case.effective, case.inputs).shape_of(meant.output)
    varied = random.normal(0, 2, shape) + 0.25
    plain = {**spec.defaults, **next(variations(spec))[1]}
    for item in spec.inputs:
        form = item.form(case.effective)
        if not item.differentiable or form.kind is not InputKind.FLOAT:
            continue
        if item.name not in case.inputs or form.extent is not extent:
            continue
        ones = () if case.effective != plain else (("ones", np.ones(shape)),)
        for label, cotangent in (*ones, ("varied", np.array(varied))):
            yield replace(
                case,
                name=f"d {item.name}, {label}, {case.name}",
                want=Want.GRADIENT,
                wrt=item.name,
                cotangent=case.format.cast(cotangent),
            )


def _defaults(spec: Spec, format: Format, random: Generator) -> Case:
    # an axis that never changes is one of two dimensions, of which everybody knows
    shape = (6, 4) if isinstance(spec.axis, int) else (2, 3, 4)
    inputs = telling(spec, spec.defaults, shape, format, random)
    case = _case(spec, Check.DEFAULTS, format, "every argument left out", inputs, {})
    return replace(case, given={}, canonical=False)


def _reductions(spec: Spec, format: Format, random: Generator) -> Iterator[Case]:
    for choice in reducing(spec):
        label = ", ".join(str(value) for value in choice.values())
        for shape in SIZES:
            inputs = moderate(spec, choice, shape, format, random)
            size = " x ".join(str(length) for length in shape)
            yield _case(spec, Check.REDUCTIONS, format, f"{label} of {size}", inputs, choice)
        usual = spec.reduce is not None and all(
            spec.defaults[name] == value
            for name, value in choice.items()
            if name != spec.reduce.parameter
        )
        for words, changed in _changed(spec) if usual else ():
            given = {**changed, **choice}
            inputs = moderate(spec, given, (5, 6), format, random)
            yield _case(spec, Check.REDUCTIONS, format, f"{label} of 5 x 6{words}", inputs, given)
    for old in spec.deprecated:
        inputs = required(spec, moderate(spec, old.means, (2, 3), format, random))
        words = ", ".join(f"{name}={_word(value)}" for name, value in old.given.items())
        case = _case(spec, Check.REDUCTIONS, format, f"deprecated {words}", inputs, old.means)
        yield replace(case, given=old.given, place=old.place)


def _inplace(spec: Spec, format: Format, random: Generator) -> Iterator[Case]:
    for flag in spec.parameters:
        if flag.role is Role.INPLACE:
            parameters = {flag.name: True}
            inputs = moderate(spec, parameters, (10, 10), format, random)
            case = _case(spec, Check.INPLACE, format, "same storage", inputs, parameters)
            yield replace(case, want=Want.INPLACE)


def _draws(spec: Spec, format: Format, random: Generator, seed: int) -> Iterator[Case]:
    if spec.random is None:
        return
    count = DRAWS
    name = next(item.name for item in spec.inputs)
    signs = np.where(random.random(count) < 0.5, 1.0, -1.0)
    inputs = {name: format.cast(signs * random.uniform(1, 2, count))}
    for words, changed in (("", {}), *_changed(spec)):
        given = {**changed, **spec.random.mode}
        case = _case(spec, Check.RANDOMNESS, format, f"uniform draws{words}", inputs, given)
        yield replace(case, expect=Expect.DRAWS, seed=seed)


def _changed(spec: Spec) -> Iterator[tuple[str, dict[str, Value]]]:
    """Yield each number that a spec gives as another value of a parameter, one at a time."""
    for item in spec.parameters:
        for value in item.also if item.name != spec.axis else ():
            if value != item.default:
                yield f", {item.name} {value}", {item.name: value}


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
