"""A reply against its standard -> a result: outcome, symptom and figures, and why."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from trysquare.backend import Answer, Kind, Refusal, Reply, Want
from trysquare.dtypes import Array
from trysquare.errors import UndecidedError
from trysquare.planning.cases import Case, Expect, has_infinite
from trysquare.result import Check, Expectation, Outcome, Result, Symptom
from trysquare.verdict.bits import judge_bits
from trysquare.verdict.diagnosis import diagnose
from trysquare.verdict.draws import judge_draws
from trysquare.verdict.measure import Measurement, measure
from trysquare.verdict.properties import Leeway, judge_property, limits
from trysquare.verdict.spread import side_by_side
from trysquare.verdict.standard import Standard, work_out
from trysquare.workers.probes import keeps_subnormals

OUTCOMES = {
    Kind.UNSUPPORTED: Outcome.UNSUPPORTED,
    Kind.CRASHED: Outcome.CRASHED,
    Kind.TIMED_OUT: Outcome.TIMED_OUT,
    Kind.ERRORED: Outcome.ERRORED,
}


def judge(
    standard: Standard,
    target: str,
    reply: Reply,
    *,
    flushes: bool,
    reference: Reply | None = None,
) -> Result:
    """Return the result of one case on one target; `reference` is the reply to an earlier case.

    `flushes` says that the target replaces subnormal numbers of this dtype by zero. The result is
    unexpected unless it conforms or is unsupported; known divergences are looked up later.
    """
    blank = _blank(standard.case, target)
    if isinstance(reply, Refusal):
        return _expected(_refused(blank, standard.case, reply))
    seconds = replace(blank, seconds=reply.seconds)
    if standard.case.expect is Expect.SAME:
        return _expected(_compared(seconds, standard, reply, reference))
    return _expected(_answered(seconds, standard, reply, reference, flushes=flushes))


def judge_all(
    standards: Sequence[Standard], replies: Mapping[str, tuple[Sequence[Reply], bool]]
) -> dict[str, list[Result]]:
    """Return for each target the results of all its replies, in the order of the standards.

    `replies` holds with each target's replies whether it flushes. What the oracle cannot decide is
    an errored result. Raises ArithmeticError where this process itself lost its subnormals: then
    no truth could be told.
    """
    if not keeps_subnormals():
        raise ArithmeticError("this process flushes subnormals to zero; it cannot judge")
    results: dict[str, list[Result]] = {target: [] for target in replies}
    places = {standard.case.name: place for place, standard in enumerate(standards)}
    measured = [standard for standard in standards if standard.case.expect is Expect.TRUTH]
    work_out(measured, flushes=any(flushes for _, flushes in replies.values()))
    for place, standard in enumerate(standards):
        earlier = standard.case.earlier
        here: dict[str, Result] = {}
        alike: dict[Hashable, Result] = {}
        for target, (answers, flushes) in replies.items():
            reply = answers[place]
            reference = None if earlier is None else answers[places[earlier.name]]
            key = (_bits(reply), _bits(reference), flushes)
            if key not in alike:
                alike[key] = _decided(standard, target, reply, reference, flushes=flushes)
            here[target] = _renamed(alike[key], standard.case, target, reply)
        given = {target: answers[place] for target, (answers, _) in replies.items()}
        for target, result in side_by_side(standard.case, here, given).items():
            results[target].append(result)
    return results


def _decided(
    standard: Standard, target: str, reply: Reply, reference: Reply | None, *, flushes: bool
) -> Result:
    try:
        return judge(standard, target, reply, flushes=flushes, reference=reference)
    except UndecidedError as error:
        blank = replace(_blank(standard.case, target), outcome=Outcome.ERRORED)
        return _expected(replace(blank, reason=f"the oracle could not decide: {error}"))


def _bits(reply: Reply | None) -> Hashable:
    """Return what an answer is judged by; two targets with the same kernel are judged once."""
    if not isinstance(reply, Answer):
        return reply
    outputs = (
        (name, str(output.dtype), output.shape, output.tobytes())
        for name, output in reply.outputs.items()
    )
    return (*outputs, reply.changed, reply.shares, reply.bent)


def _renamed(result: Result, case: Case, target: str, reply: Reply) -> Result:
    """Return the result of the same answer by another target."""
    seconds = reply.seconds if isinstance(reply, Answer) else result.seconds
    return replace(result, id=result_id(case, target), target=target, seconds=seconds)


def result_id(case: Case, target: str) -> str:
    """Return the id of a result, stable from run to run: function/check/dtype/target/case."""
    return f"{case.function}/{case.check}/{case.format.name}/{target}/{case.slug}"


def _blank(case: Case, target: str) -> Result:
    return Result(
        id=result_id(case, target),
        function=case.function,
        check=case.check,
        case=case.name,
        target=target,
        dtype=case.format.name,
        parameters=case.given,
        outcome=Outcome.CONFORMS,
        expectation=Expectation.EXPECTED,
        place=str(case.place),
        reason=case.why,
        shape=_shapes(case.inputs),
        wrt=case.wrt,
    )


def _expected(result: Result) -> Result:
    good = result.outcome in (Outcome.CONFORMS, Outcome.UNSUPPORTED)
    return replace(result, expectation=Expectation.EXPECTED if good else Expectation.UNEXPECTED)


def _shapes(inputs: Mapping[str, Array]) -> str:
    return ", ".join(f"{name} {list(array.shape)}" for name, array in inputs.items())


def _refused(blank: Result, case: Case, reply: Refusal) -> Result:
    if reply.kind is not Kind.RAISED:
        return replace(blank, outcome=OUTCOMES[reply.kind], reason=reply.message)
    if case.expect is Expect.ERROR:
        return replace(blank, count=1)
    reason = f"{reply.error}: {reply.message}"
    if case.check is Check.LIMITS and has_infinite(case.effective):
        # who wants parameters to be finite, and says so, answers no worse
        return replace(blank, outcome=Outcome.UNSUPPORTED, reason=reason)
    if case.check is Check.SECOND:  # nobody has to have second derivatives
        return replace(blank, outcome=Outcome.UNSUPPORTED, reason=reason)
    return replace(_diverges(blank, Symptom.RAISED, reason), count=1, failed=1)


def _diverges(result: Result, symptom: Symptom, reason: str) -> Result:
    return replace(result, outcome=Outcome.DIVERGES, symptom=symptom, reason=reason)


def _answered(
    blank: Result, standard: Standard, reply: Answer, reference: Reply | None, *, flushes: bool
) -> Result:
    case = standard.case
    if case.expect is Expect.ERROR:
        accepted = _diverges(blank, Symptom.ACCEPTED, f"returned {_brief(reply)}")
        return replace(accepted, count=1, failed=1)
    got = _output(case, reply)
    if got is None:
        return replace(blank, outcome=Outcome.ERRORED, reason="the answer holds no output")
    wrong = _form(standard, reply, got)
    if wrong is not None:
        return replace(_diverges(blank, *wrong), count=got.size, failed=got.size)
    if case.expect is Expect.DRAWS:
        return judge_draws(blank, standard, got)
    if case.expect is Expect.FORM:
        return replace(blank, count=got.size)
    if case.expect is Expect.PROPERTY:
        return _examined(blank, standard, got, reference, flushes=flushes)
    return _measured(blank, standard, got, flushes=flushes)


def _compared(blank: Result, standard: Standard, reply: Answer, reference: Reply | None) -> Result:
    """Return the result of a case that wants the bits of another one."""
    got = _output(standard.case, reply)
    if got is None:
        return replace(blank, outcome=Outcome.ERRORED, reason="the answer holds no output")
    wrong = _form(standard, reply, got)
    # an answer in another dtype is the concern of every other check
    if wrong is not None and wrong[0] is not Symptom.DTYPE:
        return replace(_diverges(blank, *wrong), count=got.size, failed=got.size)
    if standard.case.elsewhere is None:
        return replace(blank, count=got.size)
    there = (
        _output(standard.case.elsewhere.case, reference) if isinstance(reference, Answer) else None
    )
    shape = Standard(standard.spec, standard.case.elsewhere.case).shape
    if there is None or there.shape != shape:
        name = standard.case.elsewhere.case.name
        reason = f"nothing to compare with: '{name}' has no answer of its shape"
        return replace(blank, outcome=Outcome.UNSUPPORTED, reason=reason)
    return judge_bits(blank, standard, got, there)


def _examined(
    blank: Result, standard: Standard, got: Array, reference: Reply | None, *, flushes: bool
) -> Result:
    earlier = standard.case.earlier
    first = _output(earlier, reference) if earlier and isinstance(reference, Answer) else None
    if earlier is not None and first is None:
        reason = f"nothing to compare with: '{earlier.name}' has no answer"
        return replace(blank, outcome=Outcome.UNSUPPORTED, reason=reason)
    leeway = Leeway(
        lambda asked: limits(asked, flushes=flushes),
        standard.case.format.smallest_normal if flushes else 0.0,
    )
    return judge_property(blank, standard, got, first, leeway)


def _output(case: Case, reply: Answer) -> Array | None:
    return reply.outputs.get(case.wrt if case.want.derives else "output")


def _form(standard: Standard, reply: Answer, got: Array) -> tuple[Symptom, str] | None:
    """Return what is wrong with an answer before its numbers are looked at."""
    case = standard.case
    if got.shape != standard.shape:
        return Symptom.SHAPE, f"returned shape {list(got.shape)}, not {list(standard.shape)}"
    if str(got.dtype) != case.format.name:
        return Symptom.DTYPE, f"returned {got.dtype} for {case.format.name}"
    if case.want is Want.INPLACE:
        first = next(iter(case.inputs))
        if first not in reply.shares:
            return Symptom.STORAGE, f"the result does not occupy the storage of {first}"
    elif reply.changed:
        return Symptom.MUTATED, f"changed {', '.join(reply.changed)}"
    if reply.bent:
        return Symptom.ARITHMETIC, f"afterwards, its thread {reply.bent}"
    return None


def _measured(blank: Result, standard: Standard, got: Array, *, flushes: bool) -> Result:
    found = measure(standard, got, flushes=flushes)
    result = _with_figures(blank, found)
    if found.symptom is None:
        return result
    diverging = _diverges(result, found.symptom, blank.reason)
    if found.symptom is Symptom.SIGN_OF_ZERO:
        return diverging  # dialects say nothing about the sign of zero
    words = (_lost(found, standard), diagnose(standard, got, flushes=flushes))
    return replace(diverging, diagnosis="; ".join(word for word in words if word))


def _with_figures(result: Result, found: Measurement) -> Result:
    return replace(
        result,
        count=found.count,
        failed=found.failed,
        max_ulp=found.max_ulp,
        p99_ulp=found.p99_ulp,
        mean_signed_ulp=found.mean_signed_ulp,
        besides=found.besides,
        discrete=found.discrete,
        worst=found.worst,
        histogram=found.histogram,
        yardsticks=found.yardsticks,
        kinks=found.kinks,
    )


def _lost(found: Measurement, standard: Standard) -> str:
    """Return how bad a zero is, where the truth is none; the worst element may be another one."""
    if found.worst is None or found.symptom is not Symptom.LOST:
        return ""
    kind = "subnormal" if found.lost < standard.case.format.smallest_normal else "a normal number"
    shown = float(np.asarray(found.worst.got.decimal, np.float64)) == 0
    where = "" if shown else ", though not at the worst element"
    return f"returns zero where the exact result is {kind}{where}"


def _brief(reply: Answer) -> str:
    texts = (str(output.ravel()[:4].tolist()) for output in reply.outputs.values())
    return "; ".join(texts)
