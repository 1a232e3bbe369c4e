"""What the page of one function shows: special values, errors against x, defaults."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from trysquare.result import Check, FunctionRecord, Result
from trysquare_reports import plot
from trysquare_reports.verdict import State, state, worst_state


@dataclass(frozen=True)
class Special:
    """A named case on one target: the worst state of its dtypes, and each result behind it."""

    state: State
    shown: Result | None
    dtypes: tuple[str, ...]


@dataclass(frozen=True)
class Panel:
    """Error against x in one dtype, and the same as text."""

    dtype: str
    figure: Markup
    maxima: tuple[tuple[str, int, Result], ...]


@dataclass(frozen=True)
class Default:
    """A parameter: what the spec says, and what each framework has instead."""

    name: str
    spec: str
    frameworks: tuple[tuple[str, bool], ...]


def special_values(
    results: Iterable[Result], targets: Sequence[str]
) -> list[tuple[str, list[Special]]]:
    """Return, for each named case in the order of the spec, one cell for each target."""
    found: defaultdict[str, defaultdict[str, list[Result]]]
    found = defaultdict(lambda: defaultdict(list))
    for result in results:
        if result.check is Check.CASES:
            found[result.case][result.target].append(result)
    return [
        (case, [_special(answers[target]) for target in targets]) for case, answers in found.items()
    ]


def panels(results: Iterable[Result], check: Check, targets: Sequence[str]) -> Iterator[Panel]:
    """Yield one plot for each dtype; their maximum where parameters differ."""
    found: defaultdict[str, defaultdict[str, list[Result]]]
    found = defaultdict(lambda: defaultdict(list))
    for result in results:
        if result.check is check and result.histogram:
            found[result.dtype][result.target].append(result)
    for dtype, answers in found.items():
        series = [
            plot.Series(target, number, [point for r in answers[target] for point in r.histogram])
            for number, target in enumerate(targets)
            if target in answers
        ]
        worst = [
            (target, number, max(answers[target], key=lambda result: result.max_ulp))
            for number, target in enumerate(targets)
            if target in answers
        ]
        limits = [r.worst.limit for rs in answers.values() for r in rs if r.worst is not None]
        title = f"error in ULP against x, {dtype}"
        figure = plot.error_figure(title, series, min(limits, default=None))
        yield Panel(dtype, figure, tuple(worst))


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


def _special(results: Sequence[Result]) -> Special:
    worst = worst_state(results)
    members = [result for result in results if state(result) is worst]
    shown = next((result for result in members if result.worst is not None), None)
    return Special(worst, shown or next(iter(members), None), tuple(r.dtype for r in members))
