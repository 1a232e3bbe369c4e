"""A file as nodes that know their places, and the mistakes that were found in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

from trysquare.errors import Mistake, SpecErrors
from trysquare.spec import Place

MOST_MISTAKES: Final = 100
"""Reading stops after so many; a file with more is not the file that was meant."""

LONGEST_MESSAGE: Final = 2000
"""Characters of what is said of a mistake; it may repeat what was written, of any length."""

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
        message, hint = (" ".join(words[:LONGEST_MESSAGE].split()) for words in (message, hint))
        self.mistakes.append(Mistake(str(self.path), line, column, message, excerpt, width, hint))
        if len(self.mistakes) >= MOST_MISTAKES:
            raise SpecErrors(self.mistakes)

    def _inside(self, scalar: Scalar, offset: int) -> tuple[int, int]:
        """Return where a character of a scalar's text is written.

        Folding and quoting change white space only: the n-th visible character of the text is the
        n-th visible character of the source. An escape breaks that, and then it is the beginning.
        """
        nth = sum(not character.isspace() for character in scalar.text[:offset])
        if scalar.style == '"' and any("\\" in row for _, _, row in self._source(scalar)):
            return scalar.line, scalar.column
        # no further than needed: a scalar may be as large as its file
        before = [*islice(self._visible(scalar), nth + 1)]
        if not before:
            return scalar.line, scalar.column
        line, column = before[-1]
        return line, column + (len(before) <= nth)

    def _visible(self, scalar: Scalar) -> Iterator[tuple[int, int]]:
        doubled = False
        for line, first, row in self._source(scalar):
            for column, character in enumerate(row, first):
                # inside single quotes, two of them are one character
                doubled = scalar.style == character == "'" and not doubled
                if not character.isspace() and not doubled:
                    yield line, column

    def _source(self, scalar: Scalar) -> Iterator[tuple[int, int, str]]:
        """Yield what is between the marks of a scalar: line, first column and text of each line."""
        block, quotes = scalar.style in ("|", ">"), len(scalar.style) if scalar.style else 0
        last, stop = scalar.end
        for line in range(scalar.line + 1 if block else scalar.line, last + 1):
            text = self.lines[line - 1] if line <= len(self.lines) else ""
            begin = scalar.column - 1 + quotes if line == scalar.line else 0
            end = stop - 1 - (0 if block else quotes) if line == last else len(text)
            yield line, begin + 1, text[begin:end]
