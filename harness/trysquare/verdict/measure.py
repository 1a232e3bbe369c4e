"""An answer against its standard -> counts, figures, the worst element and the symptom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from trysquare.dtypes import Array, Format
from trysquare.errors import UndecidedError
from trysquare.result import Number, Symptom, Worst
from trysquare.truth.meaning import COTANGENT
from trysquare.verdict.compare import Distance, distance, integer_distance, symptoms
from trysquare.verdict.standard import Standard
from trysquare.verdict.yardsticks import Asked, seen

BINS = 128
"""Points of a curve of ULP against x."""

MANY = 50_000
"""So many numbers are added up by Arb only where a divergence has to be proven."""

CONVENTIONS = 4
"""Different answers at one kink that are kept."""

SURE = 2.0**-20
"""ULP; where all is well, a truth that is so certain is not worked out again by Arb."""


@dataclass(frozen=True)
class Measurement:
    """What is kept of a comparison; see `result.Result` for the meaning of each figure.

    `lost` is the largest truth, as a magnitude, for which zero was returned; 0: there is none.
    """

    count: int
    failed: int = 0
    symptom: Symptom | None = None
    max_ulp: float = 0.0
    p99_ulp: float = 0.0
    mean_signed_ulp: float = 0.0
    besides: Mapping[str, int] = field(default_factory=dict)
    discrete: Mapping[str, int] = field(default_factory=dict)
    worst: Worst | None = None
    histogram: tuple[tuple[float, float], ...] = ()
    yardsticks: Mapping[str, int | None] = field(default_factory=dict)
    kinks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    lost: float = 0.0


def measure(standard: Standard, got: Array, *, flushes: bool) -> Measurement:
    """Compare an answer, shaped like the output and in the case's dtype, with every right one."""
    rows = standard.layout.to_rows(np.asarray(got, np.float64), standard.spread)
    if rows.size == 0:
        return Measurement(count=0)
    match = nearest(standard, rows, flushes=flushes)
    best, value = match.distance, match.value
    wrong_zero = _wrong_zeros(standard, rows, standard.case.format.round(value))
    bad = best.bad | wrong_zero
    finite = best.ulp[np.isfinite(best.ulp)]
    kinds = symptoms(rows, value, best, standard.case.format)
    kinds[wrong_zero & ~best.bad] = Symptom.SIGN_OF_ZERO
    counts = _counted(kinds[bad])
    return Measurement(
        count=rows.size,
        failed=int(bad.sum()),
        symptom=next(iter(counts), None),
        max_ulp=float(np.abs(finite).max(initial=0.0)),
        p99_ulp=float(np.quantile(np.abs(finite), 0.99)) if finite.size else 0.0,
        mean_signed_ulp=float(finite.mean()) if finite.size else 0.0,
        besides=dict(list(counts.items())[1:]),
        discrete=_discrete(rows, value, best, standard.case.format),
        worst=_worst(standard, rows, match, bad, flushes=flushes),
        histogram=_histogram(standard, best.ulp),
        yardsticks=_yardsticks(standard, rows[bad], value[bad]) if bad.any() else {},
        kinks=dict(_at_kinks(standard, rows)),
        lost=float(np.abs(standard.case.format.round(value[kinds == Symptom.LOST])).max(initial=0)),
    )


