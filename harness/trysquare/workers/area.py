"""Memory that harness and worker share, so that large answers need no pipe.

It has no name: it is a deleted file, or one in memory, which a worker inherits. Nothing is left
behind, however the processes end.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import sys
import tempfile
from pathlib import Path

import numpy as np

from trysquare.backend import Array

_FAST = Path("/dev/shm")  # noqa: S108 - files in memory, where there are such


M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEPT = 1 << 25


def keep_memory() -> None:
    """Ask glibc not to return to the kernel what arrays of this size will soon need again.

    Fresh pages cost more than what is done with them; elsewhere nothing happens.
    https://man7.org/linux/man-pages/man3/mallopt.3.html
    """
    if sys.platform == "linux" and hasattr(ctypes.CDLL(None), "mallopt"):
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, KEPT)
        ctypes.CDLL(None).mallopt(M_TRIM_THRESHOLD, 4 * KEPT)


class Area:
    """So many bytes; `descriptor` is what a worker inherits."""

    def __init__(self, size: int) -> None:
        folder = _FAST if os.access(_FAST, os.W_OK) else None
        with tempfile.TemporaryFile(dir=folder) as file:
            file.truncate(size)
            self.descriptor = os.dup(file.fileno())
        self._size, self.reserved = size, 0
        self._map = mmap.mmap(self.descriptor, size)
        self.bytes: Array = np.frombuffer(self._map, np.uint8)

    def reserve(self, size: int) -> bool:
        """Make sure that there is memory for the first `size` bytes; False if there is not."""
        if size > self._size or not hasattr(os, "posix_fallocate"):
            return False
        if size > self.reserved:
            try:
                os.posix_fallocate(self.descriptor, 0, size)
            except OSError:  # full, or a file system that cannot
                return False
            self.reserved = size
        return True

    def close(self) -> None:
        """Let go of it; views of `bytes` keep their memory."""
        os.close(self.descriptor)


def attached(descriptor: int, size: int) -> Array:
    """Return the bytes of an area that this process has inherited; OSError if it has not."""
    return np.frombuffer(mmap.mmap(descriptor, size), np.uint8)
