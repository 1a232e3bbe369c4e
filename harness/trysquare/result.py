"""Results as frozen records, and as JSON lines both ways: header, functions, results, footer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from trysquare.spec import Value
from trysquare.sweep.segment import Part

FORMAT = 1
"""The version of the results file."""

SEED = 0
"""The seed of the random inputs that known divergences were proven with."""

REFERENCE = "formula"
"""The mode of a target that evaluates the spec's own formula: nobody else is compared with it."""

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


class Expectation(StrEnum):
    """Whether it was known."""

    EXPECTED = "expected"
    UNEXPECTED = "unexpected"
    STALE = "stale"


class Symptom(StrEnum):
    """How a result diverges; the first that holds, in this order."""

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

    `count` elements were compared, `failed` of them diverge; `discrete` counts what is no number
    (flushed subnormals, signs of zero, NaN, infinities). ULP figures are over finite pairs.
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


@dataclass(frozen=True)
class TargetRecord:
    """A target of a run: whether it ran, and the environment that matters.

    `flushes` names the dtypes whose subnormals it flushes to zero, found by bit pattern. One that
    is not available may be `broken` (it raised, died or hung while it was loaded), and `named`:
    whoever started the run asked for its backend, and no target of that ran.
    """

    target: str
    available: bool
    reason: str = ""
    version: str = ""
    flushes: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    broken: bool = False
    named: bool = False


@dataclass(frozen=True)
class Header:
    """Who ran what, where; `shard` is `1/4` for the first of four parts of a run.

    `plan` changes with what is asked of whom, and in which order, of a part of a run by all parts
    together. Of a run its first digits are what is asked, and the others of whom.
    """

    trysquare: str
    seed: int
    specs: str
    started: str
    targets: tuple[TargetRecord, ...]
    environment: Mapping[str, str]
    shard: str = ""
    plan: str = ""


@dataclass(frozen=True)
class Difference:
    """Where two answers differ most.

    `inputs` are the numbers that went into the element, `share` is |got - want| divided by the
    larger magnitude if that exceeds 1, infinite where one of the two is no number.
    """

    inputs: Mapping[str, Number]
    got: Number
    want: Number
    share: float


@dataclass(frozen=True)
class Default:
    """The default of one parameter on one target.

    `own` is the framework's, in the spec's words where it has some; `stated` is the spec's, empty
    for an argument that only the framework has. `confirmed`: a call that leaves it out gives the
    same bits as one that gives it. `difference` is what leaving it out changes.
    """

    parameter: str
    stated: str
    own: str
    confirmed: bool
    difference: Difference | None


@dataclass(frozen=True)
class Usage:
    """A function on one target, called with every argument left out, and as the spec means it.

    `call` is the first call, `remedy` the second. `answers` says whether the first one is allowed
    at all. `difference` and `remedied` are where their answers are beyond the limit of the spec;
    None is nowhere. `diagnosis` says what the first one equals instead.
    """

    target: str
    dtype: str
    call: str
    answers: bool
    defaults: tuple[Default, ...]
    difference: Difference | None
    diagnosis: str
    remedy: str
    remedied: Difference | None


@dataclass(frozen=True)
class Porting:
    """One function on two targets, called with every argument left out on both.

    `before` and `after` are these calls; `difference` is where their answers are farthest apart,
    None if they are the same. `there` and `here` are the calls that mean the same, namely what the
    first target's defaults mean; `remaining` is how far apart they are, `agree` whether both are
    within the limits of the spec.
    """

    function: str
    dtype: str
    before: str
    after: str
    difference: Difference | None
    there: str
    here: str
    remaining: Difference | None
    agree: bool


@dataclass(frozen=True)
class FunctionRecord:
    """What a report shows of a spec, so that it needs no spec file.

    `formulas` are (label, text, MathML); `curves` hold (what is drawn, [(x, y), ...]) of an
    activation and of its derivative. `usages` say what calls mean that leave arguments out, `apart`
    where each dialect is farthest from the formula. `revision` changes with the spec. `kinks` are
    (where, input, what its derivative may be there, any of them): a convention, which frameworks
    choose differently. `arranged` are the backends whose tensors are brought into another form
    before they are called.
    """

    function: str
    category: str
    place: str
    summary: str
    source: tuple[str, ...]
    formulas: tuple[tuple[str, str, str], ...]
    parameters: Mapping[str, str]
    tolerance: str
    dialects: Mapping[str, str]
    curves: tuple[tuple[str, tuple[tuple[float, float], ...]], ...]
    calls: Mapping[str, str]
    framework_defaults: Mapping[str, Mapping[str, str]]
    usages: tuple[Usage, ...] = ()
    apart: Mapping[str, Difference] = field(default_factory=dict)
    revision: str = ""
    kinks: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    arranged: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stale:
    """A known divergence that matches nothing, or no longer diverges."""

    backend: str
    entry: str
    reason: str


@dataclass(frozen=True)
class Costs:
    """What a run took besides its answers, in seconds, for whoever plans another.

    `cores` is how many it could use. `start` is until the targets were there and, of a sweep, the
    workers of its runners too, so many `processes`. `described` is for what every function needs
    before it is asked: is its spec sound, what are its defaults? `finish` is for the worst numbers
    of a sweep, after its last job.
    """

    cores: int
    start: float
    described: float
    processes: int = 0
    finish: float = 0.0


@dataclass(frozen=True)
class Footer:
    """The end of a complete run; a file without it is incomplete.

    `costs` are known of a run that was begun and ended in one go, on one machine, from the command
    line.
    """

    counts: Mapping[str, int]
    stale: tuple[Stale, ...]
    seconds: float
    finished: str
    costs: Costs | None = None


@dataclass(frozen=True)
class Run:
    """A results file, read back; `footer` is None if the run did not end.

    `parts` are of a sweep that is no whole one, of which there are no results yet.
    """

    header: Header
    functions: tuple[FunctionRecord, ...]
    results: tuple[Result, ...]
    footer: Footer | None
    parts: tuple[Part, ...] = ()

    @property
    def partial(self) -> str:
        """Why it is only a part of a run, in words; nothing if it is all of one."""
        shard = f"this is shard {self.header.shard} of it" if self.header.shard else ""
        end = "" if self.footer else "the run did not end"
        return "; ".join(part for part in (end, shard) if part)


Record = Header | FunctionRecord | Result | Footer
Json = dict[str, Any]
