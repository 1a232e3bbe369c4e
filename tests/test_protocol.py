"""Frames and messages: what goes in comes out bit for bit, and what is no frame is refused."""

from __future__ import annotations

import io
import json
import math
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from trysquare.backend import (
    Answer,
    Array,
    Call,
    Kind,
    Refusal,
    Reply,
    Spelling,
    Target,
    Unavailable,
    Want,
)
from trysquare.dtypes import FORMATS
from trysquare.errors import ProtocolError
from trysquare.result import Symptom
from trysquare.workers.frames import (
    HEADER_LIMIT,
    MAGIC,
    PAYLOAD_LIMIT,
    PREFIX,
    TEXT_LIMIT,
    Message,
    Type,
    clean,
    decode,
    encode,
    lengths,
    receive,
)
from trysquare.workers.headers import REFUSALS
from trysquare.workers.probes import special_patterns
from trysquare.workers.protocol import (
    Hello,
    pack_call,
    pack_hello,
    pack_reply,
    unpack_call,
    unpack_hello,
    unpack_reply,
)
from trysquare.workers.reproduction import Claim, pack_claim, unpack_claim

ARRAYS = {
    **{name: special_patterns(form).view(form.numpy) for name, form in FORMATS.items()},
    "int64": np.array([0, -1, 2**63 - 1, -(2**63)]),
    "bool": np.array([True, False]),
    "no dimension": np.array(-0.0, np.float32).reshape(()),
    "no element": np.empty((2, 0, 3), np.float16),
    "three dimensions": np.arange(24.0).reshape(2, 3, 4),
    "a transposed view": np.arange(6.0).reshape(2, 3).T,
    "every second element": np.arange(9, dtype=ml_dtypes.bfloat16)[::2],
}


def through(message: Message) -> Message:
    received = receive(io.BytesIO(encode(message)))
    assert received is not None
    return received


def frame(header: Any, payload: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return PREFIX.pack(MAGIC, len(text), len(payload)) + text + payload


def entry(**changes: Any) -> dict[str, Any]:
    array = {"dtype": "float32", "shape": [2], "offset": 0, "nbytes": 8, **changes}
    return {"type": "run", "arrays": [array]}


def same(a: Array, b: Array) -> bool:
    return (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())


@pytest.mark.parametrize("name", ARRAYS)
def test_an_array_arrives_bit_for_bit(name: str) -> None:
    (arrived,) = through(Message(Type.RUN, {}, (ARRAYS[name],))).arrays
    assert same(arrived, np.ascontiguousarray(ARRAYS[name]).reshape(ARRAYS[name].shape))


def test_arrays_start_at_multiples_of_64() -> None:
    raw = encode(Message(Type.RUN, {}, (np.ones(3, np.float32), np.ones(1))))
    header_length, payload_length = lengths(raw[: PREFIX.size])
    header = json.loads(raw[PREFIX.size : PREFIX.size + header_length])
    assert [array["offset"] for array in header["arrays"]] == [0, 64]
    assert payload_length == 128


def test_two_frames_are_read_one_after_the_other() -> None:
    first, second = Message(Type.DONE, {"id": 1}), Message(Type.DONE, {"id": 2})
    stream = io.BytesIO(encode(first) + encode(second))
    assert [receive(stream), receive(stream), receive(stream)] == [first, second, None]


@pytest.mark.parametrize("length", [0, 3, PREFIX.size, PREFIX.size + 5, 90])
def test_a_frame_that_breaks_off_is_the_end(length: int) -> None:
    raw = encode(Message(Type.RUN, {}, (np.ones(2),)))
    assert length < len(raw)
    assert receive(io.BytesIO(raw[:length])) is None


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\n\r\n",
        PREFIX.pack(b"TSQ2", 2, 0),
        PREFIX.pack(MAGIC, HEADER_LIMIT + 1, 0),
        PREFIX.pack(MAGIC, 2, PAYLOAD_LIMIT + 1),
        frame(b"{"),
        frame(b"\xff\xfe"),
        frame(b"[]"),
        frame(b"null"),
        frame(b'{"type": "run", "arrays": [], "x": NaN}'),
        frame(b'{"type": "run", "arrays": [], "x": ' + b"[" * 100_000),
        frame({}),
        frame({"type": "run"}),
        frame({"type": "eval", "arrays": []}),
        frame({"type": "run", "arrays": {"a": 1}}),
        frame({"type": "run", "arrays": [[]]}),
        frame(entry(dtype="object"), bytes(64)),
        frame(entry(dtype="float128"), bytes(64)),
        frame(entry(dtype=["float32"]), bytes(64)),
        frame(entry(shape=[-2]), bytes(64)),
        frame(entry(shape=[2.0]), bytes(64)),
        frame(entry(shape=[True, 2]), bytes(64)),
        frame(entry(shape=2), bytes(64)),
        frame(entry(shape=[1] * 70), bytes(64)),
        frame(entry(shape=[2**40, 2**40]), bytes(64)),
        frame(entry(shape=[0, 2**70], nbytes=0), bytes(64)),
        frame(entry(offset=4), bytes(64)),
        frame(entry(offset=-64), bytes(64)),
        frame(entry(offset=64), bytes(64)),
        frame(entry(nbytes=4), bytes(64)),
        frame(entry(), b"1234567"),
        frame(entry(dtype="bool", nbytes=2), b"\x01\x02"),
    ],
    ids=lambda raw: raw[:60],
)
def test_what_is_no_frame_is_refused(raw: bytes) -> None:
    with pytest.raises(ProtocolError):
        receive(io.BytesIO(raw))


