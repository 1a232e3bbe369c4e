"""A baseline: a YAML file of divergences that somebody accepted, one result each, with a reason.

What a framework is known to do stands in the list beside its backend. A baseline belongs to whoever
runs Trysquare: it says what may diverge there for now, how far, and until when.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from trysquare.divergences import ADDRESS, SEGMENTS, either, symptoms
from trysquare.errors import SpecErrors
from trysquare.result import Result, Symptom
from trysquare.spec import Place
from trysquare.specfile.composer import load
from trysquare.specfile.document import Document, Listing, Node, Scalar, Table
from trysquare.specfile.schema import conform

LARGEST_FILE: Final = 2**24
"""Bytes of a baseline: tens of thousands of entries, of which each names one result."""

SIZED: Final = frozenset({Symptom.INACCURATE})
"""Symptoms whose size in ULP is all there is to them: such an entry needs a budget."""

REASON: Final[dict[str, Any]] = {
    "title": "a reason of at least 15 characters",
    "type": "string",
    "pattern": r"\S.{13,}\S",
}
DAY: Final[dict[str, Any]] = {
    "title": "a day, as in 2027-03-31",
    "type": "string",
    "pattern": r"^\d{4}-\d{2}-\d{2}$",
}
_SCHEMA: Final[dict[str, Any]] = {
    "title": "a baseline",
    "type": "object",
    "required": ["baseline", "accepted"],
    "additionalProperties": False,
    "properties": {
        "baseline": {"title": "a version of the format that is known here", "enum": ["1"]},
        "accepted": {
            "title": "a list of entries",
            "type": "array",
            "items": {
                "title": "an entry",
                "type": "object",
                "required": ["id", "reason", "symptom"],
                "additionalProperties": False,
                "properties": {
                    "id": {"title": "the id of a result", "type": "string", "minLength": 1},
                    "reason": REASON,
                    "symptom": either("a symptom"),
                    "budget": {"title": "a number of ULP", "type": "string", "minLength": 1},
                    "issue": ADDRESS,
                    "until": DAY,
                },
            },
        },
    },
}


@dataclass(frozen=True)
class Accepted:
    """One result that may diverge: how (`symptoms`), by at most how many ULP, until which day.

    Without `budget` the size of the error is not looked at; `until` is the last day that counts.
    """

    id: str
    reason: str
    symptoms: tuple[str, ...]
    place: Place
    budget: float | None = None
    issue: str = ""
    until: date | None = None

    @property
    def why(self) -> str:
        """The reason, with the link if there is one."""
        return f"{self.reason} ({self.issue})" if self.issue else self.reason

    def refusal(self, result: Result, today: date) -> str:
        """Return why this entry does not cover a divergence of its result; nothing if it does."""
        if self.until is not None and today > self.until:
            return f"accepted until {self.until}, which is past"
        if not result.ways or not set(result.ways) <= set(self.symptoms):
            return f"accepted as '{', '.join(self.symptoms)}', and nothing else"
        if self.budget is not None and not result.max_ulp <= self.budget:
            return f"accepted up to {self.budget:g} ULP"
        return ""


def budget_of(error: float) -> float:
    """Return the budget for an error in ULP: four digits, rounded up."""
    if error <= 0 or not math.isfinite(error):
        return error
    step = 10.0 ** (math.floor(math.log10(error)) - 3)
    rounded = float(f"{math.ceil(error / step) * step:.4g}")
    return rounded if rounded >= error else float(f"{rounded + step:.4g}")


def read(path: Path) -> tuple[Accepted, ...]:
    """Return the entries of a baseline, in their order.

    Raises SpecErrors with everything that is wrong in it.
    """
    return entries(load(path, LARGEST_FILE))


def entries(document: Document) -> tuple[Accepted, ...]:
    """Return the entries of a document; raises SpecErrors as `read` does."""
    conform(document, _SCHEMA)
    found = tuple(_entry(document, table) for table in tables(document))
    first: dict[str, Accepted] = {}
    for table, entry in zip(tables(document), found, strict=True):
        if entry.id and first.setdefault(entry.id, entry) is not entry:
            line = first[entry.id].place.line
            document.report(table.entries["id"], f"already accepted on line {line}")
    if document.mistakes:
        raise SpecErrors(document.mistakes)
    return found


def tables(document: Document) -> list[Table]:
    """Return the nodes of the entries."""
    root = document.root.entries if isinstance(document.root, Table) else {}
    listing = root.get("accepted")
    items = listing.items if isinstance(listing, Listing) else []
    return [item for item in items if isinstance(item, Table)]


def _entry(document: Document, table: Table) -> Accepted:
    part = table.entries.get
    identity = part("id")
    if isinstance(identity, Scalar):
        _check_id(document, identity)
    ways = tuple(map(str, symptoms(document, part("symptom"))))
    budget = _budget(document, part("budget"))
    for way in SIZED.intersection(ways):
        if "budget" not in table.entries:
            document.report(table, f"'{way}' needs a budget", "for example 'budget: 12.5'")
    return Accepted(
        id=_text(identity),
        reason=_text(part("reason")),
        symptoms=ways,
        place=document.place(table),
        budget=budget,
        issue=_text(part("issue")),
        until=day(document, part("until")),
    )


def _check_id(document: Document, node: Scalar) -> None:
    if len(node.text.split("/")) != SEGMENTS:
        document.report(node, "expected function/check/dtype/target/case")
    elif set(node.text) & set("*?["):
        document.report(node, "a baseline has no wildcards", "one entry accepts one result")


def _budget(document: Document, node: Node | None) -> float | None:
    if not isinstance(node, Scalar):
        return None
    try:
        budget = float(node.text)
    except ValueError:
        budget = math.nan
    if not 0 <= budget < math.inf:
        document.report(node, f"'{node.text}' is not a number of ULP", "for example 12.5")
    return budget


def day(document: Document, node: Node | None) -> date | None:
    """Return the day that a node names; a mistake if there is no such day."""
    if not isinstance(node, Scalar):
        return None
    try:
        return date.fromisoformat(node.text)
    except ValueError:
        document.report(node, f"there is no day {node.text}")
        return None


def _text(node: Node | None) -> str:
    return " ".join(node.text.split()) if isinstance(node, Scalar) else ""
