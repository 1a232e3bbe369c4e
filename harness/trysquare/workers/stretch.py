"""Consecutive numbers, block by block: what a worker is told, and how it answers into an area."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from trysquare.backend import (
    Answer,
    Array,
    Backend,
    Call,
    Kind,
    Refusal,
    Reply,
    Target,
    Tensor,
    Tensors,
    Want,
)
from trysquare.dtypes import FORMATS, Format
from trysquare.errors import ProtocolError
from trysquare.spec import Spec, Value
from trysquare.workers.area import attached
from trysquare.workers.arithmetic import Arithmetic
from trysquare.workers.frames import Json, malformed
from trysquare.workers.protocol import pack_values, text, unpack_values


@dataclass(frozen=True)
class Stretch:
    """Blocks of `length` numbers from `first` on, in the order of size.

    The function is called once for each block, with a one-dimensional tensor; with `gradient` its
    derivative is asked for, with ones from above. The answers go into the area, which is `size`
    bytes large, from `offset` on.
    """

    function: str
    variable: str
    parameters: Mapping[str, Value | None]
    dtype: str
    gradient: bool
    first: int
    blocks: int
    length: int
    size: int
    offset: int

    def only(self, block: int) -> Stretch:
        """Return one block of it, with the same place in the area."""
        one = FORMATS[self.dtype].width // 8 * self.length
        return Stretch(**{
            **vars(self),
            "first": self.first + block * self.length,
            "blocks": 1,
            "offset": self.offset + block * one,
        })  # fmt: skip


def pack(stretch: Stretch) -> Json:
    """Return a stretch as JSON."""
    return {**vars(stretch), "parameters": pack_values(stretch.parameters)}


def unpack(packed: Json) -> Stretch:
    """Return the stretch that was packed; ProtocolError if it is none."""
    with malformed("stretch"):
        found = Stretch(
            function=text(packed["function"]),
            variable=text(packed["variable"]),
            parameters=unpack_values(packed["parameters"]),
            dtype=FORMATS[packed["dtype"]].name,
            gradient=bool(packed["gradient"]),
            **{name: _count(packed[name]) for name in _COUNTS},
        )
        width = FORMATS[found.dtype].width
        if found.offset + found.blocks * found.length * (width // 8) > found.size:
            raise ValueError("the answers do not fit into the area")
        if found.first + found.blocks * found.length > 1 << width:
            raise ValueError("there are not so many numbers")
        return found


_COUNTS = ("first", "blocks", "length", "size", "offset")


def _count(value: object) -> int:
    if type(value) is not int or not 0 <= value <= 1 << 62:
        raise ValueError(f"{value!r} is no count")
    return value


def numbers(format: Format, first: int, count: int) -> Array:
    """Return `count` consecutive numbers, shaped (count,), in the format's NumPy dtype."""
    half = 1 << (format.width - 1)
    if first < half < first + count:
        return format.from_bits(format.patterns(np.arange(first, first + count)))
    start = format.patterns(np.array(first))
    steps = _steps(count, format.bits)
    patterns: Array = start + steps if first >= half else start - steps
    return patterns.view(format.numpy)


@cache
def _steps(count: int, bits: np.dtype[np.unsignedinteger]) -> Array:
    return np.arange(count, dtype=bits)


UNIFORM = "uniform"
"""The output that names, for each block, the pattern of all its answers, or VARIED."""

VARIED = -1


