"""What the page of one function shows: special values, errors against x, defaults."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from trysquare.record import FunctionRecord
from trysquare.result import Check, Outcome, Result, Symptom
from trysquare_reports import figures
from trysquare_reports.verdict import State, state, worst_state

_ERROR = "an error"

SHOWN = "float32"
"""The dtype whose numbers a table of special values shows where nothing else is said."""


@dataclass(frozen=True)
class Cell:
    """A named case on one target: the worst state of its dtypes, and the answer in one of them.

    `dtypes` are those in that state, first the one whose answer is shown; none where nothing is to
    be told apart. `want` is what should stand there, if the row does not say it.
    """

    state: State
    text: str
    dtypes: tuple[str, ...]
    want: str
    result: Result | None


@dataclass(frozen=True)
class Special:
    """A named case: what is wanted in one dtype, and what each target answers."""

    case: str
    dtype: str
    want: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Curve:
    """Largest errors in ULP against x, of one target in one dtype, where parameters differ of all.

    `points` are in the order of x; `limit` is the smallest of the limits at the worst elements, and
    `worst` the result with the largest error.
    """

    title: str
    dtype: str
    target: str
    points: tuple[tuple[float, float], ...]
    limit: float | None
    worst: Result


@dataclass(frozen=True)
class Default:
    """A parameter: what the spec says, and what each framework has instead."""

    name: str
    spec: str
    frameworks: tuple[tuple[str, bool], ...]


@dataclass(frozen=True)
class Kink:
    """Where there is no derivative: what it may be, and what it is on each target.

    `answers` has one text for each target: empty where it was not asked; with the dtypes of each
    where they differ.
    """

    where: str
    wrt: str
    allowed: tuple[str, ...]
    answers: tuple[str, ...]


def kinks(
    record: FunctionRecord, results: Iterable[Result], targets: Sequence[str]
) -> Iterator[Kink]:
    """Yield one row for each kink and each input, in the order of the spec."""
    told = [result for result in results if result.kinks]
    for where, wrt, allowed in record.kinks:
        found: defaultdict[str, dict[str, str]] = defaultdict(dict)
        for result in told:
            if result.wrt == wrt and where in result.kinks:
                answers = ", ".join(figures.plain(text) for text in result.kinks[where])
                found[result.target][result.dtype] = answers
        yield Kink(where, wrt, allowed, tuple(_by_dtype(found[target]) for target in targets))


def _by_dtype(answers: Mapping[str, str]) -> str:
    if len(set(answers.values())) <= 1:
        return next(iter(answers.values()), "")
    return "; ".join(f"{dtype}: {text}" for dtype, text in answers.items())


def special_values(results: Iterable[Result], targets: Sequence[str]) -> list[Special]:
    """Return one row for each named case, in the order of the spec."""
    found: defaultdict[str, list[Result]] = defaultdict(list)
    for result in results:
        if result.check is Check.CASES:
            found[result.case].append(result)
    return [_special(case, answers, targets) for case, answers in found.items()]


def curves(results: Iterable[Result]) -> Iterator[Curve]:
    """Yield what is drawn against x: sweeps one by one, of other checks one curve each."""
    found: defaultdict[tuple[str, str, str], list[Result]] = defaultdict(list)
    for result in results:
        if result.histogram:
            title = result.case if result.check is Check.SWEEP else str(result.check)
            found[title, result.dtype, result.target].append(result)
    for key, members in found.items():
        highest: dict[float, float] = {}
        for x, error in (point for result in members for point in result.histogram):
            if math.isfinite(x) and not math.isnan(error):
                highest[x] = max(error, highest.get(x, 0.0))
        limits = [result.worst.limit for result in members if result.worst is not None]
        worst = max(members, key=lambda result: result.max_ulp)
        yield Curve(*key, tuple(sorted(highest.items())), min(limits, default=None), worst)


def defaults(record: FunctionRecord) -> list[Default]:
    """Return one row for each parameter, with a cell for each framework that states defaults."""
    return [
        Default(
            name,
            spec,
            tuple(
                (stated.get(name, ""), bool(stated.get(name)) and not _same(stated[name], spec))
                for stated in record.framework_defaults.values()
            ),
        )
        for name, spec in record.parameters.items()
    ]


def _same(stated: str, spec: str) -> bool:
    return _bare(stated) == _bare(spec.partition(",")[0])


def _bare(text: str) -> str | float:
    text = text.strip().strip("'\"").lower()
    try:
        return float(text)
    except ValueError:
        return text


def _special(case: str, results: Sequence[Result], targets: Sequence[str]) -> Special:
    dtypes = [result.dtype for result in results]
    dtype = SHOWN if SHOWN in dtypes else dtypes[0]
    want = _wanted([result for result in results if result.dtype == dtype])
    by_target = ([r for r in results if r.target == target] for target in targets)
    return Special(case, dtype, want, tuple(_cell(them, dtype, want) for them in by_target))


def _wanted(results: Sequence[Result]) -> str:
    """Return the expected answer; results keep one element of several, each its own."""
    if any(_refused(result) or result.symptom is Symptom.ACCEPTED for result in results):
        return _ERROR
    conforming = [result for result in results if result.outcome is Outcome.CONFORMS]
    if any(result.count == 0 for result in conforming):
        return "no elements"
    count = max((result.count for result in results), default=0)
    if count > 1:
        return f"{count} numbers"
    return next((result.worst.want.decimal for result in results if result.worst), "")


def _refused(result: Result) -> bool:
    """Return whether an error was right: one answer was due, and none was measured."""
    return result.outcome is Outcome.CONFORMS and result.count == 1 and result.worst is None


def _cell(results: Sequence[Result], dtype: str, want: str) -> Cell:
    worst = worst_state(results)
    members = [result for result in results if state(result) is worst]
    # the dtype of the row first; otherwise as they come
    members.sort(key=lambda result: result.dtype != dtype)
    if not members or worst is State.UNSUPPORTED:
        return Cell(worst, "", (), "", None)
    shown = members[0]
    if worst is State.PASS:
        other = () if shown.dtype == dtype else (shown.dtype,)
        return Cell(worst, _passed(shown), other, "", None)
    dtypes = tuple(result.dtype for result in members)
    if shown.worst is None:
        return Cell(worst, str(shown.symptom or shown.outcome), dtypes, "", shown)
    wanted = shown.worst.want.decimal
    if shown.count > 1:
        wanted += f" at {[*shown.worst.index]}"
    missing = "" if wanted == want else wanted
    return Cell(worst, shown.worst.got.decimal, dtypes, missing, shown)


def _passed(result: Result) -> str:
    if _refused(result):
        return _ERROR
    if result.count > 1:
        return f"all {result.count}"
    return "" if result.worst is None else result.worst.got.decimal
