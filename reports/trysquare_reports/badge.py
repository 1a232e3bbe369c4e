"""A run as a badge: what conforms, of how many, and that something is wrong if it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from xml.etree import ElementTree as ET

from trysquare.errors import UsageError, suggestion
from trysquare.record import Json, Run
from trysquare_reports.verdict import State, broken, measured, one_line, tally, verdict

LABEL = "trysquare"
_COLOURS = {"✓": "#0b5cad", "✗": "#b3261e", "⚠": "#8a5300"}
_CHARACTER = 7
"""Pixels of a character, on the average; `textLength` makes it true."""

_PADDING = 12
_HEIGHT = 20


def of_backend(run: Run, backend: str) -> Run:
    """Return what a run says of one backend; raises UsageError if it says nothing of it."""
    names = [_backend(target.target) for target in run.header.targets]
    if backend not in names:
        there = ", ".join(dict.fromkeys(names))
        hint = suggestion(backend, names) or f"there are {there}"
        raise UsageError(f"the results have no backend '{one_line(backend)}'; {hint}")
    targets = tuple(one for one in run.header.targets if _backend(one.target) == backend)
    results = tuple(one for one in run.results if _backend(one.target) == backend)
    footer = run.footer
    if footer is not None:
        stale = tuple(one for one in footer.stale if one.backend == backend)
        footer = replace(footer, stale=stale)
    header = replace(run.header, targets=targets)
    return replace(run, header=header, results=results, footer=footer)


def label(backend: str | None) -> str:
    """Return the left half."""
    return LABEL if backend is None else f"{LABEL}: {one_line(backend)}"


def message(run: Run) -> str:
    """Return the right half.

    What a target does not have is part of the denominator: a backend with one function that is
    right is not complete.
    """
    sign, _ = verdict(run)
    counts = tally(run)
    if not measured(run):
        state = "broken setup" if broken(run) else "nothing measured"
        return f"{sign} {state}"
    missing = counts[State.UNSUPPORTED]
    parts = [f"{counts[State.PASS]:,} of {len(run.results):,} conform"]
    if missing:
        parts.append(f"{missing:,} unsupported")
    parts += _alarms(run, counts)
    return f"{sign} {', '.join(parts)}"


def _alarms(run: Run, counts: Counter[State]) -> Iterable[str]:
    for kind in (State.UNEXPECTED, State.ERROR, State.STALE):
        if counts[kind]:
            yield f"{counts[kind]:,} {kind}"
    if any(target.named for target in run.header.targets):
        yield "a target is not here"
    if run.footer is None:
        yield "incomplete"


def endpoint(run: Run, backend: str | None = None) -> Json:
    """Return what shields.io reads; what is not right is an error that nobody may recolour."""
    sign, _ = verdict(run)
    return {
        "schemaVersion": 1,
        "label": label(backend),
        "message": message(run),
        "color": _COLOURS[sign],
        "isError": sign != "✓",
    }


def svg(run: Run, backend: str | None = None) -> str:
    """Return the badge as an image that says its words to whoever cannot see it."""
    sign, _ = verdict(run)
    halves = ((label(backend), "#333333"), (message(run), _COLOURS[sign]))
    widths = [len(text) * _CHARACTER + _PADDING for text, _ in halves]
    told = ": ".join(text for text, _ in halves)
    root = ET.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "width": str(sum(widths)),
            "height": str(_HEIGHT),
            "role": "img",
            "aria-label": told,
        },
    )
    ET.SubElement(root, "title").text = told
    left = 0
    for (text, colour), width in zip(halves, widths, strict=True):
        box = {"x": str(left), "width": str(width), "height": str(_HEIGHT), "fill": colour}
        ET.SubElement(root, "rect", box)
        drawn = {
            "x": str(left + _PADDING // 2),
            "y": "14",
            "textLength": str(width - _PADDING),
            "fill": "#ffffff",
            "font-family": "Verdana,DejaVu Sans,sans-serif",
            "font-size": "11",
        }
        ET.SubElement(root, "text", drawn).text = text
        left += width
    return ET.tostring(root, encoding="unicode") + "\n"


def _backend(target: str) -> str:
    """Return the backend of a target; one that is not here at all goes by its own name."""
    name, *rest = target.rsplit(":", 2)
    return name if len(rest) == 2 else target
