"""The answers to one question of a pack: correctly rounded, and what the spec accepts besides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from trysquare.backend import Want
from trysquare.dtypes import Array
from trysquare.errors import UndecidedError
from trysquare.packs.manifest import FLAGS, Extra
from trysquare.truth.meaning import COTANGENT
from trysquare.truth.rounding import candidates, rounded, same
from trysquare.verdict.standard import Standard

NUMBERS = {Extra.NAN: np.nan, Extra.PLUS_INFINITY: np.inf, Extra.MINUS_INFINITY: -np.inf}

Accepts = Callable[[Array], Array]


@dataclass(frozen=True)
class Answers:
    """Float64 arrays, all of the shape of an answer; the numbers are those of the format.

    `extras` are bits of FLAGS. Where `undecided`, the answer is NaN and lies between `low` and
    `high`.
    """

    answer: Array
    lowest: Array
    highest: Array
    extras: Array
    also: tuple[Array, ...]
    undecided: Array
    low: Array
    high: Array


def answers(standard: Standard) -> Answers:
    """Work out everything that a pack says of one question."""
    low, high = candidates(standard.oracle)
    undecided = ~same(low, high)
    answer = np.where(undecided, np.nan, low)
    try:
        lowest, highest, extras = _accepted(standard, low, high)
        also = _alternatives(standard, answer)
    except UndecidedError:  # without a truth there are no limits, and nothing else is accepted
        lowest, highest, extras, also = low, high, np.zeros(low.shape), ()
    free = _free(standard)
    lowest, highest = np.where(free, -np.inf, lowest), np.where(free, np.inf, highest)
    extras = np.where(free, FLAGS[Extra.NAN], extras)
    return Answers(
        answer=_shaped(standard, answer),
        lowest=_shaped(standard, lowest),
        highest=_shaped(standard, highest),
        extras=_shaped(standard, extras),
        also=tuple(_shaped(standard, other) for other in also),
        undecided=_shaped(standard, undecided),
        low=_shaped(standard, low),
        high=_shaped(standard, high),
    )


def _accepted(standard: Standard, low: Array, high: Array) -> tuple[Array, Array, Array]:
    """Return the ends of what the tolerance accepts, and the FLAGS of what it accepts besides."""
    format = standard.case.format

    def accepts(got: Array) -> Array:
        return ~standard.distance(got, standard.canonical, flushes=False).bad

    def farthest(inner: Array, outer: Array) -> Array:
        return format.from_ordinal(
            _last(lambda ordinals: accepts(format.from_ordinal(ordinals)), inner, outer)
        )

    nothing = np.isnan(low)
    reach = int(format.ordinal(np.array([format.largest]))[0])
    start, stop = (format.ordinal(np.where(nothing, 0.0, end)) for end in (low, high))
    lowest = np.where(nothing, np.nan, farthest(start, np.minimum(start, -reach)))
    highest = np.where(nothing, np.nan, farthest(stop, np.maximum(stop, reach)))
    extras = np.zeros(low.shape)
    for extra, number in NUMBERS.items():
        besides = ~((lowest <= number) & (number <= highest)) & ~(nothing & np.isnan(number))
        extras += np.where(besides & accepts(np.full(low.shape, number)), FLAGS[extra], 0)
    return lowest, highest, extras


def _last(accepts: Accepts, inner: Array, outer: Array) -> Array:
    """Return the ordinals up to which all is accepted, from `inner` towards `outer`, by halving.

    What is at `inner` is right, and so accepted whatever the tolerance.
    """
    good = np.where(accepts(outer), outer, inner)
    bad = np.where(good == outer, good, outer)
    while ((bad != good) & (bad != good + 1) & (bad != good - 1)).any():
        middle = good + (bad // 2 - good // 2)  # their difference may exceed 64 bits
        taken = accepts(middle)
        good, bad = np.where(taken, middle, good), np.where(taken, bad, middle)
    return good


def _free(standard: Standard) -> Array:
    """Mark derivatives at infinities and NaN: they are stated, but nobody is judged by them."""
    height, width = standard.oracle.shape
    free = np.zeros((height, width), bool)
    if standard.case.want is not Want.GRADIENT or standard.oracle.mixes_rows:
        return free
    for name, value in standard.rows.items():
        if name != COTANGENT:
            bad = ~np.isfinite(value)
            free |= bad if standard.spread.columns else bad.any(axis=1, keepdims=True)
    return free


def _alternatives(standard: Standard, answer: Array) -> tuple[Array, ...]:
    """Return other answers that count, at kinks, each the same as the first elsewhere."""
    found = []
    for other in standard.alternatives:
        value, undecided = rounded(other.oracle)
        there = other.where & ~undecided & ~same(value, answer)
        if there.any():
            found.append(np.where(there, value, answer))
    return tuple(found)


def _shaped(standard: Standard, rows: Array) -> Array:
    return standard.layout.from_rows(rows, standard.spread).reshape(standard.shape)
