"""All parts of a sweep, merged -> its results, as the unbroken sweep makes them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from time import monotonic

from trysquare.backend import Target
from trysquare.command import selection
from trysquare.command.merging import Merged
from trysquare.dtypes import FORMATS
from trysquare.errors import UsageError
from trysquare.ledger import unjudged
from trysquare.loading import available, called
from trysquare.record import Run
from trysquare.recorder import Recorder, edition, targets
from trysquare.result import SEED, Result
from trysquare.run import Session
from trysquare.spec import Spec
from trysquare.sweep import conclusion, shares
from trysquare.sweep.pairs import Pairs, variables
from trysquare.sweep.segment import Part
from trysquare.sweep.subject import Subject


def assemble(merged: Merged, backends: Sequence[str]) -> Merged:
    """Return a merged sweep with its results, for which its targets are asked once more.

    `backends` are where those targets are found that no installed backend has. Of a target that is
    not here it is told that it is missing, and the parts stay.

    Raises UsageError if the specs or the version of a target are others here.
    """
    run = merged.run
    specs = _specs(run)
    names = [target.target for target in run.header.targets if target.target in _asked(run)]
    wanted = [selection.target(name) for name in names]
    with Session(_sources(wanted, backends), SEED, wanted=wanted) as session:
        here = {str(target): target for target in session.targets}
        if absent := [name for name in names if name not in here]:
            missing = (f"missing: {name} is not here to be asked once more" for name in absent)
            return replace(merged, run=replace(run, footer=None), missing=tuple(missing))
        remarks = (*merged.remarks, *_otherwise(run, session))
        made = _concluded(run, session, specs, [here[name] for name in names])
    return Merged(made, (), remarks)


def _asked(run: Run) -> frozenset[str]:
    return frozenset(one.target for records in (run.parts, run.results) for one in records)


def _specs(run: Run) -> tuple[Spec, ...]:
    """Return the specs of a sweep, which have to be those that are installed."""
    specs = tuple(selection.shipped(record.function) for record in run.functions)
    if not run.header.specs.endswith(edition(specs)):
        raise UsageError("the specs that are installed here are not those of the sweep")
    return specs


def _sources(wanted: Sequence[Target], backends: Sequence[str]) -> tuple[str, ...]:
    """Return where to find the backends of targets: what a file says is never imported."""
    named = selection.backends(backends) if backends else ()
    names = {called(name).rpartition(":")[2] for name in named}
    others = dict.fromkeys(one.backend for one in wanted if one.backend not in names)
    for name in others:
        if name not in available():
            raise UsageError(
                f"{name} has to be asked once more, and is no installed backend; name it: --backend"
            )
    return (*named, *others)


def _otherwise(run: Run, session: Session) -> Iterator[str]:
    """Yield how targets are not the same here; UsageError for another version."""
    before = {target.target: target for target in run.header.targets}
    for now in targets(session):
        then = before.get(now.target)
        if then is None or not now.available:
            continue
        if then.version != now.version:
            raise UsageError(f"{now.target} is {then.version} in the files and {now.version} here")
        for key, value in now.environment.items():
            if then.environment.get(key) != value:
                yield f"{now.target}: {key} is not as in the files: {value}"


def _concluded(run: Run, session: Session, specs: Sequence[Spec], order: Sequence[Target]) -> Run:
    parts: defaultdict[shares.Key, list[Part]] = defaultdict(list)
    for part in run.parts:
        parts[shares.key(part)].append(part)
    subjects = _subjects(specs, parts)
    found = {
        (number, target): conclusion.united(parts[who])
        for number, subject in enumerate(subjects)
        for target in order
        if (who := (*_what(subject), str(target))) in parts
    }
    pairs, paired = _pairs(specs, run.results)
    ledger = conclusion.ledger(session, subjects, pairs)
    begun = monotonic()
    with Recorder(run.header, run.functions) as recorder:
        for result in conclusion.results(session, subjects, found):
            recorder.add(ledger.judge(result))
        for result in paired:
            recorder.add(ledger.judge(unjudged(result)))
        recorder.finish(ledger.stale())
    made = recorder.run
    if made.footer is None or run.footer is None:
        return made
    finish = round(monotonic() - begun, 3)
    costs = run.footer.costs and replace(run.footer.costs, finish=finish)
    seconds = round(run.footer.seconds + finish, 3)
    return replace(made, footer=replace(made.footer, seconds=seconds, costs=costs))


def _subjects(specs: Sequence[Spec], parts: Mapping[shares.Key, object]) -> tuple[Subject, ...]:
    asked = {who[:3] for who in parts}
    return tuple(
        Subject(spec, format, gradient)
        for spec in specs
        for format in FORMATS.values()
        for gradient in (False, True)
        if (spec.function, format.name, gradient) in asked
    )


def _what(subject: Subject) -> tuple[str, str, bool]:
    return subject.spec.function, subject.format.name, subject.gradient


def _pairs(specs: Sequence[Spec], results: Sequence[Result]) -> tuple[list[Pairs], list[Result]]:
    """Return the pairs that were swept, and their results, in the order of a sweep."""
    found: defaultdict[tuple[str, str, str], list[Result]] = defaultdict(list)
    for result in results:
        found[result.function, result.dtype, result.case].append(result)
    possible = (
        Pairs(spec, format, wrt)
        for spec in specs
        for format in FORMATS.values()
        for wrt in ("", *(variables(spec) or ()))
    )
    pairs = [one for one in possible if _title(one) in found]
    return pairs, [result for one in pairs for result in found[_title(one)]]


def _title(pairs: Pairs) -> tuple[str, str, str]:
    return pairs.spec.function, pairs.format.name, pairs.title
