"""The thread that talks with one worker, and finds the case that killed it or made it hang."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from trysquare.backend import Answer, Array, Call, Kind, Refusal, Reply, Target, Unavailable
from trysquare.errors import ProtocolError
from trysquare.loading import is_program
from trysquare.spec import Spec
from trysquare.workers.area import Area
from trysquare.workers.frames import Json, Message, Type
from trysquare.workers.guest import Guest, greeting
from trysquare.workers.launch import of_backend
from trysquare.workers.process import Lost, WorkerProcess
from trysquare.workers.program import probed
from trysquare.workers.protocol import Hello, pack_call, pack_spec, unpack_hello, unpack_reply
from trysquare.workers.reproduction import Claim, pack_claim
from trysquare.workers.stretch import Stretch, Walked, calls, gathered, pack, walked

T = TypeVar("T")
FRAME_CALLS = 128
FRAME_BYTES = 1 << 26
START_SECONDS = 120.0


class Line(threading.Thread):
    """Starts a worker, asks it, kills it, and starts it again.

    A stretch is answered into `area`. Raises SpecErrors for a program whose file cannot be read.
    """

    def __init__(
        self, target: Target, start_seconds: float, memory: int, area: Area | None = None
    ) -> None:
        super().__init__(name=f"trysquare {target}", daemon=True)
        self.target, self.start_seconds = target, start_seconds
        self._memory, self._area = memory, area
        self._guest = Guest(target) if is_program(target.backend) else None
        self.opened: Future[Hello | Unavailable] = Future()
        self._jobs: queue.SimpleQueue[tuple[Callable[[Line], Any], Future[Any]] | None]
        self._jobs = queue.SimpleQueue()
        self._process: WorkerProcess | None = None
        self._told: dict[str, Spec] = {}
        """The specs that the process has, by path."""
        self._broken = ""
        self._number = 0
        self._fresh = False
        """Whether the process has been asked nothing yet."""
        self._stopping = threading.Event()

    def submit(self, work: Callable[[Line], T]) -> Future[T]:
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
            self._open()
            while (job := self._jobs.get()) is not None:
                work, future = job
                if self._stopping.is_set():
                    future.cancel()
                elif future.set_running_or_notify_cancel():
                    self._settle(work, future)
        finally:
            self._discard()
            if self._guest is not None:
                self._guest.area.close()

    def _open(self) -> None:
        """Say hello; whoever waits for that is told as well of what nobody has foreseen."""
        try:
            hello = self._hello()
        except BaseException as error:
            self.opened.set_exception(error)
            raise
        self.opened.set_result(hello)

    def _settle(self, work: Callable[[Line], T], future: Future[T]) -> None:
        try:
            result = work(self)
        except Exception as error:  # noqa: BLE001 - it belongs to whoever asked
            future.set_exception(CancelledError() if self._stopping.is_set() else error)
        else:
            future.set_result(result)

    def _hello(self) -> Hello | Unavailable:
        try:
            return self._start()
        except FileNotFoundError as error:
            return Unavailable(self.target, str(error))
        except (Lost, OSError) as error:
            self._discard()
            return Unavailable(self.target, str(error), broken=True)

    def _start(self) -> Hello | Unavailable:
        guest = self._guest
        launch = of_backend(self.target) if guest is None else guest.launch()
        area = self._area if guest is None else guest.area
        process = self._process = WorkerProcess(launch, self._memory, area)
        self._told.clear()
        self._fresh = True
        if self._stopping.is_set():  # `stop` may have looked before there was a process
            raise Lost(Kind.CRASHED, "stopped")
        process.send(Message(Type.HELLO, greeting(self.target, area)))
        message = process.receive(self.start_seconds)
        try:
            hello = unpack_hello(message.body) if guest is None else guest.introduced(message.body)
        except ProtocolError as error:
            raise Lost(Kind.CRASHED, f"spoke no protocol: {error}") from error
        if isinstance(hello, Unavailable):
            self._discard()
            return hello
        return hello if guest is None else probed(hello, self._probe)

    def _probe(self, calls: Sequence[Call]) -> list[Reply]:
        return list(self._exchange(None, calls, self.start_seconds))

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

    def _asked(self) -> WorkerProcess:
        """Return the process, which is not a fresh one any more."""
        process = self._ready()
        self._fresh = False
        return process

    def _discard(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.close()

    def answer(self, spec: Spec, calls: Sequence[Call], deadline: float) -> list[Reply]:
        """Return one reply per call, whatever becomes of the process."""
        terms = None if self._guest is None else self._guest.terms
        if terms is None:
            return self._answered(spec, calls, deadline)
        declined = [terms.declines(call) for call in calls]
        asked = [call for call, no in zip(calls, declined, strict=True) if no is None]
        answers = iter(self._answered(spec, asked, deadline))
        return [next(answers) if no is None else no for no in declined]

    def _answered(self, spec: Spec, calls: Sequence[Call], deadline: float) -> list[Reply]:
        replies: list[Reply] = []
        while len(replies) < len(calls):
            rest = calls[len(replies) :]
            frame = rest[: _frame_length(rest)]
            answered = len(replies)
            fresh = self._process is None or self._fresh
            try:
                replies.extend(self._exchange(spec, frame, deadline))
            except Lost as lost:
                self._discard()
                if self._stopping.is_set():
                    raise
                first = fresh and len(replies) == answered and self._guest is None
                if first and not _from_outside(lost):  # it was alone
                    replies.append(Refusal(lost.kind, lost.message))
                elif len(replies) - answered < len(frame):
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

    def _say(self, kind: Type, spec: Spec | None, body: Json, arrays: list[Array]) -> WorkerProcess:
        """Send a message about a spec, with it if a process of ours has it not; return who has it.

        Raises Lost, and ProtocolError for what no frame can carry.
        """
        process = self._asked()
        self._number += 1
        about: Json = {"id": self._number, "spec": str(spec.place.path) if spec else ""}
        if spec and self._guest is None and self._told.get(about["spec"]) is not spec:
            about["packed"] = pack_spec(spec, arrays)
        process.send(Message(kind, {**about, **body}, tuple(arrays)), shared="room" in body)
        if spec:
            self._told[about["spec"]] = spec
        return process

    def _exchange(
        self, spec: Spec | None, calls: Sequence[Call], deadline: float
    ) -> Iterator[Reply]:
        arrays: list[Array] = []
        body: Json = {"calls": [pack_call(call, arrays) for call in calls]}
        room = None if self._guest is None else self._guest.room(arrays)
        if room:
            body["room"] = room
        process = self._say(Type.RUN, spec, body, arrays)
        for case in range(len(calls)):
            message = process.receive(deadline)
            _expect(message, Type.RESULT, id=self._number, case=case)
            try:
                yield unpack_reply(message.body["reply"], message.arrays)
            except (KeyError, ProtocolError) as error:
                raise Lost(Kind.CRASHED, f"spoke no protocol: {error}") from error
        _expect(process.receive(deadline), Type.DONE, id=self._number)

    def walk(self, spec: Spec, stretch: Stretch, deadline: float) -> Walked:
        """Have a stretch answered into the area; return what became of it.

        `deadline` is in seconds for each block. Where a stretch has no answer, its blocks are
        asked one by one.
        """
        if self._guest is not None and self._area is not None:
            return gathered(stretch, self.answer(spec, calls(stretch), deadline), self._area.bytes)
        whole = self._walked(spec, stretch, deadline * stretch.blocks)
        if not whole.refused or stretch.blocks == 1:
            return whole
        if any(refusal.kind is Kind.UNSUPPORTED for refusal in whole.refused.values()):
            return whole
        alone = [
            self._walked(spec, stretch.only(block), deadline) for block in range(stretch.blocks)
        ]
        refused = {block: one.refused[0] for block, one in enumerate(alone) if one.refused}
        return Walked(refused, np.concatenate([one.uniform for one in alone]))

    def _walked(self, spec: Spec, stretch: Stretch, deadline: float) -> Walked:
        """Return what became of a stretch, whatever becomes of the process."""
        area = -1 if self._area is None else self._area.descriptor
        try:
            process = self._say(Type.WALK, spec, {"stretch": pack(stretch), "area": area}, [])
            message = process.receive(deadline)
            _expect(message, Type.RESULT, id=self._number, case=0)
            return walked(stretch, unpack_reply(message.body["reply"], message.arrays))
        except (KeyError, ProtocolError) as error:
            self._discard()
            refusal = Refusal(Kind.CRASHED, f"spoke no protocol: {error}")
            return walked(stretch, refusal)
        except Lost as lost:
            self._discard()
            if self._stopping.is_set():
                raise
            return walked(stretch, Refusal(lost.kind, lost.message))

    def script(
        self, spec: Spec, call: Call, claim: Claim, deadline: float, reference: Call | None
    ) -> str:
        """Return the worker's script; nothing if it dies of it."""
        if self._guest is not None:
            return self._guest.script(spec, call, claim, reference)
        arrays: list[Array] = []
        body = {
            "call": pack_call(call, arrays),
            "reference": None if reference is None else pack_call(reference, arrays),
            "claim": pack_claim(claim),
        }
        try:
            process = self._say(Type.REPRODUCE, spec, body, arrays)
            message = process.receive(deadline)
            _expect(message, Type.SCRIPT, id=self._number)
        except Lost:
            self._discard()
            return ""
        return str(message.body.get("script", ""))

    def spelled(self, spec: Spec, call: Call, deadline: float) -> str:
        """Return a call as the framework writes it; nothing if it has none, or dies of it."""
        if self._guest is not None:
            return ""
        arrays: list[Array] = []
        body = {"call": pack_call(call, arrays)}
        try:
            process = self._say(Type.SPELL, spec, body, arrays)
            message = process.receive(deadline)
            _expect(message, Type.SPELL, id=self._number)
        except Lost:
            self._discard()
            return ""
        return str(message.body.get("text", ""))


def _from_outside(lost: Lost) -> bool:
    """Whether the machine, or others on it, may be to blame: too slow, or out of memory."""
    signs = ("killed by SIGKILL", "out of memory")
    return lost.kind is Kind.TIMED_OUT or any(sign in lost.message for sign in signs)


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
