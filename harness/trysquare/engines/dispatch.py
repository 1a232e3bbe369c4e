"""Jobs -> answers, by an engine that is not trusted.

It may lose a job, answer one twice or with the answer to another, and never be heard of again. Each
job is answered once, or asked once more, or told of as lost.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, Generic, TypeVar

from trysquare.engines.engine import Begun, Ended, Engine, Event, Lost
from trysquare.errors import LostError

J = TypeVar("J")
A = TypeVar("A")

TRIES = 2
"""A machine may go down with a job; a job that goes down with a second one is not asked again."""

LOOK_SECONDS = 1.0


@dataclass
class _Flight(Generic[J]):
    """A job that an engine has, for which time, and since when it is worked at or waits."""

    number: int
    job: J
    tries: int
    since: float
    begun: bool = False


class Dispatch(Generic[J, A]):
    """Has jobs done; `fits` tells whether an answer is one to a job.

    A job has as many seconds as the engine gives it once it has begun; and one that has not begun
    waits no longer than that while nothing at all is heard of.
    """

    def __init__(self, engine: Engine, fits: Callable[[J, A], bool]) -> None:
        self._engine, self._fits = engine, fits
        self._flights: dict[int, _Flight[J]] = {}
        self._again: deque[_Flight[J]] = deque()
        self._tickets = 0
        self._heard = monotonic()
        self.lost: dict[int, str] = {}
        """By their number, the jobs that have no answer, and why."""

    def answers(self, jobs: Iterable[J]) -> Iterator[tuple[int, A]]:
        """Yield the number of a job, and its answer, as they come.

        Raises LostError at the end if there are jobs without an answer.
        """
        for found in self._looks(jobs):
            yield from found
        if self.lost:
            raise LostError(len(self.lost), next(iter(self.lost.values())))

    def in_order(self, jobs: Iterable[J]) -> Iterator[A]:
        """Yield the answers in the order of the jobs, each as soon as those before it are there.

        Raises LostError where there is none.
        """
        early: dict[int, A] = {}
        due = 0
        for found in self._looks(jobs):
            early.update(found)
            while due in early:
                yield early.pop(due)
                due += 1
            if due in self.lost:
                break
        if self.lost:
            raise LostError(1, self.lost[due])

    def _looks(self, jobs: Iterable[J]) -> Iterator[Sequence[tuple[int, A]]]:
        """Yield what was answered, each time that the engine is looked at: often nothing."""
        waiting = enumerate(jobs)
        self._fill(waiting)
        while self._flights:
            events = self._engine.events(LOOK_SECONDS)
            found = [answer for event in events for answer in self._heard_of(event)]
            self._look()
            yield found
            self._fill(waiting)

    def _heard_of(self, event: Event) -> Iterator[tuple[int, A]]:
        flight = self._flights.get(event.ticket)
        if flight is None:  # answered before, or given up
            return
        self._heard = monotonic()
        match event:
            case Begun():
                flight.begun, flight.since = True, monotonic()
            case Lost():
                self._drop(event.ticket, event.why)
            case Ended() if self._answers(flight.job, event.answer):
                del self._flights[event.ticket]
                yield flight.number, event.answer
            case Ended():
                self._drop(event.ticket, "it was given the answer to another job")

    def _answers(self, job: J, answer: Any) -> bool:
        try:
            return self._fits(job, answer)
        except (AttributeError, TypeError):  # nonsense
            return False

    def _fill(self, waiting: Iterator[tuple[int, J]]) -> None:
        """Give the engine as many jobs as it has room for, those that were lost first."""
        while len(self._flights) < self._engine.room:
            if self._again:
                flight = self._again.popleft()
            else:
                number, job = next(waiting, (-1, None))
                if job is None:
                    return
                flight = _Flight(number, job, 0, 0.0)
            flight.tries += 1
            flight.since, flight.begun = monotonic(), False
            self._tickets += 1
            self._flights[self._tickets] = flight
            self._engine.submit(self._tickets, flight.job)

    def _drop(self, ticket: int, why: str) -> None:
        """Ask a job that was lost once more, or not."""
        flight = self._flights.pop(ticket)
        if flight.tries < TRIES:
            self._again.append(flight)
        else:
            self.lost[flight.number] = why

    def _look(self) -> None:
        """Give up what takes too long."""
        now = monotonic()
        for ticket, flight in list(self._flights.items()):
            since = flight.since if flight.begun else max(flight.since, self._heard)
            if now - since > self._engine.seconds:
                self._engine.cancel(ticket)
                done = "no answer" if flight.begun else "nobody began with it"
                self._drop(ticket, f"{done} within {self._engine.seconds:g} s")
