"""Writes docs/cuda.md from what was measured on a GPU: the results files in docs/cuda."""  # noqa: INP001 - a script

from __future__ import annotations

import lzma
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from trysquare.divergences import Entry, known
from trysquare.record import Run
from trysquare.result import Outcome, Result
from trysquare.results_file import read

PAGE = Path(__file__).with_name("cuda.md")
FILES = sorted(Path(__file__).with_name("cuda").glob("*.jsonl.xz"))
TARGET = "torch:cuda:eager"
WRONG = {Outcome.DIVERGES, Outcome.CRASHED, Outcome.TIMED_OUT, Outcome.ERRORED}
HEAD = """\
# PyTorch on CUDA

Measured once, on a machine that was there for a quarter of an hour: one whole run in twenty parts
at the same time (`trysquare run --backend torch --target torch:cuda:eager --shard 1/20`, ...,
`trysquare merge`), every number of float16 and bfloat16 of all functions of one number with their
derivatives (`trysquare sweep ... --dtype float16 --dtype bfloat16 --gradient`), and every number
of float32 of one function (`trysquare sweep sigmoid --target torch:cuda:eager`). Three of the
twenty parts did not end in time: 39 of the 1,774 groups are missing, among them `values` of
`nll_loss` and `smooth_l1_loss` and most of `squared_hinge_loss`. Of the quick profile alone 212
of 370 groups were done when the time was up; the whole run holds all but those that are among the
39. 24 reproductions were run on the machine as well, and all were confirmed.

The results files are kept, packed: `xz -dk docs/cuda/run.jsonl.xz`, then `trysquare report
docs/cuda/run.jsonl`. What is known of a result was written afterwards, so they call unexpected
what is explained by now; this page, which `python docs/cuda.py` writes, reads them again.

"""
TABLE = """\
| file | begun | results | conform | unsupported | known | unexpected |
| --- | --- | --: | --: | --: | --: | --: |
"""
OWN = """
## What only CUDA does

Of the divergences, {shared:,} are those of the CPU, by the same causes: mostly to the last bit,
else with a worst number in which the mathematical library of CUDA rounds differently. The others:

"""
SWEPT = """
## Every number

Not correctly rounded is a fact, beyond the limit a verdict, as in [sweeps](sweeps.md).

| function | dtype | not correctly rounded | beyond the limit |
| --- | --- | --: | --: |
"""


def unpacked(path: Path) -> Run:
    """Return the run in a packed results file."""
    with TemporaryDirectory() as folder:
        plain = Path(folder) / path.stem
        plain.write_bytes(lzma.decompress(path.read_bytes()))
        return read(plain)


def wrong(results: Sequence[Result]) -> Iterator[Result]:
    """Yield what diverges, or has no answer."""
    return (one for one in results if one.outcome in WRONG)


def explains(entry: Entry, result: Result) -> bool:
    """Whether an entry is about a result, or some of its elements."""
    return bool(entry.matching(result.id)) and bool(entry.covered(result))


def about(run: Run) -> str:
    """Return what the results were measured with."""
    (target,) = (one for one in run.header.targets if one.target == TARGET)
    settings = {**run.header.environment, **target.environment}
    kept = ("cuda device", "cuda", "python", "system", "numpy", "cpu vendor")
    return f"torch {target.version}, " + ", ".join(f"{key} {settings[key]}" for key in kept)


def counted(name: str, run: Run, entries: Sequence[Entry]) -> str:
    """Return the row of a file."""
    results = run.results
    bad = [*wrong(results)]
    explained = sum(any(explains(entry, one) for entry in entries) for one in bad)
    conforming = sum(one.outcome is Outcome.CONFORMS for one in results)
    without = sum(one.outcome is Outcome.UNSUPPORTED for one in results)
    cells = (len(results), conforming, without, explained, len(bad) - explained)
    link = f"[{name}](cuda/{name}.jsonl.xz)"
    return f"| {link} | {run.header.started} | " + " | ".join(f"{one:,}" for one in cells) + " |\n"


def alone(results: Sequence[Result], entries: Sequence[Entry]) -> str:
    """Return what is known of CUDA and not of the CPU, with the number of results."""
    own = [entry for entry in entries if all(TARGET in one for one in entry.patterns)]
    bad = [*wrong(results)]
    found = Counter(entry for entry in own for one in bad if explains(entry, one))
    lines = "".join(f"* {found[entry]}: {entry.reason}\n" for entry in own)
    return OWN.format(shared=len(bad) - found.total()) + lines


def swept(runs: Sequence[Run]) -> str:
    """Return the table of what was not correctly rounded."""
    rows = [
        f"| {'derivative of ' * one.case.startswith('d ')}`{one.function}` | {one.dtype} | "
        f"{one.sweep.inexact:,} of {one.count:,} | {one.failed:,} |\n"
        for run in runs
        for one in run.results
        if one.sweep is not None and (one.sweep.inexact or one.failed)
    ]
    return SWEPT + "".join(rows)


def main() -> None:
    """Write the page."""
    entries = known("torch")
    runs = {path.name.partition(".")[0]: unpacked(path) for path in FILES}
    table = TABLE + "".join(counted(name, run, entries) for name, run in runs.items())
    results = [one for run in runs.values() for one in run.results]
    where = f"Where: {about(next(iter(runs.values())))}.\n\n"
    text = HEAD + where + table + alone(results, entries) + swept([*runs.values()])
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
