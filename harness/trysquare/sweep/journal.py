"""The results file of a sweep while it grows: a header, and a line for every part that is done.

A sweep that was killed goes on from there; one that ends is written once more, without its parts.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

from trysquare.errors import UsageError
from trysquare.result import Header, Record
from trysquare.results_file import ResultsWriter, line, records
from trysquare.sweep.segment import Part


class Journal:
    """Parts in a file, or in memory alone where there is no path.

    With `resume` those that the file holds are kept. Raises UsageError if it is the file of
    another sweep, or of one that has ended.
    """

    def __init__(self, path: Path | None, header: Header, *, resume: bool) -> None:
        self._path, self._header = path, header
        self.parts: list[Part] = []
        self._writer: ResultsWriter | None = None
        kept = self._kept() if resume and path is not None and path.exists() else 0
        if path is not None:
            self._writer = ResultsWriter(path, kept=kept)
            if not kept:
                self._writer.write(header)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.__exit__(*_)

    def add(self, part: Part) -> None:
        """Keep what is done."""
        self.parts.append(part)
        if self._writer is not None:
            self._writer.write(part)

    def finish(self, found: Sequence[Record]) -> None:
        """Replace the file by the records of the whole sweep, at once."""
        if self._path is None:
            return
        whole = self._path.with_name(f"{self._path.name}.part")
        try:
            whole.write_text("".join(f"{line(record)}\n" for record in found), encoding="ascii")
            whole.replace(self._path)
        except OSError as error:
            whole.unlink(missing_ok=True)
            raise UsageError(f"{self._path}: cannot be written: {error.strerror}") from None

    def _kept(self) -> int:
        """Read the parts of the file; return how many bytes of it are whole lines."""
        path = self._path
        if path is None:
            return 0
        for number, record in records(path):
            match record:
                case Header() if _same(record, self._header):
                    self._header = record
                case Header():
                    raise UsageError(f"{path}:{number}: {_difference(record, self._header)}")
                case Part():
                    self.parts.append(record)
                case _:
                    raise UsageError(
                        f"{path}:{number}: this run has ended; there is nothing to resume"
                    )
        return _whole_lines(path)

    @property
    def header(self) -> Header:
        """The header of the file: that of the beginning."""
        return self._header


def _same(one: Header, other: Header) -> bool:
    return replace(one, started="") == replace(other, started="")


def _difference(one: Header, other: Header) -> str:
    """Say why two headers are not of one sweep."""
    for name in ("trysquare", "specs", "targets", "environment", "seed"):
        if getattr(one, name) != getattr(other, name):
            return f"not the same sweep: the {name} differ; without --resume it is begun anew"
    return "not the same sweep"


def _whole_lines(path: Path) -> int:
    """Return the bytes up to the last line that has an end."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        while size:
            file.seek(size - 1)
            if file.read(1) == b"\n":
                break
            size -= 1
        return size
