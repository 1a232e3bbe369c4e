"""A run as plain text: the summary that a terminal or a log shows, and the text of one failure."""

from __future__ import annotations

import textwrap
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import TextIO

from trysquare.baseline import budget_of
from trysquare.record import Run
from trysquare.result import Number, Outcome, Result, Worst
from trysquare_reports import blame, figures
from trysquare_reports.hunted import hunted
from trysquare_reports.verdict import (
    ALARMING,
    State,
    besides,
    broken,
    closeness,
    mismatch,
    one_line,
    peers,
    printable,
    seen_by_others,
    severity,
    state,
    tally,
    targets,
    verdict,
    wanted,
)

WIDTH = 100
_SPELLED_OUT = 10
"""Failures that a summary prints in full; the others get one line each."""

_DIFFERENT = 3
"""Questions of which a summary tells how far the answers are apart."""

ORDER = (
    (State.UNEXPECTED, "unexpected"),
    (State.ERROR, "error"),
    (State.STALE, "stale"),
    (State.KNOWN, "known"),
    (State.UNSUPPORTED, "unsupported"),
    (State.PASS, "pass"),
)
"""The states that are counted, and their words in a line of counts."""


def failure(result: Result, others: Sequence[Result] = ()) -> str:
    """Return the full text of a result that is not as it should be.

    `others` may hold any results; those of the same question on other targets are named.
    """
    lines = [*_heading(result)]
    if result.reason:
        lines += _wrapped(result.reason)
    if result.worst is not None:
        lines += _measured(result, result.worst)
    elif result.symptom is not None:
        lines += _wrapped(f"{result.symptom}{besides(result)}")
    if result.diagnosis:
        lines += _wrapped("diagnosis: " + result.diagnosis)
    asked = peers(result, others)
    agree = [_agreeing(other) for other in asked if other.outcome is Outcome.CONFORMS]
    if agree:
        lines += _wrapped("also run here and conforming: " + ", ".join(agree))
    elif asked:
        lines += _wrapped("also run here, and none conforms: " + _names(asked))
    if who := blame.sentence(result, asked):
        lines += _wrapped("blame: " + who)
    if seen := seen_by_others(result):
        lines += _wrapped("would others see it? " + seen)
    if result.known:
        lines += _wrapped("known: " + result.known)
    if result.reproduction:
        lines.append("  reproduce:")
        lines += textwrap.indent(result.reproduction.rstrip(), " " * 6).splitlines()
    return printable("\n".join(lines))


def render_summary(run: Run) -> str:
    """Return the whole summary; its last two lines always have the same shape."""
    head = "\n".join([_title(run), *_target_lines(run)])
    return printable("\n\n".join([head, *_blocks(run), last_lines(run)]))


def last_lines(run: Run) -> str:
    """Return the verdict in one line, and the targets that ran in another."""
    counts = tally(run)
    sign, _ = verdict(run)
    numbers = " · ".join(f"{counts[kind]} {word}" for kind, word in ORDER)
    time = f"in {figures.duration(run.footer.seconds)}" if run.footer else "incomplete"
    return f"{sign} {numbers}  {time}\n{' '.join(targets(run))}"


def stale_lines(run: Run) -> str:
    """Return the known divergences that are about nothing any more, each with the reason."""
    return "\n".join(
        line
        for entry in (run.footer.stale if run.footer else ())
        for line in _wrapped(f"{entry.backend}: {entry.entry}: {entry.reason}", "★ stale  ")
    )


def print_summary(run: Run, stream: TextIO) -> None:
    """Print the summary: with a table and colours on a terminal, as plain lines elsewhere."""
    if not stream.isatty():
        stream.write(render_summary(run) + "\n")
        return
    # a run in CI never pays for this import
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console(file=stream, highlight=False, markup=False)
    table = Table("target", "version", *(word for _, word in ORDER), box=None, pad_edge=False)
    for column in table.columns[2:]:
        column.justify = "right"
    for name, version, counts in by_target(run):
        table.add_row(*map(Text, (name, version, *(str(counts[kind]) for kind, _ in ORDER))))
    console.print(_title(run))
    console.print(table)
    for block in _blocks(run):
        console.print("\n" + printable(block), soft_wrap=True)
    style = {"✓": "bold blue", "✗": "bold red"}.get(verdict(run)[0], "bold yellow")
    console.print(Text("\n" + printable(last_lines(run)), style=style), soft_wrap=True)


