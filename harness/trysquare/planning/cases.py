"""Cases: what is asked of every target, and what is expected; those that a spec names."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from typing import Any

import numpy as np

from trysquare.backend import Call, Form, Want
from trysquare.dtypes import FORMATS, Array, Format
from trysquare.formula.evaluate import evaluate
from trysquare.formula.float64 import Float64
from trysquare.formula.tree import Node
from trysquare.result import Check
from trysquare.spec import (
    Claim,
    Identity,
    InputKind,
    NamedCase,
    Nested,
    Place,
    Role,
    Spec,
    Special,
    Value,
)


class Expect(StrEnum):
    """What a case demands of a target."""

    TRUTH = "truth"
    ERROR = "error"
    DRAWS = "draws"
    SAME = "same"
    PROPERTY = "property"
    FORM = "form"


@dataclass(frozen=True)
class Elsewhere:
    """An earlier case of the group that asks for the same numbers.

    `places`, shaped like the answer, counts for each element where it stands in that case's answer.
    """

    case: Case
    places: Array


@dataclass(frozen=True)
class Property:
    """The property that the answer of a case must have.

    An identity between two answers takes the first half of the rows of the case for its first
    question, or the case `first`, if that one has other parameters.
    """

    claim: Claim
    first: Case | None = None


@dataclass(frozen=True)
class Case:
    """One call of one function in one dtype, the same for every target.

    `given` are the parameters in the call, `effective` those that hold. `stated` are the answers
    that a spec writes down, as float64: they decide the sign of zero, and if there are several,
    each is right. With SAME the bits are wanted that the target has given `elsewhere`; a case
    without that is one that others refer to. With FORM nothing is demanded of the numbers.
    """

    name: str
    check: Check
    function: str
    format: Format
    place: Place
    inputs: Mapping[str, Array]
    effective: Mapping[str, Value]
    given: Mapping[str, Value | None]
    why: str = ""
    want: Want = Want.VALUE
    wrt: str = ""
    cotangent: Array | None = None
    canonical: bool = True
    seed: int | None = None
    expect: Expect = Expect.TRUTH
    stated: tuple[Array, ...] = field(default=())
    form: Form = Form.CONTIGUOUS
    threads: int = 1
    elsewhere: Elsewhere | None = None
    claimed: Property | None = None

    @property
    def slug(self) -> str:
        """The name as it occurs in ids: lower case, digits and hyphens."""
        return re.sub(r"[^a-z0-9.+]+", "-", self.name.lower()).strip("-")

    @property
    def earlier(self) -> Case | None:
        """The case of the same group whose answer this one's is compared with."""
        if self.elsewhere is not None:
            return self.elsewhere.case
        return None if self.claimed is None else self.claimed.first

    @property
    def two_questions(self) -> bool:
        """Whether the first half of the rows is another question than the second half."""
        claim = None if self.claimed is None else self.claimed.claim
        return isinstance(claim, Identity) and claim.second and self.earlier is None

    @property
    def call(self) -> Call:
        """What a backend is asked."""
        return Call(
            function=self.function,
            inputs=self.inputs,
            parameters=self.given,
            want=self.want,
            wrt=(self.wrt,) if self.wrt else (),
            cotangent=self.cotangent,
            canonical=self.canonical,
            seed=self.seed,
            form=self.form,
            threads=self.threads,
        )


def infinite(value: Value | None) -> bool:
    """Whether a parameter is an infinity."""
    return isinstance(value, float) and math.isinf(value)


def has_infinite(parameters: Mapping[str, Value | None]) -> bool:
    """Whether one of several parameters is infinite."""
    return any(infinite(value) for value in parameters.values())


def named_cases(spec: Spec, format: Format) -> Iterator[Case]:
    """Yield the cases that a spec names, in one dtype."""
    for named in spec.cases:
        if format.name in (named.dtypes or FORMATS):
            yield _case(spec, named, format)


def _case(spec: Spec, named: NamedCase, format: Format) -> Case:
    effective = {**spec.defaults, **named.parameters}
    flags = [item.name for item in spec.parameters if item.role is Role.INPLACE]
    inplace = any(effective[flag] for flag in flags)
    want = Want.SAVED if named.saved else Want.INPLACE if inplace else Want.VALUE
    error = named.expect is Special.ERROR
    return Case(
        name=named.name,
        why=named.why,
        check=Check.CASES if want is Want.VALUE else Check.INPLACE,
        function=spec.function,
        format=format,
        place=named.place,
        inputs=_inputs(spec, named, effective, format),
        effective=effective,
        given=effective,
        want=want,
        wrt=named.saved or "",
        expect=Expect.ERROR if error else Expect.TRUTH,
        stated=() if named.digits is not None else _stated(named, effective, format),
    )


def _inputs(
    spec: Spec, named: NamedCase, parameters: Mapping[str, Value], format: Format
) -> dict[str, Array]:
    kinds = {item.name: item.form(parameters).kind for item in spec.inputs}
    arrays = {}
    for name, nested in named.inputs.items():
        values = numbers(nested, parameters, format)
        whole = kinds[name] is InputKind.INDEX
        arrays[name] = values.astype(np.int64) if whole else format.cast(values)
    return arrays


def _stated(named: NamedCase, parameters: Mapping[str, Value], format: Format) -> tuple[Array, ...]:
    if isinstance(named.expect, Special):
        return ()
    return tuple(numbers(nested, parameters, format) for nested in named.expect)


def numbers(nested: Nested, parameters: Mapping[str, Value], format: Format) -> Array:
    """Return the float64 values of expressions as a case writes them, symbols of the format."""
    names: dict[str, Array] = {
        key: np.full((1, 1), float(value))
        for key, value in parameters.items()
        if isinstance(value, int | float)
    }

    def value(part: Nested) -> Any:
        if isinstance(part, tuple):
            return [value(item) for item in part]
        if isinstance(part, Node) and isinstance(part.value, Fraction):
            return float(part.value)
        if isinstance(part, Node):
            return float(evaluate(part, Float64(1, 1, format), names)[0, 0])
        raise TypeError(f"{part!r} is the text of a choice, not a number")

    return np.array(value(nested), np.float64)
