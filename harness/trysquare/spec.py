"""What a spec says, as frozen records; knows neither YAML nor arithmetic nor backends."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from trysquare.formula.tree import Node

Value = float | int | bool | str
"""The value of a parameter in a call: a number, an integer, a flag or one of its choices."""

Leaf = Node | str
"""A scalar of a case: an expression, or the text of a choice."""

Nested = Leaf | tuple["Nested", ...]
"""A scalar, or rows of them, as written in a case."""


@dataclass(frozen=True)
class Place:
    """A position in a file; line and column count from 1."""

    path: Path
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Expression:
    """A formula as it was written, and as it was understood."""

    text: str
    tree: Node


@dataclass(frozen=True)
class Selected:
    """An expression, or one expression for each choice of a parameter."""

    parameter: str | None
    options: Mapping[str, Expression]

    def pick(self, parameters: Mapping[str, Value]) -> Expression:
        """Return the expression that holds for these parameters."""
        if self.parameter is None:
            return self.options[""]
        return self.options[choice_text(parameters[self.parameter])]


def choice_text(value: Value) -> str:
    """Return how a choice is written in a spec: flags are `true` and `false` there."""
    return str(value).lower() if isinstance(value, bool) else str(value)


class InputKind(StrEnum):
    """What the elements of an input are."""

    FLOAT = "float"
    INDEX = "index"


class Extent(StrEnum):
    """How many elements an input has: one for each element, row, or position along the axis."""

    ELEMENT = "element"
    ROW = "row"
    POSITION = "position"


@dataclass(frozen=True)
class InputForm:
    """Kind and extent of an input; they may depend on a choice (class indices or probabilities)."""

    kind: InputKind
    extent: Extent


@dataclass(frozen=True)
class Input:
    """A tensor argument.

    `default` is the number that stands for an optional input that is left out.
    `domain` is a condition on the input that sampled points satisfy.
    """

    name: str
    by: str | None
    forms: Mapping[str, InputForm]
    default: Expression | None
    domain: Expression | None
    differentiable: bool

    def form(self, parameters: Mapping[str, Value]) -> InputForm:
        """Return kind and extent for these parameters."""
        return self.forms["" if self.by is None else choice_text(parameters[self.by])]


class ParameterKind(StrEnum):
    """What a parameter's values are."""

    NUMBER = "number"
    INTEGER = "integer"
    FLAG = "flag"
    CHOICE = "choice"


class Role(StrEnum):
    """A parameter with a meaning that no formula can state."""

    INPLACE = "inplace"


@dataclass(frozen=True)
class Parameter:
    """A scalar or choice with a default; `also` are further values that checks try."""

    name: str
    kind: ParameterKind
    default: Value
    also: tuple[Value, ...]
    choices: tuple[str, ...]
    domain: Expression | None
    role: Role | None


@dataclass(frozen=True)
class Kink:
    """Where the derivative is a convention: the condition, and for each input what is allowed."""

    at: Expression
    allowed: Mapping[str, tuple[Expression, ...]]


@dataclass(frozen=True)
class Tolerance:
    """Allowed distance in ULP by dtype name or choice (`""` holds for all); inherited where absent.

    `by` is the parameter whose choices the keys are, or None if they are dtype names or `""`.
    `places` says where each is written.
    """

    by: str | None
    ulps: Mapping[str, Expression]
    places: Mapping[str, Place] = field(default_factory=dict)

    def key(self, dtype: str, parameters: Mapping[str, Value]) -> str | None:
        """Return the key of the limit stated for this dtype and these parameters, if one is."""
        key = dtype if self.by is None else choice_text(parameters[self.by])
        return next((stated for stated in (key, "") if stated in self.ulps), None)

    def pick(self, dtype: str, parameters: Mapping[str, Value]) -> Expression | None:
        """Return the stated ULP limit for this dtype and these parameters, or None if inherited."""
        key = self.key(dtype, parameters)
        return None if key is None else self.ulps[key]


@dataclass(frozen=True)
class Dialect:
    """Other semantics seen in the wild under the same name; explains, never excuses."""

    name: str
    why: str
    formula: Selected
    place: Place


@dataclass(frozen=True)
class Deprecated:
    """Old arguments and the canonical parameters that they mean."""

    given: Mapping[str, Value | None]
    means: Mapping[str, Value]
    place: Place


