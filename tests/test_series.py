"""Series and intervals enclose: what they say of a set holds for each of its numbers."""

from __future__ import annotations

import math

import flint
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trysquare.dtypes import FLOAT32
from trysquare.formula.ball import Ball, balls
from trysquare.formula.branching import NOT_A_NUMBER, UndecidedHereError
from trysquare.formula.evaluate import evaluate
from trysquare.formula.interval import Ends, Interval
from trysquare.formula.parser import parse
from trysquare.formula.series import Series
from trysquare.formula.tree import Node

FORMULAS = [
    "exp(x)",
    "expm1(x) if x < 0 else x",
    "log(abs(x) + 1)",
    "log1p(x * x)",
    "tanh(x)",
    "erf(x) * x",
    "x * erfc(-x / sqrt(2)) / 2",
    "sqrt(x * x + 2)",
    "1 / (1 + exp(-x))",
    "minimum(maximum(x + 3, 0), 6) / 6",
    "sign(x) * x**3 - 2 * x",
    "-x if x <= -1 or x > 2 else x**2",
    "pi * x / (2 + abs(x))",
]

CENTRES = st.floats(-30, 30, allow_nan=False).filter(lambda x: abs(x) > 1e-6)
SHARES = st.floats(-1, 1, allow_nan=False)


@pytest.fixture(autouse=True)
def _precise() -> None:
    flint.ctx.prec, flint.ctx.cap = 128, 8


def exact(tree: Node, x: float) -> flint.arb:
    """The value in balls, at one number."""
    names = {"x": balls(np.full((1, 1), x))}
    value: flint.arb = np.broadcast_to(evaluate(tree, Ball(1, 1, FLOAT32), names), (1, 1))[0, 0]
    return value


@pytest.mark.parametrize("formula", FORMULAS)
@given(centre=CENTRES, share=SHARES)
def test_taylor_polynomial_and_remainder_enclose_the_value(
    formula: str, centre: float, share: float
) -> None:
    tree = parse(formula, frozenset({"x"}))
    radius = abs(centre) / 256
    series = Series(tree, "x", FLOAT32)
    try:
        around = series.evaluated(flint.arb_series([flint.arb(centre, radius), 1]))
    except UndecidedHereError:
        return  # a condition changes, and nothing is said
    at = series.evaluated(flint.arb_series([flint.arb(centre), 1]), series.decisions)
    assert not isinstance(around, str)
    assert not isinstance(at, str)
    x = centre + radius * share * (1 - 2.0**-40)
    t = flint.arb(x) - flint.arb(centre)
    for degree in range(7):
        polynomial = sum((at[power] * t**power for power in range(degree + 1)), flint.arb(0))
        assert (polynomial + around[degree + 1] * t ** (degree + 1)).overlaps(exact(tree, x))


@pytest.mark.parametrize("formula", FORMULAS)
@given(low=st.floats(-100, 100), width=st.floats(0, 50), share=st.floats(0, 1))
def test_an_interval_encloses_the_value(
    formula: str, low: float, width: float, share: float
) -> None:
    tree = parse(formula, frozenset({"x"}))
    high = low + width
    x = min(low + width * share, high)
    interval = Interval(tree, "x", FLOAT32)
    try:
        found = interval.evaluated(Ends(flint.arb(low), flint.arb(high)))
    except UndecidedHereError:
        return
    assert isinstance(found, Ends)
    value = exact(tree, x)
    assert not value < found.low
    assert not value > found.high


@pytest.mark.parametrize(
    ("formula", "low", "high"),
    [("log(x)", -5.0, -1.0), ("sqrt(x)", -9.0, -1e-30), ("log1p(x)", -3, -2)],
)
def test_outside_of_a_domain_is_not_a_number(formula: str, low: float, high: float) -> None:
    tree = parse(formula, frozenset({"x"}))
    assert (
        Interval(tree, "x", FLOAT32).evaluated(Ends(flint.arb(low), flint.arb(high)))
        is NOT_A_NUMBER
    )
    middle = flint.arb((low + high) / 2, (high - low) / 4)
    assert Series(tree, "x", FLOAT32).evaluated(flint.arb_series([middle, 1])) is NOT_A_NUMBER


@pytest.mark.parametrize("formula", ["x if x > 0 else 0", "log(x)", "1 / x", "abs(x)", "sign(x)"])
def test_where_a_branch_changes_nothing_is_said(formula: str) -> None:
    tree = parse(formula, frozenset({"x"}))
    with pytest.raises(UndecidedHereError):
        Series(tree, "x", FLOAT32).evaluated(flint.arb_series([flint.arb(0.1, 1), 1]))
    with pytest.raises(UndecidedHereError):
        Interval(tree, "x", FLOAT32).evaluated(Ends(flint.arb(-1), flint.arb(1)))


def test_a_wide_interval_does_not_reach_below_zero() -> None:
    tree = parse("exp(x)", frozenset({"x"}))
    found = Interval(tree, "x", FLOAT32).evaluated(Ends(flint.arb(100), flint.arb(1e30)))
    assert isinstance(found, Ends)
    assert found.low > math.exp(99)


def test_a_branch_that_is_not_taken_is_not_evaluated() -> None:
    tree = parse("log(x) if x > 0 else 1 / (x - 2)", frozenset({"x"}))
    value = Series(tree, "x", FLOAT32).evaluated(flint.arb_series([flint.arb(2), 1]))
    assert not isinstance(value, str)
    assert value[0].overlaps(flint.arb(2).log())


def test_a_sum_is_no_function_of_one_number() -> None:
    with pytest.raises(TypeError, match="sum"):
        Series(parse("sum(x)", frozenset({"x"})), "x", FLOAT32)