def _title(run: Run) -> str:
    header = run.header
    dtypes = dict.fromkeys(result.dtype for result in run.results)
    parts = (f"trysquare {header.trysquare}", header.specs, f"seed {header.seed}", " ".join(dtypes))
    return " · ".join(one_line(part) for part in parts if part)


def by_target(run: Run) -> Iterator[tuple[str, str, Counter[State]]]:
    """Yield each target that is here, its version, and how many results it has in each state."""
    counts: defaultdict[str, Counter[State]] = defaultdict(Counter)
    for result in run.results:
        counts[result.target][state(result)] += 1
    for target in run.header.targets:
        if target.available:
            yield target.target, target.version, counts[target.target]


def _target_lines(run: Run) -> Iterator[str]:
    rows = [*by_target(run)]
    widths = [max((len(row[part]) for row in rows), default=0) for part in (0, 1)]
    for name, version, counts in rows:
        words = [f"{counts[kind]} {word}" for kind, word in reversed(ORDER) if counts[kind]]
        numbers = " · ".join(words) or "nothing run"
        yield f"  {name:{widths[0]}}  {version:{widths[1]}}  {numbers}"


def _blocks(run: Run) -> Iterator[str]:
    for target in broken(run):
        yield "\n".join(_wrapped(f"{target.target}: broken: {target.reason}", "! "))
    alarming = sorted((r for r in run.results if state(r) in ALARMING), key=severity)
    yield from (failure(result, run.results) for result in alarming[:_SPELLED_OUT])
    if alarming[_SPELLED_OUT:]:
        yield "\n".join(_heading(result)[0] for result in alarming[_SPELLED_OUT:])
    if stale := stale_lines(run):
        yield stale
    sweeps = [line for result in run.results for line in _swept(result)]
    if sweeps:
        yield "\n".join(sweeps)
    if run.parts:
        numbers = sum(part.segment.count for part in run.parts)
        parts = figures.plural(len(run.parts), "part")
        yield f"{parts} of a sweep, {numbers:,} answers; `trysquare merge` makes results of them"
    known = [*_known(run.results)]
    if known:
        yield "\n".join(known)
    if loose := [*_loose(run.results)]:
        yield "\n".join(
            _wrapped(
                f"{figures.plural(len(loose), 'budget')} of the baseline could be lower, so that "
                "nothing gets worse again: trysquare baseline prune --tighten",
                "↓ ",
            )
        )
    found = [*_hunted(run.results)]
    if found:
        yield "\n".join(found)
    if compared := [*blame.sides(run.results)]:
        yield "\n".join(_side_by_side(compared))


def _side_by_side(compared: Sequence[blame.Side]) -> Iterator[str]:
    """Yield how often one, some or all targets are wrong, and where those that conform differ."""
    counts = blame.counts(compared)
    yield f"side by side: {figures.plural(len(compared), 'question')} to two or more targets"
    for who in blame.Blame:
        if counts[who]:
            yield f"  {counts[who]:>7,}  {who}"
    differing = sorted(compared, key=lambda side: -side.apart)[:_DIFFERENT]
    for side in differing:
        if side.apart > 1:
            one = side.results[0]
            where = " · ".join((one.function, one.dtype, str(one.check), one_line(one.case)))
            yield f"           {side.apart:,} numbers apart, all within limits: {where}"


def _loose(results: Iterable[Result]) -> Iterator[Result]:
    """Yield what is accepted with a budget that is larger than its error."""
    for result in results:
        accepted = result.budget is not None and state(result) is State.KNOWN
        if accepted and budget_of(result.max_ulp) < (result.budget or 0):
            yield result


