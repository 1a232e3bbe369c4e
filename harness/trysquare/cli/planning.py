"""The commands that look ahead: `plan run`, `plan sweep` and `plan hunt`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import click

from trysquare import __version__
from trysquare.cli import hunting, measuring, sweeping
from trysquare.cli.options import ANY_FILE, FC, Code, plural
from trysquare.errors import UsageError
from trysquare.result import Limits

if TYPE_CHECKING:
    from trysquare.command.rates import Measured
    from trysquare.planning.forecast import Forecast
    from trysquare.planning.shards import Shard
    from trysquare.record import Run

GROUPS = 60
"""Groups of a sample, about: a minute's work or less."""

JOBS = 8
"""Jobs of a sample of a sweep, about."""

HUNTS = 4
"""Functions of a sample of a hunt, each in a dtype, about: a few minutes' work."""

HOUR = 3600.0


@click.group(no_args_is_help=True)
def plan() -> None:
    """Say how long a run, a sweep or a hunt takes on 1, 2, 4, ... machines like this one.

    The times are those of an earlier run (--from), or of a shard that is run now.
    """


def _looking_ahead(command: FC) -> FC:
    """Give a command the options of a plan."""
    earlier = click.option(
        "--from", "earlier", type=ANY_FILE, metavar="FILE",
        help="Take the times from these results; otherwise a part is run now.",
    )  # fmt: skip
    workers = click.option(
        "-j", "--workers", "workers", type=click.IntRange(1, 1000), multiple=True, metavar="N",
        help="So many machines; may be repeated.",
    )  # fmt: skip
    return earlier(workers(command))


