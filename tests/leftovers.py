"""The processes that a command leaves behind, known by a mark in their environment."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

PATIENCE = 300.0
MARK = "TRYSQUARE_TEST"

Text = TypeVar("Text", str, bytes)


def ends(pid: int) -> bool:
    """Wait for the end of a process that is not our child."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], PATIENCE)[0])
    finally:
        os.close(descriptor)


def marked(environment: Mapping[str, str]) -> dict[int, str]:
    """The processes that were started with the mark of an environment, and their commands."""
    word = f"{MARK}={environment[MARK]}".encode()
    found = {}
    for folder in Path("/proc").iterdir():
        try:
            if word in (folder / "environ").read_bytes().split(b"\0"):
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ")
                found[int(folder.name)] = command.decode(errors="replace")
        except OSError:
            continue
    return found


@contextmanager
def nothing_left() -> Iterator[dict[str, str]]:
    """An environment for a command, of which nothing is left at the end, however it ends."""
    environment = {**os.environ, MARK: uuid4().hex}
    yield environment
    assert [command for pid, command in marked(environment).items() if not ends(pid)] == []


@contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGINT end what is started here.

    Whoever was started with it ignored, as a shell does in the background, hands that on.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def ended(process: subprocess.Popen[Text]) -> Iterator[subprocess.Popen[Text]]:
    """A process that does not outlive a test: one that fails would wait for its end for ever."""
    with process:
        try:
            yield process
        finally:
            process.kill()
