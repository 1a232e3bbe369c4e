"""A program that is a backend: one YAML file -> its name, its command, its version.

Nothing in it goes through a shell, and no part of it is expanded.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from trysquare.errors import SpecErrors
from trysquare.specfile.composer import load
from trysquare.specfile.document import Document, Listing, Scalar, Table
from trysquare.specfile.schema import conform
from trysquare.workers.headers import NAME

SCHEMA: Final[dict[str, Any]] = {
    "title": "the declaration of a program",
    "type": "object",
    "required": ["protocol", "backend", "command"],
    "additionalProperties": False,
    "properties": {
        "protocol": {"title": "a version of the protocol that is known here", "enum": ["1"]},
        "backend": {
            "title": "a name of lower-case letters, digits and . _ + -",
            "type": "string",
            "pattern": NAME,
        },
        "command": {
            "title": "a list of a program and its arguments, such as [node, worker.mjs]",
            "type": "array",
            "minItems": 1,
            "items": {"title": "a word", "type": "string"},
        },
        "version": {
            "title": "the version of what is measured",
            "type": "string",
            "minLength": 1,
            "maxLength": 100,
        },
    },
}


@dataclass(frozen=True)
class Declaration:
    """A program that speaks the protocol.

    `command` is started in `folder`, where its file is; a first word with a slash is a path from
    there, another one is looked up where commands are. `version` is empty where the program says
    it itself.
    """

    name: str
    command: tuple[str, ...]
    folder: Path
    version: str = ""

    def argv(self) -> tuple[str, ...]:
        """Return the command with the full path of its program; FileNotFoundError without one."""
        first, *rest = self.command
        if os.sep in first:
            path = self.folder / first
            try:
                there = path.is_file()
            except OSError as error:
                raise FileNotFoundError(f"{path}: {error.strerror}") from None
            if not there:
                raise FileNotFoundError(f"there is no {first} in {self.folder}; is it built?")
            if not os.access(path, os.X_OK):
                raise FileNotFoundError(f"{path} is not executable")
            return str(path), *rest
        found = shutil.which(first)
        if found is None:
            raise FileNotFoundError(f"{first} is not installed")
        return found, *rest


def read(path: Path) -> Declaration:
    """Return the program that a file declares; SpecErrors with everything that is wrong in it."""
    document = load(path)
    conform(document, SCHEMA)
    root = document.root if isinstance(document.root, Table) else Table(1, 1)
    name, words = root.entries.get("backend"), root.entries.get("command")
    if isinstance(name, Scalar) and name.text != path.stem:
        document.report(name, f"this file declares '{path.stem}', by its name")
    if isinstance(words, Listing) and words.items:
        _check_first(document, words.items[0])
    if document.mistakes:
        raise SpecErrors(document.mistakes)
    items = words.items if isinstance(words, Listing) else []
    return Declaration(
        name=path.stem,
        command=tuple(item.text for item in items if isinstance(item, Scalar)),
        folder=path.absolute().parent,
        version=_text(root, "version"),
    )


def _check_first(document: Document, first: object) -> None:
    if not isinstance(first, Scalar):
        return
    if not first.text:
        document.report(first, "the program has no name")
    elif " " in first.text:
        hint = f"one word for each: [{', '.join(first.text.split())}]"
        document.report(first, "a program and its arguments in one word", hint)


def _text(table: Table, key: str) -> str:
    node = table.entries.get(key)
    return node.text if isinstance(node, Scalar) else ""
