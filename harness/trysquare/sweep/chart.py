"""What is proven of the truth on a range of consecutive numbers: pieces, points and limits.

Numbers are counted by position, in the order of size (`dtypes.Format.patterns`). Blocks of BLOCK
numbers are aligned; inside of one, numbers are equally far apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

import numpy as np

from trysquare.dtypes import Array

BLOCK = 1 << 16
"""Numbers that are compared at a time: their arrays fit into a core's cache."""

TERMS = 7
"""Coefficients of a model: degree 6."""


UNTOLD = -2
"""No pattern of a result: they differ."""


class Kind(IntEnum):
    """How the truth of a piece is told.

    CONSTANT: every result rounds to one number. SMOOTH: a polynomial in steps from the middle.
    LINEAR: a multiple of the number itself, close to zero. POINTS: number by number. MULTIPLE: like
    SMOOTH, and every result rounds to the number itself times a power of two.
    """

    CONSTANT = 0
    SMOOTH = 1
    LINEAR = 2
    POINTS = 3
    MULTIPLE = 4


PIECE = np.dtype(
    [
        ("start", "<i8"),
        ("stop", "<i8"),
        ("kind", "<i4"),
        ("degree", "<i4"),
        ("lean", "<i4"),
        ("bits", "<u4"),
        ("bound", "<f8"),
        ("coefficients", "<f8", (TERMS,)),
    ]
)
"""A piece [start, stop).

`bound` is absolute, for LINEAR relative: how far the evaluation in float64 may be from the truth.
A `lean` other than zero says that a linear piece is evaluated without any error, and that the truth
is by less than a float64 larger (1) or smaller (-1). `bits` is the pattern of a constant, or what
is added to the pattern of a number to get that of its multiple; `degree` that of a polynomial.
"""


@dataclass(frozen=True)
class Chart:
    """The truth on [start, stop).

    `points` are the positions of the pieces that are told number by number, with `values` (float64,
    within 2^-20 ULP of the truth), and `rounded`, the patterns of the correctly rounded truth.
    `limits` holds for each block, and for targets that keep and that flush subnormals, two errors
    in ULP: up to the first a result conforms, beyond the second it diverges; in between, and for
    results that are no number where the second is infinite, the limit is worked out one by one.
    Shaped (blocks, 2, 2).
    """

    start: int
    stop: int
    pieces: Array
    points: Array
    values: Array
    rounded: Array
    limits: Array

    def of_block(self, block: int) -> Array:
        """Return the pieces that meet a block, counted from the beginning of the format."""
        low, high = self._places[block - self.start // BLOCK]
        return self.pieces[low:high]

    @cached_property
    def constants(self) -> Array:
        """The pattern of every result of a block, or UNTOLD; int64, shaped (blocks,)."""
        low, high = np.array(self._places).T
        only = self.pieces[low]
        told = (high - low == 1) & (only["kind"] == Kind.CONSTANT)
        return np.where(told, only["bits"].astype(np.int64), UNTOLD)

    @cached_property
    def _places(self) -> list[tuple[int, int]]:
        starts = self.pieces["start"]
        firsts = np.arange(self.start, self.stop, BLOCK)
        low = np.searchsorted(starts, firsts, "right") - 1
        high = np.searchsorted(starts, firsts + BLOCK, "left")
        return list(zip(low.tolist(), high.tolist(), strict=True))
