"""Whether a spec agrees with itself: its cases with its formula, and what it states twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from trysquare.audit import double_entry
from trysquare.command.proof import unproven
from trysquare.dtypes import FLOAT64, FORMATS, Array, Format
from trysquare.errors import Mistake, SpecErrors
from trysquare.planning import corpus
from trysquare.planning.cases import Case, Expect, named_cases, numbers
from trysquare.spec import NamedCase, Spec, Special
from trysquare.truth.bundle import Asked, bundle
from trysquare.truth.known import Truth
from trysquare.verdict.standard import Standard

ROUNDINGS = 4
"""Expressions of a case are evaluated in float64, with about so many roundings."""


def require(specs: Iterable[Spec]) -> None:
    """Raise SpecErrors with all that is wrong in any of the specs."""
    wrong = [mistake for spec in specs for mistake in mistakes(spec)]
    if wrong:
        raise SpecErrors(wrong)


def mistakes(spec: Spec) -> Iterator[Mistake]:
    """Yield every case, definition, gradient and property of a spec that the formula is not.

    A corpus that cannot be read is among them.
    """
    yield from contradictions(spec)
    yield from double_entry.contradictions(spec)
    # properties are proven at the points of the corpus too
    yield from _misread_corpus(spec) or unproven(spec)


def _misread_corpus(spec: Spec) -> tuple[Mistake, ...]:
    try:
        corpus.points(spec)
    except SpecErrors as errors:
        return errors.mistakes
    return ()


def contradictions(spec: Spec) -> Iterator[Mistake]:
    """Yield the cases of a spec that state another number than its formula gives."""
    asked: dict[Format, dict[str, Case]] = {}
    stated: list[tuple[NamedCase, Standard]] = []
    for named in spec.cases:
        format = FORMATS[named.dtypes[0]] if named.dtypes else FLOAT64
        if format not in asked:
            asked[format] = {case.name: case for case in named_cases(spec, format)}
        case = asked[format][named.name]
        if case.expect is Expect.TRUTH and not spec.draws(case.effective):
            stated.append((named, Standard(spec, case)))
    sound = [standard.oracle for _, standard in stated if not _misfit(standard)]
    bundle(sound, (Asked.KNOWN,))
    for named, standard in stated:
        problem = _misfit(standard) or _problem(standard, named)
        if problem:
            place = named.place
            message = f"case '{named.name}' contradicts the formula: {problem}"
            yield Mistake(str(place.path), place.line, place.column, message)


def _misfit(standard: Standard) -> str:
    """Return why the inputs of a case do not fit together; nothing if they do."""
    try:
        _ = standard.shape
    except ValueError as error:
        return str(error)
    return ""


def _problem(standard: Standard, named: NamedCase) -> str:
    case, shape, truth = standard.case, standard.shape, standard.canonical.truth
    alternatives = () if isinstance(named.expect, Special) else named.expect
    answers = [numbers(nested, case.effective, case.format) for nested in alternatives]
    for stated in answers:
        if stated.shape != shape:
            return f"its answer has the shape {list(stated.shape)}, not {list(shape)}"
        rows = standard.layout.to_rows(stated, standard.spread)
        if _near(rows, truth, named.digits, case.format):
            return ""
    exact = standard.layout.from_rows(truth.value, standard.spread).tolist()
    return f"stated {' or '.join(str(a.tolist()) for a in answers)}, the formula gives {exact}"


def _near(stated: Array, truth: Truth, digits: int | None, format: Format) -> bool:
    """Return whether every number is the truth, rounded as often as it had to be."""
    with np.errstate(all="ignore"):
        ulp = format.ulp(truth.value)
        limit = 0.5 + ROUNDINGS * FLOAT64.ulp(truth.value) / ulp + truth.bound
        if digits is not None:
            limit = limit + 0.5 * 10.0**-digits / ulp
        near = np.abs((stated - truth.value) / ulp - truth.rest) <= limit
        same = (stated == truth.value) | (stated == format.round(truth.value))
    return bool((near | same | (np.isnan(stated) & np.isnan(truth.value))).all())
