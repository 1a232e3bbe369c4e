"""A sweep from the command line: jobs for the runners, parts that are kept, results at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic

import numpy as np

from trysquare.backend import Kind, Refusal, Target
from trysquare.command import selection
from trysquare.dtypes import Format
from trysquare.engines import likeness, local
from trysquare.engines.dispatch import Dispatch
from trysquare.engines.engine import Engine, Hire
from trysquare.engines.likeness import Sheet
from trysquare.errors import UsageError
from trysquare.planning.shards import Shard
from trysquare.record import Costs, Run
from trysquare.recorder import Recorder, costs, functions, header
from trysquare.result import SEED, Limits
from trysquare.run import Session
from trysquare.spec import Spec
from trysquare.sweep import conclusion, shares
from trysquare.sweep.chart import BLOCK
from trysquare.sweep.conclusion import Found
from trysquare.sweep.journal import Journal
from trysquare.sweep.pairs import Pairs
from trysquare.sweep.runner import Charts, Crews, Done, Job, Member, parts
from trysquare.sweep.segment import Part, Segment, Silence
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
    """So many runners at a time, limits for a block, and who tells where charts are kept (None).

    `hire` starts who has the runners; None: this machine.
    """

    processes: int
    limits: Limits
    charts: Charts | None
    hire: Hire | None = None


@dataclass(frozen=True)
class Sweeping:
    """What is swept: functions of one number and of two, named targets, backends, a range.

    Of a sweep that is dealt to several, `shard` says which part this is. `begun` is when, by the
    clock of `monotonic`, somebody began to select it.
    """

    subjects: tuple[Subject, ...]
    pairs: tuple[Pairs, ...]
    targets: tuple[Target, ...]
    backends: tuple[str, ...]
    numbers: Range | None
    pace: Pace
    shard: Shard | None = None
    begun: float = field(default_factory=monotonic)

    def run(self, output: Path | None, watch: Watch, *, resume: bool) -> tuple[Run, bool]:
        """Sweep, and return what was found, and whether it was interrupted.

        Of an interrupted sweep the file holds what was finished, for `resume`, and so it does where
        LostError is raised. Raises UsageError for a target that is not there, for a file that
        another sweep has written, and for machines that cannot share the work.
        """
        with self._opened() as session, ExitStack() as hired:
            session.keep(
                selection.among(self.targets, session.targets),
                selection.lacking(self.targets, session.unavailable),
            )
            tasks = self._tasks(session)
            pairs = [
                (one, target)
                for one in self.pairs
                for target in self._able(session, one.spec, one.format)
            ]
            named = {target.backend for target in self.targets}
            head = header(session, self._specs, SEED, named, self.shard, [self._plan(tasks, pairs)])
            engine = hired.enter_context(self._hire(tasks))
            opened = monotonic()
            with Journal(output, head, resume=resume) as journal:
                known_functions = [*functions(session, self._specs)]
                described = monotonic()
                with Recorder(journal.header, known_functions) as recorder:
                    resumed, waits = bool(journal.parts), [0.0]
                    try:
                        found = self._swept(tasks, engine, journal, watch, waits)
                    except KeyboardInterrupt:
                        return recorder.run, True
                    hired.close()
                    start = opened - self.begun + max(waits)
                    spent = costs(start, described - opened, processes=self.pace.processes)
                    # what other machines took says nothing of this one
                    alone = not resumed and self.pace.hire is None
                    self._record(session, found, recorder, spent if alone else None)
                run = replace(recorder.run, parts=self._parts(tasks, found))
                ended = [] if run.footer is None else [run.footer]
                journal.finish([run.header, *run.functions, *run.parts, *run.results, *ended])
                return run, False

    def _opened(self) -> Session:
        unnamed = not self.targets
        return Session(self.backends, SEED, self.pace.limits, self.targets, unnamed=unnamed)

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

    def _plan(
        self, tasks: Iterable[tuple[int, Target]], pairs: Iterable[tuple[Pairs, Target]]
    ) -> str:
        """Return what is asked of whom, as text; whoever resumes has to ask the same."""
        ranges = {
            self._key(number, target): _positions(self.numbers, self.subjects[number].format)
            for number, target in tasks
        }
        paired = (
            (one.spec.function, one.format.name, one.title, str(target)) for one, target in pairs
        )
        return shares.asked(ranges, paired)

    def _able(self, session: Session, spec: Spec, format: Format) -> list[Target]:
        """Return the targets with a function of their own, or those that are named."""
        return [
            target
            for target, hello in session.targets.items()
            if format.name in hello.dtypes and (self.targets or spec.function in hello.functions)
        ]

    def _hire(
        self, tasks: dict[tuple[int, Target], Member]
    ) -> AbstractContextManager[Engine | None]:
        """Start who does the jobs, unless there are none."""
        members = {member.target: member for member in tasks.values()}
        if not members:
            return nullcontext()
        hire = self.pace.hire or local.hire(self.pace.processes)
        crew = tuple(members.values())
        code = likeness.code({member.source for member in crew})
        return hire(Crews(crew, self.pace.charts, self.pace.limits, code))

    def _swept(
        self,
        tasks: dict[tuple[int, Target], Member],
        engine: Engine | None,
        journal: Journal,
        watch: Watch,
        waits: list[float],
    ) -> dict[tuple[int, Target], Found]:
        """Run all jobs that are not done yet; return what was found, old and new.

        To `waits` is added how long each job waited for workers that were started for it.
        """
        found: dict[tuple[int, Target], Found] = {key: [] for key in tasks}
        names = {self._key(number, target): (number, target) for number, target in tasks}
        for part in journal.parts:
            key = names.get(shares.key(part))
            there = None if key is None else found[key]
            if isinstance(there, list):
                there.append(part)
        jobs = [(number, job) for number, job in self._jobs(tasks, found) if job.targets]
        total = sum(_size(job) for _, job in jobs)
        if engine is not None:
            for _ in watch(self._worked(engine, jobs, found, journal, waits), total):
                pass
        return found

    def _worked(
        self,
        engine: Engine,
        jobs: Sequence[tuple[int, Job]],
        found: dict[tuple[int, Target], Found],
        journal: Journal,
        waits: list[float],
    ) -> Iterator[int]:
        """Have the jobs done; yield how many numbers each has swept."""
        dispatch = Dispatch[Job, Done](engine, lambda job, done: done.answers(job))
        for place, done in dispatch.answers(job for _, job in jobs):
            number, job = jobs[place]
            self._keep(number, done, found, journal)
            waits.append(done.waited)
            yield _size(job)

    def _keep(
        self,
        number: int,
        done: Done,
        found: dict[tuple[int, Target], Found],
        journal: Journal,
    ) -> None:
        for target, one in done.found.items():
            there = found[number, target]
            if isinstance(one, Refusal) and one.kind is Kind.UNSUPPORTED:
                found[number, target] = one
                continue
            if not isinstance(there, list):
                continue
            who = self._key(number, target)
            if isinstance(one, Refusal):  # not written: whoever resumes asks these numbers again
                there.append(_refused(who, done.job.start, done.job.stop, one))
            else:
                there.append(Part(*who, one, round(done.seconds / len(done.found), 3)))
                journal.add(there[-1])

    def _key(self, number: int, target: Target) -> tuple[str, str, bool, str]:
        subject = self.subjects[number]
        return subject.spec.function, subject.format.name, subject.gradient, str(target)

    def _jobs(
        self,
        tasks: dict[tuple[int, Target], Member],
        found: dict[tuple[int, Target], Found],
    ) -> Iterator[tuple[int, Job]]:
        """Yield what is left to do, for all targets of a subject at a time."""
        sheets = [Sheet.of(subject.spec.place.path) for subject in self.subjects]
        for number, start, stop in self._mine(tasks):
            subject = self.subjects[number]
            left = [
                target
                for other, target in tasks
                if other == number and not _has(found[number, target], start, stop)
            ]
            what = sheets[number], subject.format.name, subject.gradient
            yield number, Job(*what, start, stop, tuple(left))

    def spans(self, numbers: Iterable[int]) -> list[tuple[int, int, int]]:
        """Return the jobs of some subjects: the number of the subject, and positions."""
        return [
            (number, start, stop)
            for number in numbers
            for start, stop in parts(*_positions(self.numbers, self.subjects[number].format), JOB)
        ]

    def dealt_by(self, job: tuple[int, int, int]) -> shares.Span:
        """Return what jobs are dealt by."""
        subject = self.subjects[job[0]]
        return subject.format.name, subject.gradient, job[1], subject.spec.function

    def _mine(self, tasks: Iterable[tuple[int, Target]]) -> Sequence[tuple[int, int, int]]:
        """Return the jobs of this part of the sweep."""
        spans = self.spans(dict.fromkeys(number for number, _ in tasks))
        return spans if self.shard is None else self.shard.deal(spans, self.dealt_by)

    def _record(
        self,
        session: Session,
        found: dict[tuple[int, Target], Found],
        recorder: Recorder,
        spent: Costs | None,
    ) -> None:
        """Make results of what was found, unless that is a part only, and sweep the pairs."""
        numbers = dict.fromkeys(number for number, _ in found)
        subjects = [self.subjects[number] for number in numbers]
        ledger = conclusion.ledger(session, subjects, self.pairs)
        begun = monotonic()
        if self.shard is None:
            for result in conclusion.results(session, self.subjects, found):
                recorder.add(ledger.judge(result))
            if spent is not None:
                spent = replace(spent, finish=round(monotonic() - begun, 3))
        for pairs in self._paired():
            able = self._able(session, pairs.spec, pairs.format)
            begun = monotonic()
            results = [*pairs.results(session, able)]
            share = round((monotonic() - begun) / max(1, len(results)), 3)
            for result in results:
                recorder.add(ledger.judge(replace(result, seconds=share)))
        recorder.finish(ledger.stale() if self.shard is None else (), spent)

    def _paired(self) -> Sequence[Pairs]:
        """Return the pairs of this part, dealt from the last part on: the first may have a job."""
        if self.shard is None:
            return self.pairs
        return self.shard.mirrored.deal(self.pairs, by_name)

    def _parts(
        self, tasks: dict[tuple[int, Target], Member], found: dict[tuple[int, Target], Found]
    ) -> tuple[Part, ...]:
        """Return what `merge` needs of a part of a sweep; nothing of a whole one."""
        if self.shard is None:
            return ()
        spans = self._mine(tasks)
        kept = []
        for (number, target), one in found.items():
            if isinstance(one, Refusal):
                mine = [(start, stop) for other, start, stop in spans if other == number]
                kept += [_refused(self._key(number, target), *ends, one) for ends in mine]
            else:
                kept += sorted(one, key=lambda part: part.segment.start)
        return tuple(kept)


def _positions(numbers: Range | None, format: Format) -> tuple[int, int]:
    return (0, 1 << format.width) if numbers is None else numbers.positions(format)


def _size(job: Job) -> int:
    return (job.stop - job.start) * len(job.targets)


def _has(found: Found, start: int, stop: int) -> bool:
    return isinstance(found, list) and any(
        (part.segment.start, part.segment.stop) == (start, stop) for part in found
    )


def by_name(pairs: Pairs) -> tuple[str, str]:
    """Return what pairs are dealt by."""
    return pairs.group.name, pairs.wrt


def _refused(who: shares.Key, start: int, stop: int, refusal: Refusal) -> Part:
    silence = Silence(stop - start, start, str(refusal.kind), refusal.message)
    return Part(*who, Segment(start, stop, silence=silence), refused=str(refusal.kind))
