# ruff: noqa: ARG001 - what is in one table takes the same arguments
"""Losses of single elements as a textbook has them, with 80 digits: the truth of `perfect`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from trysquare.backend import Array, Tensors
from trysquare_miniatures.textbook import (
    INF,
    NAN,
    ONE,
    ZERO,
    Parameters,
    Pointwise,
    Real,
    exact,
    exp,
    expm1,
    log,
    log1p,
    mp,
)

Allowed = Callable[[Real], bool]


@dataclass(frozen=True)
class Loss(Pointwise):
    """A loss of inputs that are one for each element; those that are left out count as 1.

    `inputs` are their names in order. `allowed` tells of inputs and parameters which numbers they may be; NaN, which is none, may be
    an input.
    """

    reduces: bool = True
    inputs: tuple[str, ...] = ("input", "target")
    allowed: Mapping[str, Allowed] = field(default_factory=dict)

    def arguments(self, tensors: Tensors) -> list[Array]:
        """Return all inputs; ValueError for what cannot be one."""
        first = tensors[self.inputs[0]]
        one = np.ones(first.shape, first.dtype)
        arguments = {name: tensors.get(name, one) for name in self.inputs}
        if any(tensor.shape != first.shape for tensor in arguments.values()):
            raise ValueError("all inputs have one shape")
        for name in self.allowed.keys() & arguments.keys():
            numbers = [exact(one) for one in np.unique(arguments[name]).astype(float).tolist()]
            if not all(mp.isnan(one) or self.allowed[name](one) for one in numbers):
                raise ValueError(f"{name} cannot be that")
        return list(arguments.values())

    def check(self, p: Parameters) -> None:
        """Raise ValueError for a parameter that cannot be."""
        for name, value in p.items():
            if name in self.allowed and not self.allowed[name](value):
                raise ValueError(f"{name} cannot be {value}")

def softplus(x: Real) -> Real:
    """Return log(1 + exp(x)), the loss of a score of -x for what is certain."""
    return x if x == INF else log1p(exp(x))


def logistic(x: Real) -> Real:
    return ZERO if x == -INF else 1 / (1 + exp(-x))


def real_log(x: Real) -> Real:
    return NAN if x < 0 else log(x)


def added(*terms: Real) -> Real:
    """Return a sum that is rounded once."""
    return mp.fsum(terms) if all(mp.isfinite(term) for term in terms) else sum(terms, ZERO)


def share(part: Real, whole: Real) -> Real:
    """Return a product in which nothing of infinity is nothing."""
    return ZERO if part == 0 and whole == INF else part * whole


def bce_with_logits(p: Parameters, x: Real, y: Real, weight: Real, ones: Real) -> Real:
    yes = ZERO if y == 0 and x == -INF else y * ones * softplus(-x)
    return weight * (yes + share(1 - y, softplus(x)))


def bce_with_logits_slope(p: Parameters, x: Real, y: Real, weight: Real, ones: Real) -> Real:
    if abs(x) < 1:  # in which both logistic functions are about 1/2, and cancel
        rest = added(ONE, -y, -y * ones)
        return weight * ((1 - y) * expm1(x) + rest) / (1 + exp(x))
    return weight * ((1 - y) * logistic(x) - y * ones * logistic(-x))


def bce_with_logits_target_slope(p: Parameters, x: Real, y: Real, weight: Real, ones: Real) -> Real:
    return weight * ((ones - 1) * softplus(-abs(x)) + ones * max(-x, ZERO) - max(x, ZERO))


def kl_div(p: Parameters, x: Real, y: Real) -> Real:
    if p["log_target"]:
        if abs(x) == INF and y < -1490:  # even the root of exp(y) is zero in every format
            return NAN if x == INF or y > -INF else ZERO
        return ZERO if y == -INF and x < INF else exp(y) * (y - x)
    return ZERO if y == 0 and x < INF else y * (real_log(y) - x)


def kl_div_slope(p: Parameters, x: Real, y: Real) -> Real:
    return -(exp(y) if p["log_target"] else y)


def kl_div_target_slope(p: Parameters, x: Real, y: Real) -> Real:
    return exp(y) * added(y, -x, ONE) if p["log_target"] else real_log(y) - x + 1


def probable(y: Real) -> bool:
    return bool(0 <= y <= 1)


LOSSES: Mapping[str, Loss] = {
    "bce_with_logits_loss": Loss(
        bce_with_logits,
        {"input": bce_with_logits_slope, "target": bce_with_logits_target_slope},
        inputs=("input", "target", "weight", "pos_weight"),
        allowed={"target": probable},
    ),
    "kl_div_loss": Loss(kl_div, {"input": kl_div_slope, "target": kl_div_target_slope}),
}
