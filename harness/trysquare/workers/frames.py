"""Frames on a pipe: magic, header length (u32), payload length (u64), JSON header, raw arrays.

Everything is little-endian, and no element of a tensor is ever a JSON number.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, BinaryIO

import ml_dtypes
import numpy as np

from trysquare.backend import Array
from trysquare.errors import ProtocolError

Json = dict[str, Any]
MAGIC = b"TSQ1"
PREFIX = struct.Struct("<4sIQ")
HEADER_LIMIT = 1 << 20
PAYLOAD_LIMIT = 1 << 30
ALIGNMENT = 64
LARGE = 1 << 16
"""Bytes of an array from which on shared memory is faster than a pipe."""
TEXT_LIMIT = 4000
DIMENSIONS_LIMIT = 64

DTYPES: Mapping[str, np.dtype[Any]] = {
    "float64": np.dtype("<f8"),
    "float32": np.dtype("<f4"),
    "float16": np.dtype("<f2"),
    "bfloat16": np.dtype(ml_dtypes.bfloat16),
    "int64": np.dtype("<i8"),
    "int32": np.dtype("<i4"),
    "bool": np.dtype("?"),
}
"""What an array can be made of."""


class Type(StrEnum):
    """What a message says."""

    HELLO = "hello"
    RUN = "run"
    RESULT = "result"
    DONE = "done"
    REPRODUCE = "reproduce"
    SCRIPT = "script"
    SPELL = "spell"
    WALK = "walk"
    BYE = "bye"


@dataclass(frozen=True)
class Message:
    """A frame, read: its type, the rest of its header and its arrays."""

    type: Type
    body: Json
    arrays: tuple[Array, ...] = ()


def clean(text: str) -> str:
    """Return text from outside without control characters, cut to a sane length."""
    cut = text if len(text) <= TEXT_LIMIT else text[:TEXT_LIMIT] + " ..."
    return "".join(
        c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in cut
    )


@contextmanager
def malformed(what: str) -> Iterator[None]:
    """Turn whatever goes wrong while reading foreign data into a ProtocolError."""
    try:
        yield
    except (
        KeyError,
        IndexError,
        TypeError,
        ValueError,
        AttributeError,
        RecursionError,
        OverflowError,
    ) as error:
        missing = "no " if isinstance(error, KeyError) else ""
        raise ProtocolError(f"malformed {what}: {missing}{clean(str(error))}") from error


def _refuse_constant(text: str) -> float:
    raise ValueError(f"{text} is no JSON")


def encode(message: Message, area: Array | None = None) -> bytes:
    """Return the frame of a message; ProtocolError if it exceeds a limit or a dtype is unknown.

    Large arrays are written into an area, from its beginning, if there is one and they fit.
    """
    table: list[Json] = []
    parts, offset, shared = [], 0, 0
    for array in message.arrays:
        if DTYPES.get(array.dtype.name) != array.dtype:
            raise ProtocolError(f"no array of {array.dtype} can be sent")
        padding = -array.nbytes % ALIGNMENT
        entry = {
            "dtype": array.dtype.name,
            "shape": list(array.shape),
            "offset": offset,
            "nbytes": array.nbytes,
        }
        table.append(entry)
        if area is not None and array.nbytes >= LARGE and shared + array.nbytes <= area.size:
            place = area[shared : shared + array.nbytes]
            place.view(array.dtype).reshape(array.shape)[...] = array
            entry.update(offset=shared, area=True)
            shared += array.nbytes + padding
            continue
        parts += [array.tobytes(), bytes(padding)]
        offset += array.nbytes + padding
    header = json.dumps(
        {**message.body, "type": message.type, "arrays": table}, allow_nan=False
    ).encode()
    _check_lengths(len(header), offset)
    return b"".join([PREFIX.pack(MAGIC, len(header), offset), header, *parts])


def lengths(prefix: bytes) -> tuple[int, int]:
    """Return the lengths of header and payload in bytes; ProtocolError if this begins no frame."""
    magic, header, payload = PREFIX.unpack(prefix)
    if magic != MAGIC:
        raise ProtocolError(f"a frame begins with {MAGIC!r}, not {prefix!r}{_guess(prefix)}")
    _check_lengths(header, payload)
    return header, payload


def _guess(prefix: bytes) -> str:
    """Return what may be the matter with something that begins no frame."""
    if all(32 <= byte < 127 or byte in b"\n\r\t" for byte in prefix):
        return ": text on stdout belongs on stderr"
    return ""


def _check_lengths(header: int, payload: int) -> None:
    if header > HEADER_LIMIT:
        turned = int.from_bytes(header.to_bytes(4, "little"), "big")
        hint = f"; {turned} in the wrong order of bytes?" if turned <= HEADER_LIMIT else ""
        raise ProtocolError(f"header of {header} bytes, at most {HEADER_LIMIT} allowed{hint}")
    if payload > PAYLOAD_LIMIT:
        raise ProtocolError(f"payload of {payload} bytes, at most {PAYLOAD_LIMIT} allowed")


def decode(header: bytes, payload: bytes, area: Array | None = None) -> Message:
    """Return the message in a frame; its arrays are read-only views of the payload.

    What lies in the area is copied, because that is written again.
    """
    with malformed("header"):
        body = json.loads(header.decode(), parse_constant=_refuse_constant)
        kind, table = Type(body.pop("type")), body.pop("arrays")
    with malformed("arrays"):
        arrays = tuple(_array(entry, payload, area) for entry in table)
    return Message(kind, body, arrays)


def _array(entry: Json, payload: bytes, area: Array | None) -> Array:
    source: bytes | Array = payload
    if entry.get("area"):
        if area is None:
            raise ValueError("an array in an area, and there is none")
        source = area
    if entry["dtype"] not in DTYPES:
        raise ValueError(f"no dtype {entry['dtype']!r}")
    dtype, shape, offset = DTYPES[entry["dtype"]], entry["shape"], entry["offset"]
    if len(shape) > DIMENSIONS_LIMIT or any(type(size) is not int or size < 0 for size in shape):
        raise ValueError(f"shape {shape}")
    if type(offset) is not int or offset < 0 or offset % ALIGNMENT:
        raise ValueError(f"offset {offset} is no multiple of {ALIGNMENT}")
    count, size = math.prod(shape), entry["nbytes"]
    if size != count * dtype.itemsize or offset + size > len(source):
        raise ValueError(f"{size!r} bytes at {offset} of {len(source)} for shape {shape}")
    if count == 0:
        return np.empty(shape, dtype)
    raw = np.frombuffer(source, np.uint8, size, offset)
    if source is area:
        raw = raw.copy()
    if dtype.kind == "b" and raw.max() > 1:
        raise ValueError("a bool that is neither 0 nor 1")
    return raw.view(dtype).reshape(shape)


def receive(stream: BinaryIO) -> Message | None:
    """Read one message from a blocking stream; None if the other end is gone."""
    prefix = stream.read(PREFIX.size)
    if len(prefix) < PREFIX.size:
        return None
    header_length, payload_length = lengths(prefix)
    header, payload = stream.read(header_length), stream.read(payload_length)
    if len(header) < header_length or len(payload) < payload_length:
        return None
    return decode(header, payload)
