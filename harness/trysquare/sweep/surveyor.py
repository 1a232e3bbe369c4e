"""Finds out what can be proven of a function on a range of consecutive numbers, by Taylor series.

A piece is described by its series around the middle, with a remainder from the series around the
whole piece and a bound on the rounding of evaluating it in float64. What is not close enough, or
not decided, is split; the last few numbers are told one by one.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Iterator
from itertools import pairwise

import flint
import numpy as np

from trysquare.dtypes import FLOAT32, Array
from trysquare.formula.branching import UndecidedHereError
from trysquare.formula.evaluate import evaluate
from trysquare.formula.float64 import Float64
from trysquare.formula.interval import Ends, Interval
from trysquare.formula.series import Series
from trysquare.formula.tree import Node
from trysquare.sweep.bounds import NEAR, middle_of, pattern_of, same_rounding, size_of, spacing_of
from trysquare.sweep.chart import BLOCK, PIECE, TERMS, Kind

FORMAT = FLOAT32
"""The only format that is swept by models: narrower ones are small, wider ones endless."""

HALF = 1 << 31
INFINITY = HALF + 0x7F80_0000
MINUS_INFINITY = 2 * HALF - 1 - INFINITY
"""Positions of +0 and of both infinities; -0 stands right before +0."""

LEAST = 16
"""A piece of so few numbers is not split: they are told one by one."""

GOAL = 2.0**-22
"""ULP: how close to the truth a model must be."""

TINY = 2.0**-60
"""Below that a function may be as good as its tangent at zero."""

SHORT = 27
"""Bits of a slope with which products are exact."""

FAINT = 2.0**-800
"""A slope of that size takes the smallest numbers almost out of float64."""

BITS = 128
ROUNDOFF = 2.0**-53


class Surveyor:
    """Surveys a tree over one name."""

    def __init__(self, tree: Node, variable: str) -> None:
        self._tree, self._variable = tree, variable
        with _precision():
            self._series = Series(tree, variable, FORMAT)
            self._interval = Interval(tree, variable, FORMAT)

    def survey(self, start: int, stop: int, *, constants: bool = True) -> Array:
        """Return the pieces of [start, stop), in their order, as an array of PIECE.

        Without `constants`, places where all results round to one number get models too.
        """
        rows: list[tuple[object, ...]] = []
        with _precision():
            for first, last in _between_specials(start, stop):
                rows += self._explored(first, last, constants=constants)
        return np.array(rows, PIECE)

    def _explored(self, start: int, stop: int, *, constants: bool) -> Iterator[tuple[object, ...]]:
        if start >= INFINITY + 1 or stop <= MINUS_INFINITY:
            yield self._of_nan(start, stop)
            return
        stack = [(start, stop)]
        while stack:
            low, high = stack.pop()
            piece = self._piece(low, high, constants=constants)
            if piece is not None:
                yield piece
            elif high - low <= LEAST:
                yield _points(low, high)
            else:
                middle = (low + high) // 2
                if high - low > BLOCK:
                    middle = -(-middle // BLOCK) * BLOCK
                stack += [(middle, high), (low, middle)]

    def _piece(self, start: int, stop: int, *, constants: bool) -> tuple[object, ...] | None:
        if stop - start == 1 and start in (HALF, HALF - 1, INFINITY, MINUS_INFINITY):
            return _points(start, stop)
        try:
            if max(abs(number(start)), abs(number(stop - 1))) < TINY:
                linear = self._linear(start, stop)
                if linear is not None:
                    return linear
            if stop - start <= BLOCK and start // BLOCK == (stop - 1) // BLOCK:
                return self._smooth(start, stop, constants=constants)
            return self._constant(start, stop) if constants else None
        except UndecidedHereError:
            return None

    def _of_nan(self, start: int, stop: int) -> tuple[object, ...]:
        """What IEEE arithmetic makes of NaN; all NaNs are one."""
        names = {self._variable: np.full((1, 1), np.nan)}
        value = evaluate(self._tree, Float64(1, 1, FORMAT), names)
        return _row(start, stop, Kind.CONSTANT, bits=pattern_of(float(np.ravel(value)[0])))

    def _constant(self, start: int, stop: int) -> tuple[object, ...] | None:
        """All results of a wide range round to one number, or are NaN."""
        ends = Ends(flint.arb(number(start)), flint.arb(number(stop - 1)))
        found = self._interval.evaluated(ends)
        if isinstance(found, str):
            return _row(start, stop, Kind.CONSTANT, bits=pattern_of(math.nan))
        if all(end.is_zero() for end in found):
            return self._zero(start, stop)
        bits = same_rounding(*found)
        if bits is None and stop - start >= BLOCK and _vanishes(found):
            # a sum of what vanishes: neither worth a billion questions nor a verdict
            bits = pattern_of(-0.0)
        return None if bits is None else _row(start, stop, Kind.CONSTANT, bits=bits)

    def _of_zero(self, start: int, stop: int) -> tuple[object, ...] | None:
        """An interval may have an end at zero, and so one sign, where a ball has both."""
        try:
            return self._constant(start, stop)
        except UndecidedHereError:
            return None

    def _zero(self, start: int, stop: int) -> tuple[object, ...] | None:
        """An exact zero has the sign that IEEE arithmetic gives it, if that is one for all."""
        names = {self._variable: np.array([[number(start)], [number(stop - 1)]])}
        found = evaluate(self._tree, Float64(2, 1, FORMAT), names)
        first, last = np.signbit(np.broadcast_to(found, (2, 1)) * 1.0).ravel()
        if first != last:
            return None
        return _row(start, stop, Kind.CONSTANT, bits=pattern_of(-0.0 if first else 0.0))

    def _smooth(self, start: int, stop: int, *, constants: bool) -> tuple[object, ...] | None:
        """A polynomial around the middle, of the lowest degree that is close enough."""
        middle = start + (stop - start) // 2
        reach = max(middle - start, stop - 1 - middle)
        centre = number(middle)
        step = abs(number(start + 1) - number(start)) if stop - start > 1 else FORMAT.eps
        ball, exact = flint.arb(centre, reach * step), flint.arb(centre)
        around = self._series.evaluated(flint.arb_series([ball, step]))
        if isinstance(around, str):
            return _row(start, stop, Kind.CONSTANT, bits=pattern_of(math.nan))
        if constants:
            bits = same_rounding(around[0], around[0])
            if bits is not None:
                return _row(start, stop, Kind.CONSTANT, bits=bits)
            if _vanishes((around[0],)):  # zero, but of which sign?
                constant = self._of_zero(start, stop)
                if constant is not None:
                    return constant
        at = self._series.evaluated(flint.arb_series([exact, step]), self._series.decisions)
        if isinstance(at, str):
            return None
        piece = _polynomial(start, stop, at, around, float(reach))
        return None if piece is None else _as_multiple(piece, centre, step, float(reach))

    def _linear(self, start: int, stop: int) -> tuple[object, ...] | None:
        """A multiple of the number itself: the tangent at zero, if the function is zero there."""
        low, high = number(start), number(stop - 1)
        zero, ends = flint.arb(0), flint.arb(low).union(flint.arb(high))
        self._series.evaluated(flint.arb_series([ends, 1]))
        decisions = self._series.decisions
        at = self._series.evaluated(flint.arb_series([zero, 1]), decisions)
        around = self._series.evaluated(flint.arb_series([zero.union(ends), 1]), decisions)
        if isinstance(at, str) or isinstance(around, str):
            return None
        if not at[0].is_zero() or at[1].contains(0):
            return None
        slope = at[1]
        power = next((power for power in range(2, TERMS) if not at[power].is_zero()), TERMS)
        bend = around[power]  # what is missing is this times that power of the number
        if not bend.is_finite():
            return None
        farthest = max(abs(low), abs(high))
        bent = size_of(bend / slope) * farthest ** (power - 1)
        if not bent < GOAL * FORMAT.eps:
            return None
        factor = middle_of(slope)
        if not FAINT < abs(factor) < 1 / FAINT:
            return None
        # a product of 24 and SHORT bits is a float64, and next to a tie it is one or far from it
        short = math.ldexp(math.frexp(factor)[0], SHORT).is_integer()
        exact = slope == factor and short and (bend.is_zero() or bent < ROUNDOFF)
        side = int(bend > 0) - int(bend < 0)
        if exact and not side and not bend.is_zero():
            return None  # on which side of its tangent is the function?
        lean = side if high > 0 or power % 2 == 0 else -side
        # two products, their sum, and the bound taken from it: four roundings
        bound = (bent + size_of(slope / factor - 1) + 4 * ROUNDOFF) * NEAR
        bound = bound if lean or not exact else 0.0
        return _row(
            start, stop, Kind.LINEAR, lean=lean if exact else 0, bound=bound, coefficients=(factor,)
        )


def _polynomial(
    start: int, stop: int, at: flint.arb_series, around: flint.arb_series, reach: float
) -> tuple[object, ...] | None:
    """Return the piece of the lowest degree whose bound is good enough, or None."""
    exact = [at[power] for power in range(TERMS)]
    if not all(coefficient.is_finite() for coefficient in exact):
        return None
    rounded = [middle_of(coefficient) for coefficient in exact]
    if not all(map(math.isfinite, rounded)):
        return None
    spans = [abs(c) * reach**power for power, c in enumerate(rounded)]
    total = sum(spans) * NEAR
    # the rounding of the coefficients, then that of Horner's scheme
    own = sum(size_of(c - c.mid()) * reach**power for power, c in enumerate(exact))
    own += sum((2 * power + 3) * ROUNDOFF * span for power, span in enumerate(spans))
    for degree in range(TERMS):
        remainder = size_of(around[degree + 1]) * reach ** (degree + 1)
        bound = (own + remainder) * NEAR + 2.0**-800
        least = 2 * abs(rounded[0]) - total - bound
        if bound <= GOAL * spacing_of(least):
            return _row(
                start, stop, Kind.SMOOTH, degree=degree, bound=bound,
                coefficients=tuple(rounded[: degree + 1]),
            )  # fmt: skip
    return None


def _as_multiple(
    piece: tuple[object, ...], centre: float, step: float, reach: float
) -> tuple[object, ...]:
    """Return the piece as a MULTIPLE, if all of it is a power of two times the number itself.

    Such a multiple is a number of the format, and the truth is closer to it than a quarter of the
    smaller of its two ULPs: that is how it rounds.
    """
    start, stop, _, degree, lean, _, bound, coefficients = piece
    assert isinstance(bound, float)  # noqa: S101 - for the type checker
    assert isinstance(coefficients, tuple)  # noqa: S101 - for the type checker
    slope = coefficients[1] / step
    if not FAINT < slope < 1 / FAINT:
        return piece
    exponent = round(math.log2(slope))
    factor = math.ldexp(1.0, exponent)
    apart = abs(coefficients[0] - factor * centre) + abs(coefficients[1] - factor * step) * reach
    apart += sum(abs(c) * reach**power for power, c in enumerate(coefficients) if power > 1)
    apart += bound + 4 * ROUNDOFF * abs(coefficients[0])
    least, most = abs(centre) - reach * step, abs(centre) + reach * step
    ordinary = least >= 2 * FORMAT.smallest_normal and factor * most <= FORMAT.largest / 2
    ordinary = ordinary and factor * least >= 2 * FORMAT.smallest_normal
    if not ordinary or not apart * NEAR <= math.ldexp(factor * least, -FORMAT.precision - 2):
        return piece
    shift = (exponent << (FORMAT.precision - 1)) % (1 << FORMAT.width)
    return start, stop, int(Kind.MULTIPLE), degree, lean, shift, bound, coefficients


def _between_specials(start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Cut a range where NaN, infinities, zeros and finite numbers meet."""
    edges = (MINUS_INFINITY, MINUS_INFINITY + 1, HALF - 1, HALF, HALF + 1, INFINITY, INFINITY + 1)
    cuts = [start, *(edge for edge in edges if start < edge < stop), stop]
    yield from pairwise(cuts)


