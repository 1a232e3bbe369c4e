"""One process that sweeps jobs: it knows the truth, and has a worker of its own for each target."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from trysquare.backend import Kind, Refusal, Target, Unavailable
from trysquare.dtypes import FORMATS, Array
from trysquare.engines.likeness import Sheet, require_code, require_target
from trysquare.errors import TrysquareError, Unfit, UsageError
from trysquare.reader import read
from trysquare.result import Limits
from trysquare.spec import Spec
from trysquare.sweep.chart import BLOCK, Chart
from trysquare.sweep.evaluation import BlockTruth, Evaluator
from trysquare.sweep.extremes import Answers
from trysquare.sweep.segment import Segment
from trysquare.sweep.subject import Subject
from trysquare.sweep.surveys import Surveys
from trysquare.sweep.tally import Judge, Tally, amended
from trysquare.workers.area import Area, keep_memory
from trysquare.workers.line import START_SECONDS, Line
from trysquare.workers.protocol import Hello
from trysquare.workers.stretch import VARIED, Stretch, Walked

FRAME = 32
"""Blocks that a worker is sent at a time; while it answers, the ones before are compared."""

Charts = Callable[[], Path]
"""Tells where charts are kept on the machine that asks; it can be pickled."""

WIDEST = 4
"""Bytes of a number of the widest format that is swept."""


@dataclass(frozen=True)
class Member:
    """A target of a sweep: under which name its backend is loaded, and whether it flushes.

    `hello` is what it said of itself where it was looked at first; elsewhere it has to be the same.
    """

    target: Target
    source: str
    flushes: Mapping[str, bool]
    hello: Hello | None = None


@dataclass(frozen=True)
class Job:
    """A part of a sweep: positions [start, stop), whole blocks, of a function on some targets."""

    spec: Sheet
    dtype: str
    gradient: bool
    start: int
    stop: int
    targets: tuple[Target, ...]


@dataclass(frozen=True)
class Done:
    """What a job found for each target: a segment, or why there is none.

    It took so many seconds, and `waited` others for workers that were started for it.
    """

    job: Job
    found: Mapping[Target, Segment | Refusal]
    seconds: float
    waited: float = 0.0

    def answers(self, job: Job) -> bool:
        """Tell whether this is the answer to a job, for all its targets and all its numbers."""
        whole = all(
            isinstance(one, Refusal) or (one.start, one.stop) == (job.start, job.stop)
            for one in self.found.values()
        )
        return self.job == job and self.found.keys() == {*job.targets} and whole


@dataclass(frozen=True)
class Crews:
    """What makes a runner: its targets, what tells where charts are kept (None: nowhere), limits.

    `code` is that of its backends, where it is made by another machine.
    """

    members: tuple[Member, ...]
    charts: Charts | None
    limits: Limits
    code: Mapping[str, str] = field(default_factory=dict)

    @property
    def needs(self) -> tuple[Target, ...]:
        """The targets."""
        return tuple(member.target for member in self.members)

    def runner(self) -> Runner:
        """Make a runner, whose workers are started when needed; raises Mismatch for other code."""
        require_code(self.code)
        keep_memory()
        return Runner(self.members, self.charts and self.charts(), self.limits)


class Runner:
    """Sweeps one job after the other."""

    def __init__(self, members: Sequence[Member], folder: Path | None, limits: Limits) -> None:
        self._members = {member.target: member for member in members}
        self._folder, self._limits = folder, limits
        self._crews: dict[Target, _Crew] = {}
        self._subjects: dict[tuple[Sheet, str, bool], tuple[Subject, Surveys]] = {}

    def run(self, job: Job) -> Done:
        """Sweep a job; raises Mismatch, and Unfit, where this machine cannot do it."""
        try:
            return self._swept(job)
        except (UsageError, Unfit):
            raise
        except TrysquareError as error:
            refusal = Refusal(Kind.ERRORED, str(error), type(error).__name__)
            return Done(job, dict.fromkeys(job.targets, refusal), 0.0)

    def _swept(self, job: Job) -> Done:
        begun = time.perf_counter()
        subject, surveys = self._known(job)
        chart = surveys.chart(job.start, job.stop)
        crews = {target: self._crew(target) for target in job.targets}
        sweep = _Sweep(
            subject, chart, Evaluator(surveys.surveyor, chart), crews, self._limits.seconds
        )
        found = sweep.found()
        for crew in crews.values():
            crew.require_sound()
        return Done(job, found, time.perf_counter() - begun - sweep.waited, sweep.waited)

    def close(self) -> None:
        """End all workers."""
        for crew in self._crews.values():
            crew.close()

    def _known(self, job: Job) -> tuple[Subject, Surveys]:
        """Return the subject of a job and its charts; jobs of one subject follow each other."""
        key = job.spec, job.dtype, job.gradient
        if key not in self._subjects:
            subject = Subject(read(job.spec.find()), FORMATS[job.dtype], job.gradient)
            self._subjects = {key: (subject, Surveys(subject, self._folder))}
        return self._subjects[key]

    def _crew(self, target: Target) -> _Crew:
        if target not in self._crews:
            self._crews[target] = _Crew(self._members[target], self._limits.memory)
        return self._crews[target]


class _Crew:
    """The worker of one target, and the area into which it answers, with room for two frames."""

    def __init__(self, member: Member, memory: int) -> None:
        self.member = member
        self.area = Area(2 * FRAME * BLOCK * WIDEST)
        place = replace(member.target, backend=member.source)
        self._line = Line(place, START_SECONDS, memory, self.area)
        self._line.start()

    def ready(self) -> Refusal | None:
        """Wait for the worker; return why it cannot work.

        Raises Mismatch if it is another than where it was looked at first, and Unfit if it does not
        start here.
        """
        hello = self._line.opened.result()
        if self.member.hello is not None:
            require_target(self.member.hello, hello)
        return Refusal(Kind.CRASHED, hello.reason) if isinstance(hello, Unavailable) else None

    def require_sound(self) -> None:
        """Raise Unfit if what was asked last found no worker; it has one where it was looked at."""
        if self.member.hello is not None and self._line.broken:
            raise Unfit(f"{self.member.target}: {self._line.broken}")

    def ask(self, spec: Spec, stretch: Stretch, deadline: float) -> Future[Walked]:
        """Have a stretch answered."""
        return self._line.submit(lambda line: line.walk(spec, stretch, deadline))

    def close(self) -> None:
        """End the worker."""
        self._line.stop()
        self._line.join()
        self.area.close()


class _Sweep:
    """One job on its way: frames, blocks, segments."""

    def __init__(
        self,
        subject: Subject,
        chart: Chart,
        evaluator: Evaluator,
        crews: Mapping[Target, _Crew],
        deadline: float,
    ) -> None:
        self._subject, self._chart, self._evaluator = subject, chart, evaluator
        self._crews, self._deadline = crews, deadline
        self._refused: dict[Target, Refusal] = {}
        self.waited = 0.0
        self._tallies = {
            target: Tally(subject.format, chart.start, chart.stop, self._flushes(target))
            for target in crews
        }
        self._doubts: dict[Target, list[tuple[Array, Array]]] = {target: [] for target in crews}

    def found(self) -> dict[Target, Segment | Refusal]:
        """Sweep, and return what was found for each target."""
        begun = time.perf_counter()
        for target, crew in self._crews.items():
            refusal = crew.ready()
            if refusal is not None:
                self._refused[target] = refusal
        self.waited = time.perf_counter() - begun
        frames = range(self._chart.start // BLOCK, self._chart.stop // BLOCK, FRAME)
        asked = self._ask(frames[0], 0)
        for number, first in enumerate(frames):
            answered = asked
            if number + 1 < len(frames):
                asked = self._ask(frames[number + 1], (number + 1) % 2)
            self._compare(first, number % 2, answered)
        return {target: self._result(target) for target in self._crews}

    def _blocks(self, first: int) -> int:
        return min(FRAME, self._chart.stop // BLOCK - first)

    def _ask(self, first: int, slot: int) -> dict[Target, Future[Walked]]:
        """Send a frame to all targets."""
        subject = self._subject
        stretch = Stretch(
            function=subject.spec.function,
            variable=subject.variable,
            parameters=subject.parameters,
            dtype=subject.format.name,
            gradient=subject.gradient,
            first=first * BLOCK,
            blocks=self._blocks(first),
            length=BLOCK,
            size=2 * FRAME * BLOCK * WIDEST,
            offset=slot * FRAME * BLOCK * subject.format.width // 8,
        )
        return {
            target: crew.ask(subject.spec, stretch, self._deadline)
            for target, crew in self._crews.items()
            if target not in self._refused
        }

    def _compare(self, first: int, slot: int, answered: Mapping[Target, Future[Walked]]) -> None:
        blocks = self._blocks(first)
        ways: dict[Target, Walked] = {}
        for target, future in answered.items():
            way = future.result()
            if len(way.refused) == blocks and first * BLOCK == self._chart.start:
                self._refused[target] = way.refused[0]  # it has no such function, or no such dtype
                continue
            for block, refusal in way.refused.items():
                position = (first + block) * BLOCK
                self._tallies[target].miss(position, BLOCK, refusal.kind, refusal.message)
            ways[target] = way
        at = first - self._chart.start // BLOCK
        constants = self._chart.constants[at : at + blocks]
        nothing = self._nan(constants)  # all NaNs are one
        open_ = {
            target: (way.uniform != constants) & ~(nothing & self._nan(way.uniform))
            for target, way in ways.items()
        }
        for target, way in ways.items():
            open_[target][list(way.refused)] = False
        for block in range(blocks):
            asking = [target for target in ways if open_[target][block]]
            if asking:
                truth = self._evaluator.block(first + block)
            for target in asking:
                self._block(target, truth, int(ways[target].uniform[block]), slot * FRAME + block)
        for target in ways:
            self._tallies[target].settle(self._judge(target))

    def _nan(self, patterns: Array) -> Array:
        """Tell which patterns are NaN; what is no pattern is negative."""
        format = self._subject.format
        size = patterns & ((1 << (format.width - 1)) - 1)
        infinity = (2 * format.emax + 1) << (format.precision - 1)
        return np.asarray((patterns >= 0) & (size > infinity))

    def _block(self, target: Target, truth: BlockTruth, uniform: int, place: int) -> None:
        """Compare one block that is not right at first sight: bits first."""
        if uniform == VARIED:
            area = self._crews[target].area.bytes.view(self._subject.format.bits)
            got = area[place * BLOCK : (place + 1) * BLOCK]
        else:
            got = np.full(BLOCK, uniform, self._subject.format.bits)
        unlike = got != truth.rounded
        self._excuse(truth.block * BLOCK, unlike)
        if truth.undecided.size:
            self._put_aside(target, truth, got, unlike)
        if unlike.any():
            self._differing(target, truth, got, np.flatnonzero(unlike))

    def _excuse(self, first: int, unlike: Array) -> None:
        """Forget differences where nothing is judged."""
        low, high = self._subject.judged(first, first + BLOCK)
        if high - low < BLOCK:
            unlike[: low - first] = False
            unlike[high - first :] = False

    def _differing(self, target: Target, truth: BlockTruth, got: Array, places: Array) -> None:
        # by `take`, which is faster than an index
        rounded = np.broadcast_to(truth.rounded, BLOCK).take(places)
        value = self._evaluator.values(truth).take(places)
        answers = Answers(places + truth.block * BLOCK, got.take(places), rounded, value)
        limits = self._chart.limits[truth.block - self._chart.start // BLOCK]
        self._tallies[target].add(answers, limits[int(self._flushes(target))])

    def _put_aside(self, target: Target, truth: BlockTruth, got: Array, unlike: Array) -> None:
        """Keep for later what equals one of two candidates of which one is right."""
        places = truth.undecided
        near = (got[places] == truth.rounded[places]) | (got[places] == truth.others[places])
        unlike[places[near]] = False
        self._doubts[target].append((places[near] + truth.block * BLOCK, got[places[near]]))

    def _flushes(self, target: Target) -> bool:
        return self._crews[target].member.flushes.get(self._subject.format.name, False)

    def _judge(self, target: Target) -> Judge:
        return partial(self._subject.bad, flushes=self._flushes(target))

    def _result(self, target: Target) -> Segment | Refusal:
        if target in self._refused:
            return self._refused[target]
        segment = self._tallies[target].finished()
        doubts = self._doubts[target]
        if not doubts:
            return segment
        positions, got = (np.concatenate(parts) for parts in zip(*doubts, strict=True))
        value, rounded = self._subject.truths(positions)
        return amended(segment, Answers(positions, got, rounded, value), self._subject.format)


def parts(start: int, stop: int, size: int) -> Iterator[tuple[int, int]]:
    """Cut a range at multiples of `size`."""
    edge = start
    while edge < stop:
        after = min(stop, (edge // size + 1) * size)
        yield edge, after
        edge = after
