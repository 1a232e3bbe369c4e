"""A result as a frozen record: what was asked, what happened, and how far it is from the truth."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from trysquare.spec import Value

SEED = 0
"""The seed of the random inputs that known divergences were proven with."""

REFERENCE = "formula"
"""The mode of a target that evaluates the spec's own formula: nobody else is compared with it."""

WHOLE = "all"
"""The case of the one result that stands for a group that could not be asked or judged."""

SECONDS_PER_CASE = 60.0
"""A case that takes longer is a hang, unless somebody says otherwise."""

GIB = 1 << 30
MEMORY_PER_WORKER = 8 * GIB
"""A worker that wants more has lost control, unless somebody says otherwise."""


@dataclass(frozen=True)
class Limits:
    """What a backend may take: seconds for each case, bytes of memory for a worker (0: any)."""

    seconds: float = SECONDS_PER_CASE
    memory: int = MEMORY_PER_WORKER

    @property
    def facts(self) -> Mapping[str, str]:
        """The limits by name, in words."""
        memory = f"{self.memory / GIB:g} GiB" if self.memory else "any"
        return {"seconds for a case": f"{self.seconds:g}", "memory for a worker": memory}


USUAL = Limits()
"""The limits where nobody says otherwise."""


class Check(StrEnum):
    """What is compared; every check follows from the spec.

    `run` makes all of them but the last two, which are commands of their own.
    """

    CASES = "cases"
    VALUES = "values"
    GRADIENTS = "gradients"
    DEFAULTS = "defaults"
    REDUCTIONS = "reductions"
    INPLACE = "inplace"
    RANDOMNESS = "randomness"
    INVARIANCE = "invariance"
    EDGES = "edges"
    LIMITS = "limits"
    SECOND = "second"
    ERRORS = "errors"
    PROPERTIES = "properties"
    SWEEP = "sweep"
    HUNT = "hunt"


class Outcome(StrEnum):
    """What happened."""

    CONFORMS = "conforms"
    DIVERGES = "diverges"
    UNSUPPORTED = "unsupported"
    CRASHED = "crashed"
    TIMED_OUT = "timed out"
    ERRORED = "errored"


ENDINGS = (Outcome.CRASHED, Outcome.TIMED_OUT)
"""How a target may end instead of answering; an errored result is never its doing."""


class Expectation(StrEnum):
    """Whether it was known."""

    EXPECTED = "expected"
    UNEXPECTED = "unexpected"
    STALE = "stale"


class Symptom(StrEnum):
    """How an element, or all of an answer, diverges; a result's is the first, in this order."""

    RAISED = "raised where a value is wanted"
    ACCEPTED = "accepted where an error is wanted"
    DTYPE = "wrong dtype"
    SHAPE = "wrong shape"
    MUTATED = "changed its input"
    STORAGE = "not the same storage"
    ARITHMETIC = "left the arithmetic of its thread changed"
    NAN = "NaN against a number"
    INFINITY = "infinity against a finite number"
    LOST = "zero where the truth is not zero"
    INACCURATE = "beyond the limit"
    SIGN_OF_ZERO = "wrong sign of zero"
    BITS = "other bits than the same numbers elsewhere"
    DISTRIBUTION = "wrong distribution"
    RANGE = "outside of its range"
    COURSE = "falls or rises where it must not"
    IDENTITY = "two answers that do not fit together"


@dataclass(frozen=True)
class Number:
    """A float as decimal text that reads back to it, and as its bit pattern."""

    decimal: str
    bits: str


@dataclass(frozen=True)
class Worst:
    """The element with the largest error relative to its limit.

    `inputs` are the numbers that went into the element (for a row: the element's own position);
    `index` is its position in the output. `ulp` is |got - exact| / ulp(exact), `limit` is in ULP
    too, `distance` counts representable numbers between got and the rounded truth. `condition` is
    |x f'(x) / f(x)|, None where the function has no single such number. For the symptom BITS,
    `want` is what the target itself answered elsewhere.
    """

    index: tuple[int, ...]
    inputs: Mapping[str, Number]
    got: Number
    want: Number
    ulp: float
    limit: float
    distance: int | None
    condition: float | None


