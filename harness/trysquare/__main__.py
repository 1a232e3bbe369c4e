"""The command line: options, output and exit codes. Commands import what is heavy.

Exit codes: 0 everything is as expected, 1 something is not, 2 a usage or spec error, 3 nothing was
measured or a named backend is not there, 4 a bug of ours, 130 interrupted.
"""

from __future__ import annotations

import errno
import json
import math
import os
import sys
import traceback
from collections.abc import Sequence
from enum import IntEnum
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trysquare import __version__
from trysquare.errors import SpecErrors, UsageError
from trysquare.result import SEED

if TYPE_CHECKING:
    from trysquare.result import Run

SECONDS_PER_CASE = 60.0
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EPIPE, errno.EIO)
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


class Code(IntEnum):
    """What the process tells whoever started it."""

    EXPECTED = 0
    UNEXPECTED = 1
    USAGE = 2
    NOTHING = 3
    BUG = 4
    INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # a terminal that has no ✓ still shows the rest
            stream.reconfigure(errors="replace")
    try:
        code = cli.main(arguments, prog_name="trysquare", standalone_mode=False)
        if sys.stdout:
            sys.stdout.flush()
    except SpecErrors as errors:
        click.echo(errors, err=True)
        return Code.USAGE
    except UsageError as error:
        # some of the words may be those of a file
        text = import_module("trysquare_reports.verdict").printable(str(error))
        click.echo(f"trysquare: {text}", err=True)
        return Code.USAGE
    except click.ClickException as error:
        error.show()
        return Code.USAGE
    except OSError as error:
        if error.errno not in _FULL:
            return _bug()
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until the end
        click.echo(f"trysquare: output cannot be written: {error.strerror}", err=True)
        return Code.USAGE
    except click.Abort:
        return Code.INTERRUPTED
    except Exception:  # noqa: BLE001 - whatever it is, it is ours to report
        return _bug()
    return int(code or Code.EXPECTED)


def _bug() -> Code:
    click.echo(
        f"{traceback.format_exc()}\nThis is a bug in Trysquare {__version__}, not in what it "
        "measures. Please report it with the lines above and the command that was run.",
        err=True,
    )
    return Code.BUG


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="trysquare")
def cli() -> None:
    """Lay exact mathematics against a framework's neural-network functions."""


def _finite(_: click.Context, parameter: click.Parameter, value: float) -> float:
    if not math.isfinite(value):
        raise click.BadParameter(f"{value} is no number of seconds.", param=parameter)
    return value


def _print_schema(context: click.Context, _: click.Parameter, asked: bool) -> None:  # noqa: FBT001
    if asked:
        from trysquare.results_file import schema

        click.echo(json.dumps(schema(), indent=2))
        context.exit()


@cli.command()
@SPECS
@click.option("-k", "--function", "globs", multiple=True, metavar="GLOB", help="Only these.")
@click.option("--check", "checks", multiple=True, metavar="CHECK", help="Only these checks.")
@click.option("--dtype", "dtypes", multiple=True, metavar="DTYPE", help="Only these dtypes.")
@BACKENDS
@SEEDED
@click.option("-o", "--output", type=OUTPUT, metavar="FILE", help="Write results as JSON lines.")
@click.option("--report", type=OUTPUT, metavar="FILE", help="Write the HTML report.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    callback=_finite,
    default=SECONDS_PER_CASE,
    show_default=True,
    metavar="SECONDS",
    help="A case that takes longer is a hang.",
)
@click.option(
    "--schema", is_flag=True, is_eager=True, expose_value=False, callback=_print_schema,
    help="Print the JSON Schema of a line of results, and exit.",
)  # fmt: skip
def run(**options: Any) -> int:
    """Measure every backend against SPECS (all that are installed, if none is named)."""
    from trysquare.command.campaign import Campaign

    written = [path for path in (options["output"], options["report"]) if path is not None]
    for path in written:
        _require_writable(path)
    if len({path.resolve() for path in written}) < len(written):
        raise UsageError(f"{written[0]}: the results and the report cannot be one file")
    campaign = Campaign.of(
        paths=options["specs"],
        globs=options["globs"],
        checks=options["checks"],
        dtypes=options["dtypes"],
        backends=options["backends"],
    )
    recorded, interrupted = campaign.run(
        options["seed"], options["timeout"], options["output"], sys.stderr
    )
    import_module("trysquare_reports.text").print_summary(recorded, sys.stdout)
    if options["report"]:
        _write(options["report"], import_module("trysquare_reports.html").render(recorded))
    for path in written:
        click.echo(f"wrote {path}", err=True)
    return Code.INTERRUPTED if interrupted else _code(recorded)


