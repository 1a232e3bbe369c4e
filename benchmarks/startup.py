"""What it costs to have Trysquare installed, and to start it: fresh interpreters, in ms.

`import` is that of the pytest plugin where pytest is there already, as the interpreter counts it.
The others are whole processes; `python` is one that does nothing, and a worker, started once, ends
after its hello. Where other work is on the
machine, the clock says nothing, and the time of the CPU does.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial

from trysquare.backend import Target
from trysquare.loading import available
from trysquare.workers.pool import Pool

TIMES = 15
ENTRY = "trysquare.pytest_plugin"
SHOWN = {
    "python": ["-c", "pass"],
    "trysquare --version": ["-m", "trysquare", "--version"],
    "trysquare --help": ["-m", "trysquare", "--help"],
    "trysquare list functions": ["-m", "trysquare", "list", "functions"],
}


def main() -> None:
    """Print a line for each: medians, and what they may be."""
    took = statistics.median(entry() for _ in range(TIMES))
    print(f"import {ENTRY}: {took:.1f} ms (below 15)")
    print(f"{'':<26} {'clock':>11} {'CPU':>11}   medians of {TIMES}")
    for name, arguments in SHOWN.items():
        found = [process(arguments) for _ in range(TIMES)]
        clock, cpu = (statistics.median(column) for column in zip(*found, strict=True))
        wanted = "   below 150 ms" if name.endswith("--version") else ""
        print(f"{name:<26} {clock:>8.1f} ms {cpu:>8.1f} ms{wanted}")
    for backend in available():
        clock, cpu = spent(partial(greeted, backend))
        print(f"{'worker of ' + backend:<26} {clock:>8.1f} ms {cpu:>8.1f} ms")


def process(arguments: list[str]) -> tuple[float, float]:
    """Return how long a process takes, by the clock and of the CPU."""
    return spent(
        lambda: subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    )


def greeted(backend: str) -> None:
    """Start the worker of a backend's usual target, once, and end it after its hello."""
    with Pool() as pool:
        pool.open(Target(backend, "", "")).result()


def spent(work: Callable[[], object]) -> tuple[float, float]:
    """Return how long it takes, by the clock and of the CPU of the processes that it starts."""
    began, before = time.perf_counter(), os.times()
    work()
    after = os.times()
    used = after.children_user + after.children_system
    used -= before.children_user + before.children_system
    return 1000 * (time.perf_counter() - began), 1000 * used


def entry() -> float:
    """Return how long the import of the plugin takes, with all that it imports itself."""
    code = f"import pytest, {ENTRY}"
    command = [sys.executable, "-X", "importtime", "-c", code]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    found = re.search(rf"\|\s*(\d+) \|\s*{re.escape(ENTRY)}$", said, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"{ENTRY} was not imported")
    return int(found[1]) / 1000


if __name__ == "__main__":
    main()
