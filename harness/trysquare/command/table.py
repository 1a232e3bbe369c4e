"""Defaults and dialects from the command line: of everything, or from one target to another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from trysquare import recorder
from trysquare.backend import Target
from trysquare.command import selection
from trysquare.errors import UsageError
from trysquare.record import FunctionRecord, Porting
from trysquare.result import SEED
from trysquare.run import Session
from trysquare.usage.porting import portings


def functions(
    paths: Sequence[Path], globs: Sequence[str], backends: Sequence[str]
) -> tuple[FunctionRecord, ...]:
    """Return what is to be said of these functions, with the defaults of all targets that answer.

    Raises UsageError for a name that does not exist and SpecErrors for files that are wrong.
    """
    specs = selection.specs(paths, globs)
    with Session(selection.backends(backends), SEED) as session:
        return tuple(recorder.functions(session, specs))


def ported(
    paths: Sequence[Path], globs: Sequence[str], source: str, destination: str
) -> tuple[Porting, ...]:
    """Return what becomes of a call that goes from one target, or backend, to another.

    Raises UsageError if one of them is not here, and like `functions`.
    """
    specs = selection.specs(paths, globs)
    wanted = [selection.target(word) for word in (source, destination)]
    names = dict.fromkeys(selection.backends([target.backend for target in wanted]))
    with Session(tuple(names), SEED, wanted=wanted) as session:
        ends = [_first(session, target) for target in wanted]
        return tuple(portings(session, specs, *ends))


def _first(session: Session, wanted: Target) -> Target:
    """Return a target, or the usual one of a backend."""
    found: Iterable[Target] = selection.among([wanted], session.targets)
    for target in found:
        return target
    missing = [one.reason for one in session.unavailable if one.target.backend == wanted.backend]
    raise UsageError(f"{recorder.name_of(wanted)} is not here: {'; '.join(missing)}")
