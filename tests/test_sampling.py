"""The inputs that are tried: the same for the same seed, boundaries first, nothing left out."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from trysquare.dtypes import BFLOAT16, FLOAT16, FLOAT32, FLOAT64, FORMATS, Array, Format
from trysquare.formula.evaluate import evaluate
from trysquare.formula.float64 import Float64
from trysquare.formula.parser import parse
from trysquare.formula.tree import names
from trysquare.planning.cases import Case
from trysquare.planning.checks import cases
from trysquare.planning.plan import checks_of, groups
from trysquare.planning.sampling import (
    near_constants,
    numbers,
    rows,
    specials,
    tuples,
    whole_format,
)
from trysquare.result import Check
from trysquare.spec import Input, InputKind
from trysquare.truth.meaning import meaning
from workshop import SPECS

every = pytest.mark.parametrize("format", FORMATS.values(), ids=FORMATS)
TREE = parse("1 if x < 3 else x", frozenset({"x"}))


def random() -> np.random.Generator:
    return np.random.default_rng(7)


def bits(case: Case) -> dict[str, Any]:
    """Return everything that a case asks, arrays as bytes."""
    plain = {field.name: getattr(case, field.name) for field in fields(case)}
    plain["inputs"] = {name: array.tobytes() for name, array in case.inputs.items()}
    plain["cotangent"] = None if case.cotangent is None else case.cotangent.tobytes()
    plain["stated"] = [array.tobytes() for array in case.stated]
    if case.claimed is not None:
        earlier = None if case.earlier is None else bits(case.earlier)
        plain["claimed"] = case.claimed.claim, earlier
    if case.elsewhere is not None:
        plain["elsewhere"] = bits(case.elsewhere.case), case.elsewhere.places.tobytes()
    return plain


@pytest.mark.parametrize("function", SPECS)
def test_the_same_seed_asks_the_same(function: str) -> None:
    for check in checks_of(SPECS[function]):
        first, second = (cases(SPECS[function], check, FLOAT32, 3) for _ in range(2))
        assert [bits(case) for case in first] == [bits(case) for case in second]


def test_another_seed_asks_something_else() -> None:
    (one,), (other,) = (cases(SPECS["sigmoid"], Check.VALUES, FLOAT32, seed) for seed in (3, 4))
    assert bits(one) != bits(other)


def test_a_check_left_out_changes_no_other() -> None:
    everything = groups([SPECS["elu"]], dtypes=["float32"])
    alone = groups([SPECS["elu"]], [Check.GRADIENTS], ["float32"])
    same = next(group for group in everything if group.check is Check.GRADIENTS)
    pairs = zip(same.cases(0), alone[0].cases(0), strict=True)
    assert all(bits(one) == bits(other) for one, other in pairs)


@pytest.mark.parametrize("function", SPECS)
def test_no_two_cases_of_a_group_have_the_same_id(function: str) -> None:
    for group in groups([SPECS[function]]):
        slugs = [case.slug for case in group.cases(0)]
        assert len(slugs) == len(set(slugs)), group.name


@pytest.mark.parametrize("format", [FLOAT16, BFLOAT16], ids=lambda format: format.name)
def test_a_whole_format_has_every_bit_pattern(format: Format) -> None:
    patterns = format.cast(whole_format(format)).view(format.bits)
    magnitude = patterns[~np.isnan(whole_format(format))]
    assert len(whole_format(format)) == 65536
    assert len(np.unique(magnitude)) == 65536 - np.isnan(whole_format(format)).sum()


@pytest.mark.parametrize("function", ["relu", "sigmoid", "elu", "rrelu", "prelu"])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_a_function_of_one_number_is_asked_every_16_bit_number(function: str, dtype: str) -> None:
    case = cases(SPECS[function], Check.VALUES, FORMATS[dtype], 0)[0]
    x = case.inputs["x"].astype(np.float64)
    x = x[~np.isnan(x)]
    want = whole_format(FORMATS[dtype])
    want = want[~np.isnan(want)]
    assert set(zip(x.ravel(), np.signbit(x).ravel(), strict=True)) == set(
        zip(want, np.signbit(want), strict=True)
    )


@every
def test_the_edges_of_the_format_come_first(format: Format) -> None:
    edges = {0.0, format.smallest_subnormal, format.smallest_normal, format.largest, np.inf}
    positive = set(specials(format)[~np.isnan(specials(format))])
    assert edges <= positive
    assert {-edge for edge in edges} <= positive
    assert np.isnan(specials(format)).any()
    assert np.signbit(specials(format)[specials(format) == 0]).tolist() == [False, True]


@every
def test_every_binade_of_either_sign_is_visited(format: Format) -> None:
    sample = numbers(format, TREE, random())
    sample = sample[np.isfinite(sample)]
    exponents = np.frexp(sample[sample != 0])[1] - 1
    binades = set(range(format.emin - format.precision + 1, format.emax + 1))
    assert set(exponents[sample[sample != 0] > 0]) >= binades
    assert set(exponents[sample[sample != 0] < 0]) >= binades


@every
def test_every_constant_is_surrounded(format: Format) -> None:
    near = set(near_constants(format, TREE))
    for constant in (3.0, -3.0, 1.0, 0.0):
        place = int(format.ordinal(np.array([constant]))[0])
        assert set(format.from_ordinal(place + np.arange(-2, 3))) <= near


@every
def test_numbers_are_numbers_of_the_format(format: Format) -> None:
    sample = numbers(format, TREE, random())
    assert np.array_equal(sample, format.round(sample), equal_nan=True)


@every
def test_all_pairs_of_specials_meet(format: Format) -> None:
    pairs = {(str(a), str(b)) for a, b in tuples(format, TREE, 10, 2, random())}
    assert {(str(a), str(b)) for a in specials(format) for b in specials(format)} <= pairs


@every
def test_equal_and_neighbouring_coordinates_occur(format: Format) -> None:
    points = tuples(format, TREE, 400, 2, random())
    points = points[np.isfinite(points).all(axis=1)]
    apart = np.abs(format.ordinal(points[:, 0]) - format.ordinal(points[:, 1]))
    assert (apart == 0).any()
    assert (apart == 1).any()


@every
@pytest.mark.parametrize("length", [1, 2, 100])
def test_rows_are_finite_numbers_of_the_format(format: Format, length: int) -> None:
    sample = rows(format, length, random())
    assert sample.shape[1] == length
    assert np.isfinite(sample).all()
    assert np.array_equal(sample, format.round(sample))


def _domains(function: str) -> list[Input]:
    return [item for item in SPECS[function].inputs if item.domain is not None]


def _inside(item: Input, case: Case) -> bool:
    """Tell whether every number of an input satisfies the condition that the spec puts on it."""
    assert item.domain is not None
    condition = meaning(SPECS[case.function], case.effective).expression(item.domain.tree)
    columns = {
        name: array.astype(np.float64).reshape(-1, 1)
        for name, array in case.inputs.items()
        if name in names(condition)
    }
    count = columns[item.name].size
    return bool(np.all(evaluate(condition, Float64(count, 1, case.format), columns)))


@pytest.mark.parametrize("check", [Check.VALUES, Check.GRADIENTS, Check.REDUCTIONS, Check.DEFAULTS])
@pytest.mark.parametrize("function", [name for name in SPECS if _domains(name)])
def test_sampled_points_lie_in_the_domain(function: str, check: Check) -> None:
    for case in cases(SPECS[function], check, FLOAT32, 0):
        for item in _domains(function):
            assert _inside(item, case), case.name


def _finite(array: Array) -> bool:
    return bool(np.isfinite(array.astype(np.float64)).all())


@pytest.mark.parametrize("function", SPECS)
def test_gradients_are_asked_at_numbers(function: str) -> None:
    for case in cases(SPECS[function], Check.GRADIENTS, FLOAT16, 0):
        assert all(_finite(array) for array in case.inputs.values())
        assert case.cotangent is not None
        assert _finite(case.cotangent)


@pytest.mark.parametrize("function", SPECS)
def test_every_input_is_asked_for_its_gradient_along_more_than_ones(function: str) -> None:
    asked: dict[bool, set[str]] = {True: set(), False: set()}
    for case in cases(SPECS[function], Check.GRADIENTS, FLOAT64, 0):
        assert case.cotangent is not None
        asked[bool((case.cotangent == 1).all())].add(case.wrt)
    differentiable = {
        item.name
        for item in SPECS[function].inputs
        if item.differentiable and any(f.kind is InputKind.FLOAT for f in item.forms.values())
    }
    assert asked[False] == differentiable
    assert asked[True]
