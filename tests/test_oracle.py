"""The truth is true: the fast tier's bound holds, and Arb agrees with an independent library."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from questions import EXAMPLES, Question, questions
from trysquare.dtypes import FLOAT16, FLOAT32, FLOAT64, Format
from trysquare.errors import UndecidedError
from trysquare.formula.derivative import Extent
from trysquare.formula.parser import parse
from trysquare.truth.known import SPARE_BITS, Truth
from trysquare.truth.oracle import Oracle
from trysquare_miniatures.textbook import exact, mp
from trysquare_miniatures.textbook_pointwise import POINTWISE
from workshop import SPECS

functions = pytest.mark.parametrize("function", SPECS)
ELEMENT = Extent(rows=True, columns=False)


def oracle(text: str, format: Format = FLOAT64, **inputs: float) -> Oracle:
    rows = {name: np.full((1, 1), value) for name, value in inputs.items()}
    return Oracle(parse(text, frozenset(inputs)), rows, 1, 1, ELEMENT, format)


def rational(truth: Truth, place: tuple[int, int], format: Format) -> tuple[Fraction, Fraction]:
    """Return the exact result and its bound."""
    value = truth.value[place]
    step = Fraction(float(format.ulp(np.array(value))))
    middle = Fraction(float(value)) + Fraction(float(truth.rest[place])) * step
    return middle, Fraction(float(truth.bound[place])) * step


@functions
@settings(deadline=None, max_examples=EXAMPLES)
@given(data=st.data())
def test_the_bound_of_the_fast_tier_holds(function: str, data: st.DataObject) -> None:
    asked: Question = data.draw(questions(function))
    fast, sure, format = asked.oracle.fast, asked.oracle.certified, asked.oracle.format
    for place in np.ndindex(fast.value.shape):
        if not (math.isfinite(fast.bound[place]) and math.isfinite(fast.value[place])):
            continue
        assert math.isfinite(sure.value[place])
        guess, slack = rational(fast, place, format)
        truth, doubt = rational(sure, place, format)
        assert abs(guess - truth) <= slack + doubt


@functions
@settings(deadline=None, max_examples=EXAMPLES)
@given(data=st.data())
def test_arb_decides_every_result_far_below_an_ulp(function: str, data: st.DataObject) -> None:
    asked: Question = data.draw(questions(function))
    truth, format = asked.oracle.certified, asked.oracle.format
    seen = np.isfinite(truth.value) & (np.abs(truth.value) <= format.largest)
    assert (truth.bound[seen] <= 2.0 ** (1 - SPARE_BITS)).all()


@pytest.mark.parametrize("function", [name for name in POINTWISE if name != "rrelu"])
@settings(deadline=None, max_examples=EXAMPLES)
@given(data=st.data())
def test_arb_agrees_with_mpmath(function: str, data: st.DataObject) -> None:
    asked: Question = data.draw(questions(function, plain=True))
    format, truth = asked.oracle.format, asked.oracle.certified
    p = {
        key: exact(float(value)) if isinstance(value, float) else value
        for key, value in asked.parameters.items()
    }
    names = [item.name for item in SPECS[function].inputs]
    for place in np.ndindex(truth.value.shape):
        arguments = [_at(asked.oracle, name, place) for name in names]
        want = POINTWISE[function].value(p, *map(exact, arguments))
        if mp.isnan(want):
            assert math.isnan(truth.value[place])
            continue
        if abs(want) > format.largest:
            assert abs(truth.value[place]) >= format.largest
            continue
        step = mp.mpf(float(format.ulp(truth.value[place])))
        middle = mp.mpf(float(truth.value[place])) + mp.mpf(float(truth.rest[place])) * step
        assert abs(middle - want) <= step * mp.mpf(2) ** (2 - SPARE_BITS)


def _at(asked: Oracle, name: str, place: tuple[int, ...]) -> float:
    wide = np.broadcast_to(asked.inputs[name], asked.shape)
    return float(wide[place])


def test_a_subset_of_rows_has_the_truth_of_the_whole() -> None:
    x = np.linspace(-3, 3, 50)[:, None]
    whole = Oracle(parse("exp(x) - 1", frozenset("x")), {"x": x}, 50, 1, ELEMENT, FLOAT32)
    some = np.array([3, 17, 49])
    picked, everything = whole.exact(some), whole.certified
    assert np.array_equal(picked.value, everything.value[some])
    assert np.array_equal(picked.rest, everything.rest[some])


def test_the_truth_is_finer_than_float64() -> None:
    truth = oracle("x / 3", x=1.0).certified
    middle, doubt = rational(truth, (0, 0), FLOAT64)
    assert abs(middle - Fraction(1, 3)) <= doubt
    assert truth.rest[0, 0] != 0


def test_the_value_and_its_rest_are_in_the_formats_ulp() -> None:
    for format in (FLOAT16, FLOAT32, FLOAT64):
        middle, _ = rational(oracle("x / 3", format, x=1.0).certified, (0, 0), format)
        assert abs(middle - Fraction(1, 3)) < Fraction(1, 2**60)


@pytest.mark.parametrize(
    ("text", "x", "want"),
    [
        ("exp(x)", 1e5, math.inf),
        ("exp(x)", -1e5, 0.0),
        ("log(x)", 0.0, -math.inf),
        ("log(x)", -1.0, math.nan),
        ("x - x", math.inf, math.nan),
        ("x / x", 0.0, math.nan),
        ("1 / x", 0.0, math.inf),
        ("x", math.nan, math.nan),
        ("sqrt(x)", -1.0, math.nan),
    ],
)
def test_what_is_no_number_is_what_ieee_says(text: str, x: float, want: float) -> None:
    for truth in (oracle(text, x=x).certified, oracle(text, FLOAT32, x=x).fast):
        assert np.array_equal(truth.value[0, 0], want, equal_nan=True)


def test_overflow_on_the_way_does_not_spoil_the_truth() -> None:
    assert oracle("exp(x) / exp(x)", x=1e4).certified.value[0, 0] == 1


def test_cancellation_costs_precision_but_not_the_truth() -> None:
    fast = oracle("(1 + x) - 1", FLOAT32, x=1e-30).fast
    assert fast.bound[0, 0] > 1
    assert oracle("(1 + x) - 1", FLOAT32, x=1e-30).certified.value[0, 0] == pytest.approx(1e-30)


def test_an_exact_zero_is_zero_within_its_ball() -> None:
    truth = oracle("exp(x) * exp(-x) - 1", x=0.7).certified
    assert truth.value[0, 0] == 0
    assert truth.bound[0, 0] <= 2.0**-SPARE_BITS


def test_what_cannot_be_decided_is_said_so() -> None:
    with pytest.raises(UndecidedError, match="1 rows undecided"):
        oracle("1 if exp(x) * exp(-x) > 1 else 0", x=0.7).certified  # noqa: B018


def test_the_condition_number_is_the_relative_slope() -> None:
    x = frozenset("x")
    found = oracle("x - 1", x=1.001).condition(0, 0, "x", parse("1", x))
    assert found == pytest.approx(1001)


def test_there_is_no_condition_number_at_a_zero() -> None:
    assert oracle("x", x=0.0).condition(0, 0, "x", parse("1")) is None


def test_half_of_the_smallest_subnormal_is_not_zero() -> None:
    tiny = FLOAT64.smallest_subnormal
    tree = parse("x / 2", frozenset({"x"}))
    asked = Oracle(tree, {"x": np.array([[tiny]])}, 1, 1, Extent(rows=True, columns=False), FLOAT64)
    assert asked.certified.value[0, 0] == 0
    assert asked.certified.rest[0, 0] == 0.5


@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="longdouble is float64 here")
def test_a_pole_is_an_infinity_although_float64_loses_the_numerator() -> None:
    asked = oracle("c * y / x", c=-0.25, y=FLOAT64.smallest_subnormal, x=0.0)
    assert np.isnan(asked.ieee).all()
    assert asked.certified.value.tolist() == [[-math.inf]]
    nothing = oracle("c * y / x", c=-0.25, y=0.0, x=0.0)
    assert np.isnan(nothing.certified.value).all()
