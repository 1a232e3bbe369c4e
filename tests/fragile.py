# ruff: noqa: ARG002 - a backend has the methods that it has to have
"""Backends that double a number, unless it is 13: then they die, hang, babble or refuse.

Loaded by a worker as `fragile:NAME`.
"""

from __future__ import annotations

import ctypes
import os
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from trysquare.backend import Array, Call, Offer, Spelling, Target, Tensor, Tensors, Unavailable
from trysquare.errors import Unsupported
from trysquare.spec import Spec
from trysquare_miniatures.fragile import Double

TRIGGER = 13
MEGABYTES = b"x" * (3 << 20)


class Fragile(Double):
    """Answers in NumPy; `accident` happens when it meets the trigger."""

    def __init__(self, name: str, accident: Callable[[Fragile, Array], Tensor]) -> None:
        super().__init__(name)
        self.accident, self.answered, self.gone = accident, 0, False

    def targets(self) -> tuple[Offer, ...]:
        return (
            Target(self.name, "cpu", "eager"),
            Target(self.name, "cpu", "other"),
            Unavailable(Target(self.name, "gpu", "eager"), "there is no GPU"),
        )

    def value(self, spec: Spec, call: Call, tensors: Tensors) -> Tensor:
        x = tensors["x"]
        if self.gone:
            raise RuntimeError("there is no device any more")
        if TRIGGER in x:
            return self.accident(self, x)
        self.answered += 1
        return x + x

    def lost(self) -> bool:
        return self.gone

    def environment(self) -> Mapping[str, str]:
        return {"pid": str(os.getpid()), "threads": os.environ["OMP_NUM_THREADS"]}


class Forgetful(Fragile):
    """Loses the payload of NaN, and flushes subnormal results."""

    def to_tensor(self, array: Array, device: str) -> Tensor:
        if array.dtype == np.float32:
            return np.where(np.isnan(array), np.float32(np.nan), array)
        return array.copy()

    def multiply(self, a: Tensor, b: Tensor) -> Tensor:
        product = a * b
        if product.dtype == np.float64:
            return np.where(np.abs(product) < np.finfo(np.float64).tiny, 0.0, product)
        return product


class Misspelling(Fragile):
    """Binds functions under names that nobody asks for."""

    absent = MappingProxyType({"softmaks": "there is none", "sigmoid": "there is none"})

    def spellings(self) -> Mapping[str, Spelling]:
        return dict.fromkeys(["sigmoit", "mine", "relu"], Spelling("x + x", {}))


class Fallen(Fragile):
    """Says of itself that it runs eagerly, whatever it is asked to be."""

    def mode(self) -> str:
        return "eager"


class Literate(Fragile):
    """Counts the letters of the function that its spec is about."""

    def value(self, spec: Spec, call: Call, tensors: Tensors) -> Tensor:
        return np.full_like(tensors["x"], len(spec.function))


def refuse(error: Exception) -> Callable[[Fragile, Array], Tensor]:
    def accident(_: Fragile, _x: Array) -> Tensor:
        raise error

    return accident


class Wordless(Exception):  # noqa: N818 - it has no name for itself either
    """Fails to say what is wrong."""

    def __str__(self) -> str:
        raise RuntimeError("speechless")


def segfault(_: Fragile, _x: Array) -> Tensor:
    os.write(2, b"last words\n")
    os.kill(os.getpid(), signal.SIGSEGV)


def leave(_: Fragile, _x: Array) -> Tensor:
    os._exit(3)


def hang(_: Fragile, _x: Array) -> Tensor:
    while True:
        time.sleep(3600)


def hang_in_c(_: Fragile, _x: Array) -> Tensor:
    subprocess.Popen(["sleep", "3600"])  # noqa: S607 - who is left behind, if anybody
    while True:
        ctypes.PyDLL(None).pause()  # holds the GIL


def babble(_: Fragile, x: Array) -> Tensor:
    for _line in range(2):
        os.write(1, MEGABYTES)
        os.write(2, MEGABYTES)
    print("and so on")  # noqa: T201 - that is the accident
    return x + x


def spoil_the_pipe(_: Fragile, x: Array) -> Tensor:
    for descriptor in range(3, 64):
        try:
            if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
                os.write(descriptor, b"?" * 4096)
        except OSError:
            continue
    return x + x


def die_unless_first(self: Fragile, x: Array) -> Tensor:
    if self.answered:
        os._exit(4)
    return x + x


def lose_the_device(self: Fragile, _: Array) -> Tensor:
    self.gone = True
    raise RuntimeError("device-side assert triggered")


def overwrite(_: Fragile, x: Array) -> Tensor:
    x += x
    return x


def read_stdin(_: Fragile, x: Array) -> Tensor:
    return x + len(os.read(0, 1))


def return_float64(_: Fragile, x: Array) -> Tensor:
    return (x + x).astype(np.float64).reshape(1, -1)


def return_complex(_: Fragile, x: Array) -> Tensor:
    return (x + x).astype(np.complex64)


ACCIDENTS: dict[str, Callable[[Fragile, Array], Tensor]] = {
    "raises": refuse(ValueError("thirteen is \x1b[31munlucky")),
    "has_no_words": refuse(Wordless()),
    "has_no_kernel": refuse(NotImplementedError("no kernel for thirteen")),
    "has_no_such_thing": refuse(Unsupported("there is no thirteen")),
    "segfaults": segfault,
    "leaves": leave,
    "hangs": hang,
    "hangs_in_c": hang_in_c,
    "babbles": babble,
    "spoils_the_pipe": spoil_the_pipe,
    "dies_unless_first": die_unless_first,
    "loses_its_device": lose_the_device,
    "overwrites": overwrite,
    "reads_stdin": read_stdin,
    "wrong_dtype": return_float64,
    "unheard_of_dtype": return_complex,
}

backend = Fragile("sound", lambda _, x: x + x)
forgetful = Forgetful("forgetful", lambda _, x: x + x)
misspelling = Misspelling("misspelling", lambda _, x: x + x)
fallen = Fallen("fallen", lambda _, x: x + x)
literate = Literate("literate", lambda _, x: x + x)


def __getattr__(name: str) -> Any:
    if name == "dies_at_once":
        os._exit(7)
    if name == "never_starts":
        hang(backend, np.zeros(1))
    if name in ACCIDENTS:
        return Fragile(name, ACCIDENTS[name])
    raise AttributeError(name)
