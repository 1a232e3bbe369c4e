"""One spec under audit: every question, at many points, for the defaults and each variation."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain

import numpy as np

from trysquare.audit import second_opinion
from trysquare.audit.double_entry import agreement, difference, entries, sentence, written
from trysquare.audit.grid import Grid, grid, variations
from trysquare.audit.region import point, region
from trysquare.audit.stability import LIMIT, Loss, Stability, stability, trees
from trysquare.dtypes import FLOAT64
from trysquare.formula.tree import Node
from trysquare.spec import Place, Spec, Value, choice_text

MANY = 300
"""Rows of each kind of point."""


@dataclass(frozen=True)
class Failure:
    """Something that is not true: where it is written, what, and its figures."""

    place: Place
    message: str
    figures: tuple[str, ...]


@dataclass
class Audit:
    """What was found of one spec.

    `proven` numbers were the same in both forms that are stated, `compared` ones were confirmed by
    the second opinion. `worst` is the largest float64 bound, in ULP for each unit of 1 + condition,
    and `of` the tree that it belongs to.
    """

    spec: Spec
    points: int = 0
    proven: int = 0
    compared: int = 0
    worst: float = 0.0
    of: str = "formula"
    failures: list[Failure] = field(default_factory=list)


def examine(spec: Spec) -> Audit:
    """Ask everything that an audit asks of one spec."""
    audit = Audit(spec)
    seen: set[tuple[Node, ...]] = set()
    failed: set[str] = set()
    proven: dict[str, int] = {}
    for given in variations(spec):
        points = grid(spec, given, MANY)
        key = tuple(chain((tree for *_, tree in trees(points)), (e.other for e in entries(points))))
        if key in seen:  # a parameter that only says how to reduce, or along which axis
            continue
        seen.add(key)
        audit.points += points.rows
        for name, failure in _questions(audit, points, given, proven):
            if name not in failed:  # one variation shows it
                failed.add(name)
                audit.failures.append(failure)
    for name, count in proven.items():
        if not count:
            message = f"Arb could not compare the {name} at a single point"
            audit.failures.append(Failure(spec.place, message, ()))
    audit.proven = sum(proven.values())
    return audit


def _questions(
    audit: Audit, points: Grid, given: Mapping[str, Value], proven: dict[str, int]
) -> Iterator[tuple[str, Failure]]:
    """Yield the failures of one variation, each with a name for its kind; count the rest."""
    yield from _double_entries(points, given, proven)
    yield from _stabilities(audit, points, given)
    yield from _second_opinions(audit, points, given)


def _double_entries(
    points: Grid, given: Mapping[str, Value], proven: dict[str, int]
) -> Iterator[tuple[str, Failure]]:
    for pair in entries(points):
        found = agreement(points, pair)
        proven[pair.name] = proven.get(pair.name, 0) + found.proven
        if found.differs is not None:
            place = _place(points, pair.section, pair.wrt)
            figures = (difference(found, pair, given),)
            yield pair.name, Failure(place, sentence(pair), figures)


def _stabilities(
    audit: Audit, points: Grid, given: Mapping[str, Value]
) -> Iterator[tuple[str, Failure]]:
    for name, wrt, tree in trees(points):
        found = stability(points, name, wrt, tree)
        if found.worst > audit.worst:
            audit.worst, audit.of = found.worst, name
        if found.losses:
            yield f"stability of {name}", _lost(points, found, tree, given)


def _lost(points: Grid, found: Stability, tree: Node, given: Mapping[str, Value]) -> Failure:
    """Return the failure of a tree that loses digits: region, worst point, figures."""
    worst = max(found.losses, key=_told_best)
    column = f", element {worst.column}" if points.columns > 1 else ""
    stated = found.wrt is None or found.wrt in points.spec.gradient
    bound, measured, explained = (
        _relative(worst, ulps)
        for ulps in (worst.bound, worst.measured, (1 + worst.condition) * LIMIT)
    )
    at = _point(found.points, tree, worst.row, given)
    figures = (
        f"at {at}{column}: the value is {worst.value:.6g}",
        f"float64 bound {bound} relative there, measured on this machine {measured}",
        f"condition number {worst.condition:.3g}, which explains {explained}",
    )
    where = region(found.points, tree, found.ratios, LIMIT)
    subject = found.name if stated else f"{found.name}, as derived from the formula,"
    place = _place(points, "gradient" if found.wrt else "formula", found.wrt)
    return Failure(place, f"{subject} loses digits for {where}", figures)


def _told_best(loss: Loss) -> tuple[bool, float, float]:
    """Order losses by what is worth telling: the worst, but not where float64 itself ends."""
    return abs(loss.value) >= FLOAT64.smallest_normal, loss.ratio, loss.measured


def _second_opinions(
    audit: Audit, points: Grid, given: Mapping[str, Value]
) -> Iterator[tuple[str, Failure]]:
    found = second_opinion.compare(points)
    audit.compared += found.compared
    if found.differs is not None:
        terms = points.meant.terms
        at = Grid(points.spec, points.meant, found.differs, 1, points.columns)
        figures = (f"at {_point(at, terms, 0, given)}",)
        place = _place(points, "formula")
        yield "second opinion", Failure(place, "mpmath and the oracle give two values", figures)


def _relative(loss: Loss, ulps: float) -> str:
    """Return an error in ULP of float64 as a power of two, relative to the value."""
    share = ulps * (float(FLOAT64.ulp(np.array(loss.value))) / abs(loss.value))
    if share == 0:
        return "nothing"
    return f"2^{round(math.log2(share))}" if math.isfinite(share) else "unlimited"


def _point(points: Grid, tree: Node, row: int, given: Mapping[str, Value]) -> str:
    values = "".join(f", {name} {choice_text(value)}" for name, value in given.items())
    return point(points, [tree], row) + values


def _place(points: Grid, section: str, wrt: str | None = None) -> Place:
    document, node = written(points, section, wrt)
    return document.place(node)
