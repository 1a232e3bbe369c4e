"""What a gradient is at a kink is a convention, and each target's own is recorded."""

from __future__ import annotations

import numpy as np
import pytest

from trysquare.dtypes import Array
from trysquare.result import Check
from trysquare.verdict.measure import measure
from trysquare.verdict.standard import Standard
from workshop import standards


@pytest.fixture(scope="module")
def asked() -> tuple[Standard, ...]:
    return standards("relu", Check.GRADIENTS, "float32")


def slope(standard: Standard, *, at_zero: float) -> Array:
    """Return the gradient of relu, with a convention."""
    x = np.asarray(standard.case.inputs["x"], np.float64)
    return np.heaviside(x, at_zero).astype(np.float32)


@pytest.mark.parametrize(("at_zero", "told"), [(0.0, "0.0"), (0.5, "0.5"), (1.0, "1.0")])
def test_every_convention_conforms_and_is_told(
    asked: tuple[Standard, ...], at_zero: float, told: str
) -> None:
    found = measure(asked[0], slope(asked[0], at_zero=at_zero), flushes=False)
    assert (found.failed, found.kinks) == (0, {"x == 0": (told,)})


def test_what_is_no_convention_diverges_and_is_told(asked: tuple[Standard, ...]) -> None:
    found = measure(asked[0], slope(asked[0], at_zero=0.75), flushes=False)
    assert (found.failed > 0, found.kinks) == (True, {"x == 0": ("0.75",)})


def test_only_a_gradient_of_ones_tells_the_convention(asked: tuple[Standard, ...]) -> None:
    varied = next(one for one in asked if "varied" in one.case.name)
    assert measure(varied, slope(varied, at_zero=0.5), flushes=False).kinks == {}
