"""Curves as SVG, drawn on the server: what a function looks like, and its error against x."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from trysquare_reports import figures

Points = Sequence[tuple[float, float]]

_CURVE = (200, 132)
_ERROR = (520, 190)
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 8, 14, 22
_JUMP = 0.3
"""A step by more than this share of a curve's height is a jump, and not drawn as a slope."""

_DECADES = (1e300, 1e100, 1e38, 1e15, 1e4, 100.0, 10.0, 1.0, 0.1)
_APART = 36
_TICKS = 5


@dataclass(frozen=True)
class Series:
    """One line of an error plot: its name, its style's number, and (x, ULP) in any order."""

    name: str
    style: int
    points: Points


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


def error_figure(title: str, series: Sequence[Series], limit: float | None) -> Markup:
    """Return ULP error against x, both axes compressed; infinite errors sit on the upper edge."""
    finite = [abs(x) for one in series for x, _ in one.points if math.isfinite(x)]
    errors = [error for one in series for _, error in one.points if math.isfinite(error)]
    if not finite:
        return Markup()
    width, height = _ERROR
    reach = max(*finite, 1.0)
    top = max(*errors, limit or 0.0, 1.0)
    across = _composed(_squeeze, _scale(-_squeeze(reach), _squeeze(reach), _LEFT, width - _RIGHT))
    up = _composed(_magnitude, _scale(0.0, _magnitude(top) * 1.05, height - _BOTTOM, _TOP))
    parts = [*_error_axes(across, up, reach, top)]
    if limit is not None and math.isfinite(limit):
        y = up(limit)
        parts.append(Markup('<path class="limit" d="M{} {}H{}"/>').format(_LEFT, _n(y), width - 8))
        parts.append(_label(width - 10, y - 4, f"limit {figures.ulp(limit)}", "end", "tick limit"))
    for one in series:
        path = _error_path(one.points, across, lambda error: up(min(error, top * 1.1)))
        parts.append(Markup('<path class="error s{}" d="{}"/>').format(one.style % 8, path))
    return _svg(_ERROR, title, parts)


def _error_axes(
    across: Callable[[float], float], up: Callable[[float], float], reach: float, top: float
) -> Iterable[Markup]:
    width, height = _ERROR
    base = height - _BOTTOM
    yield Markup('<path class="axis" d="M{} {}H{}"/>').format(_LEFT, base, width - _RIGHT)
    yield Markup('<path class="grid" d="M{} {}V{}"/>').format(_n(across(0.0)), base, _TOP)
    taken = [across(0.0)]
    yield _label(taken[0], height - 6, "0", "middle")
    for x in (sign * decade for decade in _DECADES if decade <= reach for sign in (-1, 1)):
        if all(abs(across(x) - other) >= _APART for other in taken):
            taken.append(across(x))
            yield Markup('<path class="axis" d="M{} {}v4"/>').format(_n(across(x)), base)
            yield _label(across(x), height - 6, f"{x:g}".replace("e+", "e"), "middle")
    step = max(1, math.ceil(math.log10(max(top, 1.0)) / _TICKS))
    decades = range(0, math.floor(math.log10(max(top, 1.0))) + 1, step)
    for error in (0.0, *(10.0**decade for decade in decades)):
        yield Markup('<path class="grid" d="M{} {}H{}"/>').format(_LEFT, _n(up(error)), width - 8)
        yield _label(_LEFT - 6, up(error) + 3, figures.ulp(error), "end")


def _error_path(
    points: Points, across: Callable[[float], float], up: Callable[[float], float]
) -> str:
    """Return one point for each pair of pixels across: the largest error there."""
    columns: dict[int, float] = {}
    for x, error in points:
        if math.isfinite(x) and not math.isnan(error):
            column = 2 * round(across(x) / 2)
            columns[column] = max(columns.get(column, 0.0), error)
    return "M" + "L".join(f"{column} {_n(up(columns[column]))}" for column in sorted(columns))


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


def _composed(
    inner: Callable[[float], float], outer: Callable[[float], float]
) -> Callable[[float], float]:
    return lambda value: outer(inner(value))


def _squeeze(x: float) -> float:
    """Return a position that gives room to 0.1 ... 100 and still reaches the largest number."""
    return math.asinh(math.asinh(10 * max(-1e307, min(x, 1e307))))


def _magnitude(error: float) -> float:
    return math.log10(1 + error)


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _label(x: float, y: float, text: str, anchor: str, style: str = "tick") -> Markup:
    markup = Markup('<text class="{}" x="{}" y="{}" text-anchor="{}">{}</text>')
    return markup.format(style, _n(x), _n(y), anchor, text.replace("-", "−"))


def _svg(size: tuple[int, int], title: str, parts: Iterable[Markup]) -> Markup:
    head = Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">').format(*size, title)
    return head + Markup().join(parts) + Markup("</svg>")
