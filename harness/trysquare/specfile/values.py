"""Scalars of a document -> the values of parameters: numbers, whole numbers, flags, choices."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from trysquare.errors import FormulaError, suggestion
from trysquare.formula import constant
from trysquare.formula.parser import parse
from trysquare.formula.tree import Symbol
from trysquare.spec import ParameterKind, Value
from trysquare.specfile.document import Document, Node, Scalar

FLAGS: Final = {"true": True, "false": False}
"""How flags are written."""

NUMERIC: Final = (ParameterKind.NUMBER, ParameterKind.INTEGER)
"""The kinds that a formula can calculate with."""

ABSENT: Final = "absent"
"""How an old argument is written that is given, but as nothing."""

_WIDEST_INTEGER = 2**63
_WORD = re.compile("[A-Za-z][A-Za-z0-9_]*")


def read_value(
    document: Document,
    node: Node,
    kind: ParameterKind,
    choices: Sequence[str],
    *,
    wrong: bool = False,
) -> Value | None:
    """Return the value of a parameter of this kind, or None if a mistake was reported.

    Where a value is meant to be `wrong`, any word is a choice and any number is an integer.
    """
    if not isinstance(node, Scalar):
        return None
    match kind:
        case ParameterKind.CHOICE if wrong or not choices or node.text in choices:
            return node.text
        case ParameterKind.CHOICE:
            hint = suggestion(node.text, choices) or ", ".join(choices)
            document.report(node, f"'{node.text}' is not one of the choices", hint)
            return None
        case ParameterKind.FLAG if node.text in FLAGS:
            return FLAGS[node.text]
        case ParameterKind.FLAG:
            document.report(node, f"'{node.text}' is not a flag", "write true or false")
            return None
    try:
        tree = parse(node.text)
    except FormulaError as error:
        document.report(node, error.message, error.hint, error.offset, error.width)
        return None
    try:
        number = constant.value(tree)
        if kind is ParameterKind.INTEGER and _is_whole(number):
            return int(number)
        double = constant.double(number)
    except FormulaError as error:
        document.report(node, error.message, error.hint)
        return None
    if kind is ParameterKind.INTEGER and not wrong:
        document.report(node, f"'{node.text}' is not a whole number of at most 64 bits")
        return None
    return double


def _is_whole(number: constant.Number) -> bool:
    if isinstance(number, Fraction):
        return number.denominator == 1 and -_WIDEST_INTEGER <= number < _WIDEST_INTEGER
    return number == 0


def read_old(document: Document, node: Node) -> Value | None:
    """Return the value of an argument that is no parameter: a flag, a number, a word, or None."""
    if not isinstance(node, Scalar) or node.text == ABSENT:
        return None
    if node.text in FLAGS:
        return FLAGS[node.text]
    if _WORD.fullmatch(node.text) and node.text not in frozenset(Symbol):
        return node.text
    kind = ParameterKind.INTEGER if node.text.lstrip("-").isdigit() else ParameterKind.NUMBER
    return read_value(document, node, kind, ())
