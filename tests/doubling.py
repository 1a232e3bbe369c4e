"""Runners that double numbers; a module of its own, which a new process imports in no time."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass

from trysquare.backend import Target

DEADLY = 13


@dataclass(frozen=True)
class Doubling:
    """An outfit that is its own runner; one number kills the process."""

    needs: tuple[Target, ...] = ()

    def runner(self) -> Doubling:
        return self

    def run(self, job: int) -> int:
        if job == DEADLY:
            os.kill(os.getpid(), signal.SIGKILL)
        return 2 * job

    def close(self) -> None:
        """Nothing was started."""
