"""A segment as a result: the worst inputs judged by Arb, in the vector and alone, and a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from trysquare.backend import Answer, Kind, Refusal, Reply, Target
from trysquare.dtypes import Array, Format
from trysquare.result import Expectation, Extreme, Failing, Number, Outcome, Result, Sweep
from trysquare.sweep.segment import QUANTUM, Found, Interval, Segment, Silence
from trysquare.sweep.subject import Subject
from trysquare.sweep.tally import BINS, distance
from trysquare.verdict.judge import OUTCOMES, judge_all, result_id
from trysquare.verdict.measure import number
from trysquare.verdict.standard import Standard
from trysquare.workers.pool import Pool
from trysquare.workers.witness import witness


class Finder:
    """Makes results of segments; asks the targets again for single numbers."""

    def __init__(self, pool: Pool, deadline: float) -> None:
        self._pool, self._deadline = pool, deadline

    def result(
        self, subject: Subject, target: Target, segment: Segment, *, flushes: bool
    ) -> Result:
        """Return what a sweep says of one target.

        The verdict is that of the numbers that were kept: the worst, those that diverge most, and
        the first of each outcome that is no number. An errored result says that the proven models
        and Arb disagree.
        """
        kept = _kept(segment)
        if not kept:
            blank = _blank(subject, target, segment)
            return _silent(blank, segment.silence) if segment.silence else blank
        positions = np.array([one.position for one in kept], np.int64)
        got = subject.format.from_bits(np.array([one.got for one in kept]))
        standard = subject.standard(subject.at(positions))
        reply = subject.answer(got)
        (judged,) = judge_all([standard], {str(target): ([reply], flushes)})[str(target)]
        result = self._filled(judged, subject, target, segment)
        if segment.silence is not None:
            return _silent(result, segment.silence)
        if (result.outcome is Outcome.DIVERGES) != (segment.failed > 0):
            return _disagreeing(result)
        if result.outcome is Outcome.DIVERGES:
            return self._witnessed(result, standard, target, reply)
        return result

    def refused(self, subject: Subject, target: Target, refusal: Refusal) -> Result:
        """Return the result of a target that has no such function, or that cannot work."""
        segment = Segment(0, 1 << subject.format.width)
        outcome = OUTCOMES.get(refusal.kind, Outcome.ERRORED)
        sound = outcome is Outcome.UNSUPPORTED
        return replace(
            _blank(subject, target, segment),
            outcome=outcome,
            expectation=Expectation.EXPECTED if sound else Expectation.UNEXPECTED,
            reason=refusal.message,
            count=0,
            sweep=None,
        )

    def _filled(self, judged: Result, subject: Subject, target: Target, segment: Segment) -> Result:
        """Put the figures of all numbers into the result of a few."""
        format = subject.format
        worst = self._extremes(subject, target, segment.worst)
        return replace(
            _named(judged, subject, target, segment),
            count=_answered(subject, segment),
            failed=segment.failed,
            max_ulp=max((abs(one.ulp) for one in worst if one.ulp is not None), default=0.0),
            p99_ulp=0.0,
            mean_signed_ulp=segment.total * QUANTUM / segment.inexact if segment.inexact else 0.0,
            discrete={name: one.count for name, one in segment.discrete.items()},
            histogram=tuple(_curve(format, segment)),
            shape=f"{subject.variable} [65536], {segment.count // 65536} times",
            sweep=_sweep(format, segment, worst, kept=judged.failed),
        )

    def _extremes(
        self, subject: Subject, target: Target, found: Sequence[Found]
    ) -> tuple[Extreme, ...]:
        """Judge the worst again: exactly, and each by itself."""
        if not found:
            return ()
        positions = np.array([one.position for one in found], np.int64)
        x = subject.at(positions)
        alone = self._alone(subject, target, x)
        format = subject.format
        got = format.from_bits(np.array([one.got for one in found]))
        exact, rounded = subject.exact(positions)
        ulps = distance(format.widen(got), exact, format)
        wanted = format.widen(format.from_bits(rounded))
        return tuple(
            Extreme(
                x=number(float(x[place]), format),
                got=number(float(got[place]), format),
                want=number(float(wanted[place]), format),
                ulp=float(ulps[place]) if np.isfinite(ulps[place]) else None,
                alone=alone[place],
            )
            for place in range(len(found))
        )

    def _alone(self, subject: Subject, target: Target, x: Array) -> list[Number | None]:
        calls = [subject.case(x[place : place + 1]).call for place in range(len(x))]
        replies = self._pool.ask(target, subject.spec, calls, self._deadline).result()
        return [_single(subject.format, reply) for reply in replies]

    def _witnessed(
        self, result: Result, standard: Standard, target: Target, reply: Answer
    ) -> Result:
        """Add a script, if the divergence shows with these numbers alone."""
        case = standard.case
        again = self._pool.ask(target, standard.spec, [case.call], self._deadline).result()[0]
        if not isinstance(again, Answer) or result.worst is None:
            return result
        index = result.worst.index
        (name,) = reply.outputs
        got, wanted = (one.outputs.get(name, np.empty(0)) for one in (again, reply))
        alike = got.shape == wanted.shape and got[index].tobytes() == wanted[index].tobytes()
        if not alike:
            words = "shows inside of a block of 65,536 numbers, not in a short vector"
            return replace(result, diagnosis=f"{result.diagnosis}; {words}".lstrip("; "))
        script = witness(self._pool, target, standard, result, reply, self._deadline)
        return replace(result, reproduction=script)


def _kept(segment: Segment) -> list[Found]:
    """Return every input that was kept, once, in the order of size."""
    firsts = (one.first for one in segment.discrete.values())
    kept = {one.position: one for one in (*segment.worst, *segment.diverging, *firsts)}
    return [kept[position] for position in sorted(kept)]


def _named(result: Result, subject: Subject, target: Target, segment: Segment) -> Result:
    """Give a result the name of what was swept."""
    case = replace(subject.case(np.empty(0, subject.format.numpy)), name=title(subject, segment))
    return replace(result, case=case.name, id=result_id(case, str(target)))


def title(subject: Subject, segment: Segment) -> str:
    """Return what was swept: every number, or those of a range."""
    if segment.count == 1 << subject.format.width:
        return subject.title
    low, high = (subject.at(np.array([p]))[0] for p in (segment.start, segment.stop - 1))
    return subject.title.replace("every number", f"numbers from {low} to {high}")


def _blank(subject: Subject, target: Target, segment: Segment) -> Result:
    """Return the result of a target that rounds every number correctly."""
    blank = Result(
        id="",
        function=subject.spec.function,
        check=subject.case(np.empty(0)).check,
        case="",
        target=str(target),
        dtype=subject.format.name,
        parameters=subject.parameters,
        outcome=Outcome.CONFORMS,
        expectation=Expectation.EXPECTED,
        place=str(subject.spec.place),
        count=_answered(subject, segment),
        sweep=_sweep(subject.format, segment, ()),
    )
    return _named(blank, subject, target, segment)


def _answered(subject: Subject, segment: Segment) -> int:
    """Return how many numbers were judged."""
    low, high = subject.judged(segment.start, segment.stop)
    return max(0, high - low - (segment.silence.count if segment.silence else 0))


def _silent(result: Result, silence: Silence) -> Result:
    """Return the result of a target that did not answer everywhere: that outweighs the rest."""
    reason = f"{silence.count} numbers have no answer; the first block of them: {silence.message}"
    outcome = OUTCOMES.get(Kind(silence.outcome), Outcome.ERRORED)
    return replace(
        result, outcome=outcome, expectation=Expectation.UNEXPECTED, symptom=None, reason=reason
    )


def _disagreeing(result: Result) -> Result:
    reason = "the models of the sweep and Arb disagree on whether anything diverges"
    return replace(
        result, outcome=Outcome.ERRORED, expectation=Expectation.UNEXPECTED, reason=reason
    )


def _sweep(format: Format, segment: Segment, worst: tuple[Extreme, ...], *, kept: int = 0) -> Sweep:
    return Sweep(
        low=_number(format, segment.start),
        high=_number(format, segment.stop - 1),
        inexact=segment.inexact,
        powers=segment.powers,
        intervals=segment.intervals,
        first=_failing(format, segment.first),
        widest=_failing(format, segment.widest),
        worst=worst,
        kept=kept,
    )


def _failing(format: Format, interval: Interval | None) -> Failing | None:
    if interval is None:
        return None
    low, high = (_number(format, place) for place in (interval.start, interval.stop - 1))
    return Failing(low, high, interval.stop - interval.start)


def _number(format: Format, position: int) -> Number:
    pattern = format.patterns(np.array(position))
    text = str(format.from_bits(np.array([pattern]))[0])
    return Number(text, f"0x{int(pattern):0{format.width // 4}x}")


def _curve(format: Format, segment: Segment) -> list[tuple[float, float]]:
    """Return (x in the middle of a bin, largest error in it)."""
    wide = format.width - BINS
    places = np.array([place for place, _ in segment.curve], np.int64)
    middles = (places << wide) + (1 << (wide - 1))
    x = format.widen(format.from_bits(format.patterns(middles)))
    tops = (top for _, top in segment.curve)
    return [(float(a), b) for a, b in zip(x, tops, strict=True) if np.isfinite(a)]


def _single(format: Format, reply: Reply) -> Number | None:
    if not isinstance(reply, Answer):
        return None
    (output,) = reply.outputs.values()
    if output.dtype != format.numpy or output.size != 1:
        return None
    return number(float(output.reshape(())), format)
