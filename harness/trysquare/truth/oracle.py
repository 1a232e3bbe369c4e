"""The truth of a tree at given inputs, with a proven bound; never asks a backend.

Tier 1 is float64 with a running error bound, tier 2 is Arb with rising precision. Infinities and
NaN, of inputs or of results, are what IEEE float64 arithmetic makes of the formula.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from trysquare.dtypes import FLOAT64, Array, Format
from trysquare.errors import UndecidedError
from trysquare.formula.ball import Ball, balls, precision
from trysquare.formula.bounded import Bounded, BoundedFloat64
from trysquare.formula.derivative import Extent
from trysquare.formula.detour import Detouring, Straight
from trysquare.formula.evaluate import evaluate
from trysquare.formula.extended import WIDE, Extended, holds
from trysquare.formula.float64 import Float64, Overflowing, Underflowing
from trysquare.formula.primitives import Rounding, pessimistic, published
from trysquare.formula.tree import Node, Op, Scope
from trysquare.truth.known import Allowance, Detour, Reach, Truth, from_balls, reach

PRECISIONS = (128, 320, 1280, 2560, 5120)
"""Bits of Arb until the answer is decided, one after the other; the last holds any float64 sum."""


VAGUE = 2.0**-6
"""ULP; a truth that is less certain than that is worked out again."""


IEEE_ULP = 64.0
"""ULP of float64 that a finite result of infinite inputs may be off, where no bound is known."""


@dataclass(frozen=True)
class Oracle:
    """A tree and the inputs, as rows, at which its truth is asked.

    `spread` tells whether there is an answer for each row, and for each column.
    """

    tree: Node
    inputs: Mapping[str, Array]
    rows: int
    columns: int
    spread: Extent
    format: Format

    @cached_property
    def mixes_rows(self) -> bool:
        """Whether a result depends on more than its own row."""
        return _mixes(self.tree)

    @property
    def alone(self) -> bool:
        """Whether each row has an answer that depends on nothing else."""
        return self.spread.rows and not self.mixes_rows

    @cached_property
    def ieee(self) -> Array:
        """The tree in plain float64 arithmetic."""
        return self._full(evaluate(self.tree, self._plain, self._wide))

    @cached_property
    def fast(self) -> Truth:
        """Tier 1: float64 with a certified bound; infinite where nothing is known."""
        bounded = self._bounded(pessimistic())
        value = self._full(bounded.value)
        # where IEEE arithmetic says infinity or NaN there is nothing to be near to
        with np.errstate(over="ignore"):
            error = self._full(bounded.error) / self.format.ulp(value)
        # finite numbers went in: then it may be float64 that overflowed
        finite = self._finite_rows() if self.alone else np.array([self._finite_rows().all()])
        bound = np.where(np.isfinite(value), error, np.where(finite[:, None], np.inf, 0.0))
        bound = np.where(np.isnan(bound), np.inf, bound)
        # where an infinity went in IEEE arithmetic has the word, and a bound may be inf * 0
        said = np.isinf(bound) & np.isfinite(value) & ~finite[:, None]
        bound = np.where(said, IEEE_ULP * FLOAT64.ulp(value) / self.format.ulp(value), bound)
        return Truth(value, np.zeros_like(value), bound)

    @cached_property
    def known(self) -> Truth:
        """Tier 1, with tier 2 where that knows less than VAGUE; UndecidedError as there."""
        return self.sharpened(self.fast)

    def sharpened(self, truth: Truth) -> Truth:
        """Return a truth with tier 2 in the rows where it knows less than VAGUE."""
        vague = np.flatnonzero((truth.bound > VAGUE).any(axis=1))
        return truth.patched(vague, self.exact(vague)) if vague.size else truth

    @cached_property
    def inherited(self) -> Allowance:
        """The inherited tolerance: how far a good evaluation in the format may be."""
        rounding = published(self.format, flushes=False)
        bounded = self._bounded(rounding)
        spilled, strained = self._overflowing
        infinite = np.isinf(spilled) & (spilled == self.ieee)
        if infinite.any():  # at a pole a numerator that underflows makes 0 / 0
            underflowing = Underflowing(self.rows, self.columns, self.format)
            lost = self._full(evaluate(self.tree, underflowing, self._wide))
            spilled = np.where(infinite, lost, spilled)
        found = Allowance(self._full(bounded.error), spilled)
        if not strained.size:
            return found
        if not self.alone:
            return self.excused(found, rounding)
        return found.patched(strained, self._only(strained).excused(found.only(strained), rounding))

    @cached_property
    def flushing(self) -> Reach:
        """How far an evaluation may be that may replace any subnormal number by zero."""
        rounding = published(self.format, flushes=True)
        bounded = self._bounded(rounding)
        found = reach(self._full(bounded.value), self._full(bounded.error), self.ieee)
        strained = self._overflowing[1]
        if not strained.size or self.format is not FLOAT64 or not holds(self.tree):
            return found
        if not self.alone:
            return self._reach_wider(rounding)
        return found.patched(strained, self._only(strained)._reach_wider(rounding))  # noqa: SLF001 - its own

    @cached_property
    def _overflowing(self) -> tuple[Array, Array]:
        """What comes out if all overflows where the format does, and the rows that come near it."""
        arithmetic = Overflowing(self.rows, self.columns, self.format)
        spilled = self._full(evaluate(self.tree, arithmetic, self._wide))
        return spilled, np.flatnonzero(arithmetic.strained)

    @cached_property
    def certified(self) -> Truth:
        """Tier 2: the truth of every row by Arb, decided to SPARE_BITS below an ULP.

        Raises UndecidedError where the highest precision does not suffice.
        """
        return self._certified()

    @cached_property
    def extended(self) -> Truth | None:
        """The tree in a wider format than float64, with no bound; None where there is none.

        Where even that is not finite, though the inputs are, the bound is infinite.
        """
        if not holds(self.tree):
            return None
        wide = {key: value.astype(WIDE) for key, value in self._wide.items()}
        found = self._full(evaluate(self.tree, Extended(self.rows, self.columns), wide))
        with np.errstate(all="ignore"):
            value = found.astype(np.float64)
            rest = ((found - value) / self.format.ulp(value)).astype(np.float64)
        rest = np.where(np.isfinite(value), rest, 0.0)
        finite = self._finite_rows() if self.alone else np.array([self._finite_rows().all()])
        bound = np.where(~np.isfinite(found) & finite[:, None], np.inf, 0.0)
        return Truth(value, rest, bound)

    def exact(self, rows: Array) -> Truth:
        """Return tier 2 for some rows only; UndecidedError as for all."""
        if not self.alone or "certified" in self.__dict__:
            return self.certified.only(rows)
        key = rows.tobytes()
        if key not in self._exact_rows:
            self._exact_rows[key] = self._only(rows).certified
        return self._exact_rows[key]

    @cached_property
    def _exact_rows(self) -> dict[bytes, Truth]:
        """What `exact` has worked out: targets often share their worst element."""
        return {}

    def balls(self, rows: Array, bits: int) -> Array:
        """Return some rows of the answer as Arb's balls at a precision, an array of objects.

        A ball holds the exact result if it is finite and the row's inputs are.
        """
        oracle = self if self.mixes_rows or len(rows) == self.shape[0] else self._only(rows)
        with precision(bits):
            arithmetic = Ball(oracle.rows, oracle.columns, self.format)
            names = {key: balls(value) for key, value in oracle.inputs.items()}
            found = np.broadcast_to(evaluate(self.tree, arithmetic, names), oracle.shape)
        # rows that mix are worked out together, whichever are asked for
        return found[rows] if oracle is self else found

    def condition(self, row: int, column: int, wrt: str, derivative: Node) -> float | None:
        """Return |x f'(x) / f(x)| at one element, in float64."""
        value = self.ieee[row, column]
        slope = self._full(evaluate(derivative, self._plain, self._wide))[row, column]
        x = np.broadcast_to(self.inputs[wrt], (self.rows, self.columns))[row, column]
        with np.errstate(all="ignore"):
            result = float(abs(x * slope / value))
        return result if np.isfinite(result) else None

    @property
    def _plain(self) -> Float64:
        return Float64(self.rows, self.columns, self.format)

    @cached_property
    def _wide(self) -> dict[str, Array]:
        return {key: np.asarray(value, np.float64) for key, value in self.inputs.items()}

    def excused(self, found: Allowance, rounding: Rounding) -> Allowance:
        """Add what a program gets that overflows on the way, where the bound knows nothing of it.

        In float64 that is the value that was bounded: the straight way is bounded in a wider
        format, if there is one.
        """
        arithmetic = Detouring(self.rows, self.columns, rounding)
        names = {key: arithmetic.exact(value) for key, value in self._wide.items()}
        bounded = evaluate(self.tree, arithmetic, names)
        value, error = self._full(bounded.value), self._full(bounded.error)
        rows = arithmetic.spilling.spilled
        rows = rows if self.alone else np.array([rows.any()])
        straight, limit = self.ieee, found.limit
        if self.format is FLOAT64 and self.extended is not None:
            straight, limit = self.extended.value, _narrowed(self._bounded_wider(rounding).error)
        with np.errstate(invalid="ignore"):
            differs = (found.spilled != self.ieee) | ~(np.abs(value - straight) <= error)
        astray = rows[:, None] & differs & np.isfinite(straight)
        if not astray.any():
            return found
        found = replace(found, limit=np.where(astray, limit, found.limit))
        # NaN is a bound of nothing: that value, and no other
        room = np.where(astray, np.where(np.isnan(error), 0.0, 2 * error), -1.0)
        return replace(found, detours=(Detour(value, room),))

    def _bounded_wider(self, rounding: Rounding) -> Bounded:
        arithmetic = Straight(self.rows, self.columns, rounding)
        names = {key: arithmetic.exact(value.astype(WIDE)) for key, value in self._wide.items()}
        found = evaluate(self.tree, arithmetic, names)
        return Bounded(self._full(found.value), self._full(found.error))

    def _reach_wider(self, rounding: Rounding) -> Reach:
        straight = self._bounded_wider(replace(rounding, flushes=False)).value
        found = self._bounded_wider(rounding)
        return reach(found.value, found.error, straight)

    def _bounded(self, rounding: Rounding) -> Bounded:
        arithmetic = BoundedFloat64(self.rows, self.columns, rounding, self.format)
        names = {key: arithmetic.exact(value) for key, value in self._wide.items()}
        return evaluate(self.tree, arithmetic, names)

    def _full(self, values: Array) -> Array:
        """Spread a value that does not vary over everything it stands for."""
        return np.array(np.broadcast_to(values, self.shape))

    @property
    def shape(self) -> tuple[int, int]:
        """The shape of the answers, as rows."""
        height = self.rows if self.spread.rows else 1
        return height, self.columns if self.spread.columns else 1

    def _only(self, rows: Array) -> Oracle:
        inputs = {
            key: value[rows] if value.shape[0] == self.rows and self.rows > 1 else value
            for key, value in self.inputs.items()
        }
        return Oracle(self.tree, inputs, len(rows), self.columns, self.spread, self.format)

    def _certified(self) -> Truth:
        if not self.rows * self.columns:  # a sum of nothing is exact in any arithmetic
            return Truth(self.ieee, np.zeros(self.shape), np.zeros(self.shape))
        truth = self.fast
        finite = self._finite_rows()
        if self.alone:
            undecided = np.flatnonzero(finite)
        else:
            undecided = np.arange(self.shape[0] if finite.all() else 0)
        for bits in PRECISIONS:
            if not undecided.size:
                break
            found, decided = self._at_precision(undecided, bits)
            # an infinite or NaN result has no ball: a second opinion at more bits, then IEEE's word
            special = ~np.isfinite(self.ieee[undecided]) & (bits > PRECISIONS[0])
            special &= np.isnan(found.value) | (bits == PRECISIONS[-1])
            if (special & ~decided).any():
                said = self._word[undecided]
                word = Truth(said, np.zeros_like(said), np.zeros_like(said))
                found = found.where(decided | ~special, word)
            truth = truth.patched(undecided, found)
            undecided = undecided[~(decided | special).all(axis=1)]
        if undecided.size:
            raise UndecidedError(f"{undecided.size} rows undecided at {PRECISIONS[-1]} bits")
        return truth

    @cached_property
    def _word(self) -> Array:
        """What IEEE arithmetic makes of the tree, for results that are no numbers.

        At a pole a numerator may have underflowed in float64 alone, which makes 0 / 0 of it: a
        wider format, where there is one, still has the infinity.
        """
        if not np.isnan(self.ieee).any() or self.extended is None:
            return self.ieee
        wide = self.extended.value
        return np.where(np.isnan(self.ieee) & np.isinf(wide), wide, self.ieee)

    def _finite_rows(self) -> Array:
        """Tell for which rows every input is finite."""
        finite = np.ones(self.rows, bool)
        for value in self._wide.values():
            finite &= np.isfinite(value).all(axis=1)
        return finite

    def _at_precision(self, rows: Array, bits: int) -> tuple[Truth, Array]:
        with precision(bits):
            return from_balls(self.balls(rows, bits), self.format)


def _narrowed(wide: Array) -> Array:
    """Return numbers of a wider format as float64; what is too large is infinite."""
    with np.errstate(over="ignore"):
        return np.asarray(wide, np.float64)


def _mixes(tree: Node) -> bool:
    """Look at each part once: parts are shared."""
    seen: set[int] = set()
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if node.op in (Op.SUM, Op.MAX, Op.COUNT) and node.value != Scope.ROW:
            return True
        if id(node) not in seen:
            seen.add(id(node))
            waiting += node.args
    return False
