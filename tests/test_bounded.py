"""The inherited limit: what a good evaluation in the format may do, and nothing more."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from questions import EXAMPLES, Question, questions
from trysquare.dtypes import BFLOAT16, FLOAT16, FLOAT32, FLOAT64, Array, Format
from trysquare.formula.derivative import Extent
from trysquare.formula.evaluate import evaluate
from trysquare.formula.extended import holds
from trysquare.formula.float64 import Float64
from trysquare.formula.parser import parse
from trysquare.formula.tree import Op, Scope
from trysquare.truth.meaning import meaning
from trysquare.truth.oracle import Oracle
from trysquare.truth.tolerance import allowance
from trysquare.verdict.compare import distance
from workshop import SPECS

functions = pytest.mark.parametrize("function", SPECS)
wider = pytest.mark.skipif(
    not holds(parse("x", frozenset("x"))), reason="nothing wider than float64"
)
X = frozenset({"x", "y"})
ELEMENT = Extent(rows=True, columns=False)


class Rounded(Float64):
    """The same operations, each rounded to a format: a plain evaluation in it."""

    def __init__(self, rows: int, columns: int, format: Format) -> None:
        super().__init__(rows, columns, format)
        self.format = format

    def number(self, value: Fraction) -> Array:
        return self.format.round(super().number(value))

    def apply(self, op: Op, args: list[Array]) -> Array:
        return self._rounded(super().apply(op, args))

    def power(self, base: Array, exponent: int) -> Array:
        result = np.ones((1, 1))
        for _ in range(exponent):
            result = self.apply(Op.MUL, [result, base])
        return result

    def reduce(self, op: Op, arg: Array, scope: Scope) -> Array:
        return self._rounded(super().reduce(op, arg, scope))

    def _rounded(self, result: Array) -> Array:
        return result if result.dtype == bool else self.format.round(result)


def oracle(text: str, format: Format, **inputs: list[float]) -> Oracle:
    rows = {name: np.array(values)[:, None] for name, values in inputs.items()}
    count = len(next(iter(rows.values())))
    return Oracle(parse(text, X), rows, count, 1, ELEMENT, format)


def refused(asked: Oracle, got: Array) -> Array:
    return distance(got, asked.certified, asked.inherited, asked.format).bad


def limit(text: str, format: Format, **inputs: float) -> float:
    """Return the limit at one point, in ULP of the result."""
    asked = oracle(text, format, **{name: [value] for name, value in inputs.items()})
    return float(asked.inherited.limit[0, 0] / format.ulp(asked.ieee)[0, 0])


# What must be accepted.


@functions
@settings(deadline=None, max_examples=EXAMPLES)
@given(data=st.data())
def test_a_correctly_rounded_answer_is_accepted(function: str, data: st.DataObject) -> None:
    asked: Question = data.draw(questions(function))
    truth, format = asked.oracle.certified, asked.oracle.format
    exact = truth.value + truth.rest * format.ulp(truth.value)
    assert not refused(asked.oracle, format.round(exact)).any()


@pytest.mark.parametrize("format", [FLOAT32, FLOAT16, BFLOAT16, FLOAT64], ids=lambda f: f.name)
@pytest.mark.parametrize("text", ["exp(x)", "erfc(-x)", "x * exp(x)", "exp(x) / (1 + exp(x))"])
def test_what_vanishes_may_be_rounded_correctly_on_the_whole_way_down(
    text: str, format: Format
) -> None:
    far = np.concatenate([np.linspace(-8, -56, 500), np.linspace(-56, -3100, 2000)])
    asked = oracle(text, format, x=format.round(far).tolist())
    truth = asked.certified
    exact = truth.value + truth.rest * format.ulp(truth.value)
    assert not refused(asked, format.round(exact)).any()
    # in float64 the last numbers before zero cannot be told from zero
    tells = np.abs(exact) >= 2 * FLOAT64.smallest_subnormal
    assert (asked.inherited.limit > np.abs(exact))[tells & (format.round(exact) == 0)].all()


@functions
@settings(deadline=None, max_examples=EXAMPLES)
@given(data=st.data())
def test_the_formula_evaluated_in_the_format_is_accepted(
    function: str, data: st.DataObject
) -> None:
    asked: Question = data.draw(questions(function))
    arithmetic = Rounded(asked.oracle.rows, asked.oracle.columns, asked.oracle.format)
    wide = {name: np.asarray(value, np.float64) for name, value in asked.oracle.inputs.items()}
    got = np.broadcast_to(evaluate(asked.oracle.tree, arithmetic, wide), asked.oracle.shape)
    assert not refused(asked.oracle, np.array(got)).any()


@pytest.mark.parametrize("format", [FLOAT32, FLOAT16, BFLOAT16], ids=lambda format: format.name)
@pytest.mark.parametrize("text", ["x * y * 3", "x / y / 3", "x + y + x", "(x - y) * (x + y)"])
@given(x=st.floats(0.01, 100), y=st.floats(0.01, 100))
def test_the_order_of_operations_is_free(text: str, format: Format, x: float, y: float) -> None:
    x, y = format.round(np.array([x, y])).tolist()
    other = {"x * y * 3": "3 * x * y", "x / y / 3": "x / 3 / y", "x + y + x": "x + x + y"}
    got = evaluate(
        parse(other.get(text, text), X),
        Rounded(1, 1, format),
        {"x": np.full((1, 1), x), "y": np.full((1, 1), y)},
    )
    assert not refused(oracle(text, format, x=[x], y=[y]), got).any()


# What must be refused.


def naive(function: Callable[[Array], Array], x: list[float], dtype: type = np.float32) -> Array:
    with np.errstate(over="ignore"):
        return np.asarray(function(np.array(x, dtype)), np.float64)[:, None]


def test_one_plus_erf_is_refused_in_the_tail() -> None:
    x = [-4.0, -5.0, -6.0]
    asked = oracle("x * erfc(-x / sqrt(2)) / 2", FLOAT32, x=x)
    root = np.float32(np.sqrt(2))
    erf = np.array([math.erf(float(np.float32(v) / root)) for v in x], np.float32)
    gelu = naive(lambda v: v * (1 + erf) / 2, x)
    assert refused(asked, gelu).all()


def test_a_term_that_vanished_leaves_the_rest_alone() -> None:
    for x in (-20.0, -200.0, -3002.0):
        y = float(FLOAT16.round(np.array(1e-5)))
        asked = oracle("y - y * exp(x)", FLOAT16, x=[x], y=[y])
        assert not refused(asked, np.full((1, 1), y)).any()
        assert refused(asked, np.full((1, 1), y - FLOAT16.smallest_subnormal)).all()


def test_an_exponential_minus_one_is_refused_near_zero() -> None:
    x = [1e-3, -1e-4, 1e-5]
    got = naive(lambda v: np.exp(v) - np.float32(1), x)
    assert refused(oracle("expm1(x)", FLOAT32, x=[float(np.float32(v)) for v in x]), got).all()


def test_where_the_spec_itself_cancels_that_is_no_fault() -> None:
    x = [1e-3, -1e-4, 1e-5]
    got = naive(lambda v: np.exp(v) - np.float32(1), x)
    exact = [float(np.float32(v)) for v in x]
    assert not refused(oracle("exp(x) - 1", FLOAT32, x=exact), got).any()


def test_one_minus_the_square_of_tanh_is_refused_where_it_saturates() -> None:
    x = [5.0, 7.0, -6.0]
    got = naive(lambda v: np.float32(1) - np.tanh(v) ** 2, x)
    text = "4 * exp(-2 * abs(x)) / (1 + exp(-2 * abs(x)))**2"
    assert refused(oracle(text, FLOAT32, x=x), got).all()


def test_the_logarithm_of_a_sum_is_refused_where_log1p_is_asked() -> None:
    x = [1e-4, 1e-6]
    got = naive(lambda v: np.log(1 + v), x)
    assert refused(oracle("log1p(x)", FLOAT32, x=[float(np.float32(v)) for v in x]), got).all()


def test_zero_is_refused_for_a_tiny_result() -> None:
    assert refused(oracle("exp(x)", FLOAT32, x=[-100.0]), np.zeros((1, 1))).all()


def test_what_has_vanished_is_zero() -> None:
    for text in ("x * exp(x)", "x * erfc(-x)", "x * (exp(x) / (1 + exp(x)))"):
        for format, x in ((FLOAT32, -1e30), (BFLOAT16, -1e30), (FLOAT16, -6e4), (FLOAT64, -1e300)):
            asked = oracle(text, format, x=[float(format.round(np.array(x)))])
            assert refused(asked, np.full((1, 1), -format.smallest_subnormal)).all()
            assert not refused(asked, np.zeros((1, 1))).any()


def test_what_is_left_of_a_subnormal_has_the_published_bound() -> None:
    assert limit("exp(x)", FLOAT32, x=-103.0) == 3
    assert limit("x * exp(x)", FLOAT32, x=-100.0) > 300


# How wide it is.


def test_a_choice_rounds_nothing() -> None:
    assert limit("x if x > 0 else -y", FLOAT32, x=0.1, y=0.2) == 0
    assert limit("maximum(abs(x), y)", FLOAT32, x=0.1, y=0.2) == 0


@pytest.mark.parametrize(("x", "limit"), [(1e30, 0.0), (2.0, 3 * 2.0**-24), (-1e30, 0.0)])
def test_the_loser_of_a_clear_comparison_adds_no_error(x: float, limit: float) -> None:
    asked = oracle("minimum(maximum(x + 3, 0), 6)", FLOAT32, x=[x])
    assert asked.inherited.limit[0, 0] == pytest.approx(limit, rel=1)


def test_one_operation_is_one_rounding() -> None:
    # the unit roundoff relative to the result: half an ULP at the start of a binade, one at its end
    assert limit("x + y", FLOAT32, x=1.0, y=0.5) == 0.75
    assert limit("x * y", FLOAT32, x=1.0, y=1.0) == pytest.approx(0.5)


def test_an_exponential_has_the_published_bound() -> None:
    assert limit("exp(x)", FLOAT32, x=1.0) == 3
    assert limit("exp(x)", FLOAT16, x=1.0) == 2


def test_a_rounded_argument_costs_what_it_moves_the_result() -> None:
    assert limit("exp(x * y)", FLOAT32, x=40.0, y=1.1) > 20


def test_cancellation_is_forgiven_only_to_rounded_numbers() -> None:
    assert limit("x - y", FLOAT32, x=1.0, y=1 - 2.0**-20) <= 1
    assert limit("x * x - y", FLOAT32, x=1.1, y=1.2) > 1


def test_a_sum_may_round_as_its_length_allows() -> None:
    x = np.ones((1, 100))
    whole = Extent(rows=True, columns=False)
    asked = Oracle(parse("sum(x)", X), {"x": x}, 1, 100, whole, FLOAT32)
    assert asked.inherited.limit[0, 0] == pytest.approx(34 * 100 * 2.0**-24)


def test_a_zero_is_added_without_an_error() -> None:
    x, y = np.array([[0.0, 1.1, 0.0, -0.0]]), np.array([[1.0, 2.2, 3.3, 0.0]])
    for text, least, most in (("sum(x)", 0, 0), ("sum(x * y)", 0.5, 1), ("sum(y)", 4, 12)):
        asked = Oracle(parse(text, X), {"x": x, "y": y}, 1, 4, ELEMENT, FLOAT32)
        assert least <= asked.inherited.limit[0, 0] / FLOAT32.ulp(asked.ieee)[0, 0] <= most


def test_a_sum_of_cancelling_terms_is_judged_by_their_magnitudes() -> None:
    x = np.array([[1e6, -1e6, 1.0, 1e-3]])
    asked = Oracle(parse("sum(x)", X), {"x": x}, 1, 4, ELEMENT, FLOAT32)
    assert asked.inherited.limit[0, 0] == pytest.approx(10 * 2e6 * 2.0**-24, rel=0.01)


def test_an_undecided_branch_allows_either_result() -> None:
    # 3 * x - 1 rounds to zero or to either side of it
    x = float(np.float32(1 / 3))
    assert limit("1 if 3 * x - 1 > 0 else 2", FLOAT32, x=x) >= 2.0**22
    assert limit("1 if 3 * x - 1 > 0 else 2", FLOAT32, x=0.5) == 0


@pytest.mark.parametrize("other", ["nan", "inf", "-inf"])
def test_a_branch_that_is_no_number_leaves_the_limit_of_the_other(other: str) -> None:
    x, text = float(np.float32(1 / 3)), f"y / 3 if 3 * x - 1 > 0 else {other}"
    for one in (x, float(np.nextafter(np.float32(x), np.float32(1)))):
        assert limit(text, FLOAT32, x=one, y=1.0) <= 1


def test_float64_may_take_another_branch_than_the_truth() -> None:
    # the truth is x, and x + 1 - x is no more than 0 in any format: 3 * x, rounded up
    x = float(np.float32(2.0**100 * (1 + 2.0**-23)))
    asked = oracle("x if x + y - x > 0 else 3 * x", FLOAT32, x=[x], y=[1.0])
    got = FLOAT32.round(np.array([[3 * x]]))
    assert asked.certified.value[0, 0] == x
    assert got[0, 0] > 3 * x
    assert not refused(asked, got).any()


def test_a_pole_inside_the_error_allows_anything() -> None:
    asked = oracle("1 / (x * x - y)", FLOAT32, x=[float(np.float32(1.1))], y=[1.21])
    assert asked.inherited.limit[0, 0] == np.inf


def test_a_subnormal_may_be_flushed_only_where_that_is_declared() -> None:
    asked = oracle("x * y", FLOAT32, x=[1e-38], y=[0.5])
    got = np.zeros((1, 1))
    for flushes, wrong in ((False, True), (True, False)):
        allowed = allowance(asked, None, 1, flushes=flushes)
        assert distance(got, asked.certified, allowed, FLOAT32).bad.all() == wrong


def test_flushing_excuses_no_normal_number() -> None:
    asked = oracle("x * y", FLOAT32, x=[1e-30], y=[0.5])
    allowed = allowance(asked, None, 1, flushes=True)
    assert distance(np.zeros((1, 1)), asked.certified, allowed, FLOAT32).bad.all()


@pytest.mark.parametrize("factor", [1.0, 0.0, 2.0, -1.0])
@pytest.mark.parametrize(
    "text", ["x * exp(x)", "x / 2 * exp(x)", "exp(x) if exp(x) == 0 else exp(x)"]
)
def test_what_may_be_flushed_is_zero_or_right_and_not_twice_the_truth(
    text: str, factor: float
) -> None:
    asked = oracle(text, FLOAT32, x=[-88.0])
    got = FLOAT32.round(factor * asked.ieee)
    wrong = distance(got, asked.certified, allowance(asked, None, 1, flushes=True), FLOAT32).bad
    assert wrong.all() == (factor not in (0.0, 1.0))


@pytest.mark.parametrize(("got", "right"), [(1.0, True), (0.0, True), (-1.0, False), (2.0, False)])
def test_the_sign_of_what_may_be_flushed_is_its_own_or_none(got: float, right: bool) -> None:  # noqa: FBT001
    asked = oracle("sign(x - y)", FLOAT32, x=[2.0**-126], y=[2.0**-127])
    allowed = allowance(asked, None, 1, flushes=True)
    bad = distance(np.full((1, 1), got), asked.certified, allowed, FLOAT32).bad
    assert bad.all() != right


@pytest.mark.parametrize(("got", "wrong"), [(1.4, False), (1.1, False), (2.8, True), (-1.5, True)])
def test_what_cancels_on_the_way_through_a_sum_may_be_flushed_in_any_order(
    got: float,
    wrong: bool,  # noqa: FBT001
) -> None:
    tiny = FLOAT32.smallest_normal
    row = FLOAT32.round(np.array([[1.5, -1.2, 1.1]]) * tiny)
    asked = Oracle(parse("sum(x)", X), {"x": row}, 1, 3, ELEMENT, FLOAT32)
    allowed = allowance(asked, None, 3, flushes=True)
    answer = FLOAT32.round(np.full((1, 1), got * tiny))
    assert distance(answer, asked.certified, allowed, FLOAT32).bad.all() == wrong


def test_a_term_that_may_be_flushed_moves_a_sum_to_one_side() -> None:
    asked = oracle("x - exp(y)", FLOAT32, x=[2.0**-120], y=[-88.0])
    allowed = allowance(asked, None, 1, flushes=True)
    for got, wrong in ((2.0**-120, False), (2.0**-120 - 2 * math.exp(-88.0), True)):
        rows = FLOAT32.round(np.full((1, 1), got))
        assert distance(rows, asked.certified, allowed, FLOAT32).bad.all() == wrong


# Overflow on the way.


def accepts(text: str, got: float, inputs: dict[str, float], format: Format = FLOAT32) -> bool:
    asked = oracle(text, format, **{name: [value] for name, value in inputs.items()})
    return not refused(asked, np.full((1, 1), got)).any()


def test_an_overflow_on_the_way_may_be_seen() -> None:
    assert accepts("x * x / y", math.inf, {"x": 1e30, "y": 1e30})
    assert accepts("(x * x) / (x * x)", math.nan, {"x": 1e30})
    assert not accepts("x * x / y", 2e30, {"x": 1e30, "y": 1e30})


@wider
@pytest.mark.parametrize("format", [FLOAT32, FLOAT16, BFLOAT16, FLOAT64], ids=lambda f: f.name)
def test_a_number_that_an_overflow_leads_to_is_right_as_well(format: Format) -> None:
    x = format.largest / 4
    for got, right in ((0.0, True), (1 / (x * x), True), (2 * format.smallest_normal, False)):
        near = float(format.round(np.array(got)))
        assert accepts("1 / (1 + x * x)", near, {"x": x}, format) == right
    y = 3.0
    for got, right in ((x, True), (y, True), (x / 2, False), (math.inf, False), (2 * y, False)):
        assert accepts("x if x * x == inf else y", got, {"x": x, "y": y}, format) == right


@wider
def test_where_float64_overflows_on_the_way_a_wider_format_bounds_the_straight_one() -> None:
    x, text = {"x": 1e200, "y": 3e200}, "y * x / x"
    for got, right in ((3e200, True), (math.inf, True), (4e200, False), (math.nan, False)):
        assert accepts(text, got, x, FLOAT64) == right
    asked = oracle("exp(x) / exp(y)", FLOAT64, x=[800.0, 1.0], y=[799.0, 0.0])
    # both exponentials are rounded, wherever they are
    limits = (asked.inherited.limit / FLOAT64.ulp(asked.certified.value))[:, 0]
    assert limits[0] == pytest.approx(limits[1], rel=0.5)


def test_an_overflow_that_makes_no_difference_widens_nothing() -> None:
    asked = oracle("y / 3 if x * x > 1 else y", FLOAT32, x=[1e30, 1e10], y=[1.0, 1.0])
    assert asked.inherited.straight.all()
    assert refused(asked, np.full((2, 1), 1 / 3 + 2.0**-24)).all()


@pytest.mark.parametrize(
    ("text", "inputs"),
    [
        ("abs(x - y)", {"x": math.inf, "y": 0.0}),
        ("x * x", {"x": math.inf}),
        ("-log(x)", {"x": 0.0}),
        ("1 / abs(x)", {"x": 0.0}),
        ("exp(x)", {"x": math.inf}),
        ("x * x", {"x": 1e30}),
        ("exp(x)", {"x": 1000.0}),
        ("sqrt(x)", {"x": math.inf}),
    ],
)
def test_an_infinity_that_is_the_answer_is_not_nan(text: str, inputs: dict[str, float]) -> None:
    assert accepts(text, math.inf, inputs)
    assert not accepts(text, math.nan, inputs)
    assert not accepts(text, -math.inf, inputs)
    assert not accepts(text, FLOAT32.largest, inputs)


@pytest.mark.parametrize("format", [FLOAT32, FLOAT16, BFLOAT16, FLOAT64], ids=lambda f: f.name)
def test_a_branch_not_taken_excuses_no_overflow(format: Format) -> None:
    assert not accepts("x if x < y else x * x * x", math.inf, {"x": 1.0, "y": 2.0}, format)


def test_an_exponent_that_overflows_excuses_nothing() -> None:
    for got in (math.nan, math.inf, 0.5):
        assert not accepts("y + x * exp(-x * x)", got, {"x": 1e300, "y": 1.0}, FLOAT64)
    assert accepts("y + x * exp(-x * x)", 1.0, {"x": 1e300, "y": 1.0}, FLOAT64)


def test_a_numerator_that_underflows_at_a_pole_may_be_nan() -> None:
    pole = {"x": 0.0, "y": FLOAT32.smallest_subnormal}
    assert accepts("0.5 * y / x", math.nan, pole)
    assert accepts("0.5 * y / x", math.inf, pole)
    assert not accepts("0.5 * y / x", 0.0, pole)
    assert not accepts("2 * y / x", math.nan, pole)


@pytest.mark.parametrize("format", [FLOAT32, FLOAT64], ids=lambda f: f.name)
def test_an_infinity_that_is_divided_excuses_nothing(format: Format) -> None:
    assert not accepts("expm1(x / 0.1)", 5.0, {"x": -math.inf}, format)
    assert accepts("expm1(x / 0.1)", -1.0, {"x": -math.inf}, format)


def test_a_rounded_factor_of_an_infinity_excuses_nothing() -> None:
    assert not accepts("0 if 0.1 * x == -inf else x", math.nan, {"x": -math.inf})
    assert accepts("0 if 0.1 * x == -inf else x", 0.0, {"x": -math.inf})


def test_a_parameter_of_one_rounds_nothing() -> None:
    # the error of beta * x is multiplied by x, where it is exponentiated
    for beta, x, least, most in ((1.0, -80.0, 1, 15), (2.0, -40.0, 40, 100)):
        terms = meaning(SPECS["silu"], {"beta": beta}).terms
        asked = Oracle(terms, {"x": np.array([[x]])}, 1, 1, ELEMENT, FLOAT32)
        assert least < asked.inherited.limit[0, 0] / FLOAT32.ulp(asked.ieee)[0, 0] < most
