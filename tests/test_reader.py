"""Specs that are read, and mistakes that are told where they are."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from trysquare.dtypes import FORMATS
from trysquare.errors import Mistake, SpecErrors
from trysquare.formula.parser import parse
from trysquare.formula.tree import Op, Scope
from trysquare.reader import is_spec, read, read_all, read_each, specs_folder
from trysquare.spec import Extent, InputKind, NamedCase, ParameterKind, Spec, Special
from trysquare.specfile.sections import DTYPES

SPEC = """\
# a comment
trysquare: 1
function: hinge
summary: A line with a corner.
source: https://example.org/hinge

inputs:
  x: float
  target: {type: {class: index, probability: float}, per: {class: row, probability: element}}
  weight: {per: position, default: 1, differentiable: false, domain: weight >= 0}

parameters:
  slope: {default: 1 / 8, also: [-0.0, 1e-5], domain: slope <= 2}
  dim: {default: 1, type: integer}
  target_type: {default: class, choices: [class, probability]}
  reduction: {default: mean, choices: [none, sum, mean]}
  inplace: {default: false, role: inplace}
  smooth: {default: no, choices: [yes, no]}

axis: dim

where:
  d: >-
    x -
    slope
  e: {class: d, probability: d * target}

formula: e if x > 0 else d

definition: d

reduce:
  none: loss
  sum: sum(loss)
  mean: sum(loss) / count(weight)

gradient:
  x: cotangent * weight

kinks:
  - {at: x == 0, x: [0, 1 / 2]}

tolerance: {none: 4 ulp, sum: 3 * n + 3 ulp, mean: inherited}

dialects:
  other: {formula: -d, why: Seen somewhere.}

deprecated:
  - given: {size_average: false, reduce: absent, mode: elementwise_mean}
    means: {reduction: sum}

cases:
  - {name: plain, x: -inf, target: 0, expect: -slope}
  - name: rows
    why: Because.
    dim: 0
    x: [[1.0, 2.0], [eps, nan]]
    target: [0, 1]
    digits: 4
    dtypes: [float32]
    expect: {one of: [[1, 2], 3]}
  - {name: refused, x: 0, target: 0, reduction: max, slope: 3, expect: error}
