"""Results that go wrong in the same way, as one thing to decide: people review causes, not rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from trysquare.result import Outcome, Result


@dataclass(frozen=True)
class Cause:
    """How a function goes wrong on a target: by its symptom (or its end), and the diagnosis."""

    function: str
    target: str
    symptom: str
    diagnosis: str

    @classmethod
    def of(cls, result: Result) -> Cause:
        """Return the cause of a result."""
        diverges = result.outcome is Outcome.DIVERGES and result.symptom is not None
        symptom = str(result.symptom) if diverges else str(result.outcome)
        # the same form in another dtype is no other cause
        diagnosis = result.diagnosis.replace(f"in {result.dtype}", "in its dtype")
        return cls(result.function, result.target, symptom, diagnosis)


def by_cause(results: Iterable[Result]) -> dict[Cause, list[Result]]:
    """Return the results of each cause, the worst first; causes in the order of their results."""
    groups: defaultdict[Cause, list[Result]] = defaultdict(list)
    for result in results:
        groups[Cause.of(result)].append(result)
    for members in groups.values():
        members.sort(key=lambda one: -one.max_ulp)
    return dict(groups)
