"""What the pages of one function show, as one piece of data that is read when it is opened."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

from trysquare.record import FunctionRecord, Json
from trysquare.result import Check, Result
from trysquare_reports import figures, function_page, markup, usage
from trysquare_reports.columns import Table
from trysquare_reports.details import detail, error
from trysquare_reports.hunted import hunted
from trysquare_reports.verdict import ALARMING, State, state

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_STEPS = 16
"""Levels of an error for each factor of two of 1 + error: what a drawing can show."""

_INFINITE = len(_DIGITS) ** 2 - 1


def chunk(
    function: str,
    results: Sequence[Result],
    table: Table,
    accused: Mapping[str, str],
    scripted: Container[str],
) -> Json:
    """Return a function's record, its results that do not simply pass, by row, and its tables."""
    record = next((r for r in table.run.functions if r.function == function), None)
    grids: dict[tuple[float, ...], int] = {}
    shown = ALARMING | {State.KNOWN}
    return {
        "record": {} if record is None else _record(record),
        "details": {
            table.index[result.id]: detail(
                result, accused.get(result.id, ""), scripted=result.id in scripted
            )
            for result in results
            if state(result) in shown
        },
        "special": [*_special(results, table)],
        "kinks": [] if record is None else [*_kinks(record, results, table)],
        "curves": [_curve(curve, table, grids) for curve in function_page.curves(results)],
        "grids": [*map(list, grids)],
        "sweeps": [*_sweeps(results, table)],
        "hunted": [*_hunted(results, table)],
    }


def _record(record: FunctionRecord) -> Json:
    return {
        "category": record.category,
        "place": record.place,
        "summary": record.summary,
        "source": record.source,
        "tolerance": record.tolerance,
        "formulas": [(name, text, markup.tree(it)) for name, text, it in record.formulas],
        "drawn": record.curves,
        "calls": [*record.calls.items()],
        "frameworks": [*record.framework_defaults],
        "defaults": [
            (row.name, row.spec, row.frameworks) for row in function_page.defaults(record)
        ],
        "usage": [row.cells()[1:] for row in usage.rows([record])],
        "dialects": [row[1:] for row in usage.dialects([record])],
    }


def _special(results: Iterable[Result], table: Table) -> Iterator[tuple[object, ...]]:
    for row in function_page.special_values(results, table.targets):
        cells = [
            (
                [*State].index(cell.state),
                cell.text,
                cell.want,
                " ".join(cell.dtypes),
                -1 if cell.result is None else table.index[cell.result.id],
            )
            for cell in row.cells
        ]
        yield row.case, row.dtype, row.want, cells


def _kinks(
    record: FunctionRecord, results: Iterable[Result], table: Table
) -> Iterator[tuple[object, ...]]:
    for kink in function_page.kinks(record, results, table.targets):
        yield kink.where, kink.wrt, kink.allowed, kink.answers


def _curve(
    curve: function_page.Curve, table: Table, grids: dict[tuple[float, ...], int]
) -> tuple[object, ...]:
    grid = tuple(float(f"{x:.6g}") for x, _ in curve.points)
    worst = curve.worst
    return (
        curve.title,
        curve.dtype,
        table.targets.index(curve.target),
        grids.setdefault(grid, len(grids)),
        "".join(_level(error) for _, error in curve.points),
        None if curve.limit is None or math.isinf(curve.limit) else curve.limit,
        figures.ulp(worst.max_ulp),
        _nearest(worst),
        table.index[worst.id],
    )


def _level(error: float) -> str:
    """Return two digits for an error: the logarithm of 1 + error, the last level for infinity."""
    level = _INFINITE if math.isinf(error) else round(_STEPS * math.log2(1 + max(0.0, error)))
    high, low = divmod(min(level, _INFINITE), len(_DIGITS))
    return _DIGITS[high] + _DIGITS[low]


def _nearest(result: Result) -> str:
    if result.worst is None:
        return ""
    inputs = ", ".join(f"{name} = {it.decimal}" for name, it in result.worst.inputs.items())
    return f"{error(result)}, where {figures.ulp(result.worst.limit)} are allowed, at {inputs}"


def _sweeps(results: Iterable[Result], table: Table) -> Iterator[tuple[object, ...]]:
    for result in results:
        if result.check is not Check.SWEEP:
            continue
        sweep, figure = result.sweep, ""
        if sweep is not None:
            share = figures.exact_percent(sweep.inexact, result.count)
            figure = f"{figures.whole(sweep.inexact)} ({share})"
        largest = f"{figures.ulp(result.max_ulp)} ULP" if figure else result.reason
        yield (
            table.index[result.id],
            result.case,
            figures.whole(result.count),
            figure,
            largest,
            figures.whole(result.failed),
        )


def _hunted(results: Iterable[Result], table: Table) -> Iterator[tuple[object, ...]]:
    for row in hunted(results):
        yield table.index[row.result.id], row.error, row.input, row.alone or "the same"


def scripts(results: Iterable[Result], most: int) -> set[str]:
    """Return the ids of the first results whose reproductions are not longer than `most`, all."""
    lengths = ((result.id, len(result.reproduction)) for result in results if result.reproduction)
    total, kept = 0, set()
    for identity, length in lengths:
        total += length
        if total > most:
            break
        kept.add(identity)
    return kept


def by_function(results: Iterable[Result]) -> Mapping[str, list[Result]]:
    """Return the results of each function, in their order."""
    found: dict[str, list[Result]] = {}
    for result in results:
        found.setdefault(result.function, []).append(result)
    return found
