"""A talk with a program in which every mistake counts, and is named, with what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from trysquare.backend import Array, Call, Kind, Reply, Target, Unavailable
from trysquare.errors import ProtocolError
from trysquare.result import MEMORY_PER_WORKER
from trysquare.workers.area import Area
from trysquare.workers.declaration import Declaration
from trysquare.workers.frames import Json, Message, Type
from trysquare.workers.guest import AREA_BYTES, greeting, room_for
from trysquare.workers.headers import mistakes
from trysquare.workers.launch import by_itself
from trysquare.workers.process import Lost, WorkerProcess
from trysquare.workers.program import Terms, introduced
from trysquare.workers.protocol import Hello, pack_call, unpack_reply

LATE = 0.3
"""Seconds after which a program has written all that it has to say to a few calls."""


class Fault(Exception):  # noqa: N818 - of a program, not of ours
    """What a program did wrong, and what to do about it."""

    def __init__(self, what: str, advice: str = "") -> None:
        super().__init__(what)
        self.what, self.advice = what, advice


ADVICE = {
    "text on stdout belongs": "keep stdout for frames alone: print to stderr, libraries included",
    "a frame begins with": "each frame begins with the four bytes TSQ1, right after the last one",
    "wrong order of bytes": "both lengths are little-endian, whatever the machine is",
    "bytes of a frame": "the lengths in the prefix are those of header and payload in bytes; write "
    "all of a frame, then flush",
    "header of": "the first length is the header's, in 4 bytes; the second the payload's, in 8",
    "payload of": "the first length is the header's, in 4 bytes; the second the payload's, in 8",
    "malformed header": "a header is one JSON object in UTF-8, with `type` and `arrays`",
    "malformed arrays": "`arrays` says of each array in the payload its dtype, its shape, its "
    "offset, a multiple of 64, and its nbytes, which follow from the others",
    "no answer within": "answer every message, and flush after each frame",
    "ended with exit code 0": "keep answering until `bye`, or until stdin ends",
    "ended with": "what it said on stderr is above",
    "killed by": "what it said on stderr is above",
}
"""By what is said of a process that was lost: what to do about it."""


def lost(error: Lost, where: str = "") -> Fault:
    """Return the fault of a process that is lost; `where` says what should have come."""
    first, *more = error.message.removeprefix("spoke no protocol: ").split("\n")
    text = "\n".join([f"{first} {where}".rstrip(), *more])
    return Fault(text, next((advice for part, advice in ADVICE.items() if part in text), ""))


class Conversation:
    """A program, started; leaving the context ends it. Every method raises Fault.

    `seconds` is how long an answer may take; what is shared is looked at `late`,
    after so many seconds.
    """

    def __init__(self, program: Declaration, seconds: float, late: float | None = None) -> None:
        self.program, self._seconds = program, seconds
        self._late = LATE if late is None else late
        self._area = Area(AREA_BYTES)
        self._number = 0
        try:
            self._process = WorkerProcess(by_itself(program), MEMORY_PER_WORKER, self._area)
        except OSError as error:
            self._area.close()
            raise Fault(str(error), "`command` is a program and its arguments") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.close()
        self._area.close()

    def hello(self) -> tuple[Hello, Terms]:
        """Say hello, and return what the program says of itself."""
        target = Target(self.program.name, "", "")
        self._say(Message(Type.HELLO, greeting(target, self._area)))
        message = self._receive("after hello")
        if message.type is not Type.HELLO:
            raise Fault(f"answered '{message.type}' to hello", "the answer to hello is a hello")
        try:
            found = introduced(self.program, target, message.body)
        except ProtocolError as error:
            raise Fault(str(error), "docs/protocol.md, 'The program's hello'") from error
        if isinstance(found, Unavailable):
            raise Fault(f"says that it cannot run here: {found.reason}")
        return found

    def ask(self, calls: Sequence[Call], *, shared: bool = False) -> list[Reply]:
        """Return the replies to the calls of one frame.

        If `shared`, large arrays go by the area, and the answers are read when all are there.
        """
        self._number += 1
        arrays: list[Array] = []
        body: Json = {
            "id": self._number,
            "spec": "",
            "calls": [pack_call(c, arrays) for c in calls],
        }
        room = room_for(self._area, arrays) if shared else None
        if room:
            body["room"] = room
        self._say(Message(Type.RUN, body, tuple(arrays)), shared=bool(room))
        if room:
            self._process.collect(self._late)
        replies = [self._result(case, len(calls)) for case in range(len(calls))]
        self._expect(Type.DONE, {"id": self._number}, "after the last result")
        return replies

    def leave(self, *, politely: bool) -> None:
        """Say bye, or just close the pipe; then the program has to end."""
        if politely:
            self._say(Message(Type.BYE, {}))
        else:
            self._process.hang_up()
        try:
            message = self._process.receive(self._seconds)
        except Lost as error:
            if error.kind is Kind.TIMED_OUT:
                what = "bye" if politely else "its stdin has ended"
                advice = "a read that gives nothing is the end: leave the loop"
                raise Fault(f"still runs {self._seconds:g} s after {what}", advice) from error
            if not error.message.startswith("ended with exit code 0"):
                raise lost(error, "at its end") from error
        else:
            raise Fault(f"answered '{message.type}' when all was said", "just end")

    def _say(self, message: Message, *, shared: bool = False) -> None:
        self._process.send(message, shared=shared)

    def _receive(self, where: str) -> Message:
        try:
            return self._process.receive(self._seconds)
        except Lost as error:
            raise lost(error, where) from error

    def _result(self, case: int, count: int) -> Reply:
        where = f"as the result of call {case} of {count}"
        message = self._expect(Type.RESULT, {"id": self._number, "case": case}, where)
        header = {**message.body, "type": "result", "arrays": []}
        wrong = [*mistakes(header, "result")]
        if wrong:
            raise Fault("result: " + "; ".join(wrong), "docs/protocol.md, 'Answers'")
        try:
            return unpack_reply(message.body["reply"], message.arrays)
        except ProtocolError as error:
            advice = "`outputs` maps names to indices into `arrays`"
            raise Fault(str(error), advice) from error

    def _expect(self, kind: Type, fields: dict[str, int], where: str) -> Message:
        message = self._receive(where)
        found = {name: message.body.get(name) for name in fields}
        if message.type is kind and found == fields:
            return message
        advice = {
            Type.RESULT: "one result for each call, with the frame's `id` and the call's number, "
            "from 0, as `case`",
            Type.DONE: "after the results of a frame comes `done` with its `id`",
        }[kind]
        said, wanted = (
            ", ".join([f"'{name}'", *(f"{key} {value}" for key, value in items.items())])
            for name, items in ((message.type, found), (kind, fields))
        )
        raise Fault(f"sent {said} {where}, where {wanted} was expected", advice)
