"""The same numbers in other company: alone, in tails, in other memory, again; to the last bit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from trysquare.backend import Form, Want
from trysquare.dtypes import Array, Format
from trysquare.formula.derivative import Extent as Spread
from trysquare.planning.cases import Case, Elsewhere, Expect
from trysquare.planning.inputs import Inputs, moderate, required
from trysquare.planning.sampling import near_constants, specials
from trysquare.planning.settling import Generator, axis_of, floats, settled
from trysquare.result import Check
from trysquare.spec import Extent, InputKind, Role, Spec, Value
from trysquare.truth.layout import layout
from trysquare.truth.meaning import meaning

TOGETHER = 67
"""Elements of the call that all others are compared with: vectors of 64, and a tail."""

ROWS, ROW = 61, 19
"""Rows of that call, and their length: vectors of 16, and a tail."""

LENGTHS = (1, 15, 16, 17, 31, 33)
"""Shorter calls: nothing but a tail, whole vectors, one element more or less."""

LONG = 4099
"""A long call: many vectors, and a tail."""

SHARED = 2 * 32768 + 3
"""So many elements are divided between threads."""

ALONE = 4
"""Elements that are asked for one by one."""

AGAIN = "The same call a second time."

Parameters = Mapping[str, Value]


@dataclass(frozen=True)
class Company:
    """Which elements of the reference, or which rows, make a call, and how it is made.

    `chosen` are their numbers, in the shape of the call: for rows, that without their axis.
    """

    name: str
    why: str
    chosen: Array
    form: Form = Form.CONTIGUOUS
    threads: int = 1


def cases(
    spec: Spec, format: Format, random: Generator, plain: Parameters, reduced: Sequence[Parameters]
) -> Iterator[Case]:
    """Yield a call for reference and the same numbers elsewhere, for value and gradients.

    `plain` are parameters that do not reduce; the `reduced` are only asked again, because sums
    depend on their order.
    """
    reference = _reference(spec, format, random, plain)
    if not meaning(spec, plain).reduces:
        yield from _family(spec, reference, random)
        yield from _inplace(spec, reference)
    for choice in reduced:
        inputs = moderate(spec, choice, (100, ROW), format, random)
        label = ", ".join(str(value) for value in choice.values())
        first = _case(spec, format, label, required(spec, inputs), choice)
        for wrt in ("", *_derived(spec, first)):
            asked = _asking(spec, first, wrt, None)
            same = Elsewhere(asked, _counted(spec, asked))
            yield asked
            yield replace(asked, name=f"{asked.name}, again", why=AGAIN, elsewhere=same)


def _case(spec: Spec, format: Format, name: str, inputs: Inputs, parameters: Parameters) -> Case:
    effective = {**spec.defaults, **parameters}
    return Case(
        name,
        Check.INVARIANCE,
        spec.function,
        format,
        spec.place,
        inputs,
        effective,
        effective,
        expect=Expect.SAME,
    )


def _reference(spec: Spec, format: Format, random: Generator, plain: Parameters) -> Case:
    """Return the call with every kind of number that all others are compared with."""
    if spec.axis is None:
        inputs = _elements(spec, format, random, plain)
        return _case(spec, format, f"{TOGETHER} elements", inputs, plain)
    inputs = required(spec, moderate(spec, plain, (ROWS, ROW), format, random))
    first = floats(spec, {**spec.defaults, **plain}, Extent.ELEMENT)[0]
    if first.domain is None:
        rows = np.array(inputs[first.name])
        hard = specials(format)
        places = random.integers(0, ROW, hard.size)
        rows[np.arange(hard.size), places] = format.cast(hard)
        rows[hard.size : 2 * hard.size] *= format.cast(np.array(10.0))
        inputs[first.name] = rows
    return _case(spec, format, f"{ROWS} rows", inputs, plain)


def _elements(spec: Spec, format: Format, random: Generator, plain: Parameters) -> Inputs:
    """Return NaN, zeros, subnormals, infinities and more ordinary numbers, where allowed."""
    meant = meaning(spec, plain)
    elements = floats(spec, meant.parameters, Extent.ELEMENT)
    hard = np.concatenate([specials(format), format.round(near_constants(format, meant.terms))])
    arity, count = len(elements), 16 * TOGETHER
    pool = np.where(
        random.random((count, arity)) < (0.5 if arity == 1 else 0.3),
        random.choice(hard, (count, arity)),
        random.normal(0, 3, (count, arity)),
    )
    if arity == 1:
        pool = np.concatenate([specials(format)[:, None], pool])
    points = settled(meant, elements, pool, format, random)[:TOGETHER]
    points = random.permutation(points)
    inputs = {item.name: format.cast(points[:, place]) for place, item in enumerate(elements)}
    return required(spec, inputs)


def _companies(spec: Spec, reference: Case) -> Iterator[Company]:
    """Yield the calls that hold the same elements; of rows, whole rows."""
    count = len(next(iter(reference.inputs.values())))
    everything, what = np.arange(count), "elements" if spec.axis is None else "rows"
    yield Company("again", AGAIN, everything)
    for place in np.linspace(0, count - 1, ALONE).astype(int):
        one = np.array(place if spec.axis is None else [place])
        yield Company(f"number {place} alone", f"One of the {what} without the others.", one)
    for length in LENGTHS:
        some = np.roll(everything, -length)[:length]
        yield Company(f"{length} of them", f"Some of the {what}, in another place.", some)
    yield Company(f"{LONG} in all", f"The {what} over and over.", np.resize(everything, LONG))
    yield Company(
        "strided", "Other numbers lie between those of the tensor.", everything, Form.STRIDED
    )
    side = np.stack([everything, everything[::-1], np.roll(everything, 5)], axis=1)
    yield Company("transposed", "The first dimension runs fastest.", side, Form.TRANSPOSED)
    same = np.broadcast_to(everything, (3, count))
    repeated = "All along the first dimension is the same memory."
    yield Company("expanded", repeated, same, Form.EXPANDED)
    yield Company("batched", "With another dimension before it.", np.array(same))
    shared = np.resize(everything, SHARED // (1 if spec.axis is None else ROW))
    yield Company("two threads", f"The {what} over and over, for two threads.", shared, threads=2)


def _family(spec: Spec, reference: Case, random: Generator) -> Iterator[Case]:
    """Yield the reference and its company, for the value and for each gradient."""
    direction = random.normal(0, 2, _output(spec, reference)) + 0.25
    for wrt in ("", *_derived(spec, reference)):
        base = _asking(spec, reference, wrt, reference.format.cast(direction))
        yield base
        for company in _companies(spec, reference):
            yield _among(spec, base, company)


def _derived(spec: Spec, case: Case) -> Iterator[str]:
    """Yield the inputs whose gradient has a number for each element or row."""
    for item in spec.inputs:
        form = item.form(case.effective)
        floating = form.kind is InputKind.FLOAT and form.extent is not Extent.POSITION
        if floating and item.differentiable and item.name in case.inputs:
            yield item.name


def _asking(spec: Spec, case: Case, wrt: str, cotangent: Array | None) -> Case:
    """Return a case that asks for the value, or for a gradient; without cotangent, of ones."""
    if not wrt:
        return case
    if cotangent is None:
        cotangent = case.format.cast(np.ones(_output(spec, case)))
    return replace(
        case, name=f"d {wrt}, {case.name}", want=Want.GRADIENT, wrt=wrt, cotangent=cotangent
    )


def _among(spec: Spec, base: Case, company: Company) -> Case:
    """Return the call of a company, and where the reference has its elements."""
    effective, chosen = base.effective, company.chosen
    meant = meaning(spec, effective)

    def gathered(array: Array, spread: Spread) -> Array:
        if not spread.rows:
            return array
        if spec.axis is None or not spread.columns:
            return np.array(array[chosen])
        taken = np.moveaxis(array[chosen], -1, axis_of(spec, effective))
        return np.ascontiguousarray(taken)

    answer = meant.extents[base.wrt] if base.wrt else meant.output
    cotangent = base.cotangent
    return replace(
        base,
        name=f"{base.name}, {company.name}",
        why=company.why,
        inputs={name: gathered(array, meant.extents[name]) for name, array in base.inputs.items()},
        cotangent=None if cotangent is None else gathered(cotangent, meant.output),
        form=company.form,
        threads=company.threads,
        elsewhere=Elsewhere(base, gathered(_counted(spec, base), answer)),
    )


def _inplace(spec: Spec, reference: Case) -> Iterator[Case]:
    for flag in spec.parameters:
        if flag.role is Role.INPLACE:
            everything = {**reference.effective, flag.name: True}
            yield replace(
                reference,
                name=f"{reference.name}, {flag.name}",
                why="The result overwrites the input.",
                want=Want.INPLACE,
                effective=everything,
                given=everything,
                elsewhere=Elsewhere(reference, _counted(spec, reference)),
            )


def _counted(spec: Spec, case: Case) -> Array:
    """Return the places of an answer, counted, in its shape."""
    shape = case.inputs[case.wrt].shape if case.wrt else _output(spec, case)
    return np.arange(prod(shape)).reshape(shape)


def _output(spec: Spec, case: Case) -> tuple[int, ...]:
    laid = layout(spec, case.effective, case.inputs)
    return laid.shape_of(meaning(spec, case.effective).output)
