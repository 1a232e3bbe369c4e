"""What is worked out for many calls at once is what each of them would be told alone."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from trysquare.dtypes import FLOAT16, FLOAT32, FLOAT64, FORMATS, Format
from trysquare.formula.derivative import Extent
from trysquare.formula.parser import parse
from trysquare.formula.tree import Node, Scope, rescope
from trysquare.truth.bundle import Asked, bundle
from trysquare.truth.oracle import Oracle

ELEMENT = Extent(rows=True, columns=False)
ROW = Extent(rows=True, columns=True)

# one overflows on the way, one needs Arb, one is infinite, one is nothing special
NUMBERS = ([1e30, 0.5], [3e38], [1e-8, -2.0, 0.0], [np.inf], [-1e-40])


def calls(tree: Node, format: Format) -> list[Oracle]:
    rows = [format.round(np.array(x, np.float64))[:, None] for x in NUMBERS]
    return [Oracle(tree, {"x": x}, len(x), 1, ELEMENT, format) for x in rows]


@pytest.mark.parametrize("format", [FLOAT64, FLOAT32, FLOAT16], ids=lambda format: format.name)
@pytest.mark.parametrize("text", ["x / (1 + x * x)", "exp(x) - 1 - x", "log(x * x)"])
def test_a_bundled_call_is_told_what_it_would_be_told_alone(text: str, format: Format) -> None:
    tree = parse(text, frozenset({"x"}))
    alone, together = calls(tree, format), calls(tree, format)
    bundle(together, tuple(Asked))
    for one, other in zip(alone, together, strict=True):
        assert {question.value for question in Asked} <= set(other.__dict__)
        np.testing.assert_array_equal(other.ieee, one.ieee)
        np.testing.assert_array_equal(other.flushing.below, one.flushing.below)
        np.testing.assert_array_equal(other.flushing.above, one.flushing.above)
        for name in ("value", "rest", "bound"):
            np.testing.assert_array_equal(getattr(other.known, name), getattr(one.known, name))
        for name in ("limit", "spilled", "straight"):
            told, wanted = getattr(other.inherited, name), getattr(one.inherited, name)
            np.testing.assert_array_equal(told, wanted)


def test_rows_that_depend_on_each_other_are_not_bundled() -> None:
    tree = rescope(parse("x / sum(x)", frozenset({"x"})), Scope.ALL)
    two = [Oracle(tree, {"x": np.full((2, 1), x)}, 2, 1, ELEMENT, FLOAT32) for x in (1.0, 3.0)]
    bundle(two, tuple(Asked))
    assert all("ieee" not in oracle.__dict__ for oracle in two)


def test_an_input_that_does_not_vary_along_a_row_is_bundled_with_one_that_does() -> None:
    tree = parse("x * w", frozenset({"x", "w"}))
    narrow = {"x": np.array([[1.0, 2.0]]), "w": np.array([[3.0]])}
    wide = {"x": np.array([[1.0, 2.0]]), "w": np.array([[3.0, 5.0]])}
    both = [Oracle(tree, inputs, 1, 2, ROW, FLOAT32) for inputs in (narrow, wide)]
    bundle(both, (Asked.IEEE,))
    assert [oracle.ieee.tolist() for oracle in both] == [[[3.0, 6.0]], [[3.0, 10.0]]]


@pytest.mark.parametrize("format", FORMATS.values(), ids=FORMATS)
def test_a_format_that_has_travelled_is_the_same_object(format: Format) -> None:
    # the truth of float64 is another than that of narrower formats, in the judges' processes too
    assert pickle.loads(pickle.dumps(format)) is format  # noqa: S301 - our own bytes
