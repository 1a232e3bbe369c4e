"""The command that searches: `hunt`."""

from __future__ import annotations

import sys
from typing import Any

import click

from trysquare.cli.measuring import conclude, require_outputs
from trysquare.cli.options import (
    ADDRESS,
    ANY_FILE,
    DTYPES,
    ENGINE,
    EVALUATIONS,
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

"""Evaluations of one quantity by one target; a pass through every binade of float64 needs many."""


@click.command()
@click.argument("functions", nargs=-1, required=True, metavar="FUNCTION...")
@TARGETS
@DTYPES
@click.option("--gradient", is_flag=True, help="Hunt gradients, not values.")
@click.option(
    "--evaluations",
    type=click.IntRange(min=1),
    default=EVALUATIONS,
    show_default=True,
    help="By each target, of each quantity in each dtype.",
)
@SEEDED
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
    from trysquare.command.collecting import save
    from trysquare.command.hunting import Hunt
    from trysquare.planning.shards import Shard

    require_outputs(options)
    shard = None if options["shard"] is None else Shard.read(options["shard"])
    campaign = Hunt.of(
        words=options["functions"],
        targets=options["targets"],
        dtypes=options["dtypes"],
        earlier=options["earlier"],
        gradient=options["gradient"],
    )
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
