"""Every check catches the backend that lies to it, and only the checks that should notice do."""

from __future__ import annotations

import re

import numpy as np
import pytest

from trysquare.backend import Array
from trysquare.dtypes import FORMATS
from trysquare.planning.plan import RUN, Group
from trysquare.result import Check, Expectation, Limits, Outcome, Result, Symptom
from trysquare.run import Session
from trysquare.workers.probes import flushes, unfaithful
from trysquare_miniatures.hearing import PATIENCE
from trysquare_miniatures.liars import LIARS, Question, Truthful, truthful
from trysquare_miniatures.lies import (
    CASES,
    GRADIENTS,
    LIES,
    PROPERTIES,
    VALUES,
    WITHIN_THE_LIMIT,
    Lie,
)
from trysquare_miniatures.truthful import Flushing
from workshop import SEED, SPECS, checks_of, diverging, paired, results, some, standards

CAUGHT = [told for told in LIES if isinstance(told.shows, Symptom) and told.check in RUN]
ACCIDENTS = [told for told in LIES if not isinstance(told.shows, Symptom)]


@pytest.mark.parametrize("told", CAUGHT, ids=str)
def test_a_lie_is_caught_by_the_right_check(told: Lie) -> None:
    found = diverging(results(LIARS[told.liar], told.function, told.check, told.dtype))
    assert {one.outcome for one in found} == {Outcome.DIVERGES}
    assert told.shows in {one.symptom for one in found}


# The selftest of what is installed asks all of them; here a part, without processes between.
@pytest.mark.parametrize("told", [told for told in CAUGHT if some([str(told)], 4)], ids=str)
def test_a_lie_disturbs_no_check_that_it_does_not_concern(told: Lie) -> None:
    noticed = {
        check
        for check in checks_of(told.function, told.dtype)
        if diverging(results(LIARS[told.liar], told.function, check, told.dtype))
    }
    assert noticed <= {told.check, *told.also}


def test_every_liar_is_put_to_the_test() -> None:
    assert LIARS.keys() == {told.liar for told in (*LIES, *WITHIN_THE_LIMIT)}


@pytest.mark.parametrize(("function", "dtype"), paired(some(SPECS, 3), ["float32", "float16"]))
def test_the_truth_is_no_lie(function: str, dtype: str) -> None:
    asked = checks_of(function, dtype)
    assert [
        one for check in asked for one in diverging(results(truthful, function, check, dtype))
    ] == []


@pytest.mark.parametrize("told", [told for told in WITHIN_THE_LIMIT if told.check in RUN], ids=str)
def test_an_answer_within_the_limit_conforms(told: Lie) -> None:
    assert diverging(results(LIARS[told.liar], told.function, told.check, told.dtype)) == []


def test_one_wrong_element_of_65536_is_counted_as_one() -> None:
    (result,) = results(LIARS["one_element_is_a_constant"], "sigmoid", VALUES, "float16")
    assert (result.failed, result.count) == (1, 65536)
    assert result.worst is not None
    assert result.worst.inputs["x"].bits == "0x3555"


def test_ones_do_not_show_that_the_cotangent_is_ignored() -> None:
    found = diverging(results(LIARS["ignores_the_cotangent"], "sigmoid", GRADIENTS, "float32"))
    assert [one.case.split(", ")[1] for one in found] == ["varied"]


@pytest.mark.parametrize(
    ("liar", "function", "dialect"),
    [
        ("speaks_celu", "elu", "celu"),
        ("speaks_huber", "smooth_l1_loss", "huber"),
        ("clamps_the_logarithm", "bce_loss", "clamped"),
        ("nan_becomes_zero", "relu", "nan_to_zero"),
        ("multiplies_infinity_by_zero", "silu", "product"),
        ("approximates_unasked", "gelu", "other_form"),
    ],
)
def test_a_dialect_is_recognised(liar: str, function: str, dialect: str) -> None:
    result = diverging(results(LIARS[liar], function, VALUES, "float32"))[0]
    assert result.diagnosis.startswith(f"equals dialect '{dialect}' on every element")


def test_a_result_that_vanishes_keeps_its_sign() -> None:
    found = diverging(results(LIARS["drops_negative_zero"], "gelu", CASES, "float32"))
    assert "end of the tail in single precision" in {one.case for one in found}


def test_a_wrong_zero_is_no_dialect() -> None:
    (result,) = diverging(results(LIARS["drops_negative_zero"], "elu", CASES, "float32"))
    assert result.diagnosis == ""


def test_what_is_lost_is_said_to_be_subnormal_or_not() -> None:
    (tail,) = diverging(results(LIARS["flushes_and_denies_it"], "sigmoid", VALUES, "float32"))
    (zero,) = diverging(results(LIARS["takes_log_of_softmax"], "log_softmax", CASES, "float64"))[
        1:2
    ]
    assert "subnormal" in tail.diagnosis
    assert "a normal number" in zero.diagnosis


