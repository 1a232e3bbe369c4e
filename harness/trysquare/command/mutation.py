"""Would the named cases and the properties of a spec notice if its formula were another one?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from trysquare.audit.mutants import Mutant, mutants
from trysquare.dtypes import FLOAT32, FLOAT64, FORMATS, Array, Format
from trysquare.errors import UndecidedError
from trysquare.formula.bounded import BoundedFloat64
from trysquare.formula.evaluate import evaluate
from trysquare.formula.primitives import pessimistic
from trysquare.planning.cases import Case, Expect, named_cases, numbers
from trysquare.planning.checks import cases
from trysquare.planning.inputs import Inputs, moderate, samples
from trysquare.planning.variations import reducing, variations
from trysquare.result import SEED, Check
from trysquare.spec import NamedCase, Range, Spec, Special, Value
from trysquare.truth.arrangement import arrange
from trysquare.truth.oracle import Oracle
from trysquare.verdict.properties import Leeway, breach
from trysquare.verdict.standard import Standard

ROUNDING = 1e-9
"""Expectations are written with fewer digits than float64 has, or with expressions of it."""

BITS = 400
"""Precision at which two formulas are told apart."""

CLOSE = 400
"""Numbers at which two formulas are compared with so many bits."""

VANISHING = 1e-300


@dataclass(frozen=True)
class Score:
    """What became of the mutants of one spec."""

    function: str
    by_cases: int
    by_properties: int
    equal: tuple[Mutant, ...]
    survivors: tuple[Mutant, ...]

    @property
    def counted(self) -> int:
        """The mutants that differ from the spec."""
        return self.by_cases + self.by_properties + len(self.survivors)

    @property
    def caught(self) -> int:
        """Those of them that were noticed."""
        return self.by_cases + self.by_properties


def score(spec: Spec, every: int = 1) -> Score:
    """Return how a spec does against its mutants, or against every n-th of them."""
    court = _Court(spec)
    counts = {"cases": 0, "properties": 0}
    equal: list[Mutant] = []
    survivors: list[Mutant] = []
    for mutant in list(mutants(spec))[::every]:
        if court.contradicts_a_case(mutant.spec):
            counts["cases"] += 1
        elif court.lacks_a_property(mutant.spec):
            counts["properties"] += 1
        elif court.differs(mutant.spec):
            survivors.append(mutant)
        else:
            equal.append(mutant)
    return Score(
        spec.function, counts["cases"], counts["properties"], tuple(equal), tuple(survivors)
    )


@dataclass(frozen=True)
class _Value:
    """What a formula gives in float64, how far off, and for which rows all inputs are finite."""

    value: Array
    error: Array
    finite: Array


class _Court:
    """The cases, properties and sampled calls of a spec, planned once for all of its mutants."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec

    def contradicts_a_case(self, mutant: Spec) -> bool:
        """Tell whether a named case states another number than a mutant gives."""
        return any(self._contradicts(mutant, case, named) for case, named in self._named)

    def lacks_a_property(self, mutant: Spec) -> bool:
        """Tell whether a mutant lacks a property of the spec."""
        return any(_lacks(mutant, case) for case in self._planned)

    def differs(self, mutant: Spec) -> bool:
        """Tell whether a mutant is another function, at any of the sampled points."""
        for (parameters, inputs), known in zip(self._calls, self._known, strict=True):
            try:
                other = _evaluated(mutant, parameters, inputs, FLOAT32)
            except ValueError:
                return True
            if other.value.shape != known.value.shape or _surely_apart(known, other).any():
                return True
        return any(self._apart_in_balls(mutant, place) for place in range(len(self._calls)))

    @cached_property
    def _named(self) -> list[tuple[Case, NamedCase]]:
        found = []
        for named in self._spec.cases:
            format = FORMATS[named.dtypes[0]] if named.dtypes else FLOAT64
            case = next(one for one in named_cases(self._spec, format) if one.name == named.name)
            if case.expect is Expect.TRUTH and not self._spec.draws(case.effective):
                found.append((case, named))
        return found

    @cached_property
    def _planned(self) -> list[Case]:
        planned = cases(self._spec, Check.PROPERTIES, FLOAT32, SEED)
        return [one for one in planned if one.claimed and not self._spec.draws(one.effective)]

    @cached_property
    def _calls(self) -> list[tuple[Mapping[str, Value], Inputs]]:
        random = np.random.default_rng(SEED)
        found: list[tuple[Mapping[str, Value], Inputs]] = []
        for _, parameters in variations(self._spec):
            *_, (_, inputs) = samples(self._spec, parameters, FLOAT32, random)
            found.append((parameters, inputs))
            found.append((parameters, moderate(self._spec, parameters, (60, 7), FLOAT32, random)))
        for choice in reducing(self._spec):
            found += [(choice, moderate(self._spec, choice, (10, 10), FLOAT32, random))]
        found += [(case.effective, dict(case.inputs)) for case, _ in self._named]
        return found

    @cached_property
    def _known(self) -> list[_Value]:
        return [_evaluated(self._spec, *call, FLOAT32) for call in self._calls]

    def _contradicts(self, mutant: Spec, case: Case, named: NamedCase) -> bool:
        if isinstance(named.expect, Special):
            return False
        try:
            arranged = arrange(mutant, case.effective, case.inputs)
            got = _evaluated(mutant, case.effective, case.inputs, case.format)
        except ValueError:
            return True
        laid, spread = arranged.layout, arranged.meant.output
        for nested in named.expect:
            stated = numbers(nested, case.effective, case.format)
            if stated.shape != laid.shape_of(spread):
                continue
            rows = laid.to_rows(stated, spread)
            slack = ROUNDING * np.abs(rows) + VANISHING
            if named.dtypes:  # what is stated is rounded
                slack = slack + case.format.ulp(rows)
            if named.digits is not None:
                slack = slack + 0.5 * 10.0**-named.digits
            if not _apart(got.value, rows, got.error + slack).any():
                return False
        return True

    def _apart_in_balls(self, mutant: Spec, place: int) -> bool:
        """Tell whether exact values differ at some of the points that float64 leaves open."""
        parameters, inputs = self._calls[place]
        mine, theirs = (_oracle(spec, parameters, inputs, FLOAT32) for spec in (self._spec, mutant))
        known = self._known[place]
        rows = np.flatnonzero(known.finite)
        if mine.mixes_rows or theirs.mixes_rows:
            rows = np.arange(len(known.value)) if known.finite.all() else rows[:0]
        elif rows.size:
            rows = rows[:: -(-len(rows) * mine.columns // CLOSE)]
        if not rows.size:
            return False
        pair = np.broadcast_arrays(mine.balls(rows, BITS), theirs.balls(rows, BITS))
        return any(
            one.is_finite() and other.is_finite() and not one.overlaps(other)
            for one, other in zip(*(part.ravel() for part in pair), strict=True)
        )


def _lacks(mutant: Spec, case: Case) -> bool:
    try:
        standard = Standard(mutant, case)
        first = None if case.earlier is None else _said(Standard(mutant, case.earlier))
        found = breach(standard, _said(standard), first, Leeway(_room))
    except (UndecidedError, ValueError):
        return False
    return found is not None and bool(found.bad.any())


def _said(standard: Standard) -> Array:
    """Return what the formula gives in float64; rounded, where a range is what is asked."""
    value = standard.oracle.ieee
    asked = standard.case.claimed
    if asked is not None and isinstance(asked.claim, Range):
        value = standard.case.format.round(value)
    return standard.layout.from_rows(value, standard.spread)


def _room(standard: Standard) -> Array:
    truth, format = standard.oracle.fast, standard.case.format
    with np.errstate(all="ignore"):
        room = truth.bound * format.ulp(truth.value) + np.abs(truth.value) * ROUNDING
    return np.where(np.isfinite(truth.value), room, np.inf)


def _oracle(
    spec: Spec, parameters: Mapping[str, Value], inputs: Mapping[str, Array], format: Format
) -> Oracle:
    arranged = arrange(spec, parameters, inputs)
    meant, laid = arranged.meant, arranged.layout
    return Oracle(meant.value, arranged.rows, laid.rows, laid.columns, meant.output, format)


def _evaluated(
    spec: Spec, parameters: Mapping[str, Value], inputs: Mapping[str, Array], format: Format
) -> _Value:
    oracle = _oracle(spec, parameters, inputs, format)
    arithmetic = BoundedFloat64(oracle.rows, oracle.columns, pessimistic(), format)
    names = {key: arithmetic.exact(value) for key, value in oracle.inputs.items()}
    found = evaluate(oracle.tree, arithmetic, names)
    finite = np.ones(oracle.rows, bool)
    for value in oracle.inputs.values():
        finite &= np.isfinite(value).all(axis=1)
    if oracle.mixes_rows or not oracle.spread.rows:
        finite = np.full(oracle.shape[0], finite.all())
    full = [np.broadcast_to(part, oracle.shape) for part in (found.value, found.error)]
    return _Value(full[0], full[1], finite)


def _surely_apart(one: _Value, other: _Value) -> Array:
    """Mark what float64 proves to be different; at finite inputs, it may have overflowed."""
    apart = _apart(one.value, other.value, one.error + other.error)
    both = np.isfinite(one.value) & np.isfinite(other.value)
    return np.asarray(apart & (both | ~one.finite[:, None]))


def _apart(one: Array, other: Array, allowed: Array) -> Array:
    with np.errstate(all="ignore"):
        different = (one != other) & ~(np.abs(one - other) <= allowed)
    nan = np.isnan(one) & np.isnan(other)
    unknown = ~np.isfinite(allowed) & np.isfinite(one) & np.isfinite(other)
    return np.asarray(different & ~nan & ~unknown)


def total(found: Sequence[Score]) -> float:
    """Return the share of the mutants that was noticed, of all that differ."""
    counted = sum(one.counted for one in found)
    return sum(one.caught for one in found) / counted if counted else 1.0


def page(found: Sequence[Score]) -> Iterator[str]:
    """Yield the lines of a table of scores, and every survivor."""
    yield "| function | mutants | equal | caught by cases | by properties | survivors |"
    yield "|---|--:|--:|--:|--:|--:|"
    for one in found:
        everything = one.counted + len(one.equal)
        cells = (everything, len(one.equal), one.by_cases, one.by_properties, len(one.survivors))
        yield f"| {one.function} | {' | '.join(map(str, cells))} |"
    for title, which in (("Survivors", "survivors"), ("Equal", "equal")):
        yield ""
        yield f"### {title}"
        yield ""
        for one in found:
            yield from (f"* `{one.function}`, {_line(mutant)}" for mutant in getattr(one, which))


def _line(mutant: Mutant) -> str:
    return f"{mutant.part}: `{mutant.before}` → `{mutant.after}`"
