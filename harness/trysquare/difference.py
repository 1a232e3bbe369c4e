"""Two runs compared, id by id: what has got worse, what better, and what cannot be compared.

Totals are never compared: they change with the questions, and hide that one result got worse while
another got better.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from trysquare.record import Header, Run, TargetRecord
from trysquare.result import WHOLE, Check, Expectation, Outcome, Result, Symptom


class Change(StrEnum):
    """What became of one result, worst first."""

    REGRESSED = "regressed"
    NEW = "new"
    STALE = "stale"
    ACCEPTED = "worse and known"
    WORSE = "worse within limit"
    FIXED = "fixed"
    BETTER = "better"
    ADDED = "added"
    REMOVED = "removed"
    INCOMPARABLE = "not comparable"
    SAME = "same"

    @property
    def meaning(self) -> str:
        """What the word stands for, for whoever sees it the first time."""
        return _MEANINGS[self]


_MEANINGS: Mapping[Change, str] = {
    Change.REGRESSED: "unexpected, and was not; or unexpected in both and worse",
    Change.NEW: "unexpected, and was not asked before",
    Change.STALE: "conforms, though it is listed as known to diverge",
    Change.ACCEPTED: "diverges where it did not, or further, and is listed as known",
    Change.WORSE: "conforms in both, with a larger error",
    Change.FIXED: "conforms, and did not",
    Change.BETTER: "as before, with a smaller error",
    Change.ADDED: "was not asked before",
    Change.REMOVED: "is not asked any more",
    Change.INCOMPARABLE: "one of both has no answer, or to another question",
    Change.SAME: "no change",
}

FAILING = (Change.REGRESSED, Change.NEW)
"""What a gate does not let through."""

_SYMPTOMS = list(Symptom)
_RANKS = {Outcome.CONFORMS: 0, Outcome.DIVERGES: 1, Outcome.TIMED_OUT: 2, Outcome.CRASHED: 2}
"""How bad an answer is; the other outcomes are none."""


@dataclass(frozen=True)
class Delta:
    """One id in both runs; `before` or `after` is None where a run has no such result.

    `why` says what stands in the way of comparing them.
    """

    id: str
    change: Change
    before: Result | None
    after: Result | None
    why: str = ""

    @property
    def result(self) -> Result:
        """The newer of the results that are there."""
        side = self.after or self.before
        if side is None:
            raise ValueError(f"{self.id} is in neither run")
        return side


@dataclass(frozen=True)
class Comparison:
    """Two runs, and what became of every id that is in one of them, in the order of the newer."""

    before: Header
    after: Header
    deltas: tuple[Delta, ...]
    partial: Mapping[str, str] = field(default_factory=dict)
    """Why `before` or `after` is only a part of a run, where it is."""

    @cached_property
    def counts(self) -> Counter[Change]:
        """How many results there are of each change."""
        return Counter(delta.change for delta in self.deltas)

    @property
    def failed(self) -> bool:
        """Whether a gate stops this."""
        return any(self.counts[change] for change in FAILING)

    @property
    def compared(self) -> int:
        """How many results could be compared."""
        apart = (Change.NEW, Change.ADDED, Change.REMOVED, Change.INCOMPARABLE)
        return len(self.deltas) - sum(self.counts[change] for change in apart)

    def of(self, change: Change) -> tuple[Delta, ...]:
        """Return the results of one change."""
        return tuple(delta for delta in self.deltas if delta.change is change)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What differs between the runs as a whole, in words."""
        parts = [f"only a part of a run {side}: {why}" for side, why in self.partial.items()]
        return (*parts, *_remarks(self.before, self.after))


def compare(before: Run, after: Run) -> Comparison:
    """Return what became of every result, by its id."""
    old, new = _Side(before), _Side(after)
    ids = [*new.by_id, *(identity for identity in old.by_id if identity not in new.by_id)]
    deltas = tuple(_delta(identity, old, new) for identity in ids)
    sides = {"before": before.partial, "after": after.partial}
    partial = {side: why for side, why in sides.items() if why}
    return Comparison(before.header, after.header, deltas, partial)


class _Side:
    """One run, and what it knows of a result that it lacks."""

    def __init__(self, run: Run) -> None:
        self.run, self.seed = run, run.header.seed
        self.by_id = {result.id: result for result in run.results}
        self.revisions = {record.function: record.revision for record in run.functions}
        self._targets = {record.target: record for record in run.header.targets}
        self._asked = {
            name
            for result in run.results
            for name in (result.dtype, str(result.check), _group(result))
        }

    def lacks(self, result: Result) -> str:
        """Return why it has no answer to the question of another run's result.

        Nothing is said if the question itself is not there.
        """
        target = self._targets.get(result.target)
        if target is None or not target.available:
            return f"{result.target} did not run{_because(target)}"
        refusal = self.by_id.get(f"{_group(result)}/{result.target}/{WHOLE}")
        if refusal is not None and refusal.reason:
            return refusal.reason
        if self.run.footer is None:
            return "the run did not end"
        if result.function not in self.revisions:
            return ""
        names = (result.dtype, str(result.check), _group(result))
        unasked = next((name for name in names if name not in self._asked), "")
        return f"{unasked} was not asked" if unasked else ""


