"""Other people's expected values: CSV and npz files -> inputs and expectations, with their places.

Numbers in a CSV are decimal, hexadecimal floats, or bit patterns of the dtype; NumPy's own
validation sets (columns dtype, input, output, ulperrortol) are read as they are.
"""

from __future__ import annotations

import csv
import math
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from tokenize import TokenError

import flint
import numpy as np

from trysquare.dtypes import FORMATS, Array, Format
from trysquare.errors import Mistake, SpecErrors, UsageError, suggestion
from trysquare.formula.ball import precision
from trysquare.spec import InputKind, Spec, Value
from trysquare.truth.rounding import round_ball

EXPECTED, GRADIENT, COTANGENT = "expected", "gradient", "cotangent"
NUMPY_COLUMNS = ("dtype", "input", "output", "ulperrortol")

LARGEST = 2**30
"""Bytes of a file, unpacked."""

_PATTERN = re.compile(r"0[xX][0-9a-fA-F]+")
_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_LONGEST_NUMBER = 1000
_UNREADABLE = (
    OSError, ValueError, EOFError, KeyError, RuntimeError, MemoryError, SyntaxError, TypeError,
    OverflowError, TokenError, zlib.error, zipfile.BadZipFile,
)  # fmt: skip
"""What NumPy and zipfile raise on files that are not theirs; a shape may want any memory."""
_ENOUGH = 100
"""Mistakes after which a file is not the one that was meant."""


@dataclass(frozen=True)
class Golden:
    """Expectations in one dtype; all arrays are float64.

    `lines` holds the line of each expectation in a CSV, or nothing.
    """

    format: Format
    inputs: Mapping[str, Array]
    expected: Mapping[str, Array]
    cotangent: Array | None = None
    lines: Sequence[int] = ()


def read_golden(
    path: Path, spec: Spec, parameters: Mapping[str, Value], format: Format | None
) -> tuple[Golden, ...]:
    """Return what a file expects of a function, by dtype.

    Raises UsageError for a file that cannot be read or has other names, SpecErrors with the places
    of what is no number.
    """
    kinds = {item.name: item.form({**spec.defaults, **parameters}).kind for item in spec.inputs}
    if not path.is_file():
        raise UsageError(f"{path}: {'not a file' if path.exists() else 'no such file'}")
    if path.stat().st_size > LARGEST:
        raise UsageError(f"{path}: larger than {LARGEST} bytes")
    if path.suffix == ".npz":
        return (_npz(path, spec, kinds, format),)
    return tuple(_csv(path, spec, kinds, format))


def number(text: str, format: Format) -> float:
    """Return the number of a format that a text means; a decimal is rounded to it, once.

    Raises ValueError if it is none.
    """
    text = text.strip()
    if len(text) > _LONGEST_NUMBER:
        raise ValueError("too long for a number")
    if _PATTERN.fullmatch(text):
        digits = format.width // 4
        if len(text) - 2 > digits:
            raise ValueError(f"a {format.name} has {digits} hexadecimal digits")
        return float(format.widen(format.from_bits(np.array([int(text, 16)], np.uint64)))[0])
    if _DECIMAL.fullmatch(text):
        near = float(text)
        if near == 0 or math.isinf(near):
            return near
        exact = Fraction(text)
        with precision(4096):
            ball = flint.arb(flint.fmpq(exact.numerator, exact.denominator))
            return math.copysign(round_ball(ball, format), near)
    try:
        value = float.fromhex(text) if "x" in text.lower() else float(text)
    except (ValueError, OverflowError):
        raise ValueError("not a number") from None
    if not math.isnan(value) and float(format.round(np.array(value))) != value:
        raise ValueError(f"not a number of {format.name}")
    return value


def _csv(
    path: Path, spec: Spec, kinds: Mapping[str, InputKind], format: Format | None
) -> Iterator[Golden]:
    rows = list(_rows(path))
    header = [cell.strip() for cell in rows[0][1]] if rows else []
    known = (*kinds, EXPECTED)
    if tuple(header) == NUMPY_COLUMNS:
        if len(kinds) != 1:
            raise UsageError(f"{path}: the columns are those of a function of one number")
        names = ["dtype", *kinds, EXPECTED, ""]
    else:
        names = header
        _require_names(path, names, known, {*(item.name for item in spec.required), EXPECTED})
        if format is None:
            raise UsageError(f"{path}: --dtype is needed: no column says what the numbers are")
    mistakes: list[Mistake] = []
    columns: dict[Format, dict[str, list[float]]] = {}
    lines: dict[Format, list[int]] = {}
    for line, cells in rows[1:]:
        if len(cells) != len(names):
            message = f"{len(cells)} columns, not {len(names)}"
            mistakes.append(Mistake(str(path), line, 1, message))
        else:
            found = _numbers(path, line, dict(zip(names, cells, strict=True)), format, mistakes)
            if found is not None:
                into = columns.setdefault(found[0], {name: [] for name in found[1]})
                lines.setdefault(found[0], []).append(line)
                for name, value in found[1].items():
                    into[name].append(value)
        if len(mistakes) >= _ENOUGH:
            break
    if mistakes:
        raise SpecErrors(mistakes)
    for each, values in columns.items():
        arrays = {name: np.array(column) for name, column in values.items()}
        inputs = {name: array for name, array in arrays.items() if name != EXPECTED}
        yield Golden(each, inputs, {EXPECTED: arrays[EXPECTED]}, lines=lines[each])


