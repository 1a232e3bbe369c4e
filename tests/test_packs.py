"""A golden pack is right, whole, honest about what is unknown, and the same every time."""

from __future__ import annotations

import filecmp
import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from packing import find, open_at_a_half, packed, tensor
from trysquare.__main__ import main
from trysquare.backend import Call, Tensors, Want
from trysquare.cli.options import Code
from trysquare.dtypes import FLOAT16, FLOAT32, FORMATS, Array
from trysquare.errors import UsageError
from trysquare.formula.derivative import Extent
from trysquare.formula.parser import parse
from trysquare.packs import hard_cases
from trysquare.packs.manifest import FLAGS, Extra, Kind, Manifest, Questions, read, schema
from trysquare.packs.questions import questions
from trysquare.packs.verify import Judgement, verify
from trysquare.reader import read as read_spec
from trysquare.truth.oracle import Oracle
from trysquare.verdict.standard import Standard
from trysquare_miniatures.perfect import backend
from trysquare_miniatures.textbook import mp
from workshop import SPECS


def manifest_of(pack: Path) -> Manifest:
    return read(pack)


def files_of(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.npy"))


def standards(function: str, dtype: str, kind: Kind) -> list[Standard]:
    """The questions of the first set of this kind."""
    spec = SPECS[function]
    asked = next(one for one in questions(spec, FORMATS[dtype], 0) if one.kind is kind)
    return list(asked.standards(spec))


# What is right.


def perfect(pack: Path, asked: Questions) -> dict[str, Array]:
    """What the perfect backend says to all questions of a set, by name of the answer."""
    tensors: Tensors = {one.name: tensor(pack, one.file, asked.dtype) for one in asked.inputs}
    spec, found = SPECS[asked.function], {}
    for answer in asked.answers:
        want = Want.GRADIENT if answer.wrt else Want.VALUE
        wrt = (answer.wrt,) if answer.wrt else ()
        call = Call(asked.function, tensors, asked.parameters, want=want, wrt=wrt)
        value = backend.value(spec, call, tensors)
        if answer.wrt:
            cotangent = np.ones_like(value)
            if asked.cotangent is not None:
                cotangent = tensor(pack, asked.cotangent, asked.dtype)
            value = backend.gradients(spec, call, tensors, cotangent)[answer.wrt]
        found[answer.name] = value
    return found


def judged(tmp_path: Path, function: str, dtype: str, digits: int = 80) -> list[Judgement]:
    pack, outputs = packed(tmp_path / "pack", [SPECS[function]], dtype), tmp_path / "outputs"
    for asked in manifest_of(pack).sets:
        with mp.workdps(digits):
            found = perfect(pack, asked)
        for name, value in found.items():
            path = outputs / f"{name}.npy"
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, value.view(np.uint16) if dtype == "bfloat16" else value)
    report = verify(pack, outputs, None)
    assert report.misfits == ()
    return list(report.judged)


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_the_answers_are_those_of_the_perfect_backend(tmp_path: Path, dtype: str) -> None:
    found = judged(tmp_path, "sigmoid", dtype)
    assert sum(one.count for one in found) > 2000
    assert [one for one in found if one.wrong or one.refused] == []


@pytest.mark.parametrize(
    ("function", "dtype", "digits"),
    [
        ("elu", "float32", 80),
        ("softmax", "float64", 80),
        ("bce_loss", "float64", 80),
        ("smooth_l1_loss", "float64", 700),  # the product of two of the smallest, exactly
    ],
)
def test_the_answers_are_those_of_the_perfect_backend_up_to_open_signs_of_zero(
    tmp_path: Path, function: str, dtype: str, digits: int
) -> None:
    found = judged(tmp_path, function, dtype, digits)
    assert [one for one in found if one.wrong != one.zeros or one.refused] == []


# What is whole.


def test_a_pack_of_16_bits_holds_every_number_and_its_derivative(tmp_path: Path) -> None:
    pack = packed(tmp_path, [SPECS["sigmoid"]], "float16", "bfloat16")
    for asked in manifest_of(pack).sets:
        assert (asked.kind, len(asked.answers)) == (Kind.EXHAUSTIVE, 2)
        x = tensor(pack, asked.inputs[0].file, asked.dtype)
        nan = np.isnan(x.astype(np.float64))
        patterns = x.view(np.uint16)
        assert len(set(patterns[~nan].tolist())) + nan.sum() == len(x) == 65536


