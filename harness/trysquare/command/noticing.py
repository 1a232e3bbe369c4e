"""Who notices that a spec computes something else: a named case, a property, anybody at all?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import flint
import numpy as np

from trysquare.command.agreement import ROUNDINGS
from trysquare.dtypes import FLOAT32, FLOAT64, FORMATS, Array, Format
from trysquare.errors import UndecidedError
from trysquare.formula.ball import Ball, balls, precision
from trysquare.formula.bounded import BoundedFloat64
from trysquare.formula.evaluate import evaluate
from trysquare.formula.primitives import pessimistic
from trysquare.formula.tree import Node
from trysquare.planning.cases import Case, Expect, named_cases, numbers
from trysquare.planning.checks import cases
from trysquare.planning.inputs import Inputs, moderate, samples
from trysquare.planning.variations import reducing, variations
from trysquare.result import SEED, Check
from trysquare.spec import NamedCase, Nested, Range, Selected, Spec, Special, Value
from trysquare.truth.arrangement import arrange
from trysquare.truth.meaning import meaning
from trysquare.truth.oracle import Oracle
from trysquare.verdict.properties import Leeway, breach
from trysquare.verdict.standard import Standard

ROUNDING = 1e-9
"""What a property forgives of a value, beside what float64 may have lost."""

BITS = 400
"""Precision at which two formulas are told apart."""

CLOSE = 400
"""Numbers at which two formulas are compared with so many bits."""

SEEN = flint.arb(2) ** -100
"""The relative difference that counts: no format, and no proof of a rounding, sees a smaller one.

A fraction or a series that does not end has to be cut somewhere.
"""


class Court:
    """The cases, properties and sampled calls of a spec, planned once for all of its mutants."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._mutant = spec
        self._trees: dict[object, Node] = {}

    def contradicts_a_case(self, mutant: Spec) -> bool:
        """Tell whether a named case states another number than a mutant gives."""
        for place, (call, named) in enumerate(self._named):
            tree = self._changed(mutant, call.parameters)
            if tree is not None and call.contradicts(tree, named):
                # the mutants of one part are often noticed by the same case
                self._named.insert(0, self._named.pop(place))
                return True
        return False

    def contradicts_digits(self, mutant: Spec) -> bool:
        """Tell whether a case states a number exactly, and a mutant differs where float64 ends."""
        return any(
            (tree := self._changed(mutant, call.parameters)) is not None
            and _differ(stated, call.exact(tree))
            for call, stated in self._stated
        )

    def lacks_a_property(self, mutant: Spec) -> bool:
        """Tell whether a mutant lacks a property of the spec."""
        for case in self._planned:
            asked = [case] if case.earlier is None else [case.earlier, case]
            changed = [self._changed(mutant, one.effective) for one in asked]
            if any(tree is not None for tree in changed) and _lacks(mutant, case):
                return True
        return False

    def differs(self, mutant: Spec) -> bool:
        """Tell whether a mutant is another function, at any of the sampled points."""
        touched = [
            (place, tree)
            for place, call in enumerate(self._calls)
            if (tree := self._changed(mutant, call.parameters)) is not None
        ]
        return any(
            self._calls[place].apart(self._known[place], tree) for place, tree in touched
        ) or any(
            _differ(self._close[place][1], self._calls[place].balls(tree, self._close[place][0]))
            for place, tree in touched
        )

    def _changed(self, mutant: Spec, parameters: Mapping[str, Value]) -> Node | None:
        """Return what a mutant computes with these parameters; None where it is the spec there."""
        if mutant is not self._mutant:
            self._mutant, self._trees = mutant, {}
        chosen = {**self._spec.defaults, **parameters}
        if not any(
            one is not other and one.pick(chosen).tree != other.pick(chosen).tree
            for one, other in zip(_parts(self._spec), _parts(mutant), strict=True)
        ):
            return None
        key = tuple(chosen.items())
        if key not in self._trees:
            self._trees[key] = meaning(mutant, chosen).value
        return self._trees[key]

    @cached_property
    def _cases(self) -> list[tuple[Case, NamedCase]]:
        found = []
        for named in self._spec.cases:
            format = FORMATS[named.dtypes[0]] if named.dtypes else FLOAT64
            case = next(one for one in named_cases(self._spec, format) if one.name == named.name)
            if case.expect is Expect.TRUTH and not self._spec.draws(case.effective):
                found.append((case, named))
        return found

    @cached_property
    def _named(self) -> list[tuple[_Call, NamedCase]]:
        return [
            (_Call(self._spec, case.effective, case.inputs, case.format), named)
            for case, named in self._cases
            if not isinstance(named.expect, Special)
        ]

    @cached_property
    def _stated(self) -> list[tuple[_Call, Array]]:
        """The cases whose numbers are exact, or have more digits than anybody sees."""
        found = []
        for call, named in self._named:
            exact = named.digits is None and not named.dtypes and call.finite.all()
            if not exact or isinstance(named.expect, Special) or len(named.expect) > 1:
                continue
            stated = call.rows_of(_balls_of(named.expect[0], call))
            if stated is None or not stated.size:
                continue
            if not _differ(stated, call.exact(call.arranged.meant.value)):
                found.append((call, stated))
        return found

    @cached_property
    def _planned(self) -> list[Case]:
        planned = cases(self._spec, Check.PROPERTIES, FLOAT32, SEED)
        return [one for one in planned if one.claimed and not self._spec.draws(one.effective)]

    @cached_property
    def _calls(self) -> list[_Call]:
        return [_Call(self._spec, *call, FLOAT32) for call in self._sampled()]

    def _sampled(self) -> Iterator[tuple[Mapping[str, Value], Inputs]]:
        random = np.random.default_rng(SEED)
        for _, parameters in variations(self._spec):
            *_, (_, inputs) = samples(self._spec, parameters, FLOAT32, random)
            yield parameters, inputs
            yield parameters, moderate(self._spec, parameters, (60, 7), FLOAT32, random)
        for choice in reducing(self._spec):
            yield choice, moderate(self._spec, choice, (10, 10), FLOAT32, random)
        for case, _ in self._cases:
            yield case.effective, dict(case.inputs)

    @cached_property
    def _known(self) -> list[_Value]:
        return [call.bounded(call.arranged.meant.value) for call in self._calls]

    @cached_property
    def _close(self) -> list[tuple[Array, Array]]:
        """For each call some rows, and their exact values."""
        found = []
        for call in self._calls:
            rows = call.close
            found.append((rows, call.balls(call.arranged.meant.value, rows)))
        return found


