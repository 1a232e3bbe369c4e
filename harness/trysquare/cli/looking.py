"""The commands that look and measure nothing: `list`, `show`, `check`, `doctor`."""

from __future__ import annotations

from pathlib import Path

import click

from trysquare.cli.options import BACKENDS, SPECS, Code, plural, schema_of
from trysquare.errors import SpecErrors, UsageError


@click.command("list")
@click.argument("what", type=click.Choice(["functions", "backends", "checks", "targets"]))
def list_(what: str) -> None:
    """List what there is to run."""
    from trysquare.command import catalogue

    for row in catalogue.listing(what):
        click.echo(row)


@click.command()
@click.argument("function")
def show(function: str) -> None:
    """Print what the spec of FUNCTION says, or one of your own: NAME.yaml."""
    from trysquare.command import catalogue

    click.echo(catalogue.page(function))


@click.command()
@SPECS
def check(specs: tuple[Path, ...]) -> int:
    """Read SPECS (all that are installed, if none is named) and print every mistake in them.

    A mistake is also what a spec states twice and differently, and a limit that can see nothing.
    """
    from trysquare.command import lint, selection

    read, mistakes = selection.readable(specs)
    errors = SpecErrors([*mistakes, *(one for spec in read for one in lint.mistakes(spec))])
    if errors.mistakes:
        click.echo(errors)
        click.echo(f"{plural(len(errors.mistakes), 'error')}", err=True)
        return Code.USAGE
    click.echo(f"{plural(len(read), 'spec')}, 0 errors")
    return Code.EXPECTED


def _schema() -> object:
    from trysquare.workers.headers import schema

    return schema()


@click.command()
@BACKENDS
@click.option(
    "--command",
    metavar="COMMAND",
    help="Tell what a program does wrong that speaks the protocol: a command line, or NAME.yaml.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=20.0,
    show_default=True,
    metavar="SECONDS",
    help="With --command: how long an answer may take.",
)
@schema_of("a header of the protocol", _schema)
def doctor(backends: tuple[str, ...], command: str | None, timeout: float) -> int:
    """Probe every backend: what it can do here, or why it cannot."""
    from trysquare.command import doctor as surgery

    if command is not None:
        if backends:
            raise UsageError("--backend says nothing beside --command")
        fit = surgery.listen(surgery.program(command), timeout, click.echo)
        return Code.EXPECTED if fit else Code.UNEXPECTED
    return Code.EXPECTED if surgery.examine(backends, click.echo) else Code.NOTHING
