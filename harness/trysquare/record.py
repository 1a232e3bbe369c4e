"""What a results file holds around its results: header, functions, footer; and the whole run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trysquare.result import Number, Result
from trysquare.sweep.segment import Part

FORMAT = 1
"""The version of the results file."""


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
    together. Of a run or a hunt its first digits are what is asked, and the others of whom.
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
    of a sweep, after its last job; `evaluations` are those of each quantity of a hunt.
    """

    cores: int
    start: float
    described: float
    processes: int = 0
    finish: float = 0.0
    evaluations: int = 0


@dataclass(frozen=True)
class Footer:
    """The end of a complete run; a file without it is incomplete.

    `costs` are known of a run that was begun and ended in one go from the command line, on one
    machine or on several alike.
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
