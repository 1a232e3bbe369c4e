"""Runners that double numbers; a module of its own, which a new process imports in no time.

`main` has numbers doubled by the Ray cluster of an address, within two seconds each.
"""

from __future__ import annotations

import ctypes
import os
import signal
from dataclasses import dataclass

from trysquare.backend import Target
from trysquare.engines import cluster
from trysquare.engines.dispatch import Dispatch
from trysquare.errors import LostError

DEADLY, ENDLESS = 13, 14
SECONDS = 8.0


@dataclass(frozen=True)
class Doubling:
    """An outfit that is its own runner; one number kills the process, one keeps it for ever."""

    needs: tuple[Target, ...] = ()

    def runner(self) -> Doubling:
        return self

    def run(self, job: int) -> int:
        if job == DEADLY:
            os.kill(os.getpid(), signal.SIGKILL)
        if job == ENDLESS:
            ctypes.PyDLL(None).pause()  # with the interpreter's lock
        return 2 * job

    def close(self) -> None:
        """Nothing was started."""


def main(address: str) -> None:
    """Print what was found, and what was lost."""
    jobs = [1, DEADLY, 2, ENDLESS, 3]
    found: list[tuple[int, int]] = []
    with cluster.hire(address, 2, SECONDS, lambda _: None)(Doubling()) as engine:
        dispatch = Dispatch[int, int](engine, lambda job, answer: answer == 2 * job)
        try:
            found.extend(dispatch.answers(jobs))
        except LostError:
            lost = {jobs[number]: why for number, why in dispatch.lost.items()}
    print(sorted(answer for _, answer in found), sorted(lost.items()))  # noqa: T201
