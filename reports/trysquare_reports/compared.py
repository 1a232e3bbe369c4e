"""Two runs side by side, cause by cause: as text, as Markdown, and as JSON."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from trysquare.causes import Cause
from trysquare.difference import FAILING, Change, Comparison, Delta
from trysquare.record import Header, Json
from trysquare.record_form import encode
from trysquare.result import Result
from trysquare_reports import figures
from trysquare_reports.markdown import escaped
from trysquare_reports.verdict import one_line, state

LISTED = (
    *FAILING,
    Change.STALE,
    Change.FIXED,
    Change.ACCEPTED,
    Change.WORSE,
    Change.BETTER,
    Change.ADDED,
    Change.REMOVED,
    Change.INCOMPARABLE,
)
"""The changes that are told of, in this order; what is the same is only counted."""

GROUPS = 20
"""Causes of one change that are spelled out."""


@dataclass(frozen=True)
class Group:
    """Results of one change with one cause (or one reason not to compare them), the worst first."""

    cause: Cause
    why: str
    deltas: tuple[Delta, ...]

    @property
    def name(self) -> str:
        """What they have in common, in one line."""
        dtypes = " ".join(dict.fromkeys(delta.result.dtype for delta in self.deltas))
        checks = " ".join(dict.fromkeys(str(delta.result.check) for delta in self.deltas))
        parts = [self.cause.function, self.cause.target, dtypes, checks, self.why or self._how]
        return " · ".join(one_line(part) for part in parts if part)

    @property
    def moved(self) -> str:
        """The first of them before and after; nothing of what cannot be compared."""
        first = self.deltas[0]
        if first.before is None or first.after is None or self.why:
            return ""
        return f"{_side(first.before)} → {_side(first.after)}"

    @property
    def _how(self) -> str:
        return f"{self.cause.symptom}: {self.cause.diagnosis}".rstrip(": ")


def groups(deltas: Sequence[Delta]) -> list[Group]:
    """Return results by their cause, the largest change of an error first.

    What only one run has, or what cannot be compared, is sorted by the target and the reason.
    """
    found: defaultdict[tuple[Cause, str], list[Delta]] = defaultdict(list)
    for delta in deltas:
        found[_cause(delta), delta.why].append(delta)
    members = [
        Group(cause, why, tuple(sorted(some, key=_growth))) for (cause, why), some in found.items()
    ]
    return sorted(members, key=lambda group: (_growth(group.deltas[0]), -len(group.deltas)))


def _cause(delta: Delta) -> Cause:
    if delta.change in (Change.INCOMPARABLE, Change.ADDED, Change.REMOVED):
        return Cause("", delta.result.target, "", "")
    return Cause.of(delta.result)


def text(comparison: Comparison) -> str:
    """Return what a terminal shows; its last line is the verdict."""
    lines = [f"before  {_heading(comparison.before)}", f"after   {_heading(comparison.after)}"]
    lines += [f"! {one_line(remark)}" for remark in comparison.remarks]
    for change in LISTED:
        lines += _section(comparison, change)
    return "\n".join([*lines, "", last_line(comparison)])


def last_line(comparison: Comparison) -> str:
    """Return how many results there are of each change; zeros too, so that it can be searched."""
    numbers = (f"{comparison.counts[change]} {change}" for change in (*LISTED, Change.SAME))
    return f"{_sign(comparison)} {' · '.join(numbers)}"


def markdown(comparison: Comparison) -> str:
    """Return the same for a pull request."""
    lines = [f"**{_sign(comparison)} {_sentence(comparison)}**", ""]
    lines += [f"* before: {escaped(_heading(comparison.before))}"]
    lines += [f"* after: {escaped(_heading(comparison.after))}"]
    lines += [f"* {escaped(one_line(remark))}" for remark in comparison.remarks]
    lines += ["", "| change | results | means |", "|---|--:|---|"]
    for change in (*LISTED, Change.SAME):
        lines.append(f"| {change} | {comparison.counts[change]} | {change.meaning} |")
    for change in LISTED[:3]:
        lines += _table(comparison, change)
    return "\n".join(lines)


def plain(comparison: Comparison) -> Json:
    """Return the same for a program: counts, remarks, and every result that is not the same."""
    return {
        "before": _identity(comparison.before),
        "after": _identity(comparison.after),
        "remarks": list(comparison.remarks),
        "failed": comparison.failed,
        "compared": comparison.compared,
        "counts": {str(change): comparison.counts[change] for change in Change},
        "changes": [
            {
                "id": delta.id,
                "change": str(delta.change),
                "why": delta.why,
                "before": _plain(delta.before),
                "after": _plain(delta.after),
            }
            for delta in comparison.deltas
            if delta.change is not Change.SAME
        ],
    }


def _section(comparison: Comparison, change: Change) -> Iterator[str]:
    found = groups(comparison.of(change))
    if not found:
        return
    yield f"\n{change} ({comparison.counts[change]}): {change.meaning}"
    for group in found[:GROUPS]:
        number = figures.plural(len(group.deltas), "result")
        yield f"  {group.name}   {number}   {group.moved}".rstrip()
        yield f"      id {one_line(group.deltas[0].id)}"
    if rest := found[GROUPS:]:
        yield f"  and {sum(len(group.deltas) for group in rest)} more, of {len(rest)} causes"


def _table(comparison: Comparison, change: Change) -> Iterator[str]:
    found = groups(comparison.of(change))
    if not found:
        return
    yield from ("", f"### {change}", "", "| what | results | before → after |", "|---|--:|---|")
    for group in found[:GROUPS]:
        yield f"| {escaped(group.name)} | {len(group.deltas)} | {escaped(group.moved)} |"
    if rest := found[GROUPS:]:
        yield f"| and {len(rest)} more causes | {sum(len(group.deltas) for group in rest)} | |"


def _sentence(comparison: Comparison) -> str:
    if not comparison.compared:
        return "nothing could be compared"
    if not comparison.failed:
        return f"nothing got worse, of {comparison.compared} results in both runs"
    counts = (f"{comparison.counts[one]} {one}" for one in FAILING if comparison.counts[one])
    return f"{', '.join(counts)}, of {comparison.compared} results in both runs"


def _sign(comparison: Comparison) -> str:
    if comparison.failed:
        return "✗"
    return "✓" if comparison.compared else "⚠"


def _growth(delta: Delta) -> float:
    """Return a key that puts first where an error grew most; zero without two errors."""
    if delta.before is None or delta.after is None or delta.why:
        return 0.0
    return -abs(delta.after.max_ulp - delta.before.max_ulp)


def _side(result: Result) -> str:
    """Return what one run says of a result."""
    return f"{state(result)} {figures.ulp(result.max_ulp)} ulp" if result.count else state(result)


def _heading(header: Header) -> str:
    parts = (header.started, header.specs, f"seed {header.seed}")
    versions = (f"{one.target} {one.version}" for one in header.targets if one.available)
    return " · ".join(one_line(part) for part in (*parts, ", ".join(versions)))


def _identity(header: Header) -> Json:
    return {"started": header.started, "specs": header.specs, "seed": header.seed}


def _plain(result: Result | None) -> Json | None:
    if result is None:
        return None
    return {
        "outcome": str(result.outcome),
        "expectation": str(result.expectation),
        "symptom": None if result.symptom is None else str(result.symptom),
        "max_ulp": encode(result.max_ulp, float),
        "failed": result.failed,
        "known": result.known,
        "reason": result.reason,
    }
