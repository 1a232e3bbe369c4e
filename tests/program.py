# ruff: noqa: ARG002, B006, PLR0124 - what it does wrong has the form of what is right
"""A program that speaks the protocol by its description alone, and does one thing wrong.

    python program.py honest
    python program.py FAULT

In plain Python. It has two functions, `twice` (x + x) and `relu`, in float32 and float64, and knows
nothing of Trysquare. Some faults show in every message, the others when a call holds the number 13.
"""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, NamedTuple

TRIGGER = 13.0
CODES = {"float32": "f", "float64": "d"}
SHARED_FROM = 1 << 16
Json = dict[str, Any]


class Array(NamedTuple):
    dtype: str
    shape: list[int]
    raw: bytes


class Program:
    """It is honest; each liar changes one thing."""

    magic = b"TSQ1"
    prefix = struct.Struct("<4sIQ")
    alignment = 64

    def __init__(self) -> None:
        self.requests: BinaryIO = os.fdopen(os.dup(0), "rb")
        self.replies: BinaryIO = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)  # whatever a library prints belongs on stderr
        self.area: Json | None = None

    # what is said

    def hello(self) -> Json:
        return {
            "type": "hello",
            "protocol": 1,
            "version": "1.0",
            "targets": [{"device": "cpu", "mode": "eager"}, {"device": "cpu", "mode": "other"}],
            "dtypes": ["float32", "float64"],
            "functions": {"twice": {"text": "x + x"}, "relu": {"text": "max(x, 0)"}},
            "environment": {"pid": str(os.getpid())},
            "area": True,
        }

    def value(self, function: str, x: Array) -> Array:
        if function == "twice":
            return self.mapped(x, lambda number: number + number)
        return self.mapped(x, lambda number: number if number > 0 or number != number else 0.0)

    def mapped(self, x: Array, function: Any) -> Array:
        count = len(x.raw) // struct.calcsize(CODES[x.dtype])
        form = f"<{count}{CODES[x.dtype]}"
        return x._replace(raw=struct.pack(form, *map(function, struct.unpack(form, x.raw))))

    def product(self, a: Array, b: Array) -> Array:
        count = len(a.raw) // struct.calcsize(CODES[a.dtype])
        form = f"<{count}{CODES[a.dtype]}"
        pairs = zip(struct.unpack(form, a.raw), struct.unpack(form, b.raw), strict=True)
        return a._replace(raw=struct.pack(form, *(left * right for left, right in pairs)))

    def triggered(self, x: Array) -> bool:
        code = CODES.get(x.dtype)
        return bool(code) and struct.pack(f"<{code}", TRIGGER) in x.raw

    def echo(self, x: Array) -> Array:
        return x

    def reply(self, call: Json, arrays: list[Array]) -> tuple[Json, list[Array]]:
        inputs = {name: arrays[index] for name, index in call["inputs"].items()}
        function = call["function"]
        if function == "probe:echo":
            return self.answered(self.echo(inputs["x"]))
        if function == "probe:multiply":
            return self.answered(self.product(inputs["a"], inputs["b"]))
        known = function in self.hello()["functions"]
        plain = set(call["parameters"].items()) <= {("inplace", False)}
        if not known or not plain or set(inputs) != {"x"}:
            return self.refused(call)
        if self.triggered(inputs["x"]):
            return self.accident(call, inputs["x"])
        return self.answered(self.value(function, inputs["x"]))

    def answered(self, output: Array) -> tuple[Json, list[Array]]:
        return {"outputs": {"output": 0}}, [output]

    def refused(self, call: Json) -> tuple[Json, list[Array]]:
        return {"kind": "unsupported", "message": f"no {call['function']} like this"}, []

    def accident(self, call: Json, x: Array) -> tuple[Json, list[Array]]:
        return self.answered(self.value(call["function"], x))

    # how it travels

    def frame(self, header: Json, arrays: list[Array], room: Json | None = None) -> bytes:
        table, payload = [], b""
        for dtype, shape, raw in arrays:
            entry: Json = {
                "dtype": dtype,
                "shape": shape,
                "offset": len(payload),
                "nbytes": len(raw),
            }
            table.append(entry)
            padding = -len(raw) % self.alignment
            if room and SHARED_FROM <= len(raw) <= room["nbytes"]:
                entry.update(offset=room["offset"], area=True)
                self.share(raw, room["offset"])
                room["offset"] += len(raw) + padding
                room["nbytes"] -= len(raw) + padding
                continue
            payload += raw + bytes(padding)
        return self.bytes_of({**header, "arrays": table}, payload)

    def bytes_of(self, header: Json, payload: bytes) -> bytes:
        head = json.dumps(header).encode()
        return self.prefix.pack(self.magic, len(head), len(payload)) + head + payload

    def share(self, raw: bytes, offset: int) -> None:
        assert self.area is not None
        os.pwrite(self.area["descriptor"], raw, offset)

    def send(self, header: Json, arrays: list[Array] = [], room: Json | None = None) -> None:
        self.write(self.frame(header, arrays, room))

    def write(self, raw: bytes) -> None:
        self.replies.write(raw)
        self.replies.flush()

    def read(self, count: int) -> bytes:
        raw = self.requests.read(count)
        if len(raw) < count:
            self.end()
        return raw

    def end(self) -> None:
        sys.exit(0)

    def receive(self) -> tuple[Json, list[Array]]:
        _, length, size = struct.Struct("<4sIQ").unpack(self.read(16))
        header = json.loads(self.read(length))
        return header, self.arrays(header, size)

    def arrays(self, header: Json, size: int) -> list[Array]:
        payload, arrays = self.read(size), []
        for entry in header["arrays"]:
            start, count = entry["offset"], entry["nbytes"]
            if entry.get("area"):
                assert self.area is not None
                raw = os.pread(self.area["descriptor"], count, start)
            else:
                raw = payload[start : start + count]
            arrays.append(Array(entry["dtype"], entry["shape"], raw))
        return arrays

    # what happens

    def serve(self) -> None:
        while True:
            header, arrays = self.receive()
            if header["type"] == "hello":
                self.area = header["area"]
                self.send(self.hello())
            elif header["type"] == "run":
                self.run(header, arrays)
            elif header["type"] == "bye":
                return self.end()

    def run(self, header: Json, arrays: list[Array]) -> None:
        for case, call in enumerate(header["calls"]):
            reply, outputs = self.reply(call, arrays)
            result = {"type": "result", "id": header["id"], "case": case, "reply": reply}
            self.send(result, outputs, header.get("room"))
        self.send({"type": "done", "id": header["id"]})


