"""The command that compares defaults: `table`."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from trysquare.cli.options import BACKENDS, SPECS, Code
from trysquare.errors import UsageError


@click.command()
@SPECS
@click.option("-k", "--function", "globs", multiple=True, metavar="GLOB", help="Only these.")
@BACKENDS
@click.option("--from", "source", metavar="TARGET", help="The target, or backend, to come from.")
@click.option("--to", "destination", metavar="TARGET", help="The one to go to.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown"]),
    default="text",
    show_default=True,
    help="How to print.",
)
def table(**options: Any) -> int:
    """Print every default and dialect, what it changes, and the calls that agree.

    A default is read from the framework's signature and confirmed by a call that leaves it out.
    """
    from trysquare.command import table as tables

    source, destination = options["source"], options["destination"]
    if bool(source) != bool(destination):
        raise UsageError("--from and --to belong together")
    reports = import_module("trysquare_reports.usage")
    if source:
        if options["backends"]:
            raise UsageError("--backend says nothing beside --from and --to")
        found = tables.ported(options["specs"], options["globs"], source, destination)
        as_markdown = options["form"] == "markdown"
        click.echo(reports.ported(found, source, destination, markdown=as_markdown))
        return Code.EXPECTED if found else Code.NOTHING
    records = tables.functions(options["specs"], options["globs"], options["backends"])
    show = reports.markdown if options["form"] == "markdown" else reports.summary
    click.echo(show(records))
    return Code.EXPECTED if any(record.usages for record in records) else Code.NOTHING
