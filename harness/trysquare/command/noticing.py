"""Who notices that a spec computes something else: a named case, a property, anybody at all?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

import numpy as np

from trysquare.command.trial import Estimate, Trial, differ, stated_balls
from trysquare.dtypes import FLOAT32, FLOAT64, FORMATS, Array
from trysquare.errors import UndecidedError
from trysquare.formula.tree import Node
from trysquare.planning.cases import Case, Expect, named_cases
from trysquare.planning.checks import cases
from trysquare.planning.inputs import Inputs, moderate, samples
from trysquare.planning.variations import reducing, variations
from trysquare.result import SEED, Check
from trysquare.spec import NamedCase, Range, Selected, Spec, Special, Value
from trysquare.truth.meaning import meaning
from trysquare.verdict.properties import Leeway, breach
from trysquare.verdict.standard import Standard

ROUNDING = 1e-9
"""What a property forgives of a value, beside what float64 may have lost."""


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
            and differ(stated, call.exact(tree))
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
            differ(self._close[place][1], self._calls[place].balls(tree, self._close[place][0]))
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
    def _named(self) -> list[tuple[Trial, NamedCase]]:
        return [
            (Trial(self._spec, case.effective, case.inputs, case.format), named)
            for case, named in self._cases
            if not isinstance(named.expect, Special)
        ]

    @cached_property
    def _stated(self) -> list[tuple[Trial, Array]]:
        """The cases whose numbers are exact, or have more digits than anybody sees."""
        found = []
        for call, named in self._named:
            exact = named.digits is None and not named.dtypes and call.finite.all()
            if not exact or isinstance(named.expect, Special) or len(named.expect) > 1:
                continue
            stated = call.rows_of(stated_balls(named.expect[0], call))
            if stated is None or not stated.size:
                continue
            if not differ(stated, call.exact(call.arranged.meant.value)):
                found.append((call, stated))
        return found

    @cached_property
    def _planned(self) -> list[Case]:
        planned = cases(self._spec, Check.PROPERTIES, FLOAT32, SEED)
        return [one for one in planned if one.claimed and not self._spec.draws(one.effective)]

    @cached_property
    def _calls(self) -> list[Trial]:
        return [Trial(self._spec, *call, FLOAT32) for call in self._sampled()]

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
    def _known(self) -> list[Estimate]:
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
