# ruff: noqa: ARG001, ARG005 - what is in one table takes the same arguments
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
    erfc,
    exp,
    expm1,
    mp,
    tanh,
)

STEEP, TRACE = 100, mp.mpf(10) ** -60
"""Beyond the one, tanh is nearer to 1 than the other, which rounding sees beside a tie alone."""


def clip(x: Real, low: Real, high: Real) -> Real:
    return low if x < low else min(x, high)


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
    # of the difference a third of the cube is left, or so little that it is only there beside a tie
    with mp.workdps(80 + 2 * magnitude(x)):
        return x - (mp.sign(x) * (1 - TRACE) if abs(x) > STEEP else mp.tanh(x))


def threshold(p: Parameters, x: Real) -> Real:
    return p["value"] if x <= p["threshold"] else x


def threshold_slope(p: Parameters, x: Real) -> Real:
    return ZERO if x <= p["threshold"] else ONE


def squareplus(p: Parameters, x: Real) -> Real:
    if x == -INF:
        return ZERO
    # x and the root are equal but for b / x**2
    with mp.workdps(80 + 2 * magnitude(x)):
        return (x + mp.sqrt(x * x + p["b"])) / 2


def squareplus_slope(p: Parameters, x: Real) -> Real:
    if x == p["b"] == 0:
        return ONE / 2
    if abs(x) == INF:
        return ONE if x > 0 else ZERO
    with mp.workdps(mp.dps + 2 * magnitude(x)):
        return (1 + x / mp.sqrt(x * x + p["b"])) / 2


def magnitude(x: Real) -> int:
    """Return how many digits a number has before or behind the point."""
    return 0 if x == 0 or not abs(x) < INF else abs(int(mp.floor(mp.log10(abs(x)))))


def sparse_plus(p: Parameters, x: Real) -> Real:
    return x if x >= 1 else ZERO if x <= -1 else (x + 1) * (x + 1) / 4


def sparse_sigmoid(p: Parameters, x: Real) -> Real:
    return clip((x + 1) / 2, ZERO, ONE)


# Gated linear units: which of the two is the gate differs.


def logistic(x: Real) -> Real:
    return ONE if x == INF else ZERO if x == -INF else 1 / (1 + exp(-x))


def glu(p: Parameters, a: Real, b: Real) -> Real:
    return a * logistic(b)


def glu_gate_slope(p: Parameters, a: Real, b: Real) -> Real:
    return a * logistic(b) * logistic(-b)


def swish(x: Real) -> Real:
    return ZERO if x == -INF else x * logistic(x)


def swiglu(p: Parameters, a: Real, b: Real) -> Real:
    return swish(a) * b


def swiglu_gate_slope(p: Parameters, a: Real, b: Real) -> Real:
    return b * logistic(a) * (1 + a * logistic(-a))


def share_below(x: Real) -> Real:
    """Return the share of a normal distribution."""
    return erfc(-x / mp.sqrt(2)) / 2


def geglu(p: Parameters, a: Real, b: Real) -> Real:
    if a == -INF:
        return ZERO * b
    return a * b if abs(b) == INF else a * share_below(a) * b


def geglu_gate_slope(p: Parameters, a: Real, b: Real) -> Real:
    return b * (share_below(a) + a * exp(-a * a / 2) / mp.sqrt(2 * mp.pi))


def reglu(p: Parameters, a: Real, b: Real) -> Real:
    return (ZERO if a < 0 else a) * b


def reglu_gate_slope(p: Parameters, a: Real, b: Real) -> Real:
    return b if a > 0 else ZERO


ACTIVATIONS: Mapping[str, Pointwise] = {
    "relu6": Pointwise(lambda p, x: clip(x, ZERO, 6 * ONE), {"x": lambda p, x: within(x, 0, 6)}),
    "leaky_relu": Pointwise(leaky_relu, {"x": leaky_relu_slope}, odd=(0,)),
    "celu": Pointwise(celu, {"x": celu_slope}, odd=(0,)),
    "softsign": Pointwise(softsign, {"x": softsign_slope}, odd=(0,)),
    "hard_sigmoid": Pointwise(hard_sigmoid, {"x": hard_sigmoid_slope}),
    "hard_silu": Pointwise(hard_silu, {"x": hard_silu_slope}, odd=(0,)),
    "hard_tanh": Pointwise(hard_tanh, {"x": hard_tanh_slope}, passes=True),
    "hard_shrink": Pointwise(hard_shrink, {"x": shrink_slope}),
    "soft_shrink": Pointwise(soft_shrink, {"x": shrink_slope}),
    "tanh_shrink": Pointwise(tanh_shrink, {"x": lambda p, x: tanh(x) ** 2}, odd=(0,)),
    "threshold": Pointwise(threshold, {"x": threshold_slope}),
    "squareplus": Pointwise(squareplus, {"x": squareplus_slope}),
    "sparse_plus": Pointwise(sparse_plus, {"x": sparse_sigmoid}),
    "sparse_sigmoid": Pointwise(sparse_sigmoid, {"x": lambda p, x: within(x, -1, 1) / 2}),
    "glu": Pointwise(glu, {"a": lambda p, a, b: logistic(b), "b": glu_gate_slope}, odd=(0,)),
    "swiglu": Pointwise(
        swiglu, {"a": swiglu_gate_slope, "b": lambda p, a, b: swish(a)}, odd=(0, 1)
    ),
    "geglu": Pointwise(
        geglu, {"a": geglu_gate_slope, "b": lambda p, a, b: geglu(p, a, ONE)}, odd=(0, 1)
    ),
    "reglu": Pointwise(
        reglu, {"a": reglu_gate_slope, "b": lambda p, a, b: ZERO if a < 0 else a}, odd=(1,)
    ),
}

REFUSED: Mapping[str, Callable[[Parameters], bool]] = {
    "celu": lambda p: p["alpha"] == 0,
    "hard_tanh": lambda p: not p["min_val"] <= p["max_val"],
    "hard_shrink": lambda p: not p["lambd"] >= 0,
    "soft_shrink": lambda p: not p["lambd"] >= 0,
    "squareplus": lambda p: not p["b"] >= 0,
}
"""For what parameters a function is not defined."""
