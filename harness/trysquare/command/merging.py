"""Several results files as one: the shards of a run, and the runs of several frameworks.

What cannot stand side by side is refused; what is missing is told.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from trysquare.dtypes import FORMATS
from trysquare.errors import UsageError
from trysquare.planning.shards import Shard
from trysquare.record import Costs, Footer, FunctionRecord, Header, Run, TargetRecord
from trysquare.recorder import digits
from trysquare.result import Check, Result
from trysquare.sweep import shares

MOST_TOLD = 10
"""Ids that two files have, of which so many are told."""


@dataclass(frozen=True)
class Merged:
    """The runs as one, without footer where something is missing, and what that is.

    Of a sweep that was dealt to several, results have to be made yet of its `parts`.
    """

    run: Run
    missing: tuple[str, ...]
    remarks: tuple[str, ...]
    parts: bool = False


def merge(runs: Mapping[str, Run], expected: int | None = None) -> Merged:
    """Return the runs of several files as one, its results in the order of a single run.

    `expected` is how many files there should be; a framework without any file tells of none.

    Raises UsageError, with the names of the files, where specs, seed, Trysquare or the version of a
    target differ, and where two files have a result in common.
    """
    headers = {name: run.header for name, run in runs.items()}
    swept = shares.partial(runs)
    lacking = [*_missing_parts(runs)] if swept else [*_unended(runs), *_missing_shards(headers)]
    faults = [*_mixed(headers), *_versions(headers), *_doubled(runs)]
    if swept:
        faults += shares.faults(runs, complete=not lacking)
    if faults:
        raise UsageError("\n  ".join(["these files are not of one run:", *faults]))
    header = _header([*headers.values()])
    functions = _functions(run.functions for run in runs.values())
    missing = (
        *_missing_files(len(runs), expected),
        *lacking,
        *_broken(headers),
    )
    results = _ordered(chain.from_iterable(run.results for run in runs.values()), header, functions)
    footer = None if missing else _footer(run.footer for run in runs.values() if run.footer)
    if swept:  # all files have the same
        header = replace(header, plan=next(iter(headers.values())).plan)
    parts = tuple(chain.from_iterable(run.parts for run in runs.values()))
    run = Run(header, functions, results, footer, parts)
    return Merged(run, missing, tuple(_remarks(headers)), parts=swept)


def _mixed(headers: Mapping[str, Header]) -> Iterator[str]:
    """Yield what all files must have in common and have not."""
    parts: dict[str, Callable[[Header], str]] = {
        "specs": lambda header: header.specs,
        "seed": lambda header: str(header.seed),
        "version of trysquare": lambda header: header.trysquare,
    }
    for what, part in parts.items():
        files: defaultdict[str, list[str]] = defaultdict(list)
        for name, header in headers.items():
            files[part(header)].append(name)
        if len(files) > 1:
            sides = (f"{value} in {', '.join(names)}" for value, names in files.items())
            yield f"another {what}: {'; '.join(sides)}"


def _versions(headers: Mapping[str, Header]) -> Iterator[str]:
    first: dict[str, tuple[str, str]] = {}
    for name, header in headers.items():
        for target in header.targets:
            if not target.available:
                continue
            file, version = first.setdefault(target.target, (name, target.version))
            if version != target.version:
                yield f"{target.target} is {version} in {file} and {target.version} in {name}"


def _doubled(runs: Mapping[str, Run]) -> Iterator[str]:
    first: dict[str, str] = {}
    found = []
    for name, run in runs.items():
        for result in run.results:
            if result.id in first:
                found.append(f"{result.id} is in {first[result.id]} and in {name}")
            first[result.id] = name
    yield from found[:MOST_TOLD]
    if found[MOST_TOLD:]:
        yield f"and {len(found) - MOST_TOLD} more results are in two files"


def _missing_files(count: int, expected: int | None) -> Iterator[str]:
    if expected is not None and count < expected:
        yield f"missing: {expected - count} of {expected} files"


def _unended(runs: Mapping[str, Run]) -> Iterator[str]:
    for name, run in runs.items():
        if run.footer is None:
            yield f"{name}: the run did not end"


def _missing_parts(runs: Mapping[str, Run]) -> Iterator[str]:
    """Yield what lacks for a whole sweep; which files have what is no matter if nothing does."""
    plan = f"sha256 {digits(shares.held(runs.values()))}"
    where = shares.gap(runs)
    # the digits are of where numbers begin and end: they do not tell of what lacks in between
    if not where and all(run.header.plan == plan for run in runs.values()):
        return
    yield from _missing_shards({name: run.header for name, run in runs.items()})
    yield from _unended({name: run for name, run in runs.items() if run.header.shard})
    yield f"missing: parts of the sweep{f', the first of them {where}' if where else ''}"


def _missing_shards(headers: Mapping[str, Header]) -> Iterator[str]:
    """Yield the parts that are not there, of each run that was dealt to several."""
    found: defaultdict[tuple[frozenset[str], str, int], defaultdict[str, dict[int, str]]]
    found = defaultdict(lambda: defaultdict(dict))
    for name, header in headers.items():
        if header.shard:
            shard = Shard.read(header.shard)
            names = frozenset(target.target for target in header.targets)
            _, asked, whom, *_ = *header.plan.split(), "", "", ""  # the same by all parts
            found[names, asked, shard.parts][whom][shard.part] = name
    for (names, _, parts), runs in found.items():
        for there in _runs(headers, parts, [*runs.values()]):
            absent = [part for part in range(1, parts + 1) if part not in there]
            if absent:
                shards = ", ".join(str(Shard(part, parts)) for part in absent)
                yield f"missing: {shards} of the run on {', '.join(sorted(names))}"
            yield from _missing_targets({name: headers[name] for name in there.values()})


def _runs(
    headers: Mapping[str, Header], parts: int, runs: Sequence[dict[int, str]]
) -> Iterator[Mapping[int, str]]:
    """Yield the parts of each run, if files whose targets are not the same are of several.

    Where machines differ in what is there, parts are of one run that were asked of what was there:
    what then lacks are the targets.
    """
    halves = [run for run in runs if len(run) < parts]
    there = {_ran(headers[name]) for run in halves for name in run.values()}
    if len(there) > 1:
        yield from (run for run in runs if len(run) == parts)
        yield {part: name for run in halves for part, name in run.items()}
    else:
        yield from runs


def _ran(header: Header) -> frozenset[str]:
    return frozenset(target.target for target in header.targets if target.available)


def _missing_targets(headers: Mapping[str, Header]) -> Iterator[str]:
    """Yield the targets that ran in some shards of a run only."""
    ran = {name: _ran(header) for name, header in headers.items()}
    for target in sorted(set().union(*ran.values())):
        lacking = [name for name, there in ran.items() if target not in there]
        if lacking:
            yield f"missing: {target} in {', '.join(lacking)}"


def _broken(headers: Mapping[str, Header]) -> Iterator[str]:
    """Yield what was broken in one file and is there in another; the rest the run itself tells."""
    ran = {
        name
        for header in headers.values()
        for target in header.targets
        if target.available
        for name in (target.target, target.target.rsplit(":", 2)[0])
    }
    for file, header in headers.items():
        for target in header.targets:
            if target.broken and target.target in ran:
                yield f"{file}: {target.target} was broken: {target.reason}"


def _remarks(headers: Mapping[str, Header]) -> Iterator[str]:
    """Yield where a target ran in different environments, such as on two kinds of CPU."""
    seen: defaultdict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    for header in headers.values():
        for target in header.targets:
            if target.available:
                for key, value in target.environment.items():
                    seen[target.target, key][value] = None
    for (name, key), values in seen.items():
        if len(values) > 1:
            yield f"{name}: {key} is not the same in all files: {', '.join(values)}"


def _header(headers: Sequence[Header]) -> Header:
    first = headers[0]
    everything: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for header in headers:
        for key, value in header.environment.items():
            everything[key][value] = None
    return replace(
        first,
        started=min(header.started for header in headers),
        targets=_targets(header.targets for header in headers),
        environment={key: " | ".join(values) for key, values in everything.items()},
        shard="",
        plan="",
    )


def _targets(lists: Iterable[Sequence[TargetRecord]]) -> tuple[TargetRecord, ...]:
    """Return each target once: as it ran, if it ran anywhere; then those that ran nowhere."""
    found: dict[str, TargetRecord] = {}
    for target in chain.from_iterable(lists):
        known = found.get(target.target)
        if known is None or (target.available, target.broken) > (known.available, known.broken):
            found[target.target] = target
    ran = {target.target.rsplit(":", 2)[0] for target in found.values() if target.available}
    return (
        *(target for target in found.values() if target.available),
        # a whole backend that one file lacks, and another has
        *(one for one in found.values() if not one.available and one.target not in ran),
    )


def _functions(lists: Iterable[Sequence[FunctionRecord]]) -> tuple[FunctionRecord, ...]:
    """Return each function once, in alphabetical order, with what every file says of its calls."""
    found: dict[str, FunctionRecord] = {}
    for record in chain.from_iterable(lists):
        known = found.get(record.function)
        found[record.function] = record if known is None else _joined(known, record)
    return tuple(sorted(found.values(), key=lambda record: record.place))


def _joined(one: FunctionRecord, other: FunctionRecord) -> FunctionRecord:
    measured = {(usage.target, usage.dtype) for usage in one.usages}
    fresh = (usage for usage in other.usages if (usage.target, usage.dtype) not in measured)
    return replace(
        one,
        calls={**other.calls, **one.calls},
        framework_defaults={**other.framework_defaults, **one.framework_defaults},
        usages=(*one.usages, *fresh),
    )


def _ordered(
    results: Iterable[Result], header: Header, functions: Sequence[FunctionRecord]
) -> tuple[Result, ...]:
    """Return results as a single run orders them: by function, check, dtype, target."""
    functional = {record.function: place for place, record in enumerate(functions)}
    checks = {check: place for place, check in enumerate(Check)}
    dtypes = {dtype: place for place, dtype in enumerate(FORMATS)}
    targets = {target.target: place for place, target in enumerate(header.targets)}

    def place(result: Result) -> tuple[int, int, int, int]:
        return (
            functional.get(result.function, len(functional)),
            checks[result.check],
            dtypes.get(result.dtype, len(dtypes)),
            # a hunt asks all targets of one thing after the other
            0 if result.check is Check.HUNT else targets.get(result.target, len(targets)),
        )

    return tuple(sorted(results, key=place))


def _footer(footers: Iterable[Footer]) -> Footer:
    ended = tuple(footers)
    counts: Counter[str] = Counter()
    for footer in ended:
        counts.update(footer.counts)
    return Footer(
        counts=dict(counts),
        stale=tuple(dict.fromkeys(chain.from_iterable(footer.stale for footer in ended))),
        seconds=round(sum(footer.seconds for footer in ended), 3),
        finished=max(footer.finished for footer in ended),
        costs=_costs([footer.costs for footer in ended if footer.costs is not None], len(ended)),
    )


def _costs(known: Sequence[Costs], files: int) -> Costs | None:
    """Return what runs on equal machines cost, each of which had a start."""
    if (
        len(known) < files
        or len({(one.cores, one.processes, one.evaluations) for one in known}) != 1
    ):
        return None
    return replace(
        known[0],
        start=max(one.start for one in known),
        described=max(one.described for one in known),
        finish=sum(one.finish for one in known),
    )
