"""The correctly rounded answer is that of integers and of another library, or said to be open."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from questions import EXAMPLES, Question, questions
from trysquare.dtypes import BFLOAT16, FLOAT16, FLOAT32, FLOAT64, FORMATS, Array, Format
from trysquare.formula.derivative import Extent
from trysquare.formula.parser import parse
from trysquare.planning.sampling import whole_format
from trysquare.truth.oracle import Oracle
from trysquare.truth.rounding import candidates, rounded, same
from trysquare_miniatures.textbook import exact, mp
from trysquare_miniatures.textbook_pointwise import POINTWISE
from trysquare_miniatures.textbook_rounding import nearest
from trysquare_miniatures.textbook_row_losses import ROWS
from workshop import SPECS

ELEMENT = Extent(rows=True, columns=False)
DIGITS = 700
"""Enough for 1 + x where x is the smallest float64."""

formats = pytest.mark.parametrize("format", FORMATS.values(), ids=FORMATS)


def asked(text: str, format: Format, **inputs: float | Array) -> Oracle:
    rows = {name: np.reshape(value, (-1, 1)).astype(float) for name, value in inputs.items()}
    count = max(len(value) for value in rows.values())
    return Oracle(parse(text, frozenset(inputs)), rows, count, 1, ELEMENT, format)


def one(text: str, format: Format, **inputs: float) -> float:
    values, undecided = rounded(asked(text, format, **inputs))
    assert not undecided.any()
    return float(values[0, 0])


def signed(value: float) -> tuple[float, bool]:
    return value, math.copysign(1, value) < 0


def differing(found: Iterable[float], want: Iterable[float]) -> list[tuple[float, float]]:
    """Pairs of numbers that are not the same; zeros count as the same whatever their sign."""
    pairs = zip(found, want, strict=True)
    return [(a, b) for a, b in pairs if a != b and not (math.isnan(a) and math.isnan(b))]


@pytest.mark.parametrize("function", [name for name in POINTWISE if name != "rrelu"])
@settings(deadline=None, max_examples=EXAMPLES)
@given(data=st.data())
def test_one_number_is_rounded_as_integers_round_many_digits(
    function: str, data: st.DataObject
) -> None:
    question: Question = data.draw(questions(function, plain=True))
    oracle = question.oracle
    values, undecided = rounded(oracle)
    p = {
        key: exact(float(value)) if isinstance(value, float) else value
        for key, value in question.parameters.items()
    }
    names = [item.name for item in SPECS[function].inputs]
    for place in np.ndindex(values.shape):
        wide = [np.broadcast_to(oracle.inputs[name], oracle.shape)[place] for name in names]
        with mp.workdps(DIGITS):
            term = POINTWISE[function].value(p, *(exact(float(number)) for number in wide))
        want = nearest(term, oracle.format.name)
        if undecided[place]:
            least, greatest = candidates(oracle)
            assert least[place] <= want <= greatest[place]
        else:
            got = float(values[place])
            if math.isinf(want) and 0 in wide:  # zeros of mpmath have no sign, nor has a pole there
                got, want = abs(got), abs(want)
            assert differing([got], [want]) == []


def test_a_tie_but_for_less_than_any_precision_shows_is_left_open() -> None:
    # x - tanh(x) is half way between 2048 and 2050, and exp(-4100) above it
    oracle = asked("x - tanh(x)", FLOAT16, x=2050.0)
    assert rounded(oracle)[1].all()
    assert [float(one[0, 0]) for one in candidates(oracle)] == [2048, 2050]
    assert nearest(POINTWISE["tanh_shrink"].value({}, exact(2050.0)), "float16") == 2050


@pytest.mark.parametrize("function", ROWS)
@settings(deadline=None, max_examples=EXAMPLES)
@given(data=st.data())
def test_a_row_is_rounded_as_integers_round_many_digits(function: str, data: st.DataObject) -> None:
    oracle = data.draw(questions(function, plain=True)).oracle
    values, undecided = rounded(oracle)
    (rows,) = oracle.inputs.values()
    least, greatest = candidates(oracle)
    with mp.workdps(DIGITS):
        for place, row in enumerate(rows):
            terms = ROWS[function][0]([exact(float(number)) for number in row])
            want = np.array([nearest(term, oracle.format.name) for term in terms])
            known = ~undecided[place]
            assert differing(values[place][known], want[known]) == []
            # a tie, but for exp(-1e37): no precision tells it from one
            assert ((least[place] <= want) & (want <= greatest[place]))[~known].all()


@pytest.mark.parametrize("format", [FLOAT16, BFLOAT16], ids=lambda format: format.name)
def test_half_of_every_number_of_a_format_is_its_half_to_even(format: Format) -> None:
    x = whole_format(format)
    values, undecided = rounded(asked("x / 2", format, x=x))
    assert not undecided.any()
    want = [nearest(mp.mpf(float(number)) / 2, format.name) for number in x]
    assert differing(values[:, 0], want) == []
    assert (np.signbit(values[:, 0]) == np.signbit(x))[~np.isnan(x)].all()


@formats
def test_an_exact_tie_goes_to_even(format: Format) -> None:
    step = format.smallest_subnormal
    assert [one("x / 2", format, x=count * step) / step for count in (1, 3, 5, 7)] == [0, 2, 2, 4]
    assert one("1 + x", format, x=format.eps / 2) == 1
    assert one("1 + 3 * x", format, x=format.eps / 2) == 1 + 2 * format.eps


@formats
def test_a_hair_beside_a_tie_is_no_tie(format: Format) -> None:
    step = format.smallest_subnormal
    assert one("x / 2 + x * x", format, x=step) == step
    assert one("3 * x / 2 - x * x", format, x=step) == step
    assert one("1 + x + x**16", format, x=format.eps / 2) == 1 + format.eps
    assert one("x * exp(x) / 2", format, x=step) == step


def test_rounding_twice_is_not_rounding_once() -> None:
    oracle = asked("1 + x + y", FLOAT16, x=2.0**-11, y=2.0**-70)
    assert FLOAT16.round(oracle.ieee)[0, 0] == 1
    assert rounded(oracle)[0][0, 0] == 1 + 2.0**-10


@formats
def test_half_a_step_beyond_the_largest_number_is_infinite(format: Format) -> None:
    largest = format.largest
    half = float(format.ulp(np.array(largest))) / 2
    below = math.nextafter(half, 0)
    assert one("x + y", format, x=largest, y=half) == math.inf
    assert one("x + y", format, x=largest, y=below) == largest
    assert one("x - y", format, x=-largest, y=half) == -math.inf
    assert one("x - y", format, x=-largest, y=below) == -largest


@formats
def test_what_is_too_small_keeps_its_sign(format: Format) -> None:
    step = format.smallest_subnormal
    assert signed(one("-x / 4", format, x=step)) == (0, True)
    assert signed(one("x * x", format, x=-step)) == (0, False)
    assert signed(one("-exp(x)", format, x=-1e4)) == (0, True)
    assert signed(one("-erfc(x)", format, x=1e30)) == (0, True)


@formats
def test_an_exact_zero_has_the_sign_of_ieee_arithmetic(format: Format) -> None:
    assert signed(one("0 * x", format, x=-1.0)) == (0, True)
    assert signed(one("x - 1", format, x=1.0)) == (0, False)
    assert signed(one("x", format, x=-0.0)) == (0, True)
    assert signed(one("expm1(x)", format, x=-0.0)) == (0, True)


@formats
@pytest.mark.parametrize(
    ("text", "x", "want"),
    [
        ("exp(x)", 1e5, math.inf),
        ("exp(x)", -math.inf, 0.0),
        ("log(x)", 0.0, -math.inf),
        ("log(x)", -1.0, math.nan),
        ("x - x", math.inf, math.nan),
        ("x / x", 0.0, math.nan),
        ("1 / x", -0.0, -math.inf),
        ("x", math.nan, math.nan),
        ("sqrt(x)", -1.0, math.nan),
        ("1 / (1 + exp(-x))", math.inf, 1.0),
        ("erf(x)", -math.inf, -1.0),
        ("erfc(x)", -math.inf, 2.0),
        ("erfc(x)", math.inf, 0.0),
        ("exp(-x * x)", -math.inf, 0.0),
        ("3 * erfc(x * x)", -math.inf, 0.0),
        ("tanh(x)", math.inf, 1.0),
        ("3 * sign(x)", -math.inf, -3.0),
    ],
)
def test_infinities_and_nan_are_what_ieee_says(
    text: str, x: float, want: float, format: Format
) -> None:
    assert differing([one(text, format, x=x)], [want]) == []


@formats
def test_what_overflows_on_the_way_is_still_rounded(format: Format) -> None:
    assert one("exp(x) / exp(x)", format, x=1e4) == 1
    assert one("exp(x) / (1 + exp(x))", format, x=1e4) == 1


def test_what_cannot_be_decided_is_left_open_with_both_candidates() -> None:
    oracle = asked("1 if exp(x) * exp(-x) > 1 else 0", FLOAT32, x=0.7)
    values, undecided = rounded(oracle)
    low, high = candidates(oracle)
    assert undecided.tolist() == [[True]]
    assert np.isnan(values).all()
    assert low[0, 0] <= 0
    assert high[0, 0] >= 1


def test_an_overflow_of_float64_decides_nothing() -> None:
    oracle = asked("exp(x) * exp(-x) * (1 if exp(x) * exp(-x) > 1 else 2)", FLOAT32, x=800.0)
    assert np.isnan(oracle.ieee).all()
    assert rounded(oracle)[1].all()


def test_a_zero_that_cannot_be_proven_has_no_sign() -> None:
    oracle = asked("exp(x) * exp(-x) - 1", FLOAT64, x=0.7)
    low, high = candidates(oracle)
    assert rounded(oracle)[1].all()
    assert [signed(float(low[0, 0])), signed(float(high[0, 0]))] == [(0, True), (0, False)]


def test_an_open_element_leaves_the_others_of_its_row_decided() -> None:
    tree = parse("x * x if x > 1 else exp(x) * exp(-x) - 1", frozenset({"x"}))
    rows = {"x": np.array([[0.7, 3.0]])}
    oracle = Oracle(tree, rows, 1, 2, Extent(rows=True, columns=True), FLOAT16)
    values, undecided = rounded(oracle)
    assert undecided.tolist() == [[True, False]]
    assert values[0, 1] == 9


@pytest.mark.parametrize("format", [FLOAT16, BFLOAT16], ids=lambda format: format.name)
@pytest.mark.parametrize("function", ["sigmoid", "elu"])
def test_the_fast_tier_rounds_as_arb_does(function: str, format: Format) -> None:
    text = SPECS[function].formula.options[""].text.replace("alpha", "1")
    oracle = asked(text, format, x=whole_format(format)[::7])
    fast, _ = rounded(oracle)
    blind = asked(text, format, x=whole_format(format)[::7])
    blind.__dict__["fast"] = blind.fast.where(
        ~np.isfinite(blind.inputs["x"]),
        type(blind.fast)(blind.fast.value, blind.fast.rest, np.full_like(fast, np.inf)),
    )
    sure, undecided = rounded(blind)
    assert not undecided.any()
    assert same(fast, sure).all()
