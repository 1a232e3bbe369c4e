"""Curves as SVG that needs no script: what a function and its derivative look like."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from markupsafe import Markup

Points = Sequence[tuple[float, float]]

_CURVE = (200, 132)
_JUMP = 0.3
"""A step by more than this share of a curve's height is a jump, and not drawn as a slope."""


def curve_figure(title: str, curves: Sequence[tuple[str, Points]]) -> Markup:
    """Return a small picture of a function and its derivative on one pair of axes."""
    finite = [p for _, points in curves for p in points if all(map(math.isfinite, p))]
    if not finite:
        return Markup()
    width, height = _CURVE
    left, right = min(x for x, _ in finite), max(x for x, _ in finite)
    # what leaves the square of the x range is cut, so that steep functions keep their shape
    low = min(0.0, max(left, min(y for _, y in finite)))
    high = max(0.0, min(right, max(y for _, y in finite)), low + 1e-9)
    across = _scale(left, right, 8, width - 8)
    up = _scale(low, high, height - 14, 12)
    parts = [
        Markup('<path class="axis" d="M{} {}H{}"/>').format(8, _n(up(0.0)), width - 8),
    ]
    if left < 0 < right:
        parts.append(Markup('<path class="axis" d="M{} 8V{}"/>').format(_n(across(0)), height - 10))
    for number, (_, points) in enumerate(curves):
        path = _broken_path(points, across, up, (low, high))
        parts.append(Markup('<path class="curve c{}" d="{}"/>').format(number % 4, path))
    parts += [
        _label(8, height - 2, f"{left:g}", "start"),
        _label(width - 8, height - 2, f"{right:g}", "end"),
        _label(across(0) + 4 if left < 0 < right else 12, 11, f"{high:.3g}", "start"),
    ]
    names = ", ".join(name for name, _ in curves)
    return _svg(_CURVE, f"{title}: {names} from {left:g} to {right:g}", parts)


def _broken_path(
    points: Points,
    across: Callable[[float], float],
    up: Callable[[float], float],
    bounds: tuple[float, float],
) -> str:
    path, last = "", math.nan
    margin = (bounds[1] - bounds[0]) * 0.02
    heights = [y for _, y in points if math.isfinite(y)]
    jump = _JUMP * (max(heights, default=0.0) - min(heights, default=0.0))
    for x, y in points:
        inside = math.isfinite(x) and bounds[0] - margin <= y <= bounds[1] + margin
        if inside:
            joined = abs(y - last) <= jump
            path += f"{'L' if joined else 'M'}{_n(across(x))} {_n(up(y))}"
        last = y if inside else math.nan
    return path


def _scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    span = high - low or 1.0
    return lambda value: start + (value - low) / span * (end - start)


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _label(x: float, y: float, text: str, anchor: str, style: str = "tick") -> Markup:
    markup = Markup('<text class="{}" x="{}" y="{}" text-anchor="{}">{}</text>')
    return markup.format(style, _n(x), _n(y), anchor, text.replace("-", "−"))


def _svg(size: tuple[int, int], title: str, parts: Iterable[Markup]) -> Markup:
    head = Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">').format(*size, title)
    return head + Markup().join(parts) + Markup("</svg>")
