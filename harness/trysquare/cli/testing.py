"""The command that tests Trysquare itself: `selftest`."""

from __future__ import annotations

import sys
from importlib import import_module

import click

from trysquare.cli.options import Code


@click.command()
@click.option("-k", "--check", "checks", multiple=True, metavar="CHECK", help="Only these checks.")
def selftest(checks: tuple[str, ...]) -> int:
    """Let backends that lie, and one that is right, be judged: every check has to tell which."""
    testing = import_module("trysquare_miniatures.selftest")
    scores = testing.selftest(checks, sys.stderr)
    for line in testing.page(scores):
        click.echo(line)
    whole = all(score.percent == 100 for score in scores)
    return Code.EXPECTED if whole else Code.UNEXPECTED
