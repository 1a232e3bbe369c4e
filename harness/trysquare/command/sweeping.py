"""What people name on a command line -> what is swept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trysquare.command import selection
from trysquare.dtypes import FLOAT64, FORMATS, Format
from trysquare.errors import UsageError
from trysquare.spec import Spec
from trysquare.sweep.campaign import Pace, Range, Sweeping
from trysquare.sweep.pairs import NARROW, Pairs, variables
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

    A glob leaves out what cannot be swept in these dtypes; a name of such a function is an error.
    """
    named = selection.members(dtypes, FORMATS, "dtype")
    formats = [format for name, format in FORMATS.items() if name in named]
    if FLOAT64 in formats:
        raise UsageError("float64 has too many numbers for a sweep; `trysquare hunt` searches")
    specs = selection.specs((), functions)
    for spec in specs:
        if spec.function in functions:
            _require_sweepable(spec, formats)
    subjects = tuple(one for spec in specs for one in _subjects(spec, formats, gradient=gradient))
    paired = specs if numbers is None else ()  # a range is one of numbers
    pairs = tuple(one for spec in paired for one in _pairs(spec, formats, gradient=gradient))
    if not subjects and not pairs:
        raise UsageError(f"{', '.join(functions)}: no function of one number")
    wanted = tuple(selection.target(word) for word in targets)
    backends = selection.backends([target.backend for target in wanted])
    return Sweeping(subjects, pairs, wanted, backends, numbers, pace)


def _require_sweepable(spec: Spec, formats: Sequence[Format]) -> None:
    if variable(spec) is not None:
        return
    if variables(spec) is None:
        raise UsageError(
            f"{spec.function} is a function neither of one number nor of two; "
            "`trysquare hunt` searches"
        )
    if all(format.width != NARROW for format in formats):
        raise UsageError(
            f"{spec.function} is a function of two numbers, whose pairs are swept in float16 and "
            "bfloat16; `trysquare hunt` searches in other dtypes"
        )


def _subjects(spec: Spec, formats: Sequence[Format], *, gradient: bool) -> Iterator[Subject]:
    if variable(spec) is not None:
        for format in formats:
            for derivative in (False, True) if gradient else (False,):
                yield Subject(spec, format, derivative)


def _pairs(spec: Spec, formats: Sequence[Format], *, gradient: bool) -> Iterator[Pairs]:
    names = variables(spec)
    if names is not None:
        for format in formats:
            for wrt in ("", *names) if gradient else ("",):
                if format.width == NARROW:
                    yield Pairs(spec, format, wrt)
