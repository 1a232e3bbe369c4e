"""One divergence as the text of an issue, in Markdown; `issue.js` writes the same on the page.

What a file or a framework says is text there: it ends no block, starts none and names nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from trysquare.record import Json, Run
from trysquare.result import Result
from trysquare_reports.details import detail
from trysquare_reports.verdict import printable

_LINK = re.compile(r"(https://[^\s<>\"'()\[\]{}]+[^\s<>\"'()\[\]{}.,;:!?])")
_MARKUP = re.compile(r"[\\`*_<>\[\]|#~$&@]")
_TICKS = re.compile("`+")


def issue(run: Run, result: Result) -> str:
    """Return the text: title, what is wrong, the numbers, a script, versions, the spec."""
    target = next((one for one in run.header.targets if one.target == result.target), None)
    record = next((one for one in run.functions if one.function == result.function), None)
    about: dict[str, str] = {result.target: "" if target is None else target.version}
    about |= run.header.environment
    about |= {} if target is None else target.environment
    about["Trysquare"] = run.header.trysquare
    heading = f"{result.function} ({result.dtype}, {result.target})"
    script = f"## Reproduce\n\n{_block(result.reproduction)}" if result.reproduction else ""
    sources = () if record is None else record.source
    found = detail(result, "", scripted=False)
    parts = (
        *_told(heading, found),
        script,
        f"## Versions\n\n{_table(('what', 'version'), about.items())}",
        _origin(found.get("place", ""), sources, result.id),
    )
    return printable("\n\n".join(filter(None, parts)) + "\n")


def _told(heading: str, found: Json) -> tuple[str, ...]:
    """Return the title, what is wrong in words, and in numbers."""
    words = (found.get(name, "") for name in ("over", "reason", "diagnosis"))
    numbers = found.get("numbers", ())
    return (
        "# " + _plain(f"{heading}: {found['claim']}"),
        _plain(" ".join(filter(None, words))),
        _table(("what", "decimal", "bits"), numbers) if numbers else "",
    )


def _origin(place: str, sources: Iterable[str], identity: str) -> str:
    """Return what says how it should be, and where this was found."""
    lines = (f"* {_plain(line)}" for line in (f"spec: {place}", *sources))
    found = f"Found by Trysquare, result {_plain(identity)}."
    return "\n".join(["## What is right", "", *lines, "", found])


def _table(names: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = [*names]
    lines = [head, ["---"] * len(head), *([_plain(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _block(text: str) -> str:
    """Return a block of code that nothing in it ends."""
    longest = max(map(len, _TICKS.findall(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}python\n{text.rstrip()}\n{fence}"


def _plain(text: str) -> str:
    """Return a text on one line, in which nothing is markup but https addresses."""
    parts = _LINK.split(" ".join(text.split()))
    return "".join(
        f"<{part}>" if place % 2 else _MARKUP.sub(r"\\\g<0>", part)
        for place, part in enumerate(parts)
    )
