"""How long so many workers take for what is dealt to them, and when more of them do not help."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from trysquare.dtypes import Array
from trysquare.planning.shards import MOST

NEAR = 1.05
"""Workers help as long as they save more than a twentieth of the least time that there is."""


@dataclass(frozen=True)
class Unit:
    """What goes to one shard as a whole, dealt in the order of `kind`.

    It adds `seconds` to a shard that has others as well, and takes `alone` seconds by itself. Pairs
    of numbers are `mirrored`: dealt from the last shard on.
    """

    name: str
    kind: tuple[Any, ...]
    function: str
    seconds: float
    alone: float
    mirrored: bool = False


@dataclass(frozen=True)
class Outlook:
    """So many workers with a shard each: seconds of the longest, and of all together."""

    workers: int
    wall: float
    total: float


@dataclass(frozen=True)
class Forecast:
    """Units, and what every shard adds, in seconds.

    `start` is for its frameworks, `described` for what all functions need before they are asked, of
    which a shard has its own. `finish` is left for one machine when all shards are done.
    """

    units: Sequence[Unit]
    start: float
    described: float
    finish: float = 0.0

    def outlook(self, workers: int) -> Outlook:
        """Return what so many workers take; there is a shard for each."""
        walls = self._walls(workers)
        return Outlook(workers, float(walls.max()) + self.finish, float(walls.sum()) + self.finish)

    @property
    def largest(self) -> Unit:
        """The unit that takes longest by itself; no number of workers divides it."""
        return max(self.units, key=lambda unit: unit.alone)

    @property
    def least(self) -> float:
        """Seconds below which no number of workers comes."""
        own = self.described / len(self._functions)
        return self.start + own + self.largest.alone + self.finish

    @cached_property
    def enough(self) -> int:
        """The fewest workers that are about as fast as any number of them."""
        walls = [self.outlook(count).wall for count in range(1, self.most + 1)]
        near = min(walls) * NEAR
        return next(place for place, wall in enumerate(walls, 1) if wall <= near)

    @property
    def most(self) -> int:
        """Workers that can have something to do."""
        return min(MOST, len(self.units))

    @cached_property
    def _functions(self) -> dict[str, int]:
        names = dict.fromkeys(unit.function for unit in self.units)
        return {name: place for place, name in enumerate(names)}

    @cached_property
    def _dealt(self) -> tuple[list[Unit], Array, Array, Array]:
        """Units in the order of dealing, the mirrored ones last, and figures of them as arrays."""
        units = sorted(self.units, key=lambda unit: (unit.mirrored, unit.kind))
        return (
            units,
            np.array([unit.seconds for unit in units]),
            np.array([unit.alone for unit in units]),
            np.array([self._functions[unit.function] for unit in units]),
        )

    def _walls(self, workers: int) -> Array:
        """Return how long each shard takes."""
        units, seconds, alone, functions = self._dealt
        plain = sum(not unit.mirrored for unit in units)
        first = np.arange(plain) % workers
        last = workers - 1 - np.arange(len(units) - plain) % workers
        whose = np.concatenate([first, last]).astype(np.int64)
        loads = np.bincount(whose, seconds, workers)
        np.maximum.at(loads, whose, alone)
        count = len(self._functions)
        own = np.bincount(np.unique(whose * count + functions) // count, minlength=workers)
        return np.asarray(self.start + self.described * own / count + loads)
