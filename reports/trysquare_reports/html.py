"""A run as one HTML file that opens from disk: no network, and no script needed for its verdict."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from trysquare.difference import compare
from trysquare.record import Json, Run
from trysquare.result import Expectation, Outcome, Result
from trysquare_reports import (
    blame,
    changes,
    chunk,
    columns,
    details,
    figures,
    findings,
    markup,
    plot,
    usage,
    verdict,
)
from trysquare_reports.matrix import ARRANGED, OWN, matrix
from trysquare_reports.verdict import ALARMING, State

_TEMPLATES = Path(__file__).parent / "templates"
_SCRIPTS = (
    "data",
    "filter",
    "elements",
    "table",
    "drawing",
    "decisions",
    "issue",
    "result",
    "function",
    "target",
    "compare",
    "beside",
    "keys",
    "routes",
)
"""What the script of the page is made of, in this order."""

_state = attrgetter("state")
_DIFFERENT = 10
"""Questions of which the page tells how far the answers are apart that are within their limits."""

_PLAIN = 50
"""Unexpected results that can be read without scripts, and in print."""

_REPRODUCTIONS = 12_000_000
"""Characters of all reproductions that the page carries, those of the worst results first."""

_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def render(run: Run, baseline: Run | None = None) -> str:
    """Return the page: verdict, queue and matrix as HTML, all results as data.

    `baseline` is an earlier run; the page then says what became of each of its results.
    """
    style = _static("page.css")
    script = "".join(_static(f"script/{name}.js") for name in _SCRIPTS)
    table = columns.table(run, None if baseline is None else compare(baseline, run))
    queue = findings.findings(table.rows)
    alarming = [item for item in queue if item.state in ALARMING]
    head, words, numbers = columns.columns(table)
    sides = [*blame.sides(run.results)]
    text = (
        _environment()
        .get_template("page.html.j2")
        .render(
            run=run,
            targets=table.targets,
            style=Markup(style),  # noqa: S704 - our own file
            script=Markup(script),  # noqa: S704 - our own files
            policy=_policy(style, script),
            verdict=verdict.verdict(run),
            counts=verdict.tally(run),
            ran=verdict.targets(run),
            broken=verdict.broken(run),
            error=State.ERROR,
            ways={OWN: "called as it is", ARRANGED: "called after its tensors got another form"},
            states=list(State)[:-1],
            matrix=matrix(run, table.changes),
            alarming=[
                (kind, [*them]) for kind, them in groupby(alarming[: findings.QUEUED], _state)
            ],
            unqueued=alarming[findings.QUEUED :],
            known=findings.known(queue),
            plain=[details.detail(r, "", scripted=False) | {"result": r} for r in _plain(table)],
            curves=[(r, plot.curve_figure(r.function, r.curves)) for r in run.functions],
            side_by_side=_side_by_side(sides),
            usage_heads=usage.HEADS,
            usage=[*usage.rows(run.functions)],
            dialects=[*usage.dialects(run.functions)],
            comparison=None if table.compared is None else changes.heading(table.compared),
            data=_json(head | _meta(run, table)),
            packs={"words": columns.packed(words), "numbers": columns.packed(numbers)}
            | dict(_packs(table, sides)),
        )
    )
    # half a surrogate in a text must not end a report, and nothing steers who prints the page
    text = text.encode("utf-8", "replace").decode("utf-8")
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text)


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "whole": figures.whole,
        "duration": figures.duration,
        "links": markup.links,
        "route": _route,
        "query": _query,
        "quoted": _quoted,
    }
    environment.globals |= {
        "plural": figures.plural,
        "error_of": details.error,
        "samples": findings.SAMPLES,
    }
    return environment


def _plain(table: columns.Table) -> list[Result]:
    found = (row for row in table.rows[:_PLAIN] if verdict.state(row) in ALARMING)
    return [*found]


def _meta(run: Run, table: columns.Table) -> Json:
    """Return what the script says of the run as a whole."""
    return {
        "trysquare": run.header.trysquare,
        "started": run.header.started,
        "specs": run.header.specs,
        "seed": run.header.seed,
        "environment": run.header.environment,
        "targets": [
            {
                "target": target.target,
                "version": target.version,
                "flushes": target.flushes,
                "environment": [*target.environment.items()],
            }
            for target in run.header.targets
        ],
        "longest": details.LONGEST,
        "states": {
            f"{outcome} {expectation}": [*State].index(verdict.word(outcome, expectation))
            for outcome in Outcome
            for expectation in Expectation
        },
        "comparison": None if table.compared is None else changes.heading(table.compared),
    }


def _packs(table: columns.Table, sides: Iterable[blame.Side]) -> Iterator[tuple[str, str]]:
    """Yield the data of each function, and of what is gone since another run."""
    results = chunk.by_function(table.run.results)
    accused = details.accusations(sides)
    scripted = chunk.scripts(table.rows, _REPRODUCTIONS)
    for number, name in enumerate(table.functions):
        found = chunk.chunk(name, results.get(name, []), table, accused, scripted)
        yield f"function-{number}", columns.packed(found)
    if table.compared is not None:
        yield "gone", columns.packed(changes.gone(table.compared))


def _side_by_side(sides: Sequence[blame.Side]) -> Mapping[str, object]:
    """Return how often one, some or all targets are wrong, and where those that conform differ."""
    counts = blame.counts(sides)
    differing = sorted(sides, key=lambda side: -side.apart)[:_DIFFERENT]
    return {
        "count": len(sides),
        "counts": [(who, counts[who]) for who in blame.Blame if counts[who]],
        "differing": [(side.results[0], side.apart) for side in differing if side.apart > 1],
    }


def _static(name: str) -> str:
    return "\n" + (_TEMPLATES / name).read_text("utf-8")


def _policy(style: str, script: str) -> str:
    """Return a Content-Security-Policy that admits our style and our script, and nothing else."""
    hashes = [b64encode(sha256(text.encode()).digest()).decode() for text in (style, script)]
    return (
        f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _json(value: object) -> Markup:
    """Return JSON that can stand in a script element: nothing in it ends the element."""
    text = json.dumps(value, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - escaped above


def _route(name: str, kind: str) -> str:
    return f"#/{kind}/{_quoted(name)}"


def _query(text: str) -> str:
    return f"#/results?q={_quoted(text)}"


def _quoted(text: str) -> str:
    return quote(text.encode("utf-8", "replace"), safe="")
