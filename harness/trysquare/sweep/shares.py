"""A sweep in several files: what was asked of whom, and do the parts that they hold make it up?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from trysquare.planning.shards import Shard
from trysquare.record import Run
from trysquare.result import Check, Result
from trysquare.sweep.segment import Part

Key = tuple[str, str, bool, str]
"""Function, dtype, whether it is the derivative, target."""

Span = tuple[str, bool, int, str]
"""The dtype of a job, whether it is of a derivative, where its numbers begin, and the function.

So are jobs dealt: how long one takes depends on its numbers more than on its function.
"""


def key(part: Part) -> Key:
    """Return what was asked of whom."""
    return part.function, part.dtype, part.gradient, part.target


def span(part: Part) -> Span:
    """Return the job that a part is of."""
    return part.dtype, part.gradient, part.segment.start, part.function


def asked(ranges: Mapping[Key, tuple[int, int]], pairs: Iterable[tuple[str, str, str, str]]) -> str:
    """Return all that a sweep asks as text: positions of whom, and pairs of what of whom."""
    numbers = (f"{' '.join(map(str, who))} {start} {stop}" for who, (start, stop) in ranges.items())
    return "\n".join(sorted([*numbers, *(" ".join(one) for one in pairs)]))


def pair(result: Result) -> tuple[str, str, str, str]:
    """Return what the result of a sweep of pairs is of."""
    return result.function, result.dtype, result.case, result.target


def held(runs: Iterable[Run]) -> str:
    """Return all that several files have answered, as `asked` does."""
    ranges: dict[Key, tuple[int, int]] = {}
    pairs: dict[tuple[str, str, str, str], None] = {}
    for run in runs:
        pairs.update(dict.fromkeys(map(pair, run.results)))
        for part in run.parts:
            start, stop = ranges.get(key(part), (part.segment.start, part.segment.stop))
            ranges[key(part)] = min(start, part.segment.start), max(stop, part.segment.stop)
    return asked(ranges, pairs)


def partial(runs: Mapping[str, Run]) -> bool:
    """Tell whether files hold parts of a sweep, of which results have to be made yet."""
    return any(
        run.parts or (run.header.shard and any(one.check is Check.SWEEP for one in run.results))
        for run in runs.values()
    )


def faults(runs: Mapping[str, Run], *, complete: bool) -> Iterator[str]:
    """Yield why files are not parts of one sweep; `complete` says that nothing is missing."""
    plans: defaultdict[str, list[str]] = defaultdict(list)
    labels: defaultdict[str, list[str]] = defaultdict(list)
    for name, run in runs.items():
        plans[run.header.plan].append(name)
        if run.header.shard:
            labels[run.header.shard].append(name)
    if len(plans) > 1:
        sides = "; ".join(", ".join(names) for names in plans.values())
        yield f"other functions, numbers or targets were swept: {sides}"
    for label, names in labels.items():
        if len(names) > 1:
            yield f"{' and '.join(names)} are both {label}"
    yield from _doubled(runs)
    if complete:
        yield from _mislabelled(runs)


def _doubled(runs: Mapping[str, Run]) -> Iterator[str]:
    """Yield what two files have answered, once for each two files."""
    told = set()
    for who, parts in _sorted(runs).items():
        for (one, first), (other, second) in pairwise(parts):
            files = frozenset({one, other})
            if second.segment.start < first.segment.stop and files not in told:
                told.add(files)
                where = f"{_words(who)} from position {second.segment.start}"
                yield f"{where} is in {one} and in {other}"


def gap(runs: Mapping[str, Run]) -> str:
    """Return the first numbers, between others, that no file has; nothing if there are none."""
    for who, parts in _sorted(runs).items():
        for (_, first), (_, second) in pairwise(parts):
            if first.segment.stop < second.segment.start:
                where = f"positions {first.segment.stop} to {second.segment.start}"
                return f"{_words(who)}, {where}"
    return ""


def _mislabelled(runs: Mapping[str, Run]) -> Iterator[str]:
    """Yield the files that hold other parts than they say; all parts must be there."""
    spans = sorted({span(part) for run in runs.values() for part in run.parts})
    for name, run in runs.items():
        if run.header.shard:
            mine = Shard.read(run.header.shard).deal(spans, lambda one: one)
            if {*mine} != {span(part) for part in run.parts}:
                yield f"{name} says that it is {run.header.shard}, and is not"


def _sorted(runs: Mapping[str, Run]) -> dict[Key, Sequence[tuple[str, Part]]]:
    """Return the parts by whom they are of, in the order of their numbers, with their files."""
    found: defaultdict[Key, list[tuple[str, Part]]] = defaultdict(list)
    for name, run in runs.items():
        for part in run.parts:
            found[key(part)].append((name, part))
    return {
        who: sorted(parts, key=lambda one: one[1].segment.start) for who, parts in found.items()
    }


def _words(who: Key) -> str:
    function, dtype, gradient, target = who
    return f"{'d ' if gradient else ''}{function} {dtype} on {target}"
