"""Which of other people's expected values are not correctly rounded."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from trysquare.audit.golden_files import EXPECTED, GRADIENT, Golden
from trysquare.audit.rounding import rounded
from trysquare.dtypes import Array, Format
from trysquare.errors import UsageError
from trysquare.spec import InputKind, Spec, Value
from trysquare.truth.arrangement import Arrangement, arrange
from trysquare.truth.domain import violations


@dataclass(frozen=True)
class Wrong:
    """One expected value that is not the correctly rounded one, and how far it is off in ULP.

    `at` says where: a line of the file, or the place in an array; `inputs` in words.
    """

    at: str
    inputs: str
    stated: float
    right: float
    ulp: float


@dataclass(frozen=True)
class Judged:
    """All expectations of one kind: how many there are, which are wrong, how many are open."""

    name: str
    format: Format
    count: int
    wrong: tuple[Wrong, ...]
    undecided: int


def judge(spec: Spec, parameters: Mapping[str, Value], golden: Golden) -> Iterator[Judged]:
    """Hold every expectation against the exact value, correctly rounded.

    The sign of a zero is not judged: exact arithmetic has one zero. Raises UsageError for shapes
    that do not fit and for inputs outside their domain.
    """
    for name, expected in golden.expected.items():
        yield _judged(spec, parameters, golden, name, expected)


def _judged(
    spec: Spec, parameters: Mapping[str, Value], golden: Golden, name: str, expected: Array
) -> Judged:
    cotangent = golden.cotangent if name == GRADIENT else None
    try:
        for problem in violations(spec, parameters, golden.inputs):
            raise UsageError(problem)
        arranged = arrange(spec, parameters, golden.inputs)
        if name == GRADIENT:
            shape = arranged.layout.shape_of(arranged.meant.output)
            seed = np.ones(shape) if cotangent is None else cotangent
            arranged = arrange(spec, parameters, golden.inputs, seed)
    except (KeyError, ValueError) as error:
        raise UsageError(f"the inputs do not fit together: {error}") from None
    meant, laid = arranged.meant, arranged.layout
    if name == GRADIENT:
        wrt = _differentiable(spec, arranged)
        tree, spread = meant.gradients(wrt)[0], meant.extents[wrt]
    else:
        tree, spread = meant.value, meant.output
    if expected.shape != laid.shape_of(spread):
        raise UsageError(
            f"{name} has the shape {list(expected.shape)}, the function gives "
            f"{list(laid.shape_of(spread))} (is a parameter needed?)"
        )
    truth = rounded(tree, arranged.rows, (laid.rows, laid.columns), spread, golden.format)
    stated = laid.to_rows(expected, spread)
    both_nan = np.isnan(stated) & np.isnan(truth.values)
    places = np.argwhere(~((stated == truth.values) | both_nan) & truth.decided)
    # where each row's number lies in the tensor
    numbers = laid.to_rows(np.arange(expected.size).reshape(expected.shape), spread)
    wrong = tuple(
        Wrong(
            _where(golden, name, int(numbers[row, column]), expected.shape),
            _inputs(arranged, row, column),
            float(stated[row, column]),
            float(truth.values[row, column]),
            truth.error(float(stated[row, column]), (row, column)),
        )
        for row, column in places.tolist()
    )
    ordered = tuple(sorted(wrong, key=lambda one: -math.inf if math.isnan(one.ulp) else -one.ulp))
    undecided = int((~truth.decided).sum())
    return Judged(name, golden.format, expected.size, ordered, undecided)


def _differentiable(spec: Spec, arranged: Arrangement) -> str:
    for item in spec.inputs:
        if item.differentiable and item.form(arranged.meant.parameters).kind is InputKind.FLOAT:
            return item.name
    raise UsageError(f"{spec.function} has no gradient")


def _where(golden: Golden, name: str, number: int, shape: tuple[int, ...]) -> str:
    if golden.lines and name == EXPECTED:
        return f"line {golden.lines[number]}"
    index = ", ".join(str(int(i)) for i in np.unravel_index(number, shape)) if shape else ""
    return f"{name}[{index}]"


def _inputs(arranged: Arrangement, row: int, column: int) -> str:
    """Return the inputs of one element in words; of a row, the element itself."""
    words = []
    for name, x in arranged.rows.items():
        value = x[min(row, len(x) - 1), min(column, x.shape[1] - 1)]
        words.append(f"{name} = {float(value)!r}")
    return ", ".join(words)
