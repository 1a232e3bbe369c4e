"""What the messages between harness and worker mean: calls, replies and the worker's hello."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trysquare.backend import (
    Answer,
    Array,
    Call,
    Form,
    Kind,
    Offer,
    OnRequest,
    Refusal,
    Reply,
    Spelling,
    Target,
    Unavailable,
    Want,
)
from trysquare.spec import Spec, Value, packed, unpacked
from trysquare.workers.frames import DTYPES, Json, clean, malformed
from trysquare.workers.headers import REFUSALS, VERSION

NOT_TAKEN: Json = {"float": "0x0p+0"}
"""The time of a call that nobody took."""


@dataclass(frozen=True)
class Hello:
    """What a worker says of itself.

    `unfaithful` names the dtypes that do not come back bit for bit, and what happened: no verdict
    on them is possible. `flushes` names the dtypes whose subnormal `inputs` or `results` become
    zero. `canary` says that NumPy keeps subnormals in the worker. `underived` says why there are no
    gradients, if there are none at all.
    """

    target: Target
    version: str
    targets: tuple[Offer, ...]
    dtypes: tuple[str, ...]
    environment: Mapping[str, str]
    functions: Mapping[str, Spelling]
    absent: Mapping[str, str]
    unfaithful: Mapping[str, str]
    flushes: Mapping[str, tuple[str, ...]]
    canary: bool
    underived: str = ""


def _pack_value(value: Value | None) -> Any:
    return {"float": value.hex()} if isinstance(value, float) else value


def _unpack_value(packed: Any) -> Value | None:
    if isinstance(packed, dict):
        return float.fromhex(packed["float"])
    if packed is None or isinstance(packed, bool | int | str):
        return packed
    raise ValueError(f"{packed!r} is no value of a parameter")


def pack_values(values: Mapping[str, Value | None]) -> Json:
    """Return parameters as JSON."""
    return {name: _pack_value(value) for name, value in values.items()}


def unpack_values(packed: Json) -> dict[str, Value | None]:
    """Return the parameters that were packed; ValueError if they are none."""
    return {text(name): _unpack_value(value) for name, value in packed.items()}


def text(value: Any) -> str:
    """Return a text, cleaned; TypeError if it is none."""
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return clean(value)


def _texts(packed: Mapping[str, Any]) -> dict[str, str]:
    return {text(name): text(value) for name, value in packed.items()}


def _pick(arrays: Sequence[Array], index: Any) -> Array:
    if type(index) is not int or not 0 <= index < len(arrays):
        raise ValueError(f"no array {index!r}")
    return arrays[index]


def pack_call(call: Call, arrays: list[Array]) -> Json:
    """Return a call as JSON and append its arrays."""
    names = list(call.inputs)
    first = len(arrays)
    arrays += call.inputs.values()
    cotangent = None
    if call.cotangent is not None:
        cotangent = len(arrays)
        arrays.append(call.cotangent)
    return {
        "function": call.function,
        "inputs": {name: first + i for i, name in enumerate(names)},
        "parameters": pack_values(call.parameters),
        "want": call.want,
        "wrt": list(call.wrt),
        "cotangent": cotangent,
        "canonical": call.canonical,
        "seed": call.seed,
        "form": call.form,
        "threads": call.threads,
    }


def unpack_call(packed: Json, arrays: Sequence[Array]) -> Call:
    """Return the call that was packed; ProtocolError if it is none."""
    with malformed("call"):
        index = packed["cotangent"]
        return Call(
            function=text(packed["function"]),
            inputs={name: _pick(arrays, i) for name, i in packed["inputs"].items()},
            parameters=unpack_values(packed["parameters"]),
            want=Want(packed["want"]),
            wrt=tuple(text(name) for name in packed["wrt"]),
            cotangent=None if index is None else _pick(arrays, index),
            canonical=bool(packed["canonical"]),
            seed=None if packed["seed"] is None else int(packed["seed"]),
            form=Form(packed["form"]),
            threads=int(packed["threads"]),
        )


def pack_spec(spec: Spec, arrays: list[Array]) -> int:
    """Append a spec to arrays, for workers of ours alone; return where it stands.

    It goes as whole numbers, whose last zeros nobody reads.
    """
    data, kind = packed(spec), DTYPES["int64"]
    arrays.append(np.frombuffer(data + bytes(-len(data) % kind.itemsize), kind))
    return len(arrays) - 1


def unpack_spec(index: int, arrays: Sequence[Array]) -> Spec:
    """Return the spec that was packed; only a worker of ours may open what the harness sent."""
    return unpacked(arrays[index].tobytes())


def pack_reply(reply: Reply, arrays: list[Array]) -> Json:
    """Return a reply as JSON and append its arrays."""
    if isinstance(reply, Refusal):
        return {"kind": reply.kind, "message": clean(reply.message), "error": reply.error}
    first = len(arrays)
    arrays += reply.outputs.values()
    return {
        "outputs": {name: first + i for i, name in enumerate(reply.outputs)},
        "changed": list(reply.changed),
        "shares": list(reply.shares),
        "bent": clean(reply.bent),
        "seconds": _pack_value(reply.seconds),
        "note": reply.note,
    }


def unpack_reply(packed: Json, arrays: Sequence[Array]) -> Reply:
    """Return the reply that was packed; ProtocolError if it is none."""
    with malformed("reply"):
        if "kind" in packed:
            kind = Kind(packed["kind"])
            if kind not in REFUSALS:
                raise ValueError(f"a worker cannot say of itself that it {kind}")
            return Refusal(kind, text(packed["message"]), text(packed.get("error", "")))
        return Answer(
            outputs={text(name): _pick(arrays, i) for name, i in packed["outputs"].items()},
            changed=tuple(text(name) for name in packed.get("changed", ())),
            shares=tuple(text(name) for name in packed.get("shares", ())),
            bent=text(packed.get("bent", "")),
            seconds=float.fromhex(packed.get("seconds", NOT_TAKEN)["float"]),
            note=text(packed.get("note", "")),
        )


def _pack_target(offer: Offer) -> Json:
    if isinstance(offer, Unavailable):
        reason = {"reason": clean(offer.reason), "broken": offer.broken}
        return {**_pack_target(offer.target), **reason}
    if isinstance(offer, OnRequest):
        return {**_pack_target(offer.target), "why": clean(offer.why)}
    return {"backend": offer.backend, "device": offer.device, "mode": offer.mode}


def _unpack_target(packed: Json) -> Offer:
    target = Target(text(packed["backend"]), text(packed["device"]), text(packed["mode"]))
    if "why" in packed:
        return OnRequest(target, text(packed["why"]))
    if "reason" not in packed:
        return target
    return Unavailable(target, text(packed["reason"]), broken=bool(packed["broken"]))


def unpack_spelling(packed: Json) -> Spelling:
    """Return how a function is called; what a program leaves out is empty."""
    means = unpack_values(packed.get("means", {}))
    known = {name: value for name, value in means.items() if value is not None}
    texts = text(packed.get("text", "")), _texts(packed.get("defaults", {}))
    return Spelling(*texts, known, bool(packed.get("arranged", False)))


def pack_hello(hello: Hello | Unavailable) -> Json:
    """Return a hello as JSON."""
    if isinstance(hello, Unavailable):
        return {"protocol": VERSION, "target": _pack_target(hello)}
    return {
        "protocol": VERSION,
        "target": _pack_target(hello.target),
        "version": hello.version,
        "targets": [_pack_target(target) for target in hello.targets],
        "dtypes": list(hello.dtypes),
        "environment": dict(hello.environment),
        "functions": {
            name: {
                "text": spelling.text,
                "defaults": dict(spelling.defaults),
                "means": pack_values(spelling.means),
                "arranged": spelling.arranged,
            }
            for name, spelling in hello.functions.items()
        },
        "absent": dict(hello.absent),
        "underived": hello.underived,
        "unfaithful": dict(hello.unfaithful),
        "flushes": {dtype: list(what) for dtype, what in hello.flushes.items()},
        "canary": hello.canary,
    }


def unpack_hello(packed: Json) -> Hello | Unavailable:
    """Return the hello that was packed; ProtocolError if it is none."""
    with malformed("hello"):
        if packed["protocol"] != VERSION:
            raise ValueError(f"protocol {packed['protocol']!r}, not {VERSION}")
        target = _unpack_target(packed["target"])
        if isinstance(target, Unavailable):
            return target
        if isinstance(target, OnRequest):
            raise TypeError("a worker serves a target, it does not offer one")
        return Hello(
            target=target,
            version=text(packed["version"]),
            targets=tuple(_unpack_target(other) for other in packed["targets"]),
            dtypes=tuple(text(dtype) for dtype in packed["dtypes"]),
            environment=_texts(packed["environment"]),
            functions={
                text(name): unpack_spelling(spelling)
                for name, spelling in packed["functions"].items()
            },
            absent=_texts(packed["absent"]),
            unfaithful=_texts(packed["unfaithful"]),
            flushes={
                text(dtype): tuple(text(item) for item in what)
                for dtype, what in packed["flushes"].items()
            },
            canary=bool(packed["canary"]),
            underived=text(packed["underived"]),
        )
