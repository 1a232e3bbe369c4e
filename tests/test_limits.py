"""Limits and second derivatives: what is asked at the ends, and what is right there."""

from __future__ import annotations

import numpy as np
import pytest

from trysquare.backend import Kind, Refusal, Want
from trysquare.dtypes import FLOAT32
from trysquare.formula.evaluate import evaluate
from trysquare.formula.float64 import Float64
from trysquare.formula.tree import Node, Op, name, number
from trysquare.planning.cases import Case
from trysquare.planning.joints import compared, joints
from trysquare.planning.plan import checks_of
from trysquare.result import Check, Outcome, Result
from trysquare.truth.meaning import meaning
from trysquare.verdict.judge import judge
from trysquare.verdict.tendency import GROWTH, computing, tendency, unknown
from trysquare_miniatures.liars import LIARS, truthful
from workshop import SPECS, diverging, results, standards


def planned(function: str, check: Check = Check.LIMITS) -> dict[str, Case]:
    return {one.case.name: one.case for one in standards(function, check, "float32")}


def test_a_joint_is_found_where_no_constant_shows_it() -> None:
    tree = Node(Op.LESS, (Node(Op.MUL, (number(3), name("x"))), number(1)))
    found = joints(FLOAT32, tree, "x", {}, np.array([-2.0, 0.0, 2.0]))
    below = np.nextafter(np.float32(1 / 3), np.float32(0))
    assert found.tolist() == [float(below), float(np.float32(1 / 3))]


def test_a_minimum_and_a_magnitude_are_comparisons() -> None:
    x, one = name("x"), number(1)
    assert list(compared(Node(Op.MINIMUM, (x, one)))) == [(x, one)]
    assert list(compared(Node(Op.ABS, (x,)))) == [(x, number(0))]


def test_the_joint_of_two_inputs_is_met_exactly() -> None:
    inputs = planned("huber_loss")["joints"].inputs
    apart = np.abs(inputs["input"].astype(np.float64) - inputs["target"])
    assert (apart < 1).any()
    assert (apart > 1).any()
    assert np.abs(apart - 1).max() < 2 or (apart == 0).any()


def test_parameters_go_as_far_as_their_domain() -> None:
    names = planned("softplus").keys()
    assert {"beta half of the largest", "d x, beta inf", "beta minus inf"} <= names
    assert not any("beta 0.0" in name or "threshold inf" in name for name in names)


@pytest.mark.parametrize(
    ("answers", "limit"),
    [
        ([1 + 1 / size for size in GROWTH], 1.0),
        ([1 / size for size in GROWTH], 0.0),
        ([-np.log(size) for size in GROWTH], -np.inf),
        ([1.0, -1.0, 1.0], np.nan),
    ],
)
def test_a_limit_is_told_by_three_answers(answers: list[float], limit: float) -> None:
    found = tendency(*(np.array([one]) for one in answers))
    assert np.array_equal(found, [limit], equal_nan=True)


def lied(liar: str, function: str) -> list[Result]:
    return diverging(results(LIARS[liar], function, Check.LIMITS, "float32"))


def test_whoever_computes_with_an_infinity_may_find_nan_but_not_who_only_compares_it() -> None:
    first = lied("derives_infinity_as_nan", "elu")[0]
    assert first.worst is not None
    assert (first.failed, first.worst.inputs["x"].decimal) == (1, "inf")  # where the slope is 1
    assert lied("derives_infinity_as_nan", "tanh") == []


def test_no_infinity_is_computed_with_where_it_is_only_compared() -> None:
    x = name("x")
    tree = Node(Op.SELECT, (Node(Op.LESS, (x, number(0))), Node(Op.EXP, (x,)), number(1)))
    rows = unknown({"x": np.array([[-np.inf], [np.inf], [-1.0]])})
    value = evaluate(computing(tree), Float64(3, 1), rows)
    assert np.isnan(value).tolist() == [[True], [False], [False]]


def test_who_has_no_second_derivative_and_says_so_is_not_blamed() -> None:
    (standard,) = standards("tanh", Check.SECOND, "float32")
    reply = Refusal(Kind.RAISED, "no gradient", "LookupError")
    found = judge(standard, "any:cpu:eager", reply, flushes=False)
    assert (found.outcome, found.reason) == (Outcome.UNSUPPORTED, "LookupError: no gradient")


def test_what_ieee_arithmetic_and_what_calculus_says_are_both_right() -> None:
    (standard,) = (
        one for one in standards("gelu", Check.LIMITS, "float32") if "approx" not in one.case.name
    )
    assert np.isnan(standard.canonical.truth.value).any()
    assert any(
        np.isfinite(one.truth.value[0, 0]) and one.where[0, 0] for one in standard.alternatives
    )


def test_a_second_derivative_is_asked_nowhere_near_a_kink() -> None:
    (case,) = planned("relu", Check.SECOND).values()
    assert case.want is Want.SECOND
    assert (case.inputs["x"] != 0).all()


def test_second_derivatives_are_those_of_functions_of_one_number() -> None:
    assert Check.SECOND in checks_of(SPECS["relu"])
    others = [SPECS[name] for name in ("mse_loss", "softmax", "log_sum_exp")]
    assert not [spec for spec in others if Check.SECOND in checks_of(spec)]


def test_the_second_derivative_is_that_of_the_gradient() -> None:
    assert meaning(SPECS["exp"], {}).second("x").op is Op.MUL
    found = results(truthful, "tanh", Check.SECOND, "float32")
    assert [(one.outcome, one.count) for one in found] == [(Outcome.CONFORMS, 100)]


def test_nothing_is_asked_where_all_ends_are_those_of_domains() -> None:
    assert Check.LIMITS not in checks_of(SPECS["bce_loss"])
    assert Check.LIMITS in checks_of(SPECS["bce_with_logits_loss"])
