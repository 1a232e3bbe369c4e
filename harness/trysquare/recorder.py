"""What a session finds, as the records of a results file; both ways to start a run use it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Self, TypeVar

from trysquare import __version__
from trysquare.backend import Target, Unavailable
from trysquare.describe import describe
from trysquare.machine import cores, environment
from trysquare.planning import corpus
from trysquare.planning.shards import Shard
from trysquare.reader import specs_folder
from trysquare.record import Costs, Footer, FunctionRecord, Header, Record, Run, Stale, TargetRecord
from trysquare.result import Outcome, Result
from trysquare.results_file import ResultsWriter
from trysquare.run import Session
from trysquare.spec import Spec
from trysquare.unfinished import Unfinished
from trysquare.usage.defaults import dialects, usages
from trysquare.workers.protocol import Hello

T = TypeVar("T", Result, FunctionRecord)


class Recorder:
    """A run as it grows, in memory and in a file (unless `path` is None), one record at a time.

    Without `finish` there is no footer: the run did not end. Of an unfinished run the file goes on,
    and holds all but the footer and the results that are added.
    """

    def __init__(
        self,
        header: Header,
        functions: Sequence[FunctionRecord],
        file: Path | Unfinished | None = None,
    ) -> None:
        self._header, self._functions = header, tuple(functions)
        self._results: list[Result] = []
        self._footer: Footer | None = None
        self._begun = monotonic()
        self._file, self._there = _opened(file)

    def __enter__(self) -> Self:
        if not self._there:
            self._write(self._header)
            for record in self._functions:
                self._write(record)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.__exit__(kind, error, trace)

    def remember(self, result: Result) -> None:
        """Take over a result that is in the file."""
        self._results.append(result)

    def add(self, result: Result) -> None:
        """Record a result."""
        self._results.append(shown(result))
        self._write(self._results[-1])

    def finish(self, stale: Sequence[Stale], costs: Costs | None = None) -> None:
        """Record that the run is complete."""
        ended = footer(self._results, stale, monotonic() - self._begun)
        self._footer = replace(ended, costs=costs)
        self._write(self._footer)

    @property
    def run(self) -> Run:
        """The run so far."""
        return Run(self._header, self._functions, tuple(self._results), self._footer)

    def _write(self, record: Record) -> None:
        if self._file is not None:
            self._file.write(record)


def _opened(file: Path | Unfinished | None) -> tuple[ResultsWriter | None, bool]:
    """Return who writes a file, and whether its beginning is there."""
    if isinstance(file, Unfinished):
        return file.writer, bool(file.functions)
    return (None if file is None else ResultsWriter(file)), False


def header(
    session: Session,
    specs: Sequence[Spec],
    seed: int,
    named: Collection[str] = (),
    shard: Shard | None = None,
    plan: Sequence[str] = (),
) -> Header:
    """Return who runs what, where; `named` are the backends that somebody asked for by name.

    `specs` are those of the whole run, also where only a shard of it is run. `plan` is what is
    asked in all, and of whom, of which there are digits.
    """
    return Header(
        trysquare=__version__,
        seed=seed,
        specs=f"{len(specs)} {'spec' if len(specs) == 1 else 'specs'}, sha256 {edition(specs)}",
        started=_now(),
        targets=targets(session, named),
        environment={**environment(), **session.limits.facts},
        shard="" if shard is None else str(shard),
        plan=" ".join(["sha256", *map(digits, plan)]) if plan else "",
    )


def targets(session: Session, named: Collection[str] = ()) -> tuple[TargetRecord, ...]:
    """Return the targets that answer, then those that do not."""
    answering = {target.backend for target in session.targets}
    wanted = set(named) - answering
    ran = (_ran(hello) for hello in session.targets.values())
    missing = (_missing(item, item.target.backend in wanted) for item in session.unavailable)
    return (*ran, *missing)


def functions(session: Session, specs: Iterable[Spec]) -> Iterator[FunctionRecord]:
    """Yield what a report shows of each spec; defaults are measured here and now."""
    hellos, named = tuple(session.targets.values()), tuple(specs)
    found = usages(session, named, tuple(session.targets))
    for spec in named:
        record = describe(spec, hellos)
        measured = replace(record, usages=found.get(spec.function, ()), apart=dialects(spec))
        yield shown(replace(measured, revision=revision([spec])))


def costs(start: float, described: float, *, processes: int = 0, evaluations: int = 0) -> Costs:
    """Return what there was to do, in seconds, before anything could be asked."""
    return Costs(cores(), round(start, 3), round(described, 3), processes, evaluations=evaluations)


def footer(results: Iterable[Result], stale: Sequence[Stale], seconds: float) -> Footer:
    """Return the end of a complete run."""
    counts = Counter(result.outcome for result in results)
    return Footer(
        counts={outcome.value: counts[outcome] for outcome in Outcome},
        stale=tuple(replace(entry, reason=near(entry.reason)) for entry in stale),
        seconds=round(seconds, 3),
        finished=_now(),
    )


def revision(specs: Iterable[Spec]) -> str:
    """Return twelve digits that change with the content of any of the spec files."""
    return _content(spec.place.path for spec in specs)


def edition(specs: Sequence[Spec]) -> str:
    """Return such digits that change with the corpora beside the specs as well.

    They are of all cases of a run, whereas a spec is the same whatever is known of its function.
    """
    corpora = (path for path in map(corpus.place, specs) if path.is_file())
    return _content([*(spec.place.path for spec in specs), *corpora])


def _content(paths: Iterable[Path]) -> str:
    return digits("\n".join(sorted(sha256(path.read_bytes()).hexdigest() for path in paths)))


def digits(text: str) -> str:
    """Return twelve digits that change with a text."""
    return sha256(text.encode()).hexdigest()[:12]


def shown(record: T) -> T:
    """Return a record whose places do not tell where on this disk the files are."""
    if isinstance(record, Result):
        return replace(record, place=near(record.place), baseline=near(record.baseline))
    return replace(record, place=near(record.place))


def near(text: str) -> str:
    """Return a text that begins with a path, with the path from the nearest folder of ours."""
    for start in _starts(os.getcwd()):  # noqa: PTH109 - told of every result
        if text.startswith(start):
            return text.removeprefix(start)
    return text


@cache
def _starts(here: str) -> tuple[str, ...]:
    home = specs_folder().resolve().parent
    # specs and backends share the folder of a checkout, or are one level apart when installed
    return tuple(str(root) + os.sep for root in (here, home, home.parent))


def name_of(target: Target) -> str:
    """Return a target as people write it; a whole backend is its bare name."""
    return str(target).rstrip(":")


def _ran(hello: Hello) -> TargetRecord:
    canary: Mapping[str, str] = {} if hello.canary else {"numpy in the worker": "flushes to zero"}
    return TargetRecord(
        target=str(hello.target),
        available=True,
        version=hello.version,
        flushes=tuple(dtype for dtype, what in hello.flushes.items() if what),
        environment={**hello.environment, **canary},
    )


def _missing(item: Unavailable, named: bool) -> TargetRecord:  # noqa: FBT001
    return TargetRecord(
        target=name_of(item.target),
        available=False,
        reason=item.reason,
        broken=item.broken,
        named=named,
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
