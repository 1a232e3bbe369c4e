"""The same numbers elsewhere: which calls are made, what counts as the same, what a script says."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from trysquare.backend import Answer, Form, Kind, Refusal
from trysquare.dtypes import FORMATS, Array
from trysquare.planning.cases import Case
from trysquare.planning.plan import Group
from trysquare.result import Check, Outcome, Result, Symptom
from trysquare.run import Session
from trysquare.verdict.judge import judge
from trysquare.verdict.standard import Standard
from workshop import SEED, SPECS, standards

INVARIANCE = Check.INVARIANCE


@dataclass(frozen=True)
class Some(Group):
    """A group with nothing but cases of these names."""

    names: tuple[str, ...] = ()

    def cases(self, seed: int) -> tuple[Case, ...]:
        return tuple(case for case in super().cases(seed) if case.name in self.names)


def planned(function: str, dtype: str = "float32") -> list[Case]:
    return [one.case for one in standards(function, INVARIANCE, dtype)]


@pytest.mark.parametrize("function", SPECS)
def test_every_element_is_asked_for_with_the_bits_that_it_has_elsewhere(function: str) -> None:
    spec = SPECS[function]
    for case in planned(function):
        if case.elsewhere is None:
            continue
        here, there = Standard(spec, case), Standard(spec, case.elsewhere.case)
        assert case.elsewhere.places.shape == here.shape
        wide = there.layout.rows * there.layout.columns
        for name, rows in here.rows.items():
            if here.meant.reduces or not here.spread.rows or name not in there.rows:
                continue
            other = there.rows[name]
            whole = np.broadcast_to(other, (there.layout.rows, other.shape[1]))
            places = here.layout.to_rows(case.elsewhere.places, here.spread)
            if here.spread.columns and other.shape[1] > 1:
                taken = whole.reshape(-1)[places]
            else:
                row = places[:, 0] // (wide // there.layout.rows if here.spread.columns else 1)
                taken = whole[row]
            wanted = np.broadcast_to(rows, (here.layout.rows, rows.shape[1]))
            assert taken.astype(np.float32).tobytes() == wanted.astype(np.float32).tobytes()


def test_specials_are_among_the_elements() -> None:
    x = planned("sigmoid")[0].inputs["x"]
    assert x.shape == (67,)
    assert np.isnan(x).any()
    assert np.isinf(x).any()
    assert ((x == 0) & np.signbit(x)).any()
    assert ((x != 0) & (np.abs(x) < np.finfo(np.float32).smallest_normal)).any()


def test_every_form_and_a_second_thread_are_asked_for() -> None:
    cases = planned("log_softmax")
    assert {case.form for case in cases} == set(Form)
    assert {case.threads for case in cases} == {1, 2}


def test_a_row_alone_has_the_dimensions_that_its_axis_needs() -> None:
    alone = next(case for case in planned("cross_entropy_loss") if case.name.endswith("alone"))
    assert alone.inputs["input"].shape == (1, 19)
    assert alone.inputs["target"].shape == (1,)


@pytest.mark.parametrize(
    ("form", "shape", "suits"),
    [
        (Form.CONTIGUOUS, (3, 4), False),
        (Form.STRIDED, (4,), True),
        (Form.STRIDED, (), False),
        (Form.TRANSPOSED, (3, 4), True),
        (Form.TRANSPOSED, (4,), False),
        (Form.EXPANDED, (3, 4), True),
        (Form.EXPANDED, (1, 4), False),
        (Form.EXPANDED, (), False),
    ],
)
def test_a_tensor_takes_a_form_only_where_that_is_another_one(
    form: Form,
    shape: tuple[int, ...],
    suits: bool,  # noqa: FBT001 - a parameter
) -> None:
    assert form.suits(np.zeros(shape)) is suits


def test_what_is_not_repeated_cannot_be_expanded() -> None:
    assert not Form.EXPANDED.suits(np.array([0.0, -0.0]))


def judged(here: Array, there: Array) -> Result:
    standard = standards("sigmoid", INVARIANCE, "float32")[1]
    reply, reference = (Answer({"output": array}) for array in (here, there))
    return judge(standard, "a:b:c", reply, flushes=False, reference=reference)


def test_a_nan_equals_every_nan_and_a_zero_only_its_own() -> None:
    there = np.zeros(67, np.float32)
    there[0] = np.nan
    here = there.copy()
    here.view(np.uint32)[0] ^= 1
    assert judged(here, there).outcome is Outcome.CONFORMS
    here[5] = -0.0
    found = judged(here, there)
    assert (found.symptom, found.failed) == (Symptom.BITS, 1)
    assert found.worst is not None
    assert (found.worst.index, found.worst.got.decimal) == ((5,), "-0.0")
    assert found.worst.want.decimal == "0.0"


def test_an_answer_of_another_shape_is_not_compared() -> None:
    zeros = np.zeros(67, np.float32)
    assert judged(zeros[:, None], zeros).symptom is Symptom.SHAPE


def test_there_is_nothing_to_compare_where_the_reference_has_no_answer() -> None:
    standard = standards("sigmoid", INVARIANCE, "float32")[1]
    reply = Answer({"output": np.zeros(67, np.float32)})
    refusal = Refusal(Kind.UNSUPPORTED, "no")
    found = judge(standard, "a:b:c", reply, flushes=False, reference=refusal)
    assert found.outcome is Outcome.UNSUPPORTED


def test_forms_and_threads_that_a_backend_lacks_are_unsupported() -> None:
    with Session(["numpy"], SEED) as session:
        group = Group(SPECS["tanh"], INVARIANCE, FORMATS["float32"])
        results = list(session.results([group], list(session.targets)))
    lacking = {one.case.split(", ")[-1] for one in results if one.outcome is not Outcome.CONFORMS}
    assert lacking == {"two threads"}
    assert {one.outcome for one in results} == {Outcome.CONFORMS, Outcome.UNSUPPORTED}


def test_a_script_makes_both_calls() -> None:
    pytest.importorskip("torch")
    names = ("67 elements", "67 elements, strided")
    group = Some(SPECS["gelu"], INVARIANCE, FORMATS["float32"], names)
    with Session(["torch"], SEED) as session:
        found = list(session.results([group], list(session.targets)))
    script = next(one.reproduction for one in found if one.outcome is Outcome.DIVERGES)
    assert script.count("torch.nn.functional.gelu(") == 2
    assert "torch.stack((x, x), -1)[..., 0]" in script
    assert script.endswith("assert got.hex() == want.hex()\n")
