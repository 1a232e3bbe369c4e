"""A sweep from the command line: jobs for the runners, parts that are kept, results at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trysquare.backend import Refusal, Target
from trysquare.command import selection
from trysquare.divergences import known
from trysquare.dtypes import Format
from trysquare.engines import local
from trysquare.engines.dispatch import Dispatch
from trysquare.engines.engine import Engine, Hire
from trysquare.engines.likeness import Sheet
from trysquare.errors import UsageError
from trysquare.ledger import Ledger
from trysquare.planning.plan import Group
from trysquare.recorder import Recorder, functions, header
from trysquare.result import SEED, Check, Limits, Result, Run
from trysquare.run import Session
from trysquare.spec import Spec
from trysquare.sweep.chart import BLOCK
from trysquare.sweep.finding import Finder
from trysquare.sweep.journal import Journal
from trysquare.sweep.pairs import Pairs
from trysquare.sweep.runner import Crews, Done, Job, Member, parts
from trysquare.sweep.segment import Part, Segment, whole
from trysquare.sweep.subject import Subject

JOB = 1 << 26
"""Numbers of a job: about a tenth of a second or two; what a kill can cost."""

Watch = Callable[[Iterator[int], int], Iterator[int]]
"""Passes numbers on as they are done, and shows how far of a total they are."""


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included, in the order of size; None: every number."""

    low: float
    high: float

    def positions(self, format: Format) -> tuple[int, int]:
        """Return [start, stop), rounded outwards to whole blocks."""
        ends = format.cast(np.array([self.low, self.high])).view(format.bits)
        low, high = (int(position) for position in format.positions(ends))
        return low // BLOCK * BLOCK, (high // BLOCK + 1) * BLOCK


@dataclass(frozen=True)
class Pace:
    """So many runners at a time, limits for a block, and where charts are kept (None: nowhere).

    `hire` starts who has the runners; None: this machine.
    """

    processes: int
    limits: Limits
    charts: Path | None
    hire: Hire | None = None


