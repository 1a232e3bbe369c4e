"""Frozen records <-> JSON values, and their JSON Schema, all three from the records' type hints."""

from __future__ import annotations

import dataclasses
import math
import sys
import types
from collections.abc import Callable, Iterable
from enum import StrEnum
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from trysquare.record import Json

Decoder = Callable[[Any], Any]
"""What makes a value of JSON; raises MisfitError, whose key is that within the value."""

BITS = 1000
"""Of an integer: sums of errors are long, and every quotient of two is still a float."""

_SPECIAL = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf, "-0.0": -0.0}
"""Floats that JSON has no number for, or that JSON readers lose."""


class MisfitError(ValueError):
    """A value that is not what its record wants; `key` says where."""

    def __init__(self, key: str, wanted: str) -> None:
        super().__init__(f"'{key}' is not {wanted}" if key else f"not {wanted}")
        self.key, self.wanted = key, wanted


def _members(hint: Any) -> tuple[Any, ...]:
    """Return what a union is made of, nothing for another type."""
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else ()


def _is_record(hint: Any) -> bool:
    return dataclasses.is_dataclass(hint)


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def encode(value: Any, hint: Any) -> Any:
    """Return the JSON value of `value`, which is of the type `hint`."""
    return _encoder(hint)(value)


@cache
def _encoder(hint: Any) -> Callable[[Any], Any]:
    """Return what makes JSON of values of a type; a run has hundreds of thousands of them."""
    members = [member for member in _members(hint) if member is not types.NoneType]
    if members:
        some = _encoder(members[0]) if len(members) == 1 else _encode_choice
        return lambda value: None if value is None else some(value)
    if _is_record(hint):
        parts = [(key, _encoder(kind)) for key, kind in _hints(hint).items()]
        return lambda value: {key: part(getattr(value, key)) for key, part in parts}
    arguments = get_args(hint)
    if get_origin(hint) is tuple:
        return _encoder_of_tuples(arguments)
    if arguments:
        each = _encoder(arguments[1])
        return lambda value: {key: each(item) for key, item in value.items()}
    return (lambda value: _encode_float(float(value))) if hint is float else hint


def _encoder_of_tuples(arguments: tuple[Any, ...]) -> Callable[[Any], Any]:
    if arguments[-1] is Ellipsis:
        each = _encoder(arguments[0])
        return lambda value: [each(item) for item in value]
    parts = [_encoder(kind) for kind in arguments]
    return lambda value: [part(item) for part, item in zip(parts, value, strict=True)]


def _encode_choice(value: Any) -> Any:
    # a choice called 'inf' is not the number
    if isinstance(value, str):
        return {"text": value} if value in _SPECIAL else value
    return _encode_float(value) if isinstance(value, float) else value


def _encode_float(value: float) -> float | str:
    if value == 0 and math.copysign(1, value) < 0:
        return "-0.0"
    return value if math.isfinite(value) else str(value)


def decode(value: Any, hint: Any) -> Any:
    """Return the value of type `hint` that a JSON value stands for; unknown keys are ignored.

    Raises MisfitError, with the dotted `key` of the value, for anything else.
    """
    return _decoder(hint)(value)


@cache
def _decoder(hint: Any) -> Decoder:
    """Return what makes values of a type of JSON; a run has millions of them."""
    members = _members(hint)
    if members:
        kinds = [member for member in members if member is not types.NoneType]
        some = _decoder(kinds[0]) if len(kinds) == 1 else _choice
        return some if len(kinds) == len(members) else _optional(some)
    if _is_record(hint):
        return _decoder_of_records(hint)
    arguments = get_args(hint)
    if get_origin(hint) is tuple:
        return _decoder_of_tuples(arguments)
    return _decoder_of_tables(_decoder(arguments[1])) if arguments else _decoder_of_scalars(hint)


def _optional(some: Decoder) -> Decoder:
    return lambda value: None if value is None else some(value)


def _decoder_of_records(kind: Any) -> Decoder:
    hints, fields = _hints(kind), dataclasses.fields(kind)
    parts = {field.name: _decoder(hints[field.name]) for field in fields}
    required = [
        field.name
        for field in fields
        if field.default is dataclasses.MISSING and not callable(field.default_factory)
    ]

    def decoded(value: Any) -> Any:
        if not isinstance(value, dict):
            raise MisfitError("", "a table")
        for name in required:
            if name not in value:
                raise MisfitError(name, "there")
        known = [(name, part) for name, part in parts.items() if name in value]
        try:
            return kind(**{name: part(value[name]) for name, part in known})
        except MisfitError:
            _raise_at(value, known)
            raise

    return decoded


