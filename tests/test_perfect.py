"""Nothing that is right is ever blamed: the perfect backend passes every check of every spec."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from trysquare.result import Check, Result
from trysquare_miniatures.hearing import Sampled
from trysquare_miniatures.perfect import backend
from trysquare_miniatures.score import HALF
from workshop import SPECS, checks_of, diverging, paired, results


def asked(function: str, dtype: str) -> Iterator[Result]:
    for check in checks_of(function, dtype):
        yield from results(backend, function, check, dtype, Sampled)


@pytest.mark.parametrize(
    ("function", "dtype"), paired(SPECS, ["float64", "float32", "float16", "bfloat16"])
)
def test_what_is_right_passes_every_check(function: str, dtype: str) -> None:
    found = list(asked(function, dtype))
    assert found
    assert diverging(found) == []
    # what is measured is the backend, not our own float64, which decides at infinities and NaN
    numbers = [one for one in found if "masked" not in one.case and "NaN" not in one.case]
    assert {one.id: one.max_ulp for one in numbers if one.max_ulp > HALF} == {}


@pytest.mark.parametrize("function", ["relu", "sigmoid"])
def test_what_is_right_passes_for_every_number_of_a_format(function: str) -> None:
    (result,) = results(backend, function, Check.VALUES, "float16")
    assert (result.count, result.failed) == (65536, 0)
    assert result.max_ulp <= HALF
