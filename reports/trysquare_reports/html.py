"""A run as one HTML file that opens from disk: no network, and no script needed to read it."""

from __future__ import annotations

import json
import shlex
from base64 import b64encode
from collections import defaultdict
from collections.abc import Mapping, Sequence
from hashlib import sha256
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from trysquare.result import Check, FunctionRecord, Result, Run
from trysquare_reports import blame, figures, findings, function_page, markup, plot, usage, verdict
from trysquare_reports.hunted import hunted
from trysquare_reports.matrix import matrix
from trysquare_reports.verdict import State

_TEMPLATES = Path(__file__).parent / "templates"
_state = attrgetter("state")
_DIFFERENT = 10
"""Questions of which the page tells how far the answers are apart that are within their limits."""

_LONGEST = 4_000
"""Characters of a reproduction that the page carries; a longer one is in the results file."""


def render(run: Run) -> str:
    """Return the page: verdict, matrix, one section for each function and each divergence."""
    style, script = (_static(name) for name in ("page.css", "page.js"))
    queue = findings.findings(run.results)
    pages = findings.paged(queue)
    page = _environment({result.id for result in pages}).get_template("page.html.j2")
    targets = [target.target for target in run.header.targets if target.available]
    text = page.render(
        run=run,
        targets=targets,
        style=Markup(style),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        policy=_policy(style, script),
        verdict=verdict.verdict(run),
        counts=verdict.tally(run),
        ran=verdict.targets(run),
        broken=verdict.broken(run),
        error=State.ERROR,
        states=list(State)[:-1],
        matrix=matrix(run),
        alarming=[
            (kind, [*found]) for kind, found in groupby(queue, _state) if kind is not State.KNOWN
        ],
        known=findings.known(queue),
        functions=_functions(run, targets),
        pages=pages,
        dropped=sum(len(found.results) for found in queue) - len(pages),
        longest=_LONGEST,
        shown=function_page.SHOWN,
        order=_json([result.id for result in pages]),
        peers=_peers(run, pages),
        side_by_side=_side_by_side(run),
        usage_heads=usage.HEADS,
        usage=[*usage.rows(run.functions)],
        dialects=[*usage.dialects(run.functions)],
    )
    # half a surrogate in a text must not end a report
    return text.encode("utf-8", "replace").decode("utf-8")


def _environment(pages: set[str]) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "ulp": figures.ulp,
        "whole": figures.whole,
        "duration": figures.duration,
        "percent": figures.percent,
        "over": lambda worst: figures.over(worst.ulp, worst.limit),
        "state": verdict.state,
        "links": markup.links,
        "route": _route,
        "shell": shlex.quote,
    }
    environment.tests |= {"has_page": pages.__contains__}
    environment.globals |= {
        "has_page": pages.__contains__,
        "plural": figures.plural,
        "exact_percent": figures.exact_percent,
        "mismatch": verdict.mismatch,
        "wanted": verdict.wanted,
        "closeness": verdict.closeness,
        "seen_by_others": verdict.seen_by_others,
        "blamed": blame.sentence,
    }
    return environment


def _functions(run: Run, targets: Sequence[str]) -> list[Mapping[str, object]]:
    results: defaultdict[str, list[Result]] = defaultdict(list)
    for result in run.results:
        results[result.function].append(result)
    return [_function(record, results[record.function], targets) for record in run.functions]


def _function(
    record: FunctionRecord, results: Sequence[Result], targets: Sequence[str]
) -> Mapping[str, object]:
    causes = findings.findings(results)
    panels = {
        title: [*function_page.panels(members, targets)]
        for title, members in function_page.plotted(results).items()
    }
    return {
        "record": record,
        "formulas": [
            (label, text, markup.math(mathml, text)) for label, text, mathml in record.formulas
        ],
        "curve": plot.curve_figure(record.function, record.curves),
        "special": function_page.special_values(results, targets),
        "sweeps": [result for result in results if result.check is Check.SWEEP],
        "hunted": [*hunted(results)],
        "panels": {title: found for title, found in panels.items() if found},
        "defaults": function_page.defaults(record),
        "causes": causes,
        "diverging": sum(len(cause.results) for cause in causes),
        "count": len(results),
    }


def _peers(run: Run, pages: Sequence[Result]) -> Mapping[str, list[Result]]:
    answers: defaultdict[tuple[object, ...], list[Result]] = defaultdict(list)
    for result in run.results:
        answers[verdict.question(result)].append(result)
    return {result.id: answers[verdict.question(result)] for result in pages}


def _side_by_side(run: Run) -> Mapping[str, object]:
    """Return how often one, some or all targets are wrong, and where those that conform differ."""
    compared = [*blame.sides(run.results)]
    counts = blame.counts(compared)
    differing = sorted(compared, key=lambda side: -side.apart)[:_DIFFERENT]
    return {
        "count": len(compared),
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
    text = json.dumps(value)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - escaped above


def _route(name: str, kind: str) -> str:
    return f"#/{kind}/{quote(name.encode('utf-8', 'replace'), safe='')}"
