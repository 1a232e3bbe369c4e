# ruff: noqa: ARG001, ARG005 - what is in one table takes the same arguments
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
    quotient,
    remembered,
    tanh,
    total,
)

Allowed = Callable[[Real], bool]

EXACT = 1400
"""Digits that hold sums and squares of any float64."""


@dataclass(frozen=True)
class Loss(Pointwise):
    """A loss of inputs that are one for each element; those that are left out count as 1.

    `inputs` are their names in order. `allowed` tells of inputs and parameters which numbers they
    may be; an input may be NaN, which is none.
    """

    reduces: bool = True
    inputs: tuple[str, ...] = ("input", "target")
    allowed: Mapping[str, Allowed] = field(default_factory=dict)

    def arguments(self, tensors: Tensors) -> list[Array]:
        """Return all inputs; ValueError for what cannot be one."""
        first = tensors[self.inputs[0]]
        one = np.ones((), first.dtype)
        arguments = {name: tensors.get(name, one) for name in self.inputs}
        for name in self.inputs[2:]:  # weights, of which a single one counts for all
            if not arguments[name].shape:
                arguments[name] = np.broadcast_to(arguments[name], first.shape)
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


@remembered
def softplus(x: Real) -> Real:
    """Return log(1 + exp(x)), the loss of a score of -x for what is certain."""
    return x if x == INF else log1p(exp(x))


@remembered
def logistic(x: Real) -> Real:
    return ZERO if x == -INF else 1 / (1 + exp(-x))


def real_log(x: Real) -> Real:
    return NAN if x < 0 else log(x)


def added(*terms: Real) -> Real:
    """Return a sum of which nothing is lost."""
    with mp.workdps(EXACT):
        return total(terms)


def positive(x: Real) -> Real:
    return ZERO if x < 0 else x


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


def poisson_nll(p: Parameters, x: Real, y: Real) -> Real:
    rate, log_rate = (exp(x), x) if p["log_input"] else (x, real_log(x + p["epsilon"]))
    if y == INF and p["log_input"] and x > 709:  # the rate is infinite in every format
        return NAN
    sure = y == 0 or (rate == INF and y < INF)
    likely = rate if sure else rate - y * log_rate
    if not p["full"] or y <= 1:
        return likely
    return likely + (y * log(y) - y + log(2 * mp.pi * y) / 2)


def poisson_nll_slope(p: Parameters, x: Real, y: Real) -> Real:
    if p["log_input"]:
        return expm1(x) + added(ONE, -y) if abs(x) < 1 else exp(x) - y
    rate = x + p["epsilon"]
    return ONE if y == 0 or abs(rate) == INF else quotient(added(x, p["epsilon"], -y), rate)


def poisson_nll_target_slope(p: Parameters, x: Real, y: Real) -> Real:
    log_rate = x if p["log_input"] else real_log(x + p["epsilon"])
    if not p["full"] or y <= 1:
        return -log_rate
    return log(y) + 1 / (2 * y) - log_rate


def least(p: Parameters, var: Real) -> Real:
    return max(var, p["epsilon"])  # NaN, which comes first, is kept


def gaussian_nll(p: Parameters, x: Real, y: Real, var: Real) -> Real:
    v = least(p, var)
    constant = log(2 * mp.pi) / 2 if p["full"] else ZERO
    return (log(v) + (x - y) * quotient(x - y, v)) / 2 + constant


def gaussian_nll_slope(p: Parameters, x: Real, y: Real, var: Real) -> Real:
    return quotient(x - y, least(p, var))


def gaussian_nll_var_slope(p: Parameters, x: Real, y: Real, var: Real) -> Real:
    if var < p["epsilon"]:
        return ZERO
    if var == 0:
        return NAN if x == y else -INF
    if var == INF:
        return ZERO
    with mp.workdps(EXACT):  # 1 - (1 - 1e-300)**2
        return quotient(var - (x - y) * (x - y), 2 * var * var)


def hinge_embedding(p: Parameters, x: Real, y: Real) -> Real:
    if y == 1:
        return x
    return positive(p["margin"] - x) if y == -1 else NAN


def hinge_embedding_slope(p: Parameters, x: Real, y: Real) -> Real:
    return ONE if y == 1 else -ONE if x < p["margin"] else ZERO


def margin_ranking(p: Parameters, one: Real, other: Real, y: Real) -> Real:
    return positive(added(p["margin"], -y * one, y * other))


def margin_ranking_slope(p: Parameters, one: Real, other: Real, y: Real) -> Real:
    return ZERO if margin_ranking(p, one, other, y) <= 0 else -y


def soft_margin(p: Parameters, x: Real, y: Real) -> Real:
    return softplus(-y * x)


def soft_margin_slope(p: Parameters, x: Real, y: Real) -> Real:
    return -y * logistic(-y * x)


def log_cosh(p: Parameters, x: Real, y: Real) -> Real:
    d = abs(x - y)
    if d > 200:
        return d - log(mp.mpf(2))
    return log1p(2 * mp.sinh(d / 2) ** 2)


def hinge(p: Parameters, x: Real, y: Real) -> Real:
    return positive(1 - y * x)