def _numbers(
    path: Path, line: int, cells: dict[str, str], wanted: Format | None, mistakes: list[Mistake]
) -> tuple[Format, dict[str, float]] | None:
    """Return the numbers of a line by column; None for another dtype, or after a mistake."""
    stated = cells.pop("dtype", "").strip().removeprefix("np.")
    cells.pop("", None)
    format = FORMATS.get(stated) if stated else wanted
    if format is None:
        hint = suggestion(stated, FORMATS) or ", ".join(FORMATS)
        mistakes.append(Mistake(str(path), line, 1, f"'{_shown(stated)}' is no dtype", hint=hint))
        return None
    if wanted not in (None, format):
        return None
    found = {}
    for name, text in cells.items():
        try:
            found[name] = number(text, format)
        except ValueError as error:
            message = f"{name} '{_shown(text)}': {error}"
            mistakes.append(Mistake(str(path), line, 1, message))
            return None
    return format, found


def _shown(text: str) -> str:
    """Return the beginning of a cell without what a terminal would obey."""
    return "".join(c if c.isprintable() else " " for c in text.strip()[:80])


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the lines of a CSV that are neither empty nor comments, with their numbers."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            for cells in reader:
                if any(cell.strip() for cell in cells) and not cells[0].lstrip().startswith("#"):
                    yield reader.line_num, cells
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from None


def _npz(path: Path, spec: Spec, kinds: Mapping[str, InputKind], format: Format | None) -> Golden:
    arrays = _arrays(path)
    known = (*kinds, EXPECTED, GRADIENT, COTANGENT)
    _require_names(path, arrays, known, {item.name for item in spec.required})
    answers = [name for name in (EXPECTED, GRADIENT) if name in arrays]
    if not answers:
        raise UsageError(f"{path}: no array is called '{EXPECTED}' or '{GRADIENT}'")
    own = FORMATS.get(arrays[answers[0]].dtype.name)
    chosen = format or own
    if chosen is None:
        raise UsageError(f"{path}: --dtype is needed: '{answers[0]}' has no float dtype")
    wide = {
        name: array.astype(np.float64)
        if kinds.get(name) is InputKind.INDEX
        else _widened(path, name, array, chosen)
        for name, array in arrays.items()
    }
    return Golden(
        chosen,
        {name: wide[name] for name in wide if name in kinds},
        {name: wide[name] for name in answers},
        wide.get(COTANGENT),
    )


def _arrays(path: Path) -> dict[str, Array]:
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(item.file_size for item in archive.infolist()) > LARGEST:
                raise UsageError(f"{path}: unpacks to more than {LARGEST} bytes")
        with warnings.catch_warnings(), np.load(path, allow_pickle=False) as archive:
            warnings.simplefilter("ignore")  # of files that Python 2 has written
            arrays = {name: archive[name] for name in archive.files}
    except _UNREADABLE as error:
        first = _shown(str(error).partition("\n")[0])
        raise UsageError(f"{path}: not an npz file that can be read: {first}") from None
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):  # NumPy gives what is no .npy as bytes
            raise UsageError(f"{path}: '{_shown(name)}' is no array")
    return arrays


def _widened(path: Path, name: str, array: Array, format: Format) -> Array:
    """Return numbers of a format as float64; unsigned integers are its bit patterns."""
    # NumPy writes a dtype that is not its own as bytes without a meaning
    foreign = array.dtype.kind == "V" and array.dtype.itemsize == format.numpy.itemsize
    if array.dtype == format.bits or foreign:
        return format.widen(format.from_bits(np.ascontiguousarray(array).view(format.bits)))
    if array.dtype.name != format.name:
        raise UsageError(f"{path}: '{name}' is {array.dtype}, not {format.name}")
    return format.widen(array)


def _require_names(
    path: Path, names: Sequence[str] | Mapping[str, Array], known: Sequence[str], needed: set[str]
) -> None:
    for name in names:
        if name not in known:
            hint = suggestion(name, known) or f"there are {', '.join(known)}"
            raise UsageError(f"{path}: '{_shown(name)}' is not an input; {hint}")
    for name in sorted(needed - set(names)):
        raise UsageError(f"{path}: nothing is called '{name}'")
