"""What a backend is: targets, calls and replies. Knows no framework."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from importlib import metadata
from typing import Any

import numpy as np

from trysquare.errors import Unsupported
from trysquare.spec import Spec, Value

INDEX_DTYPE = "int64"
"""The dtype in which indices are sent."""

ALWAYS = frozenset({INDEX_DTYPE, "bool"})
"""What every target is sent besides its own dtypes."""

Array = np.ndarray[Any, np.dtype[Any]]
Tensor = Any
"""A framework's own tensor; the harness never looks inside."""


@dataclass(frozen=True, order=True)
class Target:
    """Where a function runs: backend, device and mode, written `backend:device:mode`."""

    backend: str
    device: str
    mode: str

    def __str__(self) -> str:
        return f"{self.backend}:{self.device}:{self.mode}"


@dataclass(frozen=True)
class Unavailable:
    """A target, or a whole backend (device and mode empty), that cannot run here, and why.

    `broken` says that it is here, but raised, died or hung while it was loaded.
    """

    target: Target
    reason: str
    broken: bool = False


@dataclass(frozen=True)
class OnRequest:
    """A target that is here and measured only where somebody names it, and why that is so."""

    target: Target
    why: str


Offer = Target | OnRequest | Unavailable
"""What a backend says of each target that it knows of."""


def choose(offers: Sequence[Offer], asked: Target) -> Target | Unavailable:
    """Return the target that was asked for; without device and mode, the usual one, the first."""
    for offer in offers:
        place = offer if isinstance(offer, Target) else offer.target
        if not asked.device or (place.device, place.mode) == (asked.device, asked.mode):
            return offer if isinstance(offer, Unavailable) else place
    known = ", ".join(str(offer) for offer in offers if isinstance(offer, Target))
    return Unavailable(asked, f"there is no such target, only {known}", broken=True)


class Want(StrEnum):
    """What a call asks for."""

    VALUE = "value"
    GRADIENT = "gradient"
    SECOND = "second"
    INPLACE = "inplace"
    SAVED = "saved"

    @property
    def derives(self) -> bool:
        """Whether the answer is a derivative, of an input's name and shape."""
        return self in (Want.GRADIENT, Want.SECOND)


class Form(StrEnum):
    """How the elements of a tensor lie in memory; its numbers and its shape are the same."""

    CONTIGUOUS = "contiguous"
    STRIDED = "strided"
    """Every element is followed by one that is not the tensor's."""
    TRANSPOSED = "transposed"
    """The first dimension runs fastest, and not the last."""
    EXPANDED = "expanded"
    """Along the first dimension, all is the same memory."""

    def suits(self, array: Array) -> bool:
        """Return whether a tensor of these elements can lie so, and not just as it would anyway."""
        match self:
            case Form.CONTIGUOUS:
                return False
            case Form.STRIDED:
                return array.ndim > 0
            case Form.TRANSPOSED:
                return array.ndim > 1
            case Form.EXPANDED:
                parts = {part.tobytes() for part in array} if array.ndim else ()
                return len(parts) == 1 and len(array) > 1


@dataclass(frozen=True)
class Call:
    """One call of one function.

    Inputs and parameters that are absent are left out of the framework's call. `wrt` names the
    inputs whose gradient is wanted, `cotangent` has the shape of the output. `canonical` asks for
    the binding's extra arguments that make the framework's function mean the spec's. SECOND derives
    again: what `cotangent` is multiplied with is the derivative of the gradient of the sum. SAVED
    overwrites, in place, a tensor that an earlier differentiable operation still needs, and then
    asks for the gradient. Every tensor that can lie in memory as `form` says does so.
    """

    function: str
    inputs: Mapping[str, Array]
    parameters: Mapping[str, Value | None]
    want: Want = Want.VALUE
    wrt: tuple[str, ...] = ()
    cotangent: Array | None = None
    canonical: bool = True
    seed: int | None = None
    form: Form = Form.CONTIGUOUS
    threads: int = 1


@dataclass(frozen=True)
class Answer:
    """What came back: `output`, or one gradient for each input in `wrt`.

    `changed` names the inputs whose bits are not what was sent, `shares` those whose storage the
    output occupies. `bent` says how the thread computes afterwards, if not as before. `seconds` is
    the time in the framework. `note` says what happened on the way (a process that died, but not of
    this call).
    """

    outputs: Mapping[str, Array]
    changed: tuple[str, ...] = ()
    shares: tuple[str, ...] = ()
    seconds: float = 0.0
    note: str = ""
    bent: str = ""


class Kind(StrEnum):
    """Why there is no answer."""

    UNSUPPORTED = "unsupported"
    RAISED = "raised"
    CRASHED = "crashed"
    TIMED_OUT = "timed out"
    ERRORED = "errored"


@dataclass(frozen=True)
class Refusal:
    """No answer: the reason the backend gave, the exception it raised, or how its process ended.

    ERRORED is a fault of ours (a spec or a binding), never the framework's.
    """

    kind: Kind
    message: str
    error: str = ""


