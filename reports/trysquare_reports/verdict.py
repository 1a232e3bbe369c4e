"""What a run says: the state of each result, how many there are of each, and which targets ran."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

from trysquare.result import Expectation, Outcome, Result, Run
from trysquare_reports import figures


class State(StrEnum):
    """Outcome and expectation as one word, worst first."""

    UNEXPECTED = "unexpected"
    ERROR = "error"
    STALE = "stale"
    KNOWN = "known"
    PASS = "pass"  # noqa: S105 - a word, not a secret
    UNSUPPORTED = "unsupported"
    NOT_RUN = "not run"

    @property
    def symbol(self) -> str:
        """The sign that stands for the state; never its colour alone."""
        return _SYMBOLS[self]

    @property
    def rank(self) -> int:
        """Zero for the worst state."""
        return list(State).index(self)


_SYMBOLS = {
    State.UNEXPECTED: "✗",
    State.ERROR: "!",
    State.STALE: "★",
    State.KNOWN: "K",
    State.PASS: "✓",
    State.UNSUPPORTED: "–",
    State.NOT_RUN: "·",
}
ALARMING = frozenset({State.UNEXPECTED, State.ERROR, State.STALE})
_ERRORS = frozenset({Outcome.CRASHED, Outcome.TIMED_OUT, Outcome.ERRORED})


def state(result: Result) -> State:
    """Return the one word for a result."""
    match result.expectation:
        case Expectation.STALE:
            return State.STALE
        case Expectation.UNEXPECTED:
            return State.ERROR if result.outcome in _ERRORS else State.UNEXPECTED
    match result.outcome:
        case Outcome.CONFORMS:
            return State.PASS
        case Outcome.UNSUPPORTED:
            return State.UNSUPPORTED
    return State.KNOWN


def tally(run: Run) -> Counter[State]:
    """Return how many results are in each state; stale counts entries, whatever they match."""
    counts = Counter(state(result) for result in run.results)
    if run.footer is not None:
        counts[State.STALE] = max(counts[State.STALE], len(run.footer.stale))
    return counts


def verdict(run: Run) -> tuple[str, str]:
    """Return the sign and the one sentence that a reader needs first."""
    counts = tally(run)
    bad = [
        figures.plural(counts[State.UNEXPECTED], "unexpected divergence"),
        figures.plural(counts[State.ERROR], "error"),
        figures.whole(counts[State.STALE]) + " stale",
    ]
    kinds = (State.UNEXPECTED, State.ERROR, State.STALE)
    wrong = ", ".join(text for text, kind in zip(bad, kinds, strict=True) if counts[kind])
    end = "" if run.footer else "; the run did not end"
    if wrong:
        return "✗", wrong + end
    if not measured(run):
        return "⚠", "Nothing was measured" + end
    return ("✓", "Nothing unexpected") if run.footer else ("⚠", "Incomplete: the run did not end")


def measured(run: Run) -> bool:
    """Return whether any result compared anything."""
    return any(result.outcome is not Outcome.UNSUPPORTED for result in run.results)


def targets(run: Run) -> tuple[str, str]:
    """Return the sign and the sentence on the targets that ran and that did not."""
    missing = [target for target in run.header.targets if not target.available]
    count = len(run.header.targets)
    text = f"ran {count - len(missing)} of {count} requested targets"
    reasons = "; ".join(f"{item.target}: {one_line(item.reason)}" for item in missing)
    return ("⚠", f"{text} ({reasons})") if missing else ("✓", text)


def severity(result: Result) -> tuple[int, bool, float]:
    """Return a key that puts the worst result first."""
    worst = result.worst
    # a discrete fault (NaN, infinity, an exception) has no ratio and outranks every number
    ratio = worst.ulp / worst.limit if worst is not None and worst.limit > 0 else float("inf")
    return state(result).rank, ratio != ratio, -ratio  # noqa: PLR0124 - NaN last


def worst_state(results: Iterable[Result]) -> State:
    """Return the worst state among results; not run if there are none."""
    return min((state(result) for result in results), key=lambda s: s.rank, default=State.NOT_RUN)


def peers(result: Result, others: Iterable[Result]) -> list[Result]:
    """Return the results of the same question on other targets."""
    return [
        other
        for other in others
        if other.target != result.target and question(other) == question(result)
    ]


def question(result: Result) -> tuple[object, ...]:
    """Return what was asked, whoever answered."""
    parameters = tuple(sorted((name, repr(value)) for name, value in result.parameters.items()))
    return result.function, result.check, result.case, result.dtype, result.shape, parameters


def one_line(text: str) -> str:
    """Return a text without line ends and without anything that steers a terminal."""
    return " ".join(printable(text).split())


def printable(text: str) -> str:
    """Return a text in which only line ends are left of what does not print."""
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)
