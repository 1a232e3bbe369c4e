"""What a sweep has found -> results: segments and refusals of one machine, or of many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from trysquare.backend import Kind, Refusal, Target
from trysquare.divergences import known
from trysquare.ledger import Ledger
from trysquare.planning.plan import Group
from trysquare.result import Check, Result
from trysquare.run import Session
from trysquare.sweep.finding import Finder
from trysquare.sweep.pairs import Pairs
from trysquare.sweep.segment import Part, whole
from trysquare.sweep.subject import Subject

Found = list[Part] | Refusal
"""What there is of one subject on one target: the parts of its range, or why there are none."""


def ledger(session: Session, subjects: Iterable[Subject], pairs: Iterable[Pairs]) -> Ledger:
    """Return what is known of the targets, for a sweep of these."""
    groups = [Group(subject.spec, Check.SWEEP, subject.format) for subject in subjects]
    groups += [one.group for one in pairs]
    entries = {name: known(name) for name in map(session.source, session.targets)}
    return Ledger(entries, groups, session.targets, complete=False)


def results(
    session: Session,
    subjects: Sequence[Subject],
    found: Mapping[tuple[int, Target], Found],
) -> Iterator[Result]:
    """Yield the result of each subject, by its number, on each target.

    The targets are asked once more, for the worst numbers.
    """
    finder = Finder(session.pool, session.limits.seconds)
    for (number, target), parts in found.items():
        subject = subjects[number]
        one = parts if isinstance(parts, Refusal) else united(parts)
        if isinstance(one, Refusal):
            yield finder.refused(subject, target, one)
            continue
        flushes = session.flushes(target, subject.format)
        segment = whole(part.segment for part in one)
        result = finder.result(subject, target, segment, flushes=flushes)
        yield replace(result, seconds=round(sum(part.seconds for part in one), 3))


def united(parts: Iterable[Part]) -> Found:
    """Return what parts say together: a refusal if a target has no such function, or no answer.

    One that is refused for another reason costs its own numbers, and nothing of the others.
    """
    there = sorted(parts, key=lambda part: part.segment.start)
    refused = [part for part in there if part.refused and part.segment.silence is not None]
    telling = [part for part in refused if part.refused == Kind.UNSUPPORTED]
    if not telling and len(refused) == len(there):
        telling = refused
    for part in telling:
        if part.segment.silence is not None:
            return Refusal(Kind(part.refused), part.segment.silence.message)
    return there
