"""The results file of a sweep while it grows: a header, and a line for every part that is done.

A sweep that was killed goes on from there; one that ends is written once more, without its parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

from trysquare.errors import UsageError
from trysquare.record import FunctionRecord, Header
from trysquare.result import Check, Result
from trysquare.results_file import Line, ResultsWriter, line
from trysquare.sweep.segment import Part
from trysquare.unfinished import resumable


class Journal:
    """Parts in a file, or in memory alone where there is no path.

    With `resume` those that the file holds are kept. Raises UsageError if it is the file of
    another sweep, or of one that has ended.
    """

    def __init__(self, path: Path | None, header: Header, *, resume: bool) -> None:
        self._path, self._header = path, header
        self.parts: list[Part] = []
        self._writer = None if path is None else ResultsWriter(path, fresh=not resume)
        if path is None or self._writer is None:
            return
        try:
            kept = self._kept(path) if resume else 0
        except BaseException:
            self._writer.__exit__()
            raise
        self._writer.keep(kept)
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

    def finish(self, found: Sequence[Line]) -> None:
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

    def _kept(self, path: Path) -> int:
        """Take over the parts of the file; return how many lines of it stay."""
        lines = 0
        for number, record in resumable(path, self._header):
            match record:
                case Header():
                    self._header = record
                case Part():
                    if not record.refused:  # whoever has no answer is asked again
                        self.parts.append(record)
                case FunctionRecord() | Result(check=Check.SWEEP):
                    pass  # of parts that were merged; made again at the end
                case _:
                    raise UsageError(f"{path}:{number}: this is not the file of a sweep")
            lines = number
        return lines

    @property
    def header(self) -> Header:
        """The header of the file: that of the beginning."""
        return self._header
