"""One worker process seen from the harness: start, messages both ways with a limit, and its end."""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import signal
import subprocess
import sys
import time

from trysquare.backend import Array, Kind
from trysquare.errors import ProtocolError
from trysquare.workers.area import Area
from trysquare.workers.confines import confine
from trysquare.workers.frames import PREFIX, Message, clean, decode, encode, lengths
from trysquare.workers.launch import Launch

PIPE_BYTES = 1 << 20
STDERR_BYTES = 1 << 16
STDERR_LINES = 8
LOOK_SECONDS = 1.0
ADDRESS = re.compile(r"0x[0-9a-f]{6,}")


class Lost(Exception):  # noqa: N818 - an outcome of a case, not an error of ours
    """The process died, hung or spoke nonsense; it has been killed."""

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind, self.message = kind, message


class WorkerProcess:
    """A worker, its three pipes and the area it shares; used by one thread, except for `kill`."""

    def __init__(self, launch: Launch, memory: int, area: Area | None = None) -> None:
        self._process = subprocess.Popen(
            launch.command,
            cwd=launch.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env=launch.environment,
            pass_fds=() if area is None else (area.descriptor,),
            start_new_session=True,
        )
        confine(self._process.pid, memory)
        self._stdin, self._stdout, self._stderr = (
            pipe.fileno()
            for pipe in (self._process.stdin, self._process.stdout, self._process.stderr)
            if pipe is not None
        )
        self._area = area
        self._received, self._said = bytearray(), bytearray()
        self._outgoing = memoryview(b"")
        self._selector = selectors.DefaultSelector()
        for pipe in (self._stdin, self._stdout, self._stderr):
            os.set_blocking(pipe, False)
            _widen(pipe)
        self._selector.register(self._stdout, selectors.EVENT_READ)
        self._selector.register(self._stderr, selectors.EVENT_READ)

    def send(self, message: Message, *, shared: bool = False) -> None:
        """Queue a message; it travels while `receive` waits, large arrays at once if `shared`.

        Something of an earlier one may be left: a program can answer before it has read all.
        """
        frame = memoryview(encode(message, self._shared() if shared else None))
        if self._outgoing:
            self._outgoing = memoryview(b"".join([self._outgoing, frame]))
            return
        self._outgoing = frame
        self._selector.register(self._stdin, selectors.EVENT_WRITE)

    def collect(self, seconds: float) -> None:
        """Let what is queued travel, and what comes pile up unread, for so long."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if not self._pump(left):
                return

    def receive(self, seconds: float) -> Message:
        """Return the next message; raises Lost, with the process killed, if none comes in time."""
        deadline = time.monotonic() + seconds
        try:
            while (message := self._take()) is None:
                left = deadline - time.monotonic()
                if left <= 0:
                    self.kill()
                    raise Lost(
                        Kind.TIMED_OUT,
                        f"no answer within {seconds:g} s{self._begun()}" + self._last_words(),
                    )
                if not self._pump(left):
                    raise Lost(Kind.CRASHED, self._ending())
        except ProtocolError as error:
            self.kill()
            raise Lost(Kind.CRASHED, f"spoke no protocol: {error}") from error
        return message

    def hang_up(self) -> None:
        """Close the pipe into the process: there will be no more messages."""
        if self._process.stdin is not None:
            self._process.stdin.close()

    def kill(self) -> None:
        """Kill the process and whatever it has started; any thread may."""
        if self._process.returncode is None:  # else its number may be another's by now
            self._end_group()

    def _end_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Kill, and let go of the pipes."""
        self.kill()
        self._process.wait()
        self._selector.close()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

    def _take(self) -> Message | None:
        if len(self._received) < PREFIX.size:
            return None
        header, payload = lengths(bytes(self._received[: PREFIX.size]))
        middle = PREFIX.size + header
        if len(self._received) < middle + payload:
            return None
        raw = memoryview(self._received)
        head, body = bytes(raw[PREFIX.size : middle]), bytes(raw[middle : middle + payload])
        raw.release()
        del self._received[: middle + payload]
        return decode(head, body, self._shared())

    def _begun(self) -> str:
        """Say how much of a frame has come."""
        if not self._received:
            return ""
        whole = PREFIX.size
        if len(self._received) >= PREFIX.size:
            whole += sum(lengths(bytes(self._received[: PREFIX.size])))
        return f", after {len(self._received)} of {whole} bytes of a frame"

    def _shared(self) -> Array | None:
        """Return what the area has memory for."""
        return None if self._area is None else self._area.bytes[: self._area.reserved]

    def _pump(self, seconds: float) -> bool:
        """Move bytes for at most this long; False if the worker has closed its end."""
        is_open = True
        ready = self._selector.select(min(seconds, LOOK_SECONDS))
        if not ready and self._process.poll() is not None:
            return False  # it is gone, and somebody it has started holds its pipes
        for key, _ in ready:
            if key.fd == self._stdin:
                self._write()
            elif key.fd == self._stderr:
                self._listen()
            else:
                arrived = _read(self._stdout)
                self._received += arrived or b""
                is_open = arrived != b""
        return is_open

    def _write(self) -> None:
        try:
            self._outgoing = self._outgoing[os.write(self._stdin, self._outgoing) :]
        except BlockingIOError:
            return
        except BrokenPipeError:  # the end of stdout will say so
            self._outgoing = self._outgoing[:0]
        if not self._outgoing:
            self._selector.unregister(self._stdin)

    def _listen(self) -> bool:
        said = _read(self._stderr)
        if said == b"":
            self._selector.unregister(self._stderr)
        self._said = (self._said + (said or b""))[-STDERR_BYTES:]
        return bool(said)

    def _ending(self) -> str:
        """Say how the process ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=1)
        code = self._process.returncode
        self._end_group()
        if code is None:
            return "closed its pipe" + self._last_words()
        if code < 0:
            return f"killed by {signal.Signals(-code).name}{self._begun()}" + self._last_words()
        return f"ended with exit code {code}{self._begun()}" + self._last_words()

    def _last_words(self) -> str:
        while self._stderr in self._selector.get_map() and self._listen():
            pass
        text = ADDRESS.sub("0x...", clean(self._said.decode(errors="replace")[-4000:]))
        lines = [line.rstrip() for line in text.splitlines() if line.strip()]
        return "".join(f"\n  {line}" for line in lines[-STDERR_LINES:])


def _widen(pipe: int) -> None:
    if sys.platform == "linux":
        import fcntl  # noqa: PLC0415 - not everywhere

        with contextlib.suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)


def _read(pipe: int) -> bytes | None:
    """Return what is there, nothing at the end, None if there is nothing yet."""
    try:
        return os.read(pipe, PIPE_BYTES)
    except BlockingIOError:
        return None
