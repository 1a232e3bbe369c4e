# ruff: noqa: ARG001 - what is in one table takes the same arguments
"""Activations as textbooks define and derive them, for the backend that is right."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from trysquare_miniatures.textbook import (
    INF,
    ONE,
    ZERO,
    Parameters,
    Pointwise,
    Real,
    exp,
    expm1,
    mp,
)


def clip(x: Real, low: Real, high: Real) -> Real:
    return low if x < low else high if x > high else x


def within(x: Real, low: Real, high: Real) -> Real:
    return ONE if low < x < high else ZERO


def leaky_relu(p: Parameters, x: Real) -> Real:
    return p["negative_slope"] * x if x < 0 else x


def leaky_relu_slope(p: Parameters, x: Real) -> Real:
    return p["negative_slope"] if x < 0 else ONE


def celu(p: Parameters, x: Real) -> Real:
    return x if x > 0 else p["alpha"] * expm1(x / p["alpha"])


def celu_slope(p: Parameters, x: Real) -> Real:
    return ONE if x > 0 else exp(x / p["alpha"])


def softsign(p: Parameters, x: Real) -> Real:
    return mp.sign(x) if abs(x) == INF else x / (1 + abs(x))


def softsign_slope(p: Parameters, x: Real) -> Real:
    return 1 / (1 + abs(x)) ** 2


ACTIVATIONS: Mapping[str, Pointwise] = {
    "relu6": Pointwise(lambda p, x: clip(x, ZERO, 6 * ONE), {"x": lambda p, x: within(x, 0, 6)}),
    "leaky_relu": Pointwise(leaky_relu, {"x": leaky_relu_slope}, odd=True),
    "celu": Pointwise(celu, {"x": celu_slope}, odd=True),
    "softsign": Pointwise(softsign, {"x": softsign_slope}, odd=True),
}

REFUSED: Mapping[str, Callable[[Parameters], bool]] = {
    "celu": lambda p: p["alpha"] == 0,
}
"""For what parameters a function is not defined."""