# liars: something is wrong with every message


class Speechless(Program):
    def serve(self) -> None:
        sys.exit("there is no license for this device")


class Silent(Program):
    def serve(self) -> None:
        time.sleep(3600)


class Chatty(Program):
    def serve(self) -> None:
        self.write(b"Loading kernels ...\n")
        super().serve()


class OtherMagic(Program):
    magic = b"TSQ2"


class Turned(Program):
    prefix = struct.Struct(">4sIQ")

    def bytes_of(self, header: Json, payload: bytes) -> bytes:
        head = json.dumps(header).encode()
        return self.magic + struct.pack(">IQ", len(head), len(payload)) + head + payload


class Lengthened(Program):
    """Counts characters where bytes are meant, the other way round: one too many."""

    def bytes_of(self, header: Json, payload: bytes) -> bytes:
        head = json.dumps(header).encode()
        return self.prefix.pack(self.magic, len(head) + 1, len(payload)) + head + payload


class Shortened(Program):
    def bytes_of(self, header: Json, payload: bytes) -> bytes:
        head = json.dumps(header).encode()
        return self.prefix.pack(self.magic, len(head) - 1, len(payload)) + head + payload


class NoPayload(Program):
    """Forgets to say how long the payload is."""

    def bytes_of(self, header: Json, payload: bytes) -> bytes:
        head = json.dumps(header).encode()
        return self.prefix.pack(self.magic, len(head), 0) + head + payload


