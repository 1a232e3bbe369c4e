"""What a run, sweep or hunt took -> how long each unit of another takes, and what shards add."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Self

import numpy as np

from trysquare.backend import Target
from trysquare.command import selection
from trysquare.dtypes import FORMATS
from trysquare.errors import UsageError
from trysquare.planning.forecast import Forecast, Unit
from trysquare.planning.plan import RUN, Group
from trysquare.planning.shards import kind_of
from trysquare.record import Costs, Run
from trysquare.result import Check, Outcome, Result
from trysquare.sweep.campaign import Sweeping, by_name
from trysquare.sweep.pairs import Pairs

MADE_BY: Mapping[str, Collection[Check]] = {
    "run": RUN,
    "sweep": (Check.SWEEP,),
    "hunt": (Check.HUNT,),
}
"""The checks of the results of each command."""


@dataclass(frozen=True)
class Measured:
    """What a run took: its costs, all seconds from the first question on, and on which targets.

    `name` is what it goes by: its file.
    """

    name: str
    run: Run
    costs: Costs
    seconds: float
    targets: frozenset[str]

    @classmethod
    def of(cls, run: Run, wanted: Sequence[Target], name: str) -> Self:
        """Return what a run says of itself, of the wanted targets or of all.

        Raises UsageError if it does not say what it cost, or has none of these targets.
        """
        if run.footer is None:
            raise UsageError(f"{name}: this run did not end")
        if run.footer.costs is None:
            raise UsageError(
                f"{name}: does not say how long it took to start; a run from the command line does "
                "that was not resumed, on one machine, and its shards together"
            )
        there = [selection.target(one.target) for one in run.header.targets if one.available]
        targets = frozenset(map(str, selection.among(wanted, there)))
        if not targets:
            raise UsageError(f"{name}: none of these targets was measured")
        return cls(name, run, run.footer.costs, run.footer.seconds, targets)


def of_run(measured: Measured, groups: Sequence[Group]) -> tuple[Forecast, int]:
    """Return what is to be expected of a run, and how many of its groups are guessed.

    What a run takes beyond the calls (the truth, the comparison, scripts) is spread over all its
    answers. A group that was not measured takes as long as the mean one of its check and dtype.
    Raises UsageError if no run was measured, or none of these targets.
    """
    results = [one for one in measured.run.results if one.check in RUN]
    if not results:
        raise _another(measured, "run")
    calls = sum(one.seconds for one in results)
    answers = sum(one.outcome is not Outcome.UNSUPPORTED for one in results)
    rest = max(0.0, measured.costs.cores * measured.seconds - calls) / max(1, answers)
    pace = measured.seconds / max(calls + rest * answers, 1e-9)
    found: defaultdict[str, list[Result]] = defaultdict(list)
    for result in results:
        if result.target in measured.targets:
            found[f"{result.function}/{result.check}/{result.dtype}"].append(result)
    times = {name: _group(some, rest, pace) for name, some in found.items()}
    if not times:
        raise UsageError("no group was measured on these targets")
    kinds: defaultdict[tuple[str, ...], list[tuple[float, float]]] = defaultdict(list)
    for name, time in times.items():
        _, check, dtype = name.split("/")
        for wider in ((check, dtype), (check,), ()):
            kinds[wider].append(time)
    means = {kind: _mean(some) for kind, some in kinds.items()}
    units, guessed = [], 0
    for group in groups:
        check, dtype, function = dealt_by = kind_of(group)
        known = times.get(group.name) or means.get((check, dtype))
        guessed += known is None
        beside, alone = known or means.get((check,)) or means[()]
        units.append(Unit(group.name, dealt_by, function, beside, alone))
    return Forecast(units, measured.costs.start, measured.costs.described), guessed


def _group(results: Sequence[Result], rest: float, pace: float) -> tuple[float, float]:
    """Return the seconds of a group beside others, and by itself: as its slowest target."""
    calls: defaultdict[str, float] = defaultdict(float)
    for result in results:
        calls[result.target] += result.seconds
    judged = rest * sum(one.outcome is not Outcome.UNSUPPORTED for one in results)
    beside = pace * (sum(calls.values()) + judged)
    return beside, max(beside, max(calls.values()) + judged)


def of_hunt(
    measured: Measured, groups: Sequence[Group], evaluations: int, *, gradient: bool
) -> tuple[Forecast, int]:
    """Return what is to be expected of a hunt, and how many of its groups are guessed.

    A group that was not measured takes as long as the mean one of its dtype. Raises UsageError if
    nothing of this kind was hunted, or with other evaluations.
    """
    hunted = [one for one in measured.run.results if one.check is Check.HUNT]
    if not hunted:
        raise _another(measured, "hunt")
    if measured.costs.evaluations != evaluations:
        raise UsageError(
            f"{measured.costs.evaluations:,} evaluations were measured, and {evaluations:,} are "
            "planned: plan as many (--evaluations), or measure anew"
        )
    # what is not in the times of results is spread over them
    pace = measured.seconds / max(sum(one.seconds for one in hunted), 1e-9)
    times: defaultdict[str, float] = defaultdict(float)
    for one in hunted:
        asked = one.outcome is not Outcome.UNSUPPORTED and bool(one.wrt) == gradient
        if asked and one.target in measured.targets:
            times[f"{one.function}/{one.check}/{one.dtype}"] += pace * one.seconds
    if not times:
        raise UsageError(f"no {'gradients' if gradient else 'values'} were hunted on these targets")
    dtypes: defaultdict[str, list[float]] = defaultdict(list)
    for name, time in times.items():
        dtypes[name.rpartition("/")[2]].append(time)
    units, guessed = [], 0
    for group in groups:
        known = times.get(group.name) or fmean(dtypes.get(group.format.name) or times.values())
        guessed += group.format.name not in dtypes
        units.append(Unit(group.name, kind_of(group), group.spec.function, known, known))
    return Forecast(units, measured.costs.start, measured.costs.described), guessed


def of_sweep(measured: Measured, sweeping: Sweeping) -> Forecast:
    """Return what is to be expected of a sweep.

    A job takes as long for each number as all of its function did, or else, as in a part of a
    sweep, as long as the mean job of its dtype. Raises UsageError if nothing was swept, or nothing
    of a dtype.
    """
    if not measured.run.parts and not any(one.check is Check.SWEEP for one in measured.run.results):
        raise _another(measured, "sweep")
    processes = max(1, measured.costs.processes)
    functions, kinds = _swept(measured)
    units = []
    for job in sweeping.spans(range(len(sweeping.subjects))):
        dtype, gradient, start, function = kind = sweeping.dealt_by(job)
        each = functions.get((function, dtype, gradient)) or kinds.get((dtype, gradient))
        if each is None:
            raise _unmeasured(f"{dtype}{', of derivatives' if gradient else ''}")
        alone = each * (job[2] - start)
        first = sweeping.subjects[job[0]].at(np.array([start]))[0]
        name = f"{'d ' if gradient else ''}{function} {dtype} from {first:.4g}"
        units.append(Unit(name, kind, function, alone / processes, alone))
    units += _pairs(measured, sweeping.pairs)
    costs = measured.costs
    return Forecast(units, costs.start, costs.described, costs.finish)


def _swept(
    measured: Measured,
) -> tuple[Mapping[tuple[str, str, bool], float], Mapping[tuple[str, bool], float]]:
    """Return seconds for each number: of functions that were swept whole, and of dtypes."""
    whole: defaultdict[tuple[str, str, bool], float] = defaultdict(float)
    sizes: dict[tuple[str, str, bool], int] = {}
    for result, gradient, size in _whole(measured):
        key = result.function, result.dtype, gradient
        whole[key] += result.seconds
        sizes[key] = size
    spent: defaultdict[tuple[str, bool], float] = defaultdict(float)
    numbers: Counter[tuple[str, bool]] = Counter()
    for (_, dtype, gradient), seconds in whole.items():
        spent[dtype, gradient] += seconds
    for (_, dtype, gradient), size in sizes.items():
        numbers[dtype, gradient] += size
    jobs = {}
    for part in measured.run.parts:
        if part.target in measured.targets:
            spent[part.dtype, part.gradient] += part.seconds
            job = part.function, part.dtype, part.gradient, part.segment.start
            jobs[job] = part.segment.count
    for (_, dtype, gradient, _), size in jobs.items():
        numbers[dtype, gradient] += size
    return (
        {key: seconds / sizes[key] for key, seconds in whole.items()},
        {kind: seconds / numbers[kind] for kind, seconds in spent.items()},
    )


def _whole(measured: Measured) -> Iterator[tuple[Result, bool, int]]:
    """Yield the results of functions of one number; is it a derivative? and of how many numbers."""
    for result in measured.run.results:
        if result.target in measured.targets and result.sweep is not None:
            format = FORMATS[result.dtype]
            ends = [int(end.bits, 16) for end in (result.sweep.low, result.sweep.high)]
            low, high = format.positions(np.array(ends, format.bits))
            yield result, result.case.startswith("d "), int(high) - int(low) + 1


def _pairs(measured: Measured, pairs: Sequence[Pairs]) -> Iterator[Unit]:
    found: defaultdict[tuple[str, str, str], float] = defaultdict(float)
    for result in measured.run.results:
        swept = result.check is Check.SWEEP and result.sweep is None
        if swept and result.target in measured.targets and result.case.endswith("pairs of numbers"):
            found[result.function, result.dtype, result.case] += result.seconds
    for one in pairs:
        name = one.spec.function, one.format.name, one.title
        if not found:
            raise _unmeasured("pairs of numbers")
        seconds = found.get(name) or fmean(found.values())
        yield Unit(" ".join(name), by_name(one), name[0], seconds, seconds, mirrored=True)


def _mean(times: Sequence[tuple[float, float]]) -> tuple[float, float]:
    beside, alone = zip(*times, strict=True)
    return fmean(beside), fmean(alone)


def _another(measured: Measured, wanted: str) -> UsageError:
    """Return what to say of the times of something else than is planned."""
    checks = {one.check for one in measured.run.results}
    there = [f"a {noun}" for noun, ours in MADE_BY.items() if not checks.isdisjoint(ours)]
    return UsageError(
        f"{measured.name} holds {' and '.join(there) or 'no results'}; a {wanted} is planned by "
        f"the times of a {wanted}, and `trysquare {wanted} ... -o FILE` writes them; without "
        "--from, a part of it is measured now"
    )


def _unmeasured(what: str) -> UsageError:
    return UsageError(f"nothing of {what} was measured; plan one dtype at a time")