def hinge_slope(p: Parameters, x: Real, y: Real) -> Real:
    return ZERO if y * x >= 1 else -y


def squared_hinge(p: Parameters, x: Real, y: Real) -> Real:
    return hinge(p, x, y) * hinge(p, x, y)


def squared_hinge_slope(p: Parameters, x: Real, y: Real) -> Real:
    return -2 * y * hinge(p, x, y)


def wrong(x: Real, y: Real) -> Real:
    """Return the logarithm of the probability of being wrong."""
    if y in (0, 1):
        return -softplus(x if y == 1 else -x)
    return log(y * logistic(-x) + (1 - y) * logistic(x))


def focus(p: Parameters, x: Real, y: Real) -> Real:
    weight = p["alpha"] * y + (1 - p["alpha"]) * (1 - y) if p["balanced"] else ONE
    return weight if p["gamma"] == 0 else weight * exp(p["gamma"] * wrong(x, y))


def focal(p: Parameters, x: Real, y: Real) -> Real:
    entropy = bce_with_logits(p, x, y, ONE, ONE)
    if p["gamma"] > 0 and wrong(x, y) == -INF:
        return ZERO
    if entropy == INF and p["gamma"] * wrong(x, y) < -745:  # the focus is zero in every format
        return NAN
    return focus(p, x, y) * entropy


def focal_slope(p: Parameters, x: Real, y: Real) -> Real:
    entropy, slope = (f(p, x, y, ONE, ONE) for f in (bce_with_logits, bce_with_logits_slope))
    zeros = ZERO if y == 0 else y * (1 + exp(-x))
    ones = ZERO if y == 1 else (1 - y) * (1 + exp(x))
    rise = (1 - 2 * y) / (zeros + ones)
    turn = ZERO if p["gamma"] == 0 else p["gamma"] * rise * entropy
    return focus(p, x, y) * (turn + slope)


def mape(p: Parameters, x: Real, y: Real) -> Real:
    return 100 * abs(quotient(x - y, y))


def mape_slope(p: Parameters, x: Real, y: Real) -> Real:
    return 100 * quotient(mp.sign(x - y), abs(y))


def mape_target_slope(p: Parameters, x: Real, y: Real) -> Real:
    if y == 0:
        return NAN
    return 100 * mp.sign(y - x) * mp.sign(y) * x / (y * y)


def gap(x: Real, y: Real) -> Real:
    return NAN if x < -1 or y < -1 else log1p(x) - log1p(y)


def msle(p: Parameters, x: Real, y: Real) -> Real:
    return gap(x, y) * gap(x, y)


def msle_slope(p: Parameters, x: Real, y: Real) -> Real:
    return quotient(2 * gap(x, y), 1 + x)


def probable(y: Real) -> bool:
    return bool(0 <= y <= 1)


def counted(y: Real) -> bool:
    return bool(y >= 0)


def either(y: Real) -> bool:
    return bool(abs(y) == 1)


LOSSES: Mapping[str, Loss] = {
    "bce_with_logits_loss": Loss(
        bce_with_logits,
        {"input": bce_with_logits_slope, "target": bce_with_logits_target_slope},
        inputs=("input", "target", "weight", "pos_weight"),
        allowed={"target": probable},
    ),
    "kl_div_loss": Loss(kl_div, {"input": kl_div_slope, "target": kl_div_target_slope}),
    "poisson_nll_loss": Loss(
        poisson_nll,
        {"input": poisson_nll_slope, "target": poisson_nll_target_slope},
        allowed={"target": counted, "epsilon": counted},
    ),
    "gaussian_nll_loss": Loss(
        gaussian_nll,
        {
            "input": gaussian_nll_slope,
            "target": lambda p, x, y, var: gaussian_nll_slope(p, y, x, var),
            "var": gaussian_nll_var_slope,
        },
        inputs=("input", "target", "var"),
        allowed={"var": counted, "epsilon": counted},
    ),
    "hinge_embedding_loss": Loss(
        hinge_embedding, {"input": hinge_embedding_slope}, allowed={"target": either}
    ),
    "margin_ranking_loss": Loss(
        margin_ranking,
        {
            "input1": margin_ranking_slope,
            "input2": lambda p, one, other, y: -margin_ranking_slope(p, one, other, y),
        },
        inputs=("input1", "input2", "target"),
        allowed={"target": either},
    ),
    "soft_margin_loss": Loss(soft_margin, {"input": soft_margin_slope}, allowed={"target": either}),
    "log_cosh_loss": Loss(
        log_cosh,
        {"input": lambda p, x, y: tanh(x - y), "target": lambda p, x, y: tanh(y - x)},
    ),
    "hinge_loss": Loss(hinge, {"input": hinge_slope}, allowed={"target": either}),
    "squared_hinge_loss": Loss(
        squared_hinge, {"input": squared_hinge_slope}, allowed={"target": either}
    ),
    "focal_loss": Loss(
        focal,
        {"input": focal_slope},
        allowed={"target": probable, "alpha": probable, "gamma": counted},
    ),
    "mape_loss": Loss(mape, {"input": mape_slope, "target": mape_target_slope}),
    "msle_loss": Loss(msle, {"input": msle_slope, "target": lambda p, x, y: msle_slope(p, y, x)}),
}
