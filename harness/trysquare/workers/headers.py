"""The headers of the protocol, as far as programs see them, as a JSON Schema."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from trysquare.backend import Form, Kind, Want
from trysquare.dtypes import FORMATS
from trysquare.errors import suggestion
from trysquare.workers.frames import ALIGNMENT, DIMENSIONS_LIMIT, DTYPES, Json, Type, clean

if TYPE_CHECKING:
    from jsonschema import Draft7Validator, ValidationError

VERSION: Final = 1
"""The version of the protocol; each end says which it speaks."""

NAME: Final = r"^[a-z0-9][a-z0-9._+-]{0,99}$(?!\n)"
"""What a backend, a device and a mode can be called: they are parts of the ids of results."""

REFUSALS: Final = (Kind.UNSUPPORTED, Kind.RAISED, Kind.ERRORED)
"""What a worker can say of a call; that it died or hung is for others to say."""

ECHO: Final = "probe:echo"
"""The function that gives back its input `x`, bit for bit: dtype, shape, payloads of NaN."""

MULTIPLY: Final = "probe:multiply"
"""The function that gives the product of its inputs `a` and `b`, as the framework computes it."""

MOST_MISTAKES: Final = 20
"""Mistakes, and unknown keys of one object, that are told; the others are counted."""

MOST_COUNTED: Final = 1000
"""Mistakes that are counted beyond those that are told: a header may consist of them."""


def _object(required: list[str], optional: Json, **properties: Any) -> Json:
    return {
        "type": "object",
        "required": required,
        "additionalProperties": False,
        "properties": {**properties, **optional},
    }


def _message(kind: Type, required: list[str], **properties: Any) -> Json:
    arrays = {"type": "array", "items": {"$ref": "#/definitions/array"}}
    known = {"type": {"const": str(kind)}, "arrays": arrays, **properties}
    return _object(["type", "arrays", *required], known)


def _map(values: Json) -> Json:
    return {"type": "object", "additionalProperties": values}


_TEXT: Final = {"type": "string"}
_COUNT: Final = {"type": "integer", "minimum": 0}
_INDEX: Final = {**_COUNT, "description": "an index into `arrays`"}
_WORD: Final = {"type": "string", "pattern": NAME}

DEFINITIONS: Final[dict[str, Json]] = {
    "array": {
        "description": "one array: C order, little-endian",
        **_object(
            ["dtype", "shape", "offset", "nbytes"],
            {
                "area": {
                    "const": True,
                    "description": "it lies in the shared area, not in the payload",
                }
            },
            dtype={"enum": [*DTYPES]},
            shape={"type": "array", "items": _COUNT, "maxItems": DIMENSIONS_LIMIT},
            offset={**_COUNT, "multipleOf": ALIGNMENT},
            nbytes=_COUNT,
        ),
    },
    "value": {
        "description": "the value of a parameter; a float is {'float': its hexadecimal form}",
        "anyOf": [
            {"type": ["null", "boolean", "integer", "string"]},
            _object(["float"], {}, float=_TEXT),
        ],
    },
    "target": {
        "description": "a place to run; with `why` only on request, with `reason` not at all",
        **_object(
            ["device", "mode"],
            {"why": _TEXT, "reason": _TEXT, "broken": {"type": "boolean"}},
            device=_WORD,
            mode=_WORD,
        ),
    },
    "spelling": {
        "description": "how a function is called: for people; its own defaults, as text, and "
        "those that the spec has a word for",
        **_object(
            [],
            {
                "text": _TEXT,
                "defaults": _map(_TEXT),
                "means": _map({"$ref": "#/definitions/value"}),
            },
        ),
    },
    "call": _object(
        [
            "function", "inputs", "parameters", "want", "wrt", "cotangent", "canonical", "seed",
            "form", "threads",
        ],
        {},
        function=_TEXT,
        inputs=_map(_INDEX),
        parameters=_map({"$ref": "#/definitions/value"}),
        want={"enum": [*map(str, Want)]},
        wrt={"type": "array", "items": _TEXT},
        cotangent={"anyOf": [{"type": "null"}, _INDEX]},
        canonical={"type": "boolean"},
        seed={"type": ["integer", "null"]},
        form={"enum": [*map(str, Form)]},
        threads={"type": "integer", "minimum": 1},
    ),
    "answer": _object(
        ["outputs"],
        {
            "changed": {"type": "array", "items": _TEXT},
            "shares": {"type": "array", "items": _TEXT},
            "bent": _TEXT,
            "seconds": _object(["float"], {}, float=_TEXT),
            "note": _TEXT,
        },
        outputs=_map(_INDEX),
    ),
    "refusal": _object(
        ["kind", "message"],
        {"error": _TEXT},
        kind={"enum": [*map(str, REFUSALS)]},
        message=_TEXT,
    ),
    "harness hello": _message(
        Type.HELLO,
        ["protocol", "device", "mode", "area"],
        protocol={"const": VERSION},
        device=_TEXT,
        mode=_TEXT,
        area={
            "anyOf": [
                {"type": "null"},
                _object(["descriptor", "nbytes"], {}, descriptor=_COUNT, nbytes=_COUNT),
            ]
        },
    ),
    "program hello": _message(
        Type.HELLO,
        ["protocol", "dtypes", "functions"],
        protocol={"const": VERSION},
        dtypes={"type": "array", "items": {"enum": [*FORMATS]}, "minItems": 1},
        functions=_map({"$ref": "#/definitions/spelling"}),
        version={"type": "string", "minLength": 1, "maxLength": 100},
        targets={"type": "array", "items": {"$ref": "#/definitions/target"}, "minItems": 1},
        absent=_map(_TEXT),
        underived=_TEXT,
        wants={"type": "array", "items": {"enum": [*map(str, Want)]}},
        forms={"type": "array", "items": {"enum": [*map(str, Form)]}},
        threads={"type": "boolean"},
        random={"type": "boolean"},
        environment=_map(_TEXT),
        area={"type": "boolean"},
    ),
    "cannot": _message(
        Type.HELLO,
        ["protocol", "reason"],
        protocol={"const": VERSION},
        reason={"type": "string", "minLength": 1},
        broken={"type": "boolean"},
    ),
    "run": _message(
        Type.RUN,
        ["id", "spec", "calls"],
        id=_COUNT,
        spec=_TEXT,
        calls={"type": "array", "items": {"$ref": "#/definitions/call"}},
        room=_object(["offset", "nbytes"], {}, offset=_COUNT, nbytes=_COUNT),
    ),
    "result": _message(
        Type.RESULT,
        ["id", "case", "reply"],
        id=_COUNT,
        case=_COUNT,
        reply={
            "if": {"type": "object", "required": ["kind"]},
            "then": {"$ref": "#/definitions/refusal"},
            "else": {"$ref": "#/definitions/answer"},
        },
    ),
    "done": _message(Type.DONE, ["id"], id=_COUNT),
    "bye": _message(Type.BYE, []),
}  # fmt: skip


def schema() -> Json:
    """Return the JSON Schema (draft 7) of every header that a program reads or writes."""
    messages = ("harness hello", "program hello", "cannot", "run", "result", "done", "bye")
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": f"A header of Trysquare's protocol, version {VERSION}",
        "anyOf": [{"$ref": f"#/definitions/{name}"} for name in messages],
        "definitions": DEFINITIONS,
    }


@cache
def _validator(name: str) -> Draft7Validator:
    # a fifth of a second, and only those who talk with programs need it
    from jsonschema import Draft7Validator  # noqa: PLC0415

    return Draft7Validator({"$ref": f"#/definitions/{name}", "definitions": DEFINITIONS})


def mistakes(header: Json, name: str) -> Iterator[str]:
    """Yield what is wrong in a header, and where, by the definition of that name.

    After MOST_MISTAKES it says how many there are besides.
    """
    found = iter(_validator(name).iter_errors(header))
    yield from _told([*islice(found, MOST_MISTAKES)])
    if rest := sum(1 for _ in islice(found, MOST_COUNTED)):
        yield f"and {rest}{' or more' if rest == MOST_COUNTED else ''} other mistakes"


def _told(some: Sequence[ValidationError]) -> Iterator[str]:
    for error in sorted(some, key=lambda error: [*map(str, error.path)]):
        place = ".".join(map(str, error.absolute_path)) or "the header"
        schema: Any = error.schema
        found: Any = error.instance
        match error.validator:
            case "required":
                missing = [key for key in schema["required"] if key not in found]
                text = f"has no {', '.join(map(repr, missing))}"
            case "additionalProperties":
                known = schema["properties"]
                every = [key for key in found if key not in known]
                strange = every[:MOST_MISTAKES]
                more = f" and {len(every) - len(strange)} more" if every[MOST_MISTAKES:] else ""
                hints = filter(None, (suggestion(key, known) for key in strange))
                text = " ".join([f"has an unknown {', '.join(map(repr, strange))}{more};", *hints])
                text = text.rstrip(";")
            case "enum":
                hint = suggestion(str(found), [*map(str, schema["enum"])])
                known = ", ".join(map(str, schema["enum"]))
                text = f"is {found!r}; {hint or f'there are {known}'}"
            case _:
                text = error.message
        yield clean(f"{place} {text}")
