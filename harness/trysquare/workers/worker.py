"""A process that answers calls with one backend.

Its command is `python -m trysquare.workers.worker BACKEND DEVICE MODE`.

Speaks the protocol on what were stdin and stdout; a framework sees an empty stdin, and its output
goes to stderr. Ends when its stdin ends, in the middle of a call too.
"""

from __future__ import annotations

import gc
import os
import platform
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any, BinaryIO, NoReturn

import numpy as np

from trysquare.backend import (
    ALWAYS,
    Answer,
    Array,
    Backend,
    Call,
    Kind,
    Refusal,
    Reply,
    Target,
    Tensor,
    Unavailable,
    Want,
    choose,
)
from trysquare.errors import ProtocolError, TrysquareError, Unsupported
from trysquare.loading import load, words
from trysquare.spec import Spec
from trysquare.workers import probes, protocol
from trysquare.workers.arithmetic import Arithmetic
from trysquare.workers.confines import exhausted
from trysquare.workers.frames import HEADER_LIMIT, Message, Type, clean, encode, receive
from trysquare.workers.headers import VERSION
from trysquare.workers.protocol import Hello
from trysquare.workers.reproduction import script, unpack_claim
from trysquare.workers.starter import watch
from trysquare.workers.stretch import unpack, walk

GIVEN_UP = 3
SCRIPT_LIMIT = HEADER_LIMIT // 2


def take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Return the protocol's two pipes, and leave 0 and 1 to whatever a framework does with them."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return requests, replies


def introduce(backend: Backend, target: Target) -> Hello:
    """Return what the harness has to know of this worker, as found out here and now."""
    return Hello(
        target=target,
        version=backend.version(),
        targets=backend.targets(),
        dtypes=tuple(sorted(backend.dtypes(target))),
        environment={
            "python": platform.python_version(),
            "machine": platform.machine(),
            "numpy": np.__version__,
            "cpu capability": probes.cpu_capability(),
            "cpu vendor": probes.cpu_vendor(),
            **backend.environment(),
        },
        functions=backend.spellings(),
        absent=backend.absent,
        underived=clean(backend.underived),
        unfaithful=probes.unfaithful(backend, target),
        flushes=probes.flushes(backend, target),
        canary=probes.keeps_subnormals(),
    )


