"""What several commands share: exit codes, options, and files that are written."""

from __future__ import annotations

import errno
import math
import os
from enum import IntEnum
from pathlib import Path

import click

from trysquare.errors import UsageError
from trysquare.result import SEED

SECONDS_PER_CASE = 60.0
ANY_FILE = click.Path(path_type=Path)
OUTPUT = click.Path(dir_okay=False, path_type=Path)
SPECS = click.argument("specs", nargs=-1, type=ANY_FILE)
SEEDED = click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=SEED,
    show_default=True,
    help="Seed of the random inputs.",
)
BACKENDS = click.option(
    "--backend", "backends", multiple=True, metavar="NAME[,..]", help="Only these backends."
)


def _finite(_: click.Context, parameter: click.Parameter, value: float) -> float:
    if not math.isfinite(value):
        raise click.BadParameter(f"{value} is no number of seconds.", param=parameter)
    return value


TIMEOUT = click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    callback=_finite,
    default=SECONDS_PER_CASE,
    show_default=True,
    metavar="SECONDS",
    help="A case that takes longer is a hang.",
)


class Code(IntEnum):
    """What the process tells whoever started it."""

    EXPECTED = 0
    UNEXPECTED = 1
    USAGE = 2
    NOTHING = 3
    BUG = 4
    INTERRUPTED = 130


def require_writable(path: Path) -> None:
    """Refuse before a long run what could not be written after it."""
    if not path.absolute().parent.is_dir():
        raise UsageError(f"{path}: there is no folder {path.parent}")
    if not os.access(path if path.exists() else path.absolute().parent, os.W_OK):
        raise UsageError(f"{path}: cannot be written: {os.strerror(errno.EACCES)}")


def write(path: Path, text: str) -> None:
    """Write a text; UsageError if that is impossible."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None


def plural(count: int, noun: str) -> str:
    """Return a number and its noun."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
