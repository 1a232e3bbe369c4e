"""What a pack asks of a function in one dtype: seeded inputs, and which answers are wanted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np

from trysquare.backend import Want
from trysquare.dtypes import Array, Format
from trysquare.errors import UndecidedError
from trysquare.packs import hard_cases
from trysquare.packs.manifest import Kind
from trysquare.planning.cases import Case
from trysquare.planning.inputs import CHANNELS, Inputs, moderate, samples
from trysquare.planning.settling import Generator, floats, inside, pointwise
from trysquare.planning.variations import reducing, variations
from trysquare.result import Check
from trysquare.spec import Extent, Spec, Value
from trysquare.truth.layout import layout
from trysquare.truth.meaning import meaning
from trysquare.verdict.standard import Standard

HOLDS = {
    Kind.EXHAUSTIVE: "every number of the format, in the order of the bit patterns",
    Kind.STRATIFIED: "zeros, infinities, NaN and the edges of the format; the numbers next to "
    "every constant of the formula; random numbers of every binade; of both signs",
    Kind.HARD: "of random numbers, {pool} at most, those at which the exact value or derivative is "
    "closest to the middle between two numbers of the format, which is proven",
    Kind.POINTS: "all pairs of special numbers; random numbers that are ordinary, of all binades, "
    "and within 3 steps of one another",
    Kind.ROWS: "rows that are hard for a reduction: of all scales, with one element far above or "
    "below the others, with equal and alternating ones",
    Kind.REDUCED: "random numbers of moderate size",
}


@dataclass(frozen=True)
class Asked:
    """One call for a value, the inputs by which its derivative is asked, and words on both."""

    kind: Kind
    holds: str
    case: Case
    value: bool
    wrt: tuple[str, ...]
    cotangent: Array | None

    def standards(self, spec: Spec) -> Iterator[Standard]:
        """Yield each question as a case of the spec; the first is the value, if it is asked."""
        if self.value:
            yield Standard(spec, self.case)
        for name in self.wrt:
            yield Standard(spec, _derivative(spec, self.case, name, self.cotangent))


def questions(spec: Spec, format: Format, seed: int) -> Iterator[Asked]:
    """Yield everything that a pack asks of a function, the same for the same seed."""
    asker = Asker(spec, format, seed)
    for label, parameters in variations(spec):
        yield from asker.of(label, parameters)
    yield from asker.reduced()


@dataclass(frozen=True)
class Asker:
    """Asks a function in one dtype."""

    spec: Spec
    format: Format
    seed: int

    def of(self, label: str, parameters: Mapping[str, Value]) -> Iterator[Asked]:
        """Yield what is asked with some parameters, before anything is reduced."""
        random = self._generator(label)
        kind = self._kind(parameters)
        for size, inputs in samples(self.spec, parameters, self.format, random):
            yield self._asked(kind, f"{size}{label}", parameters, inputs, random)
        if kind is Kind.STRATIFIED and len(self.spec.inputs) == 1:
            yield from self._hard(label, parameters, random)

    def reduced(self) -> Iterator[Asked]:
        """Yield what sums over rows: derivatives per position, and reductions to one number."""
        random = self._generator("reduced")
        inputs = moderate(self.spec, {}, (100, CHANNELS), self.format, random)
        positions = self._wrt(self.spec.defaults, inputs, Extent.POSITION)
        if positions:
            name = f"derivatives per position, 100 x {CHANNELS}"
            asked = self._asked(Kind.REDUCED, name, {}, inputs, random)
            yield replace(asked, value=False, wrt=positions)
        for choice in reducing(self.spec):
            inputs = moderate(self.spec, choice, (10, 10), self.format, random)
            name = f"{', '.join(map(str, choice.values()))} of 10 x 10"
            yield self._asked(Kind.REDUCED, name, choice, inputs, random)

    def _asked(
        self,
        kind: Kind,
        name: str,
        parameters: Mapping[str, Value],
        inputs: Inputs,
        random: Generator,
    ) -> Asked:
        case = self._case(name, parameters, inputs)
        cotangent = None
        if kind is Kind.ROWS:  # with ones the derivatives of many rows are nothing but zeros
            meant = meaning(self.spec, case.effective)
            shape = layout(self.spec, case.effective, inputs).shape_of(meant.output)
            cotangent = self.format.cast(random.normal(0, 2, shape) + 0.25)
        wrt = self._wrt(case.effective, inputs, Extent.ELEMENT)
        return Asked(kind, HOLDS[kind], case, value=True, wrt=wrt, cotangent=cotangent)

    def _hard(
        self, label: str, parameters: Mapping[str, Value], random: Generator
    ) -> Iterator[Asked]:
        """Yield the hardest points of the value and of the derivative together, if any is hard."""
        meant = meaning(self.spec, parameters)
        elements = floats(self.spec, meant.parameters, Extent.ELEMENT)
        pool = hard_cases.pool(self.format, random)[:, None]
        points = self.format.cast(inside(meant, elements, pool, self.format)[:, 0])
        name, variable = f"hard to round{label}", elements[0].name
        asked = self._asked(Kind.HARD, name, parameters, {variable: points}, random)
        try:
            found = [hard_cases.hardest(standard.oracle) for standard in asked.standards(self.spec)]
        except UndecidedError:  # nothing can be said of which results are close to what
            return
        rows = np.unique(np.concatenate(found))
        if rows.size:
            holds = HOLDS[Kind.HARD].format(pool=hard_cases.POOL[self.format.name])
            case = self._case(name, parameters, {variable: points[rows]})
            yield replace(asked, holds=holds, case=case)

    def _kind(self, parameters: Mapping[str, Value]) -> Kind:
        meant = meaning(self.spec, parameters)
        if not pointwise(meant.terms):
            return Kind.ROWS
        if len(floats(self.spec, meant.parameters, Extent.ELEMENT)) > 1:
            return Kind.POINTS
        return Kind.EXHAUSTIVE if self.format.width == 16 else Kind.STRATIFIED

    def _wrt(
        self, parameters: Mapping[str, Value], inputs: Inputs, extent: Extent
    ) -> tuple[str, ...]:
        given = floats(self.spec, parameters, extent)
        return tuple(item.name for item in given if item.differentiable and item.name in inputs)

    def _case(self, name: str, parameters: Mapping[str, Value], inputs: Inputs) -> Case:
        spec, effective = self.spec, {**self.spec.defaults, **parameters}
        return Case(
            name, Check.VALUES, spec.function, self.format, spec.place, inputs, effective, effective
        )

    def _generator(self, label: str) -> Generator:
        words = f"pack/{self.spec.function}/{self.format.name}/{label}"
        return np.random.default_rng([self.seed, crc32(words.encode())])


def _derivative(spec: Spec, case: Case, wrt: str, cotangent: Array | None) -> Case:
    if cotangent is None:
        meant = meaning(spec, case.effective)
        shape = layout(spec, case.effective, case.inputs).shape_of(meant.output)
        cotangent = case.format.cast(np.ones(shape))
    return replace(case, check=Check.GRADIENTS, want=Want.GRADIENT, wrt=wrt, cotangent=cotangent)
