"""How numbers are written in every report."""

from __future__ import annotations

import math

_TENTH = 0.1
_MINUTE = 60
_HOUR = 60 * _MINUTE
_DECIMAL_BELOW = 10.0
_WHOLE_BELOW = 10_000.0
_ONE_PERCENT = 0.01
_WRITTEN_OUT = 64


def ulp(value: float) -> str:
    """Return an error in ULP with as many digits as anybody compares."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞"
    if value < _DECIMAL_BELOW:
        return f"{value:.2g}"
    if value < _WHOLE_BELOW:
        return f"{value:.0f}"
    mantissa, _, exponent = f"{value:.1e}".partition("e")
    return f"{mantissa}e{int(exponent)}"


def whole(value: int) -> str:
    """Return a count with thin spaces between its thousands."""
    return f"{value:,}".replace(",", "\u202f")


def power(exponent: int) -> str:
    """Return a power of two; a file may claim one that nobody can write out."""
    return str(2**exponent) if exponent < _WRITTEN_OUT else f"2^{exponent}"


def plain(decimal: str) -> str:
    """Return a decimal without the zero that says it is no integer."""
    return decimal.removesuffix(".0")


def over(error: float, limit: float) -> str:
    """Return how many times an error is over its limit."""
    return f"{ulp(error / limit)}×" if limit > 0 else "∞×"


def percent(share: float) -> str:
    """Return a share of a whole; a little is not nothing."""
    if math.isinf(share):
        return "∞\u202f%"
    return ("<1" if 0 < share < _ONE_PERCENT else f"{100 * share:.0f}") + "\u202f%"


def exact_percent(part: int, whole: int) -> str:
    """Return a share of a whole to three digits."""
    return f"{100 * part / whole:.3g}\u202f%" if whole else "–"


def duration(seconds: float) -> str:
    """Return a time as people say it: 23ms, 41.7s, 3m12s, 1h02m."""
    if seconds < _TENTH:
        return f"{1000 * seconds:.0f}ms"
    if seconds < _MINUTE:
        return f"{seconds:.1f}s"
    if seconds < _HOUR:
        minutes, rest = divmod(round(seconds), _MINUTE)
        return f"{minutes}m{rest:02d}s"
    hours, rest = divmod(round(seconds / _MINUTE), _MINUTE)
    return f"{hours}h{rest:02d}m"


def plural(count: int, word: str) -> str:
    """Return a count with its noun."""
    return f"{whole(count)} {word}" + ("" if count == 1 else "s")
