"""Two runs as the page compares them: how many of each change, what is gone, what differs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from trysquare.difference import Change, Comparison, Delta
from trysquare.record import Header, Json
from trysquare_reports.details import error
from trysquare_reports.verdict import State, state

SYMBOLS: Mapping[Change, str] = {
    Change.REGRESSED: "↓",
    Change.NEW: "✗",
    Change.STALE: "★",
    Change.ACCEPTED: "K",
    Change.WORSE: "↘",
    Change.FIXED: "✓",
    Change.BETTER: "↗",
    Change.ADDED: "+",
    Change.REMOVED: "−",
    Change.INCOMPARABLE: "?",
    Change.SAME: "=",
}
"""The sign that stands for a change; never its colour alone."""


def worst(deltas: Iterable[Delta]) -> tuple[Change, int]:
    """Return the worst change among results, and how many show it; no change if there are none."""
    order = [*Change]
    ranks = [order.index(delta.change) for delta in deltas]
    rank = min(ranks, default=order.index(Change.SAME))
    return order[rank], ranks.count(rank)


def heading(compared: Comparison) -> Json:
    """Return what the page says of the comparison before any result."""
    return {
        "before": _titled(compared.before),
        "after": _titled(compared.after),
        "remarks": compared.remarks,
        "counts": [
            (change, SYMBOLS[change], compared.counts[change], change.meaning)
            for change in Change
            if change is not Change.SAME
        ],
        "same": compared.counts[Change.SAME],
    }


def gone(compared: Comparison) -> list[tuple[object, ...]]:
    """Return the results that only the older run has, each with what became of it and why."""
    kinds, states = [*Change], [*State]
    return [
        (
            result.id,
            result.function,
            result.target,
            result.dtype,
            str(result.check),
            result.case,
            states.index(state(result)),
            error(result),
            kinds.index(delta.change),
            delta.why,
        )
        for delta in compared.deltas
        if delta.after is None and (result := delta.before) is not None
    ]


def _titled(header: Header) -> str:
    return f"{header.started.replace('T', ' ').replace('Z', ' UTC')}, {header.specs}"
