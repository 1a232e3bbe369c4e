"""What is hunted: one quantity of a function, its coordinates, and points as calls."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from trysquare.backend import Want
from trysquare.dtypes import Array, Format
from trysquare.hunt.search import PER_CALL, Generator, Space
from trysquare.planning.cases import Case
from trysquare.planning.checks import choices
from trysquare.planning.inputs import axis_of, pointwise
from trysquare.planning.sampling import numbers
from trysquare.result import Check
from trysquare.spec import Extent, Input, InputKind, ParameterKind, Spec, Value
from trysquare.truth.arrangement import arrange
from trysquare.truth.domain import inside
from trysquare.truth.meaning import meaning

ROW_LENGTHS = (2, 3)
"""Lengths of the rows in which a function of rows is searched; sampled rows are as long."""

WIDEST_PARAMETER = 2.0**16
"""Parameters are searched from this magnitude down to its inverse, and at zero."""

ORDINARY = 8.0
"""Numbers of ordinary size are between 2^-8 and 2^8."""

BATCHES = 32
"""Calls to begin with at most, where the points of one call share parameters."""


class Kind(StrEnum):
    """What a coordinate is."""

    FLOAT = "float"
    INDEX = "index"
    PARAMETER = "parameter"


@dataclass(frozen=True)
class Coordinate:
    """One number of a point: an ordinal of the format, or an index; a row has several.

    `shared` says that all points of one call have it in common.
    """

    name: str
    kind: Kind
    low: int
    high: int
    shared: bool = False


@dataclass(frozen=True)
class Subject:
    """A function with choices made, in a dtype: its value, or the derivative by `wrt`.

    `length` is that of a row, 1 where every element stands alone. `searched` are the parameters
    that are coordinates too.
    """

    spec: Spec
    format: Format
    settings: Mapping[str, Value]
    wrt: str
    length: int
    searched: tuple[str, ...]

    @property
    def label(self) -> str:
        """What tells it from other subjects of the same function and dtype."""
        changed = (
            f", {name} {value}"
            for name, value in self.settings.items()
            if value != self.spec.defaults[name] and name != _reduction(self.spec)
        )
        return "".join(
            [
                f", d {self.wrt}" if self.wrt else "",
                *changed,
                f", rows of {self.length}" if self.length > 1 else "",
                f", any {' and '.join(self.searched)}" if self.searched else "",
            ]
        )

    @property
    def coordinates(self) -> tuple[Coordinate, ...]:
        """The coordinates of a point, in their order."""
        top = self._ordinal(self.format.largest)
        found: list[Coordinate] = []
        for item in _required(self.spec):
            form = item.form(self._effective)
            whole = form.kind is InputKind.INDEX
            kind = Kind.INDEX if whole else Kind.FLOAT
            ends = (0, self.length - 1) if whole else (-top, top)
            alone = form.extent is Extent.ROW
            shared = form.extent is Extent.POSITION
            found += [Coordinate(item.name, kind, *ends, shared)] * (1 if alone else self.length)
        reach = self._ordinal(min(WIDEST_PARAMETER, self.format.largest))
        found += [
            Coordinate(name, Kind.PARAMETER, -reach, reach, shared=True) for name in self.searched
        ]
        return tuple(found)

    @property
    def space(self) -> Space:
        """The ranges of the coordinates."""
        all_ = self.coordinates
        return Space(
            tuple(one.low for one in all_),
            tuple(one.high for one in all_),
            tuple(one.shared for one in all_),
        )

    @property
    def _effective(self) -> dict[str, Value]:
        return {**self.spec.defaults, **self.settings}

    def parameters(self, point: Array) -> dict[str, Value]:
        """Return the parameters that hold at a point."""
        places = {one.name: place for place, one in enumerate(self.coordinates)}
        chosen = {name: float(self._floats(point[[places[name]]])[0]) for name in self.searched}
        return {**self._effective, **chosen}

    def case(self, points: Array, name: str) -> Case:
        """Return the call that asks for these points, shaped (points, coordinates)."""
        parameters = self.parameters(points[0])
        case = Case(
            name=name,
            check=Check.HUNT,
            function=self.spec.function,
            format=self.format,
            place=self.spec.place,
            inputs=self._inputs(points),
            effective=parameters,
            given=parameters,
        )
        if not self.wrt:
            return case
        cotangent = self._cotangent(case)
        return replace(case, want=Want.GRADIENT, wrt=self.wrt, cotangent=cotangent)

    def allowed(self, points: Array) -> Array:
        """Tell which points, of one call, the spec's domains contain."""
        parameters = self.parameters(points[0])
        return inside(self.spec, arrange(self.spec, parameters, self._inputs(points)))

    def starts(self, count: int, random: Generator) -> list[Array]:
        """Return about so many points to begin with, in batches that share what must be shared.

        The numbers that a run samples, from every binade and near the constants of the formula;
        numbers of ordinary size; numbers between which exponentials go from zero to infinity; and
        some that are close to each other.
        """
        batches = min(BATCHES, count // PER_CALL + 1) if any(self.space.shared) else 1
        meant = meaning(self.spec, self._effective)
        pool = numbers(self.format, meant.terms, random)
        pool = self.format.ordinal(pool[np.isfinite(pool)])
        return [self._start(max(count // batches, 1), pool, random) for _ in range(batches)]

    def _start(self, count: int, pool: Array, random: Generator) -> Array:
        reach = -math.log(self.format.smallest_subnormal)
        columns: list[Array] = []
        for one in self.coordinates:
            size = 1 if one.shared else count
            if one.kind is Kind.INDEX:
                columns.append(random.integers(one.low, one.high + 1, size))
                continue
            if one.shared:
                exponent, share = random.uniform(-ORDINARY, ORDINARY), random.random()
                single = random.choice([share, 2.0**exponent, -(2.0**exponent)])
                columns.append(self.format.ordinal(np.array([single])))
                continue
            signs = random.choice([-1.0, 1.0], size)
            ordinary = signs * np.exp2(random.uniform(-ORDINARY, ORDINARY, size))
            wide = np.where(
                random.random(size) < 0.5, ordinary, random.uniform(-reach, reach, size)
            )
            sampled = random.permutation(pool)
            sampled = sampled if size > 2 * len(pool) else sampled[: size // 4 + 1]
            column = self.format.ordinal(wide)
            column[: len(sampled)] = sampled[:size]
            if columns:
                near = columns[0] + random.integers(-3, 4, size)
                column = np.where(random.random(size) < 0.25, near, column)
            columns.append(np.clip(column, one.low, one.high))
        return np.stack(np.broadcast_arrays(*columns), -1)

    def point(self, inputs: Mapping[str, Sequence[float]], given: Mapping[str, Value]) -> Array:
        """Return the point with these numbers; ValueError where they do not fit."""
        rest = {name: list(values) for name, values in inputs.items()}
        numbers: list[int] = []
        for one in self.coordinates:
            if one.kind is Kind.PARAMETER:
                value = float(given.get(one.name, self.spec.defaults[one.name]))
            elif not rest.get(one.name):
                raise ValueError(f"no number for {one.name}")
            else:
                value = float(rest[one.name].pop(0))
            number = int(value) if one.kind is Kind.INDEX else self._ordinal(value)
            if not one.low <= number <= one.high:
                raise ValueError(f"{one.name} is out of range")
            numbers.append(number)
        if any(rest.values()):
            raise ValueError("more numbers than coordinates")
        return np.array(numbers, np.int64)

    def told(self, point: Array) -> dict[str, tuple[float, ...]]:
        """Return the numbers of a point by input; the inverse of `point`."""
        found: dict[str, tuple[float, ...]] = {}
        for place, one in enumerate(self.coordinates):
            if one.kind is not Kind.PARAMETER:
                value = self._float(one, point[[place]])[0]
                found[one.name] = (*found.get(one.name, ()), float(value))
        return found

    def held(
        self, inputs: Mapping[str, Sequence[str]], parameters: Mapping[str, Value | None]
    ) -> Array | None:
        """Return the point with these hexadecimal numbers; None if it is none of this subject."""
        numbers = {name: [float.fromhex(text) for text in texts] for name, texts in inputs.items()}
        given = {key: value for key, value in parameters.items() if value is not None}
        try:
            return self.point(numbers, given)
        except ValueError:
            return None

    def _inputs(self, points: Array) -> dict[str, Array]:
        axis = axis_of(self.spec, self._effective)
        arrays: dict[str, Array] = {}
        for item in _required(self.spec):
            form = item.form(self._effective)
            places = [at for at, one in enumerate(self.coordinates) if one.name == item.name]
            values = self._float(self.coordinates[places[0]], points[:, places])
            if form.kind is InputKind.INDEX:
                array = values.astype(np.int64)
            else:
                array = self.format.cast(values)
            match form.extent:
                case Extent.POSITION:
                    array = array[0]
                case Extent.ROW:
                    array = array[:, 0]
                case Extent.ELEMENT if self.spec.axis is None:
                    array = array[:, 0]
                case Extent.ELEMENT:
                    array = np.moveaxis(array, 1, axis)
            arrays[item.name] = np.ascontiguousarray(array)
        return arrays

    def _cotangent(self, case: Case) -> Array:
        """Return ones; for an output of rows, one at the first position: a row of the Jacobian."""
        arranged = arrange(self.spec, case.effective, case.inputs)
        meant, laid = arranged.meant, arranged.layout
        ones = np.ones((laid.rows, laid.columns))
        if meant.output.columns and laid.columns > 1:
            ones[:, 1:] = 0
        wide = ones if meant.output.columns else ones[:, :1]
        return self.format.cast(np.ascontiguousarray(laid.from_rows(wide, meant.output)))

    def _ordinal(self, value: float) -> int:
        return int(self.format.ordinal(np.array([value]))[0])

    def _float(self, one: Coordinate, values: Array) -> Array:
        return values.astype(np.float64) if one.kind is Kind.INDEX else self._floats(values)

    def _floats(self, ordinals: Array) -> Array:
        return self.format.from_ordinal(ordinals)


def subjects(spec: Spec, format: Format, *, gradient: bool) -> Iterator[Subject]:
    """Yield everything to hunt of a function in a dtype: values, or gradients by each input."""
    numeric = tuple(item.name for item in spec.parameters if item.kind is ParameterKind.NUMBER)
    for settings in choices(spec):
        effective = {**spec.defaults, **settings}
        meant = meaning(spec, effective)
        lengths = (1,) if pointwise(meant.terms) else ROW_LENGTHS
        wanted = [
            item.name
            for item in _required(spec)
            if item.differentiable
            and item.form(effective).kind is InputKind.FLOAT
            and item.form(effective).extent is Extent.ELEMENT
        ]
        for wrt in wanted if gradient else [""]:
            for length in lengths:
                plain = Subject(spec, format, settings, wrt, length, ())
                yield plain
                mentioned = tuple(name for name in numeric if _matters(plain, name))
                if mentioned:
                    yield replace(plain, searched=mentioned)


def _matters(subject: Subject, parameter: str) -> bool:
    """Tell whether a parameter changes what is computed."""
    spec, settings = subject.spec, subject.settings
    default = spec.defaults[parameter]
    trees = [
        meaning(spec, {**settings, parameter: value}).terms
        for value in (default, float(default) + 1)
    ]
    return trees[0] != trees[1]


def _required(spec: Spec) -> list[Input]:
    return [item for item in spec.inputs if item.default is None]


def _reduction(spec: Spec) -> str | None:
    return None if spec.reduce is None else spec.reduce.parameter
