"""A hunt finds what sampling misses, reports what Arb has confirmed, and repeats itself."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trysquare.command.hunting import Hunt
from trysquare.dtypes import FLOAT32, FLOAT64, FORMATS, Array
from trysquare.errors import UsageError
from trysquare.formula.extended import Extended, holds
from trysquare.hunt.box import Space
from trysquare.hunt.search import Plan, Scores, search
from trysquare.hunt.start import starts, subjects
from trysquare.result import Limits, Outcome, Result, Symptom
from trysquare.truth.arrangement import arrange
from workshop import SPECS

NUMERIC = "worst found"


def hunt(
    target: str,
    function: str,
    dtype: str = "float32",
    evaluations: int = 20_000,
    **more: Any,
) -> dict[str, Result]:
    """Return the results of a hunt on one target by the names of their cases."""
    chosen = Hunt.of(
        words=[function],
        targets=[target],
        dtypes=[dtype],
        earlier=more.get("earlier", []),
        gradient=more.get("gradient", False),
    )
    deadline, path = more.get("deadline", 60.0), more.get("path")
    limits = Limits(seconds=deadline)
    run, interrupted = chosen.run(evaluations, 0, limits, path, io.StringIO())
    assert not interrupted
    return {result.case: result for result in run.results}


def numbers(result: Result, name: str = "x") -> list[float]:
    return [float.fromhex(text) for found in result.found for text in found.inputs[name]]


# The search itself.


def peak(at: int, space: Space, evaluations: int, seed: int = 0) -> tuple[int, int]:
    """Return the best point that a search finds on a slope up to one number, and what it cost."""
    spent = 0

    def evaluate(batches: Iterable[Array]) -> list[Scores]:
        nonlocal spent
        scores = [1 / (1.0 + np.abs(batch[:, 0] - float(at))) for batch in batches]
        spent += sum(map(len, scores))
        return [Scores(score, score) for score in scores]

    found = search(space, evaluate, evaluations, np.random.default_rng(seed))
    return int(found.points[0, 0]), spent


LINE = Space((-(2**31),), (2**31,), (False,))


@pytest.mark.parametrize("at", [-(2**31), -1, 0, 12345678, 2**31])
def test_a_search_climbs_to_one_number_in_four_thousand_million(at: int) -> None:
    assert peak(at, LINE, 20_000)[0] == at


def test_a_search_spends_no_more_than_it_may() -> None:
    assert peak(5, LINE, 20_000)[1] <= 20_000


def test_a_small_space_is_tried_whole() -> None:
    seen: list[Array] = []

    def evaluate(batches: Iterable[Array]) -> list[Scores]:
        seen.extend(batches)
        return [Scores(np.zeros(len(batch)), np.zeros(len(batch))) for batch in batches]

    search(Space((-20,), (30,), (False,)), evaluate, 5000, np.random.default_rng(0))
    assert set(np.concatenate(seen)[:, 0].tolist()) == set(range(-20, 31))


def test_a_search_through_all_of_float64_does_not_overflow() -> None:
    top = int(FLOAT64.ordinal(np.array([FLOAT64.largest]))[0])
    assert peak(top, Space((-top,), (top,), (False,)), 50_000)[0] > top - 10_000


def test_the_points_of_a_batch_share_what_they_must() -> None:
    def evaluate(batches: Iterable[Array]) -> list[Scores]:
        scores = []
        for batch in batches:
            assert len(np.unique(batch[:, 1])) == 1
            scores.append(Scores(np.ones(len(batch)), np.ones(len(batch))))
        return scores

    space = Space((0, 0), (2**20, 2**20), (False, True))
    assert len(search(space, evaluate, 50_000, np.random.default_rng(1)).points)


def test_more_evaluations_keep_more_boxes() -> None:
    assert Plan.of(10**4, LINE).beam < Plan.of(10**6, LINE).beam < Plan.of(10**7, LINE).beam


# Extended precision.


@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="longdouble is float64 here")
def test_extended_precision_is_closer_than_a_thousandth_of_an_ulp() -> None:
    from trysquare.truth.oracle import Oracle

    x = np.random.default_rng(3).uniform(-30, 30, 200)
    arranged = arrange(SPECS["sigmoid"], {}, {"x": x})
    laid, meant = arranged.layout, arranged.meant
    oracle = Oracle(meant.value, arranged.rows, laid.rows, 1, meant.output, FLOAT64)
    quick, exact = oracle.extended, oracle.certified
    assert quick is not None
    gap = (quick.value - exact.value) / FLOAT64.ulp(exact.value) + quick.rest - exact.rest
    assert np.abs(gap).max() < 2.0**-9


def test_extended_precision_holds_constants_that_float64_does_not() -> None:
    from fractions import Fraction

    wide = Extended(1, 1).number(Fraction(1, 10))[0, 0]
    if np.finfo(np.longdouble).nmant >= 63:
        assert wide != np.longdouble(0.1)
        assert wide * 10 == 1


def test_a_tree_with_erf_has_no_extended_precision() -> None:
    from trysquare.formula.parser import parse

    assert not holds(parse("x * erf(x)", frozenset({"x"})))
    assert not holds(parse("1 + erfc(exp(x))", frozenset({"x"})))


# What is found.


def test_the_truth_is_never_more_than_half_an_ulp_off() -> None:
    for result in hunt("prey:truthful", "sigmoid").values():
        assert result.outcome is Outcome.CONFORMS
        assert result.max_ulp <= 0.5
        assert result.found


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_narrow_interval_is_found(dtype: str) -> None:
    result = hunt("prey:in_an_interval", "sigmoid", dtype, 60_000)[NUMERIC]
    assert result.symptom is Symptom.INACCURATE
    assert 0.73 < numbers(result)[0] < 0.74
    assert result.found[0].ulp == pytest.approx(40, abs=2)


def test_one_number_beside_an_edge_is_found() -> None:
    result = hunt("prey:below_one", "sigmoid", "float64", 60_000)[NUMERIC]
    assert result.failed == 1
    assert numbers(result)[0] == np.nextafter(1.0, 0.0)


def test_one_number_that_is_like_any_other_is_not_found() -> None:
    # 2^64 numbers, and nothing leads there: a hunt is no proof
    result = hunt("prey:at_one_number", "sigmoid", "float64", 60_000)[NUMERIC]
    assert result.outcome is Outcome.CONFORMS


def test_zeros_do_not_hide_a_wrong_number() -> None:
    results = hunt("prey:behind_zeros", "sigmoid")
    discrete, numeric = results["discrete failure found"], results[NUMERIC]
    assert discrete.symptom is Symptom.LOST
    assert all(2 < x < 4 for x in numbers(discrete))
    assert numeric.symptom is Symptom.INACCURATE
    assert 5 < numbers(numeric)[0] < 5.5


def test_what_is_wrong_in_company_alone_is_told_from_what_is_wrong_alone() -> None:
    results = hunt("prey:in_company", "sigmoid")
    assert results[NUMERIC].outcome is Outcome.DIVERGES
    assert results[f"{NUMERIC}, each alone"].outcome is Outcome.CONFORMS
    worst = results[NUMERIC].found[0]
    assert worst.alone is not None
    assert worst.alone != worst.got


def test_what_shows_in_a_long_call_only_is_shown_in_a_long_call() -> None:
    result = hunt("prey:in_long_company", "sigmoid")[NUMERIC]
    assert result.outcome is Outcome.DIVERGES
    assert result.count > 100


def test_a_gradient_is_hunted() -> None:
    results = hunt("prey:in_an_interval", "sigmoid", gradient=True)
    result = results[f"{NUMERIC}, d x"]
    assert result.symptom is Symptom.INACCURATE
    assert result.wrt == "x"


def test_a_parameter_is_a_dimension() -> None:
    results = hunt("prey:for_some_parameters", "elu", evaluations=60_000)
    assert results[NUMERIC].outcome is Outcome.CONFORMS
    result = results[f"{NUMERIC}, any alpha"]
    assert result.outcome is Outcome.DIVERGES
    assert 2 < float(result.parameters["alpha"] or 0) < 64


def test_two_inputs_are_two_dimensions() -> None:
    result = hunt("prey:for_close_inputs", "mse_loss")[NUMERIC]
    assert result.outcome is Outcome.DIVERGES
    assert 1 < numbers(result, "input")[0] < 4


def test_rows_are_searched() -> None:
    results = hunt("prey:for_a_large_gap", "softmax")
    assert results[f"{NUMERIC}, rows of 2"].outcome is Outcome.DIVERGES
    assert len(results[f"{NUMERIC}, rows of 3"].found[0].inputs["x"]) == 3


def test_an_interval_is_found_beside_targets_that_may_be_one_of_two_numbers() -> None:
    result = hunt("prey:in_an_interval", "hinge_loss", "float32", 60_000)[NUMERIC]
    assert result.symptom is Symptom.INACCURATE
    assert 0.73 < numbers(result, "input")[0] < 0.74
    assert set(numbers(result, "target")) <= {-1.0, 1.0}


def test_rows_of_few_numbers_are_searched() -> None:
    results = hunt("prey:truthful", "categorical_hinge_loss", evaluations=4000)
    assert results
    for result in results.values():
        assert result.outcome is Outcome.CONFORMS
        assert set(numbers(result, "target")) == {0.0, 1.0}


def test_a_domain_is_never_left() -> None:
    # the backend raises outside it, and that would be a result
    for gradient in (False, True):
        results = hunt("prey:truthful", "bce_loss", gradient=gradient)
        assert {one.outcome for one in results.values()} == {Outcome.CONFORMS}
        assert not any(case.startswith("unanswered") for case in results)


def test_the_domain_of_a_parameter_is_never_left() -> None:
    results = hunt("prey:truthful", "huber_loss", evaluations=10_000)
    assert {one.outcome for one in results.values()} == {Outcome.CONFORMS}
    assert f"{NUMERIC}, any delta" in results


def test_the_same_seed_finds_the_same() -> None:
    first, second = (hunt("prey:in_an_interval", "sigmoid") for _ in range(2))
    plain = [[replace(one, seconds=0.0) for one in results.values()] for results in (first, second)]
    assert plain[0] == plain[1]


def test_a_crash_costs_the_number_that_did_it() -> None:
    results = hunt("prey:crashes", "sigmoid", evaluations=200)
    crashed = [one for one in results.values() if one.outcome is Outcome.CRASHED]
    assert crashed
    assert all(3 < x < 64 for one in crashed for x in numbers(one))


def test_a_target_that_hangs_does_not_end_the_hunt() -> None:
    results = hunt("prey:hangs", "sigmoid", evaluations=2000, deadline=1.0)
    assert Outcome.TIMED_OUT in {one.outcome for one in results.values()}


def test_a_target_that_runs_on_request_is_hunted_where_it_is_named() -> None:
    found, usual = (
        hunt(name, str(SPECS["sigmoid"].place.path), evaluations=2000)
        for name in ("prey:on_request:cpu:slow", "prey:on_request")
    )
    assert {one.target for one in found.values()} == {"on_request:cpu:slow"}
    assert {one.target for one in usual.values()} == {"on_request:cpu:miniature"}


def test_an_answer_of_another_dtype_is_judged_and_not_searched() -> None:
    (result,) = hunt("prey:wide_answers", "sigmoid", evaluations=2000).values()
    assert result.symptom is Symptom.DTYPE


def test_a_hunt_goes_on_from_an_earlier_one(tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    hunt("prey:at_one_number", "sigmoid", "float64", 2000, path=results)
    text = results.read_text(encoding="utf-8")
    any_number = numbers(hunt("prey:at_one_number", "sigmoid", "float64", 2000)[NUMERIC])[0]
    results.write_text(text.replace(any_number.hex(), (0.73105857863000487).hex()), "utf-8")
    found = hunt("prey:at_one_number", "sigmoid", "float64", 2000, earlier=[results])
    assert found[NUMERIC].outcome is Outcome.DIVERGES


def test_an_unknown_target_is_refused() -> None:
    with pytest.raises(UsageError, match="no target is called 'numpy:cpu:eager'"):
        hunt("numpy:cpu:eager", "sigmoid")


@pytest.mark.parametrize("function", SPECS)
def test_every_point_is_a_call_and_back(function: str) -> None:
    random = np.random.default_rng(0)
    for gradient in (False, True):
        for subject in subjects(SPECS[function], FLOAT32, gradient=gradient):
            batches = starts(subject, 20_000, random)
            point = next(one[mask][0] for one in batches if (mask := subject.allowed(one)).any())
            texts = {
                name: [value.hex() for value in values]
                for name, values in subject.told(point).items()
            }
            again = subject.held(texts, subject.parameters(point))
            assert again is not None
            assert again.tolist() == point.tolist()


def test_labels_tell_subjects_apart() -> None:
    for spec in SPECS.values():
        for format in FORMATS.values():
            for gradient in (False, True):
                labels = [one.label for one in subjects(spec, format, gradient=gradient)]
                assert len(labels) == len(set(labels))
