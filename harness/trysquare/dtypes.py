"""The float formats: their numbers, rounding into them, their order and the size of an ULP.

Values of every format are held in float64 arrays, which contain all of them exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import ml_dtypes
import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Format:
    """A binary floating-point format with `precision` significant bits and exponents up to `emax`.

    Normal numbers are 1.f x 2^e with e from `emin` = 1 - emax to `emax` (IEEE 754, section 3.3).
    """

    name: str
    precision: int
    emax: int
    numpy: np.dtype[Any]
    bits: np.dtype[Any]

    def __reduce__(self) -> str:
        """Return the name of the one object there is: formats are compared by identity."""
        return self.name.upper()

    @property
    def emin(self) -> int:
        """The exponent of the smallest normal number."""
        return 1 - self.emax

    @property
    def eps(self) -> float:
        """The distance from 1 to the next larger number."""
        return float(2.0 ** (1 - self.precision))

    @property
    def unit_roundoff(self) -> float:
        """Half of eps: the largest relative error of rounding to nearest."""
        return self.eps / 2

    @property
    def largest(self) -> float:
        """The largest finite number."""
        return float((2.0 - self.eps) * 2.0**self.emax)

    @property
    def smallest_normal(self) -> float:
        """The smallest positive normal number."""
        return float(2.0**self.emin)

    @property
    def smallest_subnormal(self) -> float:
        """The smallest positive number."""
        return float(2.0 ** (self.emin - self.precision + 1))

    @property
    def width(self) -> int:
        """Bits of one number."""
        return int(self.bits.itemsize) * 8

    def ulp(self, values: Array) -> Array:
        """Return the spacing at each value: 2^(e - (p - 1)), e = floor(log2|v|) in [emin, emax].

        At zero that is the smallest subnormal; beyond the format, the spacing of its last binade.
        """
        values = np.ascontiguousarray(values, np.float64).reshape(np.shape(values))
        return np.asarray(self._spacings[(values.view(np.int64) >> 52) & 0x7FF])

    @cached_property
    def _spacings(self) -> Array:
        """The spacing for every biased exponent of a float64, that of infinities the last one."""
        exponents = np.clip(np.arange(-1023, 1025), self.emin, self.emax)
        return np.ldexp(1.0, exponents - (self.precision - 1))

    def round(self, values: Array) -> Array:
        """Round float64 values to nearest, ties to even, once; overflow gives infinity."""
        values = np.asarray(values, np.float64)
        if self.precision == 53:
            return values
        with np.errstate(invalid="ignore", over="ignore"):
            spacing = self.ulp(values)
            # rint keeps the sign of zero; infinities and NaN pass through untouched
            rounded = np.rint(values / spacing) * spacing
            beyond = np.abs(rounded) > self.largest
            return np.where(beyond, np.copysign(np.inf, rounded), rounded)

    def cast(self, values: Array) -> Array:
        """Return the rounded values in the format's own NumPy dtype."""
        with np.errstate(over="ignore", invalid="ignore"):
            return self.round(values).astype(self.numpy)

    def widen(self, values: Array) -> Array:
        """Return numbers of this format as float64, exactly."""
        with np.errstate(invalid="ignore"):  # a signalling NaN
            return np.asarray(values).astype(np.float64)

    def from_bits(self, patterns: Array) -> Array:
        """Return the numbers with these bit patterns, in the format's NumPy dtype."""
        return patterns.astype(self.bits).view(self.numpy)

    def ordinal(self, values: Array) -> Array:
        """Number the values by size, as int64: both zeros are 0, neighbours differ by 1."""
        patterns = np.ascontiguousarray(self.cast(values)).view(self.bits).astype(np.int64)
        if self.width == 64:
            magnitude = patterns & np.int64(0x7FFF_FFFF_FFFF_FFFF)
            return np.where(patterns < 0, -magnitude, magnitude)
        sign = np.int64(1) << np.int64(self.width - 1)
        return np.where(patterns >= sign, sign - patterns, patterns)

    def from_ordinal(self, ordinals: Array) -> Array:
        """Return the float64 values of these ordinals; the inverse of `ordinal`."""
        ordinals = np.asarray(ordinals, np.int64)
        magnitude = self.widen(self.from_bits(np.abs(ordinals)))
        return np.where(ordinals < 0, -magnitude, magnitude)

    def patterns(self, positions: Array) -> Array:
        """Return the bit patterns at these positions, from 0 to 2^width - 1, in the order of size.

        NaN with a sign, -infinity ... -0, +0 ... infinity, NaN without one.
        """
        half = np.int64(1) << np.int64(self.width - 1)
        positions = np.asarray(positions, np.int64)
        return np.where(positions >= half, positions - half, 2 * half - 1 - positions).astype(
            self.bits
        )

    def positions(self, patterns: Array) -> Array:
        """Return where bit patterns stand in the order of size; the inverse of `patterns`."""
        half = np.int64(1) << np.int64(self.width - 1)
        wide = np.asarray(patterns).astype(np.int64)
        return np.where(wide < half, wide + half, 2 * half - 1 - wide)

    def hexadecimal(self, value: Any) -> str:
        """Return the bit pattern of one number of this format, such as `0xc402`."""
        pattern = int(np.asarray(value).astype(self.numpy).reshape(1).view(self.bits)[0])
        return f"0x{pattern % (1 << self.width):0{self.width // 4}x}"


FLOAT64 = Format("float64", 53, 1023, np.dtype(np.float64), np.dtype(np.uint64))
FLOAT32 = Format("float32", 24, 127, np.dtype(np.float32), np.dtype(np.uint32))
FLOAT16 = Format("float16", 11, 15, np.dtype(np.float16), np.dtype(np.uint16))
BFLOAT16 = Format("bfloat16", 8, 127, np.dtype(ml_dtypes.bfloat16), np.dtype(np.uint16))

FORMATS = {format.name: format for format in (FLOAT64, FLOAT32, FLOAT16, BFLOAT16)}
