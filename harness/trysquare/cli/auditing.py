"""The command that checks the truth itself, and other people's figures: `audit`."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import click

from trysquare.cli.options import ANY_FILE, SPECS, Code
from trysquare.errors import UsageError


@click.command()
@SPECS
@click.option(
    "--goldens",
    type=ANY_FILE,
    metavar="FILE",
    help="Judge the expected values in a CSV or npz file instead.",
)
@click.option("--function", metavar="FUNCTION", help="The function that FILE is about.")
@click.option("--dtype", metavar="DTYPE", help="The dtype of the numbers in FILE.")
@click.option(
    "--parameter", "parameters", multiple=True, metavar="NAME=VALUE",
    help="A parameter with which FILE was made.",
)  # fmt: skip
@click.option(
    "--published", is_flag=True, help="Measure what has been published about errors instead."
)
def audit(
    specs: tuple[Path, ...],
    goldens: Path | None,
    function: str | None,
    dtype: str | None,
    parameters: tuple[str, ...],
    published: bool,  # noqa: FBT001
) -> int:
    """Check the truth of SPECS (all that are installed, if none is named); no framework is asked.

    Formula against definition, gradients against derivatives, the float64 form against its
    condition number, and all of it against mpmath. Or, with --goldens, which of somebody's
    expected values are not correctly rounded; or, with --published, whether published claims about
    the errors of targets are true here.
    """
    from trysquare.command import auditing

    if published and goldens:
        raise UsageError("--published and --goldens are two questions; ask one of them")
    if goldens is None and (function or dtype or parameters):
        raise UsageError("--function, --dtype and --parameter describe a file of --goldens")
    if published:
        return auditing.published(specs, _tell)
    if goldens is None:
        true = auditing.audit(specs, _tell)
    elif function is None:
        raise UsageError("--goldens needs --function: which function are the values of?")
    else:
        true = auditing.goldens(specs, goldens, function, dtype, parameters, _tell)
    return Code.EXPECTED if true else Code.UNEXPECTED


def _tell(line: str) -> None:
    # some of the words are those of a file
    click.echo(import_module("trysquare_reports.verdict").printable(line))