def walk(backend: Backend, target: Target, spec: Spec, stretch: Stretch, descriptor: int) -> Answer:
    """Call the function block by block; the answers are in the area, but for uniform blocks.

    Raises what the framework raises, ProtocolError if an answer has another form than its input,
    and FloatingPointError if a call leaves the arithmetic of its thread changed.
    """
    format = FORMATS[stretch.dtype]
    area = _area(descriptor, stretch.size)[stretch.offset :].view(format.bits)
    call = Call(
        function=stretch.function,
        inputs={stretch.variable: numbers(format, stretch.first, stretch.length)},
        parameters=stretch.parameters,
        want=Want.GRADIENT if stretch.gradient else Want.VALUE,
        wrt=(stretch.variable,) if stretch.gradient else (),
    )
    uniform = np.full(stretch.blocks, VARIED, np.int64)
    arithmetic = Arithmetic()
    with backend.on(target.device):
        function = called(backend, target, spec, call)
        for block in range(stretch.blocks):
            first = stretch.first + block * stretch.length
            array = numbers(format, first, stretch.length)
            tensor = backend.to_tensor(array, target.device)
            got = backend.to_array(function({stretch.variable: tensor}))
            if bent := arithmetic.righted():
                raise FloatingPointError(f"afterwards, its thread {bent}")
            if (got.dtype, got.shape) != (array.dtype, array.shape):
                raise ProtocolError(f"answered {got.dtype} of shape {list(got.shape)}")
            patterns = got.view(format.bits)
            # half of all blocks, and cheaper told than copied
            if patterns[0] == patterns[-1] and (patterns == patterns[0]).all():
                uniform[block] = patterns[0]
            else:
                area[block * stretch.length : (block + 1) * stretch.length] = patterns
    return Answer(outputs={UNIFORM: uniform})


@dataclass(frozen=True)
class Walked:
    """What became of a stretch: blocks without an answer, and why; patterns of uniform blocks."""

    refused: Mapping[int, Refusal]
    uniform: Array


def calls(stretch: Stretch) -> list[Call]:
    """Return the calls that ask for each block of a stretch by itself."""
    format = FORMATS[stretch.dtype]
    return [
        Call(
            function=stretch.function,
            inputs={
                stretch.variable: numbers(
                    format, stretch.first + block * stretch.length, stretch.length
                )
            },
            parameters=stretch.parameters,
            want=Want.GRADIENT if stretch.gradient else Want.VALUE,
            wrt=(stretch.variable,) if stretch.gradient else (),
        )
        for block in range(stretch.blocks)
    ]


def gathered(stretch: Stretch, replies: Sequence[Reply], area: Array) -> Walked:
    """Return what became of these calls; their answers go into the area."""
    format = FORMATS[stretch.dtype]
    whole = area[stretch.offset :].view(format.bits)
    refused: dict[int, Refusal] = {}
    for block, reply in enumerate(replies):
        if isinstance(reply, Refusal):
            refused[block] = reply
            continue
        got = reply.outputs.get(stretch.variable if stretch.gradient else "output")
        if got is None or (got.dtype, got.shape) != (format.numpy, (stretch.length,)):
            what = "nothing" if got is None else f"{got.dtype} of shape {list(got.shape)}"
            refused[block] = Refusal(Kind.ERRORED, f"answered {what}", "ProtocolError")
            continue
        start = block * stretch.length
        whole[start : start + stretch.length] = got.view(format.bits)
    return Walked(refused, np.full(stretch.blocks, VARIED, np.int64))


def walked(stretch: Stretch, reply: Reply) -> Walked:
    """Return what a reply to a stretch says; ProtocolError if it is none."""
    nothing = np.full(stretch.blocks, VARIED, np.int64)
    if isinstance(reply, Refusal):
        return Walked(dict.fromkeys(range(stretch.blocks), reply), nothing)
    uniform = reply.outputs.get(UNIFORM, nothing)
    if uniform.dtype != np.int64 or uniform.shape != nothing.shape:
        raise ProtocolError(f"uniform blocks as {uniform.dtype} of shape {uniform.shape}")
    return Walked({}, uniform)


def called(backend: Backend, target: Target, spec: Spec, call: Call) -> Callable[[Tensors], Tensor]:
    """Return what is called for each block: the function, or its derivative."""
    if call.want is Want.VALUE:
        return backend.prepared(spec, call)
    ((variable, array),) = call.inputs.items()
    ones = backend.to_tensor(np.ones(array.shape, array.dtype), target.device)
    return lambda tensors: backend.gradients(spec, call, tensors, ones)[variable]


@cache
def _area(descriptor: int, size: int) -> Array:
    return attached(descriptor, size)
