"""The formula where a format overflows on the way: what a program gets there, and how near.

A square that overflows makes y / (1 + x * x) zero, and a condition on it takes another branch. The
running bound knows nothing of that: it is one for numbers without a largest.
"""

from __future__ import annotations

import numpy as np

from trysquare.dtypes import Array, Format
from trysquare.formula.bounded import Bounded, BoundedFloat64
from trysquare.formula.extended import Extended
from trysquare.formula.float64 import AXES
from trysquare.formula.primitives import Rounding
from trysquare.formula.rounded import Rounded
from trysquare.formula.tree import Op, Scope

POLES = {Op.LOG, Op.LOG1P}
"""Functions whose infinity at a number is exact."""


class Spilling(Rounded):
    """Each result rounded to the format; `spilled` tells in which rows one overflowed."""

    def __init__(self, rows: int, columns: int, format: Format) -> None:
        super().__init__(rows, columns, format, format)
        self.spilled = np.zeros(rows, bool)

    def apply(self, op: Op, args: list[Array]) -> Array:
        """Apply one operation, and round."""
        result = super().apply(op, args)
        if result.dtype != bool and op not in POLES:
            over = np.isinf(result)
            for argument in args:
                over = over & np.isfinite(argument)
            if op is Op.DIV:
                over &= args[1] != 0
            self._note(over)
        return result

    def reduce(self, op: Op, arg: Array, scope: Scope) -> Array:
        """Reduce, and round."""
        result = super().reduce(op, arg, scope)
        if op is Op.SUM:
            finite = np.isfinite(arg).all(axis=AXES[scope], keepdims=True)
            self._note(np.isinf(result) & finite)
        return result

    def _note(self, over: Array) -> None:
        if over.any():
            own = over.shape[0] == len(self.spilled)
            self.spilled |= over.any(axis=1) if own else True


class Detouring(BoundedFloat64):
    """The values that a program has in a format, with bounds; an overflow on the way is certain."""

    def __init__(self, rows: int, columns: int, rounding: Rounding) -> None:
        super().__init__(rows, columns, rounding, rounding.format)
        self._values = self.spilling = Spilling(rows, columns, rounding.format)

    def apply(self, op: Op, args: list[Bounded]) -> Bounded:
        """Propagate the errors of the arguments and add the operation's own."""
        return _decided(super().apply(op, args))

    def reduce(self, op: Op, arg: Bounded, scope: Scope) -> Bounded:
        """Reduce."""
        return _decided(super().reduce(op, arg, scope))


class Straight(BoundedFloat64):
    """What float64 would have if nothing overflowed on the way, in a format that is wider."""

    def __init__(self, rows: int, columns: int, rounding: Rounding) -> None:
        super().__init__(rows, columns, rounding, rounding.format)
        self._plain = self._values = Extended(rows, columns)

    def _own(self, ulps: float, size: Array) -> Array:
        """Return so many ULP, which grow beyond the format as they do within."""
        format = self._rounding.format
        beyond = np.where(size > format.largest, format.eps * size, 0.0)
        return np.asarray(ulps * np.maximum(format.ulp(size), beyond))


def _decided(found: Bounded) -> Bounded:
    """Return a value that is infinite without a doubt that it is."""
    return Bounded(found.value, np.where(np.isinf(found.value), 0.0, found.error))