def _delta(identity: str, old: _Side, new: _Side) -> Delta:
    before, after = old.by_id.get(identity), new.by_id.get(identity)
    if before is None or after is None:
        return _alone(identity, old, new)
    if why := _obstacle(old, before, new, after):
        return Delta(identity, Change.INCOMPARABLE, before, after, why)
    return Delta(identity, _change(before, after), before, after)


def _alone(identity: str, old: _Side, new: _Side) -> Delta:
    """Return what is to be said of a result that only one of the runs has."""
    before, after = old.by_id.get(identity), new.by_id.get(identity)
    if before is not None:
        why = new.lacks(before)
        change = Change.INCOMPARABLE if why else Change.REMOVED
        return Delta(identity, change, before, None, f"after: {why}" if why else "")
    if after is not None and (why := old.lacks(after)):
        return Delta(identity, Change.INCOMPARABLE, None, after, f"before: {why}")
    failing = after is not None and after.expectation is Expectation.UNEXPECTED
    return Delta(identity, Change.NEW if failing else Change.ADDED, None, after)


def _obstacle(old: _Side, before: Result, new: _Side, after: Result) -> str:
    """Return why two results of one id are no answers to one question; nothing if they are."""
    specs = [side.revisions.get(before.function, "") for side in (old, new)]
    if all(specs) and specs[0] != specs[1]:
        return f"its spec changed: sha256 {specs[0]} before, {specs[1]} after"
    if old.seed != new.seed and before.check is not Check.CASES:
        return f"other random inputs: seed {old.seed} before, {new.seed} after"
    silent = {"before": before, "after": after}
    reasons = [
        f"{side}: {result.reason or result.outcome}"
        for side, result in silent.items()
        if result.outcome is Outcome.UNSUPPORTED
    ]
    both = len(reasons) == len(silent) and before.reason == after.reason
    return "" if both else "; ".join(reasons)


def _change(before: Result, after: Result) -> Change:
    """Return what became of a result whose question is the same."""
    worse, better = _badness(after) > _badness(before), _badness(after) < _badness(before)
    match before.expectation, after.expectation:
        case Expectation.UNEXPECTED, Expectation.UNEXPECTED:
            moved = Change.REGRESSED if worse else Change.BETTER
            return moved if worse or better else Change.SAME
        case _, Expectation.UNEXPECTED:
            return Change.REGRESSED
        case Expectation.EXPECTED | Expectation.UNEXPECTED, Expectation.STALE:
            return Change.STALE
    if after.outcome is Outcome.CONFORMS and before.outcome is not Outcome.CONFORMS:
        return Change.FIXED
    if worse:
        return Change.WORSE if after.outcome is Outcome.CONFORMS else Change.ACCEPTED
    return Change.BETTER if better else Change.SAME


def _badness(result: Result) -> tuple[int, int, float, int]:
    """Return a key that grows with what is wrong: the kind of fault, then its size."""
    symptom = 0 if result.symptom is None else len(_SYMPTOMS) - _SYMPTOMS.index(result.symptom)
    rank = _RANKS.get(result.outcome, len(Outcome))
    return rank, symptom, result.max_ulp, result.failed


def _group(result: Result) -> str:
    return f"{result.function}/{result.check}/{result.dtype}"


def _because(target: TargetRecord | None) -> str:
    return f": {target.reason}" if target and target.reason else ""


def _remarks(before: Header, after: Header) -> Iterator[str]:
    if before.specs != after.specs:
        yield f"other specs: {before.specs} before, {after.specs} after"
    if before.seed != after.seed:
        yield f"other random inputs: seed {before.seed} before, {after.seed} after"
    if before.trysquare != after.trysquare:
        yield f"trysquare {before.trysquare} before, {after.trysquare} after"
    old = {target.target: target for target in before.targets if target.available}
    for target in after.targets:
        earlier = old.get(target.target)
        if target.available and earlier is not None:
            yield from _moved(earlier, target)


def _moved(earlier: TargetRecord, later: TargetRecord) -> Iterator[str]:
    """Yield how a target differs from itself in another run."""
    if earlier.version != later.version:
        yield f"{later.target}: version {earlier.version} before, {later.version} after"
    for key in sorted({*earlier.environment, *later.environment}):
        one, other = (side.environment.get(key, "unknown") for side in (earlier, later))
        if one != other:
            yield f"{later.target}: {key} {one} before, {other} after"