def _at_kinks(standard: Standard, rows: Array) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield what is answered at each kink: one convention, or several where it is many points."""
    for text, where in standard.kinks.items():
        answers = np.unique(rows[np.broadcast_to(where, rows.shape)] + 0.0)[:CONVENTIONS]
        if answers.size:
            form = standard.case.format
            yield text, tuple(number(float(answer), form).decimal for answer in answers)


@dataclass(frozen=True)
class Match:
    """For each element the right answer that it was compared with.

    `value` is that answer, `other` marks where it is not the canonical one.
    """

    distance: Distance
    value: Array
    other: Array


def nearest(standard: Standard, rows: Array, *, flushes: bool) -> Match:
    """Return for each element the first right answer that it matches, else the canonical one."""
    canonical = standard.canonical
    best = standard.distance(rows, canonical, flushes=flushes)
    value, other = canonical.truth.value, np.zeros(rows.shape, bool)
    if not best.bad.any():
        return Match(best, value, other)
    for accepted in (*standard.alternatives, *(standard.flushed if flushes else ())):
        found = standard.distance(rows, accepted, flushes=flushes)
        take = best.bad & ~found.bad
        best = best.where(~take, found)
        value, other = np.where(take, accepted.truth.value, value), other | take
    return Match(best, value, other)


def _wrong_zeros(standard: Standard, rows: Array, truth: Array) -> Array:
    """Mark zeros whose sign is none of those that the case states; `truth` is rounded."""
    stated = standard.case.stated
    wrong = (rows == 0) & (truth == 0) & bool(stated)
    for alternative in stated:
        value = np.broadcast_to(alternative, standard.shape)
        wanted = standard.layout.to_rows(value, standard.spread)
        wrong &= (wanted != 0) | (np.signbit(wanted) != np.signbit(rows))
        wrong &= wanted == 0
    return np.asarray(wrong)


def _yardsticks(standard: Standard, got: Array, exact: Array) -> dict[str, int | None]:
    case = standard.case
    asked = Asked(case.function, case.format, standard.terms, case.want.derives)
    return seen(got, case.format.round(exact), asked)


def _counted(kinds: Array) -> dict[Symptom, int]:
    """Return how many elements have each symptom, in the order of symptoms."""
    counts = Counter(kinds.tolist())
    return {symptom: counts[symptom] for symptom in Symptom if symptom in counts}


def _discrete(rows: Array, truth: Array, best: Distance, format: Format) -> dict[str, int]:
    tiny = (truth != 0) & (np.abs(truth) < format.smallest_normal)
    counts = {
        "subnormal flushed to zero": (tiny & (rows == 0) & (np.abs(best.ulp) > 0.5)).sum(),
        "no limit could be derived": (np.isfinite(truth) & ~np.isfinite(best.limit)).sum(),
    }
    return {name: int(count) for name, count in counts.items() if count}


def _worst(standard: Standard, rows: Array, match: Match, bad: Array, *, flushes: bool) -> Worst:
    best, format = match.distance, standard.case.format
    excess = excess_of(best)
    chosen = np.argmax(np.where(bad, excess, -1.0) if bad.any() else excess)
    place = divmod(int(chosen), excess.shape[1])
    got, exact = float(rows[place]), float(match.value[place])
    ulp, limit = float(abs(best.ulp[place])), float(best.limit[place])
    # where all is well, Arb would add up very many numbers for nothing but another figure
    known = not best.bad[place] and standard.oracle.mixes_rows and standard.terms > MANY
    sure = not best.bad[place] and standard.canonical.truth.bound[place] <= SURE
    if not match.other[place] and not known and not sure:
        exact, ulp, limit = _certified(standard, rows, best, place, flushes=flushes)
    want = _wanted(standard, float(format.round(np.array(exact))), place)
    return Worst(
        index=standard.index_of(*place),
        inputs=inputs_at(standard, place),
        got=number(got, format),
        want=number(want, format),
        ulp=ulp,
        limit=limit,
        distance=integer_distance(got, want, format),
        condition=_condition(standard, place),
    )


def _certified(
    standard: Standard, rows: Array, best: Distance, place: tuple[int, int], *, flushes: bool
) -> tuple[float, float, float]:
    """Return truth, ULP and limit of one element once more, with Arb's truth."""
    row, column = np.array([place[0]]), place[1]
    truth = standard.canonical.oracle.exact(row)
    limit = standard.limit(flushes=flushes)
    again = distance(rows[row], truth, limit.only(row), standard.case.format)
    if best.bad[place] and not again.bad[0, column]:
        raise UndecidedError("the two tiers of the truth disagree")
    exact, ulp = float(truth.value[0, column]), float(abs(again.ulp[0, column]))
    return exact, ulp, float(again.limit[0, column])


def _condition(standard: Standard, place: tuple[int, int]) -> float | None:
    slope = standard.slope
    if slope is None:
        return None
    wrt = next(name for name in standard.rows if name != COTANGENT)
    return standard.canonical.oracle.condition(*place, wrt, slope)


def excess_of(best: Distance) -> Array:
    """Return each error relative to its limit; what is no number is worse than any error."""
    size = np.abs(best.ulp)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = np.where(size == 0, 0.0, size / best.limit)
    return np.where(np.isnan(size), np.where(best.bad, np.inf, 0.0), ratio)


def _wanted(standard: Standard, exact: float, place: tuple[int, int]) -> float:
    """Return the rounded truth; a zero has the sign that the case states."""
    if exact != 0 or not standard.case.stated:
        return exact
    stated = np.broadcast_to(standard.case.stated[0], standard.shape)
    return float(standard.layout.to_rows(stated, standard.spread)[place])


def inputs_at(standard: Standard, place: tuple[int, int]) -> dict[str, Number]:
    """Return what went into the element at a row and column, by name; classes as whole numbers."""
    given, format = standard.case.inputs, standard.case.format
    return {
        name: _whole(element(values, place))
        if name in given and given[name].dtype.kind in "iu"
        else number(element(values, place), format)
        for name, values in standard.rows.items()
        if values.size
    }


def _whole(value: float) -> Number:
    """Return a whole number as text and as 64 bits, whatever the format of the case."""
    return Number(str(int(value)), f"0x{int(value) % 2**64:016x}")


def element(values: Array, place: tuple[int, int]) -> float:
    """Return the number at a row and column of an input, which may not vary along either."""
    return float(values[min(place[0], values.shape[0] - 1), min(place[1], values.shape[1] - 1)])


def number(value: float, format: Format) -> Number:
    """Return a number of a format as shortest decimal text and bit pattern."""
    return Number(str(format.cast(np.array(value))), format.hexadecimal(value))


def _histogram(standard: Standard, ulp: Array) -> tuple[tuple[float, float], ...]:
    """Return the largest ULP in each of BINS ranges of the ordered numbers."""
    if len(standard.case.inputs) != 1 or standard.spec.axis is not None or ulp.size < BINS:
        return ()
    x = next(iter(standard.rows.values()))
    usable = np.isfinite(x) & np.isfinite(ulp)
    if not usable.any():
        return ()
    order = standard.case.format.ordinal(x[usable])
    edges = np.linspace(order.min(), order.max(), BINS + 1)
    bins = np.clip(np.searchsorted(edges, order, "right") - 1, 0, BINS - 1)
    tops = np.full(BINS, -1.0)
    np.maximum.at(tops, bins, np.abs(ulp[usable]))
    centres = standard.case.format.from_ordinal(((edges[:-1] + edges[1:]) / 2).astype(np.int64))
    return tuple(
        (float(centre), float(top)) for centre, top in zip(centres, tops, strict=True) if top >= 0
    )
