"""The command that measures: `run`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import click

from trysquare.cli.announcing import announce, unheard
from trysquare.cli.options import (
    ADDRESS,
    BACKENDS,
    BASELINE,
    DTYPES,
    ENGINE,
    FC,
    MEMORY,
    PROFILE,
    REPORT,
    RESULTS,
    RESUME,
    SEEDED,
    SHARD,
    SPECS,
    TARGETS,
    TIMEOUT,
    Code,
    hire,
    limits,
    require_writable,
    resumable,
    schema_of,
    write,
)
from trysquare.errors import UsageError

if TYPE_CHECKING:
    from trysquare.command.campaign import Campaign
    from trysquare.record import Run


def _schema() -> object:
    from trysquare.results_file import schema

    return schema()


def selecting(command: FC) -> FC:
    """Give a command the argument and the options that say what is run."""
    globs = click.option(
        "-k", "--function", "globs", multiple=True, metavar="GLOB", help="Only these."
    )
    checks = click.option(
        "--check", "checks", multiple=True, metavar="CHECK", help="Only these checks."
    )
    for option in (SEEDED, TARGETS, BACKENDS, PROFILE, DTYPES, checks, globs, SPECS):
        command = option(command)
    return command


def selected(options: Mapping[str, Any]) -> Campaign:
    """Return the run that these options describe."""
    from trysquare.command.campaign import Campaign

    return Campaign.of(
        paths=options["specs"],
        globs=options["globs"],
        checks=_checks(options),
        dtypes=_dtypes(options),
        backends=options["backends"],
        targets=options["targets"],
    )


@click.command()
@selecting
@BASELINE
@SHARD
@ENGINE
@ADDRESS
@RESULTS
@REPORT
@RESUME
@TIMEOUT
@MEMORY
@schema_of("a line of results", _schema)
def run(**options: Any) -> int:
    """Measure every backend against SPECS (all that are installed, if none is named)."""
    begun = monotonic()
    from trysquare.baseline import read
    from trysquare.planning.shards import Shard

    require_outputs(options)
    shard = None if options["shard"] is None else Shard.read(options["shard"])
    accepted = () if options["baseline"] is None else read(options["baseline"])
    campaign = replace(selected(options), accepted=accepted, begun=begun)
    campaign = campaign if shard is None else campaign.part(shard)
    with resumable(options):
        recorded, interrupted = campaign.run(
            options["seed"],
            limits(options),
            options["output"],
            sys.stderr,
            resume=options["resume"],
            hire=hire(options),
        )
    if interrupted and options["output"]:
        click.echo("interrupted; --resume goes on", err=True)
    return conclude(recorded, options, interrupted=interrupted)


def _checks(options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the checks that were asked for, by name or by a profile."""
    from trysquare.planning.plan import Profile, checks_in

    named: tuple[str, ...] = options["checks"]
    return named if options["profile"] == Profile.FULL else named or checks_in(Profile.QUICK)


def _dtypes(options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the dtypes that were asked for, by name or by a profile."""
    from trysquare.planning.plan import Profile, dtypes_of

    named: tuple[str, ...] = options["dtypes"]
    if options["profile"] == Profile.FULL:
        return named
    if named:
        raise UsageError("--profile quick is float32 alone; leave --dtype out")
    return dtypes_of(Profile.QUICK)


def require_outputs(options: Mapping[str, Any]) -> None:
    """Refuse results and a report that could not be written, and to resume what is in no file."""
    if options.get("resume") and options["output"] is None:
        raise UsageError("--resume needs the file of the run: -o FILE")
    written = _outputs(options)
    for path in written:
        require_writable(path)
    if len({path.resolve() for path in written}) < len(written):
        raise UsageError(f"{written[0]}: the results and the report cannot be one file")


def conclude(recorded: Run, options: Mapping[str, Any], *, interrupted: bool) -> int:
    """Print the summary, tell GitHub Actions, write the report; return what the run means."""
    with unheard():
        import_module("trysquare_reports.text").print_summary(recorded, sys.stdout)
    announce(recorded)
    if options["report"]:
        write(options["report"], import_module("trysquare_reports.html").render(recorded))
    for path in _outputs(options):
        click.echo(f"wrote {path}", err=True)
    return Code.INTERRUPTED if interrupted else code(recorded)


def _outputs(options: Mapping[str, Any]) -> list[Path]:
    return [path for path in (options["output"], options["report"]) if path is not None]


def code(run: Run) -> Code:
    """Return what a complete run means."""
    from trysquare.result import Expectation, Outcome

    targets = run.header.targets
    if any(target.broken for target in targets):
        return Code.UNEXPECTED
    if any(result.expectation is not Expectation.EXPECTED for result in run.results):
        return Code.UNEXPECTED
    if run.footer is not None and run.footer.stale:
        return Code.UNEXPECTED
    nothing = all(result.outcome is Outcome.UNSUPPORTED for result in run.results)
    if run.header.shard and not run.results:
        nothing = False  # more parts than groups: the others tell whether anything was measured
    if nothing or any(target.named for target in targets):
        return Code.NOTHING
    return Code.EXPECTED
