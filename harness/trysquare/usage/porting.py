"""From one target to another: what a call with its arguments left out becomes, measured."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from trysquare.backend import Target
from trysquare.dtypes import Array, Format
from trysquare.planning.cases import Case
from trysquare.record import Porting
from trysquare.run import Session
from trysquare.spec import Spec, Value
from trysquare.usage.asking import ask, case, formats, given
from trysquare.usage.defaults import against, difference
from trysquare.verdict.standard import Standard

BARE, SAME = "bare", "same"


def portings(
    session: Session, specs: Iterable[Spec], source: Target, destination: Target
) -> Iterator[Porting]:
    """Yield what becomes of each function that both targets have."""
    for spec in specs:
        both = (session.targets[target].functions for target in (source, destination))
        if all(spec.function in functions for functions in both):
            common = [
                format
                for format in formats(session, source)
                if format in formats(session, destination)
            ]
            found = (_porting(session, spec, source, destination, format) for format in common)
            yield from (each for each in [next(filter(None, found), None)] if each is not None)


def _porting(
    session: Session, spec: Spec, source: Target, destination: Target, format: Format
) -> Porting | None:
    """Return the comparison in one format; None if one of the two answers nothing in it."""
    bare = case(spec, format)
    meant = given(bare, _meant(session, spec, source), canonical=True)
    old, new = (_answers(session, spec, target, bare, meant) for target in (source, destination))
    if all(answer is None for answer in old.values()):
        return None
    if all(answer is None for answer in new.values()):
        return None
    # every argument that has its place in the spec is given, so that nobody's default decides
    standard = Standard(spec, replace(bare, effective=meant.effective))
    texts = [
        session.spelled(target, spec, one.call)
        for one in (bare, meant)
        for target in (source, destination)
    ]
    return Porting(
        function=spec.function,
        dtype=format.name,
        before=texts[0],
        after=texts[1],
        difference=difference(standard, old[BARE], new[BARE]),
        there=texts[2],
        here=texts[3],
        remaining=difference(standard, old[SAME], new[SAME]),
        agree=all(
            answers[SAME] is not None and against(standard, answers[SAME]) is None
            for answers in (old, new)
        ),
    )


def _meant(session: Session, spec: Spec, target: Target) -> dict[str, Value]:
    """Return what a target's defaults mean, in the spec's words."""
    means: Mapping[str, Value] = session.targets[target].functions[spec.function].means
    return {**spec.defaults, **{k: v for k, v in means.items() if k in spec.defaults}}


def _answers(
    session: Session, spec: Spec, target: Target, bare: Case, meant: Case
) -> dict[str, Array | None]:
    calls = {BARE: bare.call, SAME: meant.call}
    return ask(session, target, spec, calls).answers()
