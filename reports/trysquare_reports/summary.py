"""A run as Markdown, for the summary of a job: the verdict, the targets, and what to look at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from trysquare.record import Run
from trysquare_reports import figures
from trysquare_reports.findings import Finding, findings
from trysquare_reports.markdown import cell, row
from trysquare_reports.text import ORDER, by_target
from trysquare_reports.verdict import State, broken, excess, mismatch, tally, targets, verdict

LARGEST = 900_000
"""Bytes; GitHub drops a summary as a whole that has more than 1 MiB."""

_RESERVED = 200
"""Bytes kept for the line that says how much was cut."""


@dataclass(frozen=True)
class _Table:
    """A heading, the first two lines of a table, and its rows."""

    title: str
    head: tuple[str, ...]
    rows: tuple[str, ...]

    @property
    def opening(self) -> tuple[str, ...]:
        """What stands above the rows."""
        return ("", f"### {self.title}", "", row(*self.head), "|---" * len(self.head) + "|")


def render(run: Run, most: int = LARGEST) -> str:
    """Return the summary, at most so many bytes of UTF-8; cut at a row, it says how many more.

    Empty where not even the verdict would fit.
    """
    lines = [*_verdict(run)]
    left = most - _size(lines) - _RESERVED
    if left < 0:
        return ""
    tables = [table for table in _tables(run) if table.rows]
    cut = 0
    for table in tables:
        left -= _size(table.opening)
        kept = 0
        for line in table.rows if left > 0 and not cut else ():
            if left < _size([line]):
                break
            left -= _size([line])
            kept += 1
        if kept:
            lines += (*table.opening, *table.rows[:kept])
        cut += len(table.rows) - kept
    if cut:
        lines += ("", f"… {cut} more {'row' if cut == 1 else 'rows'}; the results have them all.")
    return "\n".join(lines) + "\n"


def _verdict(run: Run) -> Iterator[str]:
    sign, sentence = verdict(run)
    counts = tally(run)
    yield f"## {sign} {cell(sentence)}"
    yield ""
    yield " · ".join(f"{counts[kind]} {word}" for kind, word in ORDER)
    yield ""
    yield cell(" ".join(targets(run)))


def _tables(run: Run) -> Iterator[_Table]:
    """Yield all tables: the targets, then what nobody expected, and at last what is known."""
    queue = findings(run.results)
    alarming = [found for found in queue if found.state is not State.KNOWN]
    known = [found for found in queue if found.state is State.KNOWN]
    head = ("", "function", "backend", "what", "results", "worst", "where", "id")
    yield _Table(
        "Targets",
        ("target", "version", *(word for _, word in ORDER)),
        tuple(
            row(name, version, *(str(counts[kind]) for kind, _ in ORDER))
            for name, version, counts in by_target(run)
        ),
    )
    yield _Table("Not expected, by cause", head, tuple(map(_cause, alarming)))
    yield _Table(
        "Broken targets",
        ("target", "why"),
        tuple(row(one.target, one.reason) for one in broken(run)),
    )
    stale = () if run.footer is None else run.footer.stale
    yield _Table(
        "Stale entries",
        ("backend", "entry", "why"),
        tuple(row(one.backend, one.entry, one.reason) for one in stale),
    )
    yield _Table("Known, by cause", head, tuple(map(_cause, known)))


def _cause(found: Finding) -> str:
    first = found.results[0]
    return row(
        f"{found.state.symbol} {found.state}",
        found.function,
        found.backend,
        f"{found.cause} ({' '.join(found.checks)}; {' '.join(found.dtypes)})",
        str(len(found.results)),
        _error(found),
        first.place,
        first.id,
    )


def _error(found: Finding) -> str:
    worst = found.results[0].worst
    if worst is None:
        return ""
    times = excess(worst)
    over = f", {figures.over(worst.ulp, worst.limit)} over" if times > 1 else ""
    return mismatch(worst) or f"{figures.ulp(worst.ulp)} ulp{over}"


def _size(lines: Sequence[str]) -> int:
    return sum(len(line.encode("utf-8", "replace")) + 1 for line in lines)