class Worker:
    """Answers messages, one after the other, until there are no more."""

    def __init__(self, backend: Backend, target: Target, replies: BinaryIO) -> None:
        self.backend, self.target, self.replies = backend, target, replies
        self.arithmetic = Arithmetic()
        self.specs: dict[str, Spec] = {}

    def send(self, kind: Type, body: dict[str, Any], arrays: list[Array] | None = None) -> None:
        """Send one message at once."""
        send(self.replies, Message(kind, body, tuple(arrays or ())))

    def serve(self, requests: BinaryIO) -> None:
        """Answer until the harness says bye or is gone."""
        while (message := receive(requests)) is not None and message.type is not Type.BYE:
            if message.type is Type.RUN:
                self.run(message)
            elif message.type is Type.REPRODUCE:
                self.reproduce(message)
            elif message.type is Type.SPELL:
                self.spell(message)
            elif message.type is Type.WALK:
                self.walk(message)
            else:
                raise ProtocolError(f"a worker does not expect '{message.type}'")

    def spec(self, message: Message) -> Spec:
        """Return the spec that a message is about; it came with this one or with one before."""
        path = message.body["spec"]
        if "packed" in message.body:
            self.specs[path] = protocol.unpack_spec(message.body["packed"], message.arrays)
        return self.specs[path]

    def run(self, message: Message) -> None:
        """Answer every call of a frame with a frame of its own."""
        number, spec = message.body["id"], self.spec(message)
        for case, packed in enumerate(message.body["calls"]):
            call = protocol.unpack_call(packed, message.arrays)
            reply = self.reply(spec, call)
            try:
                self.send_result(number, case, reply)
            except ProtocolError as error:  # a dtype, or a size, that no frame can carry
                self.send_result(number, case, Refusal(Kind.ERRORED, str(error), "ProtocolError"))
        self.send(Type.DONE, {"id": number})

    def walk(self, message: Message) -> None:
        """Answer a stretch of consecutive numbers; the answers are in the shared area."""
        stretch = unpack(message.body["stretch"])
        descriptor, spec = message.body["area"], self.spec(message)
        reply = self.guarded(lambda: walk(self.backend, self.target, spec, stretch, descriptor))
        self.send_result(message.body["id"], 0, reply)

    def send_result(self, number: int, case: int, reply: Reply) -> None:
        """Send the reply to one call."""
        arrays: list[Array] = []
        body = {"id": number, "case": case, "reply": protocol.pack_reply(reply, arrays)}
        self.send(Type.RESULT, body, arrays)

    def reproduce(self, message: Message) -> None:
        """Answer with a script; an empty one if there is nothing to call, or it is too long."""
        call, spec = protocol.unpack_call(message.body["call"], message.arrays), self.spec(message)
        try:
            claim = unpack_claim(message.body["claim"])
            packed = message.body["reference"]
            reference = None if packed is None else protocol.unpack_call(packed, message.arrays)
            text = script(self.backend, self.target, spec, call, claim, reference)
            text = text if len(text) <= SCRIPT_LIMIT else ""
        except Exception:  # noqa: BLE001 - a backend without scripts has results all the same
            text = ""
        self.send(Type.SCRIPT, {"id": message.body["id"], "script": text})

    def spell(self, message: Message) -> None:
        """Answer with a call as Python source; an empty one if the framework has no such call."""
        call, spec = protocol.unpack_call(message.body["call"], message.arrays), self.spec(message)
        try:
            text = self.backend.written(spec, call)
        except TrysquareError:
            text = ""
        self.send(Type.SPELL, {"id": message.body["id"], "text": text})

    def reply(self, spec: Spec, call: Call) -> Reply:
        """Return the answer to a call, or who refused it."""
        return self.guarded(lambda: self.answer(spec, call))

    def guarded(self, answer: Callable[[], Answer]) -> Reply:
        """Return an answer, or who refused it: the binding, our own code, or the framework."""
        try:
            reply = answer()
            return replace(reply, bent=self.arithmetic.righted())
        except Unsupported as error:
            return Refusal(Kind.UNSUPPORTED, str(error), type(error).__name__)
        except TrysquareError as error:
            return Refusal(Kind.ERRORED, str(error), type(error).__name__)
        except Exception as error:  # noqa: BLE001 - whatever a framework raises
            if exhausted(error):
                give_up("out of memory", error)
            if self.backend.lost():
                give_up("lost its device", error)
            kind = Kind.UNSUPPORTED if self.lacks(error) else Kind.RAISED
            return Refusal(kind, clean(words(error)), type(error).__name__)
        finally:
            self.arithmetic.righted()  # whoever raises may leave it changed as well

    def lacks(self, error: Exception) -> bool:
        """Whether the backend takes an exception for a missing kernel, if it can read it at all."""
        try:
            return self.backend.lacks(error)
        except Exception:  # noqa: BLE001 - it reads a message that a framework made
            return False

    def tensor(self, call: Call, array: Array) -> Tensor:
        """Return an array as a tensor that lies in memory as the call wants it, if it can."""
        tensor = self.backend.to_tensor(array, self.target.device)
        return self.backend.formed(tensor, call.form) if call.form.suits(array) else tensor

    def threads(self, count: int) -> AbstractContextManager[Any]:
        """Return a context with so many threads."""
        return nullcontext() if count == 1 else self.backend.threads(count)

    def answer(self, spec: Spec, call: Call) -> Answer:
        """Call the framework once, and look at what it did to its inputs."""
        backend, device = self.backend, self.target.device
        for name, array in call.inputs.items():
            if array.dtype.name not in backend.dtypes(self.target) | ALWAYS:
                raise Unsupported(f"{self.target} has no {array.dtype} (input {name})")
        with backend.on(device), self.threads(call.threads):
            tensors = {name: self.tensor(call, array) for name, array in call.inputs.items()}
            places = {name: backend.storage(tensor) for name, tensor in tensors.items()}
            cotangent = None
            if call.cotangent is not None:
                cotangent = self.tensor(call, call.cotangent)
            if call.seed is not None:
                backend.seed(call.seed)
            start = time.perf_counter()
            if call.want in {Want.GRADIENT, Want.SAVED}:
                outputs = dict(backend.gradients(spec, call, tensors, cotangent))
            elif call.want is Want.SECOND:
                outputs = dict(backend.second(spec, call, tensors, cotangent))
            else:
                outputs = {"output": backend.value(spec, call, tensors)}
            seconds = time.perf_counter() - start
            places_now = {backend.storage(tensor) for tensor in outputs.values()}
            after = {name: backend.to_array(tensor) for name, tensor in tensors.items()}
            arrays = {name: backend.to_array(tensor) for name, tensor in outputs.items()}
        return Answer(
            outputs=arrays,
            changed=tuple(n for n, a in call.inputs.items() if after[n].tobytes() != a.tobytes()),
            shares=tuple(name for name, place in places.items() if place in places_now),
            seconds=seconds,
        )


def give_up(why: str, error: Exception) -> NoReturn:
    """End, for what earlier calls may have done: in a new process, all is well."""
    sys.stderr.write(f"{why}: {clean(f'{type(error).__name__}: {words(error)}')}\n")
    sys.stderr.flush()
    os._exit(GIVEN_UP)


def send(replies: BinaryIO, message: Message) -> None:
    """Write one message and flush it."""
    replies.write(encode(message))
    replies.flush()


def greet(asked: Target) -> tuple[Backend, Hello] | Unavailable:
    """Load a backend and look at it; Unavailable, and why, if it does not work here."""
    backend = load(asked.backend)
    if isinstance(backend, Unavailable):
        return backend
    try:
        target = choose(backend.targets(), asked)
        if isinstance(target, Unavailable):
            return target
        backend.prepare(target)
        with backend.on(target.device):
            mode = backend.mode()
            if mode != target.mode:
                return Unavailable(
                    asked, f"asked to run as {target.mode}, it runs as {mode}", broken=True
                )
            return backend, introduce(backend, target)
    except Exception as error:  # noqa: BLE001 - whatever a framework raises
        return Unavailable(asked, clean(f"{type(error).__name__}: {words(error)}"), broken=True)


def main(arguments: list[str]) -> None:
    """Load the backend, introduce it, and serve."""
    requests, replies = take_pipes()
    watch(requests.fileno())
    greeting = receive(requests)
    if greeting is None or greeting.body.get("protocol") != VERSION:
        raise ProtocolError(f"this worker speaks protocol {VERSION} only")
    gc.disable()  # what an import makes stays: looking for what does not takes a quarter of it
    met = greet(Target(*arguments))
    gc.freeze()
    gc.enable()
    if isinstance(met, Unavailable):
        send(replies, Message(Type.HELLO, protocol.pack_hello(met)))
        return
    backend, hello = met
    send(replies, Message(Type.HELLO, protocol.pack_hello(hello)))
    Worker(backend, hello.target, replies).serve(requests)


if __name__ == "__main__":
    main(sys.argv[1:])
