"""Becomes a program that ends with whoever holds its stdin; imports next to nothing.

Its command is `python starter.py PROGRAM ARGUMENT...`. A signal for the death of a parent would
come faster, but only on Linux, and not to grandchildren.
"""

from __future__ import annotations

import os
import select
import signal
import sys

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
        if pipe:  # closerange(0, 0) closes all there are
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


if __name__ == "__main__":
    watch(0)
    try:
        os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606 - a shell is what must not be there
    except OSError as error:
        sys.exit(f"{sys.argv[1]}: {error.strerror}")
