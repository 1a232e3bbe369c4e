"""Defaults and dialects as tables: what a call means on each target that leaves arguments out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from trysquare.record import Difference, FunctionRecord, Porting, Usage
from trysquare_reports.verdict import one_line

EVERYTHING = "(every argument left out)"
"""Stands for the parameter where the whole call is another function than the spec's."""

HEADS = (
    "function",
    "parameter",
    "spec",
    "default",
    "targets",
    "it changes",
    "call as the spec",
)


@dataclass(frozen=True)
class Row:
    """One default of one parameter, and the targets that have it.

    `confirmed` says that a call which leaves it out gives the same bits on all of them. `changes`
    is what leaving it out does, `call` one that means the spec's default.
    """

    function: str
    parameter: str
    stated: str
    own: str
    targets: tuple[str, ...]
    confirmed: bool
    changes: str
    call: str

    @property
    def differs(self) -> bool:
        """Whether leaving the argument out changes anything."""
        return bool(self.changes)

    def cells(self) -> tuple[str, ...]:
        """Return the row as texts, one for each of HEADS."""
        own = self.own + (" ✓" if self.confirmed else "")
        names = ", ".join(self.targets)
        return (self.function, self.parameter, self.stated, own, names, self.changes, self.call)


def rows(functions: Iterable[FunctionRecord]) -> Iterator[Row]:
    """Yield a row for each default that some target has, those of one function together."""
    for record in functions:
        yield from _merged(record.function, _found(record))


Found = tuple[str, str, str, bool, str, Usage]


def _found(record: FunctionRecord) -> Iterator[Found]:
    for usage in record.usages:
        for default in usage.defaults:
            changes = difference(default.difference)
            yield (
                default.parameter,
                default.stated,
                default.own,
                default.confirmed,
                changes,
                usage,
            )
        if not usage.answers:
            yield EVERYTHING, "", "refused", True, "arguments are required", usage
        elif usage.diagnosis.startswith("equals dialect"):
            changes = f"{one_line(usage.diagnosis)} ({difference(usage.difference)})"
            yield EVERYTHING, "", "", True, changes, usage


def _merged(function: str, found: Iterable[Found]) -> Iterator[Row]:
    groups: defaultdict[tuple[str, str, str, bool, str], list[Usage]] = defaultdict(list)
    for *key, usage in found:
        parameter, stated, own, confirmed, changes = key
        groups[str(parameter), str(stated), str(own), bool(confirmed), str(changes)].append(usage)
    for (parameter, stated, own, confirmed, changes), usages in groups.items():
        targets = tuple(usage.target for usage in usages)
        call = _remedy(usages[0]) if changes else ""
        yield Row(function, parameter, stated, own, targets, confirmed, changes, call)


def _remedy(usage: Usage) -> str:
    """Return the call that means the spec, and what is left if none does."""
    if usage.remedied is None:
        return usage.remedy
    return f"{usage.remedy} and then still {difference(usage.remedied)}"


def difference(found: Difference | None) -> str:
    """Return in words where two answers differ most; nothing if nowhere."""
    if found is None:
        return ""
    inputs = ", ".join(f"{name} = {value.decimal}" for name, value in found.inputs.items())
    return f"{found.got.decimal} instead of {found.want.decimal} at {inputs}"


def dialects(functions: Iterable[FunctionRecord]) -> Iterator[tuple[str, str, str, str]]:
    """Yield function, dialect, why, and where it is farthest from the formula."""
    for record in functions:
        for name, why in record.dialects.items():
            yield record.function, name, why, difference(record.apart.get(name))


def markdown(functions: Iterable[FunctionRecord]) -> str:
    """Return both tables as Markdown."""
    records = list(functions)
    named = ("function", "dialect", "why", "farthest from the formula")
    return "\n\n".join(
        [
            "## Defaults",
            table(HEADS, (row.cells() for row in rows(records))),
            "## Dialects",
            table(named, dialects(records)),
        ]
    )


def table(heads: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table; no text ends a cell."""
    names = list(heads)
    first = [f"| {' | '.join(names)} |", f"|{' --- |' * len(names)}"]
    return "\n".join([*first, *(f"| {' | '.join(map(_cell, line))} |" for line in lines)])


def _cell(text: str) -> str:
    escaped = one_line(text).replace("\\", "\\\\").replace("|", "\\|")
    return escaped.replace("<", "&lt;")


def summary(functions: Iterable[FunctionRecord]) -> str:
    """Return both tables as text: a block for each function."""
    return "\n\n".join(block for record in functions if (block := "\n".join(_block(record))))


def _block(record: FunctionRecord) -> Iterator[str]:
    lines = [*rows([record])]
    if not lines and not record.dialects:
        return
    yield record.function
    for row in lines:
        spec = f" (spec: {row.stated})" if row.stated else ""
        sure = "confirmed by a call" if row.confirmed else "as the signature says"
        own = f" {row.own}" if row.own else ""
        yield f"  {row.parameter}{own}{spec}: {', '.join(row.targets)}; {sure}"
        if row.changes:
            yield f"      {one_line(row.changes)}"
            yield f"      as the spec: {one_line(row.call)}"
    for _, name, why, farthest in dialects([record]):
        yield f"  dialect '{name}': {one_line(why)}"
        if farthest:
            yield f"      {farthest}"


def ported(found: Sequence[Porting], source: str, destination: str, *, markdown: bool) -> str:
    """Return what becomes of calls that go from one target to another."""
    if markdown:
        heads = ("function", source, destination, "differ", f"in {destination}", "then")
        return table(heads, map(_ported_cells, found))
    return "\n\n".join("\n".join(_ported_block(each, source, destination)) for each in found)


def _ported_cells(each: Porting) -> tuple[str, ...]:
    apart = difference(each.difference) or "the same bits"
    return (each.function, each.before, each.after, apart, each.here, _then(each))


def _ported_block(each: Porting, source: str, destination: str) -> Iterator[str]:
    yield f"{each.function} ({each.dtype})"
    yield f"  {source}: {one_line(each.before)}"
    yield f"  {destination}: {one_line(each.after)}"
    if each.difference is None:
        yield "  the same bits"
        return
    yield f"  gives {difference(each.difference)}"
    yield f"  to agree, {source}: {one_line(each.there)}"
    yield f"            {destination}: {one_line(each.here) or 'has no such call'}"
    yield f"  then {_then(each)}"


def _then(each: Porting) -> str:
    """Return how far the calls are apart that should mean the same."""
    if not each.here or not each.there:
        return "no call means the same"
    if each.remaining is None:
        return "the same bits"
    within = "both within their limits" if each.agree else "not both within their limits"
    return f"{within}: {difference(each.remaining)}"
