"""An answer against a property: is it in the range, does it never fall, does it fit another one?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from trysquare.dtypes import Array
from trysquare.formula.bounded import Bounded, BoundedFloat64
from trysquare.formula.evaluate import evaluate
from trysquare.formula.primitives import pessimistic, published
from trysquare.planning.cases import Property
from trysquare.result import Outcome, Result, Symptom, Worst
from trysquare.spec import Course, Expression, Identity, Range, Trait
from trysquare.truth.meaning import COTANGENT, OUTPUT
from trysquare.verdict.measure import inputs_at, number
from trysquare.verdict.standard import Standard


@dataclass(frozen=True)
class Leeway:
    """What a property forgives: `room` is how far each element may be from the truth, absolute.

    It is infinite where nothing is known. A target that flushes gets `tiny` for that.
    """

    room: Callable[[Standard], Array]
    tiny: float = 0.0


@dataclass(frozen=True)
class Breach:
    """Where an answer lacks a property: which elements, what was found and what was wanted.

    All are rows. `partner` says of how many rows before each its partner is.
    """

    bad: Array
    got: Array
    want: Array
    allowed: Array
    count: int
    partner: int
    symptom: Symptom
    words: str


def judge_property(
    blank: Result, standard: Standard, got: Array, first: Array | None, leeway: Leeway
) -> Result:
    """Return the result of a case that asks for a property.

    `got` is the answer, `first` that to the first question where another case asked it.
    """
    found = breach(standard, got, first, leeway)
    if found is None:
        return replace(blank, count=got.size)
    figures = replace(blank, count=found.count, failed=int(found.bad.sum()))
    if not found.bad.any():
        return figures
    worst = _worst(standard, found)
    return replace(
        figures,
        outcome=Outcome.DIVERGES,
        symptom=found.symptom,
        worst=worst,
        reason=_sides(found, worst),
    )


def sides(standard: Standard, found: Breach) -> str:
    """Return in words the worst of what lacks a property."""
    return _sides(found, _worst(standard, found))


def breach(standard: Standard, got: Array, first: Array | None, leeway: Leeway) -> Breach | None:
    """Return where an answer lacks the property of its case; None where it was not asked."""
    asked = standard.case.claimed
    if asked is None:
        return None
    rows = standard.layout.to_rows(np.asarray(got, np.float64), standard.spread)
    match asked.claim:
        case Range() as claim:
            return _outside(standard, claim, rows, leeway)
        case Course() as claim:
            return _against(standard, claim, rows, leeway)
        case Identity() as claim:
            return _unfit(standard, asked, claim, rows, first, leeway)


def _outside(standard: Standard, claim: Range, rows: Array, leeway: Leeway) -> Breach:
    """Look where the condition surely does not hold: its constants may have been rounded."""
    expression = claim.holds.pick(standard.case.effective)
    layout, format = standard.layout, standard.case.format
    arithmetic = BoundedFloat64(
        layout.rows, layout.columns, published(format, flushes=False), format
    )
    given = {key: arithmetic.exact(value) for key, value in standard.rows.items()}
    given[OUTPUT] = Bounded(rows, np.full(rows.shape, leeway.tiny))
    holds = evaluate(standard.meant.expression(expression.tree), arithmetic, given)
    bad = ~np.asarray(holds.value, bool) & ((holds.error == 0) | np.isnan(rows))
    if bad.shape[0] == layout.rows:
        bad &= ~_flushed(standard, leeway)
    # a condition that speaks of inputs holds for all of them, or it does not
    for axis in (0, 1):
        if rows.shape[axis] < bad.shape[axis]:
            bad = np.asarray(bad.any(axis=axis, keepdims=True))
    bad = np.broadcast_to(bad, rows.shape)
    truth = rows
    if bad.any():
        # no bound is meant for what is no number, nor for an infinity that stands for an overflow
        truth = format.round(standard.canonical.truth.value)
        known = np.isfinite(np.broadcast_to(leeway.room(standard), rows.shape))
        bad = bad & ~np.isnan(truth) & ~(np.isinf(rows) & ((rows == truth) | ~known))
    words = f"not {expression.text}"
    return Breach(bad, rows, truth, np.zeros(rows.shape), rows.size, 0, Symptom.RANGE, words)


def _against(standard: Standard, claim: Course, rows: Array, leeway: Leeway) -> Breach:
    """Compare each row with the one before, where nothing but the one input has grown.

    Two right answers may be apart by two limits; a fall within one limit is rounding.
    """
    (along,) = claim.inputs
    before, after = rows[:-1], rows[1:]
    x = np.broadcast_to(standard.rows[along], rows.shape)
    same = x[:-1] <= x[1:]
    for name, values in standard.rows.items():
        if name != along:
            full = np.broadcast_to(values, rows.shape)
            same = same & (full[:-1] == full[1:])
    rising = claim.trait is Trait.INCREASING
    with np.errstate(invalid="ignore"):
        wrong = after < before if rising else after > before
    bad = np.concatenate([np.zeros((1, rows.shape[1]), bool), same & wrong])
    allowed = np.zeros(rows.shape)
    if bad.any():
        allowed = np.broadcast_to(leeway.room(standard), rows.shape)
        with np.errstate(invalid="ignore"):
            bad[1:] &= np.abs(after - before) > allowed[1:]
    want = np.concatenate([rows[:1], before])
    words = f"{'falls' if rising else 'rises'} along {along}"
    return Breach(bad, rows, want, allowed, int(same.sum()), 1, Symptom.COURSE, words)


def _unfit(
    standard: Standard,
    asked: Property,
    claim: Identity,
    rows: Array,
    first: Array | None,
    leeway: Leeway,
) -> Breach:
    """Compare both sides of an identity, each with what is allowed to the answers in it."""

    def allowed_to(asked_of: Standard, shape: tuple[int, ...]) -> Array:
        if claim.exact:
            return np.full(shape, leeway.tiny)
        return np.broadcast_to(leeway.room(asked_of), shape)

    second = _Answer(standard, rows, allowed_to(standard, rows.shape))
    partner = 0
    if not claim.second:
        other = second
    elif asked.first is None:
        other, second = second.half(first=True), second.half(first=False)
        partner = len(other.rows)
    else:
        there = Standard(standard.spec, asked.first)
        values = there.layout.to_rows(np.asarray(first, np.float64), there.spread)
        other = _Answer(there, values, allowed_to(there, values.shape))
    left, right = second.side(claim.left), other.side(claim.right)
    shape = np.broadcast_shapes(left.value.shape, right.value.shape)
    with np.errstate(all="ignore"):
        apart = np.abs(left.value - right.value)
        allowed = left.error + right.error
        bad = (apart > allowed) | (np.isnan(left.value) != np.isnan(right.value))
        bad |= (np.isinf(left.value) | np.isinf(right.value)) & (left.value != right.value)
    # where an answer has no limit, nor has what follows from it
    bad &= np.isfinite(allowed)
    if claim.exact and bad.any() and left.value.shape == right.value.shape == bad.shape:
        bad &= second.known(leeway) & other.known(leeway)
    full = [np.broadcast_to(part, shape) for part in (bad, left.value, right.value, allowed)]
    padded = [np.concatenate([np.zeros((partner, shape[1]), part.dtype), part]) for part in full]
    if leeway.tiny and shape[0] > 1:
        flushed = second.flushed(leeway) | other.flushed(leeway)
        padded[0] = padded[0] & ~np.concatenate([np.zeros((partner, 1), bool), flushed])
    words = f"{claim.left.text} of the second is not {claim.right.text}"
    if not claim.second:
        words = f"{claim.left.text} is not {claim.right.text}"
    size = int(np.prod(shape))
    return Breach(
        padded[0], padded[1], padded[2], padded[3], size, partner, Symptom.IDENTITY, words
    )


def _flushed(standard: Standard, leeway: Leeway) -> Array:
    """Mark rows with inputs that a target takes for zero: it was asked another question."""
    flushed = np.zeros((standard.layout.rows, 1), bool)
    for values in standard.rows.values() if leeway.tiny else ():
        tiny = (values != 0) & (np.abs(values) < leeway.tiny)
        flushed = flushed | tiny.any(axis=1, keepdims=True)
    return flushed


@dataclass(frozen=True)
class _Answer:
    """An answer as rows, with what is allowed to each element, and which rows of the case it is."""

    standard: Standard
    rows: Array
    limit: Array
    start: int = 0
    stop: int | None = None

    def half(self, *, first: bool) -> _Answer:
        """Return the first or the second half of the rows."""
        middle = len(self.rows) // 2
        start, stop = (0, middle) if first else (middle, 2 * middle)
        return _Answer(self.standard, self.rows[start:stop], self.limit[start:stop], start, stop)

    def known(self, leeway: Leeway) -> Array:
        """Mark where the truth is a number, and an evaluation does not overflow on the way."""
        room = np.broadcast_to(leeway.room(self.standard), self.standard.oracle.shape)
        return np.asarray(np.isfinite(room[self.start : self.stop]))

    def flushed(self, leeway: Leeway) -> Array:
        """Mark rows in which it answers another question: an input was taken for zero."""
        return _flushed(self.standard, leeway)[self.start : self.stop]

    def side(self, expression: Expression) -> Bounded:
        """Return an expression in this answer, and how far it may be off."""
        standard = self.standard
        height = standard.layout.rows
        arithmetic = BoundedFloat64(
            len(self.rows) if height == 0 or self.stop is not None else height,
            standard.layout.columns,
            pessimistic(),
            standard.case.format,
        )
        names = {
            key: arithmetic.exact(
                values[self.start : self.stop] if len(values) == height else values
            )
            for key, values in standard.rows.items()
        }
        names[OUTPUT] = Bounded(self.rows, self.limit)
        return evaluate(standard.meant.expression(expression.tree), arithmetic, names)


def _worst(standard: Standard, found: Breach) -> Worst:
    format = standard.case.format
    with np.errstate(all="ignore"):
        size = np.abs(found.got - found.want) / format.ulp(found.want)
    size = np.where(np.isfinite(size), size, np.inf)
    row, column = divmod(int(np.argmax(np.where(found.bad, size, -1.0))), found.bad.shape[1])
    # a side of an identity may be no number of the format
    got, want = (float(format.round(part[row, column])) for part in (found.got, found.want))
    inputs = inputs_at(standard, (row, column))
    if found.partner:
        inputs |= {
            f"{key} of the first": value
            for key, value in inputs_at(standard, (row - found.partner, column)).items()
            if key != COTANGENT and standard.rows[key].shape[0] > 1
        }
    spacing = float(format.ulp(np.array(want)))
    return Worst(
        index=_index(standard, row, column),
        inputs=inputs,
        got=number(got, format),
        want=number(want, format),
        ulp=float(size[row, column]),
        limit=min(float(found.allowed[row, column]) / spacing, 1e300),
        distance=None,
        condition=None,
    )


def _index(standard: Standard, row: int, column: int) -> tuple[int, ...]:
    """Return the place in the answer; a side that is one number for a row has its first one."""
    height = standard.layout.rows if standard.spread.rows else 1
    width = standard.layout.columns if standard.spread.columns else 1
    return standard.index_of(min(row, height - 1), min(column, width - 1))


def _sides(found: Breach, worst: Worst) -> str:
    where = ", ".join(f"{key} = {value.decimal}" for key, value in worst.inputs.items())
    return f"{found.words}: {worst.got.decimal} against {worst.want.decimal}, at {where}"


def limits(standard: Standard, *, flushes: bool) -> Array:
    """Return how far an answer may be from the truth, absolute; infinite where nothing is known.

    Where the truth is no number, or an evaluation may overflow on the way, a property says nothing.
    """
    allowed, value = standard.limit(flushes=flushes), standard.oracle.ieee
    known = np.isfinite(value) & allowed.straight
    known &= np.abs(value) <= standard.case.format.largest
    # who flushes may take a subnormal number for zero here, and for itself beside it
    least = standard.case.format.smallest_normal if flushes else 0.0
    return np.where(known, np.maximum(allowed.most, least), np.inf)


def blur(standard: Standard) -> Array:
    """Return how far the truth may be from its float64; infinite where it is no number."""
    truth, format = standard.canonical.truth, standard.case.format
    with np.errstate(all="ignore"):
        room = (np.abs(truth.rest) + truth.bound) * format.ulp(truth.value)
        room += np.abs(truth.value) * 2.0**-50
    return np.where(np.isfinite(truth.value), room, np.inf)