class Unquoted(Program):
    def bytes_of(self, header: Json, payload: bytes) -> bytes:
        head = str(header).encode()
        return self.prefix.pack(self.magic, len(head), len(payload)) + head + payload


class Arrayless(Program):
    def bytes_of(self, header: Json, payload: bytes) -> bytes:
        return super().bytes_of({k: v for k, v in header.items() if k != "arrays"}, payload)


class Typeless(Program):
    def bytes_of(self, header: Json, payload: bytes) -> bytes:
        return super().bytes_of({k: v for k, v in header.items() if k != "type"}, payload)


class Newer(Program):
    def hello(self) -> Json:
        return {**super().hello(), "protocol": 2}


class Dtypeless(Program):
    def hello(self) -> Json:
        return {k: v for k, v in super().hello().items() if k != "dtypes"}


class Misspelt(Program):
    def hello(self) -> Json:
        return {**super().hello(), "enviroment": {}}


class OddDtype(Program):
    def hello(self) -> Json:
        return {**super().hello(), "dtypes": ["float23"]}


class Versionless(Program):
    def hello(self) -> Json:
        return {k: v for k, v in super().hello().items() if k != "version"}


class Rellu(Program):
    def hello(self) -> Json:
        return {**super().hello(), "functions": {"rellu": {}}}


class Unable(Program):
    def hello(self) -> Json:
        return {"type": "hello", "protocol": 1, "reason": "there is no device /dev/toy0"}


class Quieting(Program):
    """Makes every NaN the same one."""

    def echo(self, x: Array) -> Array:
        code = CODES.get(x.dtype)
        return (
            self.mapped(x, lambda number: float("nan") if number != number else number)
            if code
            else x
        )


class Flat(Program):
    """Has no tensors without dimension."""

    def echo(self, x: Array) -> Array:
        return x._replace(shape=x.shape or [1])


class Hasty(Program):
    """Answers a long question with zeros, and reads it some time later."""

    def hello(self) -> Json:
        return {**super().hello(), "area": False}

    def arrays(self, header: Json, size: int) -> list[Array]:
        if size < 1 << 22:
            return super().arrays(header, size)
        zeros = [Array(e["dtype"], e["shape"], bytes(e["nbytes"])) for e in header["arrays"]]
        self.run(header, zeros)
        header["type"] = "answered"
        time.sleep(0.3)
        self.read(size)
        return []


class Impatient(Program):
    """Takes what a single read gives for all there is."""

    def receive(self) -> tuple[Json, list[Array]]:
        first = os.read(self.requests.fileno(), 16)
        if not first:
            self.end()
        _, length, size = struct.unpack("<4sIQ", first)
        header = json.loads(os.read(self.requests.fileno(), length))
        payload = os.read(self.requests.fileno(), size) if size else b""
        payload += bytes(size - len(payload))
        arrays = [
            Array(e["dtype"], e["shape"], payload[e["offset"] : e["offset"] + e["nbytes"]])
            for e in header["arrays"]
        ]
        return header, arrays


class Counting(Program):
    """Numbers the calls from 1."""

    def send(self, header: Json, arrays: list[Array] = [], room: Json | None = None) -> None:
        if "case" in header:
            header["case"] += 1
        super().send(header, arrays, room)


class Anonymous(Program):
    def send(self, header: Json, arrays: list[Array] = [], room: Json | None = None) -> None:
        super().send({k: v for k, v in header.items() if k != "id"}, arrays, room)


class Undone(Program):
    def send(self, header: Json, arrays: list[Array] = [], room: Json | None = None) -> None:
        if header["type"] != "done":
            super().send(header, arrays, room)


