"""What may enter Markdown: texts that are shown as they are, and rows of a table."""

from __future__ import annotations

from trysquare_reports.verdict import one_line

LONGEST = 400
"""Characters of one cell; what is longer stands in the results."""


def escaped(text: str) -> str:
    """Return a text that Markdown shows as it is, in a table too."""
    shown = (
        text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("@", "&#64;")
    )
    for character in "\\`*_[]|~#!":
        shown = shown.replace(character, f"\\{character}")
    return shown


def cell(text: str) -> str:
    """Return a text for a cell: in one line, cut where it is endless, and as it is."""
    line = one_line(text)
    return escaped(line if len(line) <= LONGEST else line[: LONGEST - 1] + "…")


def row(*texts: str) -> str:
    """Return a row of a table."""
    return f"| {' | '.join(map(cell, texts))} |"
