"""Calls that have to be refused: silence, a wrapped index or a crash is no answer to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from trysquare.backend import Want
from trysquare.dtypes import Array, Format
from trysquare.planning.cases import Case, Expect
from trysquare.planning.inputs import Inputs, moderate, required
from trysquare.planning.settling import Generator, floats
from trysquare.result import Check
from trysquare.spec import (
    Extent,
    Input,
    InputKind,
    Parameter,
    ParameterKind,
    Spec,
    Value,
)
from trysquare.truth.domain import violations

NUMBERS = (-1.0, 0.0, 2.0, -0.5, 1.5, 3.0)
"""Values of a parameter, of which those outside its domain have to be refused."""

MOST = 2
"""So many wrong values of one parameter are tried."""

NOBODY = "no such choice"
"""What no choice is called."""

HUGE = 2**40
"""A position that does not even fit into 32 bits."""

Parameters = Mapping[str, Value]


def cases(spec: Spec, format: Format, random: Generator, plain: Parameters) -> Iterator[Case]:
    """Yield calls that are to be refused, for the value and again for a gradient.

    The last ones are calls that look wrong and are promised: an optional input that is one number.
    """
    maker = Refusals(spec, format, random, plain)
    for wrong in (*maker.parameters(), *maker.shapes(), *maker.positions()):
        yield wrong
        first = next(maker.derived(wrong), None)
        if first is not None:
            name = f"d {first.name}, {wrong.name}"
            yield replace(wrong, name=name, want=Want.GRADIENT, wrt=first.name)
    yield from maker.promised()


def can_be_wrong(spec: Spec) -> bool:
    """Return whether a call can be wrong in more than its dtype."""
    bounded = any(item.domain is not None or item.choices for item in spec.parameters)
    return bounded or spec.axis is not None or len(spec.inputs) > 1


@dataclass(frozen=True)
class Refusals:
    """Makes the calls of one function; `plain` are parameters that do not reduce."""

    spec: Spec
    format: Format
    random: Generator
    plain: Parameters

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of an ordinary call: two dimensions, neither of which is one."""
        return (4, 3)

    @property
    def effective(self) -> dict[str, Value]:
        """All parameters that hold."""
        return {**self.spec.defaults, **self.plain}

    def parameters(self) -> Iterator[Case]:
        """Yield values outside a domain, unknown choices, and axes that do not exist."""
        inputs = self._some(self.shape)
        for item in self.spec.parameters:
            for value in self._wrong(item, inputs):
                yield self._case(f"{item.name} {value}", inputs, {item.name: value})

    def shapes(self) -> Iterator[Case]:
        """Yield inputs that do not fit together, and some that only broadcasting makes fit."""
        _, *others = self._required(Extent.ELEMENT)
        whole = self._some(self.shape)
        for item in others:
            for shape, other in (((2, 3), (4,)), ((4, 3), (3,)), ((4, 1), (4,))):
                if self.spec.axis is None:
                    inputs = {**self._some(shape), item.name: self._some(other)[item.name]}
                    yield self._case(f"{item.name} {list(other)} for {list(shape)}", inputs)
            if self.spec.axis is not None:
                longer = self._some((4, 5))[item.name]
                yield self._case(f"{item.name} [4, 5] for [4, 3]", {**whole, item.name: longer})
        for item in self.spec.inputs:
            extent = item.form(self.effective).extent
            if extent is Extent.ELEMENT:
                continue
            more = moderate(self.spec, self.plain, (6, 5), self.format, self.random)[item.name]
            inputs = {**whole, item.name: more}
            yield self._case(f"{item.name} {list(more.shape)} for [4, 3]", inputs)

    def positions(self) -> Iterator[Case]:
        """Yield index inputs that point beyond their row."""
        for item in self.spec.inputs:
            if item.form(self.effective).kind is not InputKind.INDEX:
                continue
            for wrong in (self.shape[1], -1, HUGE, -(HUGE - 1)):
                if wrong in self.spec.defaults.values():
                    continue  # it may mark what is to be ignored
                inputs = self._some(self.shape)
                places: Array = np.array(inputs[item.name])
                places.reshape(-1)[1] = wrong
                yield self._case(f"{item.name} {wrong} of 3", {**inputs, item.name: places})

    def promised(self) -> Iterator[Case]:
        """Yield a single number for each optional input that there is one of for each element."""
        for item in floats(self.spec, self.effective, Extent.ELEMENT):
            if item.default is not None:
                one = self.format.cast(np.array(0.75))
                case = self._case(f"one {item.name} for all", self._some(self.shape))
                inputs = {**case.inputs, item.name: one}
                yield replace(case, inputs=inputs, expect=Expect.TRUTH)

    def derived(self, case: Case) -> Iterator[Input]:
        """Yield the inputs whose gradient can be asked for."""
        for item in floats(self.spec, self.effective, Extent.ELEMENT):
            if item.differentiable and item.name in case.inputs:
                yield item

    def _wrong(self, item: Parameter, inputs: Inputs) -> list[Value]:
        if item.name == self.spec.axis:
            return [len(self.shape), -len(self.shape) - 1]
        if item.kind is ParameterKind.CHOICE:
            return [NOBODY]
        if item.domain is None:
            return []
        kind: Any = int if item.kind is ParameterKind.INTEGER else float
        values = [kind(number) for number in NUMBERS if kind(number) == number]
        return [value for value in values if self._outside({item.name: value}, inputs)][:MOST]

    def _outside(self, changed: Parameters, inputs: Inputs) -> bool:
        return any(True for _ in violations(self.spec, {**self.effective, **changed}, inputs))

    def _required(self, extent: Extent) -> list[Input]:
        found = floats(self.spec, self.effective, extent)
        return [item for item in found if item.default is None]

    def _some(self, shape: tuple[int, ...]) -> Inputs:
        drawn = moderate(self.spec, self.plain, shape, self.format, self.random)
        return required(self.spec, drawn)

    def _case(self, name: str, inputs: Inputs, changed: Parameters | None = None) -> Case:
        effective = {**self.effective, **(changed or {})}
        return Case(
            name,
            Check.ERRORS,
            self.spec.function,
            self.format,
            self.spec.place,
            inputs,
            effective,
            effective,
            expect=Expect.ERROR,
        )