class Lazy(Program):
    """Answers the first call of a frame."""

    def run(self, header: Json, arrays: list[Array]) -> None:
        super().run({**header, "calls": header["calls"][:1]}, arrays)


class Replyless(Program):
    def reply(self, call: Json, arrays: list[Array]) -> tuple[Json, list[Array]]:
        return {}, super().reply(call, arrays)[1]


class OddKind(Program):
    def refused(self, call: Json) -> tuple[Json, list[Array]]:
        return {"kind": "unsuported", "message": "no"}, []


class Crying(Program):
    def refused(self, call: Json) -> tuple[Json, list[Array]]:
        return {
            "kind": "raised",
            "message": f"KeyError: {call['function']}",
            "error": "KeyError",
        }, []


class Obliging(Program):
    """Answers what it does not know with what it knows."""

    def refused(self, call: Json) -> tuple[Json, list[Array]]:
        return self.answered(Array("float32", [2], bytes(8)))


class Dying(Program):
    def refused(self, call: Json) -> tuple[Json, list[Array]]:
        sys.exit(f"KeyError: {call['function']}")


class Beyond(Program):
    def answered(self, output: Array) -> tuple[Json, list[Array]]:
        return {"outputs": {"output": 1}}, [output]


class Unnamed(Program):
    def answered(self, output: Array) -> tuple[Json, list[Array]]:
        return {"outputs": {"y": 0}}, [output]


class Half(Program):
    """Says float16 of what is float32."""

    def answered(self, output: Array) -> tuple[Json, list[Array]]:
        dtype = {"float32": "float16"}.get(output.dtype, output.dtype)
        return {"outputs": {"output": 0}}, [output._replace(dtype=dtype)]


class Unaligned(Program):
    def frame(self, header: Json, arrays: list[Array], room: Json | None = None) -> bytes:
        table, payload = [], bytes(4)
        for dtype, shape, raw in arrays:
            table.append(
                {"dtype": dtype, "shape": shape, "offset": len(payload), "nbytes": len(raw)}
            )
            payload += raw
        return self.bytes_of({**header, "arrays": table}, payload if arrays else b"")


class Widening(Program):
    """Computes in float64, and gives that back."""

    def value(self, function: str, x: Array) -> Array:
        y = super().value(function, x)
        if x.dtype == "float64":
            return y
        numbers = struct.unpack(f"<{len(y.raw) // 4}f", y.raw)
        return Array("float64", x.shape, struct.pack(f"<{len(numbers)}d", *numbers))


class Overlapping(Program):
    """Puts every shared answer at the beginning of the room."""

    def frame(self, header: Json, arrays: list[Array], room: Json | None = None) -> bytes:
        return super().frame(header, arrays, dict(room) if room else None)


class Straying(Program):
    """Shares an answer where there is no memory."""

    def frame(self, header: Json, arrays: list[Array], room: Json | None = None) -> bytes:
        if room:
            room = {"offset": 1 << 27, "nbytes": room["nbytes"]}
        return super().frame(header, arrays, room)


class Staying(Program):
    def end(self) -> None:
        time.sleep(3600)


class Deaf(Program):
    """Does not notice that its stdin has ended."""

    def read(self, count: int) -> bytes:
        raw = self.requests.read(count)
        while len(raw) < count:
            time.sleep(1)
        return raw


class Ending(Program):
    """Ends after its first frame."""

    def run(self, header: Json, arrays: list[Array]) -> None:
        super().run(header, arrays)
        sys.exit(0)


# accidents: they happen where there is a 13


class Segfaulting(Program):
    def accident(self, call: Json, x: Array) -> tuple[Json, list[Array]]:
        os.write(2, b"last words\n")
        os.kill(os.getpid(), signal.SIGSEGV)
        return self.refused(call)


class Aborting(Program):
    def accident(self, call: Json, x: Array) -> tuple[Json, list[Array]]:
        os.abort()


class Leaving(Program):
    def accident(self, call: Json, x: Array) -> tuple[Json, list[Array]]:
        os._exit(0)


