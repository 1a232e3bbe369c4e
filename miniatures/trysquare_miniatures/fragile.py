# ruff: noqa: ARG002 - a backend has the methods that it has to have
"""A backend that doubles a number, and shows every fault of `faults` at the number of that fault.

Loaded by a worker as `trysquare_miniatures.fragile:backend`, or as `:sound`, which has no faults.
"""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import stat
import struct
import subprocess
import time
from collections.abc import Callable, Hashable, Iterator
from threading import Lock

import numpy as np

from trysquare.backend import Answer, Array, Backend, Call, Offer, Target, Tensor, Tensors
from trysquare.spec import Spec
from trysquare.workers.frames import MAGIC, PREFIX, Message, Type, encode
from trysquare.workers.protocol import pack_reply
from trysquare_miniatures.faults import FAULTS

PIECE = 1 << 28
SHOUT = b"x" * (3 << 20)


class Double(Backend):
    """Adds a number to itself, in NumPy."""

    package = "numpy"

    def __init__(self, name: str) -> None:
        self.name = name

    def targets(self) -> tuple[Offer, ...]:
        return (Target(self.name, "cpu", "miniature"),)

    def dtypes(self, target: Target) -> frozenset[str]:
        return frozenset({"float64", "float32", "bfloat16"})

    def to_tensor(self, array: Array, device: str) -> Tensor:
        return array.copy()

    def to_array(self, tensor: Tensor) -> Array:
        return np.array(tensor)

    def value(self, spec: Spec, call: Call, tensors: Tensors) -> Tensor:
        return tensors["x"] + tensors["x"]

    def gradients(
        self, spec: Spec, call: Call, tensors: Tensors, cotangent: Tensor | None
    ) -> Tensors:
        return {name: 2 * np.asarray(cotangent) for name in call.wrt}

    def multiply(self, a: Tensor, b: Tensor) -> Tensor:
        return a * b

    def storage(self, tensor: Tensor) -> Hashable:
        return id(tensor)


class Fragile(Double):
    """Shows all faults, and one of them, the leak, from then on."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.before: Tensor = np.zeros((), np.float32)
        self.kept: list[Array] = []
        self.leaks = False

    def value(self, spec: Spec, call: Call, tensors: Tensors) -> Tensor:
        """Return the double, unless this is the number of a fault."""
        x = tensors["x"]
        for fault in FAULTS:
            if (x == fault.number).any():
                return ACCIDENTS[fault.name](self, x)
        if self.leaks:
            self.kept.append(np.empty(PIECE, np.uint8))
        self.before = x + x
        return self.before


class PrivateError(Exception):
    """Cannot be pickled, since nobody else can hold what it holds."""

    def __init__(self) -> None:
        super().__init__("between us")
        self.lock = Lock()


def segfault(_: Fragile, _x: Array) -> Tensor:
    return ctypes.string_at(0)


def abort(_: Fragile, _x: Array) -> Tensor:
    os.abort()


def leave(_: Fragile, _x: Array) -> Tensor:
    os._exit(0)


def goodbye(_: Fragile, _x: Array) -> Tensor:
    raise SystemExit


def orphan(_: Fragile, _x: Array) -> Tensor:
    if os.fork() == 0:
        signal.pause()
    os._exit(0)


def hang(_: Fragile, _x: Array) -> Tensor:
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    return ctypes.PyDLL(None).pause()  # unlike CDLL, it keeps the GIL


def loop(_: Fragile, _x: Array) -> Tensor:
    while True:
        time.sleep(0.001)  # whoever waits for the end has other things to do


def grow(self: Fragile, _x: Array) -> Tensor:
    while True:
        self.kept.append(np.empty(PIECE, np.uint8))


def shout(_: Fragile, x: Array) -> Tensor:
    for _again in range(2):
        os.write(1, SHOUT)
        os.write(2, SHOUT)
    return x + x


def pipes() -> Iterator[int]:
    """Yield the descriptors of pipes that are not the usual three."""
    for descriptor in range(3, 64):
        try:
            if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
                yield descriptor
        except OSError:
            continue


def say(words: bytes) -> None:
    """Write where answers belong; the other pipes are only to be read."""
    for descriptor in pipes():
        try:
            os.write(descriptor, words)
        except OSError:
            continue


def babble(_: Fragile, x: Array) -> Tensor:
    say(b"?" * 4096)
    return x + x


def promise(_: Fragile, x: Array) -> Tensor:
    say(PREFIX.pack(MAGIC, 2, 1 << 60))
    return x + x


def earlier() -> bytes:
    """Return the answer to the first case of the first frame."""
    arrays: list[Array] = []
    reply = pack_reply(Answer({"output": np.zeros(1, np.float32)}), arrays)
    return encode(Message(Type.RESULT, {"id": 1, "case": 0, "reply": reply}, tuple(arrays)))


def half(_: Fragile, _x: Array) -> Tensor:
    frame = earlier()
    say(frame[: len(frame) // 2])
    os._exit(0)


def echo(_: Fragile, x: Array) -> Tensor:
    say(earlier())
    return x + x


def overwrite(_: Fragile, x: Array) -> Tensor:
    double = x + x
    x += x
    return double


def round_upwards(output: Tensor) -> Tensor:
    upwards = 0x400000 if platform.machine() in {"aarch64", "arm64"} else 0x800
    ctypes.CDLL(None).fesetround(upwards)
    return output


def flush(_: Fragile, x: Array) -> Tensor:
    settings = ctypes.create_string_buffer(256)
    arm = platform.machine() in {"aarch64", "arm64"}
    place, bits = (0, 1 << 24) if arm else (28, 0x8040)  # FPCR.FZ; FTZ and DAZ of MXCSR
    ctypes.CDLL(None).fegetenv(settings)
    (now,) = struct.unpack_from("<I", settings, place)
    struct.pack_into("<I", settings, place, now | bits)
    ctypes.CDLL(None).fesetenv(settings)
    return x + x


def start_a_child(_: Fragile, x: Array) -> Tensor:
    subprocess.Popen(["sleep", "3600"])  # noqa: S607 - any one that stays
    return x + x


def refuse(_: Fragile, _x: Array) -> Tensor:
    raise PrivateError


def leak(self: Fragile, x: Array) -> Tensor:
    self.leaks = True
    return x + x


ACCIDENTS: dict[str, Callable[[Fragile, Array], Tensor]] = {
    "segfault": segfault,
    "abort": abort,
    "exit": leave,
    "goodbye": goodbye,
    "orphan": orphan,
    "hang": hang,
    "loop": loop,
    "growth": grow,
    "shouting": shout,
    "garbage": babble,
    "promise": promise,
    "half": half,
    "echo": echo,
    "before": lambda self, _x: self.before,
    "dtype": lambda _, x: (x + x).astype(np.float64),
    "shape": lambda _, x: (x + x)[None],
    "count": lambda _, x: np.stack([x + x, x + x]),
    "mutation": overwrite,
    "rounding": lambda _, x: round_upwards(x + x),
    "flushing": flush,
    "children": start_a_child,
    "exception": refuse,
    "leak": leak,
}
"""What happens at each fault."""

backend = Fragile("fragile")
sound = Double("fragile")
