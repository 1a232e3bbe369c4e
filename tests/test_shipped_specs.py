"""What the shipped specs claim is true: every statement of a file agrees with its others."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from trysquare.audit.double_entry import contradictions
from trysquare.audit.grid import variations
from trysquare.dtypes import FLOAT32, FLOAT64, FORMATS, Array, Format
from trysquare.formula.evaluate import evaluate
from trysquare.formula.float64 import Float64
from trysquare.formula.parser import parse
from trysquare.planning.cases import Case, Expect, named_cases, numbers
from trysquare.reader import is_spec, read, specs_folder
from trysquare.spec import Expression, Input, InputKind, NamedCase, Selected, Spec, Value
from trysquare.truth.known import Truth
from trysquare.truth.meaning import meaning
from trysquare.truth.oracle import Oracle
from trysquare.verdict.standard import Standard

PATHS = sorted(path for path in specs_folder().rglob("*.yaml") if is_spec(path))
SPECS = {path.stem: read(path) for path in PATHS}
EVERY = pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
EVERY_FORMAT = pytest.mark.parametrize("format", FORMATS.values(), ids=FORMATS)
POSITIVE = ("0.0", "smallest_subnormal", "smallest_normal", "largest", "inf")
SPECIALS = ("nan", *POSITIVE, *(f"-{value}" for value in POSITIVE))
FRAMEWORKS = ("torch", "tensorflow", "keras", "jax")
OLD_VALUES = (True, False, None)


def states(case: NamedCase, name: str, special: str, parameters: Mapping[str, Value]) -> bool:
    """Tell whether a case gives an input this special value, with its sign."""
    if name not in case.inputs or case.dtypes:
        return False
    given = numbers(case.inputs[name], parameters, FLOAT32).ravel()
    wanted = numbers(parse(special), {}, FLOAT32)
    if np.isnan(wanted):
        return bool(np.isnan(given).any())
    return bool(((given == wanted) & (np.signbit(given) == np.signbit(wanted))).any())


def unstated(spec: Spec, item: Input, by: Mapping[str, Value]) -> list[str]:
    """Return the special values that no case gives an input, in cases with these parameters."""
    cases = [
        (case, {**spec.defaults, **case.parameters})
        for case in spec.cases
        if {**spec.defaults, **case.parameters}.items() >= by.items()
    ]
    return [
        special
        for special in SPECIALS
        if not any(states(case, item.name, special, chosen) for case, chosen in cases)
    ]


def disagreement(spec: Spec, named: NamedCase, case: Case) -> str:
    """Return how a case differs from the formula beyond one rounding, or nothing."""
    demanded = Standard(spec, case)
    truth = demanded.canonical.oracle.certified
    assert not isinstance(named.expect, str)
    for nested in named.expect:
        stated = numbers(nested, case.effective, case.format)
        if stated.shape != demanded.shape:
            return f"shape {stated.shape} instead of {demanded.shape}"
        if _near(demanded.layout.to_rows(stated, demanded.spread), truth, named, case.format):
            return ""
    return f"stated {named.expect}, true {truth.value.tolist()}"


def _near(stated: Array, truth: Truth, named: NamedCase, format: Format) -> bool:
    with np.errstate(all="ignore"):
        ulp = format.ulp(truth.value)
        # expressions of a case are evaluated in float64, hence a few of its roundings
        limit = 0.5 + 4 * FLOAT64.ulp(truth.value) / ulp
        if named.digits is not None:
            limit = limit + 0.5 * 10.0**-named.digits / ulp
        near = np.abs((stated - truth.value) / ulp - truth.rest) <= limit
        same = (stated == truth.value) | (stated == format.round(truth.value))
    return bool((near | same | (np.isnan(stated) & np.isnan(truth.value))).all())


def disagreements(spec: Spec, format: Format) -> list[str]:
    """Return the cases of a spec that its formula contradicts."""
    named = {case.name: case for case in spec.cases}
    found = []
    for case in named_cases(spec, format):
        if case.expect is Expect.TRUTH and not drawn(spec, case.effective):
            difference = disagreement(spec, named[case.name], case)
            found += [f"{case.name}: {difference}"] if difference else []
    return found


def drawn(spec: Spec, parameters: Mapping[str, Value]) -> bool:
    """Tell whether a call draws random numbers."""
    return spec.random is not None and parameters.items() >= spec.random.mode.items()


def changed(spec: Spec, text: str) -> Selected:
    """Return another formula over the inputs of a spec."""
    known = frozenset(item.name for item in spec.inputs)
    return Selected(None, {"": Expression(text, parse(text, known))})


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_an_editor_finds_the_schema(path: Path) -> None:
    first = path.read_text(encoding="utf-8").split("\n")[0]
    assert first == "# yaml-language-server: $schema=../spec.schema.json"


@EVERY
def test_no_source_is_a_framework(spec: Spec) -> None:
    named = [word for word in FRAMEWORKS if word in " ".join(spec.source).lower()]
    assert named == []


@EVERY
def test_every_special_value_of_every_input_is_stated(spec: Spec) -> None:
    missing = []
    for item in spec.inputs:
        for choice, form in item.forms.items():
            if form.kind is InputKind.FLOAT:
                by: dict[str, Value] = {} if item.by is None else {item.by: choice}
                missing += [(item.name, choice, value) for value in unstated(spec, item, by)]
    assert missing == []


def test_a_special_value_that_no_case_states_is_missed() -> None:
    spec = SPECS["sigmoid"]
    fewer = tuple(case for case in spec.cases if case.name != "not a number")
    assert unstated(replace(spec, cases=fewer), spec.inputs[0], {}) == ["nan"]


@EVERY_FORMAT
@EVERY
def test_every_case_agrees_with_the_formula(spec: Spec, format: Format) -> None:
    assert disagreements(spec, format) == []


def test_a_case_that_contradicts_the_formula_is_found() -> None:
    spec = SPECS["mse_loss"]
    halved = replace(spec, formula=changed(spec, "(input - target)**2 / 2"))
    assert any(line.startswith("no factor of one half") for line in disagreements(halved, FLOAT64))


@EVERY
def test_formula_and_definition_and_gradient_and_derivative_agree(spec: Spec) -> None:
    assert [*contradictions(spec)] == []


def test_a_definition_that_differs_is_found() -> None:
    spec = SPECS["sigmoid"]
    (mistake,) = contradictions(replace(spec, definition=changed(spec, "1 / (1 + exp(x))")))
    assert mistake.message.startswith("formula and definition differ: at x = ")


def test_a_gradient_that_differs_is_found() -> None:
    spec = SPECS["sigmoid"]
    (mistake,) = contradictions(replace(spec, gradient={"x": changed(spec, "exp(-abs(x))")}))
    assert mistake.message.startswith("the stated gradient of x is not the derivative: at ")


@EVERY
def test_defaults_and_other_values_are_inside_their_domains(spec: Spec) -> None:
    outside = [
        (item.name, given)
        for item, given in product(spec.parameters, variations(spec))
        if item.domain is not None and not _holds(item.domain, {**spec.defaults, **given})
    ]
    assert outside == []


def _holds(condition: Expression, parameters: Mapping[str, Value]) -> bool:
    names = {
        name: np.full((1, 1), float(value))
        for name, value in parameters.items()
        if not isinstance(value, str)
    }
    return bool(evaluate(condition.tree, Float64(1, 1), names))


@pytest.mark.parametrize(
    "function",
    [
        "mse_loss",
        "l1_loss",
        "smooth_l1_loss",
        "bce_loss",
        "cross_entropy_loss",
        "bce_with_logits_loss",
        "kl_div_loss",
        "poisson_nll_loss",
        "hinge_embedding_loss",
        "margin_ranking_loss",
        "soft_margin_loss",
    ],
)
def test_the_old_reduction_arguments_are_told_in_all_combinations(function: str) -> None:
    expected = {
        (average, reduce): "none" if reduce is False else "sum" if average is False else "mean"
        for average, reduce in product(OLD_VALUES, OLD_VALUES)
        if (average, reduce) != (None, None)
    }
    told = {
        (entry.given["size_average"], entry.given["reduce"]): entry.means["reduction"]
        for entry in SPECS[function].deprecated
        if entry.given.keys() == {"size_average", "reduce"}
    }
    assert told == expected


@pytest.mark.parametrize("delta", [0.5, 1.0, 2.0])
def test_huber_is_delta_times_smooth_l1(delta: float) -> None:
    huber, smooth = SPECS["huber_loss"], SPECS["smooth_l1_loss"]
    terms = [
        meaning(replace(spec, reduce=None), {name: delta})
        for spec, name in ((huber, "delta"), (smooth, "beta"))
    ]
    pairs = np.random.default_rng(20).normal(0, 2, (2, 50, 1))
    inputs = {"input": pairs[0], "target": pairs[1]}
    one, other = (
        Oracle(meant.terms, inputs, 50, 1, meant.output, FLOAT64).certified.value for meant in terms
    )
    assert one == pytest.approx(delta * other, rel=4 * math.ulp(1.0))
