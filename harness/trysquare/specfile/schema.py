"""A document against a JSON Schema: mistakes with places, and gaps where they were.

Scalars are texts here, so a schema for documents accepts the text of every number and flag.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from trysquare.errors import suggestion
from trysquare.specfile.document import MOST_MISTAKES, Document, Gap, Listing, Node, Scalar, Table
from trysquare.specfile.fits import Fits, UnknownWordError, compiled

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

COMMA: Final = "an expression with a comma needs quotes here"
"""For what a comma between braces has cut off."""

_LIMITS = {
    "minLength": "empty",
    "maxLength": "longer than {} characters",
    "minItems": "too few items",
    "maxItems": "too many items",
    "minProperties": "too few items",
    "maxProperties": "too many items",
}
_LONGEST_WORD = 60


def conform(document: Document, schema: Mapping[str, Any]) -> None:
    """Report what the schema (draft 7) does not allow, and put a Gap in its place.

    A misspelt key is reported and then read as the key that was meant. Raises SpecErrors once
    there are too many mistakes.
    """
    if _fits(schema, plain(document.root)):
        return
    # a fifth of a second, and only those who write mistakes need it
    from jsonschema import Draft7Validator  # noqa: PLC0415

    validator = Draft7Validator(schema)

    def errors() -> list[ValidationError]:
        return list(islice(validator.iter_errors(plain(document.root)), MOST_MISTAKES))

    # keys first: once `paramters` is read as `parameters`, nothing that it holds is missing
    found = errors()
    while strangers := [error for error in found if error.validator == "additionalProperties"]:
        for error in strangers:
            _repair_keys(document, error)
        found = errors()
    # what lacks several keys is one mistake, and jsonschema reports each of them
    unique = {(*error.absolute_path, error.absolute_schema_path[-1]): error for error in found}
    for error in unique.values():
        _report(document, error)


_COMPILED: dict[int, tuple[Mapping[str, Any], Fits | None]] = {}
"""By identity, a schema that was met, and what tells whether something fits it."""


def _fits(schema: Mapping[str, Any], value: Any) -> bool:
    """Whether a value fits; False as well where only jsonschema can tell."""
    if id(schema) not in _COMPILED:
        try:
            _COMPILED[id(schema)] = schema, compiled(schema)
        except UnknownWordError:
            _COMPILED[id(schema)] = schema, None
    fits = _COMPILED[id(schema)][1]
    return fits is not None and fits(value)


def plain(node: Node) -> Any:
    """Return texts, lists and dicts without places."""
    match node:
        case Scalar(text=text):
            return text
        case Listing(items=items):
            return [plain(item) for item in items]
        case Table(entries=entries):
            return {key: plain(value) for key, value in entries.items()}
        case Gap():
            return ""


def _repair_keys(document: Document, error: ValidationError) -> None:
    schema: Any = error.schema
    table, known = _follow(document.root, error.absolute_path), schema["properties"]
    if not isinstance(table, Table):
        return
    for key in [key for key in table.entries if key not in known]:
        near = get_close_matches(key, [word for word in known if word not in table.entries], n=1)
        hint = f"did you mean '{near[0]}'?" if near else suggestion(key, known)
        if ")" in key:
            hint = COMMA
        document.report(table.keys[key], f"unknown key '{key[:_LONGEST_WORD]}'", hint)
        value = table.entries.pop(key)
        if near:
            table.entries[near[0]], table.keys[near[0]] = value, table.keys[key]


def _report(document: Document, error: ValidationError) -> None:
    path = list(error.absolute_path)
    node = _follow(document.root, path)
    if isinstance(node, Gap):
        return
    if isinstance(node, Table) and "propertyNames" in error.absolute_schema_path:
        key = str(error.instance)
        document.report(node.keys[key], *_wording(error))
        path.append(key)
    else:
        document.report(node, *_wording(error))
    parent = _follow(document.root, path[:-1])
    if error.validator == "required" or not path:
        return
    if isinstance(parent, Table):
        parent.entries[str(path[-1])] = Gap(node.line, node.column)
    elif isinstance(parent, Listing):
        parent.items[int(path[-1])] = Gap(node.line, node.column)


def _wording(error: ValidationError) -> tuple[str, str]:
    """Return message and hint."""
    found: Any = error.instance
    wanted: Any = error.validator_value
    schema: Any = error.schema
    title = schema.get("title", "something else")
    match error.validator:
        case "required":
            absent = [f"'{key}'" for key in wanted if key not in found]
            return f"missing key{'s' if absent[1:] else ''} {', '.join(absent)}", ""
        case "enum":
            known = [word for word in wanted if isinstance(word, str)]
            hint = suggestion(str(found), known)
            return f"'{str(found)[:_LONGEST_WORD]}' is not {title}", hint or ", ".join(known)
        case "pattern" if found:
            return f"'{str(found)[:_LONGEST_WORD]}' is not {title}", ""
        case "type":
            return f"expected {title}, found {_kind(found)}", ""
        case limit if limit in _LIMITS:
            return f"{_LIMITS[limit].format(wanted)}: expected {title}", ""
    return f"expected {title}", ""


def _kind(found: object) -> str:
    if isinstance(found, str):
        return "a text" if found else "nothing"
    return "a list" if isinstance(found, list) else "a mapping"


def _follow(node: Node, path: Iterable[str | int]) -> Node:
    """Return the node at the end of a path, or the Gap on the way."""
    for step in path:
        if isinstance(node, Table):
            node = node.entries[str(step)]
        elif isinstance(node, Listing):
            node = node.items[int(step)]
    return node
