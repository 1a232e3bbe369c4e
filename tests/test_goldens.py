"""Expected values of others are read as they are written, and judged to the last digit."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path

import flint
import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trysquare.__main__ import main
from trysquare.audit.golden_files import number, read_golden
from trysquare.dtypes import BFLOAT16, FLOAT16, FLOAT32, FLOAT64, FORMATS, Format
from trysquare.errors import SpecErrors
from trysquare.formula.ball import precision
from trysquare.truth.rounding import round_ball
from workshop import SPECS

NUMPY_DATA = Path(np.__file__).parent / "_core" / "tests" / "data"

every_format = pytest.mark.parametrize("format", FORMATS.values(), ids=FORMATS)


@pytest.fixture
def elementary(tmp_path: Path) -> Path:
    """Write specs of two functions of which NumPy ships expected values."""
    folder = tmp_path / "specs"
    folder.mkdir()
    for name in ("exp", "log"):
        (folder / f"{name}.yaml").write_text(
            f"trysquare: 1\nfunction: {name}\nsummary: A function.\nsource: https://example.org\n"
            f"inputs:\n  x: float\nformula: {name}(x)\n"
            "cases:\n  - {name: not a number, x: nan, expect: nan}\n",
            encoding="utf-8",
        )
    return folder


def judged(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str]:
    code = main(["audit", *map(str, arguments)])
    return code, capsys.readouterr().out


# NumPy's own validation sets.


# NumPy 2.4.6's rows with a result that is not correctly rounded, found by this audit; the file
# itself is in the wheel.
@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("exp", [("0xc086234f00000000", "0x000fba54632dddc0", "0x000fba54632dddbf", 0.62513963)]),
        (
            "log",
            [
                ("0x3f4b0569", "0xbe6d6ea4", "0xbe6d6ea3", 0.51436012),
                ("0x3f7ffffe", "0xb4000000", "0xb4000001", 0.50000004),
            ],
        ),
    ],
)
def test_rows_of_numpy_that_are_not_correctly_rounded_are_named(
    name: str,
    rows: list[tuple[str, str, str, float]],
    elementary: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = ["dtype,input,output,ulperrortol", "## a comment ##"]
    for x, stated, _, _ in rows:
        dtype = "np.float64" if len(x) == 18 else "np.float32"
        lines.append(f"{dtype},{x},{stated},4")
    file = tmp_path / "set.csv"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    code, printed = judged(capsys, elementary, "--goldens", file, "--function", name)
    assert code == 1
    assert f"{len(rows)} of {len(rows)} are not correctly rounded" in printed
    for _, stated, right, ulp in rows:
        assert f"  {stated}\n" in printed
        assert f"  {right}\n" in printed
        assert f"the stated value is {ulp:.8g} ulp from the exact one" in printed


@pytest.mark.skipif(not NUMPY_DATA.is_dir(), reason="this NumPy comes without its tests")
@pytest.mark.parametrize(("name", "wrong"), [("exp", [0, 1]), ("log", [2, 0])])
def test_the_whole_sets_of_numpy_are_read_and_judged(
    name: str, wrong: list[int], elementary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = NUMPY_DATA / f"umath-validation-set-{name}.csv"
    code, printed = judged(capsys, elementary, "--goldens", file, "--function", name)
    totals = [line for line in printed.splitlines() if line.startswith("expected, ")]
    assert code == 1
    assert [int(line.split(": ")[1].split()[0]) for line in totals] == wrong
    assert "could not be decided" not in printed


# Files.


def test_decimals_hexadecimal_floats_and_bit_patterns_mean_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "set.csv"
    file.write_text(
        "x,expected\n1,0.731058578630004879\n0x1p0,0x1.764d50p-1\n0x3f800000,0x3f3b26a8\n",
        encoding="utf-8",
    )
    code, printed = judged(capsys, "--goldens", file, "--function", "sigmoid", "--dtype", "float32")
    assert (code, printed) == (0, "expected, float32: 0 of 3 are not correctly rounded\n")


def test_a_wrong_value_is_named_with_its_line_and_the_right_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "set.csv"
    file.write_text("x,expected\n0,0.5\n1,0x3f3b26a9\n", encoding="utf-8")
    code, printed = judged(capsys, "--goldens", file, "--function", "sigmoid", "--dtype", "float32")
    assert code == 1
    assert f"{file}: line 3: x = 1.0" in printed
    assert "0x3f3b26a8" in printed
    assert "1 of 2 are not correctly rounded" in printed


def test_a_row_is_one_call_where_elements_depend_on_each_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    x = np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])
    exact = np.array(
        [[0.09003057317038046, 0.24472847105479764, 0.6652409557748219], [1 / 3, 1 / 3, 1 / 3]]
    )
    file = tmp_path / "set.npz"
    np.savez(file, x=x, expected=exact)
    code, printed = judged(capsys, "--goldens", file, "--function", "softmax")
    assert (code, printed) == (0, "expected, float64: 0 of 6 are not correctly rounded\n")
    np.savez(file, x=x, expected=np.nextafter(exact, 1))
    code, printed = judged(capsys, "--goldens", file, "--function", "softmax")
    assert code == 1
    assert "6 of 6" in printed
    assert "expected[1, 2]" in printed


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ml_dtypes.bfloat16])
def test_gradients_are_judged_in_every_dtype(
    dtype: type, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "set.npz"
    np.savez(file, x=np.array([-1, 0, 1], dtype), gradient=np.array([0, 0, 1], dtype))
    name = np.dtype(dtype).name
    code, printed = judged(capsys, "--goldens", file, "--function", "relu", "--dtype", name)
    assert (code, printed) == (0, f"gradient, {name}: 0 of 3 are not correctly rounded\n")


def test_parameters_are_those_that_are_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "set.npz"
    np.savez(file, input=np.array([3.0]), target=np.array([1.0]), expected=np.array([4.0]))
    arguments = ("--goldens", file, "--function", "mse_loss", "--parameter", "reduction=none")
    assert judged(capsys, *arguments)[0] == 0
    assert main(["audit", *map(str, arguments[:-1]), "reduction=nonne"]) == 2
    assert "did you mean 'none'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "nothing is called 'expected'"),
        ("x,expectd\n1,2\n", "did you mean 'expected'?"),
        ("x,expected\n1,2,3\n", "set.csv:2:1: error: 3 columns, not 2"),
        ("x,expected\n1,2\nfour,2\n", "set.csv:3:1: error: x 'four': not a number"),
        ("x,expected\n1,0x1234567890\n", "a float32 has 8 hexadecimal digits"),
        ("x,expected\n1,0x1.0000000001p0\n", "not a number of float32"),
        ("dtype,input,output,ulperrortol\nnp.float31,0x0,0x0,4\n", "did you mean 'float32'?"),
        ("x,expected\n1," + "9" * 2000 + "\n", "too long for a number"),
    ],
)
def test_what_is_no_file_of_expectations_is_told(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "set.csv"
    file.write_text(text, encoding="utf-8")
    arguments = ["--goldens", str(file), "--function", "sigmoid", "--dtype", "float32"]
    assert main(["audit", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_control_characters_of_a_file_do_not_reach_the_terminal(tmp_path: Path) -> None:
    file = tmp_path / "set.csv"
    for text in ("x,expected\n\x1b[31mred,2\n", "dtype,input,output,ulperrortol\n\x1b]0;,1,1,1\n"):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(SpecErrors) as caught:  # click strips them only where nobody looks
            read_golden(file, SPECS["sigmoid"], {}, FLOAT32)
        assert "\x1b" not in str(caught.value)


def test_pickles_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "set.npz"
    np.savez(file, x=np.array([print], object), expected=np.array([1.0]))
    assert main(["audit", "--goldens", str(file), "--function", "sigmoid"]) == 2
    assert "not an npz file that can be read" in capsys.readouterr().err


def npz(file: Path, shape: str) -> None:
    """Write two numbers whose header says that they have some shape."""
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    array = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(8)
    with zipfile.ZipFile(file, "w") as archive:
        for name in ("x", "expected"):
            archive.writestr(f"{name}.npy", array)


def test_a_shape_that_no_array_can_have_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    npz(tmp_path / "set.npz", "(99999999999999999999,)")
    assert main(["audit", "--goldens", str(tmp_path / "set.npz"), "--function", "sigmoid"]) == 2
    assert "not an npz file that can be read" in capsys.readouterr().err


def test_a_file_of_python_2_is_read_in_silence(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    npz(tmp_path / "set.npz", "(2L,)")
    (golden,) = read_golden(tmp_path / "set.npz", SPECS["sigmoid"], {}, None)
    assert golden.inputs["x"].shape == (2,)
    assert not recwarn.list


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more", b"\x00" * 100])
def test_a_file_that_is_no_archive_is_told(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "set.npz"
    file.write_bytes(content)
    assert main(["audit", "--goldens", str(file), "--function", "sigmoid"]) == 2
    assert "not an npz file that can be read" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"x": [1.0]}, "no array is called 'expected' or 'gradient'"),
        ({"x": [1.0], "expected": [1.0, 2.0]}, "the function gives [1]"),
        ({"expected": [1.0]}, "nothing is called 'x'"),
        ({"y": [1.0], "expected": [1.0]}, "'y' is not an input"),
    ],
)
def test_arrays_that_do_not_fit_are_told(
    arrays: dict[str, list[float]],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "set.npz"
    np.savez(file, **{name: np.array(values) for name, values in arrays.items()})  # type: ignore[arg-type]
    assert main(["audit", "--goldens", str(file), "--function", "sigmoid"]) == 2
    assert said in capsys.readouterr().err


# Rounding.


@every_format
@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_a_float64_is_rounded_as_the_format_rounds_it(format: Format, value: float) -> None:
    assert round_ball(flint.arb(value), format) == float(format.round(np.array(value)))


@given(bits=st.integers(0, 2**16 - 1))
@pytest.mark.parametrize("format", [FLOAT16, BFLOAT16], ids=["float16", "bfloat16"])
def test_a_tie_goes_to_even_and_a_hair_decides_it(format: Format, bits: int) -> None:
    low = float(format.widen(format.from_bits(np.array([bits])))[0])
    if not math.isfinite(low) or low < 0 or low >= format.largest:
        return
    high = float(format.from_ordinal(np.array([int(format.ordinal(np.array([low]))[0]) + 1]))[0])
    middle = (flint.arb(low) + flint.arb(high)) / 2
    assert round_ball(middle, format) == (low if bits % 2 == 0 else high)
    with precision(400):
        hair = (flint.arb(high) - flint.arb(low)) / flint.arb(2) ** 200
        assert round_ball(middle + hair, format) == high
        assert round_ball(middle - hair, format) == low


def test_a_ball_that_holds_a_tie_is_open() -> None:
    assert math.isnan(round_ball(flint.arb(1.0, 1e-20) + flint.arb(2.0**-24), FLOAT32))


def test_beyond_the_format_is_infinity() -> None:
    assert round_ball(flint.arb(10) ** 400, FLOAT64) == math.inf
    assert round_ball(-flint.arb(1e39), FLOAT32) == -math.inf


@every_format
def test_a_decimal_is_rounded_once(format: Format) -> None:
    # just above a tie that float64 cannot tell from the tie
    tie = 1 + format.unit_roundoff
    if format is FLOAT64:
        return
    assert number(f"{tie:.40f}"[:30] + "0" * 30 + "1", format) == 1 + format.eps
    assert number(f"{tie:.40f}", format) == 1.0
    assert number("nan", format) != number("nan", format)
    assert number("-inf", format) == -math.inf
