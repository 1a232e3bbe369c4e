"""Decisions as they are made: what is written for each, and a walk through causes at a terminal."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

import click

from trysquare.cli.options import Code, plural
from trysquare.errors import UsageError

if TYPE_CHECKING:
    from trysquare.baseline import Accepted
    from trysquare.command.deciding import Grounds
    from trysquare.command.standing import Desk

KEYS = (
    "  a accept   asks for a reason, for everything of this cause\n"
    "  r reject   keep failing; an entry that no longer covers it is removed\n"
    "  s skip     decide later        i info    the worst of them in full\n"
    "  p repro    its script          q quit"
)


def walk(desk: Desk) -> int:
    """Ask about each cause, and write what is accepted at once."""
    from trysquare.command.standing import heading

    failure = import_module("trysquare_reports.text").failure
    left = 0
    for place, (cause, found) in enumerate(desk.pending.items(), 1):
        say(f"\n[{place}/{len(desk.pending)}]  {heading(cause, found)}\n  id {found[0].id}\n{KEYS}")
        while True:
            key = click.prompt("", type=click.Choice(list("arsipq")), prompt_suffix="> ")
            if key == "i":
                say(failure(found[0], desk.results))
            elif key == "p":
                say(found[0].reproduction or "it has no reproduction")
            else:
                break
        ids = [result.id for result in found]
        if key == "q":
            return Code.UNEXPECTED
        if key == "a" and _asked(desk, ids):
            continue
        if key == "r":
            leave(desk, ids)
        left += 1
    return Code.UNEXPECTED if left else Code.EXPECTED


def _asked(desk: Desk, ids: Sequence[str]) -> bool:
    """Accept results for a reason that is typed; return whether it was good enough."""
    from trysquare.command.deciding import Grounds
    from trysquare.errors import SpecErrors

    reason, issue, until = (
        click.prompt(text, default="", show_default=False)
        for text in ("reason", "issue (https, or nothing)", "until (YYYY-MM-DD, or nothing)")
    )
    try:
        take(desk, ids, Grounds.of(reason, issue, until))
    except SpecErrors as errors:
        say(f"{errors}\nnot accepted")
        return False
    return True


def take(desk: Desk, ids: Sequence[str], grounds: Grounds) -> None:
    """Accept results."""
    from trysquare.command.deciding import accepted

    change(desk, accepted(desk.results, ids, grounds), ())


def leave(desk: Desk, ids: Sequence[str]) -> None:
    """Let results fail, whose ids are known."""
    require_known(desk, ids)
    change(desk, (), ids)


def change(
    desk: Desk,
    chosen: Sequence[Accepted],
    drop: Sequence[str],
    budgets: Mapping[str, float] | None = None,
) -> None:
    """Change the baseline and print what changed."""
    from trysquare.command.amending import amend

    patch = amend(desk.baseline_path, chosen, drop, budgets or {})
    say(patch.rstrip("\n") or f"{desk.baseline_path}: nothing to change")
    sizes = [entry.budget for entry in chosen if entry.budget is not None]
    largest = f", at most {max(sizes):.4g} ULP" if sizes else ""
    if chosen:
        click.echo(f"accepted {plural(len(chosen), 'result')}{largest}", err=True)


def require_known(desk: Desk, ids: Sequence[str]) -> None:
    """Refuse ids that neither the results nor the baseline have."""
    from trysquare.errors import suggestion

    known = {result.id for result in desk.results} | {entry.id for entry in desk.entries}
    for identity in ids:
        if identity not in known:
            hint = suggestion(identity, known) or "neither the results nor the baseline have it"
            raise UsageError(f"no result has the id '{identity}'; {hint}")


def in_ci() -> bool:
    """Return whether nobody looks on."""
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


def say(text: str) -> None:
    """Print what may hold the words of a file: nothing of it steers the terminal."""
    click.echo(import_module("trysquare_reports.verdict").printable(text))
