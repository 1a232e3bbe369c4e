"""What is swept: a function of one number or its derivative, its truth and its limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from importlib.resources import files

import flint
import numpy as np

from trysquare.backend import Answer, Want
from trysquare.dtypes import Array, Format
from trysquare.formula.derivative import ONE, Extent
from trysquare.formula.tree import Node, Op, substitute
from trysquare.planning.cases import Case
from trysquare.result import Check
from trysquare.spec import Extent as InputExtent
from trysquare.spec import InputKind, Spec, Value
from trysquare.truth.meaning import COTANGENT, Meaning, meaning
from trysquare.truth.oracle import Oracle
from trysquare.truth.rounding import rounded
from trysquare.verdict.measure import nearest
from trysquare.verdict.standard import Standard

VAGUE = 2.0**-20
"""ULP; a truth that is less certain than that is worked out again."""

_INFINITIES = np.array([-np.inf, np.inf])

AT_ONCE = 1 << 17
"""Numbers that are judged one by one together; each needs some hundred bytes."""


def variable(spec: Spec) -> str | None:
    """Return the name of the only number that a function is of, None if there are others.

    One with a domain is not meant: outside of it there is nothing to compare.
    """
    if spec.axis is not None or spec.reduce is not None or len(spec.inputs) != 1:
        return None
    (item,) = spec.inputs
    form = item.form(spec.defaults)
    if item.domain is not None:
        return None
    pointwise = form.kind is InputKind.FLOAT and form.extent is InputExtent.ELEMENT
    return item.name if pointwise and not spec.draws(spec.defaults) else None


@dataclass(frozen=True)
class Subject:
    """A function of one number with its default parameters, or its derivative, in one format."""

    spec: Spec
    format: Format
    gradient: bool

    @property
    def variable(self) -> str:
        """The name of the number."""
        name = variable(self.spec)
        if name is None:
            raise ValueError(f"{self.spec.function} is no function of one number")
        return name

    @property
    def title(self) -> str:
        """What a result of it is called."""
        return f"d {self.variable}, every number" if self.gradient else "every number"

    @property
    def parameters(self) -> Mapping[str, Value]:
        """The defaults: what most callers get."""
        return self.spec.defaults

    @cached_property
    def meant(self) -> Meaning:
        """The function with its parameters put in."""
        return meaning(self.spec, self.parameters)

    @cached_property
    def tree(self) -> Node:
        """The value, or the derivative with ones from above."""
        if not self.gradient:
            return self.meant.value
        return _plain(substitute(self.meant.gradients(self.variable)[0], {COTANGENT: ONE}))

    @cached_property
    def digest(self) -> str:
        """Changes with whatever the charts of it depend on."""
        other = self.meant.reordered(self.variable) if self.gradient else None
        stated = self.spec.tolerance.pick(self.format.name, self.parameters)
        primitives = (files("trysquare") / "primitives.json").read_bytes()
        parts = [
            *(str(_digest(tree, {})) for tree in (self.tree, other) if tree is not None),
            stated.text if stated and not self.gradient else "inherited",
            repr(sorted(self.parameters.items())),
            f"{self.format.name} {self.gradient} {flint.__version__}",
            sha256(primitives).hexdigest(),
        ]
        return sha256("\n".join(parts).encode()).hexdigest()

    def case(self, numbers: Array) -> Case:
        """Return a case that asks for these numbers, shaped (n,), in the format's dtype."""
        # one NaN stands for all: a signalling one is not worth an exception
        with np.errstate(invalid="ignore"):  # ml_dtypes warns of the signalling ones
            numbers = np.where(np.isnan(numbers), self.format.numpy.type(np.nan), numbers)
        return Case(
            name=self.title,
            check=Check.SWEEP,
            function=self.spec.function,
            format=self.format,
            place=self.spec.place,
            inputs={self.variable: numbers},
            effective=self.parameters,
            given=self.parameters,
            want=Want.GRADIENT if self.gradient else Want.VALUE,
            wrt=self.variable if self.gradient else "",
            cotangent=self.format.cast(np.ones(len(numbers))) if self.gradient else None,
        )

    def standard(self, numbers: Array) -> Standard:
        """Return what is demanded at these numbers."""
        return Standard(self.spec, self.case(numbers))

    def answer(self, got: Array) -> Answer:
        """Return answers in the format's dtype as a backend would give them."""
        return Answer({self.variable if self.gradient else "output": got})

    def judged(self, start: int, stop: int) -> tuple[int, int]:
        """Return the part of positions [start, stop) that is judged: a derivative, at numbers.

        What IEEE arithmetic makes of a derivative at NaN or infinity depends on how the formula is
        written; `run` leaves these points out too.
        """
        if not self.gradient:
            return start, stop
        infinities = self.format.cast(_INFINITIES).view(self.format.bits)
        below, above = (int(position) for position in self.format.positions(infinities))
        low, high = max(start, below + 1), min(stop, above)
        return (low, high) if low < high else (start, start)

    def at(self, positions: Array) -> Array:
        """Return the numbers at positions in the order of size, in the format's dtype."""
        return self.format.from_bits(self.format.patterns(positions))

    def truths(self, positions: Array) -> tuple[Array, Array]:
        """Return the truth as float64, and the patterns of the correctly rounded truth.

        Where the highest precision does not decide how to round, it is an exact tie as far as
        anybody can see, and goes to even.
        """
        if not len(positions):
            return np.empty(0), np.empty(0, self.format.bits)
        oracle = self._oracle(positions)
        truth = oracle.fast
        vague = np.flatnonzero((truth.bound > VAGUE).any(axis=1))
        if vague.size:
            truth = truth.patched(vague, oracle.exact(vague))
        with np.errstate(invalid="ignore"):
            value = truth.value + truth.rest * self.format.ulp(truth.value)
        value = np.where(np.isfinite(truth.value), value, truth.value)[:, 0]
        nearest_, undecided = rounded(oracle)
        ties = np.flatnonzero(undecided[:, 0])
        if ties.size:  # a tie is a float64, and the middle of Arb's ball the float64 next to it
            value[ties] = oracle.exact(ties).value[:, 0]
        even = np.where(undecided[:, 0], self.format.round(value), nearest_[:, 0])
        return value, self.format.cast(even).view(self.format.bits)

    def exact(self, positions: Array) -> tuple[Array, Array]:
        """Return the same by Arb throughout."""
        truth = self._oracle(positions).certified
        with np.errstate(invalid="ignore"):
            value = truth.value + truth.rest * self.format.ulp(truth.value)
        value = np.where(np.isfinite(truth.value), value, truth.value)[:, 0]
        return value, self.truths(positions)[1]

    def bad(self, positions: Array, got: Array, *, flushes: bool) -> Array:
        """Return which answers, given as patterns, diverge."""
        parts = range(0, len(positions), AT_ONCE)
        chunks = [slice(first, first + AT_ONCE) for first in parts]
        found = [self._bad(positions[part], got[part], flushes=flushes) for part in chunks]
        return np.concatenate([np.zeros(0, bool), *found])

    def _bad(self, positions: Array, got: Array, *, flushes: bool) -> Array:
        standard = self.standard(self.at(positions))
        rows = self.format.widen(self.format.from_bits(got)).reshape(-1, 1)
        return np.asarray(nearest(standard, rows, flushes=flushes).distance.bad[:, 0])

    def _oracle(self, positions: Array) -> Oracle:
        names = {self.variable: self.format.widen(self.at(positions)).reshape(-1, 1)}
        spread = Extent(rows=True, columns=False)
        return Oracle(self.tree, names, len(positions), 1, spread, self.format)


def _plain(node: Node) -> Node:
    """Drop factors of one."""
    args = tuple(_plain(argument) for argument in node.args)
    if node.op is Op.MUL and ONE in args:
        return args[1] if args[0] == ONE else args[0]
    return node if args == node.args else Node(node.op, args, node.value)


def _digest(node: Node, known: dict[int, str]) -> str:
    """Return a digest of a tree whose parts may occur many times."""
    if id(node) not in known:
        parts = [node.op.value, repr(node.value), *(_digest(one, known) for one in node.args)]
        known[id(node)] = sha256("\n".join(parts).encode()).hexdigest()
    return known[id(node)]
