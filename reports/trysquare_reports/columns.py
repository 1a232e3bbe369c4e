"""All results as columns of small numbers: what the page filters, sorts and counts."""

from __future__ import annotations

import gzip
import json
import math
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from trysquare.difference import Change, Comparison, Delta
from trysquare.record import Json, Run
from trysquare.result import Check, Outcome, Result
from trysquare_reports.findings import cause
from trysquare_reports.verdict import ALARMING, State, closeness, excess, state

_KEPT = np.uint32(0xFFFFF000)
"""The bits of a figure that the page shows: four digits; fewer bits compress better."""

_WRONG = ALARMING | {State.KNOWN}

_SMALLEST = (np.uint8, np.uint16, np.uint32)


@dataclass(frozen=True)
class Table:
    """Results in the order of the page, the worst first, and what became of them, if compared."""

    run: Run
    rows: tuple[Result, ...]
    compared: Comparison | None = None

    @cached_property
    def changes(self) -> Mapping[str, Delta]:
        """What became of each id, nothing where the run is compared with no other."""
        return {} if self.compared is None else {delta.id: delta for delta in self.compared.deltas}

    @cached_property
    def index(self) -> Mapping[str, int]:
        """The row of each id."""
        return {result.id: row for row, result in enumerate(self.rows)}

    @cached_property
    def targets(self) -> tuple[str, ...]:
        """Those that ran, in the order of the header, and any other that a result names."""
        ran = (target.target for target in self.run.header.targets if target.available)
        return tuple(dict.fromkeys([*ran, *(result.target for result in self.rows)]))

    @cached_property
    def functions(self) -> tuple[str, ...]:
        """Those with a record, in the order of the run, and any other that a result names."""
        recorded = (record.function for record in self.run.functions)
        return tuple(dict.fromkeys([*recorded, *(result.function for result in self.rows)]))


class _Words:
    """Texts that become numbers, in the order in which they are met."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        self._numbers = {text: number for number, text in enumerate(known)}

    def __call__(self, text: str) -> int:
        return self._numbers.setdefault(text, len(self._numbers))

    def texts(self) -> list[str]:
        return [*self._numbers]


def table(run: Run, compared: Comparison | None = None) -> Table:
    """Return the table of a run: what alarms by how far it is off, the rest as it was measured."""
    return Table(run, tuple(sorted(run.results, key=_place)), compared)


def _place(result: Result) -> tuple[int, float]:
    found = state(result)
    if found not in ALARMING:
        return found.rank, 0.0
    return found.rank, -(math.inf if result.worst is None else excess(result.worst))


def columns(table: Table) -> tuple[Json, Json, bytes]:
    """Return what the page reads at once, the long lists of words, and the numbers.

    The numbers of each column follow one another, little-endian, each column on a multiple of 4
    bytes; the first value says which they are: (name, type, offset).
    """
    words = {
        "function": _Words(table.functions),
        "target": _Words(table.targets),
        "dtype": _Words(),
        "check": _Words(Check),
        "state": _Words(State),
        "case": _Words(),
        "tail": _Words(),
        "cause": _Words([""]),
    }
    found: dict[str, NDArray[np.generic]] = {
        name: _smallest([number(text) for text in _texts(table.rows, name)])
        for name, number in words.items()
    }
    found["ulp"] = _figures([_ulp(result) for result in table.rows])
    found["slack"] = _figures([_slack(result) for result in table.rows])
    if table.compared is not None:
        words["why"] = _Words([""])
        found |= _before(table, words["state"], words["why"])
    layout, parts, offset = [], [], 0
    for name, values in found.items():
        raw = values.astype(values.dtype.newbyteorder("<")).tobytes()
        layout.append((name, values.dtype.name, offset))
        parts.append(raw + bytes(-len(raw) % 4))
        offset += len(parts[-1])
    short = ("function", "target", "dtype", "check", "state")
    head = {
        "count": len(table.rows),
        "columns": layout,
        "words": {name: words[name].texts() for name in short} | {"change": [*Change]},
        "symbols": [kind.symbol for kind in State],
    }
    long = {name: it.texts() for name, it in words.items() if name not in short}
    return head, long, b"".join(parts)


def packed(raw: bytes | object) -> str:
    """Return bytes, or the JSON of anything else, compressed, as text for a script element."""
    if not isinstance(raw, bytes):
        text = json.dumps(raw, ensure_ascii=False, separators=(",", ":"))
        # half a surrogate in a text must not end a report
        raw = text.encode("utf-8", "replace")
    return b64encode(gzip.compress(raw, mtime=0)).decode()


def tail(result: Result) -> str:
    """Return what an id says beyond function, check, dtype and target, after a sign.

    `/` stands before the rest of an id that begins with these four, `=` before any other id.
    """
    head = f"{result.function}/{result.check}/{result.dtype}/{result.target}/"
    return result.id[len(head) - 1 :] if result.id.startswith(head) else f"={result.id}"


def _texts(rows: Sequence[Result], name: str) -> Iterable[str]:
    match name:
        case "state":
            return map(state, rows)
        case "tail":
            return map(tail, rows)
        case "cause":
            return map(cause, rows)
    return (getattr(result, name) for result in rows)


def _ulp(result: Result) -> float:
    """Return the largest error; a fault that has no distance outranks every number."""
    failed = state(result) in _WRONG and result.outcome is not Outcome.CONFORMS
    vague = result.worst is None or math.isnan(result.worst.ulp)
    return math.inf if failed and vague else result.max_ulp


def _slack(result: Result) -> float:
    """Return the error relative to the limit at the worst element, as `closeness` does."""
    if result.outcome is Outcome.CONFORMS:
        return closeness((result,)) or 0.0
    if result.worst is None:
        return math.inf if state(result) in _WRONG else 0.0
    return excess(result.worst)


def _before(table: Table, states: _Words, whys: _Words) -> dict[str, NDArray[np.generic]]:
    found = [table.changes[result.id] for result in table.rows]
    old = [delta.before for delta in found]
    kinds = [*Change]
    before = [State.NOT_RUN if result is None else state(result) for result in old]
    return {
        "change": _smallest([kinds.index(delta.change) for delta in found]),
        "why": _smallest([whys(delta.why) for delta in found]),
        "state_before": _smallest([states(text) for text in before]),
        "ulp_before": _figures([0.0 if result is None else _ulp(result) for result in old]),
        "slack_before": _figures([0.0 if result is None else _slack(result) for result in old]),
    }


def _smallest(values: Sequence[int]) -> NDArray[np.generic]:
    largest = max(values, default=0)
    kind = next(kind for kind in _SMALLEST if largest <= np.iinfo(kind).max)
    return np.array(values, kind)


def _figures(values: Sequence[float]) -> NDArray[np.generic]:
    with np.errstate(over="ignore"):  # beyond float32 is far enough to be infinite
        single = np.array(values, np.float64).astype(np.float32)
    return (single.view(np.uint32) & _KEPT).view(np.float32)
