"""The float formats: every bit pattern has its place, rounding is IEEE's, an ULP is its spacing."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trysquare.dtypes import BFLOAT16, FLOAT16, FLOAT32, FLOAT64, FORMATS, Array, Format

NARROW = [FLOAT16, BFLOAT16]
every = pytest.mark.parametrize("format", FORMATS.values(), ids=FORMATS)
narrow = pytest.mark.parametrize("format", NARROW, ids=lambda format: format.name)
anything = st.floats(allow_nan=False)


def one(value: float) -> Array:
    return np.array([value])


def every_number(format: Format) -> Array:
    return format.widen(format.from_bits(np.arange(1 << 16)))


def spacing(value: float, format: Format) -> Fraction:
    """Return the ULP by its definition, with integers."""
    size, exponent = abs(Fraction(value)), format.emin
    while size >= Fraction(2) ** (exponent + 1):
        exponent += 1
    return Fraction(2) ** (exponent - format.precision + 1)


def nearest(value: float, format: Format) -> float:
    """Round half to even by the definition, with fractions."""
    step = spacing(value, format)
    return float(round(Fraction(value) / step) * step)


@every
def test_the_edges_are_those_of_numpy(format: Format) -> None:
    largest, tiny = format.cast(one(format.largest)), format.cast(one(format.smallest_subnormal))
    with np.errstate(over="ignore", under="ignore"):
        assert np.isinf(np.nextafter(largest, format.numpy.type(np.inf)))
        assert np.nextafter(tiny, format.numpy.type(0)) == 0
    assert tiny > 0


@narrow
def test_every_number_is_its_own_rounding(format: Format) -> None:
    numbers = every_number(format)
    rounded = format.round(numbers)
    assert np.array_equal(rounded, numbers, equal_nan=True)
    assert np.array_equal(np.signbit(rounded), np.signbit(numbers))


@narrow
def test_ordinals_count_the_numbers_in_order(format: Format) -> None:
    numbers = every_number(format)
    finite = np.unique(numbers[np.isfinite(numbers)])
    assert (np.diff(format.ordinal(finite)) == 1).all()


@every
@given(value=anything)
def test_an_ordinal_leads_back_to_its_number(format: Format, value: float) -> None:
    number = format.round(one(value))
    assert format.from_ordinal(format.ordinal(number)) == number


@every
def test_both_zeros_have_the_ordinal_zero(format: Format) -> None:
    assert format.ordinal(np.array([0.0, -0.0])).tolist() == [0, 0]


@every
def test_the_smallest_subnormals_are_neighbours_of_zero(format: Format) -> None:
    tiny = format.smallest_subnormal
    assert format.ordinal(np.array([-tiny, tiny])).tolist() == [-1, 1]


@every
def test_infinity_follows_the_largest_number(format: Format) -> None:
    last, beyond = format.ordinal(np.array([format.largest, np.inf]))
    assert beyond - last == 1


@pytest.mark.parametrize("format", [FLOAT32, FLOAT16, BFLOAT16], ids=lambda format: format.name)
@given(value=anything)
def test_rounding_is_to_nearest_ties_to_even(format: Format, value: float) -> None:
    want = nearest(value, format) if abs(value) < 2 * format.largest else math.copysign(9e99, value)
    got = float(format.round(one(value))[0])
    assert got == (want if abs(want) <= format.largest else math.copysign(math.inf, want))


@pytest.mark.parametrize("format", [FLOAT32, FLOAT16, BFLOAT16], ids=lambda format: format.name)
def test_a_tie_goes_to_the_even_neighbour(format: Format) -> None:
    half = format.eps / 2
    ties = np.array([1 + half, 1 + 3 * half, 2.5 * format.smallest_subnormal])
    want = [1.0, 1 + 4 * half, 2 * format.smallest_subnormal]
    assert format.round(ties).tolist() == want


@pytest.mark.parametrize("format", [FLOAT32, FLOAT16, BFLOAT16], ids=lambda format: format.name)
def test_half_an_ulp_above_the_largest_is_infinite(format: Format) -> None:
    edge = format.largest + float(format.ulp(one(format.largest))[0]) / 2
    assert np.isinf(format.round(one(edge)))
    assert format.round(one(np.nextafter(edge, 0))) == format.largest


@every
def test_half_of_the_smallest_subnormal_is_zero_with_its_sign(format: Format) -> None:
    if format is FLOAT64:
        return
    half = format.smallest_subnormal / 2
    rounded = format.round(np.array([half, -half]))
    assert rounded.tolist() == [0, 0]
    assert np.signbit(rounded).tolist() == [False, True]


@pytest.mark.parametrize("format", [FLOAT32, FLOAT16], ids=lambda format: format.name)
@given(value=anything)
def test_rounding_agrees_with_the_machine(format: Format, value: float) -> None:
    with np.errstate(over="ignore", under="ignore"):
        machine = one(value).astype(format.numpy)
    assert format.cast(one(value)).tobytes() == machine.tobytes()


@every
@given(value=anything)
def test_an_ulp_is_the_spacing_of_the_binade(format: Format, value: float) -> None:
    inside = math.copysign(min(abs(value), format.largest), value)
    assert Fraction(float(format.ulp(one(inside))[0])) == spacing(inside, format)


@every
def test_an_ulp_doubles_at_a_power_of_two(format: Format) -> None:
    below = 1 - format.eps / 2
    assert format.ulp(np.array([below, 1.0])).tolist() == [format.eps / 2, format.eps]


@every
def test_the_ulp_of_zero_and_of_subnormals_is_the_smallest_of_them(format: Format) -> None:
    tiny = format.smallest_subnormal
    assert format.ulp(np.array([0.0, tiny, format.smallest_normal])).tolist() == [tiny] * 3


@every
def test_beyond_the_format_the_ulp_is_that_of_its_last_binade(format: Format) -> None:
    last = float(format.ulp(one(format.largest))[0])
    assert format.ulp(np.array([np.inf, 1e308])).tolist()[0] == last


@every
def test_bits_and_numbers_are_the_same_thing(format: Format) -> None:
    patterns = np.array([0, 1, (1 << (format.width - 1)) | 1], np.uint64).astype(format.bits)
    assert format.from_bits(patterns).view(format.bits).tolist() == patterns.tolist()


@pytest.mark.parametrize(
    ("format", "value", "text"),
    [
        (FLOAT32, -0.0, "0x80000000"),
        (FLOAT16, 1.0, "0x3c00"),
        (BFLOAT16, 1.0, "0x3f80"),
        (FLOAT64, -5e-324, "0x8000000000000001"),
        (FLOAT32, math.inf, "0x7f800000"),
    ],
)
def test_a_bit_pattern_is_written_in_hex(format: Format, value: float, text: str) -> None:
    assert format.hexadecimal(value) == text
