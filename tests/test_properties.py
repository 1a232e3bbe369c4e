"""Properties of specs: the truth has them, what lacks one is found, and mutants are noticed."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from trysquare.audit.mutants import mutants
from trysquare.command.mutation import score, total
from trysquare.command.noticing import Court
from trysquare.command.proof import unproven
from trysquare.dtypes import FLOAT16, FLOAT32, FORMATS
from trysquare.formula.tree import Node, Op
from trysquare.planning.cases import Case, Expect
from trysquare.planning.checks import cases
from trysquare.planning.plan import Group
from trysquare.reader import read
from trysquare.result import Check, Symptom
from trysquare.run import Session
from trysquare.spec import Expression, Spec
from trysquare_miniatures.liars import LIARS, truthful
from workshop import LONG, SEED, SPECS, diverging, results

PAGE = Path(__file__).parents[1] / "docs" / "mutation.md"
ENOUGH = 0.98
EVERY = pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
HEAD = "trysquare: 1\nfunction: f\nsummary: A function.\nsource: here\n"


def written(folder: Path, text: str) -> Spec:
    path = folder / "f.yaml"
    path.write_text(HEAD + text, encoding="utf-8")
    return read(path)


def simple(folder: Path, formula: str, properties: str) -> Spec:
    return written(folder, f"inputs: {{x: float}}\nformula: {formula}\nproperties:\n{properties}")


def planned(spec: Spec, dtype: str = "float32") -> dict[str, Case]:
    return {case.name: case for case in cases(spec, Check.PROPERTIES, FORMATS[dtype], SEED)}


# the truth


@EVERY
def test_the_formula_of_a_shipped_spec_has_its_properties(spec: Spec) -> None:
    assert [*unproven(spec)] == []


@pytest.mark.parametrize(
    ("formula", "wrong", "words"),
    [
        ("x * x", "  range: output >= 1\n", "not output >= 1: 0.0 against 0.0"),
        ("x * x", "  increasing: x\n", "falls along x"),
        ("abs(x)", "  decreasing: x\n", "rises along x"),
        ("x * x", "  odd: x\n", "is not -output"),
        ("x + 1", "  even: x\n", "is not output"),
        (
            "x * x",
            "  identities:\n    - {name: a, given: {x: x + 1}, output: output + 1}\n",
            "is not output + 1",
        ),
        ("abs(x)", "  identities:\n    - {name: a, left: output, right: x}\n", "is not x"),
        (
            "x * x",
            "  identities:\n    - {name: a, of: x, left: output, right: x * cotangent}\n",
            "is not x * cotangent",
        ),
    ],
)
def test_a_property_that_the_formula_lacks_is_a_mistake_at_its_line(
    tmp_path: Path, formula: str, wrong: str, words: str
) -> None:
    (mistake,) = unproven(simple(tmp_path, formula, wrong))
    assert words in mistake.message
    assert mistake.line in (8, 9)


def test_a_course_of_a_row_is_a_mistake(tmp_path: Path) -> None:
    spec = written(
        tmp_path, "inputs: {x: float}\naxis: -1\nformula: x - max(x)\nproperties: {odd: x}\n"
    )
    assert [*unproven(spec)] != []
    rising = written(
        tmp_path, "inputs: {x: float}\naxis: -1\nformula: max(x)\nproperties: {increasing: x}\n"
    )
    (mistake,) = unproven(rising)
    assert "it is a function of rows" in mistake.message


def test_an_identity_that_nothing_can_ask_exactly_is_a_mistake(tmp_path: Path) -> None:
    identity = "  identities:\n    - {name: a, given: {x: x / 3 + 0.1}, output: output}\n"
    (mistake,) = unproven(simple(tmp_path, "0 * x", identity))
    assert mistake.message == "there are no inputs for which this can be asked"


# what is asked


def test_every_number_of_16_bits_is_asked_of_a_function_of_one_number() -> None:
    course = planned(SPECS["sigmoid"], "float16")["increasing in x"]
    assert len(np.unique(course.inputs["x"])) == 2 * 31744 - 1


def test_the_second_question_is_exact_in_the_format() -> None:
    (case,) = (
        case
        for case in cases(SPECS["mse_loss"], Check.PROPERTIES, FLOAT16, SEED)
        if case.name == "a shift does not matter, points"
    )
    half = len(case.inputs["input"]) // 2
    first, second = (case.inputs["input"][part].astype(float) for part in np.s_[:half, half:])
    assert half > 100
    assert (second == first + 4).all()


def test_other_parameters_take_a_call_of_their_own() -> None:
    asked = planned(SPECS["l1_loss"])
    second = asked["the sum is that of the elements, 10 x 10"]
    assert second.earlier is not None
    first = asked[second.earlier.name]
    assert first.expect is Expect.FORM
    assert (first.given["reduction"], second.given["reduction"]) == ("none", "sum")


def test_one_hot_targets_are_laid_out_from_indices() -> None:
    asked = planned(SPECS["cross_entropy_loss"])
    second = asked["one-hot targets equal index targets, rows of 3"]
    assert second.earlier is not None
    places = asked[second.earlier.name].inputs["target"]
    ignored, rows = places < 0, second.inputs["target"]
    assert (np.argmax(rows, axis=1) == places)[~ignored].all()
    assert (rows.sum(axis=1) == np.where(ignored, 0, 1)).all()


def test_a_property_is_asked_only_of_parameters_that_it_is_for() -> None:
    names = planned(SPECS["elu"])
    assert "increasing in x, alpha 0.5" in names
    assert "increasing in x, alpha -1.0" not in names


# what is found


def test_a_worst_pair_is_told_with_both_its_inputs() -> None:
    (found,) = diverging(
        results(LIARS["rounds_the_left_otherwise"], "tanh", Check.PROPERTIES, "float32")
    )[:1]
    assert found.symptom is Symptom.IDENTITY
    assert found.worst is not None
    pair = {name: float(value.decimal) for name, value in found.worst.inputs.items()}
    assert pair["x"] == -pair["x of the first"]


def test_a_fall_within_the_limit_is_rounding() -> None:
    course = planned(SPECS["log_sigmoid"], "float64")["increasing in x"]
    x = course.inputs["x"]
    with np.errstate(over="ignore"):
        right = np.where(x > 0, -np.log1p(np.exp(-x)), x - np.log1p(np.exp(x)))
    assert (np.diff(right) < 0).any()
    found = results(LIARS["has_a_dent"], "log_sigmoid", Check.PROPERTIES, "float64")
    assert {one.case for one in diverging(found)} >= {"increasing in x"}
    assert diverging(results(truthful, "log_sigmoid", Check.PROPERTIES, "float64")) == []


def test_a_lack_is_reproduced_by_a_call_of_its_own(tmp_path: Path) -> None:
    text = SPECS["tanh"].place.path.read_text(encoding="utf-8")
    path = tmp_path / "tanh.yaml"
    path.write_text(text.replace("-1 <= output <= 1", "output <= 0"), encoding="utf-8")
    group = Group(read(path), Check.PROPERTIES, FLOAT32)
    with Session(("torch",), SEED) as session:
        (found,) = diverging(session.results([group], list(session.targets)[:1]))
    assert found.symptom is Symptom.RANGE
    ended = subprocess.run(
        [sys.executable, "-c", found.reproduction], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, "unfit" in ended.stdout) == (1, True)


# mutation


def test_nearly_every_mutant_of_the_shipped_specs_is_caught() -> None:
    found = [score(spec, every=6 if LONG else 24) for spec in SPECS.values()]
    assert total(found) >= ENOUGH


def test_the_page_of_mutants_tells_of_every_spec_and_of_enough_that_are_caught() -> None:
    text = PAGE.read_text(encoding="utf-8")
    rows = [line.split("|")[1:-1] for line in text.splitlines() if re.match(r"\| \w+ \| \d", line)]
    assert [row[0].strip() for row in rows] == list(SPECS), "python docs/mutation.py writes it"
    caught = sum(int(row[3]) + int(row[4]) for row in rows)
    survived = sum(int(row[5]) for row in rows)
    assert caught / (caught + survived) >= ENOUGH


def test_every_kind_of_change_is_made() -> None:
    made = {str(mutant) for mutant in mutants(SPECS["smooth_l1_loss"])}
    assert made >= {
        "formula: d - beta / 2 → (d) + (beta / 2)",
        "formula: 2 → (2) + 1",
        "formula: beta → -beta",
        "formula: d < beta → (d) <= (beta)",
        "formula: d < beta → (d) > (beta)",
        "formula: d * (d / beta) / 2 if d < beta else d - beta / 2 → (d - beta / 2)",
        "d: abs(input - target) → ((input - target))",
        "reduce, sum: sum(loss) → max((loss))",
    }


def test_the_sign_of_an_infinity_is_noticed(tmp_path: Path) -> None:
    text = "inputs: {x: float}\nformula: 2 * x if abs(x) == inf else x\ncases:\n"
    case = "  - {name: plus infinity, x: inf, expect: inf}\n"
    survivors = {str(one) for one in score(written(tmp_path, text + case)).survivors}
    assert "formula: x → -x" in survivors  # the sign of a finite x, which no case states
    assert "formula: 2 * x → (2) / (x)" not in survivors
    stated = case + "  - {name: one, x: 1.0, expect: 1.0}\n"
    assert score(written(tmp_path, text + stated)).survivors == ()


def test_digits_beyond_float64_are_noticed_where_a_case_states_them(tmp_path: Path) -> None:
    text = "inputs: {x: float}\nformula: x + 1e-25 * x\ncases:\n"
    few = score(written(tmp_path, text + "  - {name: two, x: 2.0, expect: 2.0}\n"))
    assert any(one.before == "1e-25" for one in few.survivors)
    many = "  - {name: two, x: 2.0, expect: 2.0000000000000000000000002}\n"
    assert score(written(tmp_path, text + many)).survivors == ()


def test_a_difference_that_no_proof_of_a_rounding_sees_is_none(tmp_path: Path) -> None:
    same = score(written(tmp_path, "inputs: {x: float}\nformula: x + 1e-40 * x\n"))
    assert "formula: 1e-40 → 2 * (1e-40)" in {str(one) for one in same.equal}


@EVERY
def test_no_case_of_a_shipped_spec_is_contradicted_by_its_own_formula(spec: Spec) -> None:
    def twice(said: Expression) -> Expression:
        return replace(said, tree=Node(Op.NEG, (Node(Op.NEG, (said.tree,)),)))

    court = Court(spec)
    options = {choice: twice(said) for choice, said in spec.formula.options.items()}
    same = replace(spec, formula=replace(spec.formula, options=options))
    assert not court.contradicts_a_case(same)
    assert not court.contradicts_digits(same)


def test_a_mutant_that_nobody_would_notice_survives() -> None:
    blind = replace(SPECS["tanh"], cases=(), properties=())
    found = score(blind)
    assert (found.caught, len(found.survivors)) == (0, found.counted)


def test_a_spec_is_no_mutant_of_itself(tmp_path: Path) -> None:
    same = written(tmp_path, "inputs: {x: float}\nformula: abs(-x)\n")
    assert [str(mutant) for mutant in score(same).equal] == ["formula: -x → (x)", "formula: x → -x"]