@dataclass(frozen=True)
class Sweeping:
    """What is swept: functions of one number and of two, named targets, backends, a range."""

    subjects: tuple[Subject, ...]
    pairs: tuple[Pairs, ...]
    targets: tuple[Target, ...]
    backends: tuple[str, ...]
    numbers: Range | None
    pace: Pace

    def run(self, output: Path | None, watch: Watch, *, resume: bool) -> tuple[Run, bool]:
        """Sweep, and return what was found, and whether it was interrupted.

        Of an interrupted sweep the file holds what was finished, for `resume`, and so it does where
        LostError is raised. Raises UsageError for a target that is not there, for a file that
        another sweep has written, and for machines that cannot share the work.
        """
        with Session(self.backends, SEED, self.pace.limits) as session, ExitStack() as hired:
            tasks = self._tasks(session)
            named = {target.backend for target in self.targets}
            head = header(session, self._specs, SEED, named, plan=self._plan(tasks))
            engine = hired.enter_context(self._hire(tasks))
            with Journal(output, head, resume=resume) as journal:
                known_functions = [*functions(session, self._specs)]
                with Recorder(journal.header, known_functions) as recorder:
                    try:
                        found = self._swept(tasks, engine, journal, watch)
                    except KeyboardInterrupt:
                        return recorder.run, True
                    hired.close()
                    self._record(session, tasks, found, recorder)
                run = recorder.run
                ended = [] if run.footer is None else [run.footer]
                journal.finish([run.header, *run.functions, *run.results, *ended])
                return run, False

    @property
    def _specs(self) -> tuple[Spec, ...]:
        specs = [subject.spec for subject in self.subjects] + [pairs.spec for pairs in self.pairs]
        return tuple({spec.function: spec for spec in specs}.values())

    def _tasks(self, session: Session) -> dict[tuple[int, Target], Member]:
        """Return who is asked what: a subject's number, and a target that has the function."""
        tasks = {}
        for number, subject in enumerate(self.subjects):
            for target in self._able(session, subject.spec, subject.format):
                hello = session.targets[target]
                flushes = {dtype: bool(what) for dtype, what in hello.flushes.items()}
                tasks[number, target] = Member(target, session.source(target), flushes, hello)
        if not tasks and not any(self._able(session, one.spec, one.format) for one in self.pairs):
            raise UsageError("no target here has such a function in such a dtype")
        return tasks

    def _plan(self, tasks: dict[tuple[int, Target], Member]) -> str:
        """Return what is asked of whom, as text; whoever resumes has to ask the same."""
        asked = [" ".join(map(str, self._key(number, target))) for number, target in tasks]
        pairs = [f"{one.group.name} {one.wrt}" for one in self.pairs]
        return "\n".join([f"{self.numbers}", *asked, *pairs])

    def _able(self, session: Session, spec: Spec, format: Format) -> list[Target]:
        """Return the targets with a function of their own, or those that are named."""
        return [
            target
            for target in selection.among(self.targets, session.targets)
            if format.name in session.targets[target].dtypes
            and (self.targets or spec.function in session.targets[target].functions)
        ]

    def _hire(
        self, tasks: dict[tuple[int, Target], Member]
    ) -> AbstractContextManager[Engine | None]:
        """Start who does the jobs, unless there are none."""
        members = {member.target: member for member in tasks.values()}
        if not members:
            return nullcontext()
        hire = self.pace.hire or local.hire(self.pace.processes)
        return hire(Crews(tuple(members.values()), self.pace.charts, self.pace.limits))

    def _swept(
        self,
        tasks: dict[tuple[int, Target], Member],
        engine: Engine | None,
        journal: Journal,
        watch: Watch,
    ) -> dict[tuple[int, Target], list[Segment] | Refusal]:
        """Run all jobs that are not done yet; return what was found, old and new."""
        found: dict[tuple[int, Target], list[Segment] | Refusal] = {key: [] for key in tasks}
        names = {self._key(number, target): (number, target) for number, target in tasks}
        for part in journal.parts:
            key = names.get((part.function, part.dtype, part.gradient, part.target))
            segments = None if key is None else found[key]
            if isinstance(segments, list):
                segments.append(part.segment)
        jobs = [(number, job) for number, job in self._jobs(tasks, found) if job.targets]
        total = sum(_size(job) for _, job in jobs)
        if engine is not None:
            for _ in watch(self._worked(engine, jobs, found, journal), total):
                pass
        return found

    def _worked(
        self,
        engine: Engine,
        jobs: Sequence[tuple[int, Job]],
        found: dict[tuple[int, Target], list[Segment] | Refusal],
        journal: Journal,
    ) -> Iterator[int]:
        """Have the jobs done; yield how many numbers each has swept."""
        dispatch = Dispatch[Job, Done](engine, lambda job, done: done.answers(job))
        for place, done in dispatch.answers(job for _, job in jobs):
            number, job = jobs[place]
            self._keep(number, done, found, journal)
            yield _size(job)

    def _keep(
        self,
        number: int,
        done: Done,
        found: dict[tuple[int, Target], list[Segment] | Refusal],
        journal: Journal,
    ) -> None:
        for target, one in done.found.items():
            segments = found[number, target]
            if isinstance(one, Refusal):
                found[number, target] = one
            elif isinstance(segments, list):
                segments.append(one)
                function, dtype, gradient, name = self._key(number, target)
                journal.add(Part(function, dtype, gradient, name, one))

    def _key(self, number: int, target: Target) -> tuple[str, str, bool, str]:
        subject = self.subjects[number]
        return subject.spec.function, subject.format.name, subject.gradient, str(target)

    def _jobs(
        self,
        tasks: dict[tuple[int, Target], Member],
        found: dict[tuple[int, Target], list[Segment] | Refusal],
    ) -> Iterator[tuple[int, Job]]:
        """Yield what is left to do, for all targets of a subject at a time."""
        for number, subject in enumerate(self.subjects):
            sheet = Sheet.of(subject.spec.place.path)
            targets = [target for other, target in tasks if other == number]
            for start, stop in parts(*_positions(self.numbers, subject.format), JOB):
                left = [
                    target for target in targets if not _has(found[number, target], start, stop)
                ]
                what = sheet, subject.format.name, subject.gradient
                yield number, Job(*what, start, stop, tuple(left))

    def _record(
        self,
        session: Session,
        tasks: dict[tuple[int, Target], Member],
        found: dict[tuple[int, Target], list[Segment] | Refusal],
        recorder: Recorder,
    ) -> None:
        """Make results of the segments, and sweep the pairs."""
        groups = [
            Group(subject.spec, Check.SWEEP, subject.format)
            for number, subject in enumerate(self.subjects)
            if any(number == other for other, _ in tasks)
        ]
        groups += [pairs.group for pairs in self.pairs]
        entries = {name: known(name) for name in map(session.source, session.targets)}
        ledger = Ledger(entries, groups, session.targets, complete=False)
        finder = Finder(session.pool, self.pace.limits.seconds)
        for key, member in tasks.items():
            recorder.add(ledger.judge(self._result(finder, key, member, found[key])))
        for pairs in self.pairs:
            able = self._able(session, pairs.spec, pairs.format)
            for result in pairs.results(session, able):
                recorder.add(ledger.judge(result))
        recorder.finish(ledger.stale())

    def _result(
        self,
        finder: Finder,
        key: tuple[int, Target],
        member: Member,
        found: list[Segment] | Refusal,
    ) -> Result:
        number, target = key
        subject = self.subjects[number]
        if isinstance(found, Refusal):
            return finder.refused(subject, target, found)
        flushes = member.flushes.get(subject.format.name, False)
        return finder.result(subject, target, whole(found), flushes=flushes)


def _positions(numbers: Range | None, format: Format) -> tuple[int, int]:
    return (0, 1 << format.width) if numbers is None else numbers.positions(format)


def _size(job: Job) -> int:
    return (job.stop - job.start) * len(job.targets)


def _has(found: list[Segment] | Refusal, start: int, stop: int) -> bool:
    return isinstance(found, list) and any((s.start, s.stop) == (start, stop) for s in found)
