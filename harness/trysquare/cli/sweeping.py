"""The command that tries every number: `sweep`."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, Any

import click

from trysquare.cli.measuring import conclude, require_outputs
from trysquare.cli.options import (
    ADDRESS,
    ENGINE,
    FC,
    MEMORY,
    REPORT,
    RESULTS,
    RESUME,
    RUNNERS,
    SHARD,
    TARGETS,
    TIMEOUT,
    Code,
    hire,
    limits,
    resumable,
)
from trysquare.errors import UsageError
from trysquare.result import Limits

if TYPE_CHECKING:
    from trysquare.sweep.campaign import Range, Sweeping
    from trysquare.sweep.runner import Charts


FUNCTIONS = click.argument("functions", nargs=-1, required=True, metavar="FUNCTION...")
DTYPES = click.option(
    "--dtype", "dtypes", multiple=True, metavar="DTYPE", default=("float32",), show_default=True,
    help="float32, float16 or bfloat16; may be repeated.",
)  # fmt: skip
GRADIENT = click.option("--gradient", is_flag=True, help="Sweep the derivative as well.")
RANGE = click.option("--range", "numbers", metavar="LO:HI", help="Only the numbers from LO to HI.")
PROCESSES = click.option(
    "--processes", type=click.IntRange(1, 64), default=RUNNERS, show_default=True,
    help="Sweep so many parts at a time, each with a worker for every target.",
)  # fmt: skip


def selecting(command: FC) -> FC:
    """Give a command the argument and the options that say what is swept, and how."""
    for option in (PROCESSES, RANGE, GRADIENT, DTYPES, TARGETS, FUNCTIONS):
        command = option(command)
    return command


def selected(options: Mapping[str, Any], limits: Limits, charts: Charts | None) -> Sweeping:
    """Return the sweep that these options describe; `charts` tells where charts are kept."""
    from trysquare.command.sweeping import sweeping
    from trysquare.sweep.campaign import Pace

    return sweeping(
        options["functions"],
        options["dtypes"],
        options["targets"],
        gradient=options["gradient"],
        numbers=_range(options["numbers"]),
        pace=Pace(options["processes"], limits, charts),
    )


@click.command()
@selecting
@SHARD
@RESUME
@ENGINE
@ADDRESS
@RESULTS
@REPORT
@TIMEOUT
@MEMORY
def sweep(**options: Any) -> int:
    """Compare FUNCTIONs (names or globs) with the truth at every number of a format.

    Of functions of two numbers, some 13 million pairs are swept in float16 and bfloat16.
    """
    begun = monotonic()
    from trysquare.command.progress import paced
    from trysquare.planning.shards import Shard
    from trysquare.sweep.surveys import default_folder

    require_outputs(options)
    shard = None if options["shard"] is None else Shard.read(options["shard"])
    campaign = selected(options, limits(options), default_folder)
    pace = replace(campaign.pace, hire=hire(options))
    with resumable(options):
        recorded, interrupted = replace(campaign, pace=pace, shard=shard, begun=begun).run(
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
