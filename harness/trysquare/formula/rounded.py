"""The formula as a plain program computes it in a format: every result rounded to it at once.

It says what an evaluation would give that does nothing clever. A verdict rests on it only where
the format overflows on the way (`detour`).
"""

from __future__ import annotations

from fractions import Fraction

from trysquare.dtypes import Array, Format
from trysquare.formula.float64 import Float64
from trysquare.formula.tree import Op, Scope


class Rounded(Float64):
    """Arithmetic over float64 arrays that hold numbers of `format` only, shaped like those.

    A sum is rounded once, at its end, as frameworks add 16-bit numbers in a wider format.
    """

    def __init__(self, rows: int, columns: int, format: Format, named: Format) -> None:
        """`named` is the format whose eps, largest ... a formula mentions."""
        super().__init__(rows, columns, named)
        self._working = format

    def number(self, value: Fraction) -> Array:
        """Return the nearest number of the format."""
        return self._rounded(super().number(value))

    def symbol(self, name: str) -> Array:
        """Return the symbol's number, rounded to the format."""
        return self._rounded(super().symbol(name))

    def apply(self, op: Op, args: list[Array]) -> Array:
        """Apply one operation, and round."""
        return self._rounded(super().apply(op, args))

    def power(self, base: Array, exponent: int) -> Array:
        """Multiply repeatedly, and round each product."""
        if exponent == 0:
            return super().power(base, 0)
        result = base
        for _ in range(exponent - 1):
            result = self.apply(Op.MUL, [result, base])
        return result

    def reduce(self, op: Op, arg: Array, scope: Scope) -> Array:
        """Reduce, and round."""
        return self._rounded(super().reduce(op, arg, scope))

    def _rounded(self, values: Array) -> Array:
        if values.dtype == bool:
            return values
        return self._working.round(values)
