"""A corpus is read with every mistake in its place, written in one order, and tried by a run."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from trysquare.__main__ import main
from trysquare.command import agreement, collecting
from trysquare.dtypes import FORMATS
from trysquare.errors import SpecErrors
from trysquare.planning.corpus import MOST, Point, place, points
from trysquare.planning.plan import Group
from trysquare.reader import read
from trysquare.result import Check, Found, Number
from trysquare.spec import Spec
from workshop import SEED, SPECS

X = 0.73105857863000487
POINT = Point(
    dtype="float64",
    of="value",
    inputs={"x": (X.hex(),)},
    parameters={},
    ulp=2.5,
    target="somewhere:cpu:eager",
    version="1.0+local",
    cpu="AVX2",
)


@pytest.fixture
def copy(tmp_path: Path) -> Spec:
    return copied("elu", tmp_path)


def copied(function: str, folder: Path) -> Spec:
    """Return a shipped spec that stands where nobody has put a corpus."""
    original = SPECS[function].place.path
    path = folder / "activations" / original.name
    path.parent.mkdir(exist_ok=True)
    shutil.copy(original, path)
    return read(path)


def write(spec: Spec, text: str) -> Path:
    path = place(spec)
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def entry(spec: Spec, **changes: str) -> str:
    """Return a corpus of one point in which some lines are others."""
    text = collecting.text(spec.function, [POINT])
    for key, value in changes.items():
        lines = [
            line.split(":")[0] + f": {value}" if line.strip(" -").startswith(f"{key}:") else line
            for line in text.splitlines()
        ]
        text = "\n".join(lines) + "\n"
    return text


def mistakes(spec: Spec) -> str:
    with pytest.raises(SpecErrors) as caught:
        points(spec)
    return str(caught.value)


def test_no_corpus_is_no_points(copy: Spec) -> None:
    assert points(copy) == ()


def test_a_corpus_reads_back_as_it_was_written(copy: Spec) -> None:
    several = (
        replace(POINT, ulp=1e300, parameters={"alpha": 0.1}),
        POINT,
        replace(POINT, of="d x", inputs={"x": ("-0x1.8p+3",)}),
        replace(POINT, dtype="float32", inputs={"x": ("0x0.0000020000000p-126",)}, ulp=0.6),
    )
    kept = collecting.merged((), several)
    write(copy, collecting.text("elu", kept))
    assert [one.question[:2] for one in points(copy)] == [one.question[:2] for one in kept]
    assert collecting.text("elu", points(copy)) == collecting.text(
        "elu", collecting.merged((), points(copy))
    )
    again = [[float.fromhex(x) for x in one.inputs["x"]] for one in points(copy)]
    assert again == [[float.fromhex(x) for x in one.inputs["x"]] for one in kept]


def test_what_is_merged_twice_is_there_once_and_in_the_same_order() -> None:
    fresh = [replace(POINT, inputs={"x": (float(n).hex(),)}, ulp=n / 7) for n in range(1, 9)]
    once = collecting.merged((), fresh)
    assert collecting.merged(once, fresh[::-1]) == once
    assert [one.ulp for one in once] == sorted((one.ulp for one in fresh), reverse=True)


def test_only_the_worst_are_kept() -> None:
    fresh = [replace(POINT, inputs={"x": (float(n).hex(),)}, ulp=float(n)) for n in range(1, 90)]
    kept = collecting.merged((), fresh)
    assert len(kept) == MOST
    assert min(one.ulp for one in kept) == 90 - MOST


def test_of_neighbours_one_is_saved() -> None:
    numbers = (1.0, 1.001, 0.999, 2.0, 1.0, 3.0)
    found = [
        Found({"x": (x.hex(),)}, 0, Number("1", "0x1"), 9.0 - place)
        for place, x in enumerate(numbers)
    ]
    near = Found({"x": ((7.0).hex(),)}, 0, Number("1", "0x1"), 0.5)
    kept = [float.fromhex(one.inputs["x"][0]) for one in collecting._apart([*found, near])]
    assert kept == [1.0, 2.0, 3.0]


def test_the_worse_of_two_equal_questions_is_kept() -> None:
    (kept,) = collecting.merged([POINT], [replace(POINT, ulp=9.0, target="elsewhere:cpu:eager")])
    assert (kept.ulp, kept.target) == (9.0, "elsewhere:cpu:eager")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dtype": "float31"}, "'float31' is not a dtype"),
        ({"of": "d y"}, "'y' is not an input"),
        ({"of": "everything"}, "'everything' is not `value`"),
        ({"inputs": "{x: 0.73}"}, "'0.73' is not a hexadecimal number"),
        ({"inputs": "{x: 0x1.8p+99999}"}, "is larger than any number"),
        ({"inputs": "{x: nan}"}, "'nan' is not a hexadecimal number"),
        ({"inputs": "{y: 0x1.8p+1}"}, "'y' is not an input"),
        ({"inputs": "{x: {x: 0x1.8p+1}}"}, "expected a hexadecimal number or a list of them"),
        ({"inputs": "{}"}, "too few items"),
        ({"dtype": "float16"}, "is not a number of float16"),
        ({"ulp": "-3"}, "'-3' is not a number of ULP"),
        ({"ulp": "1e999999"}, "is not a number of ULP"),
        ({"target": "!!python/object/apply:os.system [id]"}, "tag"),
        ({"cpu": "&a x"}, "anchor"),
        ({"corpus": "2"}, "'2' is not a version of the format"),
        ({"function": "relu"}, "this file is about 'elu'"),
    ],
    ids=str,
)
def test_a_mistake_is_told_with_its_place(
    copy: Spec, changes: dict[str, str], message: str
) -> None:
    path = write(copy, entry(copy, **changes))
    told = mistakes(copy)
    assert message in told
    assert f"{path.name}:" in told
    assert "error:" in told


def test_unknown_parameters_and_values_are_told(copy: Spec) -> None:
    text = entry(copy).replace("    ulp:", "    parameters: {alfa: 0x1p+0}\n    ulp:")
    write(copy, text)
    assert "'alfa' is not a parameter" in mistakes(copy)
    write(copy, text.replace("alfa: 0x1p+0", "alpha: eval"))
    assert "'eval' is not a hexadecimal number" in mistakes(copy)


def test_a_point_outside_a_domain_is_told(tmp_path: Path) -> None:
    spec = copied("bce_loss", tmp_path)
    write(spec, entry(spec, inputs="{input: 0x1.8p+1, target: 0x1p-1}"))
    assert "input must satisfy 0 <= input <= 1" in mistakes(spec)


def test_rows_of_different_lengths_are_told(tmp_path: Path) -> None:
    spec = copied("mse_loss", tmp_path)
    numbers = "{input: [0x1p+0, 0x1p+0], target: [0x1p+0, 0x1p+0, 0x1p+0]}"
    write(spec, entry(spec, inputs=numbers))
    assert "rows of different lengths" in mistakes(spec)


def test_a_missing_input_is_told(tmp_path: Path) -> None:
    spec = copied("mse_loss", tmp_path)
    write(spec, entry(spec, inputs="{input: 0x1p+0}"))
    assert "no number for 'target'" in mistakes(spec)


def test_the_same_point_twice_is_told(copy: Spec) -> None:
    write(copy, collecting.text("elu", [POINT, POINT]))
    assert "the same point once more" in mistakes(copy)


def test_a_corpus_that_is_no_mapping_is_told(copy: Spec) -> None:
    write(copy, "- 1\n")
    assert "expected a corpus" in mistakes(copy)


def test_checking_a_spec_reads_its_corpus(copy: Spec, capsys: pytest.CaptureFixture[str]) -> None:
    write(copy, entry(copy, dtype="float31"))
    with pytest.raises(SpecErrors, match="float31"):
        agreement.require([copy])
    assert main(["check", str(copy.place.path)]) == 2
    assert "'float31' is not a dtype" in capsys.readouterr().out


def sampled(spec: Spec, check: Check, dtype: str = "float64") -> list[dict[str, list[float]]]:
    cases = Group(spec, check, FORMATS[dtype]).cases(SEED)
    return [
        {
            name: np.asarray(array, np.float64).ravel().tolist()
            for name, array in case.inputs.items()
        }
        for case in cases
    ]


def distinct(numbers: list[float]) -> set[float]:
    return {x for x in numbers if not math.isnan(x)}


@pytest.mark.parametrize("check", [Check.VALUES, Check.GRADIENTS])
def test_a_run_tries_the_points_of_a_corpus(copy: Spec, check: Check) -> None:
    before = sampled(copy, check)
    assert not any(X in inputs["x"] for inputs in before)
    write(copy, entry(copy))
    after = sampled(copy, check)
    for earlier, later in zip(before, after, strict=True):
        # calls are as long as before: of numbers that only fill them there are fewer
        assert len(later["x"]) == len(earlier["x"])
        assert distinct(later["x"]) == distinct(earlier["x"]) | {X}
    assert not any(X in inputs["x"] for inputs in sampled(copy, check, "float32"))


def test_a_run_tries_rows_of_a_corpus(tmp_path: Path) -> None:
    spec = copied("softmax", tmp_path)
    write(spec, entry(spec, inputs=f"{{x: [{X.hex()}, 0x1p+3]}}"))
    assert any(X in inputs["x"] for inputs in sampled(spec, Check.VALUES))


def test_a_run_tries_pairs_and_classes_of_a_corpus(tmp_path: Path) -> None:
    spec = copied("bce_loss", tmp_path)
    write(spec, entry(spec, inputs=f"{{input: {X.hex()}, target: 0x1p-1}}"))
    found = sampled(spec, Check.VALUES)
    assert all(X in inputs["input"] for inputs in found)
    spec = copied("cross_entropy_loss", tmp_path)
    write(spec, entry(spec, inputs=f"{{input: [{X.hex()}, 0x1p+3, 0x0p+0], target: 0x1p+0}}"))
    assert any(X in inputs["input"] for inputs in sampled(spec, Check.VALUES))


def test_a_corpus_is_no_spec(copy: Spec) -> None:
    from trysquare.reader import is_spec, read_all

    path = write(copy, entry(copy))
    assert not is_spec(path)
    assert [spec.function for spec in read_all([copy.place.path.parent])] == ["elu"]


def test_hunting_with_save_adds_to_the_corpus_once(tmp_path: Path) -> None:
    spec = copied("sigmoid", tmp_path)
    command = [
        "hunt", str(spec.place.path), "--target", "prey:in_an_interval", "--dtype", "float32",
        "--evaluations", "60000", "--save",
    ]  # fmt: skip
    assert main(command) == 1
    found = points(spec)
    assert found
    assert all(one.target == "in_an_interval:cpu:miniature" for one in found)
    assert main(command) == 1
    assert len(points(spec)) <= MOST
    assert {one.question for one in found} <= {one.question for one in points(spec)}


def test_the_corpora_that_are_shipped_read() -> None:
    for spec in SPECS.values():
        points(spec)
