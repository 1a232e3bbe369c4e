"""Scalars of a document -> expressions and values.

What cannot be read is reported and replaced by a stand-in, so that reading goes on to the next
mistake; a document with mistakes never becomes a spec.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from trysquare.errors import FormulaError, suggestion
from trysquare.formula.parser import Size, parse, size
from trysquare.formula.tree import REDUCTIONS, Op, Scope, number, parts
from trysquare.formula.tree import Node as Tree
from trysquare.spec import Expression, Parameter, ParameterKind, Role, Selected
from trysquare.specfile.document import Document, Gap, Listing, Node, Scalar, Table
from trysquare.specfile.values import FLAGS, NUMERIC

STAND_IN: Final = Expression("0", number(0))
"""For an expression that cannot be read."""

_CONDITIONS = {Op.LESS, Op.LESS_EQUAL, Op.EQUAL, Op.NOT_EQUAL, Op.AND, Op.OR, Op.NOT}
_OF_A_ROW = {*REDUCTIONS, Op.POSITION, Op.GATHER}


def choices_of(parameter: Parameter) -> frozenset[str]:
    """Return the keys that select by this parameter; a role is nothing that a formula can state."""
    if parameter.role is Role.INPLACE or parameter.kind in NUMERIC:
        return frozenset()
    return frozenset(FLAGS if parameter.kind is ParameterKind.FLAG else parameter.choices)


def texts(node: Node) -> tuple[str, ...]:
    """Return the scalars of a list, or the one scalar itself; nothing for a gap."""
    items = node.items if isinstance(node, Listing) else [node]
    return tuple(item.text for item in items if isinstance(item, Scalar))


def text(node: Node) -> str:
    """Return a text without the white space around it; nothing for a gap."""
    return node.text.strip() if isinstance(node, Scalar) else ""


def entries(node: Node) -> dict[str, Node]:
    """Return what a mapping holds; nothing for a gap."""
    return node.entries if isinstance(node, Table) else {}


def items(node: Node) -> list[Node]:
    """Return what a list holds; nothing for a gap."""
    return node.items if isinstance(node, Listing) else []


class Phrases:
    """Reads the scalars of one document whose parameters are known."""

    def __init__(self, document: Document, parameters: Sequence[Parameter]) -> None:
        self._document = document
        self._parameters = {parameter.name: parameter for parameter in parameters}
        self.numeric = frozenset(p.name for p in parameters if p.kind in NUMERIC)
        self._sizes: dict[str, Size] = {}

    def define(self, name: str, *meanings: Selected) -> None:
        """Let a name stand for the largest of these, so that what mentions it counts as large."""
        sizes = [
            size(option.tree, self._sizes)
            for selected in meanings
            for option in selected.options.values()
        ]
        nodes, levels = (max(measured, default=1) for measured in zip(*sizes, strict=True))
        self._sizes[name] = Size(nodes, levels)

    def expression(
        self, node: Node, known: frozenset[str], scope: Scope = Scope.ROW, *, rows: bool = True
    ) -> Expression:
        """Return an expression over the known names; without `rows` it holds no reductions."""
        tree = self._tree(node, known, scope)
        if isinstance(node, Scalar) and tree is not None:
            if tree.op in _CONDITIONS:
                self._document.report(node, "a condition, where a number is needed")
            self._refuse_rows(node, tree, rows=rows)
            return Expression(node.text, tree)
        return STAND_IN

    def condition(
        self, node: Node, known: frozenset[str], scope: Scope = Scope.ROW, *, rows: bool = True
    ) -> Expression:
        """Return a condition over the known names."""
        tree = self._tree(node, known, scope)
        if isinstance(node, Scalar) and tree is not None:
            if tree.op not in _CONDITIONS:
                hint = "write a comparison, for example x > 0"
                self._document.report(node, "a number, where a condition is needed", hint)
                return STAND_IN
            self._refuse_rows(node, tree, rows=rows)
            return Expression(node.text, tree)
        return STAND_IN

    def selected(self, node: Node, known: frozenset[str], scope: Scope = Scope.ROW) -> Selected:
        """Return an expression, or one for each choice of a parameter."""
        return self._picked(node, lambda each: self.expression(each, known, scope))

    def conditions(self, node: Node, known: frozenset[str], scope: Scope = Scope.ROW) -> Selected:
        """Return a condition, or one for each choice of a parameter."""
        return self._picked(node, lambda each: self.condition(each, known, scope))

    def _picked(self, node: Node, read: Callable[[Node], Expression]) -> Selected:
        if not isinstance(node, Table):
            return Selected(None, {"": read(node)})
        chooser, table = self._named(node)
        options = {choice: read(option) for choice, option in table.entries.items()}
        return Selected(chooser or self.chooser(table), options)

    def _named(self, table: Table) -> tuple[str | None, Table]:
        """Return whose choices the keys are, where that is said: `full: {true: a, false: b}`."""
        match list(table.entries.items()):
            case [(name, Table() as inner)] if name in self._parameters:
                if inner.entries.keys() == choices_of(self._parameters[name]):
                    return name, inner
        return None, table

    def chooser(self, table: Table) -> str | None:
        """Return the parameter whose choices are the keys; reports if there is not just one."""
        choices = {name: choices_of(p) for name, p in self._parameters.items()}
        keys = table.entries.keys()
        fitting = [name for name, words in choices.items() if words == keys]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            self._document.report(table, f"the choices of {' and of '.join(fitting)}: which?")
            return None
        name = max(choices, key=lambda name: len(choices[name] & keys), default="")
        if not choices.get(name, set()) & keys:
            self._document.report(table, "the keys are not the choices of any parameter")
            return None
        for key in [key for key in keys if key not in choices[name]]:
            hint = suggestion(key, choices[name]) or ", ".join(sorted(choices[name]))
            self._document.report(table.keys[key], f"'{key}' is no choice of {name}", hint)
        absent = sorted(choices[name] - keys)
        if choices[name].issuperset(keys):
            words = ", ".join(f"'{word}'" for word in absent)
            self._document.report(table, f"nothing for {words} of {name}")
        return None

    def _tree(self, node: Node, known: frozenset[str], scope: Scope) -> Tree | None:
        if not isinstance(node, Scalar):
            if not isinstance(node, Gap):
                self._document.report(node, "expected an expression")
            return None
        try:
            tree = parse(node.text, known, scope)
        except FormulaError as error:
            word = node.text[error.offset : error.offset + error.width]
            chooser = self._parameters.get(word)
            if chooser is not None and chooser.kind not in NUMERIC:
                error.message = f"'{word}' is a {chooser.kind}, not a number"
                error.hint = f"write a mapping with one expression for each choice of {word}"
            self._document.report(node, error.message, error.hint, error.offset, error.width)
            return None
        if excess := size(tree, self._sizes).excess:
            self._document.report(node, f"with every name written out, {excess}")
            return None
        return tree

    def _refuse_rows(self, node: Scalar, tree: Tree, *, rows: bool) -> None:
        if not rows and any(part.op in _OF_A_ROW for part in parts(tree)):
            self._document.report(node, "there is no row here to reduce")
