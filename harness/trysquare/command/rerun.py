"""Runs the reproduction of a result in a fresh process that has nothing of ours."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory

from trysquare.errors import UsageError, suggestion
from trysquare.result import Outcome, Result

SECONDS = 300.0
"""Longer than any framework takes to load."""

_LAUNCHER = """\
import runpy, sys
sys.modules["trysquare"] = None
runpy.run_path(sys.argv[1], run_name="__main__")
"""
HERE = "HERE"
"""Names, in the environment of a script, the folder from which it finds a program."""

_BROKEN = ("ModuleNotFoundError", "ImportError", "SyntaxError")
"""How a script ends that could not even call the function."""


class Evidence(StrEnum):
    """What a reproduction shows."""

    CONFIRMED = "confirmed: the divergence shows"
    OTHER = "not the same: a divergence shows, but not the one that was recorded"
    GONE = "not confirmed: the divergence does not show here"
    UNKNOWN = "not judged: the script did not get so far"


def find(results: Iterable[Result], wanted: str) -> Result:
    """Return the result with this id; raises UsageError if there is none."""
    by_id = {result.id: result for result in results}
    if wanted not in by_id:
        hint = suggestion(wanted, by_id) or f"there are {len(by_id)} results, none of that name"
        raise UsageError(f"no result has the id '{wanted}'; {hint}")
    return by_id[wanted]


def script_of(result: Result) -> str:
    """Return the script that shows a result; raises UsageError if there is none."""
    if not result.reproduction:
        raise UsageError(f"{result.id} ({result.outcome}) has no reproduction")
    return result.reproduction


def require_wrong(result: Result) -> None:
    """Raise UsageError for a result that nobody could complain about."""
    if result.outcome in (Outcome.CONFORMS, Outcome.UNSUPPORTED):
        raise UsageError(f"{result.id} ({result.outcome}) is nothing to report")


def rerun(script: str) -> tuple[Evidence, str]:
    """Run a script that fails as long as the divergence shows; return that, and what it printed."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "reproduction.py")
        path.write_text(script, encoding="utf-8")
        command = [sys.executable, "-I", "-c", _LAUNCHER, str(path)]
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                env={**os.environ, HERE: str(Path.cwd())},
                capture_output=True,
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Evidence.UNKNOWN, f"no end after {SECONDS:.0f} s"
    return judged(done.returncode, done.stdout + done.stderr)


def judged(code: int | None, output: bytes) -> tuple[Evidence, str]:
    """Return what the end of a script shows, whose exit code is None if it did not start."""
    printed = output.decode("utf-8", "replace").rstrip()
    if code == 0:
        return Evidence.GONE, printed
    last = printed.rpartition("\n")[2]
    broken = code is None or last.startswith(_BROKEN)
    return Evidence.UNKNOWN if broken else Evidence.CONFIRMED, printed
