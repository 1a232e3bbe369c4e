"""What a sweep over all float32 costs, beside the bare operation over the same inputs.

Seconds by the clock, and of all cores, which other work on the machine disturbs less; everything is
measured in one run, imports included, and beside it what is left without them (`net`): what a sweep
of two blocks costs is taken off. The bare operation runs in the same processes (parts/bare.py).

python benchmarks/sweep.py [FUNCTION...] [--derivative] [--all]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from parts.bare import TWO_BLOCKS
from parts.costs import Cost, adopt_orphans, cost
from trysquare.command import selection
from trysquare.sweep.subject import variable

BESIDE = "tensorflow"


@dataclass(frozen=True)
class Figure:
    """What something costs, and what it costs that so little is done."""

    whole: Cost
    start: Cost

    @property
    def net(self) -> Cost:
        """The cost without that of starting."""
        return self.whole.beyond(self.start)


def main() -> None:
    """Print figures as they come."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("functions", nargs="*", default=["sigmoid", "gelu"], metavar="FUNCTION")
    parser.add_argument("--derivative", action="store_true", help="the derivative as well")
    parser.add_argument("--all", action="store_true", help="every function, more briefly")
    chosen = parser.parse_args()
    adopt_orphans()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n{HEADING}", flush=True)
    if chosen.all:
        for function in unary():
            briefly(function)
    else:
        for function in chosen.functions:
            fully(function, derivative=chosen.derivative)
    narrow()
    print(f"load {os.getloadavg()[0]:.1f}")


HEADING = (
    f"{'':<44}{'wall':>8}{'cpu':>8}{'net wall':>10}{'net cpu':>9}"
    f"{'x bare, net cpu':>17}{'wall':>7}{'largest process':>17}"
)


def fully(function: str, *, derivative: bool) -> None:
    """Everything about one function."""
    base = bare(function, "torch")
    tell(f"{function}: bare torch", base, base)
    with tempfile.TemporaryDirectory() as cold:
        tell(f"{function}: torch, cold charts", sweep([function], ["torch"], cold), base)
        warm = sweep([function], ["torch"], cold)
        tell(f"{function}: torch, warm charts", warm, base)
        one = sweep([function], ["torch"], cold, "--processes", "1")
        tell(f"{function}: torch, warm charts, one process", one, base)
        print(f"    two processes: {one.net.wall / warm.net.wall:.2f} x as fast as one (net wall)")
        beside(function, warm, base, cold)
        if derivative:
            differential(function, warm, cold)


def beside(function: str, alone: Figure, base: Figure, charts: str) -> None:
    """What another target adds."""
    try:
        other = bare(function, BESIDE)
    except subprocess.CalledProcessError:
        print(f"    {BESIDE} has no {function}")
        return
    tell(f"{function}: bare {BESIDE}", other, base)
    both = sweep([function], ["torch", BESIDE], charts)
    tell(f"{function}: torch and {BESIDE}, warm charts", both, base)
    more = both.net.cpu - alone.net.cpu
    print(f"    {BESIDE} adds {more:.1f} s of cpu: {more / other.net.cpu:.2f} x its bare operation")


def differential(function: str, value: Figure, charts: str) -> None:
    """The derivative: value and derivative together, without the value."""
    base = bare(function, "torch", "--derivative")
    tell(f"d {function}: bare torch", base, base)
    for words in ("cold", "warm"):
        both = sweep([function], ["torch"], charts, "--gradient")
        alone = Figure(both.whole.beyond(value.net), both.start)
        tell(f"d {function}: torch, {words} charts", alone, base)


def briefly(function: str) -> None:
    """Value and derivative of one function, cold and warm."""
    with tempfile.TemporaryDirectory() as charts:
        base = bare(function, "torch")
        tell(f"{function}: bare torch", base, base)
        for words in ("cold", "warm"):
            value = sweep([function], ["torch"], charts)
            tell(f"{function}: torch, {words} charts", value, base)
        differential(function, value, charts)


def narrow() -> None:
    """All functions and their derivatives on every number of 16 bits."""
    with tempfile.TemporaryDirectory() as charts:
        command = [*SWEEP, "*", "--target", "torch", "--gradient"]
        for dtype in ("float16", "bfloat16"):
            command += ["--dtype", dtype]
        for words in ("cold", "warm"):
            whole = cost(command, {"XDG_CACHE_HOME": charts}, codes=(0, 1))
            print(line(f"all {len(unary())}, d, float16 and bfloat16, {words}", whole))


SWEEP = (sys.executable, "-m", "trysquare", "sweep")


def sweep(functions: Sequence[str], targets: Sequence[str], charts: str, *options: str) -> Figure:
    """Sweep as a user does, with charts kept in a folder."""
    command = [*SWEEP, *functions, *options]
    for target in targets:
        command += ["--target", target]
    with tempfile.TemporaryDirectory() as aside:
        narrow = [*command, f"--range={TWO_BLOCKS.low}:{TWO_BLOCKS.high}"]
        start = cost(narrow, {"XDG_CACHE_HOME": aside}, codes=(0, 1))
    return Figure(cost(command, {"XDG_CACHE_HOME": charts}, codes=(0, 1)), start)


def bare(function: str, backend: str, *options: str) -> Figure:
    """Call the bare operation."""
    script = str(Path(__file__).parent / "parts" / "bare.py")
    command = [sys.executable, script, function, "--backend", backend, *options]
    start = cost([*command, "--two-blocks"])
    return Figure(cost(command), start)


def unary() -> list[str]:
    """Return the functions of one number."""
    return [spec.function for spec in selection.specs((), ()) if variable(spec) is not None]


def tell(words: str, figure: Figure, base: Figure) -> None:
    """Print a line."""
    whole, net = figure.whole, figure.net
    print(
        f"{words:<44}{whole.wall:>8.1f}{whole.cpu:>8.1f}{net.wall:>10.1f}{net.cpu:>9.1f}"
        f"{net.cpu / base.net.cpu:>17.2f}{whole.wall / base.whole.wall:>7.2f}"
        f"{whole.peak / 2**20:>13,.0f} MiB",
        flush=True,
    )


def line(words: str, whole: Cost) -> str:
    """Return a line of what has nothing beside it."""
    return f"{words:<44}{whole.wall:>8.1f}{whole.cpu:>8.1f}{whole.peak / 2**20:>60,.0f} MiB"


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
