"""Where a function ends: slopes at infinities, at joints, and parameters at their ends.

The values at infinities, and both at finite numbers of every size, are asked by other checks. The
slope at NaN is nobody's promise, and is not asked.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from trysquare.backend import Want
from trysquare.dtypes import FLOAT32, Array, Format
from trysquare.formula.evaluate import evaluate
from trysquare.formula.float64 import Float64
from trysquare.formula.tree import names
from trysquare.planning.cases import Case, has_infinite
from trysquare.planning.inputs import Inputs, moderate, required
from trysquare.planning.joints import joints
from trysquare.planning.sampling import near_constants, specials
from trysquare.planning.settling import Generator, floats, inside, pointwise, settled
from trysquare.planning.variations import variations
from trysquare.result import Check
from trysquare.spec import Extent, Input, InputKind, Parameter, ParameterKind, Spec, Value
from trysquare.truth.domain import violations
from trysquare.truth.layout import layout
from trysquare.truth.meaning import Meaning, meaning

ORDINARY = 4
"""Ordinary points, of which one number at a time is replaced."""

BESIDE = 2.0
"""The size of the numbers that meet an infinite parameter, at most; its reciprocal, at least."""

MOST = 256
"""Points next to joints, at most."""

Parameters = Mapping[str, Value]


def cases(spec: Spec, format: Format, random: Generator, plain: Parameters) -> Iterator[Case]:
    """Yield the calls; `plain` are parameters that do not reduce."""
    calls = Ends(spec, format, random, plain)
    words = [item.name for item in spec.parameters if item.choices]
    for label, parameters in variations(spec):
        changed = parameters.keys() - plain.keys()
        if pointwise(meaning(spec, parameters).terms):
            yield from calls.beyond(label, parameters)
            yield from calls.at_joints(label, parameters)
        elif not changed - set(words):
            yield from calls.in_rows(label, parameters)
    for label, parameters in calls.extremes():
        yield from calls.at_extreme(label, parameters)


def ends(spec: Spec) -> bool:
    """Whether there is anything to ask: not where all ends are those of domains."""
    plain = next(variations(spec))[1]
    return any(True for _ in cases(spec, FLOAT32, np.random.default_rng(0), plain))


@dataclass(frozen=True)
class Ends:
    """Makes the calls of one function in one dtype."""

    spec: Spec
    format: Format
    random: Generator
    plain: Parameters

    def beyond(self, label: str, parameters: Parameters) -> Iterator[Case]:
        """Yield gradients where one number is infinite."""
        inputs = self._replaced(parameters, (math.inf, -math.inf))
        yield from self._slopes(f"infinite{label}", parameters, inputs)

    def in_rows(self, label: str, parameters: Parameters) -> Iterator[Case]:
        """Yield values and gradients of rows in which one number stands out."""
        largest, meant = self.format.largest, meaning(self.spec, parameters)
        first, *others = self._elements(parameters)
        for number in (math.inf, -math.inf, largest, -largest):
            inputs = moderate(self.spec, parameters, (4, 3), self.format, self.random)
            if not self._allows(first, parameters, number):
                continue
            # near each other, so that nothing but the one that stands out makes a row difficult
            even = np.array(self.random.uniform(-0.5, 0.5, inputs[first.name].shape))
            spoiled = self.format.cast(even) if first.domain is None else inputs[first.name]
            np.fill_diagonal(spoiled, number)  # one in each row, but for the last
            for item in others:  # what follows the first input may have to be a distribution
                if item.domain is None:
                    shares = self.random.dirichlet(np.ones(3), 4)
                    inputs[item.name] = self.format.cast(shares)
            for item in self.spec.inputs:
                if item.form(meant.parameters).kind is InputKind.INDEX:
                    inputs[item.name] = np.clip(inputs[item.name], 0, 2)  # nothing is ignored
            call = required(self.spec, {**inputs, first.name: spoiled})
            words = f"{first.name} {_word(number, largest)}{label}"
            yield self._case(words, parameters, call)
            yield from self._slopes(words, parameters, call)

    def at_joints(self, label: str, parameters: Parameters) -> Iterator[Case]:
        """Yield value and gradients on both sides of each joint that no constant shows."""
        points = np.concatenate(list(self._joints(meaning(self.spec, parameters))))
        if len(points) > MOST:
            points = points[np.sort(self.random.choice(len(points), MOST, replace=False))]
        if len(points):
            inputs = self._inputs(parameters, points)
            yield self._case(f"joints{label}", parameters, inputs)
            yield from self._slopes(f"joints{label}", parameters, inputs)

    def extremes(self) -> Iterator[tuple[str, dict[str, Value]]]:
        """Yield parameters at zero, turned around, huge and infinite, where that is allowed.

        What does not change the formula is not asked again.
        """
        huge, usual = self.format.largest / 2, meaning(self.spec, self.plain).terms
        probe = required(
            self.spec, moderate(self.spec, self.plain, (4, 3), self.format, self.random)
        )
        for item in self.spec.parameters:
            if not self._scales(item):
                continue
            default = float(item.default)
            turned = -default if default and math.isfinite(default) else -1.0
            for value in (0.0, turned, huge, -huge, math.inf, -math.inf):
                changed = {**self.plain, item.name: value}
                known = value in (default, *item.also)
                if known or meaning(self.spec, changed).terms == usual:
                    continue
                if not any(violations(self.spec, changed, probe)):
                    yield f"{item.name} {_word(value, self.format.largest)}", changed

    def at_extreme(self, label: str, parameters: Parameters) -> Iterator[Case]:
        """Yield value and gradients at numbers of every size; of rows, at ordinary ones.

        Where a parameter is infinite, all else is of ordinary size: one limit at a time.
        """
        if pointwise(meaning(self.spec, parameters).terms):
            numbers = specials(self.format)
            numbers = numbers[np.isfinite(numbers)]
            if has_infinite(parameters):
                numbers = numbers[
                    (np.abs(numbers) <= BESIDE) & ((numbers == 0) | (np.abs(numbers) >= 1 / BESIDE))
                ]
            inputs = self._replaced(parameters, tuple(numbers.tolist()))
        else:
            drawn = moderate(self.spec, parameters, (4, 3), self.format, self.random)
            inputs = required(self.spec, drawn)
        yield self._case(label, parameters, inputs)
        yield from self._slopes(label, parameters, inputs)

    def _scales(self, item: Parameter) -> bool:
        """Whether a parameter is a number of which there are larger and smaller ones."""
        return item.kind is ParameterKind.NUMBER and item.name != self.spec.axis

    def _replaced(self, parameters: Parameters, numbers: tuple[float, ...]) -> Inputs:
        """Return ordinary points, each with one of its numbers replaced by each of these."""
        meant, elements = meaning(self.spec, parameters), self._elements(parameters)
        draws = self.random.normal(0, 2, (64, len(elements)))
        draws = np.concatenate([draws, np.abs(draws), np.abs(draws) % 1])
        ordinary = settled(meant, elements, draws, self.format, self.random)
        ordinary = self.random.permutation(ordinary)[: ORDINARY if len(elements) > 1 else 1]
        points = np.repeat(ordinary, len(elements) * len(numbers), axis=0)
        places = np.tile(np.repeat(np.arange(len(elements)), len(numbers)), len(ordinary))
        values = np.tile(numbers, len(elements) * len(ordinary))
        points[np.arange(len(points)), places] = values
        keep = np.array(
            [
                self._allows(elements[place], parameters, value)
                for place, value in zip(places, values, strict=True)
            ],
            bool,
        )
        return self._inputs(parameters, points[keep])

    def _joints(self, meant: Meaning) -> Iterator[Array]:
        elements = self._elements(meant.parameters)
        yield np.empty((0, len(elements)))
        near = near_constants(self.format, meant.terms)
        pool = specials(self.format)
        pool = np.unique(self.format.round(np.concatenate([pool, near])))
        pool = pool[np.isfinite(pool)]
        draws = self.random.normal(0, 2, (64, len(elements)))
        others = settled(meant, elements, draws, self.format, self.random)[:ORDINARY]
        absent = {
            item.name: np.full((1, 1), 0.5)
            if item.default is None
            else evaluate(item.default.tree, Float64(1, 1), {})
            for item in self.spec.inputs
            if item not in elements
        }
        for place, item in enumerate(elements):
            for fixed in others if len(elements) > 1 else others[:1]:
                given = {one.name: x.reshape(1, 1) for one, x in zip(elements, fixed, strict=True)}
                found = joints(self.format, meant.terms, item.name, {**absent, **given}, pool)
                found = found[~np.isin(found, near)]
                points = np.repeat(fixed[None], len(found), axis=0)
                points[:, place] = found
                columns = {one.name: points[:, [at]] for at, one in enumerate(elements)}
                arithmetic = Float64(len(points), 1, self.format)
                values = evaluate(meant.terms, arithmetic, {**absent, **columns})
                defined = np.broadcast_to(~np.isnan(values), (len(points), 1))[:, 0]
                yield inside(meant, elements, points[defined], self.format)

    def _inputs(self, parameters: Parameters, points: Array) -> Inputs:
        """Return points as the tensors of a call; a function of positions gets three of them."""
        elements = self._elements(parameters)
        inputs = {
            item.name: self.format.cast(points[:, place]) for place, item in enumerate(elements)
        }
        if self.spec.axis is None:
            return inputs
        wide = {name: np.repeat(array[:, None], 3, axis=1) for name, array in inputs.items()}
        for item in floats(self.spec, {**self.spec.defaults, **parameters}, Extent.POSITION):
            if item.default is None:
                wide[item.name] = self.format.cast(self.random.uniform(0.25, 2, 3))
        return wide

    def _elements(self, parameters: Parameters) -> list[Input]:
        """Return the required inputs that have a float for each element."""
        found = floats(self.spec, {**self.spec.defaults, **parameters}, Extent.ELEMENT)
        return [item for item in found if item.default is None]

    def _allows(self, item: Input, parameters: Parameters, number: float) -> bool:
        """Return whether an input can be this number."""
        if item.domain is None or set(names(item.domain.tree)) != {item.name}:
            return True
        meant, point = meaning(self.spec, parameters), np.array([[number]])
        return len(inside(meant, [item], point, self.format)) == 1

    def _case(self, name: str, parameters: Parameters, inputs: Inputs) -> Case:
        effective = {**self.spec.defaults, **parameters}
        return Case(
            name,
            Check.LIMITS,
            self.spec.function,
            self.format,
            self.spec.place,
            inputs,
            effective,
            effective,
        )

    def _slopes(self, name: str, parameters: Parameters, inputs: Inputs) -> Iterator[Case]:
        """Yield a call for the gradient of each input that has one for each element."""
        case = self._case(name, parameters, inputs)
        laid = layout(self.spec, case.effective, inputs)
        shape = laid.shape_of(meaning(self.spec, case.effective).output)
        if 0 in shape:
            return
        direction = self.format.cast(self.random.normal(0, 2, shape) + 0.25)
        for item in self._elements(parameters):
            if item.differentiable:
                yield replace(
                    case,
                    name=f"d {item.name}, {name}",
                    want=Want.GRADIENT,
                    wrt=item.name,
                    cotangent=direction,
                )


def _word(number: float, largest: float) -> str:
    """Return a number as it stands in the name of a case, whatever the format."""
    names = {largest: "largest", largest / 2: "half of the largest"}
    word = names.get(abs(number), str(abs(number)))
    return f"minus {word}" if number < 0 else word
