"""Properties as they are read, and mistakes in them that are told where they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from trysquare.errors import Mistake, SpecErrors
from trysquare.formula.tree import Op, Scope
from trysquare.reader import read
from trysquare.spec import Course, Identity, Range, Spec, Trait

SPEC = """\
trysquare: 1
function: f
summary: A function.
source: here
inputs:
  x: float
  target: {type: index, per: row}
  weight: {per: position, default: 1, differentiable: false}

parameters:
  slope: {default: 1, also: [0.0]}
  reduction: {default: mean, choices: [none, mean]}
  inplace: {default: false, role: inplace}

axis: 1

formula: slope * x * weight

reduce:
  none: loss
  mean: mean(loss)

properties:
  range: {none: output <= largest, mean: output >= -largest}
  increasing: {of: x, when: slope >= 0}
  odd: [x]
  identities:
    - {name: one, left: sum(output), right: 1}
    - name: two
      why: Because.
      of: x
      with: {reduction: none}
      given: {x: x + max(x), slope: 2}
      output: cotangent * output
      exact: true
    - {name: all, with: {reduction: none}, given: {reduction: mean}, output: mean(output)}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "f.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def spec(tmp_path: Path) -> Spec:
    return read(write(tmp_path, SPEC))


@pytest.fixture
def identities(spec: Spec) -> dict[str, Identity]:
    return {claim.name: claim for claim in spec.properties if isinstance(claim, Identity)}


def only(tmp_path: Path, old: str, new: str) -> Mistake:
    """Return the one thing that is wrong once `old` is written as `new`."""
    assert SPEC.count(old) >= 1
    with pytest.raises(SpecErrors) as raised:
        read(write(tmp_path, SPEC.replace(old, new, 1)))
    (mistake,) = raised.value.mistakes
    return mistake


def test_a_spec_may_have_no_properties(tmp_path: Path) -> None:
    assert read(write(tmp_path, SPEC.partition("properties:")[0])).properties == ()


def test_a_range_may_differ_by_choice(spec: Spec) -> None:
    (found,) = (claim for claim in spec.properties if isinstance(claim, Range))
    assert found.holds.parameter == "reduction"
    assert found.holds.pick({"reduction": "none"}).text == "output <= largest"


def test_a_course_is_along_inputs_and_may_have_a_condition(spec: Spec) -> None:
    rising, odd = (claim for claim in spec.properties if isinstance(claim, Course))
    assert (rising.trait, rising.inputs) == (Trait.INCREASING, ("x",))
    assert rising.when is not None
    assert (odd.trait, odd.inputs, odd.when) == (Trait.ODD, ("x",), None)


def test_the_place_of_a_property_is_its_line(spec: Spec) -> None:
    assert [claim.place.line for claim in spec.properties] == [24, 25, 26, 28, 29, 36]


def test_an_identity_is_about_one_answer_or_between_two(identities: dict[str, Identity]) -> None:
    one, two = identities["one"], identities["two"]
    assert (one.second, one.of, one.left.tree.op) == (False, "", Op.SUM)
    assert (two.second, two.of, two.left.text) == (True, "x", "output")
    assert (two.exact, two.why, two.parameters) == (True, "Because.", {"reduction": "none"})


def test_what_is_given_is_an_input_or_a_parameter(identities: dict[str, Identity]) -> None:
    two = identities["two"]
    assert (list(two.inputs), two.changed) == (["x"], {"slope": 2.0})


def test_a_sum_runs_over_everything_where_a_call_reduces(identities: dict[str, Identity]) -> None:
    scopes = {name: one.overall for name, one in identities.items()}
    assert scopes == {"one": False, "two": False, "all": True}
    assert identities["two"].inputs["x"].tree.args[1].value == Scope.ROW
    assert identities["all"].right.tree.args[0].value == Scope.ALL


@pytest.mark.parametrize(
    ("old", "new", "part", "line"),
    [
        ("none: output <= ", "none: outptu <= ", "unknown name 'outptu'", 24),
        ("none: output <= largest", "none: output", "a number, where a condition", 24),
        ("mean: output >=", "maen: output >=", "'maen' is no choice of reduction", 24),
        ("{of: x, when", "{of: y, when", "'y' is not an input", 25),
        ("{of: x, when", "{of: [x, weight], when", "increasing along one input at a time", 25),
        ("odd: [x]", "odd: target", "holds no numbers", 26),
        ("odd: [x]", "od: [x]", "unknown key 'od'", 26),
        ("when: slope", "when: x", "unknown name 'x'", 25),
        ("name: two", "name: one", "line 28 has an identity of this name", 29),
        ("of: x\n", "of: weight\n", "input 'weight' is not differentiable", 31),
        ("given: {x: x", "given: {y: x", "'y' is not a parameter", 33),
        ("slope: 2}", "slope: a}", "unknown name 'a'", 33),
        ("right: 1", "output: 1", "`given` and `output`, or `left` and `right`", 28),
        ("right: 1", "right: cotangent", "unknown name 'cotangent'", 28),
        ("{reduction: none}, given", "{reduction: non}, given", "not one of the choices", 36),
    ],
)
def test_a_mistake_is_told_where_it_is(
    tmp_path: Path, old: str, new: str, part: str, line: int
) -> None:
    mistake = only(tmp_path, old, new)
    assert part in mistake.message
    assert mistake.line == line
