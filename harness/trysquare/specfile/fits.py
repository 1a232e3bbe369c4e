"""Whether texts, lists and dicts fit a JSON Schema: yes or no, ten times sooner than by jsonschema.

What does not fit is told by jsonschema, and so is what has a schema with a word unknown here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

Fits = Callable[[Any], bool]

_KINDS: Final = {"string": str, "array": list, "object": dict}
"""Types by their names; there are no others in a document, where every scalar is a text."""

_NOTHING: Final = frozenset(
    {"$schema", "title", "description", "default", "definitions", "minimum", "maximum"}
)
"""What demands nothing of a text, a list or a dict."""

_LENGTHS: Final = {
    "minLength": (str, True),
    "maxLength": (str, False),
    "minItems": (list, True),
    "maxItems": (list, False),
    "minProperties": (dict, True),
    "maxProperties": (dict, False),
}
"""Limits of a length: of what, and whether it is the least."""

_PARTS: Final = frozenset({"properties", "additionalProperties"})
_BRANCHES: Final = frozenset({"if", "then", "else"})


class UnknownWordError(Exception):
    """A word that is not known here."""


def compiled(schema: Mapping[str, Any]) -> Fits:
    """Return what tells whether a value fits a schema (draft 7).

    Raises UnknownWordError for a schema that says more than is known here.
    """
    return _Compiler(schema).part(schema)


class _Compiler:
    def __init__(self, root: Mapping[str, Any]) -> None:
        self._definitions: Mapping[str, Any] = root.get("definitions", {})
        self._known: dict[str, Fits] = {}

    def part(self, schema: Any) -> Fits:
        """Return the same for a part of the schema."""
        if isinstance(schema, bool):
            return lambda _: schema
        if "$ref" in schema:  # in draft 7 nothing beside it counts
            return self._reference(schema["$ref"])
        rules = [self._rule(word, wanted) for word, wanted in schema.items() if _alone(word)]
        if _PARTS & schema.keys():
            rules.append(self._table(schema))
        if "if" in schema:
            rules.append(self._branches(schema))
        return lambda value: all(rule(value) for rule in rules)

    def _reference(self, address: str) -> Fits:
        name = address.removeprefix("#/definitions/")
        if name not in self._definitions:
            raise UnknownWordError(address)
        if name not in self._known:
            self._known[name] = lambda value: self._known[name](value)  # noqa: PLW0108 - it may speak of itself
            self._known[name] = self.part(self._definitions[name])
        return self._known[name]

    def _rule(self, word: str, wanted: Any) -> Fits:
        if word in _LENGTHS:
            kind, least = _LENGTHS[word]
            if least:
                return lambda value: not isinstance(value, kind) or len(value) >= wanted
            return lambda value: not isinstance(value, kind) or len(value) <= wanted
        match word:
            case "type":
                names = [wanted] if isinstance(wanted, str) else wanted
                kinds = tuple(_KINDS[name] for name in names if name in _KINDS)
                return lambda value: isinstance(value, kinds)
            case "enum":
                return lambda value: value in wanted
            case "pattern":
                search = re.compile(wanted).search
                return lambda value: not isinstance(value, str) or search(value) is not None
            case "required":
                return lambda value: not isinstance(value, dict) or all(n in value for n in wanted)
            case "items" if isinstance(wanted, dict):
                each = self.part(wanted)
                return lambda value: not isinstance(value, list) or all(map(each, value))
            case "propertyNames":
                name = self.part(wanted)
                return lambda value: not isinstance(value, dict) or all(map(name, value))
        raise UnknownWordError(word)

    def _table(self, schema: Mapping[str, Any]) -> Fits:
        known = {key: self.part(part) for key, part in schema.get("properties", {}).items()}
        other = self.part(schema.get("additionalProperties", True))
        return lambda value: (
            not isinstance(value, dict)
            or all(known.get(key, other)(item) for key, item in value.items())
        )

    def _branches(self, schema: Mapping[str, Any]) -> Fits:
        test, yes, no = (self.part(schema.get(word, True)) for word in ("if", "then", "else"))
        return lambda value: yes(value) if test(value) else no(value)


def _alone(word: str) -> bool:
    """Whether a word of a schema has a meaning without any other."""
    return word not in _NOTHING | _PARTS | _BRANCHES
