"""What is measured on a real Ray cluster outlives what happens there, and ends as it does here."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from doubling import DEADLY, ENDLESS, SECONDS
from leftovers import MARK, ended, interruptible, marked, nothing_left
from trysquare.__main__ import main
from trysquare.cli.options import Code
from trysquare.result import Outcome
from trysquare.results_file import read
from trysquare.sweep.chart import BLOCK
from workshop import LONG

pytestmark = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")

TRYSQUARE = (sys.executable, "-m", "trysquare")
TIMES = ("started", "finished", "seconds", "costs")
PATIENCE = 300.0
BACKENDS = (
    "numpy", "prey:dies_of_a_number", "prey:hangs_at_a_number", "prey:never_ends_a_run",
)  # fmt: skip
HERE = {f"{name.rpartition(':')[2]}:cpu": 1.0 for name in BACKENDS}
"""What the machine says that it has."""

BITS = ("sweep", "relu", "elu", "sigmoid", "--dtype=float16", "--dtype=bfloat16", "--gradient")
"""Twelve jobs; nearly all of their time is that of starting."""

ENDLESS_BITS = (*BITS, "--target=prey:never_ends_a_run", "--timeout=3000")
"""Eight jobs that end, and four that do not: whoever interrupts comes in time."""


class Cluster:
    """A cluster of one machine and two CPUs, and what runs trysquare on it."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.environment = {
            **environment,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": secrets.token_hex(16),
            "RAY_raylet_start_wait_time_s": "300",
            "XDG_CACHE_HOME": str(folder / "charts"),
        }
        self.address = ""

    def start(self) -> None:
        """Start it."""
        self._ray(
            "start", "--head", "--port=0", "--num-cpus=2", "--include-dashboard=false",
            "--object-store-memory=80000000", "--disable-usage-stats",
            f"--temp-dir={self.folder / 'ray'}", f"--resources={json.dumps(HERE)}",
        )  # fmt: skip
        self.address = (self.folder / "ray" / "ray_current_cluster").read_text()

    def stop(self) -> None:
        """Kill what was started under our mark, and nothing else."""
        for process in marked(self.environment):
            os.kill(process, signal.SIGKILL)

    def _ray(self, *words: str) -> None:
        script = [sys.executable, "-m", "ray.scripts.scripts", *words]
        done = subprocess.run(
            script, env=self.environment, capture_output=True, text=True, timeout=PATIENCE,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    @contextmanager
    def begun(self, *words: str, mark: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
        """A command on the cluster; whatever it has started itself bears a mark of its own."""
        with interruptible():
            process = subprocess.Popen(
                [*TRYSQUARE, *words, "--engine=ray", f"--address={self.address}"],
                env={**self.environment, MARK: mark[MARK]},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        with ended(process):
            yield process

    def ran(self, *words: str) -> tuple[int, str]:
        """Run a command on the cluster; return its exit code and what it says."""
        with nothing_left() as mark, self.begun(*words, mark=mark) as process:
            out, said = process.communicate(timeout=PATIENCE)
        return process.returncode, out + said

    def workers(self, state: str) -> list[int]:
        """The processes of the cluster that are at work, or idle."""
        found = marked(self.environment)
        return [pid for pid, name in found.items() if name.startswith(f"ray::{state}")]

    def is_at_rest(self) -> bool:
        """Whether all is gone that did jobs, and what it had started."""
        names = marked(self.environment).values()
        return not any("trysquare" in name or name.startswith("ray::perform") for name in names)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    # Ray's sockets lie in this folder, and a socket's path has at most 107 bytes: pytest's own
    # folders become too long with the 100th run on a machine, and TMPDIR may name any.
    short = TemporaryDirectory(prefix="r", dir="/tmp", ignore_cleanup_errors=True)
    with short as folder, nothing_left() as environment:
        cluster = Cluster(Path(folder), environment)
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()


def wait_for(what: Any) -> Any:
    """Wait until something is there."""
    end = time.monotonic() + PATIENCE
    while not (found := what()):
        assert time.monotonic() < end
        time.sleep(0.01)
    return found


def lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def begin_again_if_it_ended(path: Path) -> None:
    """Leave the first line of a command that was faster than who came to kill it."""
    there = path.read_bytes().splitlines(keepends=True)
    if b'"type":"footer"' in there[-1]:
        path.write_bytes(there[0])


def timeless(path: Path) -> list[dict[str, Any]]:
    records = [json.loads(text) for text in path.read_text("ascii").splitlines()]
    return [{key: one[key] for key in one if key not in TIMES} for one in records]


LOSERS = [
    pytest.param([*BITS, "--target=numpy"], id="sweep"),
    pytest.param(
        ["run", "-k", "relu", "-k", "elu", "--dtype=float32", "--backend=numpy"],
        id="run",
        marks=pytest.mark.skipif(not LONG, reason="the same engine, the same file"),
    ),
]


@pytest.mark.parametrize("words", LOSERS)
def test_what_loses_a_worker_and_then_its_driver_ends_without_ray_as_if_unbroken(
    words: list[str], cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, unbroken = tmp_path / "broken.jsonl", tmp_path / "unbroken.jsonl"
    words, more = [*words, "-o"], ["--processes=1"] if words[0] == "sweep" else []
    with nothing_left() as mark, cluster.begun(*words, str(path), mark=mark) as process:
        os.kill(wait_for(lambda: cluster.workers("perform"))[0], signal.SIGKILL)
        assert process.stderr is not None
        told = "a job was lost: WorkerCrashedError"
        assert any(told in text for text in iter(process.stderr.readline, ""))
        begun = lines(path)
        wait_for(lambda: lines(path) > begun)
        process.kill()
    begin_again_if_it_ended(path)
    monkeypatch.setenv("XDG_CACHE_HOME", cluster.environment["XDG_CACHE_HOME"])
    wait_for(cluster.is_at_rest)
    assert main([*words, str(path), "--resume", *more]) == Code.EXPECTED
    assert main([*words, str(unbroken), *more]) == Code.EXPECTED
    assert timeless(path) == timeless(unbroken)


def test_backends_that_die_and_hang_cost_a_block_and_no_worker_of_ray(
    cluster: Cluster, tmp_path: Path
) -> None:
    path, liars = tmp_path / "results.jsonl", [f"--target={name}" for name in BACKENDS[1:3]]
    words = ["sweep", "sigmoid", "--range=1:1.01", "--timeout=2", *liars, "-o", str(path)]
    code, said = cluster.ran(*words)
    assert (code, "lost" in said) == (Code.UNEXPECTED, False)
    wait_for(cluster.is_at_rest)
    died, hung = read(path).results
    assert (died.outcome, died.count) == (Outcome.CRASHED, BLOCK)
    assert (hung.outcome, hung.count) == (Outcome.TIMED_OUT, BLOCK)
    assert died.reason.startswith(f"{BLOCK} numbers have no answer")


def test_what_no_machine_has_is_told_at_once_and_the_file_stays_as_it_was(
    cluster: Cluster, tmp_path: Path
) -> None:
    path = tmp_path / "results.jsonl"
    path.write_text("what was there before")
    liar = "--target=trysquare_miniatures.liars:truthful"
    code, said = cluster.ran("sweep", "sigmoid", liar, "--range=1:1.01", "-o", str(path))
    assert code == Code.USAGE
    assert "no machine of the cluster has truthful:cpu" in said
    assert path.read_text() == "what was there before"


def test_who_is_interrupted_leaves_nothing_running(cluster: Cluster, tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    words = [*ENDLESS_BITS, "-o", str(path)]
    with nothing_left() as mark, cluster.begun(*words, mark=mark) as process:
        wait_for(lambda: lines(path) > 1)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=PATIENCE)
    assert (process.returncode, "--resume goes on" in said) == (Code.INTERRUPTED, True)
    wait_for(cluster.is_at_rest)


@pytest.mark.skipif(not LONG, reason="waits for jobs that never end")
def test_a_job_that_kills_its_process_or_never_ends_is_killed_and_costs_no_other(
    cluster: Cluster,
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import doubling, sys; doubling.main(sys.argv[1])", cluster.address],
        env=cluster.environment, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.stdout.startswith(f"[2, 4, 6] [({DEADLY}, 'WorkerCrashedError"), done.stderr
    assert done.stdout.endswith(f"({ENDLESS}, 'no answer within {SECONDS:g} s')]\n")
    wait_for(cluster.is_at_rest)


@pytest.mark.skipif(not LONG, reason="starts a cluster for each")
@pytest.mark.parametrize("how", ["end", "interrupt", "kill"])
def test_of_a_cluster_of_our_own_nothing_is_left(how: str, tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    bits = (*BITS, "--target=numpy") if how == "end" else ENDLESS_BITS
    words = [*bits, "--engine=ray", "-o", str(path)]
    with nothing_left() as environment:
        with interruptible():
            process = subprocess.Popen(
                [*TRYSQUARE, *words],
                env={**environment, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        with ended(process):
            wait_for(lambda: lines(path) > 1)
            if how == "interrupt":
                os.killpg(process.pid, signal.SIGINT)  # as a terminal does
            elif how == "kill":
                process.kill()
            process.wait(PATIENCE)
    codes: dict[str, Sequence[int]] = {
        "end": [Code.EXPECTED], "interrupt": [Code.INTERRUPTED], "kill": [-signal.SIGKILL],
    }  # fmt: skip
    assert process.returncode in codes[how]
