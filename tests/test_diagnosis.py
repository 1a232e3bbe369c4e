"""A divergence is explained by what it equals, and by nothing that it equals by accident."""

from __future__ import annotations

import numpy as np
import pytest

from trysquare.backend import Answer, Array
from trysquare.dtypes import FORMATS
from trysquare.result import Check, Outcome, Symptom
from trysquare.verdict.judge import judge
from trysquare.verdict.standard import Standard
from trysquare_miniatures.liars import LIARS
from workshop import diverging, results, standards


def answered(function: str, dtype: str, lie: Array, *, flushes: bool = False) -> str:
    standard = standards(function, Check.VALUES, dtype)[0]
    result = judge(standard, "t", Answer({"output": lie}), flushes=flushes)
    assert result.outcome is Outcome.DIVERGES
    return result.diagnosis


def truth(standard: Standard) -> Array:
    value = standard.layout.from_rows(standard.canonical.truth.value, standard.spread)
    return standard.case.format.round(value)


def test_every_way_in_which_elements_diverge_is_counted() -> None:
    standard = standards("sigmoid", Check.VALUES, "float32")[0]
    lie = truth(standard).astype(np.float32)
    usual = np.flatnonzero((lie > 0.25) & (lie < 0.75))[:4]
    lie[usual] = [np.nan, 0.9, 0, np.nan]
    result = judge(standard, "t", Answer({"output": lie}), flushes=False)
    assert (result.symptom, result.failed) == (Symptom.NAN, 4)
    assert result.besides == {Symptom.LOST: 1, Symptom.INACCURATE: 1}


def test_a_narrower_format_is_recognised_by_its_numbers() -> None:
    standard = standards("sigmoid", Check.VALUES, "float32")[0]
    lie = FORMATS["bfloat16"].round(truth(standard)).astype(np.float32)
    assert "equals an evaluation in bfloat16 on every element" in answered(
        "sigmoid", "float32", lie
    )


def test_the_textbook_form_is_recognised_by_its_bits() -> None:
    found = diverging(results(LIARS["takes_log_of_softmax"], "log_softmax", Check.CASES, "float64"))
    assert all("equals the textbook form in float64 on" in one.diagnosis for one in found)


def test_flushed_subnormals_are_recognised() -> None:
    (tail,) = diverging(results(LIARS["flushes_and_denies_it"], "sigmoid", Check.VALUES, "float32"))
    assert "equals an evaluation that takes subnormal numbers for zero" in tail.diagnosis


def test_nothing_but_zero_is_flushed() -> None:
    tiny = np.float16(FORMATS["float16"].smallest_normal)
    standard = standards("sigmoid", Check.VALUES, "float16")[0]
    lie = truth(standard).astype(np.float16)
    lie = np.where((lie > 0) & (lie < tiny), tiny, lie)
    assert "subnormal" not in answered("sigmoid", "float16", lie)


def test_what_a_target_may_flush_explains_nothing_else_that_is_wrong() -> None:
    standard = standards("sigmoid", Check.VALUES, "float32")[0]
    lie = truth(standard).astype(np.float32)
    flushed = np.where(lie < FORMATS["float32"].smallest_normal, np.float32(0), lie)
    flushed[0] = 0.7
    assert "subnormal" in answered("sigmoid", "float32", flushed)
    assert answered("sigmoid", "float32", flushed, flushes=True) == ""


@pytest.mark.parametrize("wrong", [0.0, 3.0])
def test_a_wrong_constant_is_explained_by_nothing(wrong: float) -> None:
    standard = standards("silu", Check.VALUES, "float32")[0]
    lie = truth(standard).astype(np.float32)
    lie[len(lie) // 2 :] = wrong
    assert "equals" not in answered("silu", "float32", lie)


def test_a_part_of_what_diverges_is_counted() -> None:
    standard = standards("relu", Check.VALUES, "float32")[0]
    lie = truth(standard).astype(np.float32)
    nans = int(np.isnan(lie).sum())
    lie = np.where(np.isnan(lie), np.float32(0), lie)
    lie[np.argmax(lie == 1)] = 7
    words = answered("relu", "float32", lie)
    assert f"equals dialect 'nan_to_zero' on {nans} of {nans + 1} diverging elements" in words


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("softsign", "equals dialect 'quotient' on every element"),
        # so is that of b = 1, which says other numbers everywhere else
        ("squareplus", "equals the textbook form in float32 on every element"),
    ],
)
def test_nan_alone_is_a_sign_of_a_dialect_that_says_nothing_else(function: str, words: str) -> None:
    asked = standards(function, Check.CASES, "float32")
    (standard,) = (one for one in asked if one.case.name == "minus infinity")
    answer = Answer({"output": np.full(standard.shape, np.nan, np.float32)})
    assert words in judge(standard, "t", answer, flushes=False).diagnosis


@pytest.mark.parametrize(("least", "kind"), [(0.0, "subnormal"), (2.0**-100, "a normal number")])
def test_what_is_said_of_a_zero_is_true_of_a_zero(least: float, kind: str) -> None:
    standard = standards("exp", Check.VALUES, "float32")[0]
    right = truth(standard).astype(np.float32)
    tiny = max(least, FORMATS["float32"].smallest_normal)
    lie = np.where(right < tiny, np.float32(0), right)
    plain = f"returns zero where the exact result is {kind}"
    assert answered("exp", "float32", lie).partition(";")[0] == plain
    wrong = np.where((lie > 2) & (lie < 7), lie * 1000, lie)
    other = f"{plain}, though not at the worst element"
    assert answered("exp", "float32", wrong).partition(";")[0] == other
