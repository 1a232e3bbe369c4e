"""A file as nodes that know their places, and the mistakes that were found in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Final

from trysquare.errors import Mistake, SpecErrors
from trysquare.spec import Place

MOST_MISTAKES: Final = 100
"""Reading stops after so many; a file with more is not the file that was meant."""

WIDEST_EXCERPT: Final = 160
"""Characters of a line that is still shown in an error."""


@dataclass(frozen=True)
class Scalar:
    """A text as it was written; lines and columns count from 1, `end` is where it stops.

    `style` is the quote, or `|` or `>` for a block, or empty for plain text.
    """

    text: str
    line: int
    column: int
    end: tuple[int, int]
    style: str = ""


@dataclass(frozen=True)
class Listing:
    """A list."""

    line: int
    column: int
    items: list[Node] = field(default_factory=list)


@dataclass(frozen=True)
class Table:
    """A mapping; `keys` says where each key is written."""

    line: int
    column: int
    entries: dict[str, Node] = field(default_factory=dict)
    keys: dict[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True)
class Gap:
    """A node that is not there, or whose mistake is known: nobody complains about it again."""

    line: int = 1
    column: int = 1


Node = Scalar | Listing | Table | Gap


@dataclass(frozen=True)
class Document:
    """One file: its lines, its nodes, and the mistakes found so far."""

    path: Path
    lines: tuple[str, ...]
    root: Node = Gap()
    mistakes: list[Mistake] = field(default_factory=list)

    def place(self, node: Node) -> Place:
        """Return where a node begins."""
        return Place(self.path, node.line, node.column)

    def report(
        self, node: Node, message: str, hint: str = "", offset: int = 0, width: int | None = None
    ) -> None:
        """Note a mistake in a node, for a scalar at the character `offset` of its text.

        Raises SpecErrors once there are MOST_MISTAKES of them.
        """
        if isinstance(node, Scalar):
            line, column = self._inside(node, offset)
            self.note(line, column, message, hint, len(node.text) if width is None else width)
        else:
            self.note(node.line, node.column, message, hint)

    def note(self, line: int, column: int, message: str, hint: str = "", width: int = 1) -> None:
        """Note a mistake at a line and column; raises SpecErrors as `report` does."""
        # a tab as wide as a space keeps the caret under its character
        text = self.lines[line - 1].replace("\t", " ") if line <= len(self.lines) else ""
        width = max(1, min(width, len(text) - column + 1))
        excerpt = text if len(text) <= WIDEST_EXCERPT else ""
        message, hint = (" ".join(words.split()) for words in (message, hint))
        self.mistakes.append(Mistake(str(self.path), line, column, message, excerpt, width, hint))
        if len(self.mistakes) >= MOST_MISTAKES:
            raise SpecErrors(self.mistakes)

    def _inside(self, scalar: Scalar, offset: int) -> tuple[int, int]:
        """Return where a character of a scalar's text is written.

        Folding and quoting change white space only: the n-th visible character of the text is the
        n-th visible character of the source. An escape breaks that, and then it is the beginning.
        """
        visible = list(self._visible(scalar))
        nth = sum(not character.isspace() for character in scalar.text[:offset])
        if not visible or (scalar.style == '"' and self._escaped(scalar)):
            return scalar.line, scalar.column
        if nth < len(visible):
            return visible[nth]
        line, column = visible[-1]
        return line, column + 1

    def _visible(self, scalar: Scalar) -> Iterator[tuple[int, int]]:
        doubled = False
        for line, column, character in chain.from_iterable(self._source(scalar)):
            # inside single quotes, two of them are one character
            doubled = scalar.style == character == "'" and not doubled
            if not character.isspace() and not doubled:
                yield line, column

    def _escaped(self, scalar: Scalar) -> bool:
        return any(character == "\\" for row in self._source(scalar) for _, _, character in row)

    def _source(self, scalar: Scalar) -> Iterator[list[tuple[int, int, str]]]:
        """Yield the characters between the marks of a scalar, line by line."""
        block, quotes = scalar.style in ("|", ">"), len(scalar.style) if scalar.style else 0
        last, stop = scalar.end
        for line in range(scalar.line + 1 if block else scalar.line, last + 1):
            text = self.lines[line - 1] if line <= len(self.lines) else ""
            begin = scalar.column - 1 + quotes if line == scalar.line else 0
            end = stop - 1 - (0 if block else quotes) if line == last else len(text)
            yield [(line, at + 1, text[at]) for at in range(begin, min(end, len(text)))]
