"""The bare operation over the inputs of a sweep, in the processes of a sweep, and nothing else.

A main process, runners, and a worker for each of them, which makes blocks of consecutive numbers,
calls the framework through its backend, and drops the answers: no truth, and nothing is compared.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from trysquare.backend import Call, Target, Unavailable, Want
from trysquare.command import selection
from trysquare.dtypes import FLOAT32
from trysquare.loading import load
from trysquare.reader import read
from trysquare.sweep.campaign import JOB, Range
from trysquare.sweep.chart import BLOCK
from trysquare.sweep.runner import parts
from trysquare.sweep.subject import variable
from trysquare.workers.stretch import called, numbers

SPAWN = get_context("spawn")
TWO_BLOCKS = Range(-1e-45, 1e-45)
"""Next to zero, and in two jobs, so that every process is started."""

STARTED: list[Connection] = []


def main(arguments: Sequence[str] | None = None) -> None:
    """Call a function of one number with every float32."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("function", nargs="?", default="sigmoid")
    parser.add_argument("--backend", default="torch")
    parser.add_argument("--derivative", action="store_true")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--two-blocks", action="store_true", help="what starting costs")
    chosen = parser.parse_args(arguments)
    (spec,) = selection.specs((), [chosen.function])
    start, stop = TWO_BLOCKS.positions(FLOAT32) if chosen.two_blocks else (0, 1 << 32)
    what = (chosen.backend, str(spec.place.path), chosen.derivative)
    with ProcessPoolExecutor(chosen.processes, SPAWN, begin, what) as runners:
        for _ in runners.map(work, parts(start, stop, JOB)):
            pass


def begin(backend: str, path: str, derivative: bool) -> None:  # noqa: FBT001
    """Make this process a runner, and start its worker."""
    mine, its = SPAWN.Pipe()
    SPAWN.Process(target=answer, args=(its, backend, path, derivative), daemon=True).start()
    STARTED.append(mine)


def work(part: tuple[int, int]) -> None:
    """Have the worker do a part."""
    (worker,) = STARTED
    worker.send(part)
    worker.recv()


def answer(requests: Connection, name: str, path: str, derivative: bool) -> None:  # noqa: FBT001
    """Call a backend block by block."""
    backend, spec = load(name), read(Path(path))
    if isinstance(backend, Unavailable):
        raise SystemExit(f"{name}: {backend.reason}")
    target = next(one for one in backend.targets() if isinstance(one, Target))
    number = variable(spec) or ""
    call = Call(
        function=spec.function,
        inputs={number: numbers(FLOAT32, 0, BLOCK)},
        parameters=spec.defaults,
        want=Want.GRADIENT if derivative else Want.VALUE,
        wrt=(number,) if derivative else (),
    )
    with backend.on(target.device):
        function = called(backend, target, spec, call)
        while True:
            start, stop = requests.recv()
            for first in range(start, stop, BLOCK):
                array = numbers(FLOAT32, first, BLOCK)
                function({number: backend.to_tensor(array, target.device)})
            requests.send(None)


if __name__ == "__main__":
    main()
