"""What a program does wrong when it speaks the protocol, question by question."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

import numpy as np

from trysquare.backend import ALWAYS, INDEX_DTYPE, Answer, Array, Call, Kind, Refusal, Want
from trysquare.command import selection
from trysquare.dtypes import FORMATS
from trysquare.errors import suggestion
from trysquare.planning.cases import Case, Expect
from trysquare.planning.plan import Group
from trysquare.result import SEED, Check
from trysquare.spec import Spec
from trysquare.verdict.standard import Standard
from trysquare.workers.conversation import Conversation, Fault
from trysquare.workers.declaration import Declaration
from trysquare.workers.frames import DTYPES
from trysquare.workers.headers import ECHO, MULTIPLY
from trysquare.workers.probes import difference, factors, has_zero, samples
from trysquare.workers.program import Terms
from trysquare.workers.protocol import Hello

LONG = 1 << 23
"""Bytes of a frame that no pipe holds at once."""

SHARED = 1 << 18
"""Bytes of each array that goes by the area."""

TRIED = 3
"""Calls of each function and dtype."""

STRANGER = "trysquare_has_no_such_thing"


@dataclass(frozen=True)
class Observation:
    """What was looked at, and what was wrong, if anything, and what to do about it."""

    title: str
    fault: str = ""
    advice: str = ""


@dataclass(frozen=True)
class Met:
    """A program, as it introduced itself, and the talk with it."""

    talk: Conversation
    hello: Hello
    terms: Terms


Question = Callable[[Met], str]
"""Returns what else there is to say; raises Fault."""


def examine(program: Declaration, seconds: float) -> Iterator[Observation]:
    """Yield what each question to a program has shown; `seconds` is how long an answer may take.

    A program that went wrong is started again for the next question; one that says no hello is not
    asked anything else.
    """
    title = "says hello"
    try:
        with Conversation(program, seconds) as talk:
            hello, terms = talk.hello()
    except Fault as fault:
        yield Observation(title, fault.what, fault.advice)
        return
    yield Observation(
        f"{title}: {hello.target}  {hello.version}, {' '.join(hello.dtypes)}, "
        f"{len(hello.functions)} functions"
    )
    asking = iter(_questions(hello, terms))
    for question in asking:
        yield from _talked(program, seconds, itertools.chain([question], asking))
    for politely, name in ((True, "ends after bye"), (False, "ends when its stdin ends")):
        try:
            with Conversation(program, seconds) as talk:
                talk.hello()
                talk.leave(politely=politely)
            yield Observation(name)
        except Fault as fault:
            yield Observation(name, fault.what, fault.advice)


def _talked(
    program: Declaration, seconds: float, questions: Iterator[tuple[str, Question]]
) -> Iterator[Observation]:
    """Ask until something is wrong; after that nothing that the same process says counts."""
    name = "says hello again"
    try:
        with Conversation(program, seconds) as talk:
            met = Met(talk, *talk.hello())
            for name, question in questions:
                more = question(met)
                yield Observation(f"{name}{more and ': '}{more}")
    except Fault as fault:
        yield Observation(name, fault.what, fault.advice)


def _questions(hello: Hello, terms: Terms) -> Iterator[tuple[str, Question]]:
    yield "gives back every special value bit for bit", _copies
    yield "gives back every shape", _shapes
    yield "reads and writes long frames", _long
    yield "answers several calls in their order", _several
    yield "tells what it does not have", _strange
    yield "multiplies", _multiplies
    if terms.area:
        yield "shares memory", _shares
    known = frozenset(selection.functions())
    for name in hello.functions:
        yield name, partial(_function, known=known, name=name)


def _output(function: str, reply: Answer | Refusal) -> Array:
    if isinstance(reply, Refusal):
        raise Fault(f"{function}: {reply.kind}: {reply.message}", "every program has to answer it")
    if "output" not in reply.outputs:
        raise Fault(f"{function} gave no 'output'", "the value of a call is called `output`")
    return reply.outputs["output"]


def _echo(met: Met, arrays: Sequence[Array], advice: str, *, shared: bool = False) -> None:
    replies = met.talk.ask([Call(ECHO, {"x": array}, {}) for array in arrays], shared=shared)
    for array, reply in zip(arrays, replies, strict=True):
        complaint = difference(array, _output(ECHO, reply))
        if complaint:
            raise Fault(f"{ECHO}: {array.dtype.name}: {complaint}", advice)


def _copies(met: Met) -> str:
    for dtype, arrays in samples(met.hello.dtypes):
        if dtype == INDEX_DTYPE:
            advice = "int64 and bool come with every dtype: copy their bytes"
        else:
            advice = "copy bytes; a number that was read loses what a NaN carries, or its sign"
        _echo(met, arrays, advice)
    return ""


def _shapes(met: Met) -> str:
    shapes = ((), (1,), (0,), (2, 0, 3), (1, 2, 3, 4), (5, 1))
    numbers = [*met.hello.dtypes, *sorted(ALWAYS)]
    arrays = [np.ones(shape, DTYPES[dtype]) for dtype in numbers for shape in shapes]
    _echo(
        met, arrays, "an answer has the shape of its input, also with no dimension, or no element"
    )
    return ""


def _long(met: Met) -> str:
    count = LONG // DTYPES[met.hello.dtypes[0]].itemsize
    array = np.arange(count).astype(np.uint8).astype(DTYPES[met.hello.dtypes[0]])
    _echo(met, [array], "a read may give less than was asked for: read on until all is there")
    return f"{LONG >> 20} MiB"


def _several(met: Met) -> str:
    dtype = DTYPES[met.hello.dtypes[0]]
    arrays = [np.full(1 + i % 7, i, dtype) for i in range(100)]
    _echo(met, arrays, "each result belongs to the call of its number, with that call's arrays")
    _echo(met, arrays[:1], "and the next frame has another `id`")
    return ""


def _strange(met: Met) -> str:
    x = np.ones(2, DTYPES[met.hello.dtypes[0]])
    asked = [(f"the function {STRANGER}", Call(STRANGER, {"x": x}, {}))]
    for name in islice(met.hello.functions, 1):
        asked.append((f"{name} with the parameter {STRANGER}", Call(name, {"x": x}, {STRANGER: 1})))
        asked.append((f"{name} with the input {STRANGER}", Call(name, {"x": x, STRANGER: x}, {})))
    advice = (
        "what it does not know it refuses, with the kind 'unsupported': else it answers wrongly"
    )
    for what, call in asked:
        (reply,) = met.talk.ask([call])
        if isinstance(reply, Answer):
            raise Fault(f"answers {what}", advice)
        if reply.kind is not Kind.UNSUPPORTED:
            raise Fault(f"{reply.kind} at {what}: {reply.message}", advice)
    return ""


def _multiplies(met: Met) -> str:
    flushed = []
    for dtype in met.hello.dtypes:
        for what, (a, b) in factors(FORMATS[dtype]).items():
            (reply,) = met.talk.ask([Call(MULTIPLY, {"a": a, "b": b}, {})])
            if isinstance(reply, Refusal) and reply.kind is Kind.UNSUPPORTED:
                return f"not at all; whether it flushes subnormals to zero is unknown ({MULTIPLY})"
            product = _output(MULTIPLY, reply)
            if (product.dtype, product.shape) != (a.dtype, a.shape):
                raise Fault(
                    f"{MULTIPLY} of {a.dtype} {a.shape} gave {product.dtype} {product.shape}",
                    "a product has dtype and shape of its factors",
                )
            if has_zero(FORMATS[dtype], product):
                flushed.append(f"{dtype} {what}")
    return f"subnormals {'become zero: ' + ', '.join(flushed) if flushed else 'are kept'}"


def _shares(met: Met) -> str:
    count = SHARED // DTYPES[met.hello.dtypes[0]].itemsize
    first = np.arange(count).astype(np.uint8).astype(DTYPES[met.hello.dtypes[0]])
    advice = "answers go behind each other, from the offset of `room` on, and not beyond its end"
    _echo(met, [first, first[::-1].copy(), first[:5]], advice, shared=True)
    return ""


def _function(met: Met, *, known: frozenset[str], name: str) -> str:
    if name not in known:
        hint = suggestion(name, known)
        if hint:
            raise Fault("no spec is called so", hint)
        return "no spec of ours is called so"
    spec, told = selection.shipped(name), []
    for dtype in met.hello.dtypes:
        cases = [case for case in _cases(spec, dtype) if met.terms.declines(case.call) is None]
        replies = met.talk.ask([case.call for case in cases])
        for case, reply in zip(cases, replies, strict=True):
            told.append(_judged(Standard(spec, case), reply))
    answers = sum(text == "" for text in told)
    if not told:
        return "none of its calls can be asked"
    if not answers:
        return f"not one of {len(told)} calls is answered: {told[0]}"
    return f"{answers} of {len(told)} calls answered"


def _cases(spec: Spec, dtype: str) -> Sequence[Case]:
    """Return a few calls with nothing but what is required."""
    found = Group(spec, Check.CASES, FORMATS[dtype]).cases(SEED)
    plain = [case for case in found if case.want is Want.VALUE and case.expect is Expect.TRUTH]
    return sorted(plain, key=lambda case: len(case.given))[:TRIED]


def _judged(standard: Standard, reply: Answer | Refusal) -> str:
    """Return why a call is refused; Fault if what came back is no answer to it."""
    if isinstance(reply, Refusal) and reply.kind is not Kind.UNSUPPORTED:
        raise Fault(
            f"{reply.kind} at {standard.case.name}: {reply.message}",
            "what the framework does not have is refused with the kind 'unsupported'; this counts "
            "as a divergence",
        )
    if isinstance(reply, Refusal):
        return reply.message or "refused without a word"
    got = _output(standard.case.function, reply)
    wanted = (standard.case.format.numpy, standard.shape)
    if (got.dtype, got.shape) != wanted:
        raise Fault(
            f"gave {got.dtype} {got.shape} for inputs of "
            f"{', '.join(f'{one.dtype} {one.shape}' for one in standard.case.inputs.values())}",
            f"the spec wants {wanted[0]} {wanted[1]}; the numbers are not looked at here",
        )
    return ""
