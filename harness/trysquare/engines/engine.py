"""What an engine is: it does jobs somewhere, and knows nothing of what they mean."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from trysquare.backend import Target
from trysquare.workers.line import START_SECONDS

HANGS = 20
"""A job in which more cases hang is given up, where others run it."""


def patience(hang: float, work: float = 1.0) -> float:
    """Return how many seconds a job may take whose cases hang after so many.

    Its worker is started, and once more after each hang. `work` is how much there is to do between
    them, measured in what there usually is.
    """
    return START_SECONDS + HANGS * (hang + START_SECONDS) * max(1.0, work)


class Runner(Protocol):
    """Does jobs, one after the other, in the process that made it."""

    def run(self, job: Any) -> Any:
        """Return the answer to a job, whatever a backend does meanwhile."""

    def close(self) -> None:
        """End all that it has started."""


class Outfit(Protocol):
    """What makes a runner, wherever it is sent; all of it can be pickled."""

    @property
    def needs(self) -> Sequence[Target]:
        """The targets that a runner asks: a machine has to have them."""

    def runner(self) -> Runner:
        """Make a runner; raises Mismatch where this machine is not like the one that sent this."""


@dataclass(frozen=True)
class Begun:
    """Somebody has begun with a job."""

    ticket: int


@dataclass(frozen=True)
class Ended:
    """A job has been done, or so it is said."""

    ticket: int
    answer: Any


@dataclass(frozen=True)
class Lost:
    """A job will have no answer: whoever did it is gone."""

    ticket: int
    why: str


Event = Begun | Ended | Lost


class Engine(Protocol):
    """Does jobs, each under a ticket that no other has; it never tries one twice by itself."""

    @property
    def room(self) -> int:
        """How many jobs it is to be given at a time."""

    @property
    def seconds(self) -> float:
        """How long a job may take."""

    def submit(self, ticket: int, job: Any) -> None:
        """Take a job."""

    def events(self, seconds: float) -> Sequence[Event]:
        """Return what has happened, as soon as anything has, and nothing after so long.

        Raises UsageError where a machine is found that cannot take part.
        """

    def cancel(self, ticket: int) -> None:
        """End a job by force; nothing more is heard of it."""

    def close(self) -> None:
        """End all jobs, and what did them."""


Hire = Callable[[Outfit], AbstractContextManager[Engine]]
"""Starts an engine whose runners have such an outfit.

Raises UsageError where there is none, and where no machine of it has all targets.
"""
