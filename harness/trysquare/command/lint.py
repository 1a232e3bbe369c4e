"""Whether the limits of a spec can see anything: a dialect, or a result that was lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from trysquare.command import agreement
from trysquare.dtypes import FLOAT32, FORMATS, Array, Format
from trysquare.errors import Mistake, SpecErrors, UndecidedError
from trysquare.formula.evaluate import evaluate
from trysquare.formula.float64 import Float64
from trysquare.planning.cases import Case, Expect
from trysquare.planning.checks import cases
from trysquare.planning.plan import checks_of
from trysquare.result import SEED, Check, Symptom, Worst
from trysquare.spec import Place, Spec, Tolerance
from trysquare.truth.meaning import COTANGENT
from trysquare.verdict.measure import inputs_at, measure, number
from trysquare.verdict.standard import Accepted, Standard

CHECKS = (Check.CASES, Check.VALUES, Check.REDUCTIONS)
"""Where a limit of values has to prove itself; named cases first, they are few and telling."""

GENEROUS = 256
"""Roundings of the input by which a condition number may excuse a wide inherited limit.

A chain of a few dozen roundings is ordinary; a formula that cancels is off by 2^24 of them.
"""


def mistakes(spec: Spec) -> list[Mistake]:
    """Return all that is wrong in a spec that can be read.

    Limits are looked at where the spec agrees with itself, else they would be those of a slip.
    """
    try:
        [*checks_of(spec)]
        return [*agreement.mistakes(spec)] or [*blind_spots(spec)]
    except SpecErrors as errors:  # there are no cases to look at
        return [*errors.mistakes]


def blind_spots(spec: Spec) -> Iterator[Mistake]:
    """Yield the dialects that no limit can tell apart, and the limits that accept zero.

    Raises SpecErrors where no cases can be made that would show it.
    """
    yield from _indistinct(spec)
    yield from _too_wide_for_a_dialect(spec)
    yield from _accepts_zero(spec)
    yield from _cancels(spec)


@dataclass
class Sight:
    """Whether the answers of a dialect were told from the formula's, and how nearly if not."""

    seen: bool = False
    nearest: float = -1.0
    words: str = ""
    missed: list[Case] = field(default_factory=list)

    def look(self, standard: Standard, dialect: Accepted) -> None:
        """Judge what a perfect implementation of the dialect would answer to one case."""
        case = standard.case
        rows = case.format.round(dialect.truth.value)
        answer = standard.layout.from_rows(rows, standard.spread)
        try:
            found = measure(standard, answer, flushes=False)
        except UndecidedError:
            return
        # dialects say nothing about the sign of zero
        self.seen = self.seen or found.symptom not in (None, Symptom.SIGN_OF_ZERO)
        self.missed.append(case)
        if found.worst is not None and found.worst.ulp > self.nearest:
            self.nearest, self.words = found.worst.ulp, _apart(standard, found.worst)


def _indistinct(spec: Spec) -> Iterator[Mistake]:
    """Yield the dialects that are nowhere told from the formula, in no dtype."""
    sights = {dialect.name: Sight() for dialect in spec.dialects}
    for format in FORMATS.values():
        for standard in _standards(spec, format):
            if all(sight.seen for sight in sights.values()):
                return
            for name, _, answers in _dialects(standard):
                if not sights[name].seen:
                    sights[name].look(standard, answers)
    for dialect in spec.dialects:
        sight = sights[dialect.name]
        if sight.words and not sight.seen:
            message = f"no limit separates dialect '{dialect.name}' from the formula, in any dtype"
            yield _mistake(dialect.place, f"{message}: {sight.words}")


def _too_wide_for_a_dialect(spec: Spec) -> Iterator[Mistake]:
    """Yield the stated limits that hide a dialect which the inherited tolerance would see."""
    strict = replace(spec, tolerance=Tolerance(None, {}))
    for format in FORMATS.values() if spec.dialects and spec.tolerance.ulps else ():
        for (key, name), sight in _sights_by_limit(spec, format).items():
            if sight.seen or not sight.words or not _sees(strict, name, sight.missed):
                continue
            limit = spec.tolerance.ulps[key].text
            message = f"the limit {limit} ulp does not separate dialect '{name}'"
            hint = "the inherited tolerance does"
            yield _mistake(spec.tolerance.places[key], f"{message}: {sight.words}", hint)


def _sights_by_limit(spec: Spec, format: Format) -> dict[tuple[str, str], Sight]:
    sights: dict[tuple[str, str], Sight] = {}
    for standard, key in _stated(spec, format):
        for name, _, answers in _dialects(standard):
            sight = sights.setdefault((key, name), Sight())
            if not sight.seen:
                sight.look(standard, answers)
    return sights


def _sees(spec: Spec, name: str, asked: Iterable[Case]) -> bool:
    """Tell whether a spec's own limits separate one of its dialects in any of these cases."""
    sight = Sight()
    for case in asked:
        standard = Standard(spec, case)
        for other, _, answers in _dialects(standard):
            if other == name:
                sight.look(standard, answers)
        if sight.seen:
            return True
    return False