def _hunted(results: Iterable[Result]) -> Iterator[str]:
    for row in hunted(results):
        result = row.result
        alone = f"; alone it gives {row.alone}" if row.alone else ""
        names = (result.function, result.dtype, result.target, one_line(result.case))
        yield f"{row.state.symbol} {' · '.join(names)}: {row.error} at {row.input}{alone}"


def _swept(result: Result) -> Iterator[str]:
    """Yield what a sweep says of all numbers."""
    sweep = result.sweep
    if sweep is None:
        return
    head = f"{result.function} · {result.case} · {result.target} · {result.dtype}"
    share = figures.exact_percent(sweep.inexact, result.count)
    parts = [f"{share} of {result.count:,} not correctly rounded"]
    if sweep.worst:
        x = sweep.worst[0].x
        parts.append(f"at most {figures.ulp(result.max_ulp)} ulp, at {x.decimal} ({x.bits})")
    parts += [f"{name} {count:,}" for name, count in result.discrete.items()]
    if sweep.first is not None and sweep.widest is not None:
        times = "interval" if sweep.intervals == 1 else "intervals"
        parts.append(f"{result.failed:,} beyond the limit, in {sweep.intervals:,} {times}")
        parts.append(f"the first {sweep.first.low.decimal} to {sweep.first.high.decimal}")
        if sweep.widest != sweep.first:
            parts.append(f"the widest {sweep.widest.low.decimal} to {sweep.widest.high.decimal}")
    yield from _wrapped(f"{head}: {'; '.join(parts)}", f"{state(result).symbol} ")


def _known(results: Iterable[Result]) -> Iterator[str]:
    groups: defaultdict[tuple[str, str, str], list[Result]] = defaultdict(list)
    for result in results:
        if state(result) is State.KNOWN:
            groups[result.function, result.target, result.known].append(result)
    for (function, target, reason), members in sorted(groups.items()):
        dtypes = " ".join(dict.fromkeys(result.dtype for result in members))
        text = f"{function} · {target} · {dtypes}: {len(members)} known"
        yield from _wrapped(f"{text}: {reason}" if reason else text, "K ")
        yield f"  id {min(members, key=severity).id}"


def _heading(result: Result) -> list[str]:
    check = f"{result.check}: {one_line(result.case)}" if result.case else str(result.check)
    parts = (result.function, check, result.target, result.dtype)
    head = f"{state(result).symbol} {' · '.join(parts)}"
    tail = f"{result.place}   id {result.id}"
    if len(head) + len(tail) + len("   ") <= WIDTH:
        return [f"{head}   {tail}"]
    return [head, f"  {tail}"]


def _measured(result: Result, worst: Worst) -> Iterator[str]:
    if result.symptom is not None:
        yield from _wrapped(f"{result.symptom}{besides(result)}")
    wrong = f"{result.failed} of {result.count} elements outside the limit"
    yield f"  {wrong}; worst:" if result.failed else "  worst element:"
    numbers: dict[str, Number] = {**worst.inputs, "got": worst.got, wanted(result): worst.want}
    names = max(map(len, numbers))
    digits = max(len(number.decimal) for number in numbers.values())
    for name, number in numbers.items():
        yield f"      {name:{names}}  {number.decimal:{digits}}  {number.bits}"
    over = f", {figures.over(worst.ulp, worst.limit)} over" if worst.ulp > worst.limit else ""
    distance = "" if worst.distance is None else f"   {worst.distance} numbers apart"
    condition = "" if worst.condition is None else f"   condition {figures.ulp(worst.condition)}"
    error = mismatch(worst) or f"{figures.ulp(worst.ulp)} ulp"
    limit = figures.ulp(worst.limit)
    yield f"      {error}   (limit {limit} ulp{over}){distance}{condition}"


def _agreeing(result: Result) -> str:
    share = closeness([result])
    error = "" if share is None else f" ({figures.percent(share)} of its limit)"
    return result.target + error


def _names(results: Iterable[Result]) -> str:
    return ", ".join(f"{result.target} ({result.outcome})" for result in results)


def _wrapped(text: str, first: str = "  ") -> list[str]:
    rest = " " * max(2, len(first)) if first.strip() else "    "
    return textwrap.wrap(
        one_line(text),
        WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
