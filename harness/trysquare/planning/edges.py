"""Calls at their edges: too long for a format to count, empty, ignored, weightless, masked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from trysquare.backend import Want
from trysquare.dtypes import Format
from trysquare.formula.tree import Node, Op, Scope, names
from trysquare.planning.cases import Case, Expect
from trysquare.planning.inputs import Inputs, moderate, required
from trysquare.planning.settling import Generator, floats, inside, pointwise
from trysquare.result import Check
from trysquare.spec import Extent, Input, InputKind, ParameterKind, Spec, Value
from trysquare.truth.layout import layout
from trysquare.truth.meaning import meaning

LONG = 65_521
"""A count that is infinite in float16, where 65,504 is the largest number."""

BETWEEN = 1000
"""Elements of a call between two empty ones: what it leaves in memory must show nowhere."""

ENDS = (-1.0, 0.0, 1.0)
"""Numbers at which a domain may end."""

Parameters = Mapping[str, Value]


def cases(
    spec: Spec, format: Format, random: Generator, plain: Parameters, reduced: Sequence[Parameters]
) -> Iterator[Case]:
    """Yield the long calls in 16 bits, all others elsewhere; `plain` parameters do not reduce."""
    edges = Edges(spec, format, random, plain, tuple(reduced))
    if format.width == 16:
        yield from edges.long()
        return
    for choice in edges.choices:
        yield from edges.empty(choice)
        yield from edges.one_nan(choice)
        yield from edges.ignored(choice)
        yield from edges.weightless(choice)
        yield from edges.masked(choice)
        yield from edges.at_ends(choice)


def adds_up(spec: Spec) -> bool:
    """Return whether a call can be too long: something of the function is a sum of many numbers."""
    return spec.reduce is not None or spec.axis is not None


@dataclass(frozen=True)
class Edges:
    """Makes the calls of one function in one dtype."""

    spec: Spec
    format: Format
    random: Generator
    plain: Parameters
    reduced: tuple[Parameters, ...]

    @property
    def choices(self) -> tuple[Parameters, ...]:
        """Parameters that do not reduce, and all that do."""
        return self.plain, *self.reduced

    @property
    def small(self) -> tuple[int, ...]:
        """The shape of a small call."""
        return (7,) if self.spec.axis is None else (3, 4)

    def long(self) -> Iterator[Case]:
        """Yield reductions of more elements than float16 can count."""
        shape = (LONG,) if self.spec.axis is None else (LONG, 3)
        for choice in self.reduced:
            if self.spec.axis is not None and not self._usual(choice):
                continue  # the truth of many rows takes long
            inputs = self._some(shape, choice)
            most = 1 if self.spec.axis is None else 0
            yield from self._with_slopes(f"{LONG} of them", choice, inputs, most=most)
        if self.spec.axis is None:
            return
        if not pointwise(meaning(self.spec, self.plain).terms):
            yield self._case(f"a row of {LONG}", self.plain, self._some((1, LONG), self.plain))
        inputs = self._some(shape, self.plain)
        case = self._case(f"{LONG} rows", self.plain, inputs)
        for item in self._derived(self.plain, inputs, Extent.POSITION):
            yield self._slope(case, item)

    def empty(self, choice: Parameters) -> Iterator[Case]:
        """Yield calls without elements, more than once, and one with elements between them."""
        shapes = ((0,), (2, 0, 3)) if self.spec.axis is None else ((0, 3), (0, 3, 2))
        full = (BETWEEN,) if self.spec.axis is None else (BETWEEN, 3)
        for shape in shapes:
            size = " x ".join(map(str, shape))
            nothing = self._some(shape, choice)
            yield from self._with_slopes(f"nothing, {size}", choice, nothing, most=1)
            between = self._case(f"something after {size}", choice, self._some(full, choice))
            yield replace(between, expect=Expect.SAME)  # its numbers are no concern of this check
            yield self._case(f"nothing, {size}, again", choice, nothing)

    def one_nan(self, choice: Parameters) -> Iterator[Case]:
        """Yield calls in which one number is not one: it spoils its row, or the whole sum."""
        for item in self._elements(choice):
            inputs = self._some(self.small, choice)
            spoiled = np.array(inputs[item.name])
            spoiled[tuple(length // 2 for length in spoiled.shape)] = np.nan
            yield self._case(f"one NaN in {item.name}", choice, {**inputs, item.name: spoiled})

    def ignored(self, choice: Parameters) -> Iterator[Case]:
        """Yield calls of which everything, or a row that is not a number, is to be ignored."""
        sentinel = _sentinel(self.spec)
        if sentinel is None or self._form(sentinel[0], choice) is not InputKind.INDEX:
            return
        index, value = sentinel[0].name, self.spec.defaults[sentinel[1]]
        first = self._elements(choice)[0].name
        inputs = self._some((4, 3), choice)
        nothing = {**inputs, index: np.full_like(inputs[index], int(value))}
        # a mean of nothing has no gradient that anybody would agree on
        most = 0 if choice in self.reduced else 1
        yield from self._with_slopes("everything ignored", choice, nothing, most=most)
        some, numbers = np.array(inputs[index]), np.array(inputs[first])
        some[1], numbers[1] = int(value), np.nan
        part = {**inputs, index: some, first: numbers}
        yield from self._with_slopes("a row of NaN ignored", choice, part, most=1)

    def weightless(self, choice: Parameters) -> Iterator[Case]:
        """Yield calls in which an optional input is zero everywhere."""
        everything = moderate(self.spec, choice, self.small, self.format, self.random)
        for item in self.spec.inputs:
            if item.default is not None and self._form(item, choice) is InputKind.FLOAT:
                zeros = np.zeros_like(everything[item.name])
                given = {**self._some(self.small, choice), item.name: zeros}
                most = 0 if choice in self.reduced else 1
                yield from self._with_slopes(f"no {item.name} at all", choice, given, most=most)

    def masked(self, choice: Parameters) -> Iterator[Case]:
        """Yield rows whose first number is -inf, which nobody asks for, if a maximum is taken."""
        if not _takes_maximum(meaning(self.spec, choice).terms):
            return
        inputs = {name: np.array(array) for name, array in self._some((4, 3), choice).items()}
        first, *others = self._elements(choice)
        inputs[first.name][:, 0] = -np.inf
        for item in others:
            inputs[item.name][:, 0] = 0.0
        for item in self.spec.inputs:
            if self._form(item, choice) is InputKind.INDEX:
                inputs[item.name] = np.maximum(inputs[item.name], 1)
        yield from self._with_slopes("masked", choice, inputs, most=1)

    def at_ends(self, choice: Parameters) -> Iterator[Case]:
        """Yield every combination of the ends of the domains of all inputs."""
        elements = self._elements(choice)
        if self.spec.axis is not None or all(item.domain is None for item in elements):
            return
        points = np.array(list(product(*(self._ends(item, choice) for item in elements))))
        points = inside(meaning(self.spec, choice), elements, points, self.format)
        inputs = {
            item.name: self.format.cast(points[:, place]) for place, item in enumerate(elements)
        }
        most = 0 if choice in self.reduced else len(elements)
        yield from self._with_slopes("ends of domains", choice, inputs, most=most)

    def _ends(self, item: Input, choice: Parameters) -> list[float]:
        """Return the numbers of a domain next to which one is outside, else any two."""
        ends = []
        for end in ENDS:
            place = self.format.ordinal(np.array([end]))
            near = self.format.from_ordinal(place + np.array([-1, 0, 1]))
            below, here, above = (self._allows(item, choice, float(number)) for number in near)
            if here and not (below and above):
                ends.append(end)
        return ends or [0.5, 2.0]

    def _some(self, shape: tuple[int, ...], choice: Parameters) -> Inputs:
        """Return required inputs, none of them at an end of a domain with numbers between."""
        drawn = moderate(self.spec, choice, shape, self.format, self.random)
        inputs = required(self.spec, drawn)
        half = self.format.cast(np.array(0.5))
        for item in self._elements(choice):
            if item.domain is not None and self._allows(item, choice, float(half)):
                given = inputs[item.name]
                inputs[item.name] = np.where(np.isin(given, ENDS), half, given)
        return inputs

    def _allows(self, item: Input, choice: Parameters, number: float) -> bool:
        """Return whether a number is in a domain that depends on nothing else."""
        if item.domain is None or set(names(item.domain.tree)) != {item.name}:
            return True
        return (
            len(inside(meaning(self.spec, choice), [item], np.array([[number]]), self.format)) == 1
        )

    def _usual(self, choice: Parameters) -> bool:
        """Return whether the reduction of a choice is the default."""
        word = self.spec.reduce.parameter if self.spec.reduce is not None else None
        return word is None or choice[word] == self.spec.defaults[word]

    def _form(self, item: Input, choice: Parameters) -> InputKind:
        return item.form({**self.spec.defaults, **choice}).kind

    def _elements(self, choice: Parameters) -> list[Input]:
        """Return the required inputs that have a float for each element."""
        found = floats(self.spec, {**self.spec.defaults, **choice}, Extent.ELEMENT)
        return [item for item in found if item.default is None]

    def _case(self, name: str, choice: Parameters, inputs: Inputs) -> Case:
        spec, effective = self.spec, {**self.spec.defaults, **choice}
        changed = [] if choice == self.plain else [str(value) for value in choice.values()]
        return Case(
            ", ".join([name, *changed]),
            Check.EDGES,
            spec.function,
            self.format,
            spec.place,
            inputs,
            effective,
            effective,
        )

    def _with_slopes(
        self, name: str, choice: Parameters, inputs: Inputs, *, most: int
    ) -> Iterator[Case]:
        """Yield a call for the value, and for the gradients of at most so many inputs."""
        case = self._case(name, choice, inputs)
        yield case
        for item in self._derived(choice, inputs, Extent.ELEMENT)[:most]:
            yield self._slope(case, item)

    def _derived(self, choice: Parameters, inputs: Inputs, extent: Extent) -> list[Input]:
        found = floats(self.spec, {**self.spec.defaults, **choice}, extent)
        return [item for item in found if item.differentiable and item.name in inputs]

    def _slope(self, case: Case, item: Input) -> Case:
        laid = layout(self.spec, case.effective, case.inputs)
        shape = laid.shape_of(meaning(self.spec, case.effective).output)
        return replace(
            case,
            name=f"d {item.name}, {case.name}",
            want=Want.GRADIENT,
            wrt=item.name,
            cotangent=self.format.cast(np.ones(shape)),
        )


def _sentinel(spec: Spec) -> tuple[Input, str] | None:
    """Return the index input, and the whole number that marks what it does not point to."""
    marks = {item.name for item in spec.parameters if item.kind is ParameterKind.INTEGER}
    trees = [
        expression.tree
        for selected in (spec.formula, *spec.where.values())
        for expression in selected.options.values()
    ]
    for item in spec.inputs:
        for tree in trees:
            for pair in _equalities(tree):
                if item.name in pair and pair & marks:
                    return item, next(iter(pair & marks))
    return None


def _equalities(tree: Node) -> Iterator[set[str]]:
    """Yield the two names of every equality between names."""
    if tree.op is Op.EQUAL and all(argument.op is Op.NAME for argument in tree.args):
        yield {str(argument.value) for argument in tree.args}
    for argument in tree.args:
        yield from _equalities(argument)


def _takes_maximum(tree: Node) -> bool:
    """Return whether the largest number of a row is needed."""
    here = tree.op is Op.MAX and tree.value == Scope.ROW
    return here or any(_takes_maximum(argument) for argument in tree.args)
