"""Verify counts every lie in a file of outputs, needs NumPy alone, and trusts no file."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from packing import answered, changed, find, open_at_a_half, packed, tensor
from test_architecture import HEAVY, loaded
from trysquare.__main__ import main
from trysquare.cli.options import Code
from trysquare.dtypes import FLOAT32, FLOAT64, FORMATS, Array
from trysquare.errors import UsageError
from trysquare.packs import verify as room
from trysquare.packs.arrays import hexadecimal, number, numbers, ordinals, patterns, spacing
from trysquare.packs.manifest import read
from trysquare.packs.questions import questions
from trysquare.packs.verify import Judgement, verify
from trysquare.planning.sampling import specials
from workshop import SPECS

COUNT = next(questions(SPECS["sigmoid"], FLOAT32, 0)).case.inputs["x"].size
CASE = f"sigmoid/float32/{COUNT}-points/value"
HARD = "sigmoid/float32/hard-to-round/value"
HALF = "sigmoid/bfloat16/65536-points/value"


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packed(tmp_path_factory.mktemp("pack"), [SPECS["sigmoid"]], "float32", "bfloat16")


@pytest.fixture
def outputs(pack: Path, tmp_path: Path) -> Path:
    return answered(pack, tmp_path / "outputs")


@pytest.fixture
def copied(pack: Path, tmp_path: Path) -> Path:
    """A pack that a test may spoil."""
    return Path(shutil.copytree(pack, tmp_path / "pack"))


def of(name: str, pack: Path, outputs: Path, ulp: float | None = None) -> Judgement:
    (one,) = (one for one in verify(pack, outputs, ulp).judged if one.name == name)
    return one


def normal(pack: Path) -> int:
    """The place of an ordinary answer."""
    answer = tensor(pack, find(pack, CASE)[1].answer, "float32")
    return int(np.flatnonzero((answer > 0.1) & (answer < 0.2))[0])


def zero(pack: Path) -> int:
    return int(np.flatnonzero(tensor(pack, find(pack, CASE)[1].answer, "float32") == 0)[0])


# Lies.


def test_right_outputs_are_accepted(pack: Path, outputs: Path) -> None:
    for ulp in (None, 0.5):
        report = verify(pack, outputs, ulp)
        assert report.accepted
        assert (report.misfits, report.stale) == ((), ())
        assert [one for one in report.judged if one.wrong or one.refused or one.worst] == []


def test_one_element_off_by_one_ulp_is_counted(pack: Path, outputs: Path) -> None:
    at = normal(pack)

    def lie(array: Array) -> None:
        array[at] = np.nextafter(array[at], np.float32(1))

    changed(outputs, CASE, lie)
    lax, strict = (of(CASE, pack, outputs, ulp) for ulp in (None, 0.5))
    assert (lax.wrong, lax.steps, lax.ulp, lax.refused) == (1, 1, 1.0, 0)
    assert (strict.wrong, strict.refused, strict.worst[0].index) == (1, 1, at)
    assert of(CASE, pack, outputs, 1.5).refused == 0


def test_worst_elements_are_shown_in_hexadecimal(pack: Path, outputs: Path) -> None:
    at = normal(pack)

    def lie(array: Array) -> None:
        array[at] = 1.0

    changed(outputs, CASE, lie)
    (worst,) = of(CASE, pack, outputs).worst
    asked, answer = find(pack, CASE)
    x, want = (tensor(pack, file, "float32") for file in (asked.inputs[0].file, answer.answer))
    assert worst.inputs == f"x = {hexadecimal(x, at)}"
    assert (worst.got, worst.want) == ("0x3f800000", hexadecimal(want, at))


def test_a_flipped_sign_of_zero_is_counted(pack: Path, outputs: Path) -> None:
    at = zero(pack)

    def lie(array: Array) -> None:
        array[at] = -array[at]

    changed(outputs, CASE, lie)
    lax, strict = (of(CASE, pack, outputs, ulp) for ulp in (None, 0.5))
    assert (lax.wrong, lax.zeros, lax.steps, lax.nans, lax.refused) == (1, 1, 0, 0, 0)
    assert (strict.zeros, strict.refused) == (1, 1)


def test_nan_for_a_number_is_counted_and_refused(pack: Path, outputs: Path) -> None:
    at = normal(pack)

    def lie(array: Array) -> None:
        array[[at, at + 1]] = np.nan

    found = of(CASE, pack, changed(outputs, CASE, lie))
    assert (found.wrong, found.nans, found.refused) == (2, 2, 2)


def test_a_number_for_nan_is_counted_and_refused(pack: Path, outputs: Path) -> None:
    def lie(array: Array) -> None:
        array[np.isnan(array)] = 0.5

    expected = int(np.isnan(tensor(pack, find(pack, CASE)[1].answer, "float32")).sum())
    found = of(CASE, pack, changed(outputs, CASE, lie))
    assert (found.wrong, found.nans, found.refused) == (expected, expected, expected)


def test_an_infinity_for_a_number_is_counted_and_refused(pack: Path, outputs: Path) -> None:
    def lie(array: Array) -> None:
        array[normal(pack)] = np.inf

    found = of(CASE, pack, changed(outputs, CASE, lie))
    assert (found.wrong, found.infinities, found.nans, found.refused) == (1, 1, 0, 1)


def test_zeros_throughout_are_counted_to_the_last(pack: Path, outputs: Path) -> None:
    def lie(array: Array) -> None:
        array[:] = 0

    answer = tensor(pack, find(pack, HALF)[1].answer, "bfloat16").astype(np.float64)
    found = of(HALF, pack, changed(outputs, HALF, lie))
    assert found.wrong == (answer != 0).sum()
    assert found.nans == np.isnan(answer).sum()
    assert 0 < found.refused < found.wrong  # the smallest answers are not far from zero
    assert found.ulp == 255  # all ones, in its own last place


def test_what_is_undecided_may_be_either_candidate(tmp_path: Path) -> None:
    pack = packed(tmp_path / "pack", [open_at_a_half(tmp_path)], "float64")
    outputs = answered(pack, tmp_path / "outputs")
    value = read(pack).sets[0].answers[0]
    name, places = value.name, [unknown.index for unknown in value.undecided]
    assert places

    def choose(value: float) -> Callable[[Array], None]:
        def change(array: Array) -> None:
            array.ravel()[places] = value

        return change

    for given, right in ((-0.0, True), (0.0, True), (5e-324, False), (np.nan, False)):
        found = of(name, pack, changed(outputs, name, choose(given)), 0.5)
        assert found.wrong == (0 if right else len(places))


def test_any_convention_at_a_kink_is_right(tmp_path: Path) -> None:
    pack = packed(tmp_path / "pack", [SPECS["relu"]], "float16")
    outputs = answered(pack, tmp_path / "outputs")
    name = "relu/float16/65536-points/d_x"

    def choose(value: float) -> Callable[[Array], None]:
        def change(array: Array) -> None:
            array[0] = value

        return change

    for value, refused in ((0.0, 0), (0.5, 0), (1.0, 0), (0.25, 1)):
        found = of(name, pack, changed(outputs, name, choose(value)))
        assert (found.wrong, found.refused) == (refused, refused)


# Files that do not fit.


def misfits(pack: Path, outputs: Path) -> str:
    report = verify(pack, outputs, None)
    assert not report.accepted
    return "\n".join(report.misfits)


def test_a_missing_file_is_told(pack: Path, outputs: Path) -> None:
    (outputs / f"{CASE}.npy").unlink()
    assert f"{CASE}.npy: is missing" in misfits(pack, outputs)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros(3, np.float32), f"has the shape [3], not [{COUNT}]"),
        (np.zeros(COUNT), "holds <f8, not <f4 (numbers)"),
        (np.zeros(COUNT, ">f4"), "holds >f4, not <f4"),
        (np.zeros((COUNT, 1), np.float32), f"has the shape [{COUNT}, 1], not [{COUNT}]"),
    ],
)
def test_another_shape_or_type_is_told(
    pack: Path, outputs: Path, array: Array, message: str
) -> None:
    np.save(outputs / f"{CASE}.npy", array)
    assert message in misfits(pack, outputs)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda data: data[:-1], f"has fewer than the {4 * COUNT} bytes"),
        (lambda data: data + b"x", f"has more than the {4 * COUNT} bytes"),
        (lambda _: b"", "not an .npy file"),
        (lambda _: b"\x93NUMPY\x01\x00\xff\xff{", "not an .npy file"),
        (lambda _: b"\x93NUMPY\x01\x00\x10\x27" + b"-" * 9999 + b"1", "not an .npy file"),
        (lambda _: b"nonsense" * 100, "not an .npy file"),
        (lambda data: data.replace(b",), }   ", b"L, 1), }", 1), f"has the shape [{COUNT}, 1]"),
    ],
)
def test_a_damaged_file_is_told(
    pack: Path,
    outputs: Path,
    spoil: Callable[[bytes], bytes],
    message: str,
    recwarn: pytest.WarningsRecorder,
) -> None:
    path = outputs / f"{CASE}.npy"
    path.write_bytes(spoil(path.read_bytes()))
    assert message in misfits(pack, outputs)
    assert not recwarn.list


class Bomb:
    def __reduce__(self) -> Any:
        return (Path.touch, (Path("exploded"),))


def test_no_file_runs_code(
    pack: Path, outputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    np.save(outputs / f"{CASE}.npy", np.array([Bomb()] * COUNT), allow_pickle=True)
    (outputs / f"{HARD}.npy").write_bytes(pickle.dumps(Bomb()))
    assert "holds |O, not <f4" in misfits(pack, outputs)
    assert not Path("exploded").exists()


def test_a_pack_that_was_tampered_with_is_told(copied: Path, outputs: Path) -> None:
    path = copied / f"{CASE}.npy"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert f"{CASE}.npy: is not the file of the manifest: its SHA-256 differs" in misfits(
        copied, outputs
    )


def spoiled(pack: Path, change: Callable[[Any], None]) -> Path:
    path = pack / "manifest.json"
    written = json.loads(path.read_text())
    change(written)
    path.write_text(json.dumps(written))
    return pack


def first(manifest: Any) -> Any:
    return manifest["sets"][0]["answers"][0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.update(format=2), "a pack of the format 2; this version reads 1"),
        (lambda m: m.pop("sets"), "'sets' is not there"),
        (lambda m: first(m)["answer"].update(path="../../etc/x.npy"), "no file of this pack"),
        (lambda m: first(m)["answer"].update(path="/etc/x.npy"), "no file of this pack"),
        (lambda m: first(m).update(name="a/../../b"), "is no name"),
        (lambda m: first(m).update(name="\x1b[2Jgone"), "is no name"),
        (lambda m: first(m)["answer"].update(count=1), "counts 1 elements"),
        (lambda m: first(m)["answer"].update(npy="|O"), "cannot hold '|O'"),
        (lambda m: m["sets"][0].update(dtype="float8"), "'float8' is none of"),
        (lambda m: m["sets"][0].update(kind="magic"), "'sets.kind' is not one of"),
        (
            lambda m: first(m).update(
                undecided=[{"index": 10**9, "candidates": ["0x00000000"] * 2}]
            ),
            "has no element 1000000000",
        ),
    ],
)
def test_a_manifest_that_lies_is_told(
    copied: Path,
    outputs: Path,
    change: Callable[[Any], None],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["verify", str(spoiled(copied, change)), str(outputs)]) == Code.USAGE
    told = capsys.readouterr().err
    assert message in told
    assert "\x1b" not in told


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, '"x"', "\udce4"])
def test_what_is_no_manifest_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(UsageError, match="not a manifest"):
        verify(tmp_path, tmp_path, None)


def test_a_pack_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        verify(tmp_path / "nowhere", tmp_path, None)


def test_nothing_waits_for_the_other_end_of_a_pipe(
    pack: Path, copied: Path, outputs: Path, tmp_path: Path
) -> None:
    def pipe(path: Path) -> Path:
        path.unlink(missing_ok=True)
        os.mkfifo(path)
        return path

    pipe(copied / f"{CASE}.npy")
    pipe(outputs / f"{HARD}.npy")
    told = misfits(copied, outputs)
    assert "not a regular file" in told
    assert f"{HARD}.npy: is missing" in told
    with pytest.raises(UsageError, match="neither a folder nor"):
        verify(pack, pipe(tmp_path / "pipe.npz"), None)
    with pytest.raises(UsageError, match="not a regular file"):
        verify(pipe(tmp_path / "manifest.json"), outputs, None)


# Forms of outputs.


def test_outputs_may_be_an_npz(pack: Path, outputs: Path, tmp_path: Path) -> None:
    arrays = {
        path.relative_to(outputs).with_suffix("").as_posix(): np.load(path)
        for path in outputs.rglob("*.npy")
    }
    np.savez_compressed(tmp_path / "outputs.npz", allow_pickle=False, **arrays)
    assert verify(pack, tmp_path / "outputs.npz", 0.5).accepted
    del arrays[CASE]
    np.savez(tmp_path / "fewer.npz", allow_pickle=False, **arrays)
    assert misfits(pack, tmp_path / "fewer.npz") == f"{tmp_path}/fewer.npz: {CASE}: is missing"


def test_an_output_may_be_a_single_file(pack: Path, outputs: Path) -> None:
    report = verify(pack, outputs / f"{CASE}.npy", 0.5)
    assert ([one.name for one in report.judged], report.accepted) == ([CASE], True)


def test_a_single_file_without_its_folder_is_ambiguous(
    pack: Path, outputs: Path, tmp_path: Path
) -> None:
    alone = Path(shutil.copy(outputs / f"{CASE}.npy", tmp_path / "value.npy"))
    with pytest.raises(UsageError, match="could be any of"):
        verify(pack, alone, None)
    other = Path(shutil.copy(alone, tmp_path / "other.npy"))
    with pytest.raises(UsageError, match="no answer of the pack is called other"):
        verify(pack, other, None)


def test_outputs_that_are_nothing_are_told(pack: Path, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("text")
    with pytest.raises(UsageError, match="neither a folder nor"):
        verify(pack, tmp_path / "text", None)
    for name in ("nowhere", "nowhere.npy", "nowhere.npz"):
        with pytest.raises(UsageError, match="there is no such file"):
            verify(pack, tmp_path / name, None)


def test_rows_may_lie_in_memory_by_columns(tmp_path: Path) -> None:
    pack = packed(tmp_path / "pack", [SPECS["softmax"]], "float32")
    outputs = answered(pack, tmp_path / "outputs")
    name = "softmax/float32/rows-of-3/value"
    np.save(outputs / f"{name}.npy", np.asfortranarray(np.load(outputs / f"{name}.npy")))
    assert of(name, pack, outputs).wrong == 0


# The command.


def test_the_exit_code_says_what_became_of_the_outputs(
    pack: Path, outputs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["verify", str(pack), str(outputs)]
    assert main(command) == Code.EXPECTED

    def lie(array: Array) -> None:
        array[normal(pack)] = np.nextafter(array[normal(pack)], np.float32(1))

    changed(outputs, CASE, lie)
    assert main(command) == Code.EXPECTED
    capsys.readouterr()
    assert main([*command, "--ulp", "0.5"]) == Code.UNEXPECTED
    told = capsys.readouterr().out
    assert f"refused  {CASE}: {COUNT} answers, 1 not correctly rounded" in told
    assert "judged by correct rounding" in told
    (outputs / f"{CASE}.npy").unlink()
    assert main(command) == Code.USAGE
    assert "does not fit" in capsys.readouterr().out


def test_a_pack_of_another_spec_is_stale(
    pack: Path,
    outputs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    specs = tmp_path / "specs" / "activations"
    specs.mkdir(parents=True)
    monkeypatch.setattr(room, "specs_folder", lambda: tmp_path / "specs")
    assert verify(pack, outputs, None).stale == (
        "sigmoid: no spec activations/sigmoid.yaml is installed",
    )
    (specs / "sigmoid.yaml").write_text("trysquare: 1\n")
    assert main(["verify", str(pack), str(outputs)]) == Code.EXPECTED
    assert "stale: sigmoid: the installed spec is not the one of this" in capsys.readouterr().out


def test_verify_needs_numpy_and_nothing_else(pack: Path, outputs: Path) -> None:
    found = loaded("-m", "trysquare", "verify", str(pack), str(outputs))
    assert found & HEAVY == {"numpy"}


# Numbers and bits.


@pytest.mark.parametrize("format", FORMATS.values(), ids=FORMATS)
def test_bits_numbers_and_spacing_are_those_of_the_format(format: Any) -> None:
    random = np.random.default_rng(0)
    bits = random.integers(0, 1 << (format.width - 1), 5000).astype(format.bits)
    native = np.concatenate([format.from_bits(bits), format.cast(specials(format))])
    values = format.widen(native)
    values = values[np.isfinite(values)]
    stored = format.cast(values)
    packed_bits = stored.view(np.uint16) if format.name == "bfloat16" else stored
    assert np.array_equal(numbers(packed_bits, format.name), values)
    assert np.array_equal(ordinals(values, format.name), format.ordinal(values))
    assert np.array_equal(patterns(values, format.name), stored.view(format.bits))
    assert np.array_equal(spacing(values, format.name), format.ulp(values))
    assert [number(format.hexadecimal(value), format.name) for value in values[:50]] == list(
        values[:50]
    )


def test_the_farthest_float64_numbers_have_a_distance() -> None:
    top = FLOAT64.largest
    tiny = FLOAT64.smallest_subnormal
    ulp, steps = room._distances(
        np.array([top, 3 * tiny, 0.0]), np.array([-top, tiny, -0.0]), "float64"
    )
    assert ulp.tolist() == [2.0**54 - 2, 2.0, 0.0]
    assert steps.tolist() == [2 * (0x7FEFFFFFFFFFFFFF), 2, 0]


# Any language.

PROGRAM = """
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
int main(int count, char **names) {
    FILE *in = fopen(names[1], "rb"), *out = fopen(names[2], "wb");
    unsigned char head[10], text[65536];
    if (count != 3 || !in || !out || fread(head, 1, 10, in) != 10) return 1;
    size_t length = head[8] + 256 * head[9]; /* the header of the output is that of the input */
    if (fread(text, 1, length, in) != length) return 1;
    fwrite(head, 1, 10, out), fwrite(text, 1, length, out);
    for (float x; fread(&x, 4, 1, in) == 1;) {
        float y = FORMULA;
        fwrite(&y, 4, 1, out);
    }
    return fclose(out);
}
"""
STABLE = "x < 0 ? expf(x) / (1 + expf(x)) : 1 / (1 + expf(-x))"
NAIVE = "1 / (1 + expf(-x))"


def by_c(formula: str, pack: Path, folder: Path) -> Path:
    """Compile a program, let it answer every value of a pack in float32, and return its outputs."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    source, program = folder / "program.c", folder / "program"
    source.write_text(PROGRAM.replace("FORMULA", formula))
    subprocess.run([compiler, "-O1", str(source), "-o", str(program), "-lm"], check=True)
    for name in (CASE, HARD):
        asked, _ = find(pack, name)
        output = folder / "outputs" / f"{name}.npy"
        output.parent.mkdir(parents=True)
        subprocess.run(
            [str(program), str(pack / asked.inputs[0].file.path), str(output)], check=True
        )
    return folder / "outputs"


def test_a_dozen_lines_of_c_are_judged(pack: Path, tmp_path: Path) -> None:
    outputs = by_c(STABLE, pack, tmp_path)
    for name in (CASE, HARD):
        (found,) = verify(pack, outputs / f"{name}.npy", None).judged
        assert (found.refused, found.nans, found.infinities, found.zeros) == (0, 0, 0, 0)
        assert found.ulp <= 3
    assert found.wrong > 0


def test_c_that_loses_the_tail_is_refused(pack: Path, tmp_path: Path) -> None:
    output = by_c(NAIVE, pack, tmp_path) / f"{CASE}.npy"
    (found,) = verify(pack, output, None).judged
    assert found.refused > 0
    assert {worst.got for worst in found.worst} == {"0x00000000"}
