"""The command that checks the truth itself, and other people's figures: `audit`."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import click

from trysquare.cli.options import SPECS, Code


@click.command()
@SPECS
def audit(specs: tuple[Path, ...]) -> int:
    """Check the truth of SPECS (all that are installed, if none is named); no framework is asked.

    Formula against definition, gradients against derivatives, the float64 form against its
    condition number, and all of it against mpmath.
    """
    from trysquare.command import auditing

    return Code.EXPECTED if auditing.audit(specs, _tell) else Code.UNEXPECTED


def _tell(line: str) -> None:
    # some of the words are those of a file
    click.echo(import_module("trysquare_reports.verdict").printable(line))
