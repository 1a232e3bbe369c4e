"""What the oracle assumes of float64 functions holds here, with room; and a liar would be found."""

from __future__ import annotations

import numpy as np
import pytest

from trysquare.audit.assumptions import OPS, search
from trysquare.dtypes import Array
from trysquare.formula.float64 import OPERATIONS
from trysquare.formula.primitives import HALF, LIBM_ULP, MONOTONE, pessimistic
from trysquare.formula.tree import Op


@pytest.mark.parametrize("op", OPS)
def test_no_float64_function_comes_near_to_what_is_assumed_of_it(op: Op) -> None:
    found = search(op, 2000, np.random.default_rng(3))
    assert found.assumed == (HALF if op is Op.SQRT else LIBM_ULP)
    assert found.sound, f"{found.ulp} ulp at {found.x.hex()}"


def test_the_worst_input_that_is_known_of_glibc_leaves_room() -> None:
    seed = float.fromhex("0x1.3ff86013cf2bap+0")
    found = search(Op.ERFC, 200, np.random.default_rng(3), [seed])
    assert found.ulp <= 5.0876
    assert found.sound


def test_everything_that_is_assumed_is_searched() -> None:
    assert set(OPS) == MONOTONE
    assert {op for op, ulp in pessimistic().ulps.items() if ulp == LIBM_ULP} <= set(OPS)


@pytest.mark.parametrize(("ulps", "op"), [(9, Op.EXP), (20, Op.ERF), (1, Op.SQRT)])
def test_a_function_that_is_off_in_one_corner_is_found(
    ulps: int, op: Op, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = OPERATIONS[op]

    def lying(x: Array) -> Array:
        right = np.asarray(honest(x))
        off = right + ulps * np.spacing(right)
        return np.where((np.abs(x) > 0.7) & (np.abs(x) < 0.8), off, right)

    monkeypatch.setitem(OPERATIONS, op, lying)
    found = search(op, 2000, np.random.default_rng(3))
    assert not found.sound
    assert found.ulp > ulps - 2
