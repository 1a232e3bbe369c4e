"""A results file: one flushed JSON line per record, read back as a run; its JSON Schema."""

from __future__ import annotations

import gc
import json
import os
import stat
import sys
from collections import Counter
from collections.abc import Iterator
from io import FileIO
from itertools import islice
from pathlib import Path
from typing import Self

from trysquare.errors import UsageError
from trysquare.record import FORMAT, Footer, FunctionRecord, Header, Json, Record, Run
from trysquare.record_form import MisfitError, decode, describe, encode
from trysquare.result import Outcome, Result
from trysquare.sweep.segment import Part

LARGEST = 1 << 30
"""Bytes of a results file that is read."""

LONGEST = 1 << 26
"""Bytes of one line: reading it takes thirty times as many."""

Line = Record | Part
"""A record of a run, or what a sweep has finished of one."""

_KINDS: dict[str, type[Line]] = {
    "header": Header,
    "function": FunctionRecord,
    "result": Result,
    "footer": Footer,
    "part": Part,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}


class ResultsWriter:
    """A results file being written; each record is one line, in the file before `write` returns.

    What a `fresh` one held is gone; of another, `keep` says what stays. Raises UsageError if the
    file cannot be written, or if another process is writing it.
    """

    def __init__(self, path: Path, *, fresh: bool = True) -> None:
        self._path, self._count = path, 0
        self._file = self._opened()
        # not emptied before it is certain that nobody else writes it
        while self._claim():
            self._file.close()
            self._file = self._opened()
        if fresh:
            self.keep(0)

    def keep(self, lines: int) -> None:
        """Cut the file after so many lines, and go on from there."""
        descriptor = self._file.fileno()
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return
        with self._path.open("rb") as file:
            size = sum(len(text) for text in islice(file, lines) if text.endswith(b"\n"))
        os.ftruncate(descriptor, size)
        os.lseek(descriptor, size, os.SEEK_SET)
        self._count = lines

    def write(self, record: Line) -> None:
        """Append one record."""
        rest = memoryview(f"{line(record)}\n".encode("ascii"))
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            self._file.close()
            kept = f"{self._count} record{'' if self._count == 1 else 's'}"
            raise UsageError(
                f"{self._path}: cannot be written: {error.strerror}; it holds the first {kept}"
            ) from None
        self._count += 1

    def _opened(self) -> FileIO:
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o666)
        except OSError as error:
            raise UsageError(f"{self._path}: cannot be written: {error.strerror}") from None
        return FileIO(descriptor, "w")

    def _claim(self) -> bool:
        """Lock the file; tell whether another one has its name by now."""
        if sys.platform == "win32" or not stat.S_ISREG(os.fstat(self._file.fileno()).st_mode):
            return False
        import fcntl  # noqa: PLC0415 - not everywhere

        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise UsageError(f"{self._path}: another run is writing this file") from None
        except OSError:  # a file system without locks
            return False
        try:
            named = self._path.stat()
        except FileNotFoundError:
            return True
        return not os.path.samestat(named, os.fstat(self._file.fileno()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def line(record: Line) -> str:
    """Return the record as one line of ASCII JSON, without its line end."""
    kind = type(record)
    keys: Json = {"type": _NAMES[kind]}
    if kind is Header:
        keys["format"] = FORMAT
    return json.dumps(keys | encode(record, kind), allow_nan=False, separators=(",", ":"))


def record(text: str) -> Line | None:
    """Return the record of one line; None if its type is one that only newer versions know.

    Raises ValueError for what is not JSON, MisfitError for JSON that is not a record.
    """
    try:
        keys = json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(keys, dict) or not isinstance(keys.get("type"), str):
        raise MisfitError("type", "there")
    kind = _KINDS.get(keys["type"])
    if kind is Header and (keys.get("format"), type(keys.get("format"))) != (FORMAT, int):
        raise MisfitError("format", f"{FORMAT}, the one that this version reads")
    return None if kind is None else decode(keys, kind)


def read(path: Path) -> Run:
    """Return the run in a results file; `footer` is None where the run did not end.

    A truncated last line counts as never written, and a footer that counts other results than
    there are as none. Raises UsageError for a file that cannot be read or is not a results file,
    with the line that shows it.
    """
    collects = gc.isenabled()
    gc.disable()  # a million small records, and no cycle among them: a fifth of the time
    try:
        return _read(path)
    finally:
        if collects:
            gc.enable()


def _read(path: Path) -> Run:
    header: Header | None = None
    footer: Footer | None = None
    functions: list[FunctionRecord] = []
    results: list[Result] = []
    parts: list[Part] = []
    for _, item in whole(path):
        match item:
            case Header():
                header = item
            case FunctionRecord():
                functions.append(item)
            case Result():
                results.append(item)
            case Part():
                parts.append(item)
        # a run that went on after a footer has not ended there
        footer = item if isinstance(item, Footer) else None
    if header is None:
        raise UsageError(f"{path}: not a results file: it is empty")
    counts = Counter(result.outcome for result in results)
    if footer and any(footer.counts.get(outcome, 0) != counts[outcome] for outcome in Outcome):
        footer = None  # lines were lost or doubled
    return Run(header, tuple(functions), tuple(results), footer, tuple(parts))


def whole(path: Path) -> Iterator[tuple[int, Line]]:
    """Yield the records of a file of one run, its header first; UsageError if it is another's too.

    With each comes the number of its line.
    """
    names: set[str] = set()
    for number, item in records(path):
        if not names and not isinstance(item, Header):
            raise UsageError(f"{path}:{number}: not a results file: it has no header")
        match item:
            case Header() if names:
                raise UsageError(f"{path}:{number}: a second header: two runs are in this file")
            case Header():
                names = {"", *(target.target for target in item.targets)}
            case Result(target=target) if target not in names:
                where = f"{path}:{number}: a result of {target}, which the header does not name"
                raise UsageError(f"{where}: two runs are mixed in this file")
        yield number, item


def schema() -> Json:
    """Return the JSON Schema (draft 7) of one line of a results file."""
    definitions: Json = {}
    lines = []
    for name, kind in _KINDS.items():
        describe(kind, definitions)
        head: Json = {"type": {"const": name}}
        if kind is Header:
            head["format"] = {"const": FORMAT}
        body = {"$ref": f"#/definitions/{kind.__name__}"}
        lines.append({"allOf": [{"properties": head, "required": [*head]}, body]})
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A line of a Trysquare results file",
        "type": "object",
        "oneOf": lines,
        "definitions": definitions,
    }


def records(path: Path) -> Iterator[tuple[int, Line]]:
    """Yield the records of a file with the numbers of their lines; UsageError as for `read`."""
    try:
        _refuse_endless(path)
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    while lines and not lines[-1].strip():
        lines.pop()
    for number, raw in enumerate(lines, 1):
        if len(raw) > LONGEST:
            raise UsageError(f"{path}:{number}: not a results file: a line of {len(raw)} bytes")
        try:
            item = record(raw.decode("utf-8"))
        except MisfitError as error:
            raise UsageError(f"{path}:{number}: not a line of a results file: {error}") from None
        except ValueError:
            if number == len(lines) > 1:
                return
            raise UsageError(f"{path}:{number}: not a results file: not a line of JSON") from None
        if item is not None:
            yield number, item


def _refuse_endless(path: Path) -> None:
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise UsageError(f"{path}: cannot be read: not a regular file")
    if found.st_size > LARGEST:
        size = f"{found.st_size} bytes, at most {LARGEST} are read"
        raise UsageError(f"{path}: cannot be read: {size}")


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is not JSON")