"""


def write(folder: Path, text: str, name: str = "hinge") -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def spec(tmp_path: Path) -> Spec:
    return read(write(tmp_path, SPEC))


@pytest.fixture
def cases(spec: Spec) -> dict[str, NamedCase]:
    return {case.name: case for case in spec.cases}


def mistakes(tmp_path: Path, old: str, new: str, name: str = "hinge") -> tuple[Mistake, ...]:
    """Return what is wrong once `old` is written as `new`."""
    assert SPEC.count(old) >= 1
    with pytest.raises(SpecErrors) as raised:
        read(write(tmp_path, SPEC.replace(old, new, 1), name))
    return raised.value.mistakes


def only(tmp_path: Path, old: str, new: str) -> Mistake:
    (mistake,) = mistakes(tmp_path, old, new)
    return mistake


def pointed(mistake: Mistake) -> str:
    """Return the characters that the caret is under."""
    return mistake.excerpt[mistake.column - 1 :][: mistake.width]


# what is read


def test_the_shipped_specs_are_read() -> None:
    assert {"elu", "smooth_l1_loss"} <= {spec.function for spec in read_all([specs_folder()])}


def test_the_category_is_the_folder(tmp_path: Path) -> None:
    (tmp_path / "losses").mkdir()
    assert read(write(tmp_path / "losses", SPEC)).category == "losses"


def test_the_place_of_a_spec_is_relative_to_the_current_folder(spec: Spec) -> None:
    assert str(spec.place) == "hinge.yaml:3:11"


def test_the_place_of_a_case_is_its_line(cases: dict[str, NamedCase]) -> None:
    line = SPEC.split("\n").index("  - name: rows") + 1
    assert (cases["rows"].place.line, cases["rows"].place.column) == (line, 5)


def test_an_input_may_be_a_word(spec: Spec) -> None:
    form = spec.inputs[0].forms[""]
    assert (form.kind, form.extent) == (InputKind.FLOAT, Extent.ELEMENT)
    assert spec.inputs[0].differentiable


def test_the_parameter_that_selects_a_form_is_found_from_the_choices(spec: Spec) -> None:
    target = spec.inputs[1]
    assert target.by == "target_type"
    assert target.form({"target_type": "class"}).kind is InputKind.INDEX
    assert target.form({"target_type": "probability"}).extent is Extent.ELEMENT


def test_a_default_makes_an_input_optional(spec: Spec) -> None:
    weight = spec.inputs[2]
    assert weight.default is not None
    assert weight.default.tree == parse("1")
    assert not weight.differentiable


def test_defaults_are_values(spec: Spec) -> None:
    assert spec.defaults == {
        "slope": 0.125,
        "dim": 1,
        "target_type": "class",
        "reduction": "mean",
        "inplace": False,
        "smooth": "no",
    }


def test_kinds_of_parameters_follow_from_what_is_written(spec: Spec) -> None:
    kinds = [parameter.kind for parameter in spec.parameters]
    number, integer, flag, choice = ParameterKind
    assert kinds == [number, integer, choice, choice, flag, choice]


def test_the_words_yes_and_no_stay_words(spec: Spec) -> None:
    assert spec.parameters[5].choices == ("yes", "no")


def test_numbers_with_exponents_are_numbers(spec: Spec) -> None:
    assert spec.parameters[0].also[1] == 1e-5


def test_a_default_keeps_its_negative_zero(spec: Spec) -> None:
    zero = spec.parameters[0].also[0]
    assert math.copysign(1, float(zero)) == -1


def test_a_whole_default_of_a_number_is_a_float(tmp_path: Path) -> None:
    spec = read(write(tmp_path, SPEC.replace("default: 1 / 8", "default: 1")))
    assert type(spec.defaults["slope"]) is float


def test_a_folded_expression_is_one_expression(spec: Spec) -> None:
    assert spec.where["d"].options[""].tree == parse("x - slope", frozenset({"x", "slope"}))


def test_a_mapping_selects_by_the_parameter_with_these_choices(spec: Spec) -> None:
    assert spec.where["e"].parameter == "target_type"
    assert spec.where["e"].pick({"target_type": "class"}).text == "d"


def test_a_flag_selects_by_true_and_false(tmp_path: Path) -> None:
    text = SPEC.replace("smooth: {default: no, choices: [yes, no]}", "smooth: {default: false}")
    spec = read(write(tmp_path, text.replace("definition: d", "definition: {true: d, false: x}")))
    assert spec.definition is not None
    assert spec.definition.parameter == "smooth"
    assert spec.definition.pick({"smooth": True}).text == "d"


TWO_FLAGS = (
    "inplace: {default: false, role: inplace}",
    "low: {default: false}\n  top: {default: true}",
)


def test_of_two_flags_a_mapping_names_the_one_that_it_selects_by(tmp_path: Path) -> None:
    text = SPEC.replace(*TWO_FLAGS).replace(
        "formula: e if x > 0 else d", "formula: {top: {true: d, false: -d}}"
    )
    spec = read(write(tmp_path, text))
    assert spec.formula.parameter == "top"
    assert spec.formula.pick({"top": False}).text == "-d"


def test_of_two_flags_a_mapping_that_names_none_is_a_mistake(tmp_path: Path) -> None:
    text = SPEC.replace(*TWO_FLAGS).replace("definition: d", "definition: {true: d, false: -d}")
    with pytest.raises(SpecErrors, match="the choices of low and of top: which"):
        read(write(tmp_path, text))


def test_a_reduction_of_the_loss_runs_over_everything(spec: Spec) -> None:
    assert spec.reduce is not None
    tree = spec.reduce.options["sum"].tree
    assert (tree.op, tree.value) == (Op.SUM, Scope.ALL)


def test_a_tolerance_by_choice_leaves_out_what_is_inherited(spec: Spec) -> None:
    assert spec.tolerance.by == "reduction"
    assert set(spec.tolerance.ulps) == {"none", "sum"}
    assert spec.tolerance.ulps["sum"].text == "3 * n + 3"


def test_a_tolerance_may_be_by_dtype(tmp_path: Path) -> None:
    old = "tolerance: {none: 4 ulp, sum: 3 * n + 3 ulp, mean: inherited}"
    spec = read(write(tmp_path, SPEC.replace(old, "tolerance: {float16: 2 ulp}")))
    assert spec.tolerance.by is None
    assert list(spec.tolerance.ulps) == ["float16"]


def test_without_a_tolerance_it_is_inherited(tmp_path: Path) -> None:
    spec = read(write(tmp_path, SPEC.replace("tolerance:", "#")))
    assert not spec.tolerance.ulps


def test_the_dtypes_of_a_tolerance_are_those_that_exist() -> None:
    assert set(FORMATS) == DTYPES


def test_a_deprecated_argument_may_be_absent_or_a_word(spec: Spec) -> None:
    (deprecated,) = spec.deprecated
    assert deprecated.given == {"size_average": False, "reduce": None, "mode": "elementwise_mean"}
    assert deprecated.means == {"reduction": "sum"}


def test_a_case_holds_expressions_over_parameters(cases: dict[str, NamedCase]) -> None:
    assert cases["plain"].expect == (parse("-slope", frozenset({"slope"})),)


def test_a_case_holds_rows(cases: dict[str, NamedCase]) -> None:
    rows = ((parse("1.0"), parse("2.0")), (parse("eps"), parse("nan")))
    assert cases["rows"].inputs["x"] == rows


def test_a_case_holds_the_parameters_that_it_states(cases: dict[str, NamedCase]) -> None:
    assert cases["rows"].parameters == {"dim": 0}


def test_a_case_may_have_alternatives(cases: dict[str, NamedCase]) -> None:
    assert cases["rows"].expect == ((parse("1"), parse("2")), parse("3"))


def test_a_case_has_digits_and_dtypes(cases: dict[str, NamedCase]) -> None:
    assert (cases["rows"].digits, cases["rows"].dtypes) == (4, ("float32",))


def test_an_error_may_come_from_values_that_are_not_allowed(cases: dict[str, NamedCase]) -> None:
    assert cases["refused"].expect is Special.ERROR
    assert cases["refused"].parameters == {"reduction": "max", "slope": 3.0}


def test_a_random_quantity_is_known_in_the_formula(tmp_path: Path) -> None:
    random = "random:\n  r: {uniform: [slope, 1], given: output / x, when: x < 0, mode: {dim: 0}}\n"
    text = SPEC.replace("formula: e", random + "formula: r * e")
    spec = read(write(tmp_path, text))
    assert spec.random is not None
    assert (spec.random.name, spec.random.mode) == ("r", {"dim": 0})


# what is refused: one mistake, its place, its hint


@pytest.mark.parametrize(
    ("old", "new", "at", "part"),
    [
        ("summary:", "sumary:", "sumary", "unknown key 'sumary'"),
        ("default: 1 / 8", "defualt: 1 / 8", "defualt", "unknown key 'defualt'"),
        ("  x: float", "  x: flaot", "flaot", "'flaot' is not a kind of input"),
        ("  x: float", "  x: [float]", "[", "found a list"),
        ("  d: >-", "  exp: x\n  d: >-", "exp", "a meaning of its own"),
        ("  d: >-", "  lambda: x\n  d: >-", "lambda", "a meaning of its own"),
        ("  d: >-", "  cotangent: x\n  d: >-", "cotangent", "a meaning of its own"),
        ("  dim: {", "  n: {default: 1}\n  dim: {", "n", "a meaning of its own"),
        ("  dim: {", "  saved: {default: 1}\n  dim: {", "saved", "a meaning of its own"),
        ("  d: >-", '  "c\\n": x\n  d: >-', '"c', "'c ' is not a name"),
        ("  d: >-", "  x: 1\n  d: >-", "x", "already a name in `inputs`"),
        ("  d: >-", "  slope: x\n  d: >-", "slope", "already a name in `parameters`"),
        ("function: hinge", "function: hinges", "hinges", "the file is called 'hinge'"),
        ("trysquare: 1", "trysquare: 2", "2", "'2' is not a version"),
        ("1e-5]", "010]", "0", "not an expression"),
        ("1e-5]", "1 + eps]", "1 + eps", "depends on the dtype"),
        ("1e-5]", "1 / 0]", "1 / 0", "division by zero"),
        ("1e-5]", "1e400]", "1e400", "too large for double precision"),
        ("1e-5]", "1e-400]", "1e-400", "too small for double precision"),
        ("1e-5]", "2.5]", "2.5", "outside the domain of slope"),
        ("default: 1 / 8", "default: 5 / 2", "5 / 2", "outside the domain of slope"),
        ("slope <= 2", "slope + 2", "slope + 2", "where a condition is needed"),
        ("slope <= 2", "exp(slope) < 9", "exp(slope) < 9", "comparisons of arithmetic"),
        ("  dim: {", "  c: {default: d, type: choice}\n  dim: {", "choice", "needs `choices`"),
        ("type: integer", "type: integer, choices: [a]", "[", "a integer has no choices"),
        ("dim: {default: 1,", "dim: {default: 1.5,", "1.5", "not a whole number"),
        ("dim: {default: 1,", "dim: {default: 1e30,", "1e30", "not a whole number"),
        ("dim: {default: 1,", "dim: {default: 1, role: inplace,", "inplace", "has no role"),
        ("default: mean", "default: maen", "maen", "not one of the choices"),
        ("[none, sum, mean]", "[none, sum, mean, sum]", "sum", "'sum' is given twice"),
        ("axis: dim", "axis: slope", "slope", "not a parameter of `type: integer`"),
        ("    slope\n", "    slop\n", "slop", "unknown name 'slop'"),
        ("d * target", "'d * tagret'", "tagret", "unknown name 'tagret'"),
        ("d * target", '"d * tagret"', "tagret", "unknown name 'tagret'"),
        ("d * target", '"d * \\x74agret"', '"d * \\', "unknown name 'tagret'"),
        ("  d: >-", "  c: d\n  d: >-", "d", "unknown name 'd'"),
        ("{class: d, ", "{klass: d, ", "klass", "'klass' is no choice of target_type"),
        ("formula: e if", "formula: expm2(e) if", "expm2", "unknown function 'expm2'"),
        ("else d", "else reduction", "reduction", "'reduction' is a choice, not a number"),
        ("definition: d", "definition: d > 0", "d > 0", "where a number is needed"),
        ("definition: d", "definition: {a: d, b: d}", "{", "not the choices of any parameter"),
        ("  none: loss\n", "", "s", "nothing for 'none' of reduction"),
        ("  x: cotangent", "  y: cotangent", "y", "'y' is not an input"),
        ("  x: cotangent", "  weight: cotangent", "weight", "not differentiable"),
        ("{at: x == 0, x: ", "{at: x == 0, z: ", "z", "'z' is not an input"),
        ("at: x == 0", "at: x", "x", "where a condition is needed"),
        ("none: 4 ulp", "none: 4 upl", "4 upl", "not a number of ULP"),
        ("none: 4 ulp", "none: x * y ulp", "y", "unknown name 'y'"),
        ("none: 4 ulp", "none: sum(x) ulp", "sum(x)", "no row here"),
        ("reduction: sum}", "reduction: total}", "total", "not one of the choices"),
        ("reduction: sum}", "redaction: sum}", "redaction", "'redaction' is not a parameter"),
        ("x: -inf, target: 0, ", "x: -inf, ", "{", "the case has no 'target'"),
        ("x: -inf, ", "x: -inf, slop: 1, ", "slop", "'slop' is no input or parameter"),
        ("expect: -slope", "expect: -slop", "slop", "unknown name 'slop'"),
        ("expect: -slope", "slope: 3, expect: 1", "3", "outside the domain of slope"),
        ("expect: -slope", "slope: [1], expect: 1", "[", "a parameter is one value"),
        ("expect: -slope", "reduction: max, expect: 1", "max", "not one of the choices"),
        ("expect: -slope", "expect: max(x)", "x", "unknown name 'x'"),
        ("expect: -slope", "saved: y, expect: 1", "y", "'y' is not an input"),
        ("expect: -slope", "digits: 18, expect: 1", "18", "not a whole number from 0 to 17"),
        ("[eps, nan]", "[eps]", "[", "equally long"),
        ("[eps, nan]", "0", "0", "equally long"),
        ("name: rows", "name: plain", "plain", "line 53 has a case of this name"),
        ("dtypes: [float32]", "dtypes: [float23]", "float23", "'float23' is not a dtype"),
        ("why: Because.", "why: Because.\n    why: Again.", "why", "already given on line 55"),
        ("why: Because.", "why:", "", "empty: expected a text"),
    ],
)
def test_a_mistake_is_told_where_it_is(
    tmp_path: Path, old: str, new: str, at: str, part: str
) -> None:
    mistake = only(tmp_path, old, new)
    assert part in mistake.message
    assert pointed(mistake) == at


def test_a_misspelt_key_is_suggested_and_read_as_meant(tmp_path: Path) -> None:
    assert only(tmp_path, "parameters:", "paramters:").hint == "did you mean 'parameters'?"


def test_a_comma_that_cuts_an_expression_is_explained(tmp_path: Path) -> None:
    found = mistakes(tmp_path, "domain: slope <= 2}", "domain: minimum(slope, 1) <= 2}")
    assert "an expression with a comma needs quotes here" in {mistake.hint for mistake in found}


def test_missing_keys_are_one_mistake(tmp_path: Path) -> None:
    path = write(tmp_path, "trysquare: 1\nfunction: hinge\ninputs: {x: float}\n")
    with pytest.raises(SpecErrors) as raised:
        read(path)
    (mistake,) = raised.value.mistakes
    assert mistake.message == "missing keys 'summary', 'source', 'formula'"


def test_another_first_key_is_refused(tmp_path: Path) -> None:
    old, new = "trysquare: 1\nfunction: hinge", "function: hinge\ntrysquare: 1"
    assert "the first key" in only(tmp_path, old, new).message


def test_three_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = SPEC.replace("parameters:", "paramters:").replace("else d", "else expm(d)")
    path = write(tmp_path, text.replace("name: refused, x: 0", "name: refused, y: 0, x: 0"))
    with pytest.raises(SpecErrors) as raised:
        read(path)
    assert (
        str(raised.value)
        == """\
