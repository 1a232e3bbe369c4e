"""Why an answer diverges: other ways to compute the same call, and how many elements equal them.

The suspects are the dialects of the spec, an evaluation that flushes subnormal numbers, one in a
narrower format, and the textbook form. An explanation is a help, not a duty: it changes no verdict.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from trysquare.backend import Want
from trysquare.dtypes import FLOAT32, FORMATS, Array, Format
from trysquare.errors import UndecidedError
from trysquare.formula.evaluate import evaluate
from trysquare.formula.rounded import Rounded
from trysquare.formula.tree import Node
from trysquare.verdict.compare import Distance
from trysquare.verdict.standard import Standard

MOST = 0.5
"""The share of the diverging elements that a suspect has to explain."""


CONSISTENT = 0.99
"""The share of the elements that do not diverge on which a dialect must be right as well."""

TELLING = 8
"""Different numbers, all of a narrower format, that are no accident any more."""


@dataclass(frozen=True)
class Suspect:
    """Another way to compute a call: what it is called, why that happens, and where it fits."""

    name: str
    why: str
    fits: Array

    def words(self, bad: Array) -> str:
        """Return what it explains, in a sentence."""
        if self.fits.all():
            return f"equals {self.name} on every element: {self.why}"
        found, all_of_them = int((self.fits & bad).sum()), int(bad.sum())
        return f"equals {self.name} on {found} of {all_of_them} diverging elements: {self.why}"


def diagnose(standard: Standard, got: Array, *, flushes: bool) -> str:
    """Return which suspect an answer equals, and on how many elements; nothing if it is none.

    `got` is shaped like the output. Whoever fits everywhere comes first, then whoever explains
    most of what diverges.
    """
    rows = standard.layout.to_rows(np.asarray(got, np.float64), standard.spread)
    own = standard.distance(rows, standard.canonical, flushes=flushes)
    if not own.bad.any():
        return ""
    best: Suspect | None = None
    for suspect in _suspects(standard, rows, own, flushes=flushes):
        if suspect.fits.all():
            return suspect.words(own.bad)
        if best is None or _explained(suspect, own.bad) > _explained(best, own.bad):
            best = suspect
    if best is None or _explained(best, own.bad) < MOST:
        return ""
    return best.words(own.bad)


def _explained(suspect: Suspect, bad: Array) -> float:
    return float((suspect.fits & bad).sum() / bad.sum())


def _suspects(
    standard: Standard, rows: Array, own: Distance, *, flushes: bool
) -> Iterator[Suspect]:
    for suspects in (
        _dialects(standard, rows, own, flushes=flushes),
        _flushing(standard, rows),
        _narrower(standard, rows),
        _textbook(standard, rows),
    ):
        try:
            yield from suspects
        except UndecidedError:
            continue


def _dialects(
    standard: Standard, rows: Array, own: Distance, *, flushes: bool
) -> Iterator[Suspect]:
    """Yield the dialects that are another function where the answer diverges, and the same else."""
    truth = standard.canonical.truth.value
    lost = (rows == 0) & (truth != 0) & np.isfinite(truth)
    for name, why, accepted in standard.dialects():
        found = standard.distance(rows, accepted, flushes=flushes)
        meant = standard.case.format.round(accepted.truth.value)
        apart = standard.distance(meant, standard.canonical, flushes=flushes).bad
        fits = ~found.bad & (apart | ~own.bad)
        # a zero is what many a mistake gives; it alone is no sign of a dialect
        telling = fits & own.bad & ~lost
        if telling.any() and (fits | own.bad).mean() > CONSISTENT:
            yield Suspect(f"dialect '{name}'", why, fits)


def _flushing(standard: Standard, rows: Array) -> Iterator[Suspect]:
    """Yield what a target may answer that replaces subnormal numbers by zero."""
    best = standard.distance(rows, standard.canonical, flushes=True)
    fits = ~best.bad
    for accepted in standard.flushed:
        fits |= ~standard.distance(rows, accepted, flushes=True).bad
    why = "the target keeps subnormal numbers elsewhere, this function does not"
    yield Suspect("an evaluation that takes subnormal numbers for zero", why, fits)


def _narrower(standard: Standard, rows: Array) -> Iterator[Suspect]:
    """Yield evaluations in formats with fewer digits, whose answers are numbers of these."""
    oracle = standard.canonical.oracle
    for lower in FORMATS.values():
        if lower.precision >= standard.case.format.precision:
            continue
        if not _same(lower.round(rows), rows).all() or not _telling(rows):
            continue
        narrowed = {name: lower.round(value) for name, value in oracle.inputs.items()}
        fits = np.zeros(rows.shape, bool)
        # whether the inputs were narrowed as well is up to the target
        for inputs in (oracle.inputs, narrowed):
            there = replace(oracle, inputs=inputs, format=lower)
            with np.errstate(invalid="ignore"):
                fits |= np.abs(rows - there.ieee) <= there.inherited.limit
            fits |= _same(rows, lower.round(there.ieee))
        why = f"every answer is a {lower.name} number"
        yield Suspect(f"an evaluation in {lower.name}", why, fits)


def _telling(rows: Array) -> bool:
    """Whether there are enough answers that are numbers of a narrower format by no accident."""
    return bool(np.unique(rows[np.isfinite(rows) & (rows != 0)]).size >= TELLING)


def _textbook(standard: Standard, rows: Array) -> Iterator[Suspect]:
    """Yield the textbook form, or what calculus makes of it, evaluated step by step, bit by bit."""
    for name, tree in _forms(standard):
        for format in _workings(standard.case.format):
            laid = standard.layout
            arithmetic = Rounded(laid.rows, laid.columns, format, standard.case.format)
            value = np.broadcast_to(evaluate(tree, arithmetic, standard.rows), rows.shape)
            rounded = standard.case.format.round(value)
            yield Suspect(f"{name} in {format.name}", "the same bits", _same(rows, rounded))


def _forms(standard: Standard) -> Iterator[tuple[str, Node]]:
    meant, wrt = standard.meant, standard.case.wrt
    if standard.case.want is Want.SECOND:
        return
    definition = meant.definition()
    if standard.case.want is not Want.GRADIENT:
        if definition is not None:
            yield "the textbook form", meant.reduced(definition)
        return
    if definition is not None:
        yield "the derivative of the textbook form", meant.derived(wrt, definition)
    if wrt in standard.spec.gradient:
        yield "the derivative as calculus gives it", meant.derived(wrt, meant.terms)


def _workings(format: Format) -> tuple[Format, ...]:
    """Return the formats in which a kernel works: 16-bit ones often in float32."""
    return (format, FLOAT32) if format.width == 16 else (format,)


def _same(a: Array, b: Array) -> Array:
    return np.asarray((a == b) | (np.isnan(a) & np.isnan(b)))
