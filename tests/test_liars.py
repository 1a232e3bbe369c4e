"""Every check catches the backend that lies to it, and only the checks that should notice do."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from miniatures import LIARS, truthful
from trysquare.dtypes import FORMATS
from trysquare.planning.plan import Group
from trysquare.result import Check, Expectation, Outcome, Result, Symptom
from trysquare.run import Session
from trysquare.workers.probes import flushes, unfaithful
from workshop import SEED, SPECS, checks_of, diverging, results, standards

CASES, VALUES, GRADIENTS = Check.CASES, Check.VALUES, Check.GRADIENTS
DEFAULTS, REDUCTIONS, INPLACE, RANDOMNESS = (
    Check.DEFAULTS,
    Check.REDUCTIONS,
    Check.INPLACE,
    Check.RANDOMNESS,
)


@dataclass(frozen=True)
class Lie:
    """A liar, the function and dtype it lies about, who catches it how, and who else may notice."""

    liar: str
    function: str
    check: Check
    symptom: Symptom
    also: frozenset[Check] = frozenset()
    dtype: str = "float32"

    def __str__(self) -> str:
        return f"{self.liar}-{self.function}-{self.dtype}-{self.check}"


def lie(
    liar: str, function: str, check: Check, symptom: Symptom, *also: Check, dtype: str = "float32"
) -> Lie:
    return Lie(liar, function, check, symptom, frozenset(also), dtype)


CAUGHT = [
    # numbers
    lie("off_by_one_ulp", "relu", VALUES, Symptom.INACCURATE, CASES, DEFAULTS, INPLACE),
    lie(
        "off_by_one_ulp",
        "relu",
        VALUES,
        Symptom.INACCURATE,
        CASES,
        DEFAULTS,
        INPLACE,
        dtype="bfloat16",
    ),
    lie("beyond_the_limit", "sigmoid", VALUES, Symptom.INACCURATE, CASES, DEFAULTS),
    lie("beyond_the_limit", "elu", VALUES, Symptom.INACCURATE, CASES, DEFAULTS, dtype="float16"),
    lie("drops_negative_zero", "elu", CASES, Symptom.SIGN_OF_ZERO),
    lie("drops_negative_zero", "gelu", CASES, Symptom.SIGN_OF_ZERO),
    lie("drops_negative_zero", "log_sigmoid", CASES, Symptom.SIGN_OF_ZERO, dtype="float64"),
    lie("multiplies_by_a_mask", "relu", CASES, Symptom.SIGN_OF_ZERO, VALUES, INPLACE),
    lie("multiplies_by_a_mask", "relu", VALUES, Symptom.NAN, CASES, INPLACE),
    lie("nan_becomes_zero", "relu", CASES, Symptom.NAN, VALUES, INPLACE),
    lie("nan_becomes_zero", "mse_loss", CASES, Symptom.NAN, VALUES, REDUCTIONS, DEFAULTS),
    lie("infinity_becomes_nan", "elu", CASES, Symptom.NAN, VALUES),
    lie("infinity_becomes_nan", "l1_loss", CASES, Symptom.NAN, VALUES, REDUCTIONS, DEFAULTS),
    lie("infinity_becomes_nan", "mse_loss", CASES, Symptom.NAN, VALUES, REDUCTIONS, DEFAULTS),
    lie("infinity_becomes_nan", "bce_loss", CASES, Symptom.NAN, VALUES, REDUCTIONS, DEFAULTS),
    lie("infinity_becomes_largest", "relu", CASES, Symptom.INFINITY, VALUES, INPLACE),
    lie(
        "infinity_becomes_largest",
        "mse_loss",
        VALUES,
        Symptom.INFINITY,
        CASES,
        REDUCTIONS,
        DEFAULTS,
    ),
    lie("one_element_is_a_constant", "sigmoid", VALUES, Symptom.INACCURATE, dtype="float16"),
    lie("flushes_and_denies_it", "sigmoid", CASES, Symptom.LOST, VALUES, DEFAULTS),
    lie(
        "flushes_and_denies_it",
        "relu",
        VALUES,
        Symptom.LOST,
        CASES,
        DEFAULTS,
        INPLACE,
        dtype="bfloat16",
    ),
    lie("cancels_near_zero", "elu", VALUES, Symptom.LOST, CASES, DEFAULTS),
    lie("overflows_in_the_tail", "sigmoid", CASES, Symptom.LOST, VALUES, DEFAULTS),
    lie("adds_erf_to_one", "gelu", VALUES, Symptom.LOST, CASES, DEFAULTS),
    lie("adds_erf_to_one", "gelu", CASES, Symptom.LOST, VALUES, DEFAULTS, dtype="float64"),
    lie("takes_log_of_softmax", "log_softmax", VALUES, Symptom.INFINITY, CASES, DEFAULTS),
    lie("takes_log_of_softmax", "log_softmax", CASES, Symptom.LOST, VALUES, DEFAULTS),
    lie("clamps_the_logarithm", "bce_loss", CASES, Symptom.INFINITY, VALUES, REDUCTIONS, DEFAULTS),
    lie("remembers_too_much", "sigmoid", CASES, Symptom.INACCURATE, VALUES, DEFAULTS),
    # sums
    lie("divides_by_rows", "huber_loss", REDUCTIONS, Symptom.INACCURATE, CASES, DEFAULTS),
    lie("means_for_sums", "mse_loss", REDUCTIONS, Symptom.INACCURATE, CASES, GRADIENTS),
    lie("means_for_sums", "mse_loss", GRADIENTS, Symptom.INACCURATE, CASES, REDUCTIONS),
    lie("misreads_old_arguments", "mse_loss", REDUCTIONS, Symptom.INACCURATE),
    lie("misreads_old_arguments", "l1_loss", REDUCTIONS, Symptom.SHAPE),
    lie(
        "accumulates_in_float32",
        "mse_loss",
        REDUCTIONS,
        Symptom.INACCURATE,
        DEFAULTS,
        CASES,
        dtype="float64",
    ),
    lie("accumulates_narrowly", "softmax", VALUES, Symptom.INACCURATE, DEFAULTS, dtype="bfloat16"),
    lie("accumulates_narrowly", "softmax", VALUES, Symptom.INACCURATE, DEFAULTS, dtype="float16"),
    # form
    lie("returns_float64", "sigmoid", VALUES, Symptom.DTYPE, CASES, DEFAULTS),
    lie("adds_a_dimension", "elu", VALUES, Symptom.SHAPE, CASES, DEFAULTS),
    lie("drops_a_dimension", "prelu", CASES, Symptom.SHAPE),
    lie("overwrites_its_input", "relu", VALUES, Symptom.MUTATED, CASES, DEFAULTS),
    lie("overwrites_the_target", "mse_loss", VALUES, Symptom.MUTATED, CASES, DEFAULTS, REDUCTIONS),
    lie("raises_on_nothing", "sigmoid", CASES, Symptom.RAISED),
    lie("accepts_anything", "huber_loss", CASES, Symptom.ACCEPTED),
    # arguments
    lie("halves_the_default", "elu", DEFAULTS, Symptom.INACCURATE),
    lie("sums_by_default", "l1_loss", DEFAULTS, Symptom.INACCURATE),
    lie("first_axis_by_default", "softmax", DEFAULTS, Symptom.INACCURATE),
    lie("ignores_alpha", "elu", VALUES, Symptom.INACCURATE, CASES, GRADIENTS),
    lie("ignores_the_approximation", "gelu", VALUES, Symptom.INACCURATE, CASES, GRADIENTS),
    lie("ignores_the_approximation", "gelu", CASES, Symptom.ACCEPTED, VALUES, GRADIENTS),
    lie("ignores_the_threshold", "softplus", VALUES, Symptom.INACCURATE, CASES, GRADIENTS),
    lie("ignores_the_axis", "log_softmax", CASES, Symptom.ACCEPTED, VALUES, GRADIENTS),
    lie("ignores_the_weight", "bce_loss", REDUCTIONS, Symptom.INACCURATE, CASES, GRADIENTS, VALUES),
    lie(
        "ignores_the_weight",
        "cross_entropy_loss",
        REDUCTIONS,
        Symptom.INACCURATE,
        CASES,
        VALUES,
        GRADIENTS,
    ),
    lie("ignores_no_index", "cross_entropy_loss", CASES, Symptom.RAISED, VALUES, GRADIENTS),
    lie("ignores_no_index", "cross_entropy_loss", VALUES, Symptom.INACCURATE, CASES, GRADIENTS),
    lie("speaks_celu", "elu", VALUES, Symptom.INACCURATE, CASES),
    lie("multiplies_infinity_by_zero", "gelu", CASES, Symptom.NAN, VALUES),
    lie("multiplies_infinity_by_zero", "silu", VALUES, Symptom.NAN, CASES, INPLACE),
    lie("multiplies_infinity_by_zero", "mish", CASES, Symptom.NAN, VALUES, INPLACE),
    lie("approximates_unasked", "gelu", CASES, Symptom.INACCURATE, VALUES, DEFAULTS),
    lie("cuts_at_twenty", "softplus", VALUES, Symptom.INACCURATE, CASES, dtype="float64"),
    lie(
        "holds_constants_in_single_precision",
        "selu",
        VALUES,
        Symptom.INACCURATE,
        CASES,
        DEFAULTS,
        INPLACE,
        dtype="float64",
    ),
    lie("speaks_huber", "smooth_l1_loss", CASES, Symptom.INACCURATE, VALUES),
    # gradients
    lie("two_at_the_kink", "relu", GRADIENTS, Symptom.INACCURATE),
    lie("two_at_the_kink", "selu", GRADIENTS, Symptom.INACCURATE),
    lie("ignores_the_cotangent", "sigmoid", GRADIENTS, Symptom.INACCURATE),
    lie("descends_upwards", "huber_loss", GRADIENTS, Symptom.INACCURATE),
    lie("gradient_in_float64", "elu", GRADIENTS, Symptom.DTYPE),
    lie("sums_the_gradient", "elu", GRADIENTS, Symptom.SHAPE),
    # in place
    lie("copies_instead", "relu", INPLACE, Symptom.STORAGE),
    lie("returns_the_input", "relu", INPLACE, Symptom.INACCURATE),
    lie("spoils_a_saved_tensor", "relu", INPLACE, Symptom.ACCEPTED),
    lie("spoils_a_saved_tensor", "rrelu", INPLACE, Symptom.ACCEPTED),
    # draws
    lie("draws_out_of_bounds", "rrelu", RANDOMNESS, Symptom.DISTRIBUTION),
    lie("draws_unevenly", "rrelu", RANDOMNESS, Symptom.DISTRIBUTION),
    lie("draws_the_mean", "rrelu", RANDOMNESS, Symptom.DISTRIBUTION),
    lie("draws_once", "rrelu", RANDOMNESS, Symptom.DISTRIBUTION),
    lie("draws_in_pairs", "rrelu", RANDOMNESS, Symptom.DISTRIBUTION),
    lie("draws_in_order", "rrelu", RANDOMNESS, Symptom.DISTRIBUTION),
]


@pytest.mark.parametrize("told", CAUGHT, ids=str)
def test_a_lie_is_caught_by_the_right_check(told: Lie) -> None:
    found = diverging(results(LIARS[told.liar], told.function, told.check, told.dtype))
    assert {one.outcome for one in found} == {Outcome.DIVERGES}
    assert told.symptom in {one.symptom for one in found}


@pytest.mark.parametrize("told", dict.fromkeys(CAUGHT), ids=str)
def test_a_lie_disturbs_no_check_that_it_does_not_concern(told: Lie) -> None:
    noticed = {
        check
        for check in checks_of(told.function)
        if diverging(results(LIARS[told.liar], told.function, check, told.dtype))
    }
    assert noticed <= {told.check, *told.also}


def test_every_liar_is_put_to_the_test() -> None:
    assert LIARS.keys() - {told.liar for told in CAUGHT} == {*LOST, *UNFIT, "almost_at_the_limit"}


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("function", SPECS)
def test_the_truth_is_no_lie(function: str, dtype: str) -> None:
    found = [diverging(results(truthful, function, check, dtype)) for check in checks_of(function)]
    assert found == [[] for _ in found]


@pytest.mark.parametrize("function", ["sigmoid", "elu"])
def test_an_answer_within_the_limit_conforms(function: str) -> None:
    assert diverging(results(LIARS["almost_at_the_limit"], function, VALUES, "float32")) == []


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
    assert "every digit is lost" in zero.diagnosis


# Real processes: what a worker or its converters do wrong, and one ordinary lie.

LOST = {
    "segfaults": Outcome.CRASHED,
    "leaves": Outcome.CRASHED,
    "hangs": Outcome.TIMED_OUT,
}
UNFIT = ("has_one_nan", "has_one_zero")
ORDINARY = ("truthful", "overwrites_its_input", "nan_becomes_zero")
SECONDS = 4.0


@pytest.fixture(scope="module")
def asked() -> dict[str, list[Result]]:
    """Return the results of all cases of one function by the name of the miniature."""
    found: dict[str, list[Result]] = {}
    names = (*LOST, *UNFIT, *ORDINARY)
    with Session([f"miniatures:{name}" for name in names], SEED, SECONDS) as session:
        assert session.unavailable == ()
        group = Group(SPECS["relu"], CASES, FORMATS["float32"])
        for result in session.results([group], list(session.targets)):
            found.setdefault(result.target.split(":")[0], []).append(result)
    return found


@pytest.mark.parametrize(("liar", "outcome"), LOST.items())
def test_an_accident_costs_the_case_that_did_it_and_no_other(
    asked: dict[str, list[Result]], liar: str, outcome: Outcome
) -> None:
    found = {one.case: (one.outcome, one.expectation) for one in diverging(asked[liar])}
    assert found == {"one": (outcome, Expectation.UNEXPECTED)}
    assert len(asked[liar]) == len(standards("relu", CASES, "float32"))


@pytest.mark.parametrize("liar", UNFIT)
def test_a_converter_that_changes_bits_is_unfit_to_judge(
    asked: dict[str, list[Result]], liar: str
) -> None:
    (result,) = asked[liar]
    assert (result.outcome, result.expectation) == (Outcome.ERRORED, Expectation.UNEXPECTED)
    assert result.reason.startswith("the binding is unfit to judge: 0x")


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


def test_miniatures_keep_subnormals() -> None:
    assert flushes(truthful, truthful.targets()[0]) == {}


def test_the_truthful_one_converts_bit_for_bit() -> None:
    assert unfaithful(truthful, truthful.targets()[0]) == {}