def _parts(spec: Spec) -> list[Selected]:
    return [spec.formula, *spec.where.values(), *([] if spec.reduce is None else [spec.reduce])]


@dataclass(frozen=True)
class _Value:
    """What a formula gives in float64, and how far off."""

    value: Array
    error: Array


class _Call:
    """A call of a spec, laid out once for all of its mutants."""

    def __init__(
        self, spec: Spec, parameters: Mapping[str, Value], inputs: Inputs, format: Format
    ) -> None:
        self.arranged = arrange(spec, parameters, inputs)
        self.parameters, self.format = self.arranged.meant.parameters, format
        self._spread = self.arranged.meant.output
        self._truth = self._oracle(self.arranged.meant.value)

    def rows_of(self, stated: Array) -> Array | None:
        """Return a tensor that is stated as rows; None if it is not shaped like the answer."""
        laid = self.arranged.layout
        if stated.shape != laid.shape_of(self._spread):
            return None
        return laid.to_rows(stated, self._spread)

    def contradicts(self, tree: Node, named: NamedCase) -> bool:
        """Tell whether a tree gives none of the numbers that a case states."""
        allowed = [(rows, _slack(rows, named, self.format)) for rows in self._answers(named)]
        plain = self._oracle(tree).ieee
        if any(not _apart(plain, rows, slack).any() for rows, slack in allowed):
            return False
        got = self.bounded(tree)
        return all(_apart(got.value, rows, got.error + slack).any() for rows, slack in allowed)

    def _answers(self, named: NamedCase) -> Iterator[Array]:
        for nested in named.expect:
            rows = self.rows_of(numbers(nested, self.parameters, self.format))
            if rows is not None:
                yield rows

    def apart(self, known: _Value, tree: Node) -> bool:
        """Tell whether float64 proves that a tree gives something else than is known.

        At finite inputs, it may have overflowed.
        """
        other = self.bounded(tree)
        apart = _apart(known.value, other.value, known.error + other.error)
        both = np.isfinite(known.value) & np.isfinite(other.value)
        return bool((apart & (both | ~self.finite[:, None])).any())

    def bounded(self, tree: Node) -> _Value:
        """Return the value of a tree, with its bound."""
        rows, columns = self._truth.rows, self._truth.columns
        arithmetic = BoundedFloat64(rows, columns, pessimistic(), self.format)
        names = {key: arithmetic.exact(value) for key, value in self.arranged.rows.items()}
        found = evaluate(tree, arithmetic, names)
        shape = self._truth.shape
        return _Value(np.broadcast_to(found.value, shape), np.broadcast_to(found.error, shape))

    def exact(self, tree: Node) -> Array:
        """Return all rows of a tree as balls."""
        return self.balls(tree, np.arange(self._truth.shape[0]))

    def balls(self, tree: Node, rows: Array) -> Array:
        """Return some rows of a tree as balls."""
        if not rows.size:
            return np.zeros((0, self._truth.shape[1]), object)
        return self._oracle(tree).balls(rows, BITS)

    @cached_property
    def close(self) -> Array:
        """Some rows that are worth many bits."""
        rows = np.flatnonzero(self.finite)
        if self._truth.mixes_rows:
            return rows if self.finite.all() else rows[:0]
        return rows[:: max(-(-len(rows) * self._truth.columns // CLOSE), 1)]

    @cached_property
    def finite(self) -> Array:
        """Which rows of the answer follow from finite inputs alone."""
        finite = np.ones(self._truth.rows, bool)
        for value in self.arranged.rows.values():
            finite &= np.isfinite(value).all(axis=1)
        if self._truth.mixes_rows or not self._spread.rows:
            finite = np.full(self._truth.shape[0], finite.all())
        return finite

    def _oracle(self, tree: Node) -> Oracle:
        laid = self.arranged.layout
        rows = self.arranged.rows
        return Oracle(tree, rows, laid.rows, laid.columns, self._spread, self.format)


def _slack(stated: Array, named: NamedCase, format: Format) -> Array:
    """Return how far off a number may be as it is stated: nothing, of an infinity."""
    slack = (ROUNDINGS + 1) * FLOAT64.ulp(stated)
    if named.dtypes:  # what is stated is rounded
        slack = slack + format.ulp(stated)
    if named.digits is not None:
        slack = slack + 0.5 * 10.0**-named.digits
    return np.where(np.isfinite(stated), slack, 0.0)


def _apart(one: Array, other: Array, allowed: Array) -> Array:
    with np.errstate(all="ignore"):
        different = (one != other) & ~(np.abs(one - other) <= allowed)
    different |= np.isinf(one) & (one == -other)
    nan = np.isnan(one) & np.isnan(other)
    unknown = ~np.isfinite(allowed) & np.isfinite(one) & np.isfinite(other)
    return np.asarray(different & ~nan & ~unknown)


def _balls_of(nested: Nested, call: _Call) -> Array:
    """Return the numbers that a case states as balls: decimals are exact."""
    names = {
        key: balls(np.full((1, 1), float(value)))
        for key, value in call.parameters.items()
        if isinstance(value, int | float)
    }

    def value(part: Nested) -> Any:
        if isinstance(part, tuple):
            return [value(item) for item in part]
        if isinstance(part, Node):
            return evaluate(part, Ball(1, 1, call.format), names)[0, 0]
        raise TypeError(f"{part!r} is the text of a choice, not a number")

    with precision(BITS):
        return np.array(value(nested), object)


def _differ(one: Array, other: Array) -> bool:
    """Tell whether balls are apart by more than anybody sees; no number proves nothing."""

    def apart(a: flint.arb, b: flint.arb) -> bool:
        return a.is_finite() and b.is_finite() and bool(abs(a - b) > SEEN * abs(a))

    with precision(BITS):
        return bool(np.any(np.frompyfunc(apart, 2, 1)(one, other)))


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
