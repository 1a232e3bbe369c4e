"""What a hunt reaches with 0.1, 1 and 6 million evaluations, beside the truth and beside chance.

The truth of a float32 function is the maximum over all 2^32 inputs, found once by trying them all
on a CPU with AVX2; on another CPU it is another number, and so its share is printed, not judged.
Every function is searched in this process with one thread; errors are measured against float64,
which is exact enough to rank them. Prints for five seeds the least, the median and the largest.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from trysquare.dtypes import FLOAT32, Array
from trysquare.hunt.box import ABSENT, Space
from trysquare.hunt.search import Scores, search

EVALUATIONS = (100_000, 1_000_000, 6_000_000)
SEEDS = range(5)
TOP = int(FLOAT32.ordinal(np.array([FLOAT32.largest]))[0])


@dataclass(frozen=True)
class Function:
    """A float32 function, the same in float64, and its largest error in ULP over all floats."""

    name: str
    narrow: Callable[[Array], Array]
    wide: Callable[[Array], Array]
    truth: float

    def errors(self, ordinals: Array) -> Array:
        """Return errors in ULP; ABSENT where one of the two is no number."""
        x = FLOAT32.from_ordinal(ordinals)
        with np.errstate(all="ignore"):
            exact = self.wide(x)
            got = self.narrow(x.astype(np.float32)).astype(np.float64)
            error = np.abs(got - exact) / FLOAT32.ulp(exact)
        return np.where(np.isfinite(error), error, ABSENT)


def through_torch(function: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[Array], Array]:
    """Return a function of arrays, of either precision."""
    return lambda x: np.asarray(function(torch.from_numpy(np.ascontiguousarray(x))).numpy())


def sigmoid(x: Array) -> Array:
    """Return the exact sigmoid where it is a normal number of float32: its tail is lost."""
    value = np.exp(x) / (1 + np.exp(x))
    value = np.where(x > 0, 1 / (1 + np.exp(-x)), value)
    return np.where(value < FLOAT32.smallest_normal, np.nan, value)


FUNCTIONS = (
    Function("numpy exp", np.exp, np.exp, 2.541),
    Function("numpy log", np.log, np.log, 3.832),
    Function("torch erf", through_torch(torch.erf), through_torch(torch.erf), 0.784),
    Function("torch sigmoid", through_torch(torch.sigmoid), sigmoid, 2.481),
)


def hunted(function: Function, evaluations: int, seed: int) -> float:
    """Return the largest error that a search finds."""

    def evaluate(batches: Sequence[Array]) -> list[Scores]:
        errors = function.errors(np.concatenate(batches)[:, 0])
        ends = np.cumsum([len(batch) for batch in batches])[:-1]
        return [Scores(part, part) for part in np.split(errors, ends)]

    space = Space((-TOP,), (TOP,), (False,))
    found = search(space, evaluate, evaluations, np.random.default_rng(seed))
    return float(found.error.max())


def drawn(function: Function, evaluations: int, seed: int) -> float:
    """Return the largest error of so many floats at random."""
    ordinals = np.random.default_rng(seed).integers(-TOP, TOP, evaluations, endpoint=True)
    return float(function.errors(ordinals).max())


def main() -> None:
    """Print a table."""
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}; numpy "
          f"{np.__version__}; ULP: least / median / largest of {len(SEEDS)} seeds")  # fmt: skip
    print(f"{'function':<15}{'truth':>7}{'evaluations':>13}  {'hunted':<21}{'of truth':>9}"
          f"  {'at random':<21}{'of truth':>9}{'seconds':>9}")  # fmt: skip
    for function in FUNCTIONS:
        for evaluations in EVALUATIONS:
            begun = time.perf_counter()
            found = [hunted(function, evaluations, seed) for seed in SEEDS]
            seconds = (time.perf_counter() - begun) / len(SEEDS)
            chance = [drawn(function, evaluations, seed) for seed in SEEDS]
            print(f"{function.name:<15}{function.truth:>7.3f}{evaluations:>13,}  "
                  f"{figures(found):<21}{statistics.median(found) / function.truth:>9.1%}  "
                  f"{figures(chance):<21}{statistics.median(chance) / function.truth:>9.1%}"
                  f"{seconds:>9.2f}")  # fmt: skip


def figures(values: Sequence[float]) -> str:
    """Return least, median and largest."""
    return f"{min(values):.3f} / {statistics.median(values):.3f} / {max(values):.3f}"


if __name__ == "__main__":
    main()
