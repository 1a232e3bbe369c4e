"""What is hunted: one quantity of a function, its coordinates, and points as calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property

import numpy as np

from trysquare.backend import Want
from trysquare.dtypes import Array, Format
from trysquare.formula.tree import names
from trysquare.hunt.box import Space
from trysquare.planning.cases import Case
from trysquare.planning.sampling import allowed
from trysquare.planning.settling import axis_of
from trysquare.result import Check
from trysquare.spec import Extent, Input, InputKind, Spec, Value
from trysquare.truth.arrangement import arrange
from trysquare.truth.domain import inside

WIDEST_PARAMETER = 2.0**16
"""Parameters are searched between minus this and this."""


FEW = 8
"""A domain of no more numbers is searched number by number."""


class Kind(StrEnum):
    """What a coordinate is."""

    FLOAT = "float"
    CHOICE = "choice"
    INDEX = "index"
    PARAMETER = "parameter"


@dataclass(frozen=True)
class Coordinate:
    """One number of a point: an ordinal of the format, or an index; a row has several.

    A choice counts the few `numbers` that there are. `shared` says that all points of one call have
    the coordinate in common.
    """

    name: str
    kind: Kind
    low: int
    high: int
    shared: bool = False
    numbers: tuple[float, ...] = ()


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

    @cached_property
    def coordinates(self) -> tuple[Coordinate, ...]:
        """The coordinates of a point, in their order."""
        found: list[Coordinate] = []
        for item in self.spec.required:
            alone = item.form(self._effective).extent is Extent.ROW
            found += [self._coordinate(item)] * (1 if alone else self.length)
        reach = self._ordinal(min(WIDEST_PARAMETER, self.format.largest))
        found += [
            Coordinate(name, Kind.PARAMETER, -reach, reach, shared=True) for name in self.searched
        ]
        return tuple(found)

    def _coordinate(self, item: Input) -> Coordinate:
        form, top = item.form(self._effective), self._ordinal(self.format.largest)
        shared = form.extent is Extent.POSITION
        if form.kind is InputKind.INDEX:
            return Coordinate(item.name, Kind.INDEX, 0, self.length - 1, shared)
        few = self._few(item)
        if few:
            return Coordinate(item.name, Kind.CHOICE, 0, len(few) - 1, shared, few)
        return Coordinate(item.name, Kind.FLOAT, -top, top, shared)

    def _few(self, item: Input) -> tuple[float, ...]:
        """Return the numbers that an input may be, if they are few: no search would meet them."""
        if item.domain is None or set(names(item.domain.tree)) != {item.name}:
            return ()
        # boundaries and specials are in any pool, and of an interval many more
        pool = allowed(self.format, item.name, item.domain.tree, np.random.default_rng(0))
        found = np.unique(pool[np.isfinite(pool)])
        return tuple(found.tolist()) if len(found) <= FEW else ()

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
            number = self._number(one, value)
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
        for item in self.spec.required:
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

    def _number(self, one: Coordinate, value: float) -> int:
        """Return what a number is as a coordinate; -1 for one that is no choice."""
        if one.kind is Kind.CHOICE:
            return one.numbers.index(value) if value in one.numbers else -1
        return int(value) if one.kind is Kind.INDEX else self._ordinal(value)

    def _float(self, one: Coordinate, values: Array) -> Array:
        if one.kind is Kind.CHOICE:
            return np.array(one.numbers)[values]
        return values.astype(np.float64) if one.kind is Kind.INDEX else self._floats(values)

    def _floats(self, ordinals: Array) -> Array:
        return self.format.from_ordinal(ordinals)


def _reduction(spec: Spec) -> str | None:
    return None if spec.reduce is None else spec.reduce.parameter
