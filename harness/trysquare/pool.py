"""One process per target: asks it, and when it dies or hangs finds the case that did it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import replace
from types import TracebackType
from typing import Any, Self, TypeVar

from trysquare.backend import (
    Answer,
    Array,
    Call,
    Kind,
    Refusal,
    Reply,
    Target,
    Unavailable,
    require,
)
from trysquare.errors import ProtocolError, UsageError
from trysquare.frames import Message, Type
from trysquare.process import Lost, WorkerProcess
from trysquare.protocol import (
    VERSION,
    Hello,
    pack_call,
    unpack_hello,
    unpack_reply,
)
from trysquare.reproduction import Claim, pack_claim
from trysquare.spec import Spec

T = TypeVar("T")
FRAME_CALLS = 128
FRAME_BYTES = 1 << 26
START_SECONDS = 120.0


class Pool:
    """The workers of a run; leaving the context kills them all."""

    def __init__(self, start_seconds: float = START_SECONDS) -> None:
        self._start_seconds = start_seconds
        self._lines: dict[Target, _Line] = {}
        self._opening: list[_Line] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def open(self, target: Target) -> Future[Hello | Unavailable]:
        """Start a worker and return its hello, or why there is none.

        A target without device and mode is the backend's usual one; the hello says which that is,
        and names the backend's other targets. Raises UsageError for an unknown backend.
        """
        require(target.backend)
        line = _Line(target, self._start_seconds)
        self._opening.append(line)
        opened: Future[Hello | Unavailable] = Future()

        def register(done: Future[Hello | Unavailable]) -> None:
            hello = done.result()
            if isinstance(hello, Hello):
                self._lines[hello.target] = line
            opened.set_result(hello)

        line.opened.add_done_callback(register)
        line.start()
        return opened

    def ask(
        self, target: Target, spec: Spec, calls: Sequence[Call], deadline: float
    ) -> Future[list[Reply]]:
        """Return the replies to these calls, in their order; `deadline` is in seconds per call.

        Raises UsageError for a target that was not opened.
        """
        return self._line(target).submit(lambda line: line.answer(spec, calls, deadline))

    def reproduce(
        self, target: Target, spec: Spec, call: Call, claim: Claim, deadline: float
    ) -> Future[str]:
        """Return a script that shows the divergence with the framework alone, or nothing."""
        return self._line(target).submit(lambda line: line.script(spec, call, claim, deadline))

    def close(self) -> None:
        """Kill every worker; what has not been answered is cancelled."""
        for line in self._opening:
            line.stop()
        for line in self._opening:
            line.join()

    def _line(self, target: Target) -> _Line:
        if target not in self._lines:
            raise UsageError(f"{target} is not open")
        return self._lines[target]


class _Line(threading.Thread):
    """The thread that talks with one worker; it starts it, kills it, and starts it again."""

    def __init__(self, target: Target, start_seconds: float) -> None:
        super().__init__(name=f"trysquare {target}", daemon=True)
        self.target, self.start_seconds = target, start_seconds
        self.opened: Future[Hello | Unavailable] = Future()
        self._jobs: queue.SimpleQueue[tuple[Callable[[_Line], Any], Future[Any]] | None]
        self._jobs = queue.SimpleQueue()
        self._process: WorkerProcess | None = None
        self._broken = ""
        self._number = 0
        self._stopping = threading.Event()

    def submit(self, work: Callable[[_Line], T]) -> Future[T]:
        """Queue work for this thread."""
        future: Future[T] = Future()
        self._jobs.put((work, future))
        return future

    def stop(self) -> None:
        """Make the thread end; called from another one."""
        self._stopping.set()
        self._jobs.put(None)
        process = self._process
        if process is not None:
            process.kill()

    def run(self) -> None:
        """Say hello, then work until told to stop."""
        try:
            hello = self._hello()
            self.opened.set_result(hello)
            while (job := self._jobs.get()) is not None:
                work, future = job
                if self._stopping.is_set():
                    future.cancel()
                elif future.set_running_or_notify_cancel():
                    self._settle(work, future)
        finally:
            self._discard()

    def _settle(self, work: Callable[[_Line], T], future: Future[T]) -> None:
        try:
            result = work(self)
        except Exception as error:  # noqa: BLE001 - it belongs to whoever asked
            future.set_exception(CancelledError() if self._stopping.is_set() else error)
        else:
            future.set_result(result)

    def _hello(self) -> Hello | Unavailable:
        try:
            return self._start()
        except Lost as lost:
            self._discard()
            return Unavailable(self.target, lost.message)

    def _start(self) -> Hello | Unavailable:
        process = self._process = WorkerProcess(self.target)
        if self._stopping.is_set():  # `stop` may have looked before there was a process
            raise Lost(Kind.CRASHED, "stopped")
        process.send(Message(Type.HELLO, {"protocol": VERSION}))
        message = process.receive(self.start_seconds)
        try:
            hello = unpack_hello(message.body)
        except ProtocolError as error:
            raise Lost(Kind.CRASHED, f"spoke no protocol: {error}") from error
        if isinstance(hello, Unavailable):
            self._discard()
        return hello

    def _ready(self) -> WorkerProcess:
        """Return the process, started again if it is gone; Lost if that is impossible."""
        if self._stopping.is_set():
            raise Lost(Kind.CRASHED, "stopped")
        if self._process is None and not self._broken:
            hello = self._hello()
            if isinstance(hello, Unavailable):
                self._broken = f"cannot start again: {hello.reason}"
        if self._process is None:
            raise Lost(Kind.CRASHED, self._broken)
        return self._process

    def _discard(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.close()

    def answer(self, spec: Spec, calls: Sequence[Call], deadline: float) -> list[Reply]:
        """Return one reply per call, whatever becomes of the process."""
        replies: list[Reply] = []
        while len(replies) < len(calls):
            rest = calls[len(replies) :]
            frame = rest[: _frame_length(rest)]
            answered = len(replies)
            try:
                replies.extend(self._exchange(spec, frame, deadline))
            except Lost as lost:
                self._discard()
                if self._stopping.is_set():
                    raise
                if len(replies) - answered < len(frame):
                    replies.append(self._confirm(spec, calls[len(replies)], deadline, lost))
        return replies

    def _confirm(self, spec: Spec, suspect: Call, deadline: float, lost: Lost) -> Reply:
        """Return what the first unanswered call does alone, in a fresh process."""
        try:
            (reply,) = self._exchange(spec, [suspect], deadline)
        except Lost as again:
            self._discard()
            return Refusal(again.kind, again.message)
        if isinstance(reply, Answer):
            return replace(
                reply, note=f"answered alone, after its process was lost: {lost.message}"
            )
        return reply

    def _exchange(self, spec: Spec, calls: Sequence[Call], deadline: float) -> Iterator[Reply]:
        process = self._ready()
        self._number += 1
        arrays: list[Array] = []
        packed = [pack_call(call, arrays) for call in calls]
        body = {"id": self._number, "spec": str(spec.place.path), "calls": packed}
        process.send(Message(Type.RUN, body, tuple(arrays)))
        for case in range(len(calls)):
            message = process.receive(deadline)
            _expect(message, Type.RESULT, id=self._number, case=case)
            try:
                yield unpack_reply(message.body["reply"], message.arrays)
            except (KeyError, ProtocolError) as error:
                raise Lost(Kind.CRASHED, f"spoke no protocol: {error}") from error
        _expect(process.receive(deadline), Type.DONE, id=self._number)

    def script(self, spec: Spec, call: Call, claim: Claim, deadline: float) -> str:
        """Return the worker's script; nothing if it dies of it."""
        self._number += 1
        arrays: list[Array] = []
        body = {
            "id": self._number,
            "spec": str(spec.place.path),
            "call": pack_call(call, arrays),
            "claim": pack_claim(claim),
        }
        try:
            process = self._ready()
            process.send(Message(Type.REPRODUCE, body, tuple(arrays)))
            message = process.receive(deadline)
            _expect(message, Type.SCRIPT, id=self._number)
        except Lost:
            self._discard()
            return ""
        return str(message.body.get("script", ""))


def _frame_length(calls: Sequence[Call]) -> int:
    """Return how many of these calls go into one frame: few enough, but at least one."""
    size = 0
    for count, call in enumerate(calls[:FRAME_CALLS]):
        size += sum(array.nbytes for array in call.inputs.values())
        if size > FRAME_BYTES and count:
            return count
    return min(len(calls), FRAME_CALLS)


def _expect(message: Message, kind: Type, **fields: int) -> None:
    found = {name: message.body.get(name) for name in fields}
    if message.type is not kind or found != fields:
        raise Lost(Kind.CRASHED, f"spoke no protocol: {message.type} {found}, not {kind} {fields}")