@plan.command("run")
@measuring.selecting
@_looking_ahead
def plan_run(**options: Any) -> int:
    """Plan a run of SPECS, selected as for `run`."""
    begun = monotonic()
    from trysquare.command.rates import of_run
    from trysquare.planning.shards import Shard

    campaign = replace(measuring.selected(options), begun=begun)
    count = len(campaign.groups)
    if not count:
        raise UsageError("there is nothing to run")

    def sample(shard: Shard) -> tuple[Run, bool]:
        return campaign.part(shard).run(options["seed"], Limits(), None, sys.stderr)

    parts = max(1, count // GROUPS)
    wanted = campaign.wanted
    measured = _measured(options, wanted, lambda: sample(Shard(parts // 2 + 1, parts)))
    forecast, guessed = of_run(measured, campaign.groups)
    click.echo(f"{plural(count, 'group')} on {plural(len(measured.targets), 'target')}")
    _tell(options, measured, forecast)
    _warn(guessed, "group", "kinds")
    return Code.EXPECTED


@plan.command("sweep")
@sweeping.selecting
@_looking_ahead
def plan_sweep(**options: Any) -> int:
    """Plan a sweep of FUNCTIONs, selected as for `sweep`.

    A part that is run now works out its charts anew, as a machine does that has none yet.
    """
    begun = monotonic()
    from trysquare.command.rates import of_sweep
    from trysquare.planning.shards import Shard

    campaign = replace(sweeping.selected(options, Limits(), None), begun=begun)
    jobs = len(campaign.spans(range(len(campaign.subjects))))

    def sample(shard: Shard) -> tuple[Run, bool]:
        return replace(campaign, shard=shard).run(None, lambda done, _: done, resume=False)

    parts = max(1, jobs // JOBS)
    if campaign.pairs:  # some of them have to be in the sample
        parts = min(parts, len(campaign.pairs)) if jobs else len(campaign.pairs)
    measured = _measured(options, campaign.targets, lambda: sample(Shard(parts // 2 + 1, parts)))
    forecast = of_sweep(measured, campaign)
    words = [plural(jobs, "job")] if jobs else []
    words += [f"{len(campaign.pairs)} times pairs of numbers"] if campaign.pairs else []
    click.echo(f"{', '.join(words)} on {plural(len(measured.targets), 'target')}")
    _tell(options, measured, forecast)
    return Code.EXPECTED


@plan.command("hunt")
@hunting.selecting
@_looking_ahead
def plan_hunt(**options: Any) -> int:
    """Plan a hunt of FUNCTIONs, selected as for `hunt`."""
    begun = monotonic()
    from trysquare.command.rates import of_hunt
    from trysquare.planning.shards import Shard

    campaign = replace(hunting.selected(options), begun=begun)
    count, evaluations = len(campaign.groups), options["evaluations"]

    def sample(shard: Shard) -> tuple[Run, bool]:
        hunt = campaign.part(shard)
        return hunt.run(evaluations, options["seed"], Limits(), None, sys.stderr)

    parts = max(1, count // HUNTS)
    measured = _measured(options, campaign.wanted, lambda: sample(Shard(parts // 2 + 1, parts)))
    forecast, guessed = of_hunt(
        measured, campaign.groups, evaluations, gradient=options["gradient"]
    )
    click.echo(f"{plural(count, 'hunt')} on {plural(len(measured.targets), 'target')}")
    _tell(options, measured, forecast)
    _warn(guessed, "hunt", "dtypes")
    return Code.EXPECTED


def _warn(guessed: int, noun: str, kinds: str) -> None:
    if guessed:
        click.echo(
            f"⚠ {plural(guessed, noun)} of {kinds} that were not measured: taken as the mean"
        )


def _measured(
    options: Mapping[str, Any],
    wanted: Sequence[Any],
    sample: Callable[[], tuple[Run, bool]],
) -> Measured:
    """Return what was measured, earlier or now."""
    from trysquare.command.rates import Measured
    from trysquare.results_file import read

    path: Path | None = options["earlier"]
    if path is not None:
        return Measured.of(read(path), wanted, str(path))
    run, interrupted = sample()
    if interrupted:
        raise click.Abort
    return Measured.of(run, wanted, "the sample")


def _tell(options: Mapping[str, Any], measured: Measured, forecast: Forecast) -> None:
    """Print where the times come from, a line for each number of workers, and the end of it."""
    printable = import_module("trysquare_reports.verdict").printable
    for text in (*_origin(options["earlier"], measured), "", *_table(options, measured, forecast)):
        click.echo(printable(text))


def _origin(path: Path | None, measured: Measured) -> Iterator[str]:
    """Say where the times come from, when they were measured, and what they are."""
    from trysquare import machine

    header, costs = measured.run.header, measured.costs
    source = f"from {path}" if path else f"of shard {header.shard}, run now"
    begun = header.started.replace("T", " ").replace("Z", " UTC")
    yield f"times {source}, measured {begun} on {plural(costs.cores, 'core')}"
    if path is None:
        return
    here = {**machine.environment(), "cores": str(machine.cores())}
    there = {**header.environment, "cores": str(costs.cores)}
    for fact, value in here.items():
        if there.get(fact) != value:
            yield f"⚠ measured on another machine: {fact} was {there.get(fact)}, here it is {value}"
    if header.trysquare != __version__:
        yield f"⚠ measured by trysquare {header.trysquare}, this is {__version__}"


def _table(options: Mapping[str, Any], measured: Measured, forecast: Forecast) -> Iterator[str]:
    duration = import_module("trysquare_reports.figures").duration
    enough, most = forecast.enough, forecast.most
    usual = {1, enough, *(count for count in (1 << k for k in range(10)) if count < enough)}
    yield "workers  shards   wall time  core hours"
    for workers in sorted(set(options["workers"]) or usual):
        # there is no work for more
        told = forecast.outlook(min(workers, most))
        hours = told.total * measured.costs.cores / HOUR
        yield f"{workers:7}  {told.workers:6}  {duration(told.wall):>10}  {hours:10.3f}"
    largest = forecast.largest
    yield ""
    parts = [
        f"{duration(forecast.start)} to start",
        f"{duration(largest.alone)} for {largest.name}",
    ]
    if forecast.finish:
        parts.append(f"{duration(forecast.finish)} to merge")
    verb = "does" if enough == 1 else "do"
    yield (
        f"more than {plural(enough, 'worker')} {verb} not help: nothing ends before "
        f"{duration(forecast.least)} ({', '.join(parts)})"
    )
