"""A spec with one thing changed in what it computes: every such change, one at a time."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from trysquare.errors import FormulaError
from trysquare.formula.parser import FUNCTIONS, LARGEST_POWER, RESERVED, parse
from trysquare.formula.tree import Scope, names
from trysquare.spec import Expression, InputKind, Selected, Spec

OPERATORS: dict[type[ast.operator], str] = {ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*"}
"""What an operator becomes."""

BOUNDARIES: dict[type[ast.cmpop], str] = {
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.Eq: "!=",
    ast.NotEq: "==",
}
"""What a comparison becomes that includes its boundary, or does not."""

TURNED: dict[type[ast.cmpop], str] = {ast.Lt: ">", ast.LtE: ">=", ast.Gt: "<", ast.GtE: "<="}
"""What a comparison becomes that looks the other way."""

WRITTEN: dict[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}

RELATED = {
    "exp": "expm1",
    "expm1": "exp",
    "log": "log1p",
    "log1p": "log",
    "erf": "erfc",
    "erfc": "erf",
    "minimum": "maximum",
    "maximum": "minimum",
    "sum": "max",
    "max": "sum",
    "mean": "sum",
    "tanh": "erf",
    "abs": "",
    "sign": "",
    "sqrt": "",
}
"""What a function is mistaken for; nothing, if it is left out."""


@dataclass(frozen=True)
class Mutant:
    """A spec that computes something else: `before` is written as `after` in one of its parts."""

    spec: Spec
    part: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.part}: {self.before} → {self.after}"


def mutants(spec: Spec) -> Iterator[Mutant]:
    """Yield every mutant of formula, `where` and `reduce`; its gradient is the derivative."""
    blank = replace(spec, gradient={})
    for part, text, changed in _selected(spec, "formula", spec.formula, Scope.ROW):
        yield Mutant(replace(blank, formula=changed), part, *text)
    used = _used(spec)
    for name, selected in spec.where.items():
        if name not in used:
            continue
        for part, text, changed in _selected(spec, name, selected, Scope.ROW):
            yield Mutant(replace(blank, where={**spec.where, name: changed}), part, *text)
    if spec.reduce is not None:
        for part, text, changed in _selected(spec, "reduce", spec.reduce, Scope.ALL):
            yield Mutant(replace(blank, reduce=changed), part, *text)


def _used(spec: Spec) -> frozenset[str]:
    """Return what the formula mentions, or what is mentioned by that; not what a gradient does."""
    waiting = [spec.formula, *([] if spec.reduce is None else [spec.reduce])]
    used: set[str] = set()
    while waiting:
        for option in waiting.pop().options.values():
            for name in set(names(option.tree)) - used:
                used.add(name)
                waiting += [spec.where[name]] if name in spec.where else []
    return frozenset(used)


def _selected(
    spec: Spec, name: str, selected: Selected, scope: Scope
) -> Iterator[tuple[str, tuple[str, str], Selected]]:
    whole = frozenset(
        item.name
        for item in spec.inputs
        if any(form.kind is InputKind.INDEX for form in item.forms.values())
    )
    for choice, expression in selected.options.items():
        seen = {expression.text}
        for before, after, text in _texts(expression.text, whole):
            if text in seen:
                continue
            seen.add(text)
            tree = _parsed(text, scope)
            if tree is not None and tree.tree != expression.tree:
                options = {**selected.options, choice: tree}
                part = f"{name}, {choice}" if choice else name
                yield part, (before, after), replace(selected, options=options)


def _parsed(text: str, scope: Scope) -> Expression | None:
    """Return a changed expression; None where the language has no such one."""
    words = {
        node.id for node in ast.walk(ast.parse(text, mode="eval")) if isinstance(node, ast.Name)
    }
    try:
        return Expression(text, parse(text, frozenset(words - RESERVED), scope))
    except FormulaError:
        return None


def _texts(text: str, whole: frozenset[str]) -> Iterator[tuple[str, str, str]]:
    """Yield what was there, what is there instead, and the expression with it."""
    text = text.strip()
    for node in ast.walk(ast.parse(text, mode="eval").body):
        if not isinstance(node, ast.expr):
            continue
        source = ast.get_source_segment(text, node) or ""
        start, end = _offsets(text, node)
        for after in _changes(text, node, whole):
            yield source, after, f"{text[:start]}({after}){text[end:]}"


def _offsets(text: str, node: ast.expr) -> tuple[int, int]:
    lines = text.split("\n")
    start = sum(len(line) + 1 for line in lines[: node.lineno - 1]) + node.col_offset
    last = node.end_lineno or node.lineno
    end = sum(len(line) + 1 for line in lines[: last - 1]) + (node.end_col_offset or 0)
    return start, end


def _changes(text: str, node: ast.expr, whole: frozenset[str]) -> Iterator[str]:
    def source(part: ast.expr) -> str:
        return f"({ast.get_source_segment(text, part)})"

    match node:
        case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=int() as power)):
            if power < LARGEST_POWER:
                yield f"{source(left)}**{power + 1}"
            yield source(left)
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in OPERATORS:
            yield f"{source(left)} {OPERATORS[type(operator)]} {source(right)}"
        case ast.UnaryOp(op=ast.USub() | ast.Not(), operand=operand):
            yield source(operand)
        case ast.Constant():
            yield from _constants(source(node))
        case ast.Compare():
            yield from _comparisons(node, source)
        case ast.BoolOp(op=operator, values=values):
            word = " or " if isinstance(operator, ast.And) else " and "
            yield word.join(source(value) for value in values)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            yield f"{source(orelse)} if {source(test)} else {source(body)}"
            yield source(body)
            yield source(orelse)
        case ast.Call(func=ast.Name(id=word), args=args) if word in RELATED:
            yield f"{RELATED[word]}({', '.join(map(source, args))})"
        case ast.Name(id=word) if word not in FUNCTIONS and word not in whole | RESERVED:
            yield f"-{word}"


def _constants(number: str) -> Iterator[str]:
    yield f"{number} + 1"
    if number != "(0)":
        yield f"2 * {number}"
        yield f"1.01 * {number}"


def _comparisons(node: ast.Compare, source: Callable[[ast.expr], str]) -> Iterator[str]:
    terms = [source(term) for term in (node.left, *node.comparators)]
    for place, operator in enumerate(node.ops):
        for table in (BOUNDARIES, TURNED):
            if type(operator) not in table:
                continue
            words = [WRITTEN[type(one)] for one in node.ops]
            words[place] = table[type(operator)]
            yield terms[0] + "".join(
                f" {word} {term}" for word, term in zip(words, terms[1:], strict=True)
            )
