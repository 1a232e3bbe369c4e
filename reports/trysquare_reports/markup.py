"""What may enter the page as elements: MathML of a few kinds, and links that begin with https."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from markupsafe import Markup

_ELEMENTS = frozenset(
    (
        "math",
        "mrow",
        "mi",
        "mn",
        "mo",
        "mtext",
        "mfrac",
        "msup",
        "msub",
        "msubsup",
        "munder",
        "mover",
        "munderover",
        "msqrt",
        "mroot",
        "mtable",
        "mtr",
        "mtd",
        "mspace",
        "mstyle",
    )
)
_ATTRIBUTES = {"display": {"block", "inline"}, "stretchy": {"true", "false"}}
_LONGEST = 50_000
_LINK = re.compile(r"https://[^\s<>\"'()\[\]{}]+[^\s<>\"'()\[\]{}.,;:!?]")


Tree = list[object]
"""An element of MathML: its name, its attributes, then texts and elements."""


def tree(text: str) -> Tree | None:
    """Return MathML of known elements and attributes only; None for anything else."""
    # a document type is where entities that explode are declared
    if len(text) <= _LONGEST and "<!" not in text:
        try:
            root = ET.fromstring(text)  # noqa: S314 - no declarations, and a bounded length
            return _rebuilt(root) if _is_math(root) else None
        except (ET.ParseError, ValueError, RecursionError):
            pass
    return None


def links(text: str) -> Markup:
    """Return a text with its https addresses as links."""
    parts, end = Markup(), 0
    for match in _LINK.finditer(text):
        address = match.group()
        link = Markup('<a href="{}" rel="noopener noreferrer">{}</a>').format(address, address)
        parts += Markup.escape(text[end : match.start()]) + link
        end = match.end()
    return parts + Markup.escape(text[end:])


def _name(element: ET.Element) -> str:
    return str(element.tag).removeprefix("{http://www.w3.org/1998/Math/MathML}")


def _is_math(root: ET.Element) -> bool:
    return _name(root) == "math" and all(_name(child) in _ELEMENTS for child in root.iter())


def _rebuilt(element: ET.Element) -> Tree:
    kept = {key: value for key, value in element.items() if value in _ATTRIBUTES.get(key, ())}
    parts: Tree = [_name(element), kept]
    if element.text:
        parts.append(element.text)
    for child in element:
        parts.append(_rebuilt(child))
        if child.tail:
            parts.append(child.tail)
    return parts
