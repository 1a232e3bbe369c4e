"""Distance and verdict of one element: the ULP, the edges of a format, and what is no number."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trysquare.dtypes import FLOAT16, FLOAT32, FLOAT64, FORMATS, Format
from trysquare.result import Symptom
from trysquare.truth.known import Allowance, Truth
from trysquare.verdict.compare import (
    Distance,
    distance,
    integer_distance,
    special_mismatch,
    symptoms,
)

every = pytest.mark.parametrize("format", FORMATS.values(), ids=FORMATS)
INF, NAN = math.inf, math.nan


def truth(exact: float, rest: float = 0.0, bound: float = 0.0) -> Truth:
    return Truth(*(np.full((1, 1), part) for part in (exact, rest, bound)))


def judged(
    got: float, exact: Truth, format: Format, ulps: float = 0.0, *, spilled: float = 0.0
) -> Distance:
    """Judge one element; the limit is so many ULP of the format at the exact value."""
    allowed = Allowance(ulps * format.ulp(exact.value), np.full((1, 1), spilled))
    return distance(np.full((1, 1), got), exact, allowed, format)


def ulp(got: float, exact: float, format: Format, rest: float = 0.0) -> float:
    return float(judged(got, truth(exact, rest), format).ulp[0, 0])


def bad(
    got: float, exact: float, format: Format, ulps: float = 0.0, *, spilled: float = 0.0
) -> bool:
    return bool(judged(got, truth(exact), format, ulps, spilled=spilled).bad[0, 0])


def symptom(got: float, exact: float, format: Format) -> Symptom | None:
    found = judged(got, truth(exact), format)
    kind: Symptom | None = symptoms(np.full((1, 1), got), truth(exact).value, found, format)[0, 0]
    return kind


@every
def test_a_neighbour_above_a_power_of_two_is_one_ulp_away(format: Format) -> None:
    assert ulp(1 + format.eps, 1.0, format) == 1


@every
def test_a_neighbour_below_a_power_of_two_is_half_an_ulp_away(format: Format) -> None:
    assert ulp(1 - format.eps / 2, 1.0, format) == -0.5


@every
def test_the_ulp_is_the_truths_and_not_the_answers(format: Format) -> None:
    assert ulp(1.0, 1 - format.eps / 2, format) == 1


@every
def test_the_rest_of_the_truth_counts(format: Format) -> None:
    assert ulp(1.0, 1.0, format, rest=0.25) == -0.25


@every
def test_among_subnormals_an_ulp_is_the_smallest_of_them(format: Format) -> None:
    tiny = format.smallest_subnormal
    assert ulp(3 * tiny, tiny, format) == 2
    assert ulp(0.0, 5 * tiny, format) == -5


@every
def test_zero_for_the_smallest_normal_is_off_by_every_digit(format: Format) -> None:
    assert ulp(0.0, format.smallest_normal, format) == -(2 ** (format.precision - 1))
    assert symptom(0.0, format.smallest_normal, format) is Symptom.LOST


@every
def test_the_smallest_subnormal_for_an_exact_zero_is_one_ulp(format: Format) -> None:
    assert ulp(format.smallest_subnormal, 0.0, format) == 1
    assert symptom(format.smallest_subnormal, 0.0, format) is Symptom.INACCURATE


@pytest.mark.parametrize("format", [FLOAT32, FLOAT16], ids=lambda format: format.name)
def test_zero_for_what_is_less_than_half_of_the_smallest_is_within_half_an_ulp(
    format: Format,
) -> None:
    tiny = format.smallest_subnormal
    assert not bad(0.0, 0.49 * tiny, format, 0.5)
    assert bad(0.0, 0.51 * tiny, format, 0.5)
    assert symptom(0.0, 0.4 * tiny, format) is Symptom.INACCURATE


@every
def test_infinity_is_one_ulp_beyond_the_largest(format: Format) -> None:
    if format is FLOAT64:
        assert ulp(INF, format.largest, format) == pytest.approx(1)
        return
    assert ulp(INF, format.largest, format) == 1
    assert ulp(-INF, -format.largest, format) == -1


@every
def test_infinity_conforms_only_within_the_limit_of_the_largest(format: Format) -> None:
    assert bad(INF, format.largest, format, 0.5)
    assert not bad(INF, format.largest, format, 1.5)


@every
def test_the_other_infinity_never_conforms(format: Format) -> None:
    assert bad(-INF, format.largest, format, 100)
    assert bad(-INF, INF, format, 1e6)


@pytest.mark.parametrize("format", [FLOAT32, FLOAT16], ids=lambda format: format.name)
def test_where_rounding_overflows_infinity_is_right(format: Format) -> None:
    edge = format.largest + float(format.ulp(np.array(format.largest))) / 2
    assert not bad(INF, edge, format)
    assert not bad(INF, 1e300, format)
    assert bad(-INF, 1e300, format)
    assert bad(INF, np.nextafter(edge, 0), format)


@pytest.mark.parametrize("format", [FLOAT32, FLOAT16], ids=lambda format: format.name)
def test_the_largest_is_wrong_where_the_truth_is_far_beyond(format: Format) -> None:
    assert symptom(format.largest, 1e300, format) is Symptom.INFINITY


@every
def test_the_largest_is_no_infinity(format: Format) -> None:
    assert symptom(format.largest, INF, format) is Symptom.INFINITY
    assert bad(format.largest, INF, format, 1e6)


def test_a_double_may_stay_just_inside_where_the_truth_is_just_beyond() -> None:
    largest, ulp = FLOAT64.largest, float(FLOAT64.ulp(np.array(FLOAT64.largest)))

    def refused(got: float, spilled: float) -> bool:
        allowed = Allowance(np.full((1, 1), 2 * ulp), np.full((1, 1), spilled))
        return bool(distance(np.full((1, 1), got), truth(-INF), allowed, FLOAT64).bad[0, 0])

    assert not refused(-largest, spilled=-largest)
    assert refused(-largest + 4 * ulp, spilled=-largest)
    assert refused(largest, spilled=-largest)
    assert refused(-largest, spilled=-INF)


@every
def test_an_infinity_that_is_right_is_no_distance(format: Format) -> None:
    assert math.isnan(ulp(INF, INF, format))
    assert not bad(INF, INF, format)


@every
def test_no_number_is_at_a_distance_from_an_infinity_that_is_right(format: Format) -> None:
    assert math.isnan(ulp(1.0, INF, format))
    assert bad(1.0, INF, format, 1e6)


def test_the_ulp_below_a_power_of_two_is_half_as_large() -> None:
    above = judged(1.0, truth(1.0, rest=0.25), FLOAT64).ulp[0, 0]
    below = judged(1.0, truth(1.0, rest=-0.25), FLOAT64).ulp[0, 0]
    assert (above, below) == (-0.25, 0.5)


@every
@pytest.mark.parametrize(("got", "exact"), [(NAN, 1.0), (1.0, NAN), (NAN, INF), (INF, NAN)])
def test_nan_matches_nothing_but_nan(format: Format, got: float, exact: float) -> None:
    assert symptom(got, exact, format) is Symptom.NAN
    assert bad(got, exact, format, 1e6)


@every
def test_nan_matches_nan(format: Format) -> None:
    assert not bad(NAN, NAN, format)


@every
def test_an_overflow_on_the_way_excuses_only_what_it_gives(format: Format) -> None:
    assert not bad(NAN, 1.0, format, spilled=NAN)
    assert not bad(INF, 1.0, format, spilled=INF)
    assert bad(NAN, 1.0, format, spilled=INF)
    assert bad(-INF, 1.0, format, spilled=INF)
    assert bad(2.0, 1.0, format, spilled=INF)


def test_doubles_near_overflow_keep_their_digits() -> None:
    largest = FLOAT64.largest
    below = float(np.nextafter(largest, 0))
    assert ulp(below, largest, FLOAT64) == -1
    assert ulp(largest, below, FLOAT64) == 1
    assert ulp(-largest, largest, FLOAT64) == -(2.0**54 - 2)


def test_doubles_near_zero_keep_their_digits() -> None:
    assert ulp(1e-323, 5e-324, FLOAT64) == 1
    assert ulp(5e-324, 0.0, FLOAT64) == 1
    assert ulp(-5e-324, 5e-324, FLOAT64) == -2
    normal = FLOAT64.smallest_normal
    assert ulp(normal, float(np.nextafter(normal, 1)), FLOAT64) == -1


def test_a_double_of_another_world_is_still_a_number() -> None:
    assert ulp(1.0, 5e-324, FLOAT64) == 1e300
    assert bad(1.0, 5e-324, FLOAT64, 1e6)
    assert ulp(5e-324, 1.0, FLOAT64) == -(2.0**52)


def test_only_what_is_proven_is_blamed() -> None:
    one, near = truth(1.0, rest=-1e-30, bound=2e-30), truth(1.0, rest=-1e-30, bound=0.0)
    assert not judged(1.0, one, FLOAT32, 0.0).bad.any()
    assert judged(1.0, near, FLOAT32, 0.0).bad.all()


def test_what_is_proven_to_a_fraction_of_a_subnormal_is_not_blamed_for_it() -> None:
    tiny = truth(2.0**-1040, rest=-1e-30, bound=2e-30)
    assert not judged(2.0**-1040, tiny, FLOAT64, 0.0).bad.any()


def test_what_the_bound_does_not_decide_is_unsure() -> None:
    one, beyond = truth(1.0, bound=2.0**-20), 1 + FLOAT32.eps
    assert judged(beyond, one, FLOAT32, 1.0).unsure.all()
    assert not judged(beyond, one, FLOAT32, 1.1).unsure.any()
    assert judged(1.0, truth(1.0, bound=INF), FLOAT32, 1.0).unsure.all()


@every
@given(got=st.floats(), exact=st.floats())
def test_every_element_gets_one_verdict_and_one_symptom(
    format: Format, got: float, exact: float
) -> None:
    answer = float(format.round(np.array([got]))[0])
    found = symptom(answer, exact, format)
    assert bad(answer, exact, format) == (found is not None)


@pytest.mark.parametrize("format", [FLOAT32, FLOAT16], ids=lambda format: format.name)
@given(exact=st.floats(allow_nan=False, allow_infinity=False))
def test_what_is_rounded_once_is_within_half_an_ulp(format: Format, exact: float) -> None:
    answer = float(format.round(np.array([exact]))[0])
    assert not bad(answer, exact, format, 0.5)


@every
@given(exact=st.floats(allow_nan=False, allow_infinity=False), steps=st.integers(1, 100))
def test_farther_is_never_nearer(format: Format, exact: float, steps: int) -> None:
    place = format.ordinal(format.round(np.array([exact])))
    reach = int(format.ordinal(np.array([format.largest]))[0])
    near, far = (
        float(format.from_ordinal(np.clip(place + n, -reach, reach))[0]) for n in (0, steps)
    )
    if abs(exact) <= format.largest:
        assert abs(ulp(near, exact, format)) <= abs(ulp(far, exact, format)) + 0.5


def test_integer_distance_counts_numbers_between() -> None:
    assert integer_distance(1.0, 1 + FLOAT32.eps, FLOAT32) == 1
    assert integer_distance(-0.0, 0.0, FLOAT32) == 0
    assert integer_distance(-5e-324, 5e-324, FLOAT64) == 2
    assert integer_distance(FLOAT32.largest, INF, FLOAT32) == 1
    assert integer_distance(-INF, INF, FLOAT64) == 2 * 0x7FF0000000000000
    assert integer_distance(NAN, 1.0, FLOAT32) is None


def test_special_values_mismatch_one_by_one() -> None:
    got = np.array([NAN, NAN, INF, INF, -INF, 1.0, 1.0, 1.0])
    want = np.array([NAN, 1.0, INF, -INF, 1.0, INF, NAN, 2.0])
    found = special_mismatch(got, want)
    assert found.tolist() == [False, True, False, True, True, True, True, False]
