"""Why an answer diverges: other ways to compute the same call, and how many elements equal them.

The suspects are the dialects of the spec, the textbook form, an evaluation that flushes subnormal
numbers, and one in a narrower format. An explanation is a help, not a duty: it changes no verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from trysquare.audit.grid import grid
from trysquare.dtypes import FLOAT32, FORMATS, Array, Format
from trysquare.errors import UndecidedError
from trysquare.formula.evaluate import evaluate
from trysquare.formula.float64 import Float64
from trysquare.formula.rounded import Rounded
from trysquare.formula.tree import Node
from trysquare.verdict.measure import nearest
from trysquare.verdict.part import part, parts
from trysquare.verdict.standard import Standard

MOST = 0.5
"""The share of the diverging elements that a suspect has to explain."""


CONSISTENT = 0.99
"""The share of the elements that do not diverge on which a dialect must be right as well."""

ANOTHER = 2.0**-8
"""How far from the formula a dialect is, relative to it, where it says another number."""

ELSEWHERE = 0.25
"""The share of ordinary points at which a dialect says another number that is about numbers."""

POINTS = 8
"""Ordinary points of each kind."""

TELLING = 8
"""Different numbers, all of a narrower format, that are no accident any more."""


NEARER = 0.9
"""How far a likely dialect is from an answer, at most, relative to the truth."""

SAMPLE = 400
"""Diverging rows on which a suspect must hold first, before all of an answer is compared."""


@dataclass(frozen=True)
class View:
    """An answer as rows, or some rows of it, beside truth and standard; what of it diverges."""

    standard: Standard
    rows: Array
    truth: Array
    bad: Array
    flushes: bool

    def explained(self, fits: Array) -> float:
        """Return the share of the diverging elements where something fits."""
        return float((fits & self.bad).sum() / self.bad.sum())


@dataclass(frozen=True)
class Suspect:
    """Another way to compute a call: what it is called, and why that happens.

    `fits` marks where it gives the answer of a view; it is None where it cannot be the cause.
    `likely` says roughly the same of diverging rows, and is soon done.
    """

    name: str
    why: str
    fits: Callable[[View], Array | None]
    likely: Callable[[View], Array | None]

    def words(self, fits: Array, bad: Array) -> str:
        """Return what it explains, in a sentence."""
        if fits.all():
            return f"equals {self.name} on every element: {self.why}"
        found, all_of_them = int((fits & bad).sum()), int(bad.sum())
        return f"equals {self.name} on {found} of {all_of_them} diverging elements: {self.why}"


def diagnose(standard: Standard, got: Array, *, flushes: bool) -> str:
    """Return which suspect an answer equals, and on how many elements; nothing if it is none.

    `got` is shaped like the output. Whoever fits everywhere comes first, then whoever explains
    most of what diverges.
    """
    rows = standard.layout.to_rows(np.asarray(got, np.float64), standard.spread)
    bad = nearest(standard, rows, flushes=flushes).distance.bad
    if not bad.any():
        return ""
    whole = View(standard, rows, standard.canonical.truth.value, bad, flushes)
    some = _sampled(whole)
    best, words = 0.0, ""
    for suspect in _suspects(standard, flushes=flushes):
        quicker = some is not whole or suspect.likely is not suspect.fits
        if quicker and not _likely(suspect, some):
            continue
        fits = _fits(suspect.fits, whole)
        if fits is None:
            continue
        if fits.all():
            return suspect.words(fits, bad)
        share = whole.explained(fits)
        if share >= MOST and share > best:
            best, words = share, suspect.words(fits, bad)
    return words


def _sampled(whole: View) -> View:
    """Return a view of some diverging rows, which are soon compared; all if they are few."""
    standard = whole.standard
    if not parts(standard) or standard.case.stated:
        return whole
    diverging = np.flatnonzero(whole.bad.any(axis=1))
    chosen = diverging[:: -(-diverging.size // SAMPLE)]
    if 2 * chosen.size > standard.layout.rows:
        return whole
    fewer = Standard(standard.spec, part(standard, chosen), searching=True)
    rows, truth, bad = whole.rows[chosen], whole.truth[chosen], whole.bad[chosen]
    return View(fewer, rows, truth, bad, whole.flushes)


def _likely(suspect: Suspect, view: View) -> bool:
    fits = _fits(suspect.likely, view)
    return fits is not None and view.explained(fits) >= MOST / 2


def _fits(question: Callable[[View], Array | None], view: View) -> Array | None:
    try:
        return question(view)
    except UndecidedError:
        return None


def _suspects(standard: Standard, *, flushes: bool) -> Iterator[Suspect]:
    for name, why, tree in standard.dialects:
        same, nearer = partial(_as_dialect, name, tree), partial(_nearer_dialect, tree)
        yield Suspect(f"dialect '{name}'", why, same, nearer)
    for name, tree in standard.textbook:
        for format in _workings(standard.case.format):
            bits = partial(_as_textbook, tree, format)
            yield Suspect(f"{name} in {format.name}", "the same bits", bits, bits)
    if not flushes:  # whoever does so everywhere is judged accordingly
        why = "the target keeps subnormal numbers elsewhere, this function does not"
        name = "an evaluation that takes subnormal numbers for zero"
        yield Suspect(name, why, _as_flushing, _as_flushing)
    for lower in FORMATS.values():
        if lower.precision < standard.case.format.precision:
            why = f"every answer is a {lower.name} number"
            narrower = partial(_as_narrower, lower)
            yield Suspect(f"an evaluation in {lower.name}", why, narrower, narrower)


def _nearer_dialect(tree: Node, view: View) -> Array:
    """Mark where a dialect, in plain arithmetic, is nearer to the answer than the truth is."""
    other = view.standard.roughly(tree)
    with np.errstate(all="ignore"):
        wrong = np.where(np.isnan(view.truth), np.inf, np.abs(view.rows - view.truth))
        nearer = np.abs(view.rows - other) < NEARER * wrong
    return np.asarray(nearer | _same(view.rows, other))


def _as_dialect(name: str, tree: Node, view: View) -> Array | None:
    """Mark where a dialect, which must be the same as the formula where nothing diverges, fits."""
    standard, rows, truth, bad = view.standard, view.rows, view.truth, view.bad
    lost = (rows == 0) & (truth != 0) & np.isfinite(truth)
    accepted = standard.otherwise(tree)
    found = standard.distance(rows, accepted, flushes=view.flushes)
    meant = standard.case.format.round(accepted.truth.value)
    apart = standard.distance(meant, standard.canonical, flushes=view.flushes).bad
    fits = np.asarray(~found.bad & (apart | ~bad))
    # a zero is what many a mistake gives; it alone is no sign of a dialect
    telling = fits & bad & ~lost
    if not telling.any() or (fits | bad).mean() <= CONSISTENT:
        return None
    # many a mistake gives NaN as well: it is a sign of a dialect that says nothing else
    numbers = telling & ~np.isnan(rows)
    return fits if numbers.any() or not _says_other_numbers(standard, name) else None


def _says_other_numbers(standard: Standard, name: str) -> bool:
    """Whether a dialect is another function, and not the same one with NaN in other places."""
    points = grid(standard.spec, standard.case.effective, POINTS, binades=False)
    (other,) = (tree for called, _, tree in points.meant.dialects() if called == name)
    size = Float64(points.rows, points.columns)
    with np.errstate(all="ignore"):
        value, instead = (
            np.asarray(evaluate(tree, size, points.inputs)) for tree in (points.meant.terms, other)
        )
        both = np.isfinite(value) & np.isfinite(instead)
        apart = both & (np.abs(instead - value) > ANOTHER * np.abs(value))
    return bool(apart.sum() > ELSEWHERE * both.sum())


def _as_flushing(view: View) -> Array:
    """Mark what the formula gives with zero for what is subnormal, result or input.

    What may have become of subnormal numbers on the way is a wide field, and explains nothing.
    """
    standard, rows = view.standard, view.rows
    tiny = standard.case.format.smallest_normal
    fits = ~view.bad | ((rows == 0) & (np.abs(view.truth) < tiny))
    for accepted in standard.flushed:
        near = ~standard.distance(rows, accepted, flushes=False).bad
        fits |= near | ((rows == 0) & (np.abs(accepted.truth.value) < tiny))
    return np.asarray(fits)


def _as_narrower(lower: Format, view: View) -> Array | None:
    """Mark what an evaluation with fewer digits gives, if all answers are numbers of its format."""
    rows, oracle = view.rows, view.standard.canonical.oracle
    if not _same(lower.round(rows), rows).all() or not _telling(rows):
        return None
    narrowed = {name: lower.round(value) for name, value in oracle.inputs.items()}
    fits = np.zeros(rows.shape, bool)
    # whether the inputs were narrowed as well is up to the target
    for inputs in (oracle.inputs, narrowed):
        there = replace(oracle, inputs=inputs, format=lower)
        with np.errstate(invalid="ignore"):
            fits |= np.abs(rows - there.ieee) <= there.inherited.limit
        fits |= _same(rows, lower.round(there.ieee))
    return fits


def _as_textbook(tree: Node, format: Format, view: View) -> Array:
    """Mark the bits that a form gives if it is evaluated step by step in a format."""
    laid, own = view.standard.layout, view.standard.case.format
    arithmetic = Rounded(laid.rows, laid.columns, format, own)
    value = np.broadcast_to(evaluate(tree, arithmetic, view.standard.rows), view.rows.shape)
    return _same(view.rows, own.round(value))


def _telling(rows: Array) -> bool:
    """Whether there are enough answers that are numbers of a narrower format by no accident."""
    return bool(np.unique(rows[np.isfinite(rows) & (rows != 0)]).size >= TELLING)


def _workings(format: Format) -> tuple[Format, ...]:
    """Return the formats in which a kernel works: 16-bit ones often in float32."""
    return (format, FLOAT32) if format.width == 16 else (format,)


def _same(a: Array, b: Array) -> Array:
    return np.asarray((a == b) | (np.isnan(a) & np.isnan(b)))
