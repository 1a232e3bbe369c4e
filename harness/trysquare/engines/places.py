"""Which machines of a cluster have the targets that a job asks.

A machine names what it has by resources such as `backend:device`. A cluster of which no machine
does is one of equal machines, with CPUs alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trysquare.backend import Target
from trysquare.errors import UsageError

SHARE = 0.001
"""Of such a resource, which counts nothing: a machine has a target, or it has not."""

CPU, GPU = "cpu", "GPU"
FOREIGN = ("node", "accelerator_type")
"""What stands before the colon in names of resources that are not ours."""


@dataclass(frozen=True)
class Places:
    """What a job has to ask for, and how many of them the machines that have it do at a time."""

    resources: Mapping[str, float]
    accelerators: int
    slots: int


def places(machines: Sequence[Mapping[str, float]], needs: Sequence[Target]) -> Places:
    """Return where a job goes that asks such targets, on machines with such resources.

    Raises UsageError if there is no machine that has them all.
    """
    named = {name for machine in machines for name in machine if _is_ours(name)}
    wanted = sorted({f"{target.backend}:{target.device}" for target in needs})
    if not named and all(target.device == CPU for target in needs):
        wanted = []
    working = [one for one in machines if one.get("CPU", 0) >= 1]
    able = [one for one in working if all(name in one for name in wanted)]
    if not able:
        raise UsageError(_nowhere(machines, named, wanted))
    device = any(target.device != CPU for target in needs)
    accelerators = int(device and all(one.get(GPU, 0) >= 1 for one in able))
    slots = sum(int(one[GPU if accelerators else "CPU"]) for one in able)
    return Places(dict.fromkeys(wanted, SHARE), accelerators, slots)


def _is_ours(name: str) -> bool:
    before, colon, _ = name.partition(":")
    return bool(colon) and before not in FOREIGN


def _nowhere(
    machines: Sequence[Mapping[str, float]], named: set[str], wanted: Sequence[str]
) -> str:
    if not any(one.get("CPU", 0) >= 1 for one in machines):
        return "no machine of the cluster has a CPU to offer"
    there = f"there are {', '.join(sorted(named))}" if named else "none of them names any"
    example = f"""ray start --resources='{{"{wanted[0]}": 1}}'"""
    lacking = [name for name in wanted if name not in named]
    if named and not lacking:
        return f"no machine of the cluster has {' and '.join(wanted)}; ask for one at a time"
    return (
        f"no machine of the cluster has {', '.join(lacking)} ({there}); "
        f"a machine that has it says so when it starts: {example}"
    )
