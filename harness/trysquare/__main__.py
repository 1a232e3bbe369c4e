"""The command line: one group of commands, and what becomes of their errors.

Exit codes: 0 everything is as expected, 1 something is not, 2 a usage or spec error, 3 nothing was
measured or a named backend is not there, 4 a bug of ours, 130 interrupted.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path

import click

from trysquare import __version__
from trysquare.cli.auditing import audit
from trysquare.cli.baselining import baseline
from trysquare.cli.comparing import bisect, diff, merge
from trysquare.cli.hunting import hunt
from trysquare.cli.looking import check, doctor, list_, show
from trysquare.cli.measuring import run
from trysquare.cli.options import Code
from trysquare.cli.packing import pack, verify
from trysquare.cli.planning import plan
from trysquare.cli.reviewing import badge, report, repro
from trysquare.cli.sweeping import sweep
from trysquare.cli.tabling import table
from trysquare.cli.testing import selftest
from trysquare.errors import LostError, SpecErrors, UsageError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EPIPE, errno.EIO)


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
    except LostError as error:
        text = import_module("trysquare_reports.verdict").printable(str(error))
        click.echo(f"trysquare: {text}", err=True)
        return Code.NOTHING
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


for _command in (
    *(run, sweep, hunt, plan, table, list_, show, check, doctor, report, repro),
    *(badge, diff, bisect, merge, baseline, audit, pack, verify, selftest),
):
    cli.add_command(_command)


if __name__ == "__main__":
    sys.exit(main())