def test_the_frame_that_the_refused_ones_are_made_from_is_accepted() -> None:
    message = receive(io.BytesIO(frame(entry(), np.array([1, 2], np.float32).tobytes())))
    assert message is not None
    assert message.arrays[0].tolist() == [1, 2]


@pytest.mark.parametrize("dtype", [">f4", "complex64", "datetime64[s]", "U3"])
def test_only_known_dtypes_are_sent(dtype: str) -> None:
    with pytest.raises(ProtocolError, match="no array of"):
        encode(Message(Type.RUN, {}, (np.zeros(1, dtype),)))


def test_a_header_beyond_the_limit_is_not_sent() -> None:
    with pytest.raises(ProtocolError, match="header of"):
        encode(Message(Type.RUN, {"text": "x" * HEADER_LIMIT}))


@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_a_float_is_never_a_json_number_that_json_does_not_have(value: float) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        encode(Message(Type.RUN, {"x": value}))


def call_through(call: Call) -> Call:
    arrays: list[Array] = []
    packed = pack_call(call, arrays)
    message = through(Message(Type.RUN, {"calls": [packed]}, tuple(arrays)))
    return unpack_call(message.body["calls"][0], message.arrays)


@pytest.mark.parametrize(
    "value",
    [0.1, -0.0, math.inf, -math.inf, 5e-324, 3, 3.0, 2**60 + 1, True, False, "mean", "", None],
    ids=repr,
)
def test_a_parameter_arrives_as_it_was(value: Any) -> None:
    arrived = call_through(Call("f", {}, {"p": value})).parameters["p"]
    assert (repr(arrived), type(arrived)) == (repr(value), type(value))


def test_a_parameter_that_is_nan_arrives_as_nan() -> None:
    arrived = call_through(Call("f", {}, {"p": math.nan})).parameters["p"]
    assert isinstance(arrived, float)
    assert math.isnan(arrived)


def test_a_call_arrives_with_everything() -> None:
    call = Call(
        function="f",
        inputs={"x": ARRAYS["float16"], "w": ARRAYS["int64"]},
        parameters={"p": 1.5, "q": None},
        want=Want.GRADIENT,
        wrt=("x",),
        cotangent=ARRAYS["bfloat16"],
        canonical=False,
        seed=2**40,
    )
    arrived = call_through(call)
    for field in ("function", "parameters", "want", "wrt", "canonical", "seed"):
        assert getattr(arrived, field) == getattr(call, field)
    assert list(arrived.inputs) == ["x", "w"]
    assert all(same(arrived.inputs[name], array) for name, array in call.inputs.items())
    assert arrived.cotangent is not None
    assert same(arrived.cotangent, ARRAYS["bfloat16"])


