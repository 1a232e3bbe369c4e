"""The commands over several runs: `diff`, `bisect`, `merge`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trysquare.cli.measuring import code
from trysquare.cli.options import ANY_FILE, OUTPUT, PROFILE, Code, require_writable
from trysquare.errors import UsageError

if TYPE_CHECKING:
    from trysquare.results_file import Line


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
@click.argument("function")
@click.option("--package", required=True, help="What pip calls it.")
@click.option("--versions", required=True, metavar="OLD,..,NEW", help="Which ones, in this order.")
@click.option("--backend", metavar="NAME", help="What measures it; as the package, if left out.")
@PROFILE
def bisect(function: str, package: str, versions: str, backend: str | None, profile: str) -> int:
    """Say in which version of a package a result of FUNCTION changed.

    Each version is installed by pip, which obeys its own variables and files (PIP_INDEX_URL, ...),
    into an environment that is thrown away afterwards; the rest is what is installed here. Ends
    with 1 if something got worse, with 3 if a version could not be measured.
    """
    from trysquare.command import selection
    from trysquare.command.versions import Asked, listed, measure, steps

    compared = import_module("trysquare_reports.compared")
    text = import_module("trysquare_reports.text")
    printable = import_module("trysquare_reports.verdict").printable
    wanted = listed(package, versions)
    spec = selection.shipped(function)
    names = ",".join(selection.backends([backend or package]))
    asked = Asked(spec.function, package, names, ("--profile", profile))
    found = []
    for version in wanted:
        one = measure(asked, version)
        found.append(one)
        said = f"✗ {one.fault}" if one.run is None else text.last_lines(one.run)
        click.echo(printable(f"{package} {version}{one.loaded}\n{said}\n"))
    changed = []
    for step in steps(found):
        click.echo(f"{package} {step.before} → {step.after}")
        if step.changed:
            changed.append(step)
            click.echo(printable(compared.text(step.comparison)) + "\n")
        else:
            click.echo("no result changed\n")
    where = ", ".join(step.after for step in changed)
    click.echo(f"{function}: {f'changed in {package} {where}' if where else 'no result changed'}")
    if any(step.comparison.failed for step in changed):
        return Code.UNEXPECTED
    return Code.NOTHING if any(one.run is None for one in found) else Code.EXPECTED


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
@click.option(
    "--backend", "backends", multiple=True, metavar="NAME[,..]",
    help="Where targets are found, or what is known of them, if no installed backend has them.",
)  # fmt: skip
def merge(
    results: tuple[Path, ...], output: Path, expected: int | None, backends: tuple[str, ...]
) -> int:
    """Join the results files of shards, and of runs of several frameworks.

    Of a sweep, the targets are asked once more for the worst numbers, so they have to be here. Of a
    run that left nothing out, known divergences are told that are about nothing any more.
    Ends with 3 if a shard or a file is missing or a run did not end, with 1 if something is
    unexpected.
    """
    from trysquare.command.assembling import assemble
    from trysquare.command.merging import merge as merged
    from trysquare.command.staleness import told
    from trysquare.results_file import ResultsWriter, read

    require_writable(output)
    if any(output.exists() and path.exists() and output.samefile(path) for path in results):
        raise UsageError(f"{output}: the merged results would replace some that are read")
    if len({path.resolve() for path in results}) < len(results):
        raise UsageError("a file is named twice")
    if expected is not None and len(results) > expected:
        raise UsageError(f"{len(results)} files are named, and {expected} expected")
    runs = {str(path): read(path) for path in results}
    joined = merged(runs, expected)
    if not joined.missing:
        joined = assemble(joined, backends) if joined.parts else told(joined, runs, backends)
    run = joined.run
    with ResultsWriter(output) as writer:
        ends = () if run.footer is None else (run.footer,)
        lines: Iterable[Line] = chain((run.header,), run.functions, run.parts, run.results, ends)
        for line in lines:
            writer.write(line)
    words = import_module("trysquare_reports.verdict")
    for text in (*(f"⚠ {it}" for it in joined.remarks), *(f"✗ {it}" for it in joined.missing)):
        click.echo(words.one_line(text), err=True)
    texts = import_module("trysquare_reports.text")
    for text in filter(None, (texts.stale_lines(run), texts.last_lines(run))):
        click.echo(words.printable(text))
    click.echo(f"wrote {output}", err=True)
    return Code.NOTHING if joined.missing else code(run)
