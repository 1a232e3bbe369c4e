"""What the oracle assumes of NumPy's float64 functions, put to the test: a search against Arb.

The fast truth allows LIBM_ULP to each function. No search can prove that; one that comes near to it
shows that the assumption does not hold on this machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import flint
import numpy as np

from trysquare.audit.enclosure import enclosures, nearest
from trysquare.dtypes import FLOAT64, Array
from trysquare.formula.float64 import OPERATIONS
from trysquare.formula.primitives import HALF, MONOTONE, pessimistic
from trysquare.formula.tree import Node, Op, name
from trysquare.planning.sampling import Generator

OPS = tuple(sorted(MONOTONE))
"""The functions of which something is assumed."""

KEPT = 32
"""Inputs with the largest errors, around which the next round searches."""

ROUNDS = 4


@dataclass(frozen=True)
class Found:
    """The largest error that was found of a function: ULP of float64, and the input."""

    op: Op
    ulp: float
    x: float

    @property
    def assumed(self) -> float:
        """What the oracle allows to the function, in ULP."""
        return pessimistic().ulps[self.op]

    @property
    def sound(self) -> bool:
        """Whether there is room: half of what is assumed, unless that is correct rounding."""
        return self.ulp <= (HALF if self.assumed == HALF else self.assumed / 2)


def search(op: Op, count: int, random: Generator, seeds: Sequence[float] = ()) -> Found:
    """Search for the largest error of a float64 function, with about `count` evaluations."""
    each = max(1, count // ROUNDS)
    x = np.concatenate([np.array(seeds, np.float64), *_first(each, random)])
    best, errors = np.empty(0), np.empty(0)
    for _ in range(ROUNDS):
        best = np.concatenate([best, x])
        errors = np.concatenate([errors, _errors(op, x)])
        top = np.argsort(-errors)[:KEPT]
        best, errors = best[top], errors[top]
        x = _around(random.choice(best, each), random)
    return Found(op, float(errors[0]), float(best[0]))


def _first(count: int, random: Generator) -> Iterator[Array]:
    """Yield numbers of all binades, and of those in which functions are busy."""
    exponents = random.integers(FLOAT64.emin, FLOAT64.emax, count // 4)
    sign = random.choice([-1.0, 1.0], count // 4)
    yield sign * np.ldexp(random.uniform(1, 2, count // 4), exponents)
    yield random.normal(0, 1, count // 4) * 10.0 ** random.uniform(-3, 3, count // 4)
    yield random.uniform(-2, 2, count // 4)
    yield 1 + random.normal(0, 1, count // 4) * 10.0 ** random.uniform(-8, 0, count // 4)


def _around(x: Array, random: Generator) -> Array:
    """Return numbers a random number of steps away, near and far."""
    steps = 2.0 ** random.uniform(0, 50, x.shape) * random.choice([-1, 1], x.shape)
    reach = int(FLOAT64.ordinal(np.array([FLOAT64.largest]))[0])
    return FLOAT64.from_ordinal(np.clip(FLOAT64.ordinal(x) + steps.astype(np.int64), -reach, reach))


def _errors(op: Op, x: Array) -> Array:
    """Return the errors in ULP; 0 where there is no finite result."""
    with np.errstate(all="ignore"):
        got = np.asarray(OPERATIONS[op](x), np.float64)
    exact = enclosures(Node(op, (name("x"),)), {"x": x[:, None]}, (len(x), 1), 1)[:, 0]
    apart = np.frompyfunc(_apart, 2, 1)(got, exact)
    return np.asarray(apart, np.float64)


def _apart(got: float, exact: flint.arb) -> float:
    """Return how far a result is from a ball, in ULP."""
    middle = nearest(exact)
    if not (np.isfinite(got) and np.isfinite(middle)):
        return 0.0
    return abs(float((exact - got).mid())) / float(FLOAT64.ulp(np.array(middle)))
