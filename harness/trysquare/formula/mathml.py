"""Tree -> presentation MathML, as a textbook would set it. Every text is escaped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from html import escape

from trysquare.formula.tree import REDUCTIONS, Node, Op, Scope, Symbol, names
from trysquare.formula.typeset import Bond, Piece, call, numeral, power, row, sub

_GREEK = {
    "alpha": "α",
    "beta": "β",
    "gamma": "γ",
    "delta": "δ",
    "epsilon": "ε",
    "eta": "η",
    "theta": "θ",
    "kappa": "κ",
    "lambda": "λ",
    "lambd": "λ",
    "lambda_": "λ",
    "mu": "μ",
    "nu": "ν",
    "xi": "ξ",
    "rho": "ρ",
    "sigma": "σ",
    "tau": "τ",
    "phi": "φ",
    "psi": "ψ",
    "omega": "ω",
}
_SYMBOLS = {
    Symbol.INF: "<mi>∞</mi>",
    Symbol.NAN: "<mtext>NaN</mtext>",
    Symbol.PI: "<mi>π</mi>",
    Symbol.EPS: "<mi>ε</mi>",
    Symbol.LARGEST: "<mtext>largest</mtext>",
    Symbol.SMALLEST_NORMAL: "<mtext>smallest normal</mtext>",
    Symbol.SMALLEST_SUBNORMAL: "<mtext>smallest subnormal</mtext>",
}
_WORDS = {
    Op.SIGN: "sgn",
    Op.LOG: "ln",
    Op.TANH: "tanh",
    Op.ERF: "erf",
    Op.ERFC: "erfc",
    Op.MINIMUM: "min",
    Op.MAXIMUM: "max",
}
_RELATIONS = {Op.LESS: "&lt;", Op.LESS_EQUAL: "≤", Op.EQUAL: "=", Op.NOT_EQUAL: "≠"}
_TURNED = {Op.LESS: "&gt;", Op.LESS_EQUAL: "≥"}
_CONSTANT = frozenset({Op.NUMBER, Op.SYMBOL})
_OF_ROWS = REDUCTIONS | {Op.GATHER, Op.POSITION}
_LOGIC = {Op.AND: "and", Op.OR: "or"}


def mathml(
    tree: Node, shown: Mapping[str, str] | None = None, indexed: frozenset[str] = frozenset()
) -> str:
    """Return a `math` element in block style.

    `shown` replaces names by another text. Names in `indexed` differ from position to position
    along the axis: they get an index wherever the formula has a reduction or takes an element.
    """
    rows = not _OF_ROWS.isdisjoint(_operations(tree))
    setter = _Setter(shown or {}, indexed if rows else frozenset())
    return f'<math display="block">{setter.set(tree, _index(0), 1).markup}</math>'


def _operations(node: Node) -> Iterator[Op]:
    yield node.op
    for argument in node.args:
        yield from _operations(argument)


class _Setter:
    """Sets nodes; `at` is the markup of the current index, `level` the next free one."""

    def __init__(self, shown: Mapping[str, str], indexed: frozenset[str]) -> None:
        self._shown, self._indexed = shown, indexed

    def set(self, node: Node, at: str, level: int) -> Piece:
        """Return the markup of one node."""

        def below(argument: Node) -> Piece:
            return self.set(argument, at, level)

        if node.op in _RELATIONS or node.op in _LOGIC:
            return _condition(node, below)
        if node.op in REDUCTIONS:
            return self._reduction(node, level)
        match node.op:
            case Op.NAME:
                name = self._name(str(node.value))
                return Piece(sub(name, at) if node.value in self._indexed else name)
            case Op.POSITION:
                return Piece(at)
            case Op.GATHER:
                return self._gather(node, below(node.args[1]).markup, level)
            case Op.SELECT:
                return _cases(node, below)
            case Op.ADD | Op.SUB:
                return _sum(node, below)
            case _:
                return _operation(node, below)

    def _name(self, name: str) -> str:
        if name in self._shown:
            return f"<mi>{escape(self._shown[name])}</mi>"
        head, _, tail = name.partition("_")
        if tail and (len(head) == 1 or head in _GREEK) and len(tail) <= len("max"):
            return sub(self._name(head), f"<mi>{escape(tail)}</mi>")
        return f"<mi>{escape(_GREEK.get(name, name))}</mi>"

    def _reduction(self, node: Node, level: int) -> Piece:
        if node.op is Op.COUNT:
            return Piece("<mi>N</mi>" if node.value == Scope.ALL else "<mi>n</mi>")
        at = _index(level)
        body = self.set(node.args[0], at, level + 1)
        if node.op is Op.SUM:
            sign = f"<munder><mo>∑</mo>{at}</munder>"
            return Piece(row(sign, body.inside(Bond.SERIES)), Bond.SERIES)
        word = "max" if node.op is Op.MAX else "arg max"
        sign = f"<munder><mo>{word}</mo>{at}</munder>"
        return Piece(row(sign, body.inside(Bond.PRODUCT)), Bond.SERIES)

    def _gather(self, node: Node, at: str, level: int) -> Piece:
        taken = self.set(node.args[0], at, level)
        if self._indexed.intersection(names(node.args[0])):
            return taken
        return Piece(sub(taken.inside(Bond.ATOM), at))


def _operation(node: Node, below: Callable[[Node], Piece]) -> Piece:
    args = [below(argument) for argument in node.args]
    match node.op:
        case Op.NUMBER:
            return numeral(Fraction(node.value or 0))
        case Op.SYMBOL:
            return Piece(_SYMBOLS[Symbol(str(node.value))])
        case Op.NEG:
            return Piece(row("<mo>−</mo>", args[0].inside(Bond.SERIES)), Bond.SUM)
        case Op.MUL:
            left, right = (part.inside(Bond.PRODUCT) for part in args)
            return Piece(row(left, _times(node, right), right), Bond.PRODUCT)
        case Op.DIV:
            parts = (f"<mrow>{part.markup}</mrow>" for part in args)
            return Piece(f"<mfrac>{''.join(parts)}</mfrac>", Bond.FRACTION)
        case Op.POW:
            return Piece(power(args[0].inside(Bond.ATOM), f"<mn>{node.value}</mn>"), Bond.POWER)
        case Op.EXP:
            return Piece(power("<mi>e</mi>", args[0].markup), Bond.POWER)
        case Op.EXPM1:
            grown = power("<mi>e</mi>", args[0].markup)
            return Piece(row(grown, "<mo>−</mo><mn>1</mn>"), Bond.SUM)
        case Op.LOG1P:
            return call("ln", row("<mn>1</mn><mo>+</mo>", args[0].inside(Bond.SERIES)))
        case Op.SQRT:
            return Piece(f"<msqrt>{args[0].markup}</msqrt>")
        case Op.ABS:
            return Piece(row("<mo>|</mo>", args[0].markup, "<mo>|</mo>"))
        case Op.NOT:
            return Piece(row("<mtext>not\u00a0</mtext>", args[0].inside(Bond.ATOM)), Bond.LOGIC)
        case _:
            return call(_WORDS[node.op], "<mo>,</mo>".join(part.markup for part in args))


def _sum(node: Node, below: Callable[[Node], Piece]) -> Piece:
    left, right = node.args
    minus = node.op is Op.SUB
    # a + (-b) is set as a - b
    if right.op is Op.NEG and not minus:
        right, minus = right.args[0], True
    operator = "<mo>−</mo>" if minus else "<mo>+</mo>"
    signed = right.op is Op.NEG or (right.op is Op.NUMBER and Fraction(right.value or 0) < 0)
    term = below(right).inside(Bond.SERIES if minus or signed else Bond.SUM)
    return Piece(row(below(left).inside(Bond.SUM), operator, term), Bond.SUM)


def _condition(node: Node, below: Callable[[Node], Piece]) -> Piece:
    chain = _chain(node)
    if len(chain) == 1 and node.args[0].op in _CONSTANT and node.op in _TURNED:
        # 0 < x is how it is stored, x > 0 how it is said
        left, right = (below(argument).inside(Bond.SUM) for argument in node.args)
        return Piece(row(right, f"<mo>{_TURNED[node.op]}</mo>", left), Bond.COMPARISON)
    if chain:
        parts = [below(chain[0].args[0]).inside(Bond.SUM)]
        for link in chain:
            operator = f"<mo>{_RELATIONS[link.op]}</mo>"
            parts += [operator, below(link.args[1]).inside(Bond.SUM)]
        return Piece(row(*parts), Bond.COMPARISON)
    same = [argument.op in _RELATIONS or argument.op is node.op for argument in node.args]
    sides = [
        part.markup if plain else part.inside(Bond.COMPARISON)
        for part, plain in zip(map(below, node.args), same, strict=True)
    ]
    word = f"<mtext>\u00a0{_LOGIC[node.op]}\u00a0</mtext>"
    return Piece(row(sides[0], word, sides[1]), Bond.LOGIC)


def _chain(node: Node) -> list[Node]:
    """Return the links of a < b < c, or of a single comparison; nothing for other logic."""
    if node.op in _RELATIONS:
        return [node]
    if node.op is not Op.AND:
        return []
    left, right = (_chain(argument) for argument in node.args)
    return left + right if left and right and left[-1].args[1] == right[0].args[0] else []


def _cases(node: Node, below: Callable[[Node], Piece]) -> Piece:
    rows = []
    while node.op is Op.SELECT:
        test, value, node = node.args
        rows.append(_case(below(value).markup, f"<mtext>if\u00a0</mtext>{below(test).markup}"))
    rows.append(_case(below(node).markup, "<mtext>otherwise</mtext>"))
    table = f"<mtable>{''.join(rows)}</mtable>"
    return Piece(row('<mo stretchy="true">{</mo>', table), Bond.CASES)


def _case(value: str, when: str) -> str:
    return f"<mtr><mtd>{value}</mtd><mtd>{when}</mtd></mtr>"


def _times(node: Node, right: str) -> str:
    """Return a dot where two factors would run together, else the invisible product sign."""
    words = any(
        a.op is Op.NAME and len(str(a.value)) > 1 and a.value not in _GREEK for a in node.args
    )
    return "<mo>·</mo>" if words or right.startswith(("<mn>", "<mfrac>")) else "<mo>\u2062</mo>"


def _index(level: int) -> str:
    return f"<mi>{'ijklmpqr'[level % 8]}</mi>"
