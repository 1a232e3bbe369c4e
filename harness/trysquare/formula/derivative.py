"""Tree -> tree of the derivative, by reverse accumulation; exact, kinks by the branch taken.

A conditional passes its adjoint on as a conditional, and products move into it, so that a branch
that is not taken never turns 0 * inf into NaN.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from trysquare.formula.tree import Node, Op, Scope, Symbol, number

ZERO, ONE, TWO = number(0), number(1), number(2)


class Extent(NamedTuple):
    """Whether a value differs from row to row, and along the columns of a row."""

    rows: bool
    columns: bool


SCALAR = Extent(rows=False, columns=False)


def extent(node: Node, names: Mapping[str, Extent]) -> Extent:
    """Return along which dimensions the value of a tree varies."""
    return _extents({}, node, names)


def _extents(known: dict[int, Extent], node: Node, names: Mapping[str, Extent]) -> Extent:
    """Return the same; what is `known` of parts, by their identity, is not worked out again."""
    if id(node) not in known:
        parts = [_extents(known, part, names) for part in node.args]
        known[id(node)] = _extent(node, parts, names)
    return known[id(node)]


def _extent(node: Node, parts: list[Extent], names: Mapping[str, Extent]) -> Extent:
    match node.op:
        case Op.NAME:
            return names[str(node.value)]
        case Op.POSITION:
            return Extent(rows=False, columns=True)
        case _ if not node.args:
            return SCALAR
    rows, columns = any(part.rows for part in parts), any(part.columns for part in parts)
    match node.op:
        case Op.GATHER:
            return Extent(rows, columns=False)
        case Op.SUM | Op.MAX | Op.ARGMAX | Op.COUNT:
            scope = Scope(str(node.value))
            return Extent(rows and scope is Scope.ROW, columns and scope is Scope.COLUMN)
        case _:
            return Extent(rows, columns)


def gradient(node: Node, adjoint: Node, wrt: str, names: Mapping[str, Extent]) -> Node:
    """Return the product of `adjoint` (shaped like the value) with d(node)/d(wrt)."""
    known: dict[int, Extent] = {}

    def visit(node: Node, adjoint: Node) -> Node:
        if node.op is Op.NAME:
            return adjoint if node.value == wrt else ZERO
        total = ZERO
        for argument, part in _adjoints(node, adjoint):
            if part != ZERO:
                whole, own = (_extents(known, each, names) for each in (node, argument))
                total = plus(total, visit(argument, reduced(part, whole, own)))
        return total

    return visit(node, adjoint)


def reduced(part: Node, whole: Extent, own: Extent) -> Node:
    """Sum an adjoint that varies like `whole` over the dimensions along which `own` does not."""
    over_rows, over_columns = whole.rows and not own.rows, whole.columns and not own.columns
    if over_rows and over_columns:
        return Node(Op.SUM, (part,), Scope.ALL.value)
    if over_rows:
        return Node(Op.SUM, (part,), Scope.COLUMN.value)
    if over_columns:
        return Node(Op.SUM, (part,), Scope.ROW.value)
    return part


def _adjoints(node: Node, adjoint: Node) -> list[tuple[Node, Node]]:
    """Return each argument with its share of the adjoint."""
    match node.op, node.args:
        case Op.NEG, (a,):
            return [(a, negative(adjoint))]
        case Op.ADD, (a, b):
            return [(a, adjoint), (b, adjoint)]
        case Op.SUB, (a, b):
            return [(a, adjoint), (b, negative(adjoint))]
        case Op.MUL, (a, b):
            return [(a, times(adjoint, b)), (b, times(adjoint, a))]
        case Op.DIV, (a, b):
            return [(a, over(adjoint, b)), (b, negative(over(times(adjoint, node), b)))]
        case Op.POW, (a,):
            return [(a, times(adjoint, _power_slope(a, int(node.value or 0))))]
        case ((Op.MINIMUM | Op.MAXIMUM), (a, b)):
            first = Node(Op.LESS, (a, b) if node.op is Op.MINIMUM else (b, a))
            return [(a, select(first, adjoint, ZERO)), (b, select(first, ZERO, adjoint))]
        case Op.SELECT, (condition, a, b):
            return [(a, select(condition, adjoint, ZERO)), (b, select(condition, ZERO, adjoint))]
        case Op.SUM, (a,):
            return [(a, adjoint)]
        case Op.MAX, (a,):
            top = Node(Op.EQUAL, (Node(Op.POSITION), Node(Op.ARGMAX, (a,), node.value)))
            return [(a, select(top, adjoint, ZERO))]
        case Op.GATHER, (row, at):
            chosen = Node(Op.EQUAL, (Node(Op.POSITION), at))
            return [(row, select(chosen, adjoint, ZERO))]
        case _, (a,) if (slope := _slope(node, a)) is not None:
            return [(a, times(adjoint, slope))]
        case _:
            # comparisons, positions and counts are constant almost everywhere
            return []


def _slope(node: Node, a: Node) -> Node | None:
    """Return the derivative of an elementary function, in a form without cancellation."""
    match node.op:
        case Op.ABS:
            return Node(Op.SIGN, (a,))
        case Op.SQRT:
            return over(ONE, times(TWO, node))
        case Op.EXP:
            return node
        case Op.EXPM1:
            return Node(Op.EXP, (a,))
        case Op.LOG:
            return over(ONE, a)
        case Op.LOG1P:
            return over(ONE, plus(ONE, a))
        case Op.TANH:
            decay = Node(Op.EXP, (negative(times(TWO, Node(Op.ABS, (a,)))),))
            return over(times(number(4), decay), Node(Op.POW, (plus(ONE, decay),), 2))
        case Op.ERF | Op.ERFC:
            bell = Node(Op.EXP, (negative(Node(Op.POW, (a,), 2)),))
            scale = over(TWO, Node(Op.SQRT, (Node(Op.SYMBOL, value=Symbol.PI.value),)))
            slope = times(scale, bell)
            return slope if node.op is Op.ERF else negative(slope)
        case _:
            return None


def _power_slope(base: Node, exponent: int) -> Node:
    if exponent == 0:
        return ZERO
    lower = ONE if exponent == 1 else base if exponent == 2 else Node(Op.POW, (base,), exponent - 1)
    return times(number(exponent), lower)


def _constant(node: Node, value: int) -> bool:
    return node.op is Op.NUMBER and node.value == value


def times(a: Node, b: Node) -> Node:
    """Return a * b without needless factors."""
    if _constant(a, 0) or _constant(b, 0):
        return ZERO
    if _constant(a, 1):
        return b
    if _constant(b, 1):
        return a
    if _guarded(a):
        return select(a.args[0], times(a.args[1], b), times(a.args[2], b))
    if _guarded(b):
        return select(b.args[0], times(a, b.args[1]), times(a, b.args[2]))
    return Node(Op.MUL, (a, b))


def over(a: Node, b: Node) -> Node:
    """Return a / b without needless divisions."""
    if _constant(a, 0) or _constant(b, 1):
        return a
    if _guarded(a):
        return select(a.args[0], over(a.args[1], b), over(a.args[2], b))
    return Node(Op.DIV, (a, b))


def plus(a: Node, b: Node) -> Node:
    """Return a + b without needless terms."""
    if _constant(a, 0):
        return b
    if _constant(b, 0):
        return a
    if a.op is Op.SELECT and b.op is Op.SELECT and a.args[0] == b.args[0]:
        return select(a.args[0], plus(a.args[1], b.args[1]), plus(a.args[2], b.args[2]))
    return Node(Op.ADD, (a, b))


def hoisted(factor: Node, chain: Node) -> Node:
    """Return factor * chain with the factor multiplied first: f * a / b for f * (a / b)."""
    match chain.op, chain.args:
        case ((Op.MUL | Op.DIV), (first, second)):
            return Node(chain.op, (hoisted(factor, first), second))
        case Op.NEG, (inner,):
            return negative(hoisted(factor, inner))
        case Op.SELECT, (condition, a, b):
            return select(condition, hoisted(factor, a), hoisted(factor, b))
        case _:
            return times(factor, chain)


def negative(a: Node) -> Node:
    """Return -a."""
    if _constant(a, 0):
        return a
    if _guarded(a):
        return select(a.args[0], negative(a.args[1]), negative(a.args[2]))
    return Node(Op.NEG, (a,))


def select(condition: Node, a: Node, b: Node) -> Node:
    """Return `a if condition else b`."""
    return a if a == b else Node(Op.SELECT, (condition, a, b))


def _guarded(node: Node) -> bool:
    """Tell whether a factor is a conditional with a constant branch, which products enter."""
    return node.op is Op.SELECT and any(
        branch.op in (Op.NUMBER, Op.SELECT) or branch.op is Op.NEG for branch in node.args[1:]
    )
