"""What a Ray cluster costs that is no more than this machine, beside the machine by itself.

A whole float32 sweep, with charts that a sweep before has made. The cluster is there already, with
as many CPUs as there are runners; what it takes to start it is told by itself. Seconds by the
clock, and of all cores: those of whatever has the token of the cluster in its environment, its own
processes among them, looked at ten times a second. (Its workers have no parent that counts them.)

python benchmarks/engine.py [FUNCTION] [--target TARGET] [--rounds N]
"""

from __future__ import annotations

import argparse
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from threading import Event, Thread

from parts.costs import Cost, cost

PROCESSES = 2
RAY = (sys.executable, "-m", "ray.scripts.scripts")
SWEEP = (sys.executable, "-m", "trysquare", "sweep")
IDLE = ("sleep", "10")
LOOK_SECONDS = 0.1
TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Print a line for each sweep, and what Ray adds."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("function", nargs="?", default="sigmoid")
    parser.add_argument("--target", default="torch")
    parser.add_argument("--rounds", type=int, default=1)
    chosen = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
    words = [*SWEEP, chosen.function, "--target", chosen.target, f"--processes={PROCESSES}"]
    with tempfile.TemporaryDirectory(prefix="ray-") as folder:
        environment = {
            "XDG_CACHE_HOME": f"{folder}/charts",
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": secrets.token_hex(16),
            "RAY_raylet_start_wait_time_s": "300",
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path[1:])),
        }
        with cluster(Path(folder), environment) as address:
            tell("a cluster with nothing to do", measured(IDLE, environment))
            tell("this machine, cold charts", measured(words, environment))
            beside = [*words, "--engine=ray", f"--address={address}"]
            added = []
            for _ in range(chosen.rounds):
                alone = measured(words, environment)
                tell("this machine", alone)
                ray = measured(beside, environment)
                tell("a cluster of this machine", ray)
                added.append((ray.wall / alone.wall - 1, ray.cpu / alone.cpu - 1))
                print(
                    "    Ray adds {:+.1%} by the clock and {:+.1%} of all cores".format(*added[-1])
                )
            wall, cpu = map(median, zip(*added, strict=True))
            print(f"the median pair: {wall:+.1%} by the clock and {cpu:+.1%} of all cores")
    print(f"load {os.getloadavg()[0]:.1f}")


@contextmanager
def cluster(folder: Path, environment: dict[str, str]) -> Iterator[str]:
    """Start a cluster of this machine, and end it; its address."""
    begun = time.perf_counter()
    subprocess.run(
        [*RAY, "start", "--head", "--port=0", f"--num-cpus={PROCESSES}", "--disable-usage-stats",
         "--include-dashboard=false", "--object-store-memory=100000000", f"--temp-dir={folder}/r"],
        env={**os.environ, **environment}, stdout=subprocess.DEVNULL, check=True,
    )  # fmt: skip
    print(f"the cluster started in {time.perf_counter() - begun:.1f} s", flush=True)
    try:
        yield (folder / "r" / "ray_current_cluster").read_text()
    finally:
        for identity in family(environment):
            os.kill(identity, signal.SIGKILL)


def measured(command: Sequence[str], environment: Mapping[str, str]) -> Cost:
    """Run a command; what it costs, and what the cluster needs for it."""
    before, seen, done = used(environment), dict[int, float](), Event()

    def look() -> None:
        while not done.wait(LOOK_SECONDS):
            seen.update(used(environment))

    looking = Thread(target=look)
    looking.start()
    whole = cost(command, environment, codes=(0, 1))
    done.set()
    looking.join()
    cpu = sum(seconds - before.get(identity, 0.0) for identity, seconds in seen.items())
    return Cost(whole.wall, cpu, whole.peak)


def used(environment: Mapping[str, str]) -> dict[int, float]:
    """Return the seconds of all cores that each process has used."""
    found = {}
    for identity in family(environment):
        try:
            text = Path(f"/proc/{identity}/stat").read_text(encoding="utf-8")
        except OSError:
            continue  # it ended meanwhile
        found[identity] = sum(map(int, text.rpartition(")")[2].split()[11:13])) / TICKS
    return found


def family(environment: Mapping[str, str]) -> list[int]:
    """Return the processes of the cluster, which alone know its token."""
    word = environment["RAY_AUTH_TOKEN"].encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if word in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue  # it ended meanwhile, or is somebody else's
    return found


def tell(words: str, whole: Cost) -> None:
    """Print a line."""
    print(f"{words:<30}{whole.wall:8.1f} s{whole.cpu:8.1f} s of all cores", flush=True)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
