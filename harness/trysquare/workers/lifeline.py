"""Nothing outlives the process that started it, however that one ends: the kernel closes its pipes.

A signal for the death of a parent comes faster, but only on Linux, and not to grandchildren.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
from multiprocessing.process import BaseProcess
from threading import Thread

PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """Make a process that `multiprocessing` has spawned end with the one that spawned it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    parent = multiprocessing.parent_process()
    if parent is not None:
        Thread(target=_outlive, args=(parent,), name="trysquare lifeline", daemon=True).start()


def _outlive(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)
