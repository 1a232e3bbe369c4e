"""The arrays of a pack and those that it judges: .npy files read with suspicion, bits to numbers.

Knows no format beyond NumPy's own; bfloat16 is the upper half of float32.
"""

from __future__ import annotations

import io
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any

import numpy as np

from trysquare.errors import UsageError
from trysquare.packs.manifest import File, content, digest

Array = np.ndarray[Any, np.dtype[Any]]

_UNREADABLE = (
    OSError, ValueError, EOFError, KeyError, RuntimeError, MemoryError, SyntaxError, TypeError,
    OverflowError, TokenError, zlib.error, zipfile.BadZipFile,
)  # fmt: skip
"""What NumPy and zipfile raise on files that are not theirs, encrypted or cut off."""


def load(folder: Path, file: File) -> Array:
    """Return an array of a pack; UsageError if it is not the one that the manifest means."""
    path = folder / file.path
    data = content(path)
    if digest(data) != file.sha256:
        raise UsageError(f"{path}: is not the file of the manifest: its SHA-256 differs")
    return _array(io.BytesIO(data), str(path), file)


@dataclass(frozen=True)
class Outputs:
    """Arrays to be judged: in a folder, in an .npz, or a single one."""

    path: Path
    archive: zipfile.ZipFile | None

    @staticmethod
    @contextmanager
    def open(path: Path) -> Iterator[Outputs]:
        """Open them; UsageError for a path that holds none."""
        if not path.exists():
            raise UsageError(f"{path}: there is no such file or folder")
        if path.is_dir() or path.suffix == ".npy":
            yield Outputs(path, None)
            return
        try:
            if not path.is_file():  # opening a pipe would wait for its other end
                raise OSError
            archive = zipfile.ZipFile(path)
        except _UNREADABLE:
            raise UsageError(f"{path}: neither a folder nor an .npz nor an .npy file") from None
        with archive:
            yield Outputs(path, archive)

    def chosen(self, names: Sequence[str]) -> Sequence[str]:
        """Return which answers are to be judged: all, or the one that a single file is called by.

        Raises UsageError if that is none, or not a single one.
        """
        if self.archive is not None or self.path.is_dir():
            return names
        parts = self.path.resolve().with_suffix("").parts
        for length in range(len(parts), 0, -1):
            tail = list(parts[-length:])
            found = [name for name in names if name.split("/")[-length:] == tail]
            if found:
                break
        if len(found) == 1:
            return found
        if not found:
            raise UsageError(f"{self.path}: no answer of the pack is called {parts[-1]}")
        several = f"{found[0]}, {found[1]}{' ...' if found[2:] else ''}"
        raise UsageError(f"{self.path}: could be any of {several}; put it into such a folder")

    def array(self, name: str, file: File) -> Array:
        """Return the output of one answer; UsageError if it is missing or does not fit."""
        if self.archive is not None:
            where = f"{self.path}: {name}"
            try:
                with self.archive.open(f"{name}.npy") as stream:
                    return _array(stream, where, file)
            except KeyError:
                raise UsageError(f"{where}: is missing") from None
            except _UNREADABLE as error:
                raise UsageError(f"{where}: cannot be read: {error}") from None
        path = self.path / f"{name}.npy" if self.path.is_dir() else self.path
        if not path.is_file():
            raise UsageError(f"{path}: is missing")
        try:
            with path.open("rb") as stream:
                return _array(stream, str(path), file)
        except OSError as error:
            raise UsageError(f"{path}: cannot be read: {error.strerror}") from None


def _array(stream: IO[bytes], where: str, file: File) -> Array:
    """Read an array, flat in C order, of the shape and type of a file, and of nothing else.

    The header is compared before anything is read that it promises; objects are never unpickled.
    """
    try:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_2_0
        if version == (1, 0):
            read = np.lib.format.read_array_header_1_0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of files that Python 2 has written
            shape, fortran, dtype = read(stream)
    except _UNREADABLE as error:
        first = str(error).splitlines()[0] if str(error) else "its header is damaged"
        raise UsageError(f"{where}: not an .npy file: {first}") from None
    if dtype.str != file.npy:
        raise UsageError(f"{where}: holds {dtype.str}, not {file.npy} ({file.encoding})")
    if shape != file.shape:
        raise UsageError(f"{where}: has the shape {list(shape)}, not {list(file.shape)}")
    size = file.count * dtype.itemsize
    data = stream.read(size + 1)
    if len(data) != size:
        more = "more" if len(data) > size else "fewer"
        raise UsageError(f"{where}: has {more} than the {size} bytes of its shape")
    array = np.frombuffer(data, dtype)
    return array.reshape(shape, order="F" if fortran else "C").ravel()


def numbers(array: Array, dtype: str) -> Array:
    """Return the numbers of an array of a pack as float64, which holds them exactly."""
    if dtype == "bfloat16":
        array = (array.astype(np.uint32) << 16).view(np.float32)
    with np.errstate(invalid="ignore"):  # a signalling NaN
        return array.astype(np.float64)


def patterns(values: Array, dtype: str) -> Array:
    """Return the bit patterns of float64 values that are numbers of a format, as uint64."""
    if dtype == "bfloat16":
        return (values.astype(np.float32).view(np.uint32) >> 16).astype(np.uint64)
    native = values.astype(np.dtype(dtype))
    return native.view(f"u{native.itemsize}").astype(np.uint64)


def ordinals(values: Array, dtype: str) -> Array:
    """Number the values of a format by size, as int64; both zeros are 0."""
    return np.where(np.signbit(values), -1, 1) * patterns(np.abs(values), dtype).astype(np.int64)


def spacing(values: Array, dtype: str) -> Array:
    """Return the distance to the next number of the format, away from zero; finite values."""
    bits = patterns(np.abs(values), dtype)
    above, here = _of_patterns(bits + np.uint64(1), dtype), _of_patterns(bits, dtype)
    below = _of_patterns(np.maximum(bits, np.uint64(1)) - np.uint64(1), dtype)
    with np.errstate(invalid="ignore"):
        return np.where(np.isinf(above), here - below, above - here)


def number(pattern: str, dtype: str) -> float:
    """Return the number of a bit pattern, written in hexadecimal."""
    return float(_of_patterns(np.array([int(pattern, 16)], np.uint64), dtype)[0])


def hexadecimal(array: Array, place: int) -> str:
    """Return the bit pattern of one element of an array of a pack, such as `0xc402`."""
    element = array[place : place + 1]
    pattern = int(element.view(f"<u{element.itemsize}")[0])
    return f"0x{pattern:0{2 * element.itemsize}x}"


def _of_patterns(bits: Array, dtype: str) -> Array:
    if dtype == "bfloat16":
        return numbers(bits, dtype)
    size = np.dtype(dtype).itemsize
    return numbers(bits.astype(f"u{size}").view(dtype), dtype)
