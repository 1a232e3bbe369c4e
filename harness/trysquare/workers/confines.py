"""How much of the machine a worker may take, whatever language it is written in."""

from __future__ import annotations

import contextlib
import re
import sys
from pathlib import Path

from trysquare.loading import words

EXHAUSTED = re.compile(
    r"out of memory|\boom\b|bad_alloc|resource_exhausted|(can't|cannot|unable to) allocate",
    re.IGNORECASE,
)
"""What the C library, C++, CUDA and others say of an allocation that failed."""

FIRST_TO_GO = "1000"


def confine(pid: int, memory: int) -> None:
    """Let a process have so many bytes of data (0: any), and be the first to go for want of memory.

    Only Linux counts what is mapped as data and lets others set the limit; elsewhere, nothing
    happens.
    """
    if sys.platform != "linux":
        return
    import resource  # noqa: PLC0415 - not everywhere

    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/oom_score_adj").write_text(FIRST_TO_GO, encoding="ascii")
    with contextlib.suppress(OSError):  # it may have ended by now
        if memory:
            _, most = resource.prlimit(pid, resource.RLIMIT_DATA)
            limit = memory if most == resource.RLIM_INFINITY else min(memory, most)
            resource.prlimit(pid, resource.RLIMIT_DATA, (limit, limit))


def exhausted(error: Exception) -> bool:
    """Whether an exception says that there was no memory left."""
    return isinstance(error, MemoryError) or bool(EXHAUSTED.search(words(error)))
