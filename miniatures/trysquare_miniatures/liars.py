"""Backends that lie: each is `Truthful` but for one deliberate fault.

Loaded by a worker as `trysquare_miniatures.liars:NAME`.
"""

from __future__ import annotations

from collections.abc import Mapping

from trysquare.backend import Backend, Target
from trysquare_miniatures import misdeeds, misreadings, unfitting, wrong_numbers
from trysquare_miniatures.truthful import LIARS, Question, Truthful

__all__ = ["LIARS", "Question", "Truthful", "poor", "truthful"]

ROOMS = (wrong_numbers, unfitting, misreadings, misdeeds)
"""Where the liars live; whoever imports these fills the list."""


def __getattr__(name: str) -> Backend:
    """Return the liar of this name."""
    if name not in LIARS:
        raise AttributeError(name)
    return LIARS[name]


class Poor(Truthful):
    """Truthful, but there is little that it has."""

    absent: Mapping[str, str] = {"sigmoid": "nobody needs it"}

    def dtypes(self, target: Target) -> frozenset[str]:  # noqa: ARG002 - the same everywhere
        return frozenset({"float32"})


truthful, poor = Truthful("truthful"), Poor("poor")
