"""Nothing that is right is ever blamed: the perfect backend passes every check of every spec."""

from __future__ import annotations

import pytest

from trysquare.planning.plan import RUN, groups
from trysquare.result import Check
from trysquare_miniatures.hearing import Sampled
from trysquare_miniatures.perfect import backend
from trysquare_miniatures.score import HALF
from workshop import SPECS, diverging, paired, results, some


# All functions in all dtypes are asked by the selftest of what is installed; here a part.
@pytest.mark.parametrize(
    ("function", "dtype"), paired(some(SPECS, 3), ["float64", "float32", "float16", "bfloat16"])
)
def test_what_is_right_passes_every_check(function: str, dtype: str) -> None:
    found = [
        one
        for group in groups([SPECS[function]], RUN, [dtype])
        for one in results(backend, function, group.check, dtype, Sampled)
    ]
    assert found
    assert diverging(found) == []
    # what is measured is the backend, not our own float64
    assert {one.id: one.max_ulp for one in found if one.max_ulp > HALF} == {}


@pytest.mark.parametrize("function", ["relu", "sigmoid"])
def test_what_is_right_passes_for_every_number_of_a_format(function: str) -> None:
    (result,) = results(backend, function, Check.VALUES, "float16")
    assert (result.count, result.failed) == (65536, 0)
    assert result.max_ulp <= HALF
