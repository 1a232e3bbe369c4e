"""What is known of exact results: a float64, what is missing from it, and how sure that is."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import flint
import numpy as np

from trysquare.dtypes import Array, Format

SPARE_BITS = 20
"""How much finer than the format's spacing a truth is decided."""


ONE = np.ones((1, 1))


@dataclass(frozen=True)
class Truth:
    """The exact result as a float64 `value`, and what is missing, in ULP of the format at `value`.

    The exact result is value + (rest +- bound) ULP. `value` is infinite or NaN where the exact
    result is, or is larger than float64.
    """

    value: Array
    rest: Array
    bound: Array

    def spacing(self, format: Format) -> Array:
        """Return ulp(exact): just below a power of two it is half of what it is at it."""
        spacing = format.ulp(self.value)
        power = np.abs(np.frexp(self.value)[0]) == 0.5
        below = power & (self.rest * np.sign(self.value) < 0)
        return np.where(below & (np.abs(self.value) > format.smallest_normal), spacing / 2, spacing)

    def only(self, rows: Array) -> Truth:
        """Return the truth of some rows."""
        return Truth(self.value[rows], self.rest[rows], self.bound[rows])

    def where(self, mask: Array, other: Truth) -> Truth:
        """Return this truth where the mask holds, and the other one elsewhere."""
        return Truth(
            np.where(mask, self.value, other.value),
            np.where(mask, self.rest, other.rest),
            np.where(mask, self.bound, other.bound),
        )

    def patched(self, rows: Array, other: Truth) -> Truth:
        """Return this truth with some rows replaced by those of another."""
        value, rest, bound = self.value.copy(), self.rest.copy(), self.bound.copy()
        value[rows], rest[rows], bound[rows] = other.value, other.rest, other.bound
        return Truth(value, rest, bound)


@dataclass(frozen=True)
class Detour:
    """What the formula gives in the format because something overflows on the way.

    An answer may be as far from `value` as `room` says, which is negative where nothing overflows
    or where that makes no difference.
    """

    value: Array
    room: Array

    def accepts(self, got: Array) -> Array:
        """Tell where an answer is one that took the detour."""
        with np.errstate(all="ignore"):
            near = (np.abs(got - self.value) <= self.room) | (got == self.value)
        return np.asarray((self.room >= 0) & (near | (np.isnan(got) & np.isnan(self.value))))

    def among(self, rows: Array, all_of_them: Array) -> Detour:
        """Return this as some rows of more, in which nothing overflows elsewhere."""
        value, room = np.zeros_like(all_of_them), np.full_like(all_of_them, -1.0)
        value[rows], room[rows] = self.value, self.room
        return Detour(value, room)


@dataclass(frozen=True)
class Reach:
    """How far below and how far above the truth an answer may be, absolute.

    What is flushed goes to zero, which is on one side only: with the same room on the other, twice
    the truth would be right wherever zero is.
    """

    below: Array
    above: Array

    def only(self, rows: Array | slice) -> Reach:
        """Return the reach of some rows."""
        return Reach(self.below[rows], self.above[rows])

    def patched(self, rows: Array, other: Reach) -> Reach:
        """Return this with some rows replaced by those of another."""
        below, above = self.below.copy(), self.above.copy()
        below[rows], above[rows] = other.below, other.above
        return Reach(below, above)

    def wider(self, other: Reach) -> Reach:
        """Return what either of two allows."""
        return Reach(np.maximum(self.below, other.below), np.maximum(self.above, other.above))

    def toward(self, error: Array) -> Array:
        """Return how far an answer may be that is off in the direction of an error's sign."""
        return np.where(error < 0, self.below, self.above)


def reach(middle: Array, error: Array, truth: Array) -> Reach:
    """Return the reach of what lies around another number than the truth."""
    with np.errstate(invalid="ignore", over="ignore"):
        moved = middle - truth
        return Reach(*(np.asarray(side, np.float64) for side in (error - moved, error + moved)))


