"""What a golden pack says of its files: the manifest, both ways, and its JSON Schema."""

from __future__ import annotations

import hashlib
import json
import math
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from trysquare.errors import UsageError
from trysquare.record import Json
from trysquare.record_form import MisfitError, decode, describe, encode
from trysquare.spec import Value

FORMAT = 1
"""The version of the layout that `docs/golden-packs.md` describes."""

NAME = "manifest.json"

TYPES = {"float64": "<f8", "float32": "<f4", "float16": "<f2", "bfloat16": "<u2"}
"""NumPy's names of the elements of a dtype in a pack: little-endian, bfloat16 as bit patterns."""

_NAME = re.compile(r"[\w.+-]+(/[\w.+-]+)*", re.ASCII)
_PATTERN = re.compile(r"0x[0-9a-f]{4,16}")

LARGEST = 1 << 30
"""Bytes of a file that is read."""


class Kind(StrEnum):
    """Which inputs a set holds."""

    EXHAUSTIVE = "exhaustive"
    STRATIFIED = "stratified"
    HARD = "hard to round"
    POINTS = "points"
    ROWS = "rows"
    REDUCED = "reduced"


class Encoding(StrEnum):
    """What the elements of a file are."""

    NUMBERS = "numbers"
    PATTERNS = "bit patterns"
    FLAGS = "flags"


class Extra(StrEnum):
    """A result that is accepted though it is not between `lowest` and `highest`."""

    NAN = "nan"
    PLUS_INFINITY = "inf"
    MINUS_INFINITY = "-inf"


FLAGS = {Extra.NAN: 1, Extra.PLUS_INFINITY: 2, Extra.MINUS_INFINITY: 4}
"""The bits of the file `extras`."""


@dataclass(frozen=True)
class File:
    """A .npy file, its path from the manifest; `npy` is NumPy's name of the element type."""

    path: str
    sha256: str
    shape: tuple[int, ...]
    count: int
    npy: str
    encoding: Encoding


@dataclass(frozen=True)
class Tensor:
    """An input of a call."""

    name: str
    file: File


@dataclass(frozen=True)
class Undecided:
    """An element whose rounding is not known: its index in C order.

    The candidates are the bit patterns of the least and the greatest number that may be right.
    """

    index: int
    candidates: tuple[str, str]


@dataclass(frozen=True)
class Answer:
    """The correctly rounded answers to one question: the value, or the derivative by one input.

    `lowest` and `highest` are the numbers between which the spec's tolerance accepts a result,
    `extras` which of NaN and the infinities it accepts besides, `also` other answers that are as
    right as the first (where there is none, the same as the first).
    """

    name: str
    wrt: str
    answer: File
    lowest: File
    highest: File
    extras: File | None
    also: tuple[File, ...]
    undecided: tuple[Undecided, ...]

    @property
    def files(self) -> Iterator[File]:
        """Every file of this answer."""
        yield from (self.answer, self.lowest, self.highest, *self.also)
        if self.extras is not None:
            yield self.extras


@dataclass(frozen=True)
class SpecFile:
    """The spec that the answers follow from; its path from the folder of the specs."""

    path: str
    sha256: str


@dataclass(frozen=True)
class Questions:
    """The same inputs and parameters for one or more answers; no cotangent means ones."""

    name: str
    function: str
    spec: SpecFile
    formula: Mapping[str, str]
    parameters: Mapping[str, Value]
    dtype: str
    kind: Kind
    holds: str
    seed: int
    inputs: tuple[Tensor, ...]
    cotangent: File | None
    answers: tuple[Answer, ...]

    @property
    def files(self) -> Iterator[File]:
        """Every file of these questions."""
        yield from (tensor.file for tensor in self.inputs)
        if self.cotangent is not None:
            yield self.cotangent
        for answer in self.answers:
            yield from answer.files


@dataclass(frozen=True)
class Manifest:
    """A whole pack."""

    format: int
    trysquare: str
    sets: tuple[Questions, ...]


def text(manifest: Manifest) -> str:
    """Return the manifest as JSON, the same text for the same pack."""
    return json.dumps(encode(manifest, Manifest), indent=1, allow_nan=False) + "\n"


def read(pack: Path) -> Manifest:
    """Return the manifest of a pack, given its folder or the manifest itself.

    Raises UsageError for a file that cannot be read or is no manifest.
    """
    path = pack / NAME if pack.is_dir() else pack
    data = content(path)
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        raise UsageError(f"{path}: not a manifest: not JSON") from None
    if isinstance(found, dict) and type(found.get("format")) is int and found["format"] != FORMAT:
        known = f"this version reads {FORMAT}"
        raise UsageError(f"{path}: a pack of the format {found['format']}; {known}")
    try:
        manifest: Manifest = decode(found, Manifest)
    except MisfitError as error:
        raise UsageError(f"{path}: not a manifest: {error}") from None
    for flaw in _flaws(manifest):
        raise UsageError(f"{path}: not a manifest: {flaw}")
    return manifest


def schema() -> Json:
    """Return the JSON Schema (draft 7) of a manifest."""
    definitions: Json = {}
    describe(Manifest, definitions)
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "The manifest of a Trysquare golden pack",
        "allOf": [
            {"$ref": "#/definitions/Manifest"},
            {"properties": {"format": {"const": FORMAT}}},
        ],
        "definitions": definitions,
    }


def content(path: Path) -> bytes:
    """Return what is in a file; UsageError if it cannot be read, is too large, or a pipe."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):  # opening a pipe would wait for its other end
            raise UsageError(f"{path}: cannot be read: not a regular file")
        if found.st_size > LARGEST:
            raise UsageError(f"{path}: cannot be read: it has more than {LARGEST} bytes")
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None


def digest(data: bytes) -> str:
    """Return the SHA-256 of a file's content, as hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def _flaws(manifest: Manifest) -> Iterator[str]:
    """Yield what is wrong beyond types: names that lead elsewhere, numbers that do not fit."""
    for questions in manifest.sets:
        words = (questions.name, questions.function, questions.spec.path)
        names = [answer.name for answer in questions.answers]
        for word in (*words, *names, *(tensor.name for tensor in questions.inputs)):
            if not _NAME.fullmatch(word) or ".." in word.split("/"):
                yield f"{word[:60]!r} is no name"
        if questions.dtype not in TYPES:
            yield f"{questions.dtype[:60]!r} is none of {', '.join(TYPES)}"
        for file in questions.files:
            if not _NAME.fullmatch(file.path) or ".." in file.path.split("/"):
                yield f"{file.path[:60]!r} is no file of this pack"
            if math.prod(file.shape) != file.count or min(file.shape, default=0) < 0:
                yield f"{file.path} counts {file.count} elements of {list(file.shape)}"
        for answer in questions.answers:
            yield from _flaws_of(answer, TYPES[questions.dtype])


def _flaws_of(answer: Answer, npy: str) -> Iterator[str]:
    for file in answer.files:
        if file.npy != ("|u1" if file is answer.extras else npy):
            yield f"{file.path} cannot hold {file.npy[:60]!r}"
        if file.shape != answer.answer.shape:
            yield f"{file.path} has another shape than {answer.answer.path}"
    for unknown in answer.undecided:
        if not 0 <= unknown.index < answer.answer.count:
            yield f"{answer.name} has no element {unknown.index}"
        if not all(_PATTERN.fullmatch(pattern) for pattern in unknown.candidates):
            yield f"the candidates of {answer.name} are no bit patterns"
