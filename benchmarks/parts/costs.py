"""What processes cost: seconds by the clock, seconds of all cores, and the largest memory of one.

Counts all descendants, those that outlive whoever started them too. Linux only.
"""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

POLL_SECONDS = 0.1
PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Cost:
    """Seconds by the clock, seconds of all cores, peak memory of the largest process in bytes."""

    wall: float
    cpu: float
    peak: int

    def beyond(self, other: Cost) -> Cost:
        """Return what this costs more; the memory stays."""
        return Cost(self.wall - other.wall, self.cpu - other.cpu, self.peak)


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ends, so that their time is known."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)


def cost(
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    codes: Sequence[int] = (0,),
) -> Cost:
    """Run a command in silence; CalledProcessError if it ends with another code than these."""
    before = _seconds_of_children()
    began = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **(environment or {})},
        start_new_session=True,
    )
    peaks: dict[int, int] = {}
    while process.poll() is None:
        watch(process.pid, peaks)
        time.sleep(POLL_SECONDS)
    wall = time.perf_counter() - began
    _bury()
    if process.returncode not in codes:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Cost(wall, _seconds_of_children() - before, max(peaks.values()))


def _seconds_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _bury() -> None:
    """Wait for adopted orphans: what ends is counted when it has been waited for."""
    try:
        while True:
            os.waitpid(-1, 0)
    except ChildProcessError:
        pass


def watch(parent: int, peaks: dict[int, int]) -> None:
    """Note the high-water mark, in bytes, of a process and all that it started."""
    family: dict[int, int] = {}
    memory: dict[int, int] = {}
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        except OSError:
            continue  # it ended meanwhile
        identity = int(fields["Pid"])
        family[identity] = int(fields["PPid"])
        memory[identity] = int(fields.get("VmHWM", "0 kB").split()[0]) * 1024
    for identity, high in memory.items():
        if parent in ancestors(identity, family):
            peaks[identity] = max(peaks.get(identity, 0), high)


def ancestors(identity: int, family: dict[int, int]) -> set[int]:
    """Return a process and everything above it."""
    above = set()
    while identity in family and identity not in above:
        above.add(identity)
        identity = family[identity]
    return above
