"""The commands that read a results file: `report`, `badge`, `repro`."""

from __future__ import annotations

import gc
import json
import sys
from collections import Counter
from collections.abc import Iterable
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trysquare.cli.options import ANY_FILE, OUTPUT, Code, write
from trysquare.errors import UsageError

if TYPE_CHECKING:
    from trysquare.record import Run
    from trysquare.result import Result

TEXTS = {
    "text": ("trysquare_reports.text", "render_summary"),
    "junit": ("trysquare_reports.junit", "render"),
    "markdown": ("trysquare_reports.summary", "render"),
}
"""The formats but HTML, and who writes them."""

MOST_NAMED = 20
"""Results that are named to whoever names none."""


@click.command()
@click.argument("results", type=ANY_FILE)
@click.option(
    "-o", "--output", type=OUTPUT, metavar="FILE", help="Where to; all but HTML may go to stdout."
)
@click.option("--format", "form", type=click.Choice(["html", *TEXTS]), default="html")
@click.option(
    "--baseline",
    type=ANY_FILE,
    metavar="OLD",
    help="An earlier results file: the page says what became of each of its results.",
)
def report(results: Path, output: Path | None, form: str, baseline: Path | None) -> None:
    """Make a report of a results file."""
    from trysquare.results_file import read

    if baseline is not None and form != "html":
        raise UsageError("--baseline is for HTML; `trysquare diff OLD NEW` compares as text")
    recorded = read(results)
    _tell_of_part(results, recorded)
    if form == "html":
        path = output or results.with_suffix(".html")
        for source in filter(None, (results, baseline)):
            _require_other(path, source)
        earlier = None if baseline is None else read(baseline)
        gc.freeze()  # all these records stay to the end: a fifth of the time to look through them
        write(path, import_module("trysquare_reports.html").render(recorded, earlier))
        click.echo(f"wrote {path}", err=True)
    elif output is None and form == "text":
        import_module("trysquare_reports.text").print_summary(recorded, sys.stdout)
    else:
        module, function = TEXTS[form]
        text: str = getattr(import_module(module), function)(recorded).rstrip("\n") + "\n"
        if output is None:
            click.echo(text, nl=False)
        else:
            _require_other(output, results)
            write(output, text)


@click.command()
@click.argument("results", type=ANY_FILE)
@click.option("-o", "--output", type=OUTPUT, metavar="FILE", help="Where to write the image (SVG).")
@click.option(
    "--endpoint", type=OUTPUT, metavar="FILE", help="Where to write the JSON that shields.io reads."
)
@click.option("--backend", metavar="NAME", help="Of one backend alone.")
def badge(results: Path, output: Path | None, endpoint: Path | None, backend: str | None) -> None:
    """Make a badge of a results file: how many results conform, and of how many."""
    from trysquare.results_file import read

    written = [path for path in (output, endpoint) if path is not None]
    if not written:
        raise UsageError("nothing to write: name an image, -o badge.svg, or --endpoint badge.json")
    if len({path.resolve() for path in written}) < len(written):
        raise UsageError(f"{written[0]}: the image and the endpoint cannot be one file")
    for path in written:
        _require_other(path, results)
    badges = import_module("trysquare_reports.badge")
    recorded = read(results)
    if backend is not None:
        recorded = badges.of_backend(recorded, backend)
    if output is not None:
        write(output, badges.svg(recorded, backend))
    if endpoint is not None:
        write(endpoint, json.dumps(badges.endpoint(recorded, backend), indent=2) + "\n")
    for path in written:
        click.echo(f"wrote {path}", err=True)


def _tell_of_part(path: Path, recorded: Run) -> None:
    if recorded.partial:
        click.echo(f"{path}: only a part of a run: {recorded.partial}", err=True)


def _require_other(path: Path, results: Path) -> None:
    if path.exists() and path.samefile(results):
        raise UsageError(f"{path}: the report would replace the results")


@click.command()
@click.argument("results", type=ANY_FILE)
@click.argument("result_id", metavar="[ID]", default="")
@click.option(
    "--run",
    "execute",
    is_flag=True,
    help="Run it in a fresh process; without ID, or with a pattern ('*/cases/*'), each script. "
    "It is code from RESULTS: only for files that you trust.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["script", "issue"]),
    default="script",
    help="issue: Markdown for an issue tracker, with the script in it.",
)
def repro(results: Path, result_id: str, execute: bool, form: str) -> int:  # noqa: FBT001
    """Print the stand-alone script that shows the divergence of one result, or run those of many.

    Many: each is held against its result, to the last bit. 0: all show the same, 1: some do not,
    3: none was run. One: 1 if the divergence shows, 0 if it does not, 3 if the script broke off.
    """
    from trysquare.command import confirming, rerun
    from trysquare.results_file import read

    if execute and form != "script":
        raise UsageError("--run runs the script; --format issue prints a text")
    several = not result_id or "*" in result_id
    if several and not execute:
        raise UsageError(_choice(read(results).results, result_id or "*"))
    recorded = read(results)
    if several:
        _tell_of_part(results, recorded)
        wanted = (it for it in recorded.results if fnmatchcase(it.id, result_id or "*"))
        return _confirm(wanted)
    result = rerun.find(recorded.results, result_id)
    if form == "issue":
        rerun.require_wrong(result)
        click.echo(import_module("trysquare_reports.issue").issue(recorded, result), nl=False)
        return Code.EXPECTED
    # nothing that a file or a framework says reaches the terminal as a control sequence
    printable = import_module("trysquare_reports.verdict").printable
    script = rerun.script_of(result)
    if not execute:
        click.echo(printable(script), nl=False)
        return Code.EXPECTED
    evidence, printed = rerun.rerun(script)
    evidence = confirming.same(result, evidence, printed)
    click.echo(printable(f"{printed}\n{evidence}"))
    codes = {rerun.Evidence.GONE: Code.EXPECTED, rerun.Evidence.UNKNOWN: Code.NOTHING}
    return codes.get(evidence, Code.UNEXPECTED)


def _choice(results: Iterable[Result], pattern: str) -> str:
    """Return what to name, or to add: the first of the results that have a script."""
    found = [it.id for it in results if it.reproduction and fnmatchcase(it.id, pattern)]
    if not found:
        return f"which result? none that '{pattern}' names has a script"
    shown = "\n".join(f"  {name}" for name in found[:MOST_NAMED])
    return f"which result? name one of {len(found):,}, or --run to run the scripts of all\n{shown}"


def _confirm(results: Iterable[Result]) -> int:
    """Run the script of each result; print those that do not show it, and how many there are."""
    from trysquare.command.confirming import confirm
    from trysquare.command.rerun import Evidence

    one_line = import_module("trysquare_reports.verdict").one_line
    counts = Counter[Evidence]()
    for found in confirm(results):
        counts[found.evidence] += 1
        if found.evidence is not Evidence.CONFIRMED:
            last = found.printed.rpartition("\n")[2]
            click.echo(one_line(f"{found.result.id}: {found.evidence} ({last})"))
    if not counts:
        click.echo("no divergence to reproduce")
        return Code.NOTHING
    for evidence in Evidence:
        click.echo(f"{counts[evidence]:>8,} {evidence}")
    return Code.EXPECTED if counts.keys() == {Evidence.CONFIRMED} else Code.UNEXPECTED
