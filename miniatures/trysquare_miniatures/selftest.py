"""Does every check catch its liars, and nobody else? Asked of Trysquare as it is installed."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import TextIO

from trysquare.command import selection
from trysquare.command.progress import watched
from trysquare.result import Check, Result
from trysquare.workers.lifeline import end_with_parent
from trysquare_miniatures.hearing import ASKING, FEW, MANY, Heard, Hearing, groups_of, hearings
from trysquare_miniatures.lies import LIES
from trysquare_miniatures.score import Score, scores

HEADS = ("check", "lies caught", "others let alone", "right answers passed", "score")
SAMPLED = (
    f"Right answers have 80 digits, which takes time: of many numbers {FEW} are asked, evenly\n"
    f"spread, and of rows and sums those of no more than {MANY:,}."
)


def selftest(names: Sequence[str], stream: TextIO) -> list[Score]:
    """Return the score of each of these checks, of all if none is named.

    Progress goes to `stream`. Raises UsageError for a name that no check has.
    """
    checks = [Check(name) for name in selection.members(names, ASKING, "check")]
    asked = groups_of(selection.specs(()), checks)
    waiting = tuple(hearings(asked))
    heard: list[Heard] = []
    total = sum(len(names) for hearing in waiting for _, names in hearing.questions)
    deque(watched(_results(waiting, heard), total, stream), maxlen=0)
    return scores(asked, checks, heard)


def _results(waiting: Sequence[Hearing], heard: list[Heard]) -> Iterator[Result]:
    """Hold the hearings, one more at a time than there are processors: some only wait."""
    processes, apart = (os.cpu_count() or 1) + 1, get_context("spawn")
    with ProcessPoolExecutor(processes, apart, initializer=end_with_parent) as courts:
        try:
            for done in as_completed([courts.submit(hearing.held) for hearing in waiting]):
                heard.append(done.result())
                yield from heard[-1].results
        finally:
            courts.shutdown(cancel_futures=True)


def page(scores: Sequence[Score]) -> Iterator[str]:
    """Yield the lines that tell the scores, and everything that is not as it should be."""
    rows = [HEADS, *(_row(score) for score in scores)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for head, *cells in rows:
        padded = (cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
        yield "  ".join((head.ljust(widths[0]), *padded))
    yield ""
    yield f"{len({lie.liar for lie in LIES})} liars, and one backend that is right."
    yield SAMPLED
    for score in scores:
        for share in score.shares:
            yield from (f"✗ {fault}" for fault in share.faults)


def _row(score: Score) -> tuple[str, ...]:
    return (score.check, *map(str, score.shares), f"{score.percent} %")
