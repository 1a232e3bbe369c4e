"""The truth of one block at a time, from a chart: 65,536 numbers in a few passes over the cache."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from trysquare.dtypes import Array
from trysquare.sweep.chart import BLOCK, Chart, Kind
from trysquare.sweep.surveyor import FORMAT, HALF, Surveyor, number

STEPS = np.arange(-BLOCK, BLOCK, dtype=np.float64)
"""Steps from the middle of a piece; STEPS[BLOCK] is 0."""

COUNT = np.arange(BLOCK, dtype=np.uint32)

ROUNDED = (Kind.CONSTANT, Kind.MULTIPLE)
"""Kinds of pieces that say how results round, and are evaluated only where answers differ."""


@dataclass
class BlockTruth:
    """The truth of a block: `rounded` patterns, one for all where `constant`.

    `undecided` are places in the block where the model does not tell which of two neighbours is
    the correctly rounded one: that in `rounded`, or that in `others`.
    """

    block: int
    constant: bool
    rounded: Array
    others: Array
    undecided: Array


@dataclass
class Evaluator:
    """Evaluates the pieces of a chart.

    What it returns is valid until it is asked for another block.
    """

    surveyor: Surveyor
    chart: Chart
    _value: Array = field(default_factory=lambda: np.empty(BLOCK))
    _other: Array = field(default_factory=lambda: np.empty(BLOCK))
    _low: Array = field(default_factory=lambda: np.empty(BLOCK, np.float32))
    _high: Array = field(default_factory=lambda: np.empty(BLOCK, np.float32))
    _valued: int = -1

    def block(self, block: int) -> BlockTruth:
        """Return the truth of a block, counted from the beginning of the format."""
        self._valued = -1
        pieces = self.chart.of_block(block)
        first = block * BLOCK
        if len(pieces) == 1 and pieces["kind"][0] == Kind.CONSTANT:
            bits = self._low.view(np.uint32)[:1]
            bits[0] = pieces["bits"][0]
            return BlockTruth(block, constant=True, rounded=bits, others=bits, undecided=_NOWHERE)
        doubts = []
        for piece in pieces:
            start, stop = max(int(piece["start"]), first), min(int(piece["stop"]), first + BLOCK)
            place = slice(start - first, stop - first)
            if self._rounded(piece, start, stop, place):
                unlike = self._low.view(np.uint32)[place] != self._high.view(np.uint32)[place]
                if unlike.any():
                    doubts.append(np.flatnonzero(unlike) + place.start)
        low, high = self._low.view(np.uint32), self._high.view(np.uint32)
        undecided = np.concatenate(doubts) if doubts else _NOWHERE
        return BlockTruth(block, constant=False, rounded=low, others=high, undecided=undecided)

    def values(self, truth: BlockTruth) -> Array:
        """Return the truth as float64, within GOAL of an ULP; infinite where it overflows."""
        block = truth.block
        if self._valued != block:
            self._valued = block
            if truth.constant or np.isin(self.chart.of_block(block)["kind"], ROUNDED).any():
                self._worked_out(block)
        return self._value

    def _worked_out(self, block: int) -> None:
        """Evaluate models where the chart says no more than that all results round alike."""
        first = block * BLOCK
        for piece in self.chart.of_block(block):
            start, stop = max(int(piece["start"]), first), min(int(piece["stop"]), first + BLOCK)
            if piece["kind"] == Kind.MULTIPLE:
                self._evaluate(piece, start, stop, slice(start - first, stop - first))
            if piece["kind"] != Kind.CONSTANT:
                continue
            bits = np.array(piece["bits"], np.uint32).view(np.float32)
            if not np.isfinite(bits):
                self._value[start - first : stop - first] = bits
                continue
            for model in self.surveyor.survey(start, stop, constants=False):
                low, high = int(model["start"]), int(model["stop"])
                place = slice(low - first, high - first)
                if model["kind"] in (Kind.POINTS, Kind.CONSTANT):  # of NaN there is no model
                    self._value[place] = bits
                else:
                    self._evaluate(model, low, high, place)

    def _rounded(self, piece: np.void, start: int, stop: int, place: slice) -> bool:
        """Round a part of a block; return whether that may be undecided somewhere."""
        kind = piece["kind"]
        if kind == Kind.CONSTANT:
            self._low.view(np.uint32)[place] = piece["bits"]
            return False
        if kind == Kind.MULTIPLE:
            self._multiplied(start, stop, int(piece["bits"]), self._low.view(np.uint32)[place])
            return False
        if kind == Kind.POINTS:
            low, high = np.searchsorted(self.chart.points, [start, stop])
            self._value[place] = self.chart.values[low:high]
            self._low.view(np.uint32)[place] = self.chart.rounded[low:high]
            return False
        self._evaluate(piece, start, stop, place)
        value, low_, high_ = self._value[place], self._low[place], self._high[place]
        bound, lean = float(piece["bound"]), int(piece["lean"])
        with np.errstate(over="ignore"):
            if kind == Kind.LINEAR and (lean or not bound):
                # exact, but for less than a float64, which decides what would be a tie; the next
                # pattern is that of the next number away from zero, which is not in such a piece
                away = lean if value[0] > 0 else -lean
                np.add(value.view(np.int64), away, out=self._other.view(np.int64)[place])
                low_[:] = self._other[place]
                return False
            margin = bound
            if kind == Kind.LINEAR:
                margin = bound * float(max(abs(value[0]), abs(value[-1])))
            np.subtract(value, margin, out=low_, casting="same_kind")
            np.add(value, margin, out=high_, casting="same_kind")
        return True

    def _multiplied(self, start: int, stop: int, shift: int, rounded: Array) -> None:
        """Shift the exponents of consecutive numbers."""
        first = np.uint32((int(FORMAT.patterns(np.array(start))) + shift) % (1 << FORMAT.width))
        count = COUNT[: stop - start]
        if start >= HALF:
            np.add(count, first, out=rounded)
        else:  # below zero, larger numbers have smaller patterns
            np.subtract(first, count, out=rounded)

    def _evaluate(self, piece: np.void, start: int, stop: int, place: slice) -> None:
        """Evaluate a model by Horner's scheme."""
        value, coefficients = self._value[place], piece["coefficients"]
        if piece["kind"] == Kind.LINEAR:
            centre = (start + stop) // 2
            step = number(start + 1) - number(start) if stop - start > 1 else 0.0
            factor = float(coefficients[0])
            steps = STEPS[BLOCK + start - centre : BLOCK + stop - centre]
            np.multiply(steps, step * factor, out=value)
            value += number(centre) * factor
            return
        middle = int(piece["start"]) + (int(piece["stop"]) - int(piece["start"])) // 2
        steps = STEPS[BLOCK + start - middle : BLOCK + stop - middle]
        degree = int(piece["degree"])
        if degree == 0:
            value[:] = coefficients[0]
            return
        np.multiply(steps, coefficients[degree], out=value)
        for power in range(degree - 1, 0, -1):
            value += coefficients[power]
            value *= steps
        value += coefficients[0]


_NOWHERE = np.empty(0, np.int64)
