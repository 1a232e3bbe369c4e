"""What several commands share: exit codes, options, and files that are written."""

from __future__ import annotations

import errno
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from trysquare.errors import LostError, UsageError
from trysquare.result import GIB, MEMORY_PER_WORKER, SECONDS_PER_CASE, SEED, Limits

if TYPE_CHECKING:
    from trysquare.engines.engine import Hire

FC = TypeVar("FC", bound=Callable[..., Any] | click.Command)
"""What an option decorates."""

ANY_FILE = click.Path(path_type=Path)
OUTPUT = click.Path(dir_okay=False, path_type=Path)
RUNNERS = 2
"""Runners of this machine, if nobody says how many."""
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

TARGETS = click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="TARGET",
    help="Only this target, backend:device:mode, or all of a backend that run unasked.",
)
DTYPES = click.option(
    "--dtype", "dtypes", multiple=True, metavar="DTYPE", help="Only these dtypes."
)
PROFILE = click.option(
    "--profile",
    type=click.Choice(["full", "quick"]),
    default="full",
    show_default=True,
    help="quick: float32 alone, without the thorough checks.",
)
SHARD = click.option(
    "--shard", metavar="I/N", help="Only this part of it; `merge` joins the parts."
)
RESULTS = click.option(
    "-o", "--output", type=OUTPUT, metavar="FILE", help="Write results as JSON lines."
)
RESUME = click.option("--resume", is_flag=True, help="Go on with the run in the file of -o.")
REPORT = click.option("--report", type=OUTPUT, metavar="FILE", help="Write the HTML report.")


def schema_of(what: str, schema: Callable[[], object]) -> Callable[[FC], FC]:
    """Return the option that prints a JSON Schema; `schema` may import late."""

    def printed(context: click.Context, _: click.Parameter, asked: bool) -> None:  # noqa: FBT001
        if asked:
            click.echo(json.dumps(schema(), indent=2))
            context.exit()

    return click.option(
        "--schema",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=printed,
        help=f"Print the JSON Schema of {what}, and exit.",
    )


def _finite(_: click.Context, parameter: click.Parameter, value: float) -> float:
    if not math.isfinite(value):
        raise click.BadParameter(f"{value} is no such number.", param=parameter)
    return value


BASELINE = click.option(
    "--baseline",
    type=OUTPUT,
    metavar="FILE",
    help="Divergences that are accepted here, with their reasons and budgets.",
)

TIMEOUT = click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    callback=_finite,
    default=SECONDS_PER_CASE,
    show_default=True,
    metavar="SECONDS",
    help="A case that takes longer is a hang.",
)


MEMORY = click.option(
    "--memory",
    type=click.FloatRange(min=0),
    callback=_finite,
    default=MEMORY_PER_WORKER / GIB,
    show_default=True,
    metavar="GIB",
    help="A worker that wants more has crashed; 0: as much as there is.",
)


EVALUATIONS = 1_000_000
"""Of a hunt, unless somebody says otherwise."""

ENGINE = click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Who does the work: this machine, or a Ray cluster.",
)
ADDRESS = click.option(
    "--address",
    metavar="HOST:PORT",
    help="The Ray cluster; without it one of this machine is started, and ended.",
)


def hire(options: Mapping[str, Any]) -> Hire | None:
    """Return what starts the engine that was asked for; None: what this machine does by itself."""
    address, processes = options["address"], options.get("processes", RUNNERS)
    if options["engine"] == "local":
        if address is not None:
            raise UsageError("--address names a cluster: say --engine ray as well")
        return None
    from trysquare.engines import cluster
    from trysquare.engines.engine import patience

    work = options.get("evaluations", EVALUATIONS) / EVALUATIONS
    seconds = patience(options["timeout"], work)

    def tell(text: str) -> None:
        click.echo(f"{text}; each is asked twice", err=True)

    return cluster.hire(address, processes, seconds, tell)


@contextmanager
def resumable(options: Mapping[str, Any]) -> Iterator[None]:
    """Say of what loses some of its jobs how it goes on."""
    try:
        yield
    except LostError:
        if options["output"] is not None:
            click.echo("some jobs were lost; --resume asks for them, on any engine", err=True)
        raise


def limits(options: Mapping[str, Any]) -> Limits:
    """Return the limits that were asked for."""
    return Limits(options["timeout"], round(options["memory"] * GIB))


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
