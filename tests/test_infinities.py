"""Where infinities go in or come out, no answer is right for want of a truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from trysquare.backend import Answer, Want
from trysquare.dtypes import FORMATS
from trysquare.planning.cases import named_cases
from trysquare.reader import read
from trysquare.result import Check, Outcome
from trysquare.verdict.judge import judge
from trysquare.verdict.standard import Standard
from workshop import standards

CANCELS = """\
trysquare: 1
function: cancels
summary: The square root of x**2 + 1 without x.
source: https://dlmf.nist.gov/4.37
inputs:
  x: float
formula: sqrt(x * x + 1) - x
cases:
  - {name: far, x: 1e200, expect: 5e-201}
"""


def outcome(standard: Standard, number: float) -> Outcome:
    lie = np.full(standard.shape, number).astype(standard.case.format.numpy)
    return judge(standard, "t", Answer({"output": lie}), flushes=False).outcome


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize(
    ("function", "case"),
    [
        ("celu", "minus infinity"),
        ("squareplus", "minus infinity"),
        ("glu", "one behind every gate"),
        ("categorical_hinge_loss", "plus infinity and right"),
        ("multi_margin_loss", "a right score of plus infinity"),
        ("triplet_margin_loss", "plus infinity negative"),
    ],
)
def test_a_wrong_number_at_an_infinity_diverges(function: str, case: str, dtype: str) -> None:
    found = [one for one in standards(function, Check.CASES, dtype) if one.case.name == case]
    assert found
    for standard in found:
        assert standard.case.want is Want.VALUE
        assert {outcome(standard, number) for number in (42.5, -1e4)} == {Outcome.DIVERGES}


def test_no_limit_is_open_at_an_infinity_in_the_slope_of_squareplus() -> None:
    for standard in standards("squareplus", Check.LIMITS, "float32"):
        if standard.case.want is Want.GRADIENT and standard.case.wrt == "x":
            rows = np.where(np.isinf(standard.rows["x"]), 42.0, standard.canonical.truth.value)
            ends = np.isinf(standard.rows["x"])
            bad = standard.distance(rows, standard.canonical, flushes=False).bad
            assert bad[np.broadcast_to(ends, bad.shape)].all()


def test_where_float64_overflows_the_exact_result_is_still_a_number(tmp_path: Path) -> None:
    path = tmp_path / "cancels.yaml"
    path.write_text(CANCELS, encoding="utf-8")
    spec = read(path)
    (case,) = named_cases(spec, FORMATS["float64"])
    assert float(Standard(spec, case).canonical.truth.value[0, 0]) == 5e-201
