"""How far a run is: a live line on a terminal, one line a minute elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from time import monotonic
from typing import TextIO

from trysquare.result import Result

MINUTE = 60.0


def watched(results: Iterable[Result], total: int, stream: TextIO) -> Iterator[Result]:
    """Pass results on; `total` is the number of groups times targets that they belong to."""
    return _live(results, total, stream) if stream.isatty() else _log(results, total, stream)


def _log(results: Iterable[Result], total: int, stream: TextIO) -> Iterator[Result]:
    begun = told = monotonic()
    for done, result in _counted(results):
        yield result
        now = monotonic()
        if now - told >= MINUTE:
            told = now
            stream.write(f"{done} of {total} groups after {now - begun:.0f} s\n")
            stream.flush()


def _live(results: Iterable[Result], total: int, stream: TextIO) -> Iterator[Result]:
    # costs 0.1 s, and a log never needs it
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False),
    )
    with Progress(*columns, console=Console(file=stream), transient=True) as progress:
        task = progress.add_task("", total=total)
        for done, result in _counted(results):
            words = f"{result.function} {result.check} {result.dtype} {result.target}"
            progress.update(task, completed=done, description=words)
            yield result


def _counted(results: Iterable[Result]) -> Iterator[tuple[int, Result]]:
    """Yield how many groups have begun, and the result."""
    seen = set()
    for result in results:
        seen.add((result.function, result.check, result.dtype, result.target))
        yield len(seen), result
