"""What GitHub Actions is told: annotations beside lines of specs, and the summary of a job."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from trysquare.record import Run


def in_actions() -> bool:
    """Return whether GitHub Actions reads what is printed."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


@contextmanager
def unheard() -> Iterator[None]:
    """Print what may hold the words of a framework, none of which is a command to the runner."""
    if not in_actions():
        yield
        return
    token = secrets.token_hex(16)  # what is printed cannot know how to end it
    click.echo(f"::stop-commands::{token}")
    try:
        yield
    finally:
        click.echo(f"::{token}::")


def announce(run: Run) -> None:
    """Tell GitHub Actions, if that is where this runs; a summary that fails costs no verdict."""
    if not in_actions():
        return
    for command in import_module("trysquare_reports.annotations").commands(run):
        click.echo(command)
    if path := os.environ.get("GITHUB_STEP_SUMMARY"):
        try:
            _append(Path(path), run)
        except OSError as error:
            click.echo(f"the summary of the job cannot be written: {error.strerror}", err=True)


def _append(path: Path, run: Run) -> None:
    """Append the summary; what the step has written before counts against the limit."""
    summary = import_module("trysquare_reports.summary")
    there = path.stat().st_size if path.exists() else 0
    with path.open("a", encoding="utf-8") as stream:
        stream.write(summary.render(run, summary.LARGEST - there))
