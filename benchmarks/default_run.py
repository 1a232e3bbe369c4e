"""The default run over everything installed: seconds, elements per second, memory; by target too.

Prints the figures of one `trysquare run` as a user starts it, imports included, beside the quick
one and the same run with the reference alone, so that the share of the frameworks is visible
whatever the machine does. Where other work is on the machine, the clock says nothing, and the time
of the CPU, that of all processes, does.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from parts.costs import Cost, cost
from trysquare import results_file
from trysquare.record import Run


def main() -> None:
    """Run three times and print two tables."""
    runs = {
        "everything installed": [],
        "everything, quick": ["--profile", "quick"],
        "numpy alone": ["--backend", "numpy"],
    }
    found = {name: measured(options) for name, options in runs.items()}
    print(f"{'run':<22}{'seconds':>9}{'of CPU':>9}{'elements':>13}{'per second':>13}"
          f"{'largest process':>17}")  # fmt: skip
    for name, (spent, run) in found.items():
        elements = sum(result.count for result in run.results)
        rate = elements / spent.wall
        print(f"{name:<22}{spent.wall:>9.1f}{spent.cpu:>9.1f}{elements:>13,}{rate:>13,.0f}"
              f"{spent.peak / 2**20:>13,.0f} MiB")  # fmt: skip
    (whole, run), (alone, _) = found["everything installed"], found["numpy alone"]
    print(f"everything / numpy alone: {whole.wall / alone.wall:.2f} x the time\n")
    print(f"{'target':<28}{'items':>8}{'results':>9}{'elements':>13}{'seconds inside':>16}")
    for line in by_target(run):
        print(line)


def by_target(run: Run) -> Iterator[str]:
    """Yield for each target its items as pytest counts them, results, elements, and seconds.

    Seconds are those inside of the framework's functions, without the way there and back.
    """
    for target in run.header.targets:
        mine = [result for result in run.results if result.target == target.target]
        if mine:
            items = {(result.function, result.check, result.dtype) for result in mine}
            elements = sum(result.count for result in mine)
            seconds = sum(result.seconds for result in mine)
            line = f"{target.target:<28}{len(items):>8,}{len(mine):>9,}"
            yield f"{line}{elements:>13,}{seconds:>16.1f}"


def measured(options: list[str]) -> tuple[Cost, Run]:
    """Return what a run cost, and the run."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "results.jsonl"
        command = [sys.executable, "-m", "trysquare", "run", *options, "-o", str(output)]
        spent = cost(command, codes=(0, 1))
        return spent, results_file.read(output)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
