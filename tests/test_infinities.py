"""Where infinities go in or come out, no answer is right for want of a truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from trysquare.backend import Answer, Want
from trysquare.dtypes import FORMATS
from trysquare.formula.extended import holds
from trysquare.formula.parser import parse
from trysquare.planning.cases import named_cases
from trysquare.planning.plan import Group
from trysquare.reader import read
from trysquare.result import Check, Outcome
from trysquare.verdict.judge import judge
from trysquare.verdict.standard import Standard
from workshop import standards

wider = pytest.mark.skipif(not holds(parse("x", frozenset("x"))), reason="nothing is wider")

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


HOPELESS = """\
trysquare: 1
function: hopeless
summary: A number times 1, which no arithmetic gets from two exponentials.
source: https://dlmf.nist.gov/4.2
inputs:
  x: float
formula: x * ((exp(x) + 1) - exp(x))
cases:
  - {name: zero, x: 0, expect: 0}
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
    seen = 0
    for standard in standards("squareplus", Check.LIMITS, "float32"):
        if standard.case.want is Want.GRADIENT and standard.case.wrt == "x":
            rows = np.where(np.isinf(standard.rows["x"]), 42.0, standard.canonical.truth.value)
            ends = np.isinf(standard.rows["x"])
            bad = standard.distance(rows, standard.canonical, flushes=False).bad
            assert bad[np.broadcast_to(ends, bad.shape)].all()
            seen += int(ends.sum())
    assert seen


def test_where_float64_overflows_the_exact_result_is_still_a_number(tmp_path: Path) -> None:
    path = tmp_path / "cancels.yaml"
    path.write_text(CANCELS, encoding="utf-8")
    spec = read(path)
    (case,) = named_cases(spec, FORMATS["float64"])
    assert float(Standard(spec, case).canonical.truth.value[0, 0]) == 5e-201


@pytest.mark.parametrize(
    ("function", "check", "dtype"),
    [
        ("celu", Check.VALUES, "float32"),
        ("squareplus", Check.VALUES, "float32"),
        pytest.param("gaussian_nll_loss", Check.GRADIENTS, "float64", marks=wider),
    ],
)
def test_no_limit_is_open_where_the_answer_is_a_number(
    function: str, check: Check, dtype: str
) -> None:
    seen = 0
    for standard in standards(function, check, dtype):
        known = standard.oracle.extended or standard.oracle.fast
        numbers = np.isfinite(known.value)
        assert np.isfinite(standard.limit(flushes=False).limit[numbers]).all()
        seen += int(numbers.sum())
    assert seen


def test_an_answer_that_no_bits_decide_tells_no_tendency(tmp_path: Path) -> None:
    (tmp_path / "hopeless.yaml").write_text(HOPELESS)
    spec = read(tmp_path / "hopeless.yaml")
    cases = [one for one in Group(spec, Check.LIMITS, FORMATS["float64"]).cases(0) if one.wrt]
    asked = [Standard(spec, case) for case in cases]
    assert any(np.isposinf(standard.rows["x"]).any() for standard in asked)
    for standard in asked:
        ends = np.isposinf(standard.rows["x"])
        assert not any(
            (ends & one.where & (one.truth.value == 0)).any() for one in standard.alternatives
        )