def test_wide_formats_have_boundaries_binades_and_hard_cases(tmp_path: Path) -> None:
    pack = packed(tmp_path, [SPECS["sigmoid"]], "float32", "float64")
    kinds = [(asked.dtype, asked.kind) for asked in manifest_of(pack).sets]
    assert kinds == [
        (dtype, kind) for dtype in ("float32", "float64") for kind in (Kind.STRATIFIED, Kind.HARD)
    ]


def test_the_manifest_names_every_file_and_fits_its_schema(tmp_path: Path) -> None:
    pack = packed(tmp_path, [SPECS["softmax"], SPECS["relu"]], "float16")
    jsonschema.Draft7Validator.check_schema(schema())
    written = json.loads((pack / "manifest.json").read_text())
    assert json.loads((pack / "manifest.schema.json").read_text()) == schema()
    jsonschema.validate(written, schema())
    named = [file.path for asked in manifest_of(pack).sets for file in asked.files]
    assert sorted(named) == files_of(pack)


def test_a_manifest_without_a_hash_does_not_fit_the_schema(tmp_path: Path) -> None:
    pack = packed(tmp_path, [SPECS["relu"]], "float32")
    written = json.loads((pack / "manifest.json").read_text())
    del written["sets"][0]["answers"][0]["answer"]["sha256"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(written, schema())


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    specs = [SPECS["sigmoid"], SPECS["softmax"]]
    one, two = (packed(tmp_path / name, specs, "float32") for name in ("one", "two"))
    assert files_of(one) == files_of(two)
    names = [*files_of(one), "manifest.json"]
    assert filecmp.cmpfiles(one, two, names, shallow=False) == (names, [], [])


def test_another_seed_asks_other_numbers(tmp_path: Path) -> None:
    one, two = (
        packed(tmp_path / str(seed), [SPECS["sigmoid"]], "float32", seed=seed) for seed in (0, 1)
    )
    name = "sigmoid/float32/hard-to-round/x.npy"
    assert (one / name).read_bytes() != (two / name).read_bytes()


# What is accepted besides.


def test_the_ends_are_the_last_that_a_run_accepts(tmp_path: Path) -> None:
    pack = packed(tmp_path, [SPECS["sigmoid"]], "float16")
    _, answer = find(pack, "sigmoid/float16/65536-points/value")
    (standard, _) = standards("sigmoid", "float16", Kind.EXHAUSTIVE)
    lowest, highest = (
        tensor(pack, file, "float16").astype(np.float64)[:, None]
        for file in (answer.lowest, answer.highest)
    )

    def bad(got: Array) -> Array:
        return standard.distance(got, standard.canonical, flushes=False).bad

    assert not bad(lowest).any()
    assert not bad(highest).any()
    number = ~np.isnan(lowest)
    ordinals = [FLOAT16.ordinal(np.where(number, end, 0)) for end in (lowest, highest)]
    assert (ordinals[0] < ordinals[1]).any()
    assert bad(FLOAT16.from_ordinal(ordinals[0] - 1))[number].all()
    assert bad(FLOAT16.from_ordinal(ordinals[1] + 1))[number].all()


def test_a_kink_has_all_conventions(tmp_path: Path) -> None:
    pack = packed(tmp_path, [SPECS["relu"]], "float16")
    _, answer = find(pack, "relu/float16/65536-points/d_x")
    canonical = tensor(pack, answer.answer, "float16")
    others = [tensor(pack, file, "float16") for file in answer.also]
    assert canonical[0] == 0
    assert {float(other[0]) for other in others} >= {0.5, 1.0}
    assert all((other[1:100] == canonical[1:100]).all() for other in others)


def test_an_infinity_is_accepted_where_the_formula_overflows_on_the_way(tmp_path: Path) -> None:
    pack = packed(tmp_path, [SPECS["huber_loss"]], "float16")
    asked, answer = find(pack, "huber_loss/float16/8192-points/value")
    assert answer.extras is not None
    there = tensor(pack, answer.extras, "float16") & FLAGS[Extra.PLUS_INFINITY] != 0
    assert np.isfinite(tensor(pack, answer.highest, "float16")[there]).all()
    one, other = (tensor(pack, each.file, "float16").astype(float) for each in asked.inputs)
    known = np.isfinite(tensor(pack, answer.answer, "float16"))
    apart = np.where(known, np.abs(np.where(known, one, 0) - np.where(known, other, 0)), 0)
    overflowing = apart > FLOAT16.largest
    assert overflowing.any()
    assert there[overflowing].all()
    # elsewhere only where half of the delta is all that is missing
    assert (apart[there] > FLOAT16.largest - FLOAT16.ulp(np.array(FLOAT16.largest))).all()


# What is not known.


def test_what_is_undecided_is_stated_and_not_guessed(tmp_path: Path) -> None:
    pack = packed(tmp_path / "pack", [open_at_a_half(tmp_path)], "float64")
    answer = manifest_of(pack).sets[0].answers[0]
    unknown, *_ = answer.undecided
    assert unknown.candidates == ("0x8000000000000000", "0x0000000000000000")
    assert np.isnan(tensor(pack, answer.answer, "float64").ravel()[unknown.index])


UNKNOWABLE = """\
trysquare: 1
function: unknowable
summary: One or zero, and no precision tells which.
source:
  - Rice, Classes of Recursively Enumerable Sets and Their Decision Problems, 1953
inputs:
  x: float
formula: 1 if exp(x) * exp(-x) > 1 else 0
"""


def test_a_function_that_cannot_be_decided_can_be_packed(tmp_path: Path) -> None:
    path = tmp_path / "unknowable.yaml"
    path.write_text(UNKNOWABLE)
    pack = packed(tmp_path / "pack", [read_spec(path)], "float64")
    (asked,) = manifest_of(pack).sets
    value = asked.answers[0]
    assert len(value.undecided) > value.answer.count / 2
    assert verify(pack, tmp_path, None).stale == (
        "unknowable: no spec unknowable.yaml is installed",
    )


# What is hard.


def test_the_hardest_of_a_pool_are_those_that_arb_finds_among_all() -> None:
    x = np.linspace(-20, 20, 3001)
    x = FLOAT32.round(x)[:, None]
    tree = parse("exp(x) / (1 + exp(x))", frozenset({"x"}))
    oracle = Oracle(tree, {"x": x}, len(x), 1, Extent(rows=True, columns=False), FLOAT32)
    everything = oracle.certified
    gap = np.abs((everything.value / FLOAT32.ulp(everything.value) + everything.rest) % 1 - 0.5)
    gap = gap[:, 0]
    near = np.argsort(gap, kind="stable")
    expected = [place for place in near.tolist() if gap[place] < hard_cases.HARD]
    assert hard_cases.hardest(oracle).tolist() == expected[: hard_cases.NORMAL]


def test_what_needs_no_rounding_has_no_hard_cases(tmp_path: Path) -> None:
    pack = packed(tmp_path, [SPECS["relu"]], "float32")
    assert [asked.kind for asked in manifest_of(pack).sets] == [Kind.STRATIFIED]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_value_and_derivative_have_hard_cases_of_their_own(dtype: str) -> None:
    format = FORMATS[dtype]
    for standard in standards("sigmoid", dtype, Kind.HARD):
        truth = standard.oracle.certified
        gap = np.abs((truth.value / format.ulp(truth.value) % 1 + truth.rest) % 1 - 0.5)
        assert (gap < hard_cases.HARD).sum() >= hard_cases.NORMAL


# What is refused.


def test_a_folder_that_holds_anything_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(UsageError, match="is not empty"):
        packed(tmp_path, [SPECS["relu"]], "float32")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("pack", "sigmid"), "no function matches 'sigmid'; did you mean 'sigmoid'?"),
        (("pack", "sigmoid", "--dtype", "float23"), "no dtype is called 'float23'"),
        (("pack",), "Missing argument 'FUNCTION...'"),
        (("pack", "relu", "-o", "/proc/nowhere/here"), "cannot be written"),
    ],
)
def test_what_cannot_be_packed_is_told(
    arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == Code.USAGE
    assert message in capsys.readouterr().err


def test_the_command_packs_what_it_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "pack"
    assert main(["pack", "sig*", "--dtype", "float32", "-o", str(folder)]) == Code.EXPECTED
    told = capsys.readouterr()
    assert "sigmoid/float32/hard-to-round: " in told.out
    assert f"wrote {folder}: 2 sets" in told.err


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pack", "--schema"]) == Code.EXPECTED
    assert json.loads(capsys.readouterr().out) == schema()
