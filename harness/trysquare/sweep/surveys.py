"""Charts of a subject: surveyed once, and kept on disk under a digest of all that they follow from.

A chart that is damaged, or that cannot be written, is made again.
"""

from __future__ import annotations

import os
import warnings
from dataclasses import fields
from functools import cached_property
from pathlib import Path

import numpy as np
from platformdirs import user_cache_path

from trysquare.dtypes import Array
from trysquare.sweep.chart import BLOCK, PIECE, Chart, Kind
from trysquare.sweep.subject import Subject
from trysquare.sweep.surveyor import Surveyor, everything

EDITION = 5
"""Changes with what a chart means, or with how it is made."""

NARROW = 16
"""Bits of a format whose numbers are so few that each is told by itself."""

SAMPLES = 17
"""Numbers of a block at which its limits are worked out."""

MARGIN = 2.0
"""Between two samples a limit in ULP may be so many times smaller or larger: an ULP may double."""

STEADY = 4.0
"""A block whose limits differ more than that has a zero or a pole: who knows what is in between."""


class Surveys:
    """The charts of one subject; `folder` is where they are kept (None: nowhere)."""

    def __init__(self, subject: Subject, folder: Path | None) -> None:
        self._subject, self._folder = subject, folder

    @cached_property
    def surveyor(self) -> Surveyor:
        """Who surveys what is not known yet."""
        return Surveyor(self._subject.tree, self._subject.variable)

    def chart(self, start: int, stop: int) -> Chart:
        """Return the chart of [start, stop), whole blocks."""
        path = None
        if self._folder is not None:
            name = f"{self._subject.digest}-{EDITION}"
            path = self._folder / name / f"{start:08x}-{stop:08x}.npz"
            chart = _load(path, start, stop)
            if chart is not None:
                return chart
        chart = self._surveyed(start, stop)
        if path is not None:
            _save(chart, path)
        return chart

    def _surveyed(self, start: int, stop: int) -> Chart:
        narrow = self._subject.format.width == NARROW
        pieces = everything(start, stop) if narrow else self.surveyor.survey(start, stop)
        alone = pieces[pieces["kind"] == Kind.POINTS]
        ranges = [np.arange(piece["start"], piece["stop"]) for piece in alone]
        points = np.concatenate([np.empty(0, np.int64), *ranges])
        values, rounded = self._subject.truths(points)
        return Chart(start, stop, pieces, points, values, rounded, self._limits(pieces))

    def _limits(self, pieces: Array) -> Array:
        """Return for every block what surely conforms and what surely diverges, in ULP.

        Limits follow the function smoothly where it has models; elsewhere none holds for a block.
        """
        firsts = np.arange(pieces["start"][0], pieces["stop"][-1], BLOCK)
        if self._subject.format.width == NARROW:  # all numbers in one block: no limit holds for it
            return np.tile(UNKNOWN, (len(firsts), 2, 1))
        places = firsts[:, None] + np.linspace(0, BLOCK - 1, SAMPLES).astype(np.int64)
        standard = self._subject.standard(self._subject.at(places.ravel()))
        spacing = self._subject.format.ulp(standard.canonical.oracle.ieee)
        # where a convention allows another answer, no error is too large
        free = np.zeros(places.size, bool)
        for other in standard.alternatives:
            free |= other.where[:, 0]
        alone = pieces[pieces["kind"] == Kind.POINTS]
        rough = np.isin(firsts // BLOCK, alone["start"] // BLOCK)
        size = np.abs(self._subject.format.widen(self._subject.at(places.ravel())))
        subnormal = (size > 0) & (size < self._subject.format.smallest_normal)
        found = np.empty((len(firsts), 2, 2))
        for flushes in (False, True):
            allowed = standard.limit(flushes=flushes)
            with np.errstate(invalid="ignore", over="ignore"):
                low = (allowed.least / spacing).reshape(places.shape)
                ulps = (allowed.most / spacing).reshape(places.shape)
            known = np.isfinite(ulps) & allowed.straight.reshape(places.shape)
            known &= ~free.reshape(places.shape)
            least = np.where(known, low, 0.0).min(axis=1)
            if flushes:  # another answer counts where a subnormal number is taken for zero
                known &= ~subnormal.reshape(places.shape)
            most = np.where(known, ulps, np.inf).max(axis=1)
            steady = (most <= STEADY * least) & ~rough
            found[:, int(flushes)] = np.stack(
                [np.where(steady, least / MARGIN, 0.0), np.where(steady, most * MARGIN, np.inf)],
                axis=1,
            )
        return found


UNKNOWN = np.array([0.0, np.inf])
"""Limits that decide nothing: every error is judged by itself."""


def default_folder() -> Path:
    """Return where this user's charts are kept."""
    return user_cache_path("trysquare", appauthor=False) / "charts"


def _load(path: Path, start: int, stop: int) -> Chart | None:
    """Return the chart in a file, None if there is none that can be used."""
    try:
        with warnings.catch_warnings(), path.open("rb") as file:
            warnings.simplefilter("ignore")
            with np.load(file, allow_pickle=False) as archive:
                arrays = {name: np.asarray(archive[name]) for name in _ARRAYS}
    except Exception:  # noqa: BLE001 - whatever NumPy raises of a file that is damaged
        return None
    pieces, points = arrays["pieces"], arrays["points"]
    whole = pieces.dtype == PIECE and pieces.ndim == 1 and len(pieces) > 0
    whole = whole and pieces["start"][0] == start and pieces["stop"][-1] == stop
    whole = whole and bool((pieces["start"][1:] == pieces["stop"][:-1]).all())
    whole = whole and arrays["values"].shape == arrays["rounded"].shape == points.shape
    whole = whole and arrays["limits"].shape == ((stop - start) // BLOCK, 2, 2)
    return Chart(start, stop, **arrays) if whole else None


def _save(chart: Chart, path: Path) -> None:
    """Write a chart; whoever reads sees all of it or nothing."""
    part = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            np.savez(file, **{name: getattr(chart, name) for name in _ARRAYS})
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)


_ARRAYS = tuple(field.name for field in fields(Chart) if field.name not in ("start", "stop"))