@dataclass(frozen=True)
class Allowance:
    """How far an answer may be from the truth (absolute), infinite where nothing can be said.

    `flushed` is the room beyond `limit` that an answer has because something may be flushed.
    `spilled` is what the formula gives if everything overflows where the format does, and at a pole
    underflows too: where that is an infinity or NaN, it is allowed as well. So is a detour.
    `fraction` is what is missing in a stated limit among the smallest numbers of float64, of which
    it holds no half, in ULP.
    """

    limit: Array
    spilled: Array
    detours: tuple[Detour, ...] = ()
    fraction: Array | None = None
    flushed: Reach | None = None

    def toward(self, error: Array) -> Array:
        """Return how far an answer may be that is off in the direction of an error's sign."""
        return self.limit if self.flushed is None else self.limit + self.flushed.toward(error)

    @property
    def most(self) -> Array:
        """How far an answer may be on the side on which more is allowed."""
        return np.maximum(self.toward(-ONE), self.toward(ONE))

    @property
    def least(self) -> Array:
        """How far an answer may be on either side."""
        return np.minimum(self.toward(-ONE), self.toward(ONE))

    @property
    def straight(self) -> Array:
        """Where the limit alone decides: no overflow on the way makes a difference."""
        found = np.isfinite(self.spilled)
        for detour in self.detours:
            found &= detour.room < 0
        return np.asarray(found)

    def wider(self, other: Allowance) -> Allowance:
        """Return what either of two allows."""
        spilled = np.where(np.isfinite(self.spilled), other.spilled, self.spilled)
        detours = self.detours + other.detours
        limit = np.maximum(self.limit, other.limit)
        flushed = self.flushed and other.flushed and self.flushed.wider(other.flushed)
        return Allowance(limit, spilled, detours, flushed=flushed)

    def only(self, rows: Array) -> Allowance:
        """Return what is allowed in some rows."""
        detours = tuple(Detour(each.value[rows], each.room[rows]) for each in self.detours)
        fraction = None if self.fraction is None else self.fraction[rows]
        flushed = self.flushed and self.flushed.only(rows)
        return Allowance(self.limit[rows], self.spilled[rows], detours, fraction, flushed)

    def patched(self, rows: Array, other: Allowance) -> Allowance:
        """Return this with some rows, which knew of no detour, replaced by those of another."""
        limit, spilled = self.limit.copy(), self.spilled.copy()
        limit[rows], spilled[rows] = other.limit, other.spilled
        return Allowance(limit, spilled, tuple(d.among(rows, limit) for d in other.detours))

    def unexcused(self) -> Allowance:
        """Return what is allowed to whoever does not overflow on the way."""
        return replace(self, spilled=np.zeros_like(self.spilled), detours=())


def from_balls(found: Array, format: Format) -> tuple[Truth, Array]:
    """Return an array of balls as a truth, and which of them are decided."""
    value = np.asarray(np.frompyfunc(_midpoint, 1, 1)(found), np.float64)
    spacing = format.ulp(value)
    with np.errstate(invalid="ignore"):  # NumPy looks at floats on their way through Python
        told = np.frompyfunc(_beyond, 3, 2)(found, value, spacing)
    rest, bound = (np.asarray(part, np.float64) for part in told)
    # a ball around zero says no more than that: zero, within its radius
    with np.errstate(over="ignore"):
        nothing = np.abs(value) / spacing + np.abs(rest) <= bound
    value, rest = np.where(nothing, 0.0, value), np.where(nothing, 0.0, rest)
    decided = bound <= 2.0**-SPARE_BITS
    # far beyond the format the only answer is infinity, however far it is
    with np.errstate(over="ignore"):
        decided |= np.abs(value) - bound * spacing > 2 * format.largest
        return Truth(value, rest, np.where(nothing, 2 * bound, bound)), decided


def _midpoint(ball: flint.arb) -> float:
    return float(ball) if ball.is_finite() else math.nan


def _beyond(ball: flint.arb, value: float, spacing: float) -> tuple[float, float]:
    """Return what is missing from a value, and an upper bound on the error of that, in spacings."""
    if math.isnan(value):
        return 0.0, math.inf
    if math.isinf(value):
        return 0.0, 0.0
    rest = (ball - value) / spacing
    middle = float(rest)
    if not rest.is_finite() or math.isinf(middle):
        return math.nan, math.inf
    return middle, float((rest - middle).abs_upper()) * (1 + 2.0**-50)
