"""What people name on a command line -> what is swept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trysquare.backend import available
from trysquare.command import selection
from trysquare.dtypes import FLOAT64, FORMATS
from trysquare.errors import UsageError
from trysquare.sweep.campaign import Pace, Range, Sweeping
from trysquare.sweep.subject import Subject, variable


def sweeping(
    functions: Sequence[str],
    dtypes: Sequence[str],
    targets: Sequence[str],
    *,
    gradient: bool,
    numbers: Range | None,
    pace: Pace,
) -> Sweeping:
    """Return the sweep that these words describe; raises UsageError for a word that does not fit.

    A glob leaves out what is no function of one number; a name of such a function is an error.
    """
    chosen = selection.members(dtypes, FORMATS, "dtype")
    if FLOAT64.name in chosen:
        raise UsageError("float64 has too many numbers for a sweep; `trysquare hunt` searches")
    specs = selection.specs((), functions)
    for spec in specs:
        if spec.function in functions and variable(spec) is None:
            raise UsageError(
                f"{spec.function} is no function of one number; `trysquare hunt` searches"
            )
    subjects = tuple(
        Subject(spec, FORMATS[dtype], derivative)
        for spec in specs
        if variable(spec) is not None
        for dtype in chosen
        for derivative in ((False, True) if gradient else (False,))
    )
    if not subjects:
        raise UsageError(f"{', '.join(functions)}: no function of one number")
    return Sweeping(subjects, tuple(targets), tuple(_backends(targets)), numbers, pace)


def _backends(targets: Sequence[str]) -> Iterator[str]:
    """Yield the backends that are started: those of the targets, all if none is named."""
    known = available()
    for target in targets:
        backend = target if target in known else target.split(":")[0]
        selection.backends([backend])
        yield backend
    if not targets:
        yield from known
