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
    tanh,
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


def hard_sigmoid(p: Parameters, x: Real) -> Real:
    return clip((x + 3) / 6, ZERO, ONE)


def hard_sigmoid_slope(p: Parameters, x: Real) -> Real:
    return within(x, -3, 3) / 6


def hard_silu(p: Parameters, x: Real) -> Real:
    return ZERO if x == -INF else x * hard_sigmoid(p, x)


def hard_silu_slope(p: Parameters, x: Real) -> Real:
    return (2 * x + 3) / 6 if -3 < x < 3 else hard_sigmoid(p, x)


def hard_tanh(p: Parameters, x: Real) -> Real:
    return clip(x, p["min_val"], p["max_val"])


def hard_tanh_slope(p: Parameters, x: Real) -> Real:
    return within(x, p["min_val"], p["max_val"])


def hard_shrink(p: Parameters, x: Real) -> Real:
    return ZERO if abs(x) <= p["lambd"] else x


def soft_shrink(p: Parameters, x: Real) -> Real:
    return ZERO if abs(x) <= p["lambd"] else x - mp.sign(x) * p["lambd"]


def shrink_slope(p: Parameters, x: Real) -> Real:
    return ZERO if abs(x) <= p["lambd"] else ONE


def tanh_shrink(p: Parameters, x: Real) -> Real:
    if x == 0 or not abs(x) < INF:
        return x
    # a third of the cube is left of the difference
    with mp.workdps(80 + max(0, -2 * int(mp.floor(mp.log10(abs(x)))))):
        return x - mp.tanh(x)


def threshold(p: Parameters, x: Real) -> Real:
    return p["value"] if x <= p["threshold"] else x


def threshold_slope(p: Parameters, x: Real) -> Real:
    return ZERO if x <= p["threshold"] else ONE


ACTIVATIONS: Mapping[str, Pointwise] = {
    "relu6": Pointwise(lambda p, x: clip(x, ZERO, 6 * ONE), {"x": lambda p, x: within(x, 0, 6)}),
    "leaky_relu": Pointwise(leaky_relu, {"x": leaky_relu_slope}, odd=True),
    "celu": Pointwise(celu, {"x": celu_slope}, odd=True),
    "softsign": Pointwise(softsign, {"x": softsign_slope}, odd=True),
    "hard_sigmoid": Pointwise(hard_sigmoid, {"x": hard_sigmoid_slope}),
    "hard_silu": Pointwise(hard_silu, {"x": hard_silu_slope}, odd=True),
    "hard_tanh": Pointwise(hard_tanh, {"x": hard_tanh_slope}, passes=True),
    "hard_shrink": Pointwise(hard_shrink, {"x": shrink_slope}),
    "soft_shrink": Pointwise(soft_shrink, {"x": shrink_slope}),
    "tanh_shrink": Pointwise(tanh_shrink, {"x": lambda p, x: tanh(x) ** 2}, odd=True),
    "threshold": Pointwise(threshold, {"x": threshold_slope}),
}

REFUSED: Mapping[str, Callable[[Parameters], bool]] = {
    "celu": lambda p: p["alpha"] == 0,
    "hard_tanh": lambda p: not p["min_val"] <= p["max_val"],
    "hard_shrink": lambda p: not p["lambd"] >= 0,
    "soft_shrink": lambda p: not p["lambd"] >= 0,
}
"""For what parameters a function is not defined."""