hinge.yaml:12:1: error: unknown key 'paramters'
   12 | paramters:
      | ^^^^^^^^^ did you mean 'parameters'?
hinge.yaml:28:26: error: unknown function 'expm'
   28 | formula: e if x > 0 else expm(d)
      |                          ^^^^ did you mean 'expm1'?
hinge.yaml:62:21: error: 'y' is no input or parameter
   62 |   - {name: refused, y: 0, x: 0, target: 0, reduction: max, slope: 3, expect: error}
      |                     ^"""
    )


# several files


def test_a_folder_gives_its_specs_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path, SPEC)
    write(tmp_path, "jobs: []\n", "workflow")
    assert [spec.function for spec in read_all([tmp_path])] == ["hinge"]


@pytest.mark.parametrize(
    "first", ["trysqare: 1\n", "trysquares: 1\n", "name: x\ntrysquare: 1\n", ""]
)
def test_a_folder_does_not_pass_over_a_spec_whose_first_key_is_misspelt(
    tmp_path: Path, first: str
) -> None:
    write(tmp_path, SPEC.replace("trysquare: 1\n", first))
    with pytest.raises(SpecErrors, match=r"hinge\.yaml:\d+:1: error: the first key of a spec is"):
        read_all([tmp_path])


def test_what_can_be_read_is_read_beside_what_cannot(tmp_path: Path) -> None:
    write(tmp_path, SPEC)
    write(tmp_path, SPEC.replace("formula:", "fromula:"), "other")
    specs, mistakes = read_each([tmp_path])
    assert [spec.function for spec in specs] == ["hinge"]
    assert {mistake.path for mistake in mistakes} == {"other.yaml"}


def test_a_file_named_twice_is_read_once(tmp_path: Path) -> None:
    path = write(tmp_path, SPEC)
    assert len(read_all([path, tmp_path, path])) == 1


def test_the_same_function_in_two_files_is_a_mistake(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder, SPEC)
    with pytest.raises(SpecErrors, match=r"b/hinge\.yaml:3:11: .*specified at a/hinge\.yaml:3:11"):
        read_all([tmp_path])


def test_mistakes_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write(tmp_path, SPEC, name)
    with pytest.raises(SpecErrors) as raised:
        read_all([tmp_path])
    assert [mistake.path for mistake in raised.value.mistakes] == ["one.yaml", "two.yaml"]


def test_a_file_that_does_not_exist_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(SpecErrors, match="no such file"):
        read_all([tmp_path / "nosuch.yaml"])


@pytest.mark.parametrize("head", ["", "# comment\n\n", "---\n", "\ufeff# comment\r\n"])
def test_a_spec_is_known_by_its_first_key(tmp_path: Path, head: str) -> None:
    assert is_spec(write(tmp_path, head + "trysquare: 1\n"))


@pytest.mark.parametrize("text", ["", "jobs: 1\ntrysquare: 1\n", "trysquares: 1\n", "# trysquare:"])
def test_other_files_are_no_specs(tmp_path: Path, text: str) -> None:
    assert not is_spec(write(tmp_path, text))


def test_knowing_a_spec_loads_no_yaml(tmp_path: Path) -> None:
    path = write(tmp_path, SPEC)
    program = (
        "import sys; from pathlib import Path; from trysquare.reader import is_spec;"
        "assert is_spec(Path(sys.argv[1]));"
        "assert not {'yaml', 'jsonschema', 'numpy'} & sys.modules.keys()"
    )
    harness = Path(__file__).parents[1] / "harness"
    environment = os.environ | {"PYTHONPATH": str(harness)}
    subprocess.run([sys.executable, "-c", program, str(path)], check=True, env=environment)


def test_what_cannot_be_read_is_no_spec(tmp_path: Path) -> None:
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    assert not is_spec(tmp_path / "binary.yaml")
    assert not is_spec(tmp_path / "nosuch.yaml")
    assert not is_spec(tmp_path)


# the schema, as editors use it


def test_the_schema_is_a_schema() -> None:
    Draft7Validator.check_schema(
        json.loads((specs_folder() / "spec.schema.json").read_text(encoding="utf-8"))
    )


def test_the_schema_accepts_what_editors_make_of_numbers() -> None:
    schema = json.loads((specs_folder() / "spec.schema.json").read_text(encoding="utf-8"))
    seen_by_an_editor = {
        "trysquare": 1,
        "function": "hinge",
        "summary": "A line.",
        "source": "here",
        "inputs": {"x": {"default": 1, "differentiable": False}},
        "parameters": {"a": {"default": 1.5, "also": [0, -1]}, "b": {"default": False}},
        "axis": 1,
        "formula": 0,
        "cases": [{"name": "n", "digits": 4, "x": [[0, 1.5]], "expect": {"one of": [1, [2]]}}],
    }
    assert not list(Draft7Validator(schema).iter_errors(seen_by_an_editor))