Reply = Answer | Refusal


@dataclass(frozen=True)
class Spelling:
    """How a framework spells a function: the call, and its own defaults by parameter.

    `means` holds those defaults that the spec has a word for, in the spec's words. `arranged`: the
    tensors are brought into another form before the call.
    """

    text: str
    defaults: Mapping[str, str]
    means: Mapping[str, Value] = field(default_factory=dict)
    arranged: bool = False


Tensors = Mapping[str, Tensor]
"""The inputs of a call by name, or gradients by the input that they belong to."""


class Backend(ABC):
    """One framework, or anything else that can answer a call.

    `package` is the distribution whose version is reported, `target` what a worker serves. A module
    in the namespace package `trysquare_backends` holds one as its attribute `backend`.
    """

    name: str
    package: str
    target: Target
    absent: Mapping[str, str] = {}
    """Functions that the framework does not have, and why that is so."""
    underived: str = ""
    """Why there are no gradients, where there are none at all."""

    def version(self) -> str:
        """Return the version of what is measured."""
        return metadata.version(self.package)

    @abstractmethod
    def targets(self) -> tuple[Offer, ...]:
        """Return every target that this backend knows of, the usual one first."""

    def prepare(self, target: Target) -> None:
        """Get ready to answer for one target, the only one that this process serves.

        Called once, before anything but `targets` is asked.
        """
        self.target = target

    def mode(self) -> str:
        """Return the mode that calls run in, as a call finds out by itself where it can.

        A target whose mode is switched off by a setting of the framework would otherwise pass for
        one that it is not.
        """
        return self.target.mode

    @abstractmethod
    def dtypes(self, target: Target) -> frozenset[str]:
        """Return the names of the dtypes that can be sent to a target."""

    @abstractmethod
    def to_tensor(self, array: Array, device: str) -> Tensor:
        """Copy an array into a new tensor, bit for bit."""

    @abstractmethod
    def to_array(self, tensor: Tensor) -> Array:
        """Copy a tensor of any dtype, with its own dtype and shape, bit for bit."""

    @abstractmethod
    def value(self, spec: Spec, call: Call, tensors: Tensors) -> Tensor:
        """Return what the function gives; Unsupported if there is no such function or parameter."""

    def prepared(self, spec: Spec, call: Call) -> Callable[[Tensors], Tensor]:
        """Return `value` of tensors like those of the call, for when it is called many times."""
        return partial(self.value, spec, call)

    @abstractmethod
    def gradients(
        self, spec: Spec, call: Call, tensors: Tensors, cotangent: Tensor | None
    ) -> Tensors:
        """Return the gradient for each input in `call.wrt`; without cotangent, of the sum.

        With Want.SAVED, these inputs are results of operations that still need them.
        """

    def second(self, spec: Spec, call: Call, tensors: Tensors, cotangent: Tensor) -> Tensors:  # noqa: ARG002 - what others take
        """Return the gradient of the sum of cotangent times gradient, for the input in `call.wrt`.

        The function treats every number alone, so it is cotangent times the second derivative.
        """
        raise Unsupported(f"{self.name} derives nothing twice")

    @abstractmethod
    def multiply(self, a: Tensor, b: Tensor) -> Tensor:
        """Return the framework's own product, to find out what it does with subnormals."""

    @abstractmethod
    def storage(self, tensor: Tensor) -> Hashable:
        """Return what identifies the memory in which a tensor lives."""

    def formed(self, tensor: Tensor, form: Form) -> Tensor:  # noqa: ARG002 - what others take
        """Return a tensor of the same elements that lie in memory like this; never CONTIGUOUS."""
        raise Unsupported(f"the tensors of {self.name} are never {form}")

    def threads(self, count: int) -> AbstractContextManager[Any]:
        """Return a context in which operations use so many threads; everywhere else it is one."""
        raise Unsupported(f"the number of threads of {self.name} is fixed, not {count}")

    def seed(self, number: int) -> None:
        """Seed the framework's random numbers."""
        raise Unsupported(f"{self.name} has no random numbers to seed ({number})")

    def spellings(self) -> Mapping[str, Spelling]:
        """Return how each function is called, where there is something to call."""
        return {}

    def written(self, spec: Spec, call: Call) -> str:
        """Return a call as Python source, where there is something public to call.

        Raises Unsupported like the call itself.
        """
        raise Unsupported(f"{self.name} computes {spec.function} itself ({call.function})")

    def environment(self) -> Mapping[str, str]:
        """Return the settings that influence results, an explicit few."""
        return {}

    def on(self, device: str) -> AbstractContextManager[Any]:
        """Return a context in which operations run on a device."""
        return nullcontext(device)

    def lacks(self, error: Exception) -> bool:
        """Whether an exception says that the framework has no kernel, not that a call is wrong."""
        return isinstance(error, NotImplementedError)

    def lost(self) -> bool:
        """Whether, after an exception, this process is of no use: its device fails every call."""
        return False
