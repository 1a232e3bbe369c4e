"""The engine of this machine: a few processes of the standard library's, a runner in each."""

from __future__ import annotations

import math
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

from trysquare.engines.engine import Ended, Event, Hire, Lost, Outfit, Runner
from trysquare.errors import Unfit
from trysquare.workers.lifeline import end_with_parent


class Local:
    """So many processes at a time."""

    def __init__(self, outfit: Outfit, processes: int) -> None:
        self._outfit, self._processes = outfit, processes
        self._runners = self._started()
        self._tickets: dict[Future[Any], int] = {}

    @property
    def room(self) -> int:
        """Twice as many as processes: none of them waits for its next job."""
        return 2 * self._processes

    @property
    def seconds(self) -> float:
        """As long as it takes: what hangs are backends, and they are dealt with in the process."""
        return math.inf

    def submit(self, ticket: int, job: Any) -> None:
        """Take a job."""
        try:
            future = self._runners.submit(_work, job)
        except BrokenProcessPool:  # the jobs that it had are told of one by one
            self._runners = self._started()
            future = self._runners.submit(_work, job)
        self._tickets[future] = ticket

    def events(self, seconds: float) -> Sequence[Event]:
        """Return answers; an exception of a runner is raised here."""
        done = wait(self._tickets, seconds, FIRST_COMPLETED).done
        return [_event(self._tickets.pop(future), future) for future in done]

    def cancel(self, ticket: int) -> None:
        """Forget a job; runners end by themselves."""
        self._tickets = {one: other for one, other in self._tickets.items() if other != ticket}

    def close(self) -> None:
        """End the processes."""
        self._runners.shutdown(cancel_futures=True)

    def _started(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            self._processes, get_context("spawn"), initializer=_begin, initargs=(self._outfit,)
        )


def hire(processes: int) -> Hire:
    """Return what starts this engine."""

    @contextmanager
    def hired(outfit: Outfit) -> Iterator[Local]:
        engine = Local(outfit, processes)
        try:
            yield engine
        finally:
            engine.close()

    return hired


def _event(ticket: int, future: Future[Any]) -> Event:
    try:
        return Ended(ticket, future.result())
    except BrokenProcessPool:
        return Lost(ticket, "a process of this machine that did jobs has died")
    except Unfit as error:
        return Lost(ticket, str(error))


_OUTFITS: list[Outfit] = []
_STARTED: list[Runner] = []


def _begin(outfit: Outfit) -> None:
    """Make this process a runner, which ends when the one that started it is gone."""
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started it decides when to stop
    _OUTFITS.append(outfit)
    _STARTED.append(outfit.runner())


def _work(job: Any) -> Any:
    """Do a job in this process."""
    try:
        return _STARTED[0].run(job)
    except Unfit:  # the next job has workers of its own
        _STARTED.pop().close()
        _STARTED.append(_OUTFITS[0].runner())
        raise
