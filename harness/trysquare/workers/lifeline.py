"""Nothing outlives the process that started it, however that one ends: the kernel closes its pipes.

A signal for the death of a parent comes faster, but only on Linux, and not to grandchildren.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import select
import signal
import sys
from multiprocessing.process import BaseProcess
from threading import Thread

PR_SET_PDEATHSIG = 1
DESCRIPTORS = 4096


def watch(pipe: int) -> None:
    """Have this process, and what it starts, killed when nobody holds the other end of a pipe.

    A process of its own looks on, since this one may be held up in C at that time. It is no child
    of this one, which whatever runs here could wait for.
    """
    worker = os.getpid()
    between = os.fork()
    if between == 0:
        if os.fork() == 0:
            _look_on(pipe, worker)
        os._exit(0)
    os.waitpid(between, 0)


def _look_on(pipe: int, worker: int) -> None:
    """Wait for the end of a pipe, holding no other; then kill the group that `worker` leads."""
    try:
        os.closerange(0, pipe)
        os.closerange(pipe + 1, DESCRIPTORS)
        looking = select.poll()
        looking.register(pipe, select.POLLHUP)
        looking.poll()
        if os.getpgid(0) == worker:
            os.killpg(worker, signal.SIGKILL)
        os.kill(worker, signal.SIGKILL)
    finally:
        os._exit(0)


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
