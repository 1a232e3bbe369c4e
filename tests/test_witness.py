"""A script sees every divergence that was measured, and nothing that conforms."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace
from typing import TypeVar, cast

import numpy as np
import pytest

import fake_run
from trysquare.backend import Answer, Call, Reply, Target
from trysquare.dtypes import FORMATS, Array
from trysquare.planning.plan import Group
from trysquare.result import Check, Number, Symptom
from trysquare.spec import Spec
from trysquare.verdict.judge import judge
from trysquare.verdict.standard import Standard
from trysquare.workers.pool import Pool
from trysquare.workers.reproduction import Claim
from trysquare.workers.witness import sharpened, witness
from workshop import SEED, SPECS

T = TypeVar("T")


@pytest.mark.parametrize(
    ("dtype", "got", "want", "ulp", "limit"),
    [
        # beyond the limit of the truth, within it of the rounded truth
        ("float64", 0x400F3B02248B5976, 0x400F3B02248B5977, 1.2760203119364704, 1.0392130843559626),
        ("float32", 0x3BFBDC57, 0x3BFBDC54, 3.392519002679029, 3.0),
        ("float32", 0x0C8CB600, 0x0C8CB601, 1.362656999570034, 1.0993043944219458),
        # the truth is just below 1, where numbers lie half as close
        ("float32", 0x3F7FFFFC, 0x3F800000, 3.6, 3.5),
        # and this one any script sees
        ("float32", 0x3BFBDC58, 0x3BFBDC54, 4.4, 3.0),
    ],
)
def test_a_claim_tells_what_diverges_from_what_does_not(
    dtype: str, got: int, want: int, ulp: float, limit: float
) -> None:
    form = FORMATS[dtype]
    answer, truth, nearer = (
        float(form.widen(form.from_bits(np.array([bits], np.uint64)))[0])
        for bits in (got, want, got + (1 if want > got else -1))
    )
    found = fake_run.worst(ulp=ulp)
    worst = replace(found, got=Number("", hex(got)), want=Number("", hex(want)), limit=limit)
    plain = Claim(Symptom.INACCURATE, want=truth, allowed=limit * float(form.ulp(np.array(truth))))
    claim = sharpened(plain, worst, form)
    assert abs(answer - claim.want - claim.rest) > claim.allowed
    assert abs(nearer - claim.want - claim.rest) <= claim.allowed or ulp - 1 > limit


class Squeezing:
    """A pool whose worker answers a single element in another form, or not at all."""

    def __init__(self, outputs: dict[str, Array]) -> None:
        self.outputs, self.shown = outputs, 0

    def ask(self, *_: object) -> Future[list[Reply]]:
        return told([Answer(self.outputs)])

    def reproduce(self, _: Target, __: Spec, call: Call, *rest: object) -> Future[str]:
        assert rest
        self.shown = call.inputs["x"].size
        return told("script")


def told(value: T) -> Future[T]:
    future: Future[T] = Future()
    future.set_result(value)
    return future


@pytest.mark.parametrize("outputs", [{"output": np.zeros((), np.float32)}, {}])
def test_who_answers_one_element_in_another_form_is_shown_the_whole_call(
    outputs: dict[str, Array],
) -> None:
    spec = SPECS["relu"]
    case = next(iter(Group(spec, Check.VALUES, FORMATS["float32"]).cases(SEED)))
    standard, pool = Standard(spec, case), Squeezing(outputs)
    reply = Answer({"output": np.full(standard.shape, 7.0, np.float32)})
    result = judge(standard, "liar:cpu:eager", reply, flushes=False)
    target = Target("liar", "cpu", "eager")
    assert witness(cast("Pool", pool), target, standard, result, reply, 1.0) == "script"
    assert pool.shown == case.inputs["x"].size
