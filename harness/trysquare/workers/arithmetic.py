"""How this thread rounds, and what it makes of subnormals: noticed when a call changes it."""

from __future__ import annotations

import ctypes

ONE, HALF_ULP, SMALL = 1.0, 0.75 * 2.0**-52, 2.0**-60
SMALLEST_NORMAL, HALF = 2.0**-1022, 0.5
SUBNORMAL, LARGE = 2.0**-1060, 2.0**200
BYTES = 256
"""More than any C library keeps of it; glibc on x86 has 32 bytes, which hold the SSE register."""


class Arithmetic:
    """The settings of the thread that makes one of these, to which it can go back."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(None)
        self._settings = ctypes.create_string_buffer(BYTES)
        self._usual = found()
        self._library.fegetenv(self._settings)

    def righted(self) -> str:
        """Return what has changed since then, in words, and change it back."""
        now = found()
        if now == self._usual:
            return ""
        self._library.fesetenv(self._settings)
        return ", ".join(now) or "as IEEE 754 has it, which it was not"


def found() -> tuple[str, ...]:
    """Return how the arithmetic of this thread differs from that of IEEE 754.

    The names keep a compiler from working these out beforehand.
    """
    ways = {
        "rounds upwards": ONE + SMALL > ONE,
        "rounds downwards": -ONE - SMALL < -ONE,
        "rounds towards zero": ONE + HALF_ULP == ONE and not -ONE - SMALL < -ONE,
        "takes subnormals for zero": SUBNORMAL * LARGE == 0,
        "flushes results to zero": SMALLEST_NORMAL * HALF * LARGE == 0,
    }
    return tuple(words for words, so in ways.items() if so)
