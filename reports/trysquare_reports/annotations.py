"""A run as commands to GitHub Actions, which show a few causes beside the lines of their specs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from trysquare.record import Run
from trysquare_reports import figures
from trysquare_reports.findings import Finding, findings
from trysquare_reports.verdict import ALARMING, broken, one_line, printable, verdict

MOST = 10
"""Annotations; GitHub drops what one step writes beyond."""

_LONGEST = 1000
"""Characters of one message."""

_PLACE = re.compile(r"(.+):(\d{1,9}):(\d{1,9})", re.ASCII)


def commands(run: Run) -> list[str]:
    """Return at most MOST commands, one for each cause, the worst first.

    Where nothing is wrong but something is missing, one warning says what.
    """
    causes = [found for found in findings(run.results) if found.state in ALARMING]
    texts = [_command("", f"{one.target} is broken: {one.reason}") for one in broken(run)]
    texts += map(_cause, causes)
    stale = () if run.footer is None else run.footer.stale
    texts += [_command("", f"stale: {one.backend}: {one.entry}: {one.reason}") for one in stale]
    sign, sentence = verdict(run)
    if not texts and sign != "✓":
        return [_command("", sentence, "warning")]
    if len(texts) <= MOST:
        return texts
    rest = len(texts) - MOST + 1
    return [*texts[: MOST - 1], _command("", f"and {rest} more; the summary has them")]


def _cause(found: Finding) -> str:
    first = found.results[0]
    number = figures.plural(len(found.results), "result")
    words = f"{found.function} on {', '.join(found.targets)}: {number} {found.state}"
    return _command(first.place, "\n".join(_lines(found, words)))


def _lines(found: Finding, words: str) -> Iterator[str]:
    yield one_line(f"{words}: {found.cause}" if found.cause else words)
    yield one_line(f"id {found.results[0].id}")


def _command(place: str, message: str, kind: str = "error") -> str:
    """Return one command; only the characters with a meaning to the runner change."""
    found = _PLACE.fullmatch(one_line(place))
    where = ""
    if found:
        file, line, column = found.groups()
        where = f" file={_property(file)},line={line},col={column}"
    return f"::{kind}{where}::{_data(printable(message[:_LONGEST]))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
