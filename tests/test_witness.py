"""A script sees every divergence that was measured, and nothing that conforms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import fake_run
from trysquare.dtypes import FORMATS
from trysquare.result import Number, Symptom
from trysquare.workers.reproduction import Claim
from trysquare.workers.witness import sharpened


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
