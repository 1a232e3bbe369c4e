"""What the page of one result shows, as words and numbers in the order in which they stand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from trysquare.record import Json
from trysquare.result import Expectation, Extreme, Failing, Number, Outcome, Result, Sweep, Worst
from trysquare_reports import blame, figures
from trysquare_reports.findings import cause
from trysquare_reports.verdict import besides, mismatch, seen_by_others, wanted

LONGEST = 4_000
"""Characters of a reproduction that the page carries; a longer one is in the results file."""

_EXTREMES = 20
"""Worst inputs of a sweep that are shown; the others are in the results file."""


def accusations(sides: Iterable[blame.Side]) -> Mapping[str, str]:
    """Return who else is wrong about a question, by the ids of those who are."""
    return {result.id: blame.told(side) for side in sides for result in side.wrong}


def error(result: Result) -> str:
    """Return how far a result is off, in as few words as there are for it."""
    if result.worst is None:
        return str(result.symptom or result.outcome)
    return mismatch(result.worst) or f"{figures.ulp(result.worst.ulp)} ULP"


def detail(result: Result, accused: str, *, scripted: bool) -> Json:
    """Return the page of a result; what it has not is left out.

    `numbers` are (name, decimal, bits), `facts` (label, text), `peers` are found by the page.
    """
    parts: Json = {
        "claim": _claim(result),
        "over": "" if result.worst is None else _over(result.worst),
        "error": error(result),
        "reason": result.reason,
        "diagnosis": result.diagnosis,
        "known": result.known,
        "blame": accused,
        "seen": seen_by_others(result),
        "place": result.place,
        "parameters": ", ".join(f"{name} = {it}" for name, it in result.parameters.items()),
        "numbers": [*_numbers(result)],
        "facts": [*_facts(result)],
        "cause": cause(result),
        "open": decidable(result),
    }
    if result.sweep is not None:
        parts["sweep"] = [_extreme(one) for one in result.sweep.worst[:_EXTREMES]]
        parts["unshown"] = max(0, len(result.sweep.worst) - _EXTREMES)
    if scripted and 0 < len(result.reproduction) <= LONGEST:
        parts["script"] = result.reproduction
    else:
        parts["long"] = len(result.reproduction)
    return {name: part for name, part in parts.items() if part}


def decidable(result: Result) -> bool:
    """Return whether a baseline can speak of it: what is known beside its backend is settled."""
    settled = result.expectation is Expectation.EXPECTED and not result.baseline
    return result.outcome is not Outcome.CONFORMS and bool(result.ways) and not settled


def _claim(result: Result) -> str:
    what = str(result.symptom or result.outcome)
    text = what[:1].upper() + what[1:]
    if result.failed:
        failed, count = figures.whole(result.failed), figures.whole(result.count)
        text += f": {failed} of {count} elements outside the limit"
    return text + besides(result) + "."


def _over(worst: Worst) -> str:
    if not worst.ulp > worst.limit:
        return ""
    times = figures.over(worst.ulp, worst.limit)
    allowed = figures.ulp(worst.limit)
    return f"{figures.ulp(worst.ulp)} ULP where {allowed} are allowed, {times} over."


def _numbers(result: Result) -> Iterator[tuple[str, str, str]]:
    if result.worst is not None:
        named = {**result.worst.inputs, "got": result.worst.got, wanted(result): result.worst.want}
        for name, it in named.items():
            yield name, it.decimal, it.bits


def _facts(result: Result) -> Iterator[tuple[str, str]]:
    worst = result.worst
    if worst is not None:
        apart = "" if worst.distance is None else figures.whole(worst.distance)
        far = f" · {apart} representable numbers apart" if apart else ""
        yield "Error", (mismatch(worst) or f"{figures.ulp(worst.ulp)} ULP") + far
        yield "Limit", f"{figures.ulp(worst.limit)} ULP"
        if worst.condition is not None:
            so_many = "a change of x by one ULP changes the answer by about so many"
            yield "Condition", f"{figures.ulp(worst.condition)}: {so_many}"
        if worst.index:
            where = f"[{', '.join(map(str, worst.index))}]"
            yield "Element", where + (f" of {result.shape}" if result.shape else "")
    if result.count and result.sweep is None:
        high, most = figures.ulp(result.max_ulp), figures.ulp(result.p99_ulp)
        yield (
            "All elements",
            f"max {high} · p99 {most} · mean signed {result.mean_signed_ulp:.2g} ULP",
        )
    if result.baseline:
        most = "" if result.budget is None else f", at most {figures.ulp(result.budget)} ULP"
        yield "Accepted", result.baseline + most
    if result.discrete:
        counts = (f"{name} {figures.whole(count)}" for name, count in result.discrete.items())
        yield "Apart from numbers", " · ".join(counts)
    if result.sweep is not None:
        yield from _swept(result.sweep)


def _swept(sweep: Sweep) -> Iterator[tuple[str, str]]:
    if sweep.low.decimal != "nan":
        yield "Every number", f"{sweep.low.decimal} to {sweep.high.decimal}"
    yield "Not correctly rounded", figures.whole(sweep.inexact)
    if sweep.first is not None and sweep.widest is not None:
        text = f"{figures.plural(sweep.intervals, 'interval')}; the first {span(sweep.first)}"
        widest = "" if sweep.widest == sweep.first else f", the widest {span(sweep.widest)}"
        yield "Outside the limit", text + widest
    sizes = (
        f"{'up to 1' if power < 0 else f'from {figures.power(power)}'} ULP: {figures.whole(count)}"
        for power, count in sweep.powers
    )
    yield "Errors by size", " · ".join(sizes)


def span(found: Failing) -> str:
    """Return the ends of consecutive numbers, and how many they are."""
    ends = f"{_both(found.low)} to {_both(found.high)}"
    return f"{ends} ({figures.plural(found.count, 'number')})"


def _both(number: Number) -> str:
    return f"{number.decimal} {number.bits}"


def _extreme(one: Extreme) -> tuple[str, ...]:
    if one.alone is None:
        alone = "no answer"
    else:
        alone = "the same" if one.alone.bits == one.got.bits else _both(one.alone)
    far = "" if one.ulp is None else f"{figures.ulp(one.ulp)} ULP"
    return _both(one.x), _both(one.got), alone, _both(one.want), far