def _raise_at(value: Any, parts: Iterable[tuple[str, Decoder]]) -> None:
    """Raise for the first of the parts that is a misfit, with its name before the key."""
    for name, part in parts:
        try:
            part(value[name])
        except MisfitError as error:
            raise MisfitError(".".join(filter(None, (name, error.key))), error.wanted) from None


def _decoder_of_tuples(arguments: tuple[Any, ...]) -> Decoder:
    if arguments[-1] is Ellipsis:
        each = _decoder(arguments[0])

        def alike(value: Any) -> Any:
            if not isinstance(value, list):
                raise MisfitError("", "a list")
            return tuple([each(item) for item in value])

        return alike
    parts = [_decoder(kind) for kind in arguments]

    def decoded(value: Any) -> Any:
        if not isinstance(value, list) or len(value) != len(parts):
            raise MisfitError("", f"a list of {len(parts)}")
        return tuple([part(item) for part, item in zip(parts, value, strict=True)])

    return decoded


def _decoder_of_tables(part: Decoder) -> Decoder:
    def decoded(value: Any) -> Any:
        if not isinstance(value, dict):
            raise MisfitError("", "a table")
        try:
            return {name: part(item) for name, item in value.items()}
        except MisfitError:
            _raise_at(value, [(name, part) for name in value])
            raise

    return decoded


def _choice(value: Any) -> Any:
    if isinstance(value, dict) and isinstance(value.get("text"), str):
        return value["text"]
    if isinstance(value, str):
        return _SPECIAL.get(value, value)
    if isinstance(value, bool | int | float):
        return value
    raise MisfitError("", "a number, a flag or a text")


def _decoder_of_scalars(kind: Any) -> Decoder:
    if kind is float:
        return _decode_float
    if issubclass(kind, StrEnum):
        return _decoder_of_words(kind)
    wanted = {str: "a text", int: f"an integer below 2**{BITS}", bool: "a flag"}[kind]

    def decoded(value: Any) -> Any:
        if type(value) is kind and (kind is not int or value.bit_length() <= BITS):
            return value
        raise MisfitError("", wanted)

    return decoded


def _decoder_of_words(kind: type[StrEnum]) -> Decoder:
    words: dict[str, StrEnum] = {str(word): word for word in kind}

    def decoded(value: Any) -> Any:
        if isinstance(value, str) and value in words:
            return words[value]
        raise MisfitError("", f"one of: {', '.join(words)}")

    return decoded


def _decode_float(value: Any) -> float:
    if type(value) is float:
        return value
    if type(value) is int and abs(value) <= sys.float_info.max:
        return float(value)
    if isinstance(value, str) and value in _SPECIAL:
        return _SPECIAL[value]
    raise MisfitError("", "a number")


def describe(hint: Any, definitions: Json) -> Json:
    """Return the JSON Schema of a type; the schemas of records go to `definitions`."""
    members, arguments = _members(hint), get_args(hint)
    if members:
        kinds = [describe(member, definitions) for member in members]
        text = {"type": "object", "required": ["text"]}
        return {"anyOf": [*kinds, text] if str in members and float in members else kinds}
    if _is_record(hint):
        return _describe_record(hint, definitions)
    if get_origin(hint) is tuple:
        items = [describe(each, definitions) for each in arguments if each is not Ellipsis]
        length = {"minItems": len(items), "maxItems": len(items)}
        more: Json = (
            {"items": items[0]} if arguments[-1] is Ellipsis else {"items": items, **length}
        )
        return {"type": "array", **more}
    if arguments:
        return {"type": "object", "additionalProperties": describe(arguments[1], definitions)}
    return _describe_scalar(hint)


def _describe_scalar(hint: Any) -> Json:
    if issubclass(hint, StrEnum):
        return {"enum": [*hint]}
    if hint is float:
        return {"anyOf": [{"type": "number"}, {"enum": [*_SPECIAL]}]}
    return {"type": {str: "string", int: "integer", bool: "boolean"}.get(hint, "null")}


def _describe_record(kind: Any, definitions: Json) -> Json:
    name = kind.__name__
    if name not in definitions:
        hints = _hints(kind)
        properties = {key: describe(hints[key], definitions) for key in hints}
        definitions[name] = {"type": "object", "properties": properties, "required": [*hints]}
    return {"$ref": f"#/definitions/{name}"}