@pytest.mark.parametrize(
    "change",
    [
        {"inputs": {"x": 7}},
        {"inputs": {"x": -1}},
        {"inputs": {"x": True}},
        {"inputs": [0]},
        {"parameters": {"p": [1]}},
        {"parameters": {"p": {"float": "one"}}},
        {"parameters": {"p": 1.5}},
        {"want": "everything"},
        {"cotangent": 1},
        {"function": None},
    ],
    ids=str,
)
def test_what_is_no_call_is_refused(change: dict[str, Any]) -> None:
    arrays: list[Array] = []
    packed = pack_call(Call("f", {"x": ARRAYS["bool"]}, {}), arrays)
    with pytest.raises(ProtocolError):
        unpack_call({**packed, **change}, arrays)


def reply_through(reply: Reply) -> Reply:
    arrays: list[Array] = []
    packed = pack_reply(reply, arrays)
    message = through(Message(Type.RESULT, {"reply": packed}, tuple(arrays)))
    return unpack_reply(message.body["reply"], message.arrays)


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_arrives_as_it_was(kind: Kind) -> None:
    refusal = Refusal(kind, "no f\nsecond line", "TypeError")
    assert reply_through(refusal) == refusal


@pytest.mark.parametrize("kind", sorted({*Kind} - {*REFUSALS}))
def test_no_worker_says_of_itself_that_it_is_dead(kind: Kind) -> None:
    with pytest.raises(ProtocolError, match=f"of itself that it {kind}"):
        reply_through(Refusal(kind, "so long"))


def test_an_answer_arrives_as_it_was() -> None:
    answer = Answer({"output": ARRAYS["float64"]}, ("x",), ("y",), 0.1, "a note")
    arrived = reply_through(answer)
    assert isinstance(arrived, Answer)
    assert same(arrived.outputs["output"], ARRAYS["float64"])
    assert (arrived.changed, arrived.shares) == (("x",), ("y",))
    assert (arrived.seconds, arrived.note) == (0.1, "a note")


@pytest.mark.parametrize(
    "packed",
    [
        None,
        {},
        {"kind": "fine", "message": "", "error": ""},
        {"kind": "raised", "message": 3, "error": ""},
        {"outputs": {"output": 0}},
    ],
    ids=str,
)
def test_what_is_no_reply_is_refused(packed: Any) -> None:
    with pytest.raises(ProtocolError):
        unpack_reply(packed, [])


HELLO = Hello(
    target=Target("b", "cpu", "eager"),
    version="1.0",
    targets=(Target("b", "cpu", "eager"), Unavailable(Target("b", "gpu", "eager"), "none")),
    dtypes=("float32",),
    environment={"threads": "1"},
    functions={"f": Spelling("b.f(x=x)", {"p": "1.0"})},
    absent={"g": "no g"},
    unfaithful={"float16": "0x1 came back as 0x0"},
    flushes={"float32": ("inputs", "results")},
    canary=True,
)


@pytest.mark.parametrize("hello", [HELLO, Unavailable(Target("b", "", ""), "not installed")])
def test_a_hello_arrives_as_it_was(hello: Hello | Unavailable) -> None:
    assert unpack_hello(through(Message(Type.HELLO, pack_hello(hello))).body) == hello


def test_another_version_of_the_protocol_is_refused() -> None:
    with pytest.raises(ProtocolError, match="protocol 2, not 1"):
        unpack_hello({**pack_hello(HELLO), "protocol": 2})


def test_a_claim_arrives_as_it_was() -> None:
    claim = Claim(Symptom.SHAPE, "x", (1, 2), -math.inf, 5e-324, "float32", (3, 0))
    message = through(Message(Type.REPRODUCE, {"claim": pack_claim(claim)}))
    assert unpack_claim(message.body["claim"]) == claim


@pytest.mark.parametrize("text", ["\x1b[31mred", "\x00", "\u202etxt", "\ud800", "\r"])
def test_text_from_outside_loses_what_could_harm_a_terminal(text: str) -> None:
    assert "\N{REPLACEMENT CHARACTER}" in clean(text)
    assert clean(text).encode()


def test_text_from_outside_is_cut() -> None:
    assert len(clean("x" * 10**6)) < TEXT_LIMIT + 10


def test_plain_text_stays() -> None:
    assert clean("wié\n\tgeht's") == "wié\n\tgeht's"


def test_decoded_arrays_cannot_be_written() -> None:
    raw = encode(Message(Type.RUN, {}, (np.ones(1),)))
    header_length, _ = lengths(raw[: PREFIX.size])
    middle = PREFIX.size + header_length
    (array,) = decode(raw[PREFIX.size : middle], raw[middle:]).arrays
    assert not array.flags.writeable