def number(position: int) -> float:
    """Return the number at a position."""
    pattern = position - HALF if position >= HALF else 2 * HALF - 1 - position
    return float(struct.unpack("<f", struct.pack("<I", pattern))[0])


def _vanishes(balls: Iterable[flint.arb]) -> bool:
    return all(abs(ball) < FORMAT.smallest_subnormal / 2 for ball in balls)


def everything(start: int, stop: int) -> Array:
    """Return a single piece that is told number by number."""
    return np.array([_points(start, stop)], PIECE)


def _points(start: int, stop: int) -> tuple[object, ...]:
    return _row(start, stop, Kind.POINTS)


def _row(  # noqa: PLR0913 - the fields of a piece
    start: int, stop: int, kind: Kind, *, degree: int = 0, lean: int = 0, bits: int = 0,
    bound: float = 0.0, coefficients: tuple[float, ...] = (),
) -> tuple[object, ...]:  # fmt: skip
    padded = coefficients + (0.0,) * (TERMS - len(coefficients))
    return start, stop, int(kind), degree, lean, bits, bound, padded


class _precision:  # noqa: N801 - used as a function
    """Set flint's precision, and the length of series: with one more term for the remainder."""

    def __enter__(self) -> None:
        self._before = flint.ctx.prec, flint.ctx.cap
        flint.ctx.prec, flint.ctx.cap = BITS, TERMS + 1

    def __exit__(self, *_: object) -> None:
        flint.ctx.prec, flint.ctx.cap = self._before
