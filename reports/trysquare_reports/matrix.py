"""The matrix of functions and targets: in each cell the worst state and one number."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from trysquare.difference import Change, Delta
from trysquare.record import Run
from trysquare.result import Result
from trysquare_reports import changes, figures
from trysquare_reports.verdict import State, closeness, state

_LEVELS = {Change.REGRESSED: 4, Change.NEW: 4, Change.STALE: 3, Change.ACCEPTED: 2, Change.WORSE: 1}

OWN, ARRANGED = "◆", "◇"
"""A function of the framework that is called as it is, or after tensors got another form."""

_WIDEST = 16
"""Columns up to which each dtype has its own."""


@dataclass(frozen=True)
class Column:
    """One target, or one dtype of it."""

    target: str
    dtype: str | None


@dataclass(frozen=True)
class Cell:
    """The worst state of a function in a column, a number, and the same in words.

    `slack` is the largest error where it conforms, relative to the limit; `coverage` how much of
    what was asked has an answer; `change` what became of it since another run: each a level from 0
    (as it should be) to 4, and a text, which is empty where there is nothing to say.
    """

    state: State
    number: str
    words: str
    slack: tuple[int, str] = (0, "")
    coverage: tuple[int, str] = (0, "")
    change: tuple[int, str] = (0, "")


@dataclass(frozen=True)
class Row:
    """One function."""

    function: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Matrix:
    """Columns, and rows by category; `heads` are (target, number of its columns)."""

    heads: tuple[tuple[str, int], ...]
    columns: tuple[Column, ...]
    groups: tuple[tuple[str, tuple[Row, ...]], ...]


def matrix(run: Run, deltas: Mapping[str, Delta] | None = None) -> Matrix:
    """Return the matrix of the targets that ran, in the order of the header."""
    columns = tuple(_columns(run))
    split = any(column.dtype is not None for column in columns)
    heads = tuple((name, len([*them])) for name, them in groupby(columns, lambda c: c.target))
    found: defaultdict[tuple[str, str, str | None], list[Result]] = defaultdict(list)
    for result in run.results:
        found[result.function, result.target, result.dtype if split else None].append(result)
    arranged = {(one.function, name) for one in run.functions for name in one.arranged}
    category = {record.function: record.category for record in run.functions}
    functions = dict.fromkeys([*category, *(result.function for result in run.results)])
    rows: defaultdict[str, list[Row]] = defaultdict(list)
    for name in functions:
        cells = tuple(
            _cell(
                found[name, column.target, column.dtype],
                deltas or {},
                arranged=(name, column.target.partition(":")[0]) in arranged,
            )
            for column in columns
        )
        rows[category.get(name, "")].append(Row(name, cells))
    groups = tuple((name, tuple(members)) for name, members in sorted(rows.items()))
    return Matrix(heads, columns, groups)


def _columns(run: Run) -> Iterator[Column]:
    targets = [target.target for target in run.header.targets if target.available]
    dtypes = dict.fromkeys(result.dtype for result in run.results)
    split = len(dtypes) > 1 and len(targets) * len(dtypes) <= _WIDEST
    for target in targets:
        for dtype in dtypes if split else (None,):
            yield Column(target, dtype)


def _cell(results: Sequence[Result], deltas: Mapping[str, Delta], *, arranged: bool) -> Cell:
    counts = Counter(map(state, results))
    worst = min(counts, key=lambda kind: kind.rank, default=State.NOT_RUN)
    words = ", ".join(f"{counts[kind]} {kind}" for kind in State if counts[kind]) or "not run"
    covered = _coverage(counts, arranged=arranged)
    if not counts[State.PASS] and worst in (State.UNSUPPORTED, State.NOT_RUN):
        return Cell(worst, "", words, coverage=covered)
    share = closeness(results)
    close = "" if share is None else figures.percent(share)
    words += f"; largest error where it conforms {close} of its limit" if close else ""
    words += f"; largest error {figures.ulp(max(result.max_ulp for result in results))} ULP"
    number = close if worst is State.PASS else figures.whole(counts[worst])
    slack = (0, "") if share is None else (min(4, int(share * 5)), close)
    return Cell(worst, number, words, slack, covered, _change(results, deltas))


def _coverage(counts: Counter[State], *, arranged: bool) -> tuple[int, str]:
    asked = counts.total()
    if not asked:
        return 4, ""
    answered = asked - counts[State.UNSUPPORTED]
    if not answered:
        return 4, State.UNSUPPORTED.symbol
    way = ARRANGED if arranged else OWN
    return 4 - int(4 * answered / asked), f"{way} {figures.percent(answered / asked)}"


def _change(results: Sequence[Result], deltas: Mapping[str, Delta]) -> tuple[int, str]:
    found = [deltas[result.id] for result in results if result.id in deltas]
    if not found:
        return 0, ""
    change, count = changes.worst(found)
    level = _LEVELS.get(change, 0)
    return level, changes.SYMBOLS[change] + ("" if change is Change.SAME else str(count))
