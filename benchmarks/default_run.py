"""The default run over everything installed: seconds, elements per second, memory of each process.

Prints the figures of one `trysquare run` as a user starts it, imports included, beside the same run
with the reference alone, so that the share of the frameworks is visible whatever the machine does.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from parts.costs import cost
from trysquare import results_file


def main() -> None:
    """Run twice and print a table."""
    rows = [measured("everything installed", []), measured("numpy alone", ["--backend", "numpy"])]
    print(f"{'run':<22}{'seconds':>9}{'elements':>13}{'per second':>13}{'largest process':>17}")
    for name, seconds, elements, peak in rows:
        rate = elements / seconds
        print(f"{name:<22}{seconds:>9.1f}{elements:>13,}{rate:>13,.0f}{peak / 2**20:>13,.0f} MiB")
    print(f"everything / numpy alone: {rows[0][1] / rows[1][1]:.2f} x the time")


def measured(name: str, options: list[str]) -> tuple[str, float, int, int]:
    """Return name, wall-clock seconds, elements compared, and the peak memory in bytes."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "results.jsonl"
        command = [sys.executable, "-m", "trysquare", "run", *options, "-o", str(output)]
        spent = cost(command, codes=(0, 1))
        run = results_file.read(output)
    return name, spent.wall, sum(result.count for result in run.results), spent.peak


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
