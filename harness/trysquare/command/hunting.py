"""One hunt from the command line: functions, dtypes and targets, and what was known before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import Self, TextIO

import numpy as np

from trysquare import errands, recorder
from trysquare.backend import Target
from trysquare.command import agreement, selection
from trysquare.command.progress import watched
from trysquare.divergences import Entry, known
from trysquare.dtypes import FORMATS, Array
from trysquare.engines import likeness
from trysquare.engines.engine import Hire
from trysquare.errands import Equipment
from trysquare.hunt.chase import Chase, Game, Remembered
from trysquare.hunt.subject import Subject
from trysquare.ledger import Ledger
from trysquare.planning import corpus
from trysquare.planning.plan import Group, groups
from trysquare.planning.shards import Shard, asked_about
from trysquare.record import Run
from trysquare.recorder import Recorder
from trysquare.result import Check, Limits, Result
from trysquare.results_file import read
from trysquare.run import Session
from trysquare.spec import Spec

SPEC_FILE = ".yaml"
"""How the name of a spec file ends; other words are names of functions, or patterns."""


@dataclass(frozen=True)
class Hunt:
    """What will be searched. `wanted` are the targets, whole backends with device and mode empty.

    `earlier` are results whose inputs the search begins with. Of a hunt that is dealt to several,
    `shard` says which part this is; the `whole` has all groups. `begun` is when, by the clock of
    `monotonic`, somebody began to select it.
    """

    specs: tuple[Spec, ...]
    groups: tuple[Group, ...]
    wanted: tuple[Target, ...]
    entries: Mapping[str, Sequence[Entry]]
    earlier: tuple[Result, ...]
    gradient: bool
    shard: Shard | None = None
    whole: tuple[Group, ...] = ()
    begun: float = field(default_factory=monotonic)

    @classmethod
    def of(
        cls,
        *,
        words: Sequence[str],
        targets: Sequence[str],
        dtypes: Sequence[str],
        earlier: Sequence[Path],
        gradient: bool,
    ) -> Self:
        """Select by name.

        Raises UsageError for a name that does not exist and SpecErrors for files that are wrong.
        """
        wanted = tuple(selection.target(word) for word in targets)
        names = selection.backends([target.backend for target in wanted])
        formats = selection.members(dtypes, FORMATS, "dtype")
        paths = [Path(word) for word in words if word.endswith(SPEC_FILE)]
        globs = [word for word in words if not word.endswith(SPEC_FILE)]
        specs = selection.specs(paths, globs) if globs or not paths else selection.specs(paths)
        agreement.require(specs)
        return cls(
            specs=specs,
            groups=tuple(
                Group(group.spec, Check.HUNT, group.format)
                for group in groups(specs, [Check.VALUES], formats)
            ),
            wanted=wanted,
            entries={name: known(name) for name in names},
            earlier=tuple(result for path in earlier for result in read(path).results),
            gradient=gradient,
        )

    def part(self, shard: Shard) -> Self:
        """Return one part of it."""
        return replace(self, groups=shard.of(self.groups), whole=self.groups, shard=shard)

    def plan(self, evaluations: int, targets: Sequence[Target]) -> tuple[str, str]:
        """Return what is searched in all parts and how long, and of whom."""
        names = (group.name for group in self.whole or self.groups)
        asked = [*names, f"{evaluations} of {'gradients' if self.gradient else 'values'}"]
        return "\n".join(asked), "\n".join(map(str, targets))

    def run(
        self,
        evaluations: int,
        seed: int,
        limits: Limits,
        path: Path | None,
        stream: TextIO,
        hire: Hire | None = None,
    ) -> tuple[Run, bool]:
        """Search everything; return the run, and whether somebody interrupted it.

        Progress goes to `stream`, records to the file `path`. `hire` starts who searches; None:
        this session alone. Raises UsageError if the file cannot be written, for a target that is
        not there, and for machines that are not alike; LostError for a hunt that was lost.
        """
        sources, unnamed = tuple(self.entries), not self.wanted
        with (
            Session(sources, seed, limits, self.wanted, unnamed=unnamed) as session,
            ExitStack() as hired,
        ):
            opened = monotonic()
            targets = selection.among(self.wanted, session.targets)
            session.keep(targets, selection.lacking(self.wanted, session.unavailable))
            seeds = Remembered.of(self.groups, self.seeds, gradient=self.gradient)
            game = Game(evaluations, seed, self.gradient, seeds)
            engine = None
            if hire is not None:
                equipment = Equipment(
                    sources, seed, limits, session.targets, game, likeness.code(sources),
                    self.wanted, unnamed=unnamed,
                )  # fmt: skip
                engine = hired.enter_context(hire(equipment))
            ledger = Ledger(self.entries, self.groups, session.targets, complete=False)
            named = {target.backend for target in self.wanted}
            plan = self.plan(evaluations, targets)
            header = recorder.header(session, self.specs, seed, named, self.shard, plan)
            described = asked_about(self.specs, self.groups, self.shard)
            functions = tuple(recorder.functions(session, described))
            costs = recorder.costs(
                opened - self.begun, monotonic() - opened, evaluations=evaluations
            )
            with Recorder(header, functions, path) as records:
                results = (
                    Chase(session, targets, game).results(self.groups)
                    if engine is None
                    else errands.results(engine, self.groups, targets, seed)
                )
                try:
                    for result in watched(results, len(self.groups) * len(targets), stream):
                        records.add(ledger.judge(result))
                    # what a search has not found may be there all the same: nothing is stale
                    records.finish((), costs if engine is None else None)
                except KeyboardInterrupt:
                    return records.run, True
                return records.run, False

    def seeds(self, subject: Subject) -> Array:
        """Return what is known to be bad for a subject: of earlier results, and of the corpus."""
        spec, dtype = subject.spec, subject.format.name
        found = [
            subject.held(one.inputs, result.parameters)
            for result in self.earlier
            if (result.function, result.dtype) == (spec.function, dtype)
            for one in result.found
        ]
        found += [
            subject.held(one.inputs, one.parameters)
            for one in corpus.points(spec)
            if one.dtype == dtype
        ]
        none = np.empty((0, len(subject.coordinates)), np.int64)
        points = np.array([point for point in found if point is not None], np.int64)
        return np.unique(points, axis=0) if len(points) else none