class Hanging(Program):
    def accident(self, call: Json, x: Array) -> tuple[Json, list[Array]]:
        signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals))
        while True:
            time.sleep(3600)


class Looping(Program):
    def accident(self, call: Json, x: Array) -> tuple[Json, list[Array]]:
        while True:
            pass


class Growing(Program):
    """Takes memory until somebody stops it, or there is a gigabyte."""

    def accident(self, call: Json, x: Array) -> tuple[Json, list[Array]]:
        kept: list[bytes] = []
        while len(kept) < 64:
            kept.append(b"x" * (1 << 24))
        return self.answered(self.value(call["function"], x))


class Leaking(Program):
    """Keeps a megabyte of each call."""

    kept: list[bytes] = []  # noqa: RUF012 - that is the fault

    def value(self, function: str, x: Array) -> Array:
        self.kept.append(b"x" * (1 << 20))
        return super().value(function, x)


class Babbling(Program):
    """Megabytes on both channels; what is printed goes to stderr in an honest program."""

    def accident(self, call: Json, x: Array) -> tuple[Json, list[Array]]:
        for _ in range(2):
            os.write(1, b"x" * (3 << 20))
            os.write(2, b"x" * (3 << 20))
        return self.answered(self.value(call["function"], x))


class Garbling(Program):
    def accident(self, call: Json, x: Array) -> tuple[Json, list[Array]]:
        self.write(b"?" * 4096)
        return self.answered(self.value(call["function"], x))


class WrongDtype(Program):
    def accident(self, call: Json, x: Array) -> tuple[Json, list[Array]]:
        count = len(x.raw) // struct.calcsize(CODES[x.dtype])
        return self.answered(Array("int32", x.shape, bytes(4 * count)))


class WrongShape(Program):
    def accident(self, call: Json, x: Array) -> tuple[Json, list[Array]]:
        return self.answered(self.value(call["function"], x)._replace(shape=[1, *x.shape]))


class WrongCount(Program):
    def accident(self, call: Json, x: Array) -> tuple[Json, list[Array]]:
        return {"outputs": {}}, []


class Repeating(Program):
    """Gives the answer of an earlier call."""

    last: Array | None = None

    def value(self, function: str, x: Array) -> Array:
        self.last = super().value(function, x)
        return self.last

    def accident(self, call: Json, x: Array) -> tuple[Json, list[Array]]:
        return self.answered(self.last or x)


class Erring(Program):
    """Is wrong about 13."""

    def accident(self, call: Json, x: Array) -> tuple[Json, list[Array]]:
        return self.answered(self.mapped(x, lambda number: number + number + 1))


class Mislabelling(Program):
    """Says that an answer belongs to an earlier call."""

    def run(self, header: Json, arrays: list[Array]) -> None:
        for case, call in enumerate(header["calls"]):
            reply, outputs = self.reply(call, arrays)
            wrong = any(map(self.triggered, (arrays[index] for index in call["inputs"].values())))
            result = {"type": "result", "id": header["id"], "case": case - wrong, "reply": reply}
            self.send(result, outputs)
        self.send({"type": "done", "id": header["id"]})


class Overwriting(Program):
    """Changes its input, and says so."""

    def accident(self, call: Json, x: Array) -> tuple[Json, list[Array]]:
        reply, outputs = self.answered(self.value(call["function"], x))
        return {**reply, "changed": ["x"]}, outputs


class Spawning(Program):
    """Leaves a child behind that holds its pipes."""

    def accident(self, call: Json, x: Array) -> tuple[Json, list[Array]]:
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"], close_fds=False)
        return self.answered(self.value(call["function"], x))


class Raising(Program):
    def accident(self, call: Json, x: Array) -> tuple[Json, list[Array]]:
        return {"kind": "raised", "message": "thirteen is unlucky", "error": "ValueError"}, []


