"""What starts a worker: our own, which loads a Python backend, or somebody's program."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from trysquare.backend import Target
from trysquare.workers import starter
from trysquare.workers.declaration import Declaration

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


@dataclass(frozen=True)
class Launch:
    """A command, the folder that it runs in (None: where we are), and its environment."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path | None = None


def of_backend(target: Target) -> Launch:
    """Return what starts our worker with a Python backend, which can import what we can."""
    path = os.pathsep.join(folder or os.getcwd() for folder in sys.path)  # noqa: PTH109 - text
    worker = (sys.executable, "-P", "-m", "trysquare.workers.worker")
    place = (target.backend, target.device, target.mode)
    return Launch((*worker, *place), {**_environment(), "PYTHONPATH": path})


def of_program(program: Declaration) -> Launch:
    """Return what starts a program, and ends it with us; FileNotFoundError if it is not there."""
    start = (sys.executable, "-I", "-S", starter.__file__)
    return replace(by_itself(program), command=(*start, *program.argv()))


def by_itself(program: Declaration) -> Launch:
    """Return what starts a program that has to end by itself; FileNotFoundError likewise."""
    return Launch(program.argv(), _environment(), program.folder)


def _environment() -> dict[str, str]:
    """Return the environment of every worker: one thread."""
    return {**os.environ, **dict.fromkeys(THREADS, "1")}