@dataclass(frozen=True)
class Extreme:
    """One of the worst inputs of a sweep, judged again by Arb.

    `got` is the answer inside of a long vector, `alone` that to the same number by itself (None
    where there was none); which kernel answers may depend on it. `ulp` is signed, None where one
    of both is no number.
    """

    x: Number
    got: Number
    want: Number
    ulp: float | None
    alone: Number | None


@dataclass(frozen=True)
class Failing:
    """Consecutive numbers that all diverge: the first, the last, and how many."""

    low: Number
    high: Number
    count: int


@dataclass(frozen=True)
class Sweep:
    """What a sweep says beyond a result: of every number from `low` to `high`.

    `inexact` of them are not correctly rounded; `powers` counts these by the power of two, in ULP,
    at or below their error. `intervals` diverge, of which the first and the widest are told. `kept`
    numbers that diverge were judged by themselves, and shown to others' tolerances.
    """

    low: Number
    high: Number
    inexact: int
    powers: tuple[tuple[int, int], ...]
    intervals: int
    first: Failing | None
    widest: Failing | None
    worst: tuple[Extreme, ...]
    kept: int = 0


@dataclass(frozen=True)
class Found:
    """An input that a search found, and what the target makes of it.

    `inputs` are its numbers as hexadecimal floats, several for a row, whose element `position` is
    the worst. `got` is the answer, None if there was none; `ulp` is certified, NaN where one of
    the two is no number. `alone` is the answer to the same input without company, if it differs.
    """

    inputs: Mapping[str, tuple[str, ...]]
    position: int = 0
    got: Number | None = None
    ulp: float = math.nan
    alone: Number | None = None


@dataclass(frozen=True)
class Result:
    """One case on one target in one dtype.

    `count` elements were compared, `failed` of them diverge. Those that do so in another way than
    `symptom` are counted in `besides`, by theirs; of a sweep, among the numbers that were judged by
    themselves. `discrete` counts what no figure tells and that may conform: subnormals flushed to
    zero, places without a limit; of a sweep also NaN, infinities, zeros and their signs. ULP
    figures are over finite pairs.
    `histogram` holds (x, largest ULP) over the ordered floats for functions of one number.
    `yardsticks` holds how many of the diverging numbers each of others' tolerances would refuse,
    None where it has no rule. `place` is `file:line:column` of the spec's line. `reproduction` is
    a stand-alone script. Of a sweep, `max_ulp` and `mean_signed_ulp` are those of the numbers that
    are not correctly rounded. `wrt` is the input whose gradient was asked for. `found` are the
    inputs of a hunt, the worst one first. `apart` is how many representable numbers the answers of
    all targets that conform are apart, at most, at one element; None where there is nobody else.
    `kinks` holds what a gradient is at each kink, as text, where what comes from above is one.
    `baseline` is the place of the entry of a baseline that speaks of it, `budget` the most ULP that
    it allows.
    """

    id: str
    function: str
    check: Check
    case: str
    target: str
    dtype: str
    parameters: Mapping[str, Value | None]
    outcome: Outcome
    expectation: Expectation
    place: str
    symptom: Symptom | None = None
    reason: str = ""
    diagnosis: str = ""
    known: str = ""
    count: int = 0
    failed: int = 0
    max_ulp: float = 0.0
    p99_ulp: float = 0.0
    mean_signed_ulp: float = 0.0
    besides: Mapping[str, int] = field(default_factory=dict)
    discrete: Mapping[str, int] = field(default_factory=dict)
    worst: Worst | None = None
    histogram: tuple[tuple[float, float], ...] = ()
    yardsticks: Mapping[str, int | None] = field(default_factory=dict)
    shape: str = ""
    seconds: float = 0.0
    reproduction: str = ""
    sweep: Sweep | None = None
    wrt: str = ""
    found: tuple[Found, ...] = ()
    apart: int | None = None
    baseline: str = ""
    budget: float | None = None
    kinks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def ways(self) -> tuple[str, ...]:
        """In how many ways it goes wrong: its symptoms, the first one first; or its one outcome.

        There are none where nothing went wrong, or where that says nothing of the target.
        """
        if self.outcome is Outcome.DIVERGES and self.symptom is not None:
            return (self.symptom, *self.besides)
        return (self.outcome,) if self.outcome in ENDINGS else ()
