"""Calls at their edges, and calls to be refused: which ones follow from a spec, and why."""

from __future__ import annotations

import numpy as np
import pytest

from trysquare.dtypes import FORMATS
from trysquare.formula.float64 import gather
from trysquare.planning.cases import Case, Expect
from trysquare.planning.edges import LONG
from trysquare.planning.plan import groups
from trysquare.result import Check
from trysquare.truth.domain import violations
from trysquare.verdict.measure import inputs_at
from workshop import SPECS, standards

EDGES, ERRORS = Check.EDGES, Check.ERRORS


def planned(function: str, check: Check, dtype: str = "float32") -> dict[str, Case]:
    return {one.case.name: one.case for one in standards(function, check, dtype)}


def test_a_long_call_has_a_count_that_is_infinite_in_float16() -> None:
    assert np.isinf(FORMATS["float16"].round(np.array(float(LONG))))
    cases = planned("mse_loss", EDGES, "float16")
    assert {case.inputs["input"].size for case in cases.values()} == {LONG}


def test_only_what_adds_up_is_asked_to_do_so_in_16_bits() -> None:
    asked = {group.spec.function for group in groups(list(SPECS.values()), [EDGES], ["float16"])}
    assert {"mse_loss", "softmax", "prelu"} <= asked
    assert not {"sigmoid", "tanh"} & asked


def test_the_mean_of_nothing_is_asked_for_again_after_other_numbers() -> None:
    names = [name for name in planned("l1_loss", EDGES) if name.endswith("mean")]
    place = names.index("nothing, 0, mean")
    after = [name for name in names[place:] if not name.startswith("d ")][:3]
    assert after == ["nothing, 0, mean", "something after 0, mean", "nothing, 0, again, mean"]


def test_the_mark_of_what_is_ignored_is_found_in_the_formula() -> None:
    target = planned("cross_entropy_loss", EDGES)["everything ignored"].inputs["target"]
    assert (target == -100).all()
    assert "everything ignored" not in planned("l1_loss", EDGES)


def test_every_end_of_a_domain_meets_every_other() -> None:
    inputs = planned("bce_loss", EDGES)["ends of domains"].inputs
    pairs = zip(inputs["input"].tolist(), inputs["target"].tolist(), strict=True)
    assert sorted(pairs) == [(0, 0), (0, 1), (1, 0), (1, 1)]


def test_a_gather_of_no_rows_is_nothing() -> None:
    assert gather(np.ones((1, 3)), np.zeros((0, 1)), 3).shape == (0, 1)


@pytest.mark.parametrize("function", SPECS)
def test_what_has_to_be_refused_is_what_the_spec_does_not_allow(function: str) -> None:
    for case in planned(function, ERRORS).values():
        try:
            found = list(violations(SPECS[function], case.effective, case.inputs))
        except ValueError as error:
            found = [str(error)]
        assert bool(found) is (case.expect is Expect.ERROR), case.name


def test_inputs_are_not_broadcast_against_each_other() -> None:
    names = planned("mse_loss", ERRORS)
    assert {"target [4] for [4, 1]", "d input, target [4] for [4, 1]"} <= names.keys()


def test_a_class_is_not_counted_from_the_end_nor_in_32_bits() -> None:
    wrong = {name for name in planned("cross_entropy_loss", ERRORS) if name.startswith("target ")}
    assert wrong >= {"target 3 of 3", "target -1 of 3", f"target {2**40} of 3"}


def test_a_class_is_told_whole_in_a_format_that_does_not_hold_it() -> None:
    asked = standards("cross_entropy_loss", Check.EDGES, "bfloat16")
    (row,) = (one for one in asked if one.case.name == f"a row of {LONG}")
    target = int(row.case.inputs["target"][0])
    assert FORMATS["bfloat16"].round(np.array(float(target))) != target
    told = inputs_at(row, (0, 0))["target"]
    assert (told.decimal, int(told.bits, 16)) == (str(target), target)
