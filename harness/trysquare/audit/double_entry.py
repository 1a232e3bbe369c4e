"""Whether the two ways in which a spec states a thing agree, proven with balls at many points.

Formula against definition, stated gradients against the derivative of the formula. Two balls that
do not touch prove that two things are stated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from trysquare.audit.enclosure import each, enclosures, narrow, nearest
from trysquare.audit.grid import Grid, grid, variations
from trysquare.audit.region import point
from trysquare.errors import Mistake
from trysquare.formula.derivative import ZERO
from trysquare.formula.tree import Node, Op, parts
from trysquare.spec import InputKind, Spec, Value, choice_text
from trysquare.specfile.composer import load
from trysquare.specfile.document import Document, Table
from trysquare.specfile.document import Node as Written

FEW = 8
"""Points of each kind when a run begins."""

_BRANCHING = {Op.LESS, Op.LESS_EQUAL, Op.EQUAL, Op.NOT_EQUAL, Op.MINIMUM, Op.MAXIMUM}


@dataclass(frozen=True)
class Entries:
    """What is stated twice: its name, both trees, and the input whose gradient it is."""

    name: str
    stated: Node
    other: Node
    wrt: str | None = None

    @property
    def section(self) -> str:
        """Where it is written that is held against the formula."""
        return "definition" if self.wrt is None else "gradient"


@dataclass(frozen=True)
class Difference:
    """Where two trees differ, as row and column, and what each of them is there."""

    row: int
    column: int
    stated: Any
    other: Any


@dataclass(frozen=True)
class Agreement:
    """The points at which two trees were compared, and the first of them at which they differ.

    `proven` counts the numbers at which both are known to many digits and agree.
    """

    points: Grid
    proven: int
    differs: Difference | None


def contradictions(spec: Spec) -> Iterator[Mistake]:
    """Yield what disagrees, for the defaults and for every other value or choice of a parameter.

    What is written once is told once, with the first parameters that show it.
    """
    told: set[tuple[int, int]] = set()
    for given in variations(spec):
        points = grid(spec, given, FEW, binades=False)
        for pair in entries(points):
            found = agreement(points, pair)
            if found.differs is None:
                continue
            document, node = written(points, pair.section, pair.wrt)
            if (node.line, node.column) not in told:
                told.add((node.line, node.column))
                document.report(node, f"{sentence(pair)}: {difference(found, pair, given)}")
                yield document.mistakes[-1]


def sentence(pair: Entries) -> str:
    """Return what is wrong where two entries differ."""
    if pair.wrt is None:
        return "formula and definition differ"
    return f"the stated gradient of {pair.wrt} is not the derivative"


def difference(found: Agreement, pair: Entries, given: Mapping[str, Value]) -> str:
    """Say at which point two entries differ, and what they are there."""
    at = found.differs
    if at is None:
        return ""
    trees = (pair.stated, pair.other)
    values = "".join(f", {name} {choice_text(value)}" for name, value in given.items())
    element = f", element {at.column}" if found.points.columns > 1 else ""
    stated, other = _told_apart(at.stated, at.other)
    where = f"at {point(found.points, trees, at.row)}{values}{element}"
    if pair.wrt is None:
        return f"{where} the formula is {stated}, and the definition {other}"
    return f"{where} it is {stated}, and the derivative {other}"


def _told_apart(first: Any, second: Any) -> tuple[str, str]:
    """Return two balls as numbers, with so many digits that these are two."""
    texts = [f"{nearest(ball):.6g}" for ball in (first, second)]
    for digits in (17, 40, 160):
        if texts[0] != texts[1]:
            break
        texts = [ball.mid().str(digits, radius=False) for ball in (first, second)]
    return texts[0], texts[1]


def written(points: Grid, section: str, wrt: str | None = None) -> tuple[Document, Written]:
    """Return a spec's document, and what holds in a section of it for the parameters of a grid.

    Of a gradient that is not stated, that is the formula.
    """
    spec = points.spec
    stated = spec.gradient.get(wrt) if wrt is not None else None
    if section == "gradient" and stated is None:
        section = "formula"
    selected = {"formula": spec.formula, "definition": spec.definition, "gradient": stated}[section]
    steps = [section, *([str(wrt)] if section == "gradient" else [])]
    if selected is not None and selected.parameter is not None:
        steps.append(choice_text(points.meant.parameters[selected.parameter]))
    document = load(spec.place.path)
    node: Written = document.root
    for step in steps:
        if isinstance(node, Table) and step in node.entries:
            node = node.entries[step]
    return document, node


def entries(points: Grid) -> Iterator[Entries]:
    """Yield what the spec of a grid states twice."""
    spec, meant = points.spec, points.meant
    definition = meant.definition()
    if definition is not None:
        yield Entries("definition", meant.terms, definition)
    for wrt in gradients(points):
        if wrt in spec.gradient:
            derived = meant.derived(wrt, meant.terms)
            yield Entries(f"gradient of {wrt}", meant.gradients(wrt)[0], derived, wrt)


def gradients(points: Grid) -> list[str]:
    """Return the inputs that have a gradient with these parameters."""
    return [
        item.name
        for item in points.spec.inputs
        if item.differentiable and item.form(points.meant.parameters).kind is InputKind.FLOAT
    ]


def agreement(points: Grid, pair: Entries) -> Agreement:
    """Compare two trees at every point; what Arb cannot decide is not held against them.

    Gradients are not compared at kinks, and where two branches meet: there neither of them says
    what the derivative is.
    """
    if pair.wrt is not None:
        meetings = _meetings(points.meant.terms, pair.wrt)
        points = points.only(np.flatnonzero(~(points.kinks | points.holds(meetings))))
    if not points.rows:
        return Agreement(points, 0, None)
    wide = any(points.spread(tree).columns for tree in (pair.stated, pair.other))
    shape = (points.rows, points.columns if wide else 1)
    first, second = (
        enclosures(tree, points.given(tree), shape, points.columns)
        for tree in (pair.stated, pair.other)
    )
    apart = each(lambda a, b: a.is_finite() and b.is_finite() and not a.overlaps(b), first, second)
    proven = each(lambda a, b: narrow(a) and narrow(b), first, second) & ~apart
    if not apart.any():
        return Agreement(points, int(proven.sum()), None)
    row, column = (int(each[0]) for each in np.nonzero(apart))
    differs = Difference(row, column, first[row, column], second[row, column])
    return Agreement(points, int(proven.sum()), differs)


def _meetings(tree: Node, wrt: str) -> Iterator[Node]:
    """Yield the conditions under which two branches of a tree meet, as one input goes by."""

    @cache
    def moves(part: Node) -> bool:
        return (part.op is Op.NAME and part.value == wrt) or any([*map(moves, part.args)])

    @cache
    def counts(part: Node) -> bool:
        return part.op is Op.ARGMAX or any([*map(counts, part.args)])

    for part in set(parts(tree)):
        if moves(part) and not counts(part):
            if part.op in _BRANCHING:
                yield Node(Op.EQUAL, part.args)
            elif part.op in (Op.ABS, Op.SIGN):
                yield Node(Op.EQUAL, (part.args[0], ZERO))
