"""Text -> tree, through a whitelist of Python's expression syntax; nothing is ever evaluated here.

What the language does not know is a FormulaError with the offset in the text and a suggestion.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from trysquare.errors import FormulaError, suggestion
from trysquare.formula.tree import Node, Op, Scope, Symbol, number

LONGEST = 2000
"""Characters of an expression; a formula that needs more wants `where`."""

DEEPEST = 60
"""Levels of nesting."""

MOST_NODES, MOST_LEVELS = 10_000, 250
"""Size of a tree once every name in it stands for its own tree."""

LARGEST_POWER = 16
"""Powers are repeated multiplications; the exponent is a literal."""

FUNCTIONS: dict[str, tuple[Op, int]] = {
    "abs": (Op.ABS, 1),
    "sign": (Op.SIGN, 1),
    "sqrt": (Op.SQRT, 1),
    "exp": (Op.EXP, 1),
    "expm1": (Op.EXPM1, 1),
    "log": (Op.LOG, 1),
    "log1p": (Op.LOG1P, 1),
    "tanh": (Op.TANH, 1),
    "erf": (Op.ERF, 1),
    "erfc": (Op.ERFC, 1),
    "minimum": (Op.MINIMUM, 2),
    "maximum": (Op.MAXIMUM, 2),
    "sum": (Op.SUM, 1),
    "max": (Op.MAX, 1),
    "argmax": (Op.ARGMAX, 1),
    "count": (Op.COUNT, 1),
    "mean": (Op.SUM, 1),
}

_ARITHMETIC: dict[type[ast.operator], Op] = {
    ast.Add: Op.ADD,
    ast.Sub: Op.SUB,
    ast.Mult: Op.MUL,
    ast.Div: Op.DIV,
}
# a > b is b < a: half as many comparisons for every interpreter
_COMPARISONS: dict[type[ast.cmpop], tuple[Op, bool]] = {
    ast.Lt: (Op.LESS, False),
    ast.LtE: (Op.LESS_EQUAL, False),
    ast.Gt: (Op.LESS, True),
    ast.GtE: (Op.LESS_EQUAL, True),
    ast.Eq: (Op.EQUAL, False),
    ast.NotEq: (Op.NOT_EQUAL, False),
}
_DECIMAL = re.compile(r"\d{1,60}(\.\d{0,60})?([eE][+-]?\d{1,3})?|\.\d{1,60}([eE][+-]?\d{1,3})?")
_FOREIGN = re.compile(r"[^\x20-\x7e\n\t]|[#\\]")
# a number with a word at its end, such as `1if`, of which ast prints a warning
_GLUED = re.compile(r"(?:(?<![\w.])\d|\.\d)[\w.]*?(?=and|else|for|if|in|is|not|or)")
RESERVED = frozenset({*FUNCTIONS, *Symbol, "position"})
"""Words that no input, parameter or `where` expression can have as its name."""


class Size(NamedTuple):
    """How many nodes a tree has, and how many levels; a part that occurs twice counts twice."""

    nodes: int
    levels: int

    @property
    def excess(self) -> str:
        """What there is too much of to work with, or nothing."""
        if self.nodes > MOST_NODES:
            return f"larger than {MOST_NODES} operations"
        return f"nested deeper than {MOST_LEVELS} levels" if self.levels > MOST_LEVELS else ""


def size(tree: Node, names: Mapping[str, Size]) -> Size:
    """Return the size of a tree in which names stand for trees of these sizes, others for leaves.

    Takes a step for each node that is in memory, not for each that a walk would meet.
    """
    known: dict[int, Size] = {}

    def of(node: Node) -> Size:
        if id(node) not in known:
            parts = [of(argument) for argument in node.args]
            leaf = names.get(str(node.value)) if node.op is Op.NAME else None
            nodes, levels = sum(p.nodes for p in parts), max((p.levels for p in parts), default=0)
            known[id(node)] = leaf or Size(1 + nodes, 1 + levels)
        return known[id(node)]

    return of(tree)


@lru_cache(maxsize=4096)
def parse(text: str, known: frozenset[str] = frozenset(), scope: Scope = Scope.ROW) -> Node:
    """Return the tree of `text`, in which only the names in `known` may occur.

    Raises FormulaError for anything else. Cases repeat the same few numbers: a text is read once.
    """
    if len(text) > LONGEST:
        raise FormulaError(f"longer than {LONGEST} characters", LONGEST)
    # ast would pass over comments and line joins, and read look-alikes of ASCII letters as letters
    if foreign := _FOREIGN.search(text):
        message = f"{foreign.group()!r} is not part of the formula language"
        raise FormulaError(message, foreign.start())
    if glued := _GLUED.search(text):
        raise FormulaError("a space is missing between a number and a word", glued.end())
    start = len(text) - len(text.lstrip())
    try:
        body = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        offset = start + max(0, (error.offset or 1) - 1)
        raise FormulaError("not an expression", min(offset, len(text))) from None
    except (ValueError, MemoryError, RecursionError):
        raise FormulaError("not an expression") from None
    try:
        tree = _Reader(text.strip(), known, scope).read(body, 0)
    except FormulaError as error:
        error.offset += start
        raise
    # a mean mentions its argument twice, and so does a chain of comparisons
    if excess := size(tree, {}).excess:
        raise FormulaError(excess, start)
    return tree


class _Reader:
    def __init__(self, text: str, known: frozenset[str], scope: Scope) -> None:
        self._text, self._known, self._scope = text, known, scope

    def read(self, node: ast.expr, depth: int) -> Node:
        """Return the tree of one expression."""
        if depth > DEEPEST:
            raise self._error(node, f"nested deeper than {DEEPEST} levels")
        below = depth + 1
        match node:
            case ast.Constant():
                return self._number(node)
            case ast.Name(id=word):
                return self._word(node, word)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return Node(Op.NEG, (self.read(operand, below),))
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.read(operand, below)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return Node(Op.NOT, (self.read(operand, below),))
            case ast.BinOp(left=left, op=ast.Pow(), right=right):
                return Node(Op.POW, (self.read(left, below),), self._exponent(right))
            case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _ARITHMETIC:
                pair = (self.read(left, below), self.read(right, below))
                return Node(_ARITHMETIC[type(operator)], pair)
            case ast.BoolOp(op=operator, values=values):
                op = Op.AND if isinstance(operator, ast.And) else Op.OR
                return self._fold(op, [self.read(value, below) for value in values])
            case ast.Compare():
                return self._comparison(node, below)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                args = (self.read(test, below), self.read(body, below), self.read(orelse, below))
                return Node(Op.SELECT, args)
            case ast.Call():
                return self._call(node, below)
            case ast.Subscript(value=row, slice=at) if not isinstance(at, ast.Slice | ast.Tuple):
                return Node(Op.GATHER, (self.read(row, below), self.read(at, below)))
            case _:
                raise self._error(node, "not part of the formula language")

    def _fold(self, op: Op, nodes: list[Node]) -> Node:
        if len(nodes) == 1:
            return nodes[0]
        # halves, not a chain: a thousand terms must not be a tree a thousand levels deep
        half = len(nodes) // 2
        return Node(op, (self._fold(op, nodes[:half]), self._fold(op, nodes[half:])))

    def _number(self, node: ast.Constant) -> Node:
        text = self._segment(node)
        if isinstance(node.value, bool) or not _DECIMAL.fullmatch(text):
            raise self._error(node, f"{text!r} is not a decimal number", "write 0.5 or 1e-3")
        # the text, not the float: 0.1 in a formula is one tenth
        value = Fraction(text)
        if math.isinf(float(text)):
            raise self._error(node, f"{text} is too large for double precision")
        if value and float(text) == 0:
            raise self._error(node, f"{text} is too small for double precision")
        return number(value)

    def _word(self, node: ast.expr, word: str) -> Node:
        if word in self._known:
            return Node(Op.NAME, value=word)
        if word == "position":
            return Node(Op.POSITION)
        if word in frozenset(Symbol):
            return Node(Op.SYMBOL, value=word)
        hint = suggestion(word, self._known | RESERVED)
        raise self._error(node, f"unknown name '{word}'", hint)

    def _exponent(self, node: ast.expr) -> int:
        value = node.value if isinstance(node, ast.Constant) else None
        if type(value) is int and 0 <= value <= LARGEST_POWER:
            return value
        raise self._error(node, f"an exponent is a whole number from 0 to {LARGEST_POWER}")

    def _comparison(self, node: ast.Compare, depth: int) -> Node:
        terms = [self.read(term, depth) for term in (node.left, *node.comparators)]
        parts = []
        for left, operator, right in zip(terms, node.ops, terms[1:], strict=False):
            if type(operator) not in _COMPARISONS:
                raise self._error(node, "not a comparison of the formula language")
            op, swapped = _COMPARISONS[type(operator)]
            parts.append(Node(op, (right, left) if swapped else (left, right)))
        return self._fold(Op.AND, parts)

    def _call(self, node: ast.Call, depth: int) -> Node:
        if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS:
            word = self._segment(node.func)
            raise self._error(node.func, f"unknown function '{word}'", suggestion(word, FUNCTIONS))
        word = node.func.id
        op, arity = FUNCTIONS[word]
        if len(node.args) != arity or node.keywords:
            plural = "" if arity == 1 else "s"
            raise self._error(node, f"{word} takes {arity} argument{plural}")
        if op is Op.ARGMAX and self._scope is not Scope.ROW:
            raise self._error(node, "argmax counts along a row, and there is no row here")
        args = tuple(self.read(argument, depth) for argument in node.args)
        if op not in (Op.SUM, Op.MAX, Op.ARGMAX, Op.COUNT):
            return Node(op, args)
        reduced = Node(op, args, self._scope.value)
        if word != "mean":
            return reduced
        return Node(Op.DIV, (reduced, Node(Op.COUNT, args, self._scope.value)))

    def _segment(self, node: ast.expr) -> str:
        return ast.get_source_segment(self._text, node) or ""

    def _error(self, node: ast.expr, message: str, hint: str = "") -> FormulaError:
        line = self._text.split("\n")[: node.lineno - 1]
        # ast counts bytes of UTF-8; places are characters
        row = self._text.split("\n")[node.lineno - 1].encode()
        offset = sum(len(part) + 1 for part in line) + len(row[: node.col_offset].decode())
        return FormulaError(message, offset, max(1, len(self._segment(node))), hint)