class Refusing(Program):
    def accident(self, call: Json, x: Array) -> tuple[Json, list[Array]]:
        return self.refused(call)


class Forgetting(Program):
    """Says nothing to a call, and goes on with the next."""

    def run(self, header: Json, arrays: list[Array]) -> None:
        for case, call in enumerate(header["calls"]):
            if any(map(self.triggered, (arrays[index] for index in call["inputs"].values()))):
                continue
            reply, outputs = self.reply(call, arrays)
            self.send({"type": "result", "id": header["id"], "case": case, "reply": reply}, outputs)
        self.send({"type": "done", "id": header["id"]})


class Fragile(Program):
    """Shows at each number of a table another fault, and one of them, the leak, from then on."""

    names = (
        "segfault abort exit goodbye orphan hang loop growth shouting garbage promise half echo "
        "before dtype shape count mutation rounding flushing children exception leak"
    )
    numbers: ClassVar = dict(enumerate(names.split(), 1001))
    piece = 1 << 28

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[bytes] = []
        self.leaks = False
        self.last = Array("float32", [], bytes(4))

    def hello(self) -> Json:
        targets = [{"device": "cpu", "mode": "miniature"}]
        return {**super().hello(), "targets": targets, "functions": {"faulty": {}}}

    def value(self, function: str, x: Array) -> Array:
        if self.leaks:
            self.take()
        self.last = super().value("twice", x)
        return self.last

    def take(self) -> None:
        try:
            self.kept.append(bytes(self.piece))
        except MemoryError:
            os.write(2, b"out of memory\n")
            os._exit(3)

    def reply(self, call: Json, arrays: list[Array]) -> tuple[Json, list[Array]]:
        if call["function"] == "faulty":
            x = arrays[call["inputs"]["x"]]
            count = len(x.raw) // struct.calcsize(CODES[x.dtype])
            for number in struct.unpack(f"<{count}{CODES[x.dtype]}", x.raw):
                if number in self.numbers:
                    shown: tuple[Json, list[Array]] = getattr(self, self.numbers[int(number)])(x)
                    return shown
        return super().reply(call, arrays)

    def double(self, x: Array) -> tuple[Json, list[Array]]:
        return self.answered(super().value("twice", x))

    def segfault(self, x: Array) -> None:
        import ctypes

        ctypes.string_at(0)

    def abort(self, x: Array) -> None:
        os.abort()

    def exit(self, x: Array) -> None:
        os._exit(0)

    def goodbye(self, x: Array) -> None:
        raise SystemExit

    def orphan(self, x: Array) -> None:
        if os.fork() == 0:
            signal.pause()
        os._exit(0)

    def hang(self, x: Array) -> None:
        import ctypes

        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        ctypes.PyDLL(None).pause()  # unlike CDLL, it keeps the GIL

    def loop(self, x: Array) -> None:
        while True:
            time.sleep(0.001)  # whoever waits for the end has other things to do

    def growth(self, x: Array) -> None:
        while True:
            self.take()

    def shouting(self, x: Array) -> tuple[Json, list[Array]]:
        for channel in (1, 2, 1, 2):
            os.write(channel, b"x" * (3 << 20))
        return self.double(x)

    def garbage(self, x: Array) -> tuple[Json, list[Array]]:
        self.write(b"?" * 4096)
        return self.double(x)

    def promise(self, x: Array) -> tuple[Json, list[Array]]:
        self.write(self.prefix.pack(self.magic, 2, 1 << 60))
        return self.double(x)

    def earlier(self) -> bytes:
        """The answer to the first call of the first frame."""
        reply, arrays = self.answered(Array("float32", [1], bytes(4)))
        return self.frame({"type": "result", "id": 1, "case": 0, "reply": reply}, arrays)

    def half(self, x: Array) -> None:
        frame = self.earlier()
        self.write(frame[: len(frame) // 2])
        os._exit(0)

    def echo(self, x: Array) -> Any:
        if x.dtype == "float32" and x.shape == [] and struct.unpack("<f", x.raw) == (1013,):
            self.write(self.earlier())
            return self.double(x)
        return super().echo(x)

    def before(self, x: Array) -> tuple[Json, list[Array]]:
        return self.answered(self.last)

    def dtype(self, x: Array) -> tuple[Json, list[Array]]:
        (number,) = struct.unpack("<f", x.raw)
        return self.answered(Array("float64", x.shape, struct.pack("<d", 2 * number)))

    def shape(self, x: Array) -> tuple[Json, list[Array]]:
        return self.answered(super().value("twice", x)._replace(shape=[1]))

    def count(self, x: Array) -> tuple[Json, list[Array]]:
        double = super().value("twice", x)
        return self.answered(double._replace(shape=[2], raw=2 * double.raw))

    def mutation(self, x: Array) -> tuple[Json, list[Array]]:
        reply, arrays = self.double(x)
        return {**reply, "changed": ["x"]}, arrays

    def rounding(self, x: Array) -> tuple[Json, list[Array]]:
        return self.bent(x, (4, 0xC00, 0x800), (28, 0x6000, 0x4000), (0, 3 << 22, 1 << 22))

    def flushing(self, x: Array) -> tuple[Json, list[Array]]:
        return self.bent(x, (4, 0, 0), (28, 0x8040, 0x8040), (0, 1 << 24, 1 << 24))

    def bent(self, x: Array, *settings: tuple[int, int, int]) -> tuple[Json, list[Array]]:
        """Change the arithmetic, say what one sees of it, and change it back."""
        import ctypes
        import platform

        *intel, arm = settings
        library, usual = ctypes.CDLL(None), ctypes.create_string_buffer(256)
        library.fegetenv(usual)
        changed = ctypes.create_string_buffer(usual.raw, 256)
        for place, mask, bits in [arm] if platform.machine() in {"aarch64", "arm64"} else intel:
            (now,) = struct.unpack_from("<I", changed, place)
            struct.pack_into("<I", changed, place, now & ~mask | bits)
        reply, arrays = self.double(x)
        library.fesetenv(changed)
        found = self.arithmetic(float("1"), float("0.5"))
        library.fesetenv(usual)
        return {**reply, "bent": found}, arrays

    def arithmetic(self, one: float, half: float) -> str:
        """How this thread computes; as arguments, the numbers are not worked out beforehand."""
        ways = {
            "rounds upwards": one + 2.0**-60 > one,
            "takes subnormals for zero": 2.0**-1060 * (one * 2.0**200) == 0,
            "flushes results to zero": 2.0**-1022 * half * (one * 2.0**200) == 0,
        }
        return ", ".join(words for words, so in ways.items() if so)

    def children(self, x: Array) -> tuple[Json, list[Array]]:
        subprocess.Popen(["sleep", "3600"])  # noqa: S607 - any one that stays
        return self.double(x)

    def exception(self, x: Array) -> tuple[Json, list[Array]]:
        return {"kind": "raised", "message": "between us", "error": "PrivateError"}, []

    def leak(self, x: Array) -> tuple[Json, list[Array]]:
        self.leaks = True
        self.take()
        return self.double(x)


def _named(base: type[Program]) -> Iterator[tuple[str, type[Program]]]:
    for kind in base.__subclasses__():
        yield kind.__name__.lower(), kind


PROGRAMS: dict[str, type[Program]] = {"honest": Program, **dict(_named(Program))}


def declared(folder: Path, fault: str) -> Path:
    """Write the file that declares the program with this fault; return its path."""
    path = folder / f"{fault}.yaml"
    command = json.dumps([sys.executable, "-I", "-S", str(Path(__file__).resolve()), fault])
    path.write_text(f"protocol: 1\nbackend: {fault}\ncommand: {command}\n", encoding="utf-8")
    return path


if __name__ == "__main__":
    PROGRAMS[sys.argv[1]]().serve()
