"""One run from the command line: a selection of specs, checks, dtypes and backends, measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import Self, TextIO

from trysquare import errands, recorder
from trysquare.backend import Target
from trysquare.baseline import Accepted
from trysquare.command import agreement, selection
from trysquare.command.progress import watched
from trysquare.divergences import Entry, known
from trysquare.dtypes import FORMATS
from trysquare.engines import likeness
from trysquare.engines.engine import Hire
from trysquare.errors import UsageError
from trysquare.ledger import Ledger, unjudged
from trysquare.planning.plan import RUN, Group, groups
from trysquare.planning.shards import Shard, asked_about
from trysquare.ratchet import Ratchet
from trysquare.record import Header, Run
from trysquare.recorder import Recorder
from trysquare.result import SEED, Check, Limits, Result
from trysquare.run import Session
from trysquare.spec import Spec
from trysquare.unfinished import ANEW, Unfinished
from trysquare.workers.protocol import Hello


@dataclass(frozen=True)
class Campaign:
    """What will be measured; `complete` says that nothing was left out but whole backends.

    `named` are the backends that were asked for by name, `wanted` the targets. `accepted` is the
    baseline; `shard` says which part of a larger run this is, all groups of which are the `whole`.
    `begun` is when, by the clock of `monotonic`, somebody began to select it.
    """

    specs: tuple[Spec, ...]
    groups: tuple[Group, ...]
    entries: Mapping[str, Sequence[Entry]]
    complete: bool
    named: tuple[str, ...] = ()
    wanted: tuple[Target, ...] = ()
    accepted: tuple[Accepted, ...] = ()
    shard: Shard | None = None
    whole: tuple[Group, ...] = ()
    begun: float = field(default_factory=monotonic)

    @classmethod
    def of(
        cls,
        *,
        paths: Sequence[Path],
        globs: Sequence[str],
        checks: Sequence[str],
        dtypes: Sequence[str],
        backends: Sequence[str],
        targets: Sequence[str] = (),
    ) -> Self:
        """Select by name; nothing named means everything.

        Raises UsageError for a name that does not exist, SpecErrors for files that cannot be read.
        """
        wanted = tuple(selection.target(word) for word in targets)
        asked = (*backends, *(target.backend for target in wanted))
        names = selection.backends(asked)
        chosen = selection.members(checks, RUN, "check")
        formats = selection.members(dtypes, FORMATS, "dtype")
        specs = selection.specs(paths, globs)
        return cls(
            specs=specs,
            groups=groups(specs, [Check(check) for check in chosen], formats),
            entries={name: known(name) for name in names},
            complete=not (paths or globs or checks or dtypes or wanted),
            named=names if asked else (),
            wanted=wanted,
        )

    def part(self, shard: Shard) -> Self:
        """Return one part of it."""
        mine = shard.of(self.groups)
        return replace(self, groups=mine, whole=self.groups, shard=shard, complete=False)

    def plan(self, targets: Sequence[Target]) -> tuple[str, str]:
        """Return what is asked in all parts, and of whom.

        Where targets were picked from those of a backend, that is said: others may be there, of
        which the file does not tell.
        """
        asked = (group.name for group in self.whole or self.groups)
        picked = ["picked"] if any(one.device for one in self.wanted) else []
        return "\n".join(asked), "\n".join([*picked, *map(str, targets)])

    def run(
        self,
        seed: int,
        limits: Limits,
        path: Path | None,
        stream: TextIO,
        *,
        resume: bool = False,
        hire: Hire | None = None,
    ) -> tuple[Run, bool]:
        """Measure everything; return the run, and whether somebody interrupted it.

        Progress goes to `stream`, records to the file `path`; to `resume` keeps what groups of it
        are whole. `hire` starts who asks the groups; None: this session alone. Raises UsageError if
        the file cannot be written, is of another run, or machines are not alike; SpecErrors for a
        spec that contradicts itself; LostError for a group that was lost elsewhere.
        """
        with self._opened(seed, limits) as (session, opened), ExitStack() as hired:
            targets = selection.among(self.wanted, session.targets)
            session.keep(targets, selection.lacking(self.wanted, session.unavailable))
            complete = self.complete and seed == SEED
            hellos = session.targets
            ledger = Ledger(self.entries, self.groups, hellos, complete=complete)
            names = [group.name for group in self.groups], [str(target) for target in targets]
            ratchet = Ratchet(self.accepted, *names, complete=complete)
            plan = self.plan(targets)
            header = recorder.header(session, self.specs, seed, self.named, self.shard, plan)
            engine = None
            if hire is not None:
                engine = hired.enter_context(hire(self._equipment(seed, limits, hellos)))
            kept = Unfinished(path, header, names[0]) if path is not None and resume else None
            with self._recorder(session, header, kept or path) as records:
                elsewhere = engine is not None or (kept is not None and kept.results)
                costs = (
                    None if elsewhere else recorder.costs(opened - self.begun, monotonic() - opened)
                )
                for result in kept.results if kept else ():
                    judged = ratchet.judge(ledger.judge(unjudged(result)))
                    records.remember(_same(judged, result))
                left = self.groups[kept.groups if kept else 0 :]
                results = (
                    session.results(left, targets)
                    if engine is None
                    else errands.results(engine, left, targets, seed)
                )
                try:
                    for result in watched(results, len(left) * len(targets), stream):
                        records.add(ratchet.judge(ledger.judge(result)))
                    records.finish([*ledger.stale(), *ratchet.stale()], costs)
                except KeyboardInterrupt:
                    return records.run, True
                return records.run, False

    def _equipment(
        self, seed: int, limits: Limits, hellos: Mapping[Target, Hello]
    ) -> errands.Equipment:
        """Return what others have to open."""
        backends, unnamed = tuple(self.entries), not self.named
        code = likeness.code(backends)
        return errands.Equipment(
            backends, seed, limits, hellos, errands.asked, code, self.wanted, unnamed=unnamed
        )

    def _recorder(
        self, session: Session, header: Header, file: Path | Unfinished | None
    ) -> Recorder:
        """Return who records; the functions are described anew unless the file has them."""
        if isinstance(file, Unfinished) and file.functions:
            return Recorder(file.header, file.functions, file)
        return Recorder(header, tuple(recorder.functions(session, self._described)), file)

    @contextmanager
    def _opened(self, seed: int, limits: Limits) -> Iterator[tuple[Session, float]]:
        """Open the targets, and say when that was done; meanwhile the specs are looked through.

        Of a part of a run, those that it asks about: the others are looked through elsewhere.
        """
        unnamed, backends = not self.named, tuple(self.entries)
        with ThreadPoolExecutor(1) as aside:
            agreed = aside.submit(agreement.require, self._described)
            with Session(backends, seed, limits, self.wanted, unnamed=unnamed) as session:
                opened = monotonic()
                agreed.result()
                yield session, opened

    @property
    def _described(self) -> tuple[Spec, ...]:
        return asked_about(self.specs, self.groups, self.shard)


def _same(judged: Result, kept: Result) -> Result:
    """Return a result that was kept; UsageError if something else is known of it by now."""
    if recorder.shown(judged) != kept:
        raise UsageError(f"{kept.id}: what is known of it has changed since the run began; {ANEW}")
    return kept
