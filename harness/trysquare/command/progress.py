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


def paced(done: Iterable[int], total: int, stream: TextIO) -> Iterator[int]:
    """Pass on how many numbers are done at a time, and show rate and time left."""
    return _live_pace(done, total, stream) if stream.isatty() else _logged_pace(done, total, stream)


def _logged_pace(done: Iterable[int], total: int, stream: TextIO) -> Iterator[int]:
    begun = told = monotonic()
    swept = 0
    for count in done:
        swept += count
        yield count
        now = monotonic()
        if now - told >= MINUTE:
            told = now
            rate = swept / (now - begun)
            left = (total - swept) / rate
            words = f"{swept / 1e6:,.0f} of {total / 1e6:,.0f} million numbers"
            stream.write(f"{words}, {rate / 1e6:,.0f} million a second, {left:.0f} s left\n")
            stream.flush()


def _live_pace(done: Iterable[int], total: int, stream: TextIO) -> Iterator[int]:
    # costs 0.1 s, and a log never needs it
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}", markup=False),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(file=stream), transient=True) as progress:
        task = progress.add_task("", total=total, rate="")
        begun, swept = monotonic(), 0
        for count in done:
            swept += count
            rate = swept / (monotonic() - begun)
            progress.update(task, completed=swept, rate=f"{rate / 1e6:,.0f} million a second")
            yield count


def _counted(results: Iterable[Result]) -> Iterator[tuple[int, Result]]:
    """Yield how many groups have begun, and the result."""
    seen = set()
    for result in results:
        seen.add((result.function, result.check, result.dtype, result.target))
        yield len(seen), result
