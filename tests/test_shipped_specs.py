"""What the shipped specs claim is true: every statement of a file agrees with its others."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from trysquare.dtypes import FLOAT32, FLOAT64, FORMATS, Array, Format
from trysquare.formula.evaluate import evaluate
from trysquare.formula.float64 import Float64
from trysquare.formula.parser import parse
from trysquare.formula.tree import Node
from trysquare.planning.cases import Case, Expect, named_cases, numbers
from trysquare.reader import read, specs_folder
from trysquare.spec import Expression, Input, InputKind, NamedCase, Selected, Spec, Value
from trysquare.truth.known import Truth
from trysquare.truth.meaning import COTANGENT, Meaning, meaning
from trysquare.truth.oracle import Oracle
from trysquare.verdict.standard import Standard

PATHS = sorted(specs_folder().rglob("*.yaml"))
SPECS = {path.stem: read(path) for path in PATHS}
EVERY = pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
EVERY_FORMAT = pytest.mark.parametrize("format", FORMATS.values(), ids=FORMATS)
ROWS, COLUMNS = 16, 5
POSITIVE = ("0.0", "smallest_subnormal", "smallest_normal", "largest", "inf")
SPECIALS = ("nan", *POSITIVE, *(f"-{value}" for value in POSITIVE))
FRAMEWORKS = ("torch", "tensorflow", "keras", "jax")
OLD_VALUES = (True, False, None)


def variations(spec: Spec) -> Iterator[dict[str, Value]]:
    """Yield the defaults, then every other value and choice, one changed at a time."""
    yield {}
    for item in spec.parameters:
        for value in (*item.also, *item.choices, *((True,) if item.default is False else ())):
            if value != item.default:
                yield {item.name: value}


def points(spec: Spec, meant: Meaning, shapes: Mapping[str, tuple[int, int]]) -> dict[str, Array]:
    """Return random inputs as rows, inside their domains, and a cotangent."""
    random = np.random.default_rng(20)
    found = {}
    for item in spec.inputs:
        if item.form(meant.parameters).kind is InputKind.INDEX:
            found[item.name] = random.integers(0, COLUMNS, shapes[item.name]).astype(np.float64)
        elif item.domain is None:
            found[item.name] = random.normal(0, 2, shapes[item.name])
        else:
            found[item.name] = random.uniform(0, 1, shapes[item.name])
    if spec.random is not None:
        found[spec.random.name] = random.uniform(0.125, 0.25, shapes[spec.random.name])
    found[COTANGENT] = random.normal(0, 2, shapes[COTANGENT]) + 0.25
    return found


def exact(spec: Spec, meant: Meaning, tree: Node, wrt: str | None = None) -> Truth:
    """Return the proven value of a tree (shaped like the formula, or like an input) at points."""
    columns = 1 if spec.axis is None else COLUMNS
    spread = meant.output if wrt is None else meant.extents[wrt]
    extents = {**meant.extents, COTANGENT: meant.output}
    shapes = {
        name: (ROWS if extent.rows else 1, columns if extent.columns else 1)
        for name, extent in extents.items()
    }
    inputs = points(spec, meant, shapes)
    return Oracle(tree, inputs, ROWS, columns, spread, FLOAT64).certified


def agree(a: Truth, b: Truth) -> bool:
    """Tell whether two proven values can be the same; NaN agrees with nothing."""
    ulp = FLOAT64.ulp(a.value)
    difference = (a.value - b.value) / ulp + a.rest - b.rest * (FLOAT64.ulp(b.value) / ulp)
    return bool((np.abs(difference) <= 2 * (a.bound + b.bound)).all())


def definition_agrees(spec: Spec, parameters: Mapping[str, Value]) -> bool:
    """Tell whether formula and definition agree, before they are reduced."""
    meant = meaning(replace(spec, reduce=None), parameters)
    definition = meant.definition()
    assert definition is not None
    return agree(exact(spec, meant, meant.terms), exact(spec, meant, definition))


def gradient_agrees(spec: Spec, parameters: Mapping[str, Value], wrt: str) -> bool:
    """Tell whether the stated gradient is the one that calculus derives from the formula."""
    meant = meaning(replace(spec, reduce=None), parameters)
    stated = exact(spec, meant, meant.gradients(wrt)[0], wrt)
    return agree(stated, exact(spec, meant, meant.derived(wrt, meant.terms), wrt))


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
def test_formula_and_definition_agree(spec: Spec) -> None:
    if spec.definition is None:
        pytest.skip("the formula is the textbook form")
    wrong = [given for given in variations(spec) if not definition_agrees(spec, given)]
    assert wrong == []


def test_a_definition_that_differs_is_found() -> None:
    spec = SPECS["sigmoid"]
    assert not definition_agrees(replace(spec, definition=changed(spec, "1 / (1 + exp(x))")), {})


@EVERY
def test_every_stated_gradient_is_the_derivative(spec: Spec) -> None:
    wrong = [
        (name, given)
        for name, given in product(spec.gradient, variations(spec))
        if _is_float(spec, name, given) and not gradient_agrees(spec, given, name)
    ]
    assert wrong == []


def _is_float(spec: Spec, name: str, given: Mapping[str, Value]) -> bool:
    form = next(item for item in spec.inputs if item.name == name).form({**spec.defaults, **given})
    return form.kind is InputKind.FLOAT


def test_a_gradient_that_differs_is_found() -> None:
    spec = SPECS["sigmoid"]
    wrong = replace(spec, gradient={"x": changed(spec, "exp(-abs(x))")})
    assert not gradient_agrees(wrong, {}, "x")


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
    "function", ["mse_loss", "l1_loss", "smooth_l1_loss", "bce_loss", "cross_entropy_loss"]
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
    one, other = (exact(huber, meant, meant.terms).value for meant in terms)
    assert one == pytest.approx(delta * other, rel=4 * math.ulp(1.0))
