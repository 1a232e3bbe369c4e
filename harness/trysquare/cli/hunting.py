"""The command that searches: `hunt`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import click

from trysquare.cli.measuring import conclude, require_outputs
from trysquare.cli.options import (
    ADDRESS,
    ANY_FILE,
    DTYPES,
    ENGINE,
    EVALUATIONS,
    FC,
    MEMORY,
    REPORT,
    RESULTS,
    SEEDED,
    SHARD,
    TARGETS,
    TIMEOUT,
    hire,
    limits,
)

if TYPE_CHECKING:
    from trysquare.command.hunting import Hunt

FUNCTIONS = click.argument("functions", nargs=-1, required=True, metavar="FUNCTION...")
GRADIENT = click.option("--gradient", is_flag=True, help="Hunt gradients, not values.")
TRIES = click.option(
    "--evaluations",
    type=click.IntRange(min=1),
    default=EVALUATIONS,
    show_default=True,
    help="By each target, of each quantity in each dtype.",
)


def selecting(command: FC) -> FC:
    """Give a command the argument and the options that say what is hunted, and for how long."""
    for option in (SEEDED, TRIES, GRADIENT, DTYPES, TARGETS, FUNCTIONS):
        command = option(command)
    return command


def selected(options: Mapping[str, Any], earlier: Sequence[Path] = ()) -> Hunt:
    """Return the hunt that these options describe; it begins with what `earlier` ones found."""
    from trysquare.command.hunting import Hunt

    return Hunt.of(
        words=options["functions"],
        targets=options["targets"],
        dtypes=options["dtypes"],
        earlier=earlier,
        gradient=options["gradient"],
    )


@click.command()
@selecting
@click.option(
    "--from",
    "earlier",
    multiple=True,
    type=ANY_FILE,
    metavar="FILE",
    help="Begin with what an earlier hunt found.",
)
@click.option("--save", is_flag=True, help="Add what is found to the corpus beside the spec.")
@SHARD
@ENGINE
@ADDRESS
@RESULTS
@REPORT
@TIMEOUT
@MEMORY
def hunt(**options: Any) -> int:
    """Search for the inputs of FUNCTION (a name, a pattern, or a spec file) with the largest error.

    What is found is judged as in a run; what was known to diverge is expected.
    """
    begun = monotonic()
    from trysquare.command.collecting import save
    from trysquare.planning.shards import Shard

    require_outputs(options)
    shard = None if options["shard"] is None else Shard.read(options["shard"])
    campaign = replace(selected(options, options["earlier"]), begun=begun)
    if shard is not None:
        campaign = campaign.part(shard)
    recorded, interrupted = campaign.run(
        options["evaluations"],
        options["seed"],
        limits(options),
        options["output"],
        sys.stderr,
        hire(options),
    )
    code = conclude(recorded, options, interrupted=interrupted)
    if options["save"]:
        for path, added in save(campaign.specs, recorded):
            click.echo(f"{path}: {added} new", err=True)
    return code