# Real processes: what a worker or its converters do wrong, and one ordinary lie.

UNFIT = [told for told in ACCIDENTS if told.shows is Outcome.ERRORED]
LOST = [told for told in ACCIDENTS if told not in UNFIT]
ORDINARY = ("truthful", "overwrites_its_input", "nan_becomes_zero")


@pytest.fixture(scope="module")
def asked() -> dict[str, list[Result]]:
    """Return the results of all cases by the name of the miniature.

    Everybody is asked one function, and whoever lies about another is asked that as well.
    """
    found: dict[str, list[Result]] = {}
    names = [*ORDINARY, *(told.liar for told in ACCIDENTS)]
    modules = [f"trysquare_miniatures.liars:{name}" for name in names]
    with Session(modules, SEED, Limits(PATIENCE)) as session:
        assert session.unavailable == ()
        for name in {told.function for told in ACCIDENTS}:
            group = Group(SPECS[name], CASES, FORMATS["float32"])
            liars = {told.liar for told in ACCIDENTS if told.function == name}
            targets = [one for one in session.targets if name == "relu" or one.backend in liars]
            for result in session.results([group], targets):
                found.setdefault(result.target.split(":")[0], []).append(result)
    return found


@pytest.mark.parametrize("told", LOST, ids=str)
def test_an_accident_costs_the_case_that_did_it_and_no_other(
    asked: dict[str, list[Result]], told: Lie
) -> None:
    found = {one.case: (one.outcome, one.expectation) for one in diverging(asked[told.liar])}
    assert found == {"one": (told.shows, Expectation.UNEXPECTED)}
    assert len(asked[told.liar]) == len(standards("relu", CASES, "float32"))


@pytest.mark.parametrize("told", UNFIT, ids=str)
def test_a_converter_that_changes_bits_is_unfit_to_judge(
    asked: dict[str, list[Result]], told: Lie
) -> None:
    (result,) = (one for one in asked[told.liar] if one.function == told.function)
    assert (result.outcome, result.expectation) == (Outcome.ERRORED, Expectation.UNEXPECTED)
    assert re.match(r"the binding is unfit to judge: (float32|int64): 0x", result.reason)


def test_a_converter_that_changes_class_numbers_is_fit_where_there_are_none(
    asked: dict[str, list[Result]],
) -> None:
    found = [one for one in asked["counts_in_float64"] if one.function == "relu"]
    assert {one.outcome for one in found} == {Outcome.CONFORMS}


def test_the_truth_survives_its_own_process(asked: dict[str, list[Result]]) -> None:
    assert diverging(asked["truthful"]) == []


def test_a_process_reports_the_input_that_changed(asked: dict[str, list[Result]]) -> None:
    found = diverging(asked["overwrites_its_input"])
    assert {one.symptom for one in found} == {Symptom.MUTATED}


@pytest.mark.parametrize("liar", ["nan_becomes_zero", "overwrites_its_input"])
def test_a_process_and_the_workshop_find_the_same(
    asked: dict[str, list[Result]], liar: str
) -> None:
    here = {one.case: one.symptom for one in results(LIARS[liar], "relu", CASES, "float32")}
    assert {one.case: one.symptom for one in asked[liar]} == here


class Taking(Truthful):
    """Gives the slope of a positive number where the input is subnormal, whatever its sign."""

    def derived(self, question: Question, gradient: Array) -> Array:
        tiny = np.abs(question.first) < question.format.smallest_normal
        passed = question.call.cotangent
        return gradient if passed is None else np.where(tiny, passed, gradient)


class Both(Flushing, Taking):
    """Takes subnormal inputs for zero elsewhere too, so that a probe tells."""

    def answered(self, question: Question, output: Array) -> Array:
        """Take a subnormal number for one that is not negative, and pass it."""
        tiny = np.abs(question.first) < question.format.smallest_normal
        return np.where(tiny, question.first, output)


@pytest.mark.parametrize("function", ["leaky_relu", "relu6"])
def test_who_flushes_may_take_the_slope_at_zero_for_that_of_a_subnormal(function: str) -> None:
    assert diverging(results(Both("flushing"), function, GRADIENTS, "float32")) == []


@pytest.mark.parametrize("check", [VALUES, PROPERTIES])
def test_who_flushes_may_pass_a_subnormal_that_compares_as_zero(check: Check) -> None:
    assert diverging(results(Both("flushing"), "leaky_relu", check, "float32")) == []


def test_who_keeps_subnormals_may_not_take_the_slope_at_zero_for_theirs() -> None:
    found = diverging(results(Taking("taking"), "leaky_relu", GRADIENTS, "float32"))
    assert {one.symptom for one in found} == {Symptom.INACCURATE}


def test_miniatures_keep_subnormals() -> None:
    assert flushes(truthful, truthful.targets()[0]) == {}


def test_the_truthful_one_converts_bit_for_bit() -> None:
    assert unfaithful(truthful, truthful.targets()[0]) == {}
