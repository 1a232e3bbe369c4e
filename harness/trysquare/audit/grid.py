"""The points at which a spec is audited: each row with inputs of its own, all of them finite."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from trysquare.dtypes import FLOAT32, Array
from trysquare.formula.derivative import Extent, extent
from trysquare.formula.evaluate import evaluate
from trysquare.formula.float64 import Float64
from trysquare.formula.tree import Node, names
from trysquare.planning.sampling import RARE, Generator, allowed, numbers
from trysquare.spec import InputKind, Spec, Value
from trysquare.truth.meaning import COTANGENT, Meaning, meaning

COLUMNS = 5
"""The length of a row."""

SEED = 20


@dataclass(frozen=True)
class Grid:
    """Rows of inputs for one spec with given parameters; nothing is reduced over rows.

    `inputs` are shaped (rows, columns or 1) and include the cotangent. Their values are those of
    float32, the widest format whose truth may come from float64.
    """

    spec: Spec
    meant: Meaning
    inputs: Mapping[str, Array]
    rows: int
    columns: int

    def only(self, rows: Array) -> Grid:
        """Return the rows with these numbers."""
        inputs = {name: values[rows] for name, values in self.inputs.items()}
        return replace(self, inputs=inputs, rows=len(rows))

    def given(self, tree: Node) -> dict[str, Array]:
        """Return the inputs that a tree mentions."""
        mentioned = set(names(tree))
        return {name: values for name, values in self.inputs.items() if name in mentioned}

    def spread(self, tree: Node) -> Extent:
        """Return how the value of a tree varies; every row has one, even if all are the same."""
        return Extent(rows=True, columns=extent(tree, self.extents).columns)

    @property
    def extents(self) -> dict[str, Extent]:
        """How each input, and the cotangent, varies."""
        return {**self.meant.extents, COTANGENT: self.meant.output}

    @property
    def indices(self) -> frozenset[str]:
        """The inputs that are positions, and not numbers that could be rounded."""
        return frozenset(
            item.name
            for item in self.spec.inputs
            if item.form(self.meant.parameters).kind is InputKind.INDEX
        )

    @property
    def kinks(self) -> Array:
        """Tell for each row whether the derivative is a convention somewhere in it."""
        return self.holds(self.meant.expression(kink.at.tree) for kink in self.spec.kinks)

    def holds(self, conditions: Iterable[Node]) -> Array:
        """Tell for each row whether one of the conditions holds somewhere in it."""
        found = np.zeros(self.rows, bool)
        for condition in conditions:
            found |= self._everywhere(condition).any(axis=1)
        return found

    def inside(self) -> Grid:
        """Drop the rows that leave the domain of an input."""
        keep = np.ones(self.rows, bool)
        for item in self.spec.inputs:
            if item.domain is not None:
                domain = self.meant.expression(item.domain.tree)
                keep &= self.holds_everywhere(domain)
        return self.only(np.flatnonzero(keep))

    def holds_everywhere(self, condition: Node) -> Array:
        """Tell for each row whether a condition holds at all of its places."""
        return np.asarray(self._everywhere(condition).all(axis=1))

    def _everywhere(self, condition: Node) -> Array:
        value = evaluate(condition, Float64(self.rows, self.columns), self.inputs)
        return np.broadcast_to(np.asarray(value, bool), (self.rows, self.columns))


def variations(spec: Spec) -> Iterator[dict[str, Value]]:
    """Yield parameters, one changed at a time; the first are the defaults."""
    yield {}
    for item in spec.parameters:
        flag = isinstance(item.default, bool)
        values: tuple[Value, ...] = (True, False) if flag else item.choices or item.also
        yield from ({item.name: value} for value in values if value != item.default)


def grid(spec: Spec, parameters: Mapping[str, Value], count: int, *, binades: bool = True) -> Grid:
    """Return about `count` rows of each kind of point.

    With `binades`, a function of one number gets its specials, the surroundings of its constants
    and every binade of both signs on top.
    """
    random = np.random.default_rng(SEED)
    shared = meaning(replace(spec, reduce=None), parameters)
    own = {name: Extent(rows=True, columns=each.columns) for name, each in shared.extents.items()}
    meant = replace(shared, extents=own)
    columns = 1 if spec.axis is None else COLUMNS
    pool = numbers(FLOAT32, meant.terms, random)
    pool = pool[np.isfinite(pool)]
    floats = [i.name for i in spec.inputs if i.form(meant.parameters).kind is InputKind.FLOAT]
    drawn = _draws(pool, (count, columns, len(floats)), random)
    if binades and columns == len(floats) == 1:
        drawn = np.concatenate([pool[:, None, None], drawn])
    rows = len(drawn)
    widths = {name: columns if own[name].columns else 1 for name in own}
    inputs = {
        name: FLOAT32.round(drawn[:, : widths[name], place]) for place, name in enumerate(floats)
    }
    for item in spec.inputs:
        if item.domain is not None and set(names(item.domain.tree)) == {item.name}:
            domain = meant.expression(item.domain.tree)
            few = Grid(spec, meant, {item.name: inputs[item.name]}, rows, columns)
            if few.holds_everywhere(domain).mean() < RARE:
                pool = allowed(FLOAT32, item.name, domain, random)
                finite = pool[np.isfinite(pool)]
                if finite.size:  # of a domain without a number nothing is left
                    inputs[item.name] = random.choice(finite, (rows, widths[item.name]))
    for item in spec.inputs:
        if item.name not in inputs:
            inputs[item.name] = random.integers(0, columns, (rows, widths[item.name])) * 1.0
    if spec.random is not None:
        name = spec.random.name
        inputs[name] = FLOAT32.round(random.uniform(0.125, 0.25, (rows, widths[name])))
    width = columns if meant.output.columns else 1
    inputs[COTANGENT] = FLOAT32.round(random.normal(0, 2, (rows, width)) + 0.25)
    return Grid(spec, meant, inputs, rows, columns).inside()


def _draws(pool: Array, shape: tuple[int, int, int], random: Generator) -> Array:
    """Return ordinary numbers, all binades, shares of one, numbers close to each other."""
    alone = (shape[0], 1, 1)
    scale = 10.0 ** random.uniform(-3, 3, alone)
    ordinary = random.normal(0, 2, shape)
    varied = random.normal(0, 1, shape) * scale
    share = random.random(shape) ** np.where(random.random(alone) < 0.5, 1, 12)
    share = np.where(random.random(shape) < 0.5, share, 1 - share)
    close = scale * (1 + random.normal(0, 1, shape) * 10.0 ** random.uniform(-7, 0, alone))
    close *= np.where(random.random(alone) < 0.5, 1.0, -1.0)
    return np.concatenate([ordinary, varied, random.choice(pool, shape), share, close])
