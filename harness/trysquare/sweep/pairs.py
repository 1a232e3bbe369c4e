"""Functions of two numbers in 16 bits: 2^32 pairs are too many, so those of two layers are swept.

The 256 numbers of an 8-bit format are paired with each other; and every number of the format is
paired with some partners, on either side: special values, and one of each of many binades.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import ml_dtypes
import numpy as np

from trysquare.backend import Target, Want
from trysquare.dtypes import Array, Format
from trysquare.planning.cases import Case
from trysquare.planning.inputs import finite
from trysquare.planning.plan import Group
from trysquare.planning.variations import variations
from trysquare.result import Check, Outcome, Result
from trysquare.run import Session
from trysquare.spec import Extent, InputKind, Spec, Value
from trysquare.truth.arrangement import arrange
from trysquare.truth.domain import inside
from trysquare.verdict.judge import result_id

NARROW = 16
"""Bits of a format whose pairs are swept."""

PARTNERS = 48
"""Numbers of each sign that every number is paired with."""

AT_ONCE = 8
"""Cases that are judged together."""


def variables(spec: Spec) -> tuple[str, str] | None:
    """Return the names of the two numbers that a function is of, None if it is of others."""
    numbers = [
        item.name
        for item in spec.required
        if item.form(spec.defaults).kind is InputKind.FLOAT
        and item.form(spec.defaults).extent is Extent.ELEMENT
    ]
    if spec.axis is not None or len(spec.required) != 2 or len(numbers) != 2:
        return None
    return numbers[0], numbers[1]


@dataclass(frozen=True)
class Pairs:
    """A function of two numbers, unreduced, or its derivative by one of them (`wrt`)."""

    spec: Spec
    format: Format
    wrt: str = ""

    @property
    def group(self) -> Group:
        """What the results belong to."""
        return Group(self.spec, Check.SWEEP, self.format)

    @property
    def title(self) -> str:
        """What the result is called."""
        return f"d {self.wrt}, pairs of numbers" if self.wrt else "pairs of numbers"

    def results(self, session: Session, targets: Sequence[Target]) -> Iterator[Result]:
        """Yield one result for each target."""
        cases = tuple(self._cases())
        groups = [
            _Some(self.spec, Check.SWEEP, self.format, cases[first : first + AT_ONCE])
            for first in range(0, len(cases), AT_ONCE)
        ]
        found: dict[str, list[Result]] = {}
        for result in session.results(groups, targets):
            found.setdefault(result.target, []).append(result)
        for target, results in found.items():
            case = replace(cases[0], name=self.title)
            yield replace(merged(results), case=self.title, id=result_id(case, target))

    def _cases(self) -> Iterator[Case]:
        names = variables(self.spec)
        if names is None:
            raise ValueError(f"{self.spec.function} is no function of two numbers")
        first, second = names
        few = _few(self.format)
        left, right = (side.ravel() for side in np.meshgrid(few, few))
        yield self._case("every pair of 256 numbers", {first: left, second: right})
        everything = _everything(self.format)
        for partner in _partners(self.format):
            beside = np.full(everything.shape, partner, self.format.numpy)
            yield self._case(f"{second} {partner}", {first: everything, second: beside})
            yield self._case(f"{first} {partner}", {first: beside, second: everything})

    def _case(self, name: str, inputs: Mapping[str, Array]) -> Case:
        parameters: dict[str, Value] = {**self.spec.defaults, **next(variations(self.spec))[1]}
        kept = _inside(self.spec, inputs)
        if self.wrt:
            kept = dict(finite(self.spec, parameters, kept))
        shape = next(iter(kept.values())).shape
        return Case(
            name=name,
            check=Check.SWEEP,
            function=self.spec.function,
            format=self.format,
            place=self.spec.place,
            inputs=kept,
            effective=parameters,
            given=parameters,
            want=Want.GRADIENT if self.wrt else Want.VALUE,
            wrt=self.wrt,
            cotangent=self.format.cast(np.ones(shape)) if self.wrt else None,
        )


@dataclass(frozen=True)
class _Some(Group):
    """A group of these cases."""

    some: tuple[Case, ...]

    def cases(self, seed: int) -> tuple[Case, ...]:  # noqa: ARG002 - nothing is drawn
        """Return the cases."""
        return self.some


def merged(results: Sequence[Result]) -> Result:
    """Return one result for many of one target: the worst of them, with the counts of all."""
    worst = min(results, key=_rank)
    count = sum(result.count for result in results)
    return replace(
        worst,
        count=count,
        failed=sum(result.failed for result in results),
        max_ulp=max(result.max_ulp for result in results),
        p99_ulp=max(result.p99_ulp for result in results),
        mean_signed_ulp=sum(r.mean_signed_ulp * r.count for r in results) / max(count, 1),
        discrete=_summed(result.discrete for result in results),
        yardsticks={},
        histogram=(),
        shape=f"{len(results)} calls",
    )


def _rank(result: Result) -> tuple[int, float]:
    """Order results: no answer first, then what diverges, the farthest beyond its limit first."""
    order = [Outcome.CRASHED, Outcome.TIMED_OUT, Outcome.ERRORED, Outcome.DIVERGES]
    place = order.index(result.outcome) if result.outcome in order else len(order)
    worst = result.worst
    excess = 0.0 if worst is None else worst.ulp / worst.limit if worst.limit else worst.ulp
    return place, -excess if excess == excess else 0.0  # noqa: PLR0124 - NaN


def _summed(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for one in counts:
        for name, count in one.items():
            total[name] = total.get(name, 0) + count
    return dict(sorted(total.items()))


def _everything(format: Format) -> Array:
    """Return every number of a format, and NaN for each of its NaNs: one stands for all."""
    numbers = format.widen(format.from_bits(np.arange(1 << format.width)))
    return format.cast(np.where(np.isnan(numbers), np.nan, numbers))


def _few(format: Format) -> Array:
    """Return the 256 numbers of float8_e5m2, which every 16-bit format holds."""
    numbers = np.arange(256, dtype=np.uint8).view(ml_dtypes.float8_e5m2).astype(np.float64)
    return format.cast(np.where(np.isnan(numbers), np.nan, numbers))


def _partners(format: Format) -> Array:
    """Return NaN, infinities, both zeros, the edges of the format, and a number of many binades."""
    edges = [format.smallest_subnormal, format.smallest_normal, 1.0, format.largest]
    exponents = np.linspace(format.emin - format.precision + 1, format.emax, PARTNERS)
    # odd multiples, so that not every operation is exact
    binades = np.ldexp(1 + np.arange(PARTNERS) / (2 * PARTNERS + 1), exponents.astype(int))
    sizes = np.unique(format.cast(np.array([0.0, *edges, *binades, np.inf])))
    return np.concatenate([-sizes[::-1], sizes, format.cast(np.array([np.nan]))])


def _inside(spec: Spec, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Return the pairs that satisfy the domains of the spec; NaN lies in none of them."""
    parameters = {**spec.defaults, **next(variations(spec))[1]}
    keep = inside(spec, arrange(spec, parameters, inputs))
    return {name: array[keep] for name, array in inputs.items()}
