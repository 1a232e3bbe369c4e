"""The commands about a baseline: `status`, `review`, `accept`, `reject`, `apply`, `prune`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trysquare.cli.options import ANY_FILE, OUTPUT, Code
from trysquare.cli.walking import change, in_ci, leave, require_known, say, take, walk
from trysquare.errors import UsageError

if TYPE_CHECKING:
    from trysquare.baseline import Accepted
    from trysquare.command.standing import Desk

FILES = (
    click.option(
        "--results",
        type=ANY_FILE,
        default=Path("results.jsonl"),
        show_default=True,
        metavar="FILE",
        help="What a run found (run -o FILE).",
    ),
    click.option(
        "--baseline",
        type=OUTPUT,
        default=Path("baseline.yaml"),
        show_default=True,
        metavar="FILE",
        help="What is accepted.",
    ),
)
GROUNDS = (
    click.option("--reason", required=True, help="Why: mandatory, at least 15 characters."),
    click.option("--issue", default="", metavar="URL", help="An https address."),
    click.option("--until", default="", metavar="YYYY-MM-DD", help="The last day that it counts."),
)


def _with(options: Sequence[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    def decorated(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return decorated


@click.group()
def baseline() -> None:
    """Accept divergences with a reason, and see what no longer holds of it."""


@baseline.command()
@_with(FILES)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
def status(results: Path, baseline: Path, form: str) -> int:
    """Say what a run makes of each entry, and what nobody has decided."""
    desk = _desk(results, baseline)
    say(json.dumps(desk.json(), indent=2) if form == "json" else desk.text())
    return Code.EXPECTED if desk.settled and not desk.errors else Code.UNEXPECTED


@baseline.command()
@_with(FILES)
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option("--cause", is_flag=True, help="And all other results of the same cause.")
@_with(GROUNDS)
def accept(**options: Any) -> int:
    """Accept the results ID... of one cause, each up to the error that it has."""
    from trysquare.command.deciding import Grounds

    _refuse_in_ci()
    grounds = Grounds.of(options["reason"], options["issue"], options["until"])
    desk = _desk(options["results"], options["baseline"])
    ids = _of_cause(desk, options["ids"]) if options["cause"] else options["ids"]
    _refuse_causes(desk, ids)
    take(desk, ids, grounds)
    return Code.EXPECTED


@baseline.command()
@_with(FILES)
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
def reject(results: Path, baseline: Path, ids: tuple[str, ...]) -> int:
    """Let the results ID... fail: remove their entries, if there are any."""
    _refuse_in_ci()
    desk = _desk(results, baseline)
    leave(desk, ids)
    return Code.EXPECTED


@baseline.command()
@_with(FILES)
@click.argument("decisions", type=ANY_FILE)
def apply(results: Path, baseline: Path, decisions: Path) -> int:
    """Do what the file DECISIONS says, which the HTML report exports: all of it, or nothing."""
    from trysquare.command import deciding

    _refuse_in_ci()
    desk = _desk(results, baseline)
    chosen: list[Accepted] = []
    rejected: list[str] = []
    for decision in deciding.read(decisions, desk.run.header):
        if decision.choice is deciding.Choice.ACCEPT:
            chosen += deciding.accepted(desk.results, decision.ids, decision.grounds)
        else:
            rejected += decision.ids
    require_known(desk, rejected)
    change(desk, chosen, rejected)
    return Code.EXPECTED


@baseline.command()
@_with(FILES)
@click.option("--tighten", is_flag=True, help="And lower budgets to what is needed.")
def prune(results: Path, baseline: Path, tighten: bool) -> int:  # noqa: FBT001
    """Remove the entries whose result conforms, is not there, or is known beside the backend."""
    from trysquare.baseline import budget_of
    from trysquare.ratchet import STALE, Standing

    _refuse_in_ci()
    desk = _desk(results, baseline)
    stale = [one.entry.id for one in desk.standings if one.standing in STALE]
    budgets = {
        one.entry.id: budget_of(one.result.max_ulp)
        for one in desk.standings
        if tighten and one.standing is Standing.BETTER and one.result is not None
    }
    if not stale and not budgets:
        click.echo("nothing to prune", err=True)
        return Code.EXPECTED
    change(desk, (), stale, budgets)
    return Code.EXPECTED


@baseline.command()
@_with(FILES)
def review(results: Path, baseline: Path) -> int:
    """Walk through what nobody expected, cause by cause; without a terminal, print commands."""
    from trysquare.command.standing import commands

    desk = _desk(results, baseline)
    if not desk.pending:
        click.echo("nothing to review", err=True)
        return Code.EXPECTED
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or in_ci():
        for row in commands(desk):
            say(row)
        return Code.UNEXPECTED
    return walk(desk)


def _of_cause(desk: Desk, ids: Sequence[str]) -> list[str]:
    """Return these ids and those of all pending results with the same cause."""
    wanted = set(ids)
    found = [
        result.id
        for results in desk.pending.values()
        if wanted & {result.id for result in results}
        for result in results
    ]
    return list(dict.fromkeys([*ids, *found]))


def _refuse_causes(desk: Desk, ids: Sequence[str]) -> None:
    """Refuse one reason for several causes."""
    from trysquare.causes import by_cause

    wanted = set(ids)
    causes = by_cause(result for result in desk.results if result.id in wanted)
    if len(causes) > 1:
        firsts = "\n  ".join(results[0].id for results in causes.values())
        raise UsageError(
            f"these have {len(causes)} causes, and one reason cannot be that of all; "
            f"accept each by itself:\n  {firsts}"
        )


def _desk(results: Path, baseline: Path) -> Desk:
    from trysquare.command.standing import Desk

    return Desk.of(results, baseline)


def _refuse_in_ci() -> None:
    """Let a person decide: what CI accepts, nobody has looked at."""
    if in_ci():
        raise UsageError("CI never writes a baseline (CI is set); do this where a person reads it")
