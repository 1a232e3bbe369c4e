"""The default run over everything installed: seconds, elements per second, memory of each process.

Prints the figures of one `trysquare run` as a user starts it, imports included, beside the same run
with the reference alone, so that the share of the frameworks is visible whatever the machine does.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from trysquare import results_file

POLL_SECONDS = 0.1


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
        began = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        peaks: dict[int, int] = {}
        while process.poll() is None:
            watch(process.pid, peaks)
            time.sleep(POLL_SECONDS)
        seconds = time.perf_counter() - began
        if process.returncode not in (0, 1):
            raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
        run = results_file.read(output)
    return name, seconds, sum(result.count for result in run.results), max(peaks.values())


def watch(parent: int, peaks: dict[int, int]) -> None:
    """Note the high-water mark, in bytes, of a process and all that it started."""
    family: dict[int, int] = {}
    memory: dict[int, int] = {}
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        except OSError:
            continue  # it ended meanwhile
        identity = int(fields["Pid"])
        family[identity] = int(fields["PPid"])
        memory[identity] = int(fields.get("VmHWM", "0 kB").split()[0]) * 1024
    for identity, high in memory.items():
        if parent in ancestors(identity, family):
            peaks[identity] = max(peaks.get(identity, 0), high)


def ancestors(identity: int, family: dict[int, int]) -> set[int]:
    """Return a process and everything above it."""
    above = set()
    while identity in family and identity not in above:
        above.add(identity)
        identity = family[identity]
    return above


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
