"""Writes docs/faults.md: what may go wrong with a backend, and what a run made of it."""  # noqa: INP001 - a script

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from trysquare.result import Result
from trysquare_miniatures.faults import FAULTS, cases, measured, row

PAGE = Path(__file__).parent / "faults.md"
PROGRAM = Path(__file__).parents[1] / "tests" / "fragile.yaml"
COLUMNS = {
    "in Python": "trysquare_miniatures.fragile:backend",
    "a program": str(PROGRAM),
}
"""The backends that show all faults, by how they are written."""

TEXT = """\
# What a backend may do to a run

A run goes on, whatever a backend does. A backend answers in a process of its own; a case that has
no answer is asked once more, alone, in a fresh process, and only what fails there as well is
blamed on it (unless it crashed, and nothing had been asked of a Python backend's process before:
that was alone already). Each row is one case of one run, made by one fault; all other cases of
that run, between these, and of another backend, have the results that they have without faults,
and no process and no shared memory is left. `tests/test_faults.py` makes the run and compares it
with this page, which `python docs/faults.py` writes. The faults, and the backend that has all of
them, are in [faults.py](../miniatures/trysquare_miniatures/faults.py) and
[fragile.py](../miniatures/trysquare_miniatures/fragile.py); [a program](../tests/program.py) that
speaks [the protocol](protocol.md) and knows nothing else of Trysquare has them as well. What a
call has changed, its inputs or the arithmetic of its thread, a program tells itself.

{table}
A leak comes to light in a later case, which is innocent, and has its answer from a fresh process.

## Limits

| option | usually | what it is |
|---|---|---|
| `--timeout SECONDS` | 60 | a case that takes longer has timed out |
| `--memory GIB` | 8 | a worker that wants more data has crashed (Linux; nobody counts elsewhere) |

Both are in the header of the results file, under `environment`. A worker is also the first that the
kernel kills where the whole machine runs out of memory. The rounding mode and the treatment of
subnormals are looked at after every call, and set back; a call that changes them diverges.

## What is killed goes on

`trysquare run -o FILE --resume`, and `sweep`, go on with the run in FILE, and end with the results
that it would have had unbroken, but for times. Of a run, the groups (a function, a check, a dtype)
that are whole in the file stay; of a sweep, its parts. The header has to be the same: specs, seed,
targets and their versions, environment, limits, and what is asked of whom; and what is known of a
result must not have changed meanwhile. A file of another run, of several, or of a run that has
ended is refused with the line that shows it, and left alone; so is one that somebody else is
writing. A full disk ends a run with an error, and its file is gone on with in the same way.

Whoever is killed takes all others along: workers and what those have started, processes that judge,
and those that sweep. A backend's process that leaves its process group and closes its pipes, as a
daemon does, is not followed.
"""


def page(found: Mapping[str, Mapping[str, Result]]) -> str:
    """Return the page; `found` has the results by case of each column."""
    head = ["fault", "the backend", *found]
    rows = [head, ["---"] * len(head), *(row(fault, found.values()) for fault in FAULTS)]
    return TEXT.format(table="".join(f"| {' | '.join(cells)} |\n" for cells in rows))


def main() -> int:
    """Run all faults, and write the page."""
    found = {}
    for name, backend in COLUMNS.items():
        with TemporaryDirectory() as folder:
            found[name] = cases(measured(backend, FAULTS, Path(folder), os.environ))
    PAGE.write_text(page(found), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
