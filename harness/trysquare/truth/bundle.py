"""Truth and limits of many small calls of one tree, worked out at once.

A row that depends on no other has the same truth in any company, and the same few elements cost a
walk through the tree alone or with a thousand others.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from enum import StrEnum

import numpy as np

from trysquare.dtypes import Array
from trysquare.errors import UndecidedError
from trysquare.truth.oracle import Oracle

MOST = 1_000
"""Rows of a call that is bundled with others; more have no need of company."""


class Asked(StrEnum):
    """What an oracle can be asked of all its rows: the names of its properties."""

    IEEE = "ieee"
    KNOWN = "known"
    INHERITED = "inherited"
    FLUSHING = "flushing"


def bundle(oracles: Iterable[Oracle], asked: Sequence[Asked]) -> None:
    """Let each oracle know what it will be asked; those that cannot be bundled stay as they are."""
    alike: dict[Hashable, list[Oracle]] = {}
    for oracle in oracles:
        if oracle.alone and 0 < oracle.rows <= MOST:
            alike.setdefault(_kind(oracle), []).append(oracle)
    for some in alike.values():
        if len(some) > 1:
            _share(some, asked)


def _kind(oracle: Oracle) -> Hashable:
    """Return what two oracles must have in common; trees are told apart by identity."""
    names = frozenset(oracle.inputs)
    return id(oracle.tree), names, oracle.columns, oracle.spread, oracle.format.name


def _share(some: Sequence[Oracle], asked: Sequence[Asked]) -> None:
    """Ask one oracle of all rows, and give each of these its part of the answers."""
    inputs = {name: _stacked(name, some) for name in some[0].inputs}
    whole = replace(some[0], inputs=inputs, rows=sum(oracle.rows for oracle in some))
    ends = np.cumsum([oracle.rows for oracle in some])
    for question in asked:
        try:
            found = getattr(whole, question)
        except UndecidedError:  # whoever is undecided says so when it is asked alone
            continue
        for oracle, end in zip(some, ends, strict=True):
            part = slice(end - oracle.rows, end)
            own = found[part] if isinstance(found, np.ndarray) else found.only(part)
            oracle.__dict__[question.value] = own


def _stacked(name: str, some: Sequence[Oracle]) -> Array:
    """Return an input of all oracles, one below the other."""
    width = max(oracle.inputs[name].shape[1] for oracle in some)
    return np.concatenate(
        [np.broadcast_to(oracle.inputs[name], (oracle.rows, width)) for oracle in some]
    )
