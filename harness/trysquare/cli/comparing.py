"""The commands over several results files: `diff`, `merge`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trysquare.cli.measuring import code
from trysquare.cli.options import ANY_FILE, OUTPUT, Code, require_writable
from trysquare.errors import UsageError

if TYPE_CHECKING:
    from trysquare.result import Record


@click.command()
@click.argument("before", type=ANY_FILE)
@click.argument("after", type=ANY_FILE)
@click.option("--format", "form", type=click.Choice(["text", "json", "markdown"]), default="text")
def diff(before: Path, after: Path, form: str) -> int:
    """Compare two results files, result by result; ends with 1 if something got worse."""
    from trysquare.difference import compare
    from trysquare.results_file import read

    compared = import_module("trysquare_reports.compared")
    found = compare(read(before), read(after))
    forms = {
        "text": compared.text,
        "markdown": compared.markdown,
        "json": lambda comparison: json.dumps(compared.plain(comparison), indent=2),
    }
    # some of the words may be those of a file
    click.echo(import_module("trysquare_reports.verdict").printable(forms[form](found)))
    if found.failed:
        return Code.UNEXPECTED
    return Code.EXPECTED if found.compared else Code.NOTHING


@click.command()
@click.argument("results", type=ANY_FILE, nargs=-1, required=True)
@click.option("-o", "--output", type=OUTPUT, required=True, metavar="FILE", help="Where to.")
@click.option(
    "--expect",
    "expected",
    type=click.IntRange(min=1),
    metavar="N",
    help="How many files there should be; if there are fewer, the run counts as not ended.",
)
def merge(results: tuple[Path, ...], output: Path, expected: int | None) -> int:
    """Join the results files of shards, and of runs of several frameworks.

    Ends with 3 if a shard or a file is missing or a run did not end, with 1 if something is
    unexpected.
    """
    from trysquare.command.merging import merge as merged
    from trysquare.results_file import ResultsWriter, read

    require_writable(output)
    if any(output.exists() and path.exists() and output.samefile(path) for path in results):
        raise UsageError(f"{output}: the merged results would replace some that are read")
    if len({path.resolve() for path in results}) < len(results):
        raise UsageError("a file is named twice")
    if expected is not None and len(results) > expected:
        raise UsageError(f"{len(results)} files are named, and {expected} expected")
    joined = merged({str(path): read(path) for path in results}, expected)
    run = joined.run
    with ResultsWriter(output) as writer:
        ends = () if run.footer is None else (run.footer,)
        lines: Iterable[Record] = chain((run.header,), run.functions, run.results, ends)
        for line in lines:
            writer.write(line)
    words = import_module("trysquare_reports.verdict")
    for text in (*(f"⚠ {it}" for it in joined.remarks), *(f"✗ {it}" for it in joined.missing)):
        click.echo(words.one_line(text), err=True)
    click.echo(words.printable(import_module("trysquare_reports.text").last_lines(run)))
    click.echo(f"wrote {output}", err=True)
    return Code.NOTHING if joined.missing else code(run)