@dataclass(frozen=True)
class Random:
    """A quantity drawn anew for every element: uniform between two bounds.

    `given` recovers a draw from inputs and `output`, at elements where `when` holds, in calls
    with the parameters `mode`.
    """

    name: str
    low: Expression
    high: Expression
    given: Expression
    when: Expression
    mode: Mapping[str, Value]


class Trait(StrEnum):
    """How a function runs along an input, or mirrors it."""

    INCREASING = "increasing"
    DECREASING = "decreasing"
    ODD = "odd"
    EVEN = "even"


@dataclass(frozen=True)
class Course:
    """A trait of the function in some inputs, for parameters that satisfy `when`.

    Along one input the function never falls (or rises); odd and even turn the signs of all
    `inputs` at once.
    """

    trait: Trait
    inputs: tuple[str, ...]
    when: Expression | None
    place: Place


@dataclass(frozen=True)
class Range:
    """A condition on `output` for all finite inputs, after rounding."""

    holds: Selected
    place: Place


@dataclass(frozen=True)
class Identity:
    """What two answers, or one and a number, have to do with each other.

    A call has the parameters `parameters`, a second one `inputs` and `changed` in addition, by
    expressions in those of the first. `left` speaks of the second answer (of the only one if
    `second` is false), `right` of the first; both call it `output`. `of` is the input whose
    gradient is meant, empty for values. `exact` demands equal bits, otherwise both may be off by
    their limits. `overall` says that reductions run over everything.
    """

    name: str
    why: str
    of: str
    when: Expression | None
    parameters: Mapping[str, Value]
    second: bool
    inputs: Mapping[str, Expression]
    changed: Mapping[str, Value]
    left: Expression
    right: Expression
    exact: bool
    overall: bool
    place: Place


Claim = Course | Range | Identity
"""One property of a function."""


class Special(StrEnum):
    """An expectation that is not a value."""

    ERROR = "error"


@dataclass(frozen=True)
class NamedCase:
    """Named inputs, parameters and expectation.

    `expect` holds the alternatives, usually one. `digits` says that they are rounded to so many
    decimals. `saved` names the input that an earlier differentiable operation still needs.
    """

    name: str
    why: str
    place: Place
    inputs: Mapping[str, Nested]
    parameters: Mapping[str, Value]
    expect: Special | tuple[Nested, ...]
    digits: int | None
    saved: str | None
    dtypes: tuple[str, ...]


@dataclass(frozen=True, eq=False)  # a file is read once; what is kept of a spec is found by it
class Spec:
    """One function: everything that its file states."""

    function: str
    category: str
    place: Place
    summary: str
    source: tuple[str, ...]
    inputs: tuple[Input, ...]
    parameters: tuple[Parameter, ...]
    axis: int | str | None
    where: Mapping[str, Selected]
    formula: Selected
    definition: Selected | None
    reduce: Selected | None
    gradient: Mapping[str, Selected]
    kinks: tuple[Kink, ...]
    tolerance: Tolerance
    dialects: tuple[Dialect, ...]
    deprecated: tuple[Deprecated, ...]
    random: Random | None
    properties: tuple[Claim, ...]
    cases: tuple[NamedCase, ...]

    @property
    def defaults(self) -> dict[str, Value]:
        """The value of every parameter that a call leaves out."""
        return {parameter.name: parameter.default for parameter in self.parameters}

    @property
    def required(self) -> tuple[Input, ...]:
        """The inputs that a call cannot leave out."""
        return tuple(item for item in self.inputs if item.default is None)

    @property
    def takes_indices(self) -> bool:
        """Whether a call may hold indices besides numbers of the dtype."""
        forms = (form for item in self.inputs for form in item.forms.values())
        return any(form.kind is InputKind.INDEX for form in forms)

    def draws(self, parameters: Mapping[str, Value]) -> bool:
        """Return whether a call with all these parameters gives random numbers."""
        return self.random is not None and self.random.mode.items() <= parameters.items()


KEPT = 1024
"""Specs that a process keeps in both forms."""


@lru_cache(maxsize=KEPT)
def packed(spec: Spec) -> bytes:
    """Return a spec as bytes, which another process of ours opens much sooner than its file."""
    return pickle.dumps(spec)


@lru_cache(maxsize=KEPT)
def unpacked(data: bytes) -> Spec:
    """Return the spec in bytes that `packed` gave, of the same bytes the same one; trust no others.

    What is kept of a spec is found by it, so whoever is sent it twice works nothing out twice.
    """
    spec: Spec = pickle.loads(data)  # noqa: S301 - from the process that started this one
    return spec
