"""Whether the two ways in which a spec states a thing agree, proven with balls at many points.

Formula against definition, stated gradients against the derivative of the formula. Two balls that
do not touch prove that two things are stated.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from trysquare.audit.enclosure import each, enclosures, narrow
from trysquare.audit.grid import Grid, grid, variations
from trysquare.errors import Mistake
from trysquare.formula.derivative import ZERO
from trysquare.formula.tree import Node, Op, parts
from trysquare.spec import InputKind, Spec

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


@dataclass(frozen=True)
class Agreement:
    """The points at which two trees were compared, and the first row of them that differs.

    `proven` counts the numbers at which both are known to many digits and agree.
    """

    points: Grid
    proven: int
    differs: int | None


def contradictions(spec: Spec) -> Iterator[Mistake]:
    """Yield what disagrees, for the defaults and for every other value or choice of a parameter."""
    for given in variations(spec):
        words = ", ".join(f"{name} {value}" for name, value in given.items())
        where = f" (with {words})" if words else ""
        points = grid(spec, given, FEW, binades=False)
        for pair in entries(points):
            if agreement(points, pair).differs is not None:
                yield _mistake(spec, f"{sentence(pair)}{where}")


def sentence(pair: Entries) -> str:
    """Return what is wrong where two entries differ."""
    if pair.wrt is None:
        return "formula and definition differ"
    return f"the stated gradient of {pair.wrt} is not the derivative"


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
    rows = np.flatnonzero(apart.any(axis=1))
    return Agreement(points, int(proven.sum()), int(rows[0]) if rows.size else None)


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


def _mistake(spec: Spec, message: str) -> Mistake:
    place = spec.place
    return Mistake(str(place.path), place.line, place.column, message)
