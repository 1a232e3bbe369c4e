"""What people decide about results -> entries of a baseline; a file of decisions is read strictly.

A report exports such a file; nothing in it is believed that the results do not bear out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from trysquare.baseline import (
    DAY,
    LARGEST_FILE,
    REASON,
    SIZED,
    Accepted,
    budget_of,
    day,
)
from trysquare.divergences import ADDRESS
from trysquare.errors import SpecErrors, UsageError, suggestion
from trysquare.record import Header
from trysquare.result import Expectation, Outcome, Result
from trysquare.spec import Place
from trysquare.specfile.composer import compose, load
from trysquare.specfile.document import Document, Listing, Scalar, Table
from trysquare.specfile.schema import conform

MOST_TOLD = 10
"""Problems of a list of ids that are told; a longer list of them tells nothing more."""


class Choice(StrEnum):
    """What may be decided of a result."""

    ACCEPT = "accept"
    REJECT = "reject"


_WORD: Final = {"type": "string", "minLength": 1}
_SCHEMA: Final[dict[str, Any]] = {
    "title": "decisions about a run",
    "type": "object",
    "required": ["format", "version", "run", "decisions"],
    "additionalProperties": False,
    "properties": {
        "format": {"title": "the name of this format", "enum": ["trysquare-decisions"]},
        "version": {"title": "a version of the format that is known here", "enum": ["1"]},
        "run": {
            "title": "the run that the decisions are about",
            "type": "object",
            "required": ["started", "specs"],
            "additionalProperties": False,
            "properties": {
                "started": {"title": "when it was started", **_WORD},
                "specs": {"title": "the specs of its header", **_WORD},
            },
        },
        "decisions": {
            "title": "a list of decisions",
            "type": "array",
            "items": {
                "title": "a decision",
                "type": "object",
                "required": ["ids", "decision", "reason"],
                "additionalProperties": False,
                "properties": {
                    "ids": {
                        "title": "a list of ids",
                        "type": "array",
                        "minItems": 1,
                        "items": {"title": "the id of a result", **_WORD},
                    },
                    "decision": {"title": "a decision", "enum": [*map(str, Choice)]},
                    "reason": REASON,
                    "issue": ADDRESS,
                    "until": DAY,
                },
            },
        },
    },
}


@dataclass(frozen=True)
class Grounds:
    """Why something is decided: the reason, an https address or nothing, and the last day."""

    reason: str
    issue: str = ""
    until: date | None = None

    @classmethod
    def of(cls, reason: str, issue: str, until: str) -> Grounds:
        """Return what was typed; raises SpecErrors for what could not stand in a baseline."""
        given = {"reason": reason, "issue": issue, "until": until}
        lines = [
            f"{name}: '{text.replace(chr(39), 2 * chr(39))}'"
            for name, text in given.items()
            if text
        ]
        document = compose("\n".join([*lines, ""]), Path("what was given"))
        properties = {"reason": REASON, "issue": ADDRESS, "until": DAY}
        conform(
            document,
            {
                "title": "a reason",
                "type": "object",
                "required": ["reason"],
                "properties": properties,
                "additionalProperties": False,
            },
        )
        found = _grounds(document, document.root)
        if document.mistakes:
            raise SpecErrors(document.mistakes)
        return found


@dataclass(frozen=True)
class Decision:
    """What was decided of some results."""

    ids: tuple[str, ...]
    choice: Choice
    grounds: Grounds


def read(path: Path, header: Header) -> tuple[Decision, ...]:
    """Return the decisions of a file about a run with this header.

    Raises SpecErrors with everything that is wrong in it, UsageError if it is about another run.
    """
    document = load(path, LARGEST_FILE)
    conform(document, _SCHEMA)
    root = _table(document.root)
    listing = root.entries.get("decisions")
    items = listing.items if isinstance(listing, Listing) else []
    found = tuple(_decision(document, item) for item in items if isinstance(item, Table))
    _refuse_twice(document, items)
    if document.mistakes:
        raise SpecErrors(document.mistakes)
    run = _table(root.entries.get("run"))
    for key, ours in (("started", header.started), ("specs", header.specs)):
        theirs = _text(run, key)
        if theirs != ours:
            raise UsageError(
                f"{path}: decided about another run: {key} '{theirs}', and these results have "
                f"'{ours}'"
            )
    return found


def accepted(results: Iterable[Result], ids: Sequence[str], grounds: Grounds) -> list[Accepted]:
    """Return an entry for each id; raises UsageError for what cannot be accepted, all at once.

    `results` are judged by the list of their backend, and by the baseline that is to be changed.
    """
    if grounds.until is not None and grounds.until < datetime.now(UTC).date():
        raise UsageError(f"nothing is accepted until {grounds.until}, which is past")
    by_id = {result.id: result for result in results}
    problems = [text for identity in ids if (text := _problem(by_id, identity))]
    if problems:
        more = len(problems) - MOST_TOLD
        told = [*problems[:MOST_TOLD], *([f"and {more} more"] if more > 0 else [])]
        raise UsageError("\n  ".join(["cannot be accepted:", *told]))
    return [_accept(by_id[identity], grounds) for identity in dict.fromkeys(ids)]


def _problem(by_id: dict[str, Result], identity: str) -> str:
    """Return why a result cannot be accepted; nothing if it can."""
    result = by_id.get(identity)
    if result is None:
        return f"{identity}: no result has this id; {suggestion(identity, by_id)}".rstrip(" ;")
    if result.outcome in (Outcome.CONFORMS, Outcome.UNSUPPORTED):
        return f"{identity}: there is nothing to accept: {result.outcome}"
    if not result.ways:
        return f"{identity}: a result that errored says nothing of the framework"
    if result.expectation is Expectation.EXPECTED and not result.baseline:
        return f"{identity}: it is known beside the backend: {result.known}"
    return ""


def _accept(result: Result, grounds: Grounds) -> Accepted:
    if not result.ways:
        raise ValueError(f"{result.id} does not diverge")
    sized = 0 < result.max_ulp < float("inf") or SIZED.intersection(result.ways)
    return Accepted(
        id=result.id,
        reason=grounds.reason,
        symptoms=result.ways,
        place=Place(Path(), 1, 1),
        budget=budget_of(result.max_ulp) if sized else None,
        issue=grounds.issue,
        until=grounds.until,
    )


def _decision(document: Document, table: Table) -> Decision:
    listing = table.entries.get("ids")
    items = listing.items if isinstance(listing, Listing) else []
    word = _text(table, "decision")
    return Decision(
        ids=tuple(item.text for item in items if isinstance(item, Scalar)),
        choice=Choice(word) if word in list(Choice) else Choice.REJECT,
        grounds=_grounds(document, table),
    )


def _refuse_twice(document: Document, items: Iterable[object]) -> None:
    first: dict[str, Scalar] = {}
    for item in items:
        listing = _table(item).entries.get("ids")
        for node in listing.items if isinstance(listing, Listing) else []:
            if isinstance(node, Scalar) and first.setdefault(node.text, node) is not node:
                document.report(node, f"already decided on line {first[node.text].line}")


def _grounds(document: Document, node: object) -> Grounds:
    table = _table(node)
    until = day(document, table.entries.get("until"))
    return Grounds(_text(table, "reason"), _text(table, "issue"), until)


def _table(node: object) -> Table:
    return node if isinstance(node, Table) else Table(1, 1)


def _text(table: Table, key: str) -> str:
    node = table.entries.get(key)
    return " ".join(node.text.split()) if isinstance(node, Scalar) else ""