def _code(run: Run) -> Code:
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
    if nothing or any(target.named for target in targets):
        return Code.NOTHING
    return Code.EXPECTED


def _require_writable(path: Path) -> None:
    """Refuse before a long run what could not be written after it."""
    if not path.absolute().parent.is_dir():
        raise UsageError(f"{path}: there is no folder {path.parent}")
    if not os.access(path if path.exists() else path.absolute().parent, os.W_OK):
        raise UsageError(f"{path}: cannot be written: {os.strerror(errno.EACCES)}")


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None


@cli.command("list")
@click.argument("what", type=click.Choice(["functions", "backends", "checks", "targets"]))
def list_(what: str) -> None:
    """List what there is to run."""
    from trysquare.command import catalogue

    for row in catalogue.listing(what):
        click.echo(row)


@cli.command()
@click.argument("function")
def show(function: str) -> None:
    """Print what the spec of FUNCTION says."""
    from trysquare.command import catalogue

    click.echo(catalogue.page(function))


@cli.command()
@SPECS
def check(specs: tuple[Path, ...]) -> int:
    """Read SPECS (all that are installed, if none is named) and print every mistake in them."""
    from trysquare.command import agreement, selection

    try:
        read = selection.specs(specs)
        agreement.require(read)
    except SpecErrors as errors:
        click.echo(errors)
        click.echo(f"{_plural(len(errors.mistakes), 'error')}", err=True)
        return Code.USAGE
    click.echo(f"{_plural(len(read), 'spec')}, 0 errors")
    return Code.EXPECTED


@cli.command()
@BACKENDS
def doctor(backends: tuple[str, ...]) -> int:
    """Probe every backend: what it can do here, or why it cannot."""
    from trysquare.command import doctor as surgery

    return Code.EXPECTED if surgery.examine(backends, click.echo) else Code.NOTHING


@cli.command()
@click.argument("results", type=ANY_FILE)
@click.option(
    "-o", "--output", type=OUTPUT, metavar="FILE", help="Where to; text may go to stdout."
)
@click.option("--format", "form", type=click.Choice(["html", "text"]), default="html")
def report(results: Path, output: Path | None, form: str) -> None:
    """Make a report of a results file."""
    from trysquare.results_file import read

    recorded = read(results)
    if form == "html":
        path = output or results.with_suffix(".html")
        _require_other(path, results)
        _write(path, import_module("trysquare_reports.html").render(recorded))
        click.echo(f"wrote {path}", err=True)
    elif output is None:
        import_module("trysquare_reports.text").print_summary(recorded, sys.stdout)
    else:
        _require_other(output, results)
        text = import_module("trysquare_reports.text").render_summary(recorded)
        _write(output, text + "\n")


def _require_other(path: Path, results: Path) -> None:
    if path.exists() and path.samefile(results):
        raise UsageError(f"{path}: the report would replace the results")


@cli.command()
@click.argument("results", type=ANY_FILE)
@click.argument("result_id", metavar="ID")
@click.option(
    "--run",
    "execute",
    is_flag=True,
    help="Run it in a fresh process. It is code from RESULTS: only for files that you trust.",
)
def repro(results: Path, result_id: str, execute: bool) -> int:  # noqa: FBT001
    """Print the stand-alone script that shows the divergence of one result."""
    from trysquare.command import rerun
    from trysquare.results_file import read

    # nothing that a file or a framework says reaches the terminal as a control sequence
    printable = import_module("trysquare_reports.verdict").printable
    result = rerun.find(read(results).results, result_id)
    if not execute:
        click.echo(printable(result.reproduction), nl=False)
        return Code.EXPECTED
    finding, printed = rerun.rerun(result.reproduction)
    click.echo(printable(f"{printed}\n{finding}"))
    codes = {rerun.Finding.CONFIRMED: Code.UNEXPECTED, rerun.Finding.UNKNOWN: Code.NOTHING}
    return codes.get(finding, Code.EXPECTED)


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


if __name__ == "__main__":
    sys.exit(main())