def _accepts_zero(spec: Spec) -> Iterator[Mistake]:
    """Yield the stated limits that allow zero where the result is a normal number."""
    for format in FORMATS.values() if spec.tolerance.ulps else ():
        told: set[str] = set()
        for standard, key in _stated(spec, format):
            zero = _zero_allowed(standard)
            if key in told or not zero.any():
                continue
            told.add(key)
            limit = spec.tolerance.ulps[key].text
            words = _allowed(standard, _first(zero))
            message = f"the limit {limit} ulp accepts 0 for a normal number in {format.name}"
            yield _mistake(spec.tolerance.places[key], f"{message}: {words}")


def _cancels(spec: Spec) -> Iterator[Mistake]:
    """Yield where an inherited limit allows zero, though nothing forces the formula to be so bad.

    Near a zero of the function any evaluation loses its digits, and the condition number says so.
    That is asked of functions of one number, in one dtype: a form that cancels does it in all.
    """
    for standard in _standards(spec, FLOAT32, (Check.VALUES,)):
        if _key(spec, standard.case) is not None or standard.slope is None:
            continue
        # where no limit could be derived, every verdict says so
        zero = _zero_allowed(standard) & np.isfinite(standard.limit(flushes=False).limit)
        if zero.any():
            zero &= _condition(standard) * GENEROUS * FLOAT32.unit_roundoff < 1
        if zero.any():
            words = _allowed(standard, _first(zero))
            message = "the inherited limit accepts 0 for a normal number in float32"
            hint = "write the formula so that nothing cancels there, or state a tolerance"
            yield _mistake(spec.place, f"{message}: {words}", hint)
            return


def _zero_allowed(standard: Standard) -> Array:
    """Mark the elements whose exact result is a normal number no larger than its limit."""
    try:
        format, size = standard.case.format, np.abs(standard.canonical.truth.value)
    except UndecidedError:
        return np.zeros((1, 1), bool)
    limit = standard.limit(flushes=False).limit
    normal = (size >= format.smallest_normal) & (size <= format.largest)
    return np.asarray(normal & (limit >= size))


def _condition(standard: Standard) -> Array:
    """Return |x f'(x) / f(x)|; infinite where there is none, which excuses everything."""
    if standard.slope is None:
        return np.full(standard.canonical.truth.value.shape, np.inf)
    x = next(value for name, value in standard.rows.items() if name != COTANGENT)
    arithmetic = Float64(standard.layout.rows, standard.layout.columns, standard.case.format)
    slope = evaluate(standard.slope, arithmetic, standard.rows)
    with np.errstate(all="ignore"):
        condition = np.abs(x * slope / standard.canonical.truth.value)
    return np.where(np.isnan(condition), np.inf, condition)


def _dialects(standard: Standard) -> Iterator[tuple[str, str, Accepted]]:
    """Yield the answers of the dialects, as far as the oracle can tell them."""
    try:
        for name, why, tree in standard.dialects:
            yield name, why, standard.otherwise(tree)
    except UndecidedError:
        return


def _standards(spec: Spec, format: Format, checks: Iterable[Check] = CHECKS) -> Iterator[Standard]:
    for check in checks:
        try:
            planned = cases(spec, check, format, SEED)
        except SpecErrors:
            raise
        except Exception as error:
            what = f"no cases of the check '{check}' could be made in {format.name}"
            raise SpecErrors([_mistake(spec.place, f"{what}: {error}")]) from error
        for case in planned:
            if case.expect is Expect.TRUTH and not spec.draws(case.effective):
                yield Standard(spec, case)


def _stated(spec: Spec, format: Format) -> Iterator[tuple[Standard, str]]:
    """Yield the cases for which a limit is stated, each with its key."""
    for standard in _standards(spec, format):
        key = _key(spec, standard.case)
        if key is not None:
            yield standard, key


def _key(spec: Spec, case: Case) -> str | None:
    return spec.tolerance.key(case.format.name, case.effective)


def _first(mask: Array) -> tuple[int, int]:
    row, column = np.argwhere(mask)[0]
    return int(row), int(column)


def _apart(standard: Standard, worst: Worst) -> str:
    where = ", ".join(f"{name} = {value.decimal}" for name, value in worst.inputs.items())
    apart = f"at most {worst.ulp:.5g} ulp apart where {worst.limit:.5g} are allowed"
    return f"{apart}, at {where}{_given(standard)} in {standard.case.format.name}"


def _allowed(standard: Standard, place: tuple[int, int]) -> str:
    format = standard.case.format
    truth = standard.canonical.truth.value[place]
    ulps = standard.limit(flushes=False).limit[place] / format.ulp(truth)
    where = ", ".join(
        f"{name} = {value.decimal}" for name, value in inputs_at(standard, place).items()
    )
    result = number(float(truth), format).decimal
    return f"{ulps:.5g} ulp of {result}, at {where}{_given(standard)}"


def _given(standard: Standard) -> str:
    """Return the parameters that are not at their default, as words."""
    defaults = standard.spec.defaults
    given = standard.case.effective.items()
    changed = [f"{name} = {value}" for name, value in given if defaults[name] != value]
    terms = [f"n = {standard.terms}"] if standard.terms > 1 else []
    return "".join(f", {words}" for words in (*changed, *terms))


def _mistake(place: Place, message: str, hint: str = "") -> Mistake:
    return Mistake(str(place.path), place.line, place.column, message, hint=hint)
