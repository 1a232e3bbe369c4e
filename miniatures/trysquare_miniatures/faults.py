"""What may go wrong with a backend, and what a run has to make of it.

One line in `FAULTS` for each fault; the tests and docs/faults.md read the same table. A backend
shows them, in any language, if it doubles a number (the function `faulty` of one input, `x`), and
does something else first, or instead, at the numbers of the table.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trysquare.record import Run
from trysquare.result import GIB, Limits, Outcome, Result, Symptom
from trysquare.results_file import read

CONFORMS, DIVERGES = Outcome.CONFORMS, Outcome.DIVERGES
CRASHED, TIMED_OUT = Outcome.CRASHED, Outcome.TIMED_OUT
LIMITS = Limits(seconds=4.0, memory=2 * GIB)
"""Short, and small: every fault that takes all it can get takes this much."""

AFTER = 12
"""Sound cases after the last fault: a leak that began there comes to light."""


@dataclass(frozen=True)
class Fault:
    """A fault in words, the number at which it happens, and what becomes of the case.

    `said` is part of the reason that its result gives.
    """

    name: str
    number: int
    words: str
    outcome: Outcome
    symptom: Symptom | None = None
    said: str = ""


FAULTS = (
    Fault("segfault", 1001, "reads the address 0", CRASHED, said="killed by SIGSEGV"),
    Fault("abort", 1002, "calls abort", CRASHED, said="killed by SIGABRT"),
    Fault("exit", 1003, "calls _exit(0) in the middle", CRASHED, said="ended with exit code 0"),
    Fault("goodbye", 1004, "raises SystemExit", CRASHED, said="ended with exit code 0"),
    Fault(
        "orphan", 1005, "forks a child that keeps all pipes open, and ends", CRASHED,
        said="ended with exit code 0",
    ),
    Fault(
        "hang", 1006, "waits in C for ever, with the GIL and all signals blocked", TIMED_OUT,
        said="no answer within 4 s",
    ),
    Fault("loop", 1007, "loops for ever", TIMED_OUT, said="no answer within 4 s"),
    Fault("growth", 1008, "takes memory until there is none", CRASHED, said="out of memory"),
    Fault("shouting", 1009, "writes 6 MB each to stdout and to stderr", CONFORMS),
    Fault(
        "garbage", 1010, "writes garbage where an answer belongs", CRASHED,
        said="spoke no protocol: a frame begins with",
    ),
    Fault(
        "promise", 1011, "begins an answer of 2^60 bytes", CRASHED,
        said="spoke no protocol: payload of 1152921504606846976 bytes",
    ),
    Fault("half", 1012, "writes half an answer, and ends", CRASHED, said="ended with exit code 0"),
    Fault(
        "echo", 1013, "sends the answer to an earlier case", CRASHED,
        said="spoke no protocol: result",
    ),
    Fault("before", 1014, "returns what it returned before", DIVERGES, Symptom.INACCURATE),
    Fault(
        "dtype", 1015, "returns float64", DIVERGES, Symptom.DTYPE,
        said="returned float64 for float32",
    ),
    Fault(
        "shape", 1016, "returns another dimension", DIVERGES, Symptom.SHAPE,
        said="returned shape [1], not []",
    ),
    Fault(
        "count", 1017, "returns one number more", DIVERGES, Symptom.SHAPE,
        said="returned shape [2], not []",
    ),
    Fault("mutation", 1018, "overwrites its input", DIVERGES, Symptom.MUTATED, said="changed x"),
    Fault(
        "rounding", 1019, "leaves the rounding mode upwards", DIVERGES, Symptom.ARITHMETIC,
        said="rounds upwards",
    ),
    Fault(
        "flushing", 1020, "leaves flush-to-zero on", DIVERGES, Symptom.ARITHMETIC,
        said="takes subnormals for zero, flushes results to zero",
    ),
    Fault("children", 1021, "starts a process that never ends", CONFORMS),
    Fault(
        "exception", 1022, "raises an exception that cannot be pickled", DIVERGES, Symptom.RAISED,
        said="PrivateError: between us",
    ),
    Fault("leak", 1023, "keeps 256 MiB of this call, and of every later one", CONFORMS),
)  # fmt: skip

HEAD = """\
trysquare: 1
function: faulty
summary: Two times x.
source: arithmetic
inputs:
  x: float
formula: x + x
cases:
"""


def spec(faults: Sequence[Fault]) -> str:
    """Return a spec with a case for each of these faults, and sound ones between and after them."""
    numbers = {f"sound {place}": place + 1 for place in range(len(faults) + AFTER)}
    cases = [*numbers.items()]
    for place, fault in reversed([*enumerate(faults)]):
        cases.insert(place + 1, (fault.name, fault.number))
    rows = (f"  - {{name: {name}, x: {x}, expect: {2 * x}}}\n" for name, x in cases)
    return HEAD + "".join(rows)


def measured(
    backend: str, faults: Sequence[Fault], folder: Path, environment: Mapping[str, str]
) -> Run:
    """Return a run of these faults on a backend, from the command line.

    Its files are in `folder`, whose path is in the results, and where others may be measured at the
    same time; RuntimeError if it does not end well.
    """
    name = re.sub(r"[^a-z]+", "-", backend)[-60:]  # of a program, a path
    path, written, output = (folder / one for one in ("faulty.yaml", name, f"{name}.jsonl"))
    written.write_text(spec(faults), encoding="utf-8")
    written.replace(path)  # whole at once: somebody may be reading it
    command = [sys.executable, "-m", "trysquare", "run", str(path), "--backend", backend]
    command += ["--check", "cases", "--dtype", "float32", "-o", str(output)]
    command += ["--timeout", f"{LIMITS.seconds:g}", "--memory", f"{LIMITS.memory / GIB:g}"]
    done = subprocess.run(
        command, env=environment, capture_output=True, encoding="utf-8", check=False
    )
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stderr)
    return read(output)


def cases(run: Run) -> dict[str, Result]:
    """Return the results of a run by case, without times."""
    return {result.case: replace(result, seconds=0.0) for result in run.results}


def row(fault: Fault, runs: Iterable[Mapping[str, Result]]) -> list[str]:
    """Return a fault and what became of it in each run, as the cells of a table."""
    return [fault.name, fault.words, *(cell(fault, run[fault.name]) for run in runs)]


def cell(fault: Fault, result: Result) -> str:
    """Return the end of a case, and what is said of it: what has to be, if it is there."""
    end = result.outcome if result.symptom is None else f"{result.outcome}: {result.symptom}"
    first, _, _ = result.reason.partition("\n")
    said = fault.said if fault.said in result.reason else first
    return f"**{end}**" + (f"<br>`{said}`" if said else "")
