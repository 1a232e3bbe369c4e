"""The formula language: what it reads and refuses, and that its three arithmetics mean the same."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from fractions import Fraction

import flint
import mpmath
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from trysquare.dtypes import FLOAT16, FLOAT64, Array
from trysquare.errors import FormulaError
from trysquare.formula.ball import Ball, balls
from trysquare.formula.derivative import ONE, SCALAR, Extent, gradient
from trysquare.formula.evaluate import evaluate
from trysquare.formula.float64 import Float64
from trysquare.formula.parser import DEEPEST, LONGEST, parse
from trysquare.formula.tree import Node, Scope, names, number

KNOWN = frozenset({"x", "y", "n"})
X = Extent(rows=True, columns=True)


def read(text: str) -> Node:
    return parse(text, KNOWN)


def value(text: str, **given: float) -> float:
    wide = {name: np.full((1, 1), number) for name, number in given.items()}
    return float(evaluate(read(text), Float64(1, 1), wide)[0, 0])


def row(text: str, x: list[float], **given: float) -> list[float]:
    wide: dict[str, Array] = {"x": np.array([x])}
    wide |= {name: np.full((1, 1), number) for name, number in given.items()}
    result = evaluate(read(text), Float64(1, len(x)), wide)
    return [float(part) for part in np.broadcast_to(result, (1, len(x)))[0]]


def ball(text: str, bits: int = 200, **given: float) -> flint.arb:
    wide = {name: balls(np.full((1, 1), number)) for name, number in given.items()}
    before, flint.ctx.prec = flint.ctx.prec, bits
    try:
        found: flint.arb = evaluate(read(text), Ball(1, 1, FLOAT64), wide)[0, 0]
    finally:
        flint.ctx.prec = before
    return found


# Reading.


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("x + y * n", "x + (y * n)"),
        ("-x**2", "-(x**2)"),
        ("x > y", "y < x"),
        ("0 < x < 1", "0 < x and x < 1"),
        ("mean(x)", "sum(x) / count(x)"),
        ("+x", "x"),
        ("x if x > 0 else y if y > 0 else n", "x if x > 0 else (y if y > 0 else n)"),
    ],
)
def test_an_expression_reads_as_in_python(text: str, same: str) -> None:
    assert read(text) == read(same)


def test_a_decimal_is_the_rational_and_not_the_float() -> None:
    assert read("0.1") == number(Fraction(1, 10))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("__import__('os')", "unknown function '__import__'"),
        ("x.real", "not part of the formula language"),
        ("x[0:2]", "not part of the formula language"),
        ("[x for x in y]", "not part of the formula language"),
        ("lambda: x", "not part of the formula language"),
        ("x % y", "not part of the formula language"),
        ("x // y", "not part of the formula language"),
        ("x is y", "not a comparison"),
        ("x := y", "not an expression"),
        ("'x'", "is not a decimal number"),
        ("True", "is not a decimal number"),
        ("0x10", "is not a decimal number"),
        ("1_000", "is not a decimal number"),
        ("1j", "is not a decimal number"),
        ("1e9999", "is not a decimal number"),
        ("x ** y", "an exponent is a whole number"),
        ("x ** 17", "an exponent is a whole number"),
        ("x ** -1", "an exponent is a whole number"),
        ("exp(x, y)", "exp takes 1 argument"),
        ("exp(x=x)", "exp takes 1 argument"),
        ("minimum(x)", "minimum takes 2 arguments"),
        ("x +", "not an expression"),
        ("", "not an expression"),
        ("x # y", "'#' is not part of the formula language"),
        ("\N{CYRILLIC SMALL LETTER HA}", "is not part of the formula language"),
        ("1if x else y", "a space is missing between a number and a word"),
        ("x if x else 0xfor", "a space is missing between a number and a word"),
        ("x < y and 1.5e-3in x", "a space is missing between a number and a word"),
        ("(x).5not", "a space is missing between a number and a word"),
    ],
)
def test_what_the_language_does_not_know_is_refused_without_a_warning_of_python(
    text: str, message: str, recwarn: pytest.WarningsRecorder
) -> None:
    with pytest.raises(FormulaError, match=re.escape(message)):
        read(text)
    assert not recwarn.list


def test_an_error_points_at_the_word() -> None:
    with pytest.raises(FormulaError) as caught:
        read("  x + epx(y)")
    assert (caught.value.offset, caught.value.width) == (6, 3)
    assert caught.value.hint == "did you mean 'exp'?"


def test_an_unknown_name_suggests_a_known_one() -> None:
    with pytest.raises(FormulaError, match="unknown name 'larges'") as caught:
        read("larges")
    assert caught.value.hint == "did you mean 'largest'?"


def test_a_long_expression_is_refused() -> None:
    with pytest.raises(FormulaError, match="longer than"):
        read("x + " * LONGEST + "x")


def test_a_deep_expression_is_refused() -> None:
    with pytest.raises(FormulaError, match=r"nested deeper|not an expression"):
        read("exp(" * (DEEPEST + 1) + "x" + ")" * (DEEPEST + 1))


def test_a_reduction_runs_over_its_scope() -> None:
    assert parse("sum(x)", KNOWN, Scope.ALL).value == "all"


# Meaning in float64.


@pytest.mark.parametrize(
    ("text", "x", "want"),
    [
        ("x if x > 0 else 0", math.nan, 0.0),
        ("0 if x < 0 else x", math.nan, math.nan),
        ("minimum(x, 0)", math.nan, math.nan),
        ("maximum(x, 0)", math.nan, math.nan),
        ("sign(x)", math.nan, math.nan),
        ("log(x)", 0.0, -math.inf),
        ("log(x)", -1.0, math.nan),
        ("log1p(x)", -1.0, -math.inf),
        ("1 / x", -0.0, -math.inf),
        ("x - x", math.inf, math.nan),
        ("0 * x", math.inf, math.nan),
        ("exp(x)", 1e9, math.inf),
        ("expm1(x)", 1e-300, 1e-300),
        ("x**2", 1e200, math.inf),
        ("x**0", math.nan, 1.0),
        ("tanh(x)", math.inf, 1.0),
        ("erfc(x)", math.inf, 0.0),
        ("1 if not x > 0 else 2", 1.0, 2.0),
        ("1 if x > 0 or x < -5 else 2", -6.0, 1.0),
    ],
)
def test_special_values_are_those_of_ieee(text: str, x: float, want: float) -> None:
    assert np.array_equal(value(text, x=x), want, equal_nan=True)


def test_a_branch_not_taken_spoils_nothing() -> None:
    assert value("x if x > 0 else log(x)", x=3.0) == 3.0


def test_a_negated_zero_is_negative() -> None:
    assert math.copysign(1, value("-x", x=0.0)) == -1


def test_a_cube_is_multiplied_out() -> None:
    assert value("x**3", x=0.1) == 0.1 * 0.1 * 0.1


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("x - max(x)", [-2.0, 0.0, -1.0]),
        ("sum(x)", [6.0] * 3),
        ("mean(x)", [2.0] * 3),
        ("count(x)", [3.0] * 3),
        ("sum(1)", [3.0] * 3),
        ("position", [0.0, 1.0, 2.0]),
        ("argmax(x)", [1.0] * 3),
        ("x[n]", [2.0] * 3),
        ("x if position == n else 0", [0.0, 0.0, 2.0]),
    ],
)
def test_rows(text: str, want: list[float]) -> None:
    assert row(text, [1.0, 3.0, 2.0], n=2) == want


def test_the_first_of_equal_maxima_is_the_largest() -> None:
    assert row("argmax(x)", [5.0, 5.0])[0] == 0


@pytest.mark.parametrize("place", [-1.0, 3.0])
def test_a_position_outside_the_row_has_no_number(place: float) -> None:
    assert np.isnan(row("x[n]", [1.0, 3.0, 2.0], n=place)).all()


def test_the_sum_of_nothing_is_zero() -> None:
    assert evaluate(read("sum(x)"), Float64(2, 0), {"x": np.zeros((2, 0))}).tolist() == [[0], [0]]


def test_symbols_are_those_of_the_format() -> None:
    found = evaluate(parse("largest"), Float64(1, 1, FLOAT16), {})[0, 0]
    assert found == 65504


# Meaning in balls, and agreement.

FUNCTIONS = ["exp", "expm1", "log", "log1p", "sqrt", "tanh", "erf", "erfc"]
moderate = st.floats(-30, 30, allow_nan=False, allow_subnormal=False)


def textbook(word: str, x: float) -> mpmath.mpf:
    with mpmath.workdps(60):
        return getattr(mpmath, word)(mpmath.mpf(x))


@pytest.mark.parametrize("word", FUNCTIONS)
@given(x=moderate)
def test_balls_contain_what_mpmath_says(word: str, x: float) -> None:
    assume(x > 0 or word not in ("log", "sqrt"))
    assume(x > -1 or word != "log1p")
    found, want = ball(f"{word}(x)", x=x), textbook(word, x)
    with mpmath.workdps(60):
        middle = mpmath.mpf(found.mid().str(58, radius=False))
        assert abs(middle - want) <= abs(want) * mpmath.mpf("1e-50")


@pytest.mark.parametrize("word", FUNCTIONS)
@given(x=moderate)
def test_float64_is_near_the_ball(word: str, x: float) -> None:
    assume(x > 0 or word not in ("log", "sqrt"))
    assume(x > -1 or word != "log1p")
    got, exact = value(f"{word}(x)", x=x), ball(f"{word}(x)", x=x)
    spacing = float(FLOAT64.ulp(np.array([got]))[0])
    assert abs(exact - got) <= 5 * spacing


def test_a_comparison_of_overlapping_balls_is_undecided() -> None:
    wide = flint.arb(0, 1)
    found = evaluate(read("1 if x > 0 else 0"), Ball(1, 1, FLOAT64), {"x": np.array([[wide]])})
    assert found[0, 0].contains(0)
    assert found[0, 0].contains(1)


def test_a_decided_comparison_takes_one_branch() -> None:
    assert ball("1 if x > 0 else log(x)", x=2.0) == 1


def test_the_logarithm_of_zero_is_minus_infinity_in_balls_too() -> None:
    assert not ball("log(x)", x=0.0).is_finite()


@given(terms=st.lists(st.floats(-1e10, 1e10), min_size=1, max_size=20))
def test_a_sum_of_balls_is_exact(terms: list[float]) -> None:
    exact = {"x": balls(np.array([terms]))}
    before, flint.ctx.prec = flint.ctx.prec, 2500
    try:
        found = evaluate(read("sum(x)"), Ball(1, len(terms), FLOAT64), exact)
        assert found[0, 0] == sum((flint.arb(term) for term in terms), flint.arb(0))
    finally:
        flint.ctx.prec = before


def test_a_spread_operand_is_counted_as_often_as_it_stands() -> None:
    wide = {"x": np.ones((1, 1))}
    assert evaluate(read("sum(1)"), Float64(1, 5), wide)[0, 0] == 5
    assert evaluate(read("sum(1)"), Ball(1, 5, FLOAT64), {})[0, 0] == 5


# Derivatives.

SMOOTH = [
    "exp(x)", "expm1(x)", "log(x)", "log1p(x)", "sqrt(x)", "tanh(x)", "erf(x)", "erfc(x)",
    "x**5", "-x", "x / (1 + x)", "(1 + x) / x", "x * exp(-x)", "abs(x - 7)", "x**2 * y - y / x",
    "minimum(x, y)", "maximum(x, y)", "exp(x) if x < y else log(x)", "x**0", "x**1",
    "1 / (1 + exp(-x))", "tanh(x)**2", "3 * x - 2 * x",
]  # fmt: skip


@pytest.mark.parametrize("text", SMOOTH)
@given(x=st.floats(0.1, 3), y=st.floats(0.1, 3))
def test_a_derivative_is_the_slope(text: str, x: float, y: float) -> None:
    assume(abs(x - y) > 1e-3)
    tree = gradient(read(text), ONE, "x", {"x": X, "y": X})
    wide = {"x": np.full((1, 1), x), "y": np.full((1, 1), y)}
    slope = float(evaluate(tree, Float64(1, 1), wide)[0, 0])
    bits, step = 300, 2.0**-40
    rise = ball(text, bits, x=x + step, y=y) - ball(text, bits, x=x - step, y=y)
    run = flint.arb(x + step) - flint.arb(x - step)
    want = float((rise / run).mid())
    assert slope == pytest.approx(want, rel=1e-9, abs=1e-9)


ROWS = [
    "exp(x - max(x)) / sum(exp(x - max(x)))",
    "x - log(sum(exp(x)))",
    "mean(x**2)",
    "x[1] * x",
    "max(x)",
    "sum(x) * x",
    "x * position",
    "sum(x if position == argmax(x) else 2 * x)",
]


def _slopes(text: str, x: Array) -> Iterator[float]:
    """Yield the slope of sum(cotangent * f) for each element, by central differences."""
    cotangent = np.arange(1.0, x.size + 1)
    for place in range(x.size):
        sides = []
        for step in (2.0**-17, -(2.0**-17)):
            moved = x.copy()
            moved[0, place] += step
            output = evaluate(read(text), Float64(1, x.size), {"x": moved})
            full = np.broadcast_to(output, x.shape) if output.shape[1] > 1 else output
            sides.append((full * (cotangent if full.shape[1] > 1 else 2.5)).sum())
        yield float(sides[0] - sides[1]) * 2.0**16


@pytest.mark.parametrize("text", ROWS)
def test_the_derivative_of_a_row_sums_over_what_it_feeds(text: str) -> None:
    x = np.array([[0.3, 1.2, -0.7, 0.9]])
    output = evaluate(read(text), Float64(1, 4), {"x": x})
    spread = Extent(rows=True, columns=output.shape[1] > 1)
    extents = {"x": X, "c": spread}
    known = KNOWN | {"c"}
    tree = gradient(read(text), parse("c", known), "x", extents)
    cotangent = np.arange(1.0, 5)[None, :] if spread.columns else np.full((1, 1), 2.5)
    found = evaluate(tree, Float64(1, 4), {"x": x, "c": cotangent})
    assert np.broadcast_to(found, x.shape)[0] == pytest.approx(list(_slopes(text, x)), abs=1e-7)


def test_one_number_for_all_positions_gathers_its_gradient() -> None:
    tree = gradient(read("x * y"), parse("n", KNOWN), "y", {"x": X, "y": SCALAR, "n": X})
    wide = {"x": np.array([[1.0, 2], [3, 4]]), "y": np.full((1, 1), 5.0), "n": np.ones((2, 2))}
    assert evaluate(tree, Float64(2, 2), wide).tolist() == [[10.0]]


def test_a_branch_not_taken_spoils_no_gradient() -> None:
    tree = gradient(read("x if x > 0 else log(x)"), ONE, "x", {"x": X})
    assert evaluate(tree, Float64(1, 1), {"x": np.full((1, 1), 0.5)})[0, 0] == 1


def test_what_does_not_depend_on_an_input_has_no_gradient() -> None:
    tree = gradient(read("exp(y)"), ONE, "x", {"x": X, "y": X})
    assert list(names(tree)) == []
