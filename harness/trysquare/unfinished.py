"""A results file whose run did not end: is it of the same run, and what of it is kept?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from trysquare.errors import UsageError
from trysquare.record import Footer, FunctionRecord, Header
from trysquare.result import Result
from trysquare.results_file import Line, ResultsWriter, whole
from trysquare.sweep.segment import Part

DIFFERENT = {
    "trysquare": "another version of trysquare",
    "specs": "other specs",
    "targets": "other targets",
    "environment": "another environment",
    "seed": "another seed",
    "shard": "another shard",
    "plan": "other cases",
}
"""How two headers may differ."""

BEGINNING = b'{"type":"header",'
ANEW = "without --resume it is begun anew"


class Unfinished:
    """The file of a run, held by this process, and cut after the last group that is whole.

    `functions` and `results` are what stays; `groups` counts those, of the names of all `asked` in
    their order, that need not be asked again. Raises UsageError if somebody else writes the file,
    if it is that of another run or no results file at all, and if its run has ended.
    """

    def __init__(self, path: Path, header: Header, asked: Sequence[str]) -> None:
        self.writer = ResultsWriter(path, fresh=False)
        try:
            self.header = header
            self.functions: tuple[FunctionRecord, ...] = ()
            self.results: tuple[Result, ...] = ()
            self.groups = 0
            lines = self._read(path, header, asked)
        except BaseException:
            self.writer.__exit__()
            raise
        self.writer.keep(lines)

    def _read(self, path: Path, header: Header, asked: Sequence[str]) -> int:
        """Take over what stays; return how many lines that is."""
        first = header
        found: list[tuple[int, Result]] = []
        functions: list[FunctionRecord] = []
        for number, item in resumable(path, header):
            match item:
                case Header():
                    first = item
                case FunctionRecord():
                    functions.append(item)
                case Result():
                    found.append((number, item))
                case Part():
                    raise UsageError(f"{path}:{number}: this is the file of a sweep")
        if not found:  # the functions may not all be there
            return 0
        self.header, self.functions = first, tuple(functions)
        self.groups = self._whole_groups(path, found, asked)
        last = asked[self.groups]
        self.results = tuple(result for _, result in found if _group(result) != last)
        return next(number for number, result in found if _group(result) == last) - 1

    def _whole_groups(
        self, path: Path, found: Sequence[tuple[int, Result]], asked: Sequence[str]
    ) -> int:
        """Return the place of the last group in the file, whose results may not all be there."""
        places = {name: place for place, name in enumerate(asked)}
        place = 0
        for number, result in found:
            before, place = place, places.get(_group(result), -1)
            if place < before:
                what = (
                    f"{result.id} is not asked here" if place < 0 else "not in the order of a run"
                )
                raise UsageError(f"{path}:{number}: {what}: two runs are mixed in this file")
        return place


def resumable(path: Path, header: Header) -> Iterator[tuple[int, Line]]:
    """Yield the records of a run with the same header; UsageError if there is nothing to resume.

    Nothing comes of a file that was killed before its first line.
    """
    if not _begun(path):
        return
    found = [*whole(path)]
    for number, item in found:
        if isinstance(item, Header) and (why := _difference(item, header)):
            raise UsageError(f"{path}:{number}: not the same run: {why}; {ANEW}")
        if isinstance(item, Footer):
            raise UsageError(f"{path}:{number}: this run has ended; there is nothing to resume")
    yield from found


def _begun(path: Path) -> bool:
    """Whether there is a whole line, or else something that is not our own first one."""
    if not path.is_file():
        return True  # whoever reads it says what it is
    with path.open("rb") as file:
        first = file.readline(1 << 20)
    return bool(first) and (first.endswith(b"\n") or not first.startswith(BEGINNING))


def _difference(kept: Header, now: Header) -> str:
    """Say why two headers are not of one run; nothing if they are."""
    if replace(kept, started="") == replace(now, started=""):
        return ""
    name = next(name for name in DIFFERENT if getattr(kept, name) != getattr(now, name))
    if name != "environment":
        return DIFFERENT[name]
    keys = sorted({*kept.environment, *now.environment})
    fact = next(key for key in keys if kept.environment.get(key) != now.environment.get(key))
    before, after = (one.environment.get(fact, "unknown") for one in (kept, now))
    return f"{DIFFERENT[name]}: {fact} was {before} and is {after}"


def _group(result: Result) -> str:
    return "/".join(result.id.split("/")[:3])
