"""The expression tree: closed sets of operations, and nodes that hold no meaning of their own.

Values are laid out as rows: an array of shape (rows, columns) where the columns run along the
spec's axis. `Scope.ROW` reductions run over the columns of a row, `Scope.COLUMN` over the rows of
a column, `Scope.ALL` over everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from functools import cached_property


class Op(StrEnum):
    """Everything that a formula can contain."""

    NUMBER = "number"
    NAME = "name"
    SYMBOL = "symbol"
    POSITION = "position"
    NEG = "neg"
    ADD = "add"
    SUB = "sub"
    MUL = "mul"
    DIV = "div"
    POW = "pow"
    ABS = "abs"
    SIGN = "sign"
    SQRT = "sqrt"
    EXP = "exp"
    EXPM1 = "expm1"
    LOG = "log"
    LOG1P = "log1p"
    TANH = "tanh"
    ERF = "erf"
    ERFC = "erfc"
    MINIMUM = "minimum"
    MAXIMUM = "maximum"
    LESS = "less"
    LESS_EQUAL = "less_equal"
    EQUAL = "equal"
    NOT_EQUAL = "not_equal"
    AND = "and"
    OR = "or"
    NOT = "not"
    SELECT = "select"
    SUM = "sum"
    MAX = "max"
    ARGMAX = "argmax"
    COUNT = "count"
    GATHER = "gather"


class Scope(StrEnum):
    """What a reduction runs over."""

    ROW = "row"
    COLUMN = "column"
    ALL = "all"


class Symbol(StrEnum):
    """Named numbers; those of the format under test mean the right thing in every dtype."""

    INF = "inf"
    NAN = "nan"
    PI = "pi"
    EPS = "eps"
    LARGEST = "largest"
    SMALLEST_NORMAL = "smallest_normal"
    SMALLEST_SUBNORMAL = "smallest_subnormal"


REDUCTIONS = frozenset({Op.SUM, Op.MAX, Op.ARGMAX, Op.COUNT})


@dataclass(frozen=True)
class Node:
    """An operation on nodes.

    `value` is the number of a NUMBER, the name of a NAME or SYMBOL, the exponent of a POW and the
    scope of a reduction. A SELECT has condition, value if true, value if false.
    """

    op: Op
    args: tuple[Node, ...] = ()
    value: Fraction | int | str | None = None

    @cached_property
    def _hash(self) -> int:
        return hash((self.op, self.args, self.value))

    def __hash__(self) -> int:
        """Hash the tree once: whoever asks for a part's hash asks for that of all below it."""
        return self._hash

    def __reduce__(self) -> tuple[type[Node], tuple[object, ...]]:
        """Leave the hash behind: that of a text differs from process to process."""
        return Node, (self.op, self.args, self.value)


def number(value: int | Fraction) -> Node:
    """Return a constant."""
    return Node(Op.NUMBER, value=Fraction(value))


def name(text: str) -> Node:
    """Return a reference to an input, a parameter or a `where` expression."""
    return Node(Op.NAME, value=text)


def substitute(node: Node, meanings: Mapping[str, Node]) -> Node:
    """Replace names by expressions; names without a meaning stay, and shared parts stay shared."""
    known: dict[int, Node] = {}

    def visit(part: Node) -> Node:
        if part.op is Op.NAME:
            return meanings.get(str(part.value), part)
        if part.args and id(part) not in known:
            args = tuple(visit(argument) for argument in part.args)
            same = all(new is old for new, old in zip(args, part.args, strict=True))
            known[id(part)] = part if same else Node(part.op, args, part.value)
        return known.get(id(part), part)

    return visit(node)


def unscaled(node: Node) -> Node:
    """Return a tree without factors and divisors of 1: nobody rounds what they leave as it is."""
    known: dict[int, Node] = {}

    def visit(part: Node) -> Node:
        if part.args and id(part) not in known:
            known[id(part)] = _unscaled(part, tuple(visit(argument) for argument in part.args))
        return known.get(id(part), part)

    return visit(node)


def _unscaled(part: Node, args: tuple[Node, ...]) -> Node:
    one = number(1)
    match part.op:
        case Op.MUL if args[0] == one:
            return args[1]
        case Op.MUL | Op.DIV if args[1] == one:
            return args[0]
    same = all(new is old for new, old in zip(args, part.args, strict=True))
    return part if same else Node(part.op, args, part.value)


def parts(node: Node) -> Iterator[Node]:
    """Yield a tree and every tree in it; what is shared is visited once."""
    seen: set[int] = set()
    waiting = [node]
    while waiting:
        part = waiting.pop()
        if id(part) not in seen:
            seen.add(id(part))
            yield part
            waiting += reversed(part.args)


def names(node: Node) -> Iterator[str]:
    """Yield every name that occurs, some more than once."""
    return (str(part.value) for part in parts(node) if part.op is Op.NAME)


def rescope(node: Node, scope: Scope) -> Node:
    """Return the same expression with every reduction running over `scope`."""
    args = tuple(rescope(argument, scope) for argument in node.args)
    return Node(node.op, args, scope.value if node.op in REDUCTIONS else node.value)
