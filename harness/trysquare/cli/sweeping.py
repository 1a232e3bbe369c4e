"""The command that tries every number: `sweep`."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from trysquare.cli.measuring import conclude, require_outputs
from trysquare.cli.options import (
    MEMORY,
    REPORT,
    RESULTS,
    RESUME,
    SHARD,
    TARGETS,
    TIMEOUT,
    Code,
    limits,
)
from trysquare.errors import UsageError

if TYPE_CHECKING:
    from trysquare.sweep.campaign import Range


@click.command()
@click.argument("functions", nargs=-1, required=True, metavar="FUNCTION...")
@TARGETS
@click.option(
    "--dtype", "dtypes", multiple=True, metavar="DTYPE", default=("float32",), show_default=True,
    help="float32, float16 or bfloat16; may be repeated.",
)  # fmt: skip
@click.option("--gradient", is_flag=True, help="Sweep the derivative as well.")
@click.option("--range", "numbers", metavar="LO:HI", help="Only the numbers from LO to HI.")
@SHARD
@RESUME
@click.option(
    "--processes", type=click.IntRange(1, 64), default=2, show_default=True,
    help="Sweep so many parts at a time, each with a worker for every target.",
)  # fmt: skip
@RESULTS
@REPORT
@TIMEOUT
@MEMORY
def sweep(**options: Any) -> int:
    """Compare FUNCTIONs (names or globs) with the truth at every number of a format.

    Of functions of two numbers, some 13 million pairs are swept in float16 and bfloat16.
    """
    from trysquare.command.progress import paced
    from trysquare.command.sweeping import sweeping
    from trysquare.planning.shards import Shard
    from trysquare.sweep.campaign import Pace
    from trysquare.sweep.surveys import default_folder

    require_outputs(options)
    shard = None if options["shard"] is None else Shard.read(options["shard"])
    campaign = sweeping(
        options["functions"],
        options["dtypes"],
        options["targets"],
        gradient=options["gradient"],
        numbers=_range(options["numbers"]),
        pace=Pace(options["processes"], limits(options), default_folder()),
    )
    recorded, interrupted = replace(campaign, shard=shard).run(
        options["output"],
        lambda done, total: paced(done, total, sys.stderr),
        resume=options["resume"],
    )
    if interrupted:
        hint = "; --resume goes on" if options["output"] else ""
        click.echo(f"interrupted{hint}", err=True)
        return Code.INTERRUPTED
    return conclude(recorded, options, interrupted=False)


def _range(text: str | None) -> Range | None:
    from trysquare.sweep.campaign import Range

    if text is None:
        return None
    low, colon, high = text.partition(":")
    try:
        ends = [float.fromhex(end) if "0x" in end else float(end) for end in (low, high)]
    except ValueError:
        ends = []
    if not colon or not ends or any(map(math.isnan, ends)) or ends[0] > ends[1]:
        raise UsageError(f"'{text}' is no range; for example --range=-5:5, or --range 0x1p-3:inf")
    return Range(*ends)
