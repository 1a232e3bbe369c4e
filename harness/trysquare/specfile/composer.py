"""A YAML file -> a document; every scalar stays text.

What could surprise (aliases, tags, equal keys, hidden characters, depth, size) is refused on the
stream of events, before anything is built from it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NoReturn

import yaml

from trysquare.errors import Mistake, SpecErrors
from trysquare.specfile.document import MOST_MISTAKES, Document, Gap, Listing, Node, Scalar, Table

LARGEST_FILE: Final = 2**20
"""Bytes of a file."""

DEEPEST: Final = 50
"""Levels of mappings and lists inside each other."""

# control characters, surrogates, invisible and bidirectional marks, those of private use and those
# that are none: what is read is what is seen
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\uf8ff\ufdd0-\ufdef\ufeff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f"
    "\U000f0000-\U0010ffff]"
)
# an installation without libyaml reads the same, ten times slower
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load(path: Path, largest: int = LARGEST_FILE) -> Document:
    """Return the nodes of a file; what could be read around is in `mistakes`.

    Raises SpecErrors where reading cannot go on, and for more than `largest` bytes.
    """
    shown = _shown(path)
    return compose(_text(path, shown, largest), shown)


def compose(text: str, shown: Path) -> Document:
    """Return the nodes of a text, as `load` does; mistakes are told of the file `shown`."""
    document = Document(shown, tuple(text.split("\n")))
    _refuse_hidden(document)
    return replace(document, root=_Composer(document).root())


def _shown(path: Path) -> Path:
    """Return the path as seen from the current folder, if it is inside."""
    absolute, here = path.absolute(), Path.cwd()
    return absolute.relative_to(here) if absolute.is_relative_to(here) else absolute


def _text(path: Path, shown: Path, largest: int) -> str:
    def refuse(message: str, line: int = 1, column: int = 1) -> NoReturn:
        raise SpecErrors([Mistake(str(shown), line, column, message)]) from None

    try:
        # a pipe or a device would never end
        if not path.is_file():
            refuse("not a file" if path.exists() else "no such file")
        with path.open("rb") as stream:
            data = stream.read(largest + 1)
    except (OSError, ValueError) as error:
        refuse(f"cannot be opened: {getattr(error, 'strerror', None) or error}")
    if len(data) > largest:
        refuse(f"larger than {largest >> 20} MiB")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", "replace").split("\n")
        refuse("not UTF-8", len(before), len(before[-1]) + 1)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _refuse_hidden(document: Document) -> None:
    # without the line: it is not fit to be shown
    mistakes = [
        Mistake(str(document.path), line, found.start() + 1, _hidden(found.group()))
        for line, text in enumerate(document.lines, start=1)
        for found in _HIDDEN.finditer(text)
    ]
    if mistakes:
        raise SpecErrors(mistakes[:MOST_MISTAKES])


def _hidden(character: str) -> str:
    return f"hidden character U+{ord(character):04X}"


class _Composer:
    def __init__(self, document: Document) -> None:
        self._document = document
        self._events: Iterator[Any] = yaml.parse("\n".join(document.lines), Loader=_LOADER)

    def root(self) -> Node:
        """Return the node of the only document of the stream."""
        try:
            return self._root()
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            problem = getattr(error, "problem", None) or getattr(error, "reason", "unreadable")
            self._stop(min(line, len(self._document.lines)), column, f"not YAML: {problem}")

    def _root(self) -> Node:
        next(self._events)  # the start of the stream
        if isinstance(next(self._events), yaml.StreamEndEvent):
            self._stop(1, 1, "the file is empty")
        node = self._node(next(self._events), 1)
        next(self._events)  # the end of the document
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            self._refuse(after, "a second document; a file holds one")
        return node

    def _node(self, event: Any, depth: int) -> Node:
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        if isinstance(event, yaml.AliasEvent):
            self._refuse(event, "aliases are not allowed", "write the value out")
            return Gap(line, column)
        if event.anchor is not None:
            self._refuse(event, "anchors are not allowed")
        if event.tag is not None:
            self._refuse(event, "tags are not allowed")
        if depth > DEEPEST:
            self._stop(line, column, f"nested deeper than {DEEPEST} levels")
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return Listing(line, column, [self._node(item, depth + 1) for item in self._items()])
        table = Table(line, column)
        for key in self._items():
            self._entry(
                table, self._node(key, depth + 1), self._node(next(self._events), depth + 1)
            )
        return table

    def _items(self) -> Iterator[Any]:
        """Yield the events that begin the items, up to the end of the mapping or list."""
        ends = yaml.SequenceEndEvent | yaml.MappingEndEvent
        while not isinstance(event := next(self._events), ends):
            yield event

    def _scalar(self, event: Any) -> Scalar:
        start, end = event.start_mark, event.end_mark
        place = (start.line + 1, start.column + 1, (end.line + 1, end.column + 1))
        scalar = Scalar(_HIDDEN.sub("\ufffd", event.value), *place, event.style or "")
        for found in _HIDDEN.finditer(event.value):
            self._document.report(scalar, _hidden(found.group()))
        return scalar

    def _entry(self, table: Table, key: Node, value: Node) -> None:
        if not isinstance(key, Scalar):
            self._document.report(key, "a key is a word")
        elif key.text == "<<" and not key.style:
            self._document.report(key, "merge keys are not allowed", "write the keys out")
        elif key.text in table.keys:
            first = table.keys[key.text].line
            self._document.report(key, f"'{key.text}' is already given on line {first}")
        else:
            table.keys[key.text], table.entries[key.text] = key, value

    def _refuse(self, event: Any, message: str, hint: str = "") -> None:
        mark = event.start_mark
        self._document.note(mark.line + 1, mark.column + 1, message, hint)

    def _stop(self, line: int, column: int, message: str) -> NoReturn:
        self._document.note(line, column, message)
        raise SpecErrors(self._document.mistakes) from None
