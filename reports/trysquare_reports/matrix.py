"""The matrix of functions and targets: in each cell the worst state and one number."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from trysquare.result import Result, Run
from trysquare_reports import figures
from trysquare_reports.verdict import State, closeness, state, worst_state

_WIDEST = 16
"""Columns up to which each dtype has its own."""


@dataclass(frozen=True)
class Column:
    """One target, or one dtype of it."""

    target: str
    dtype: str | None


@dataclass(frozen=True)
class Cell:
    """The worst state of a function in a column, a number, and the same in words."""

    state: State
    number: str
    words: str


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


def matrix(run: Run) -> Matrix:
    """Return the matrix of the targets that ran, in the order of the header."""
    columns = tuple(_columns(run))
    heads = tuple((name, len([*them])) for name, them in groupby(columns, lambda c: c.target))
    found: defaultdict[tuple[str, str, str | None], list[Result]] = defaultdict(list)
    for result in run.results:
        for dtype in (None, result.dtype):
            found[result.function, result.target, dtype].append(result)
    category = {record.function: record.category for record in run.functions}
    functions = dict.fromkeys([*category, *(result.function for result in run.results)])
    rows: defaultdict[str, list[Row]] = defaultdict(list)
    for name in functions:
        cells = tuple(_cell(found[name, column.target, column.dtype]) for column in columns)
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


def _cell(results: Sequence[Result]) -> Cell:
    worst = worst_state(results)
    counts = Counter(state(result) for result in results)
    words = ", ".join(f"{counts[kind]} {kind}" for kind in State if counts[kind]) or "not run"
    if not counts[State.PASS] and worst in (State.UNSUPPORTED, State.NOT_RUN):
        return Cell(worst, "", words)
    share = closeness(results)
    close = "" if share is None else figures.percent(share)
    words += f"; largest error where it conforms {close} of its limit" if close else ""
    words += f"; largest error {figures.ulp(max(result.max_ulp for result in results))} ULP"
    return Cell(worst, close if worst is State.PASS else figures.whole(counts[worst]), words)
