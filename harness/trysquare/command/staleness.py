"""All shards of a run that left nothing out -> the known divergences that are about nothing.

Whether a pattern over several groups still matches anything, no shard can tell; all of them can.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from trysquare.backend import Unavailable
from trysquare.command import selection
from trysquare.command.merging import Merged
from trysquare.divergences import known
from trysquare.ledger import Ledger, unjudged
from trysquare.loading import available, called
from trysquare.planning.plan import groups
from trysquare.record import Run, Stale
from trysquare.recorder import digits, edition, near
from trysquare.result import SEED, Result
from trysquare.workers.protocol import Hello


@dataclass(frozen=True)
class Told:
    """The entries that are about nothing, or why that is not known."""

    stale: tuple[Stale, ...] = ()
    remark: str = ""


def told(merged: Merged, runs: Mapping[str, Run], backends: Sequence[str]) -> Merged:
    """Return merged runs with what each that was dealt, and is whole, tells as an undealt one does.

    `backends` are those that are not installed. Nothing is told of a run that left something out.
    """
    footer = merged.run.footer
    dealt: defaultdict[tuple[str, ...], list[Run]] = defaultdict(list)
    for run in runs.values():
        if run.header.shard:
            dealt[run.header.plan, *_names(run)].append(run)
    if footer is None or not dealt:
        return merged
    found = [_of_shards(shards, backends) for shards in dealt.values()]
    stale = dict.fromkeys([*(entry for one in found for entry in one.stale), *footer.stale])
    remarks = (f"stale entries are not told: {one.remark}" for one in found if one.remark)
    run = replace(merged.run, footer=replace(footer, stale=tuple(stale)))
    return replace(merged, run=run, remarks=(*merged.remarks, *remarks))


def _names(run: Run) -> Iterator[str]:
    return (target.target for target in run.header.targets if target.available)


def _of_shards(shards: Sequence[Run], backends: Sequence[str]) -> Told:
    header, specs = shards[0].header, f"{len(selection.functions())} specs,"
    if header.seed != SEED or not header.specs.startswith(specs):
        return Told()
    everything = selection.specs(())
    if not header.specs.endswith(edition(everything)):
        return Told(remark="the specs that are installed here are not those of the run")
    asked = groups(everything)
    plan = "\n".join(group.name for group in asked), "\n".join(_names(shards[0]))
    if header.plan != " ".join(["sha256", *map(digits, plan)]):
        return Told()
    hellos = [*_hellos(shards[0])]
    if any([*_hellos(one)] != hellos for one in shards):
        return Told(remark="a target ran in different environments")
    names = {hello.target.backend for hello in hellos}
    sources = [*selection.backends(backends)] if backends else []
    sources += [name for name in available() if name in names]
    if lacking := sorted(names - {called(name).rpartition(":")[2] for name in sources}):
        return Told(remark=f"{lacking[0]} is no installed backend; name it: --backend")
    ledger = Ledger(
        {name: known(name) for name in sources},
        asked,
        {hello.target: hello for hello in hellos},
        complete=True,
    )
    return _judged(ledger, shards, [str(hello.target) for hello in hellos])


def _hellos(run: Run) -> Iterator[Hello]:
    """Yield what a file says of the targets that ran, and which others their backends have."""
    absent = [selection.target(one.target) for one in run.header.targets if not one.available]
    for one in run.header.targets:
        if one.available:
            target, environment = selection.target(one.target), one.environment
            others = tuple(Unavailable(it, "") for it in absent if it.backend == target.backend)
            yield Hello(target, one.version, others, (), environment, {}, {}, {}, {}, canary=True)


def _judged(ledger: Ledger, shards: Sequence[Run], targets: Sequence[str]) -> Told:
    for result in (result for run in shards for result in run.results):
        if not _is_same(ledger.judge(unjudged(result)), result):
            return Told(remark=f"{result.id} was judged by another list than that which is here")
    stale = (replace(entry, reason=near(entry.reason)) for entry in ledger.stale())
    # that there is no such target, every shard has told
    ran = (one for one in stale if any(fnmatchcase(it, one.entry.split("/")[3]) for it in targets))
    return Told(tuple(ran))


def _is_same(judged: Result, result: Result) -> bool:
    """Return whether the list of a backend says of a result what it said when it was measured."""
    if result.baseline:  # that speaks of what the list does not know
        return not judged.known
    return (judged.expectation, judged.known) == (result.expectation, result.known)
