"""What a run says: the state of each result, how many there are of each, and which targets ran."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

from trysquare.record import Run, TargetRecord
from trysquare.result import Expectation, Number, Outcome, Result, Symptom, Worst
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
        return _RANKS[self]


_SYMBOLS = {
    State.UNEXPECTED: "✗",
    State.ERROR: "!",
    State.STALE: "★",
    State.KNOWN: "K",
    State.PASS: "✓",
    State.UNSUPPORTED: "–",
    State.NOT_RUN: "·",
}
_RANKS = {kind: rank for rank, kind in enumerate(State)}
_EXPECTED = {Outcome.CONFORMS: State.PASS, Outcome.UNSUPPORTED: State.UNSUPPORTED}
ALARMING = frozenset({State.UNEXPECTED, State.ERROR, State.STALE})
_ERRORS = frozenset({Outcome.CRASHED, Outcome.TIMED_OUT, Outcome.ERRORED})

_KINDS = {"nan": "NaN", "inf": "infinity", "-inf": "minus infinity"}


def state(result: Result) -> State:
    """Return the one word for a result."""
    return word(result.outcome, result.expectation)


def word(outcome: Outcome, expectation: Expectation) -> State:
    """Return the one word for an outcome that was expected or not."""
    if expectation is Expectation.EXPECTED:
        return _EXPECTED.get(outcome, State.KNOWN)
    if expectation is Expectation.STALE:
        return State.STALE
    return State.ERROR if outcome in _ERRORS else State.UNEXPECTED


def tally(run: Run) -> Counter[State]:
    """Return how many results are in each state; stale counts entries, whatever they match.

    A target that is broken is an error, though it has no result.
    """
    counts = Counter(state(result) for result in run.results)
    counts[State.ERROR] += len(broken(run))
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
    absent = "".join(f"; {item.target} was asked for and is not here" for item in _absent(run))
    end = absent if run.footer else f"{absent}; the run did not end"
    if wrong:
        return "✗", wrong + end
    if not measured(run):
        return "⚠", "Nothing was measured" + end
    if run.footer is None:
        return "⚠", "Incomplete: the run did not end" + absent
    return ("⚠" if absent else "✓"), "Nothing unexpected" + absent


def measured(run: Run) -> bool:
    """Return whether any result compared anything."""
    return any(result.outcome is not Outcome.UNSUPPORTED for result in run.results)


def targets(run: Run) -> tuple[str, str]:
    """Return the sign and the sentence on the targets that ran and that did not."""
    count = sum(target.available for target in run.header.targets)
    alarming = {"broken": broken(run), "asked for and not here": _absent(run)}
    seen = [*alarming["broken"], *alarming["asked for and not here"]]
    others = [t for t in run.header.targets if not t.available and t not in seen]
    text = f"ran {count} of {count + len(broken(run))} targets available here"
    for words, found in {**alarming, "not here": others}.items():
        if found:
            reasons = (f"{item.target} ({one_line(item.reason)})" for item in found)
            text += f"; {words}: {', '.join(reasons)}"
    return ("⚠" if seen else "✓"), text


def broken(run: Run) -> list[TargetRecord]:
    """Return the targets that raised, died or hung while they were loaded."""
    return [target for target in run.header.targets if target.broken and not target.available]


def _absent(run: Run) -> list[TargetRecord]:
    """Return what was asked for by name and is not here at all."""
    targets = run.header.targets
    return [t for t in targets if t.named and not t.broken and not t.available]


def severity(result: Result) -> tuple[int, float]:
    """Return a key that puts the worst result first."""
    # a discrete fault (NaN, an exception) has no distance and outranks every number
    return state(result).rank, -(math.inf if result.worst is None else excess(result.worst))


def excess(worst: Worst) -> float:
    """Return the error relative to its limit: nothing is 0, all that is allowed 1."""
    if worst.ulp == 0 or math.isinf(worst.limit):
        return 0.0
    return worst.ulp / worst.limit if worst.limit > 0 and not math.isnan(worst.ulp) else math.inf


def closeness(results: Iterable[Result]) -> float | None:
    """Return the largest error relative to its limit among results that conform, if one has any."""
    errors = [excess(r.worst) for r in results if r.worst and r.outcome is Outcome.CONFORMS]
    # where several answers are right the limit is that of the first, and the error is of another
    return min(1.0, max(errors)) if errors else None


def mismatch(worst: Worst) -> str:
    """Return in words what stands where, if there is no distance between them; else nothing."""
    if not math.isnan(worst.ulp):
        return ""
    return f"{_kind(worst.got)} instead of {_kind(worst.want)}"


def besides(result: Result) -> str:
    """Return in which other ways elements diverge, and how many; else nothing."""
    counts = (f"{way} on {figures.whole(count)}" for way, count in result.besides.items())
    # of a sweep they were counted among a few
    named = result.besides if result.sweep is not None else counts
    return f"; besides: {', '.join(named)}" if result.besides else ""


def wanted(result: Result) -> str:
    """Return the word for what the worst element should have been."""
    return "elsewhere" if result.symptom is Symptom.BITS else "want"


def _kind(number: Number) -> str:
    return _KINDS.get(number.decimal.lower(), "a number")


def seen_by_others(result: Result) -> str:
    """Return which of others' tolerances would have seen a divergence, in words; else nothing."""
    counts = result.yardsticks.items()
    # of a sweep only some numbers were shown to them
    shown = result.failed if result.sweep is None else result.sweep.kept
    answers = [f"{name} {_seen(n, shown)}" for name, n in counts if n is not None]
    silent = [name for name, n in counts if n is None]
    return "; ".join(
        part
        for part in (", ".join(answers), f"no rule: {', '.join(silent)}" if silent else "")
        if part
    )


def _seen(refused: int, diverging: int) -> str:
    if not refused:
        return "no"
    return "yes" if refused == diverging else f"yes ({refused} of {diverging})"


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
