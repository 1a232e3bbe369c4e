# ruff: noqa: ARG001, ARG005 - what is in one table takes the same arguments
"""Functions of single numbers, and their derivatives: f(parameters, *inputs)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from trysquare_miniatures.textbook import (
    INF,
    NAN,
    ONE,
    ZERO,
    Parameters,
    Pointwise,
    Real,
    bell,
    erf,
    erfc,
    exp,
    expm1,
    log,
    log1p,
    mp,
    quotient,
    sqrt,
    tanh,
    tanh_slope,
)
from trysquare_miniatures.textbook_activations import ACTIVATIONS
from trysquare_miniatures.textbook_losses import LOSSES


def elu(p: Parameters, x: Real) -> Real:
    return x if x > 0 else p["alpha"] * expm1(x)


def elu_slope(p: Parameters, x: Real) -> Real:
    return ONE if x > 0 else p["alpha"] * exp(x)


def relu(p: Parameters, x: Real) -> Real:
    return ZERO if x < 0 else x


def sigmoid(p: Parameters, x: Real) -> Real:
    return ONE if x == INF else ZERO if x == -INF else 1 / (1 + exp(-x))


def leak(p: Parameters, x: Real, slope: Real) -> Real:
    return slope * x if x < 0 else x


def leak_slope(p: Parameters, x: Real, slope: Real) -> Real:
    return slope if x < 0 else ONE


def rrelu(p: Parameters, x: Real, drawn: Real | None = None) -> Real:
    return leak(p, x, (p["lower"] + p["upper"]) / 2 if drawn is None else drawn)


def rrelu_slope(p: Parameters, x: Real) -> Real:
    return leak_slope(p, x, (p["lower"] + p["upper"]) / 2)


def l1(p: Parameters, a: Real, b: Real) -> Real:
    return abs(a - b)


def mse(p: Parameters, a: Real, b: Real) -> Real:
    return (a - b) * (a - b)


def huber(p: Parameters, a: Real, b: Real) -> Real:
    distance, delta = abs(a - b), p["delta"]
    if distance <= delta:
        return distance * distance / 2
    return delta * distance - delta * delta / 2


def huber_slope(p: Parameters, a: Real, b: Real) -> Real:
    return min(max(a - b, -p["delta"]), p["delta"])


def smooth_l1(p: Parameters, a: Real, b: Real) -> Real:
    distance, beta = abs(a - b), p["beta"]
    if distance < beta:
        return distance * distance / (2 * beta)
    return distance - beta / 2


def smooth_l1_slope(p: Parameters, a: Real, b: Real) -> Real:
    return (a - b) / p["beta"] if abs(a - b) < p["beta"] else mp.sign(a - b)


def bce(p: Parameters, x: Real, y: Real, weight: Real) -> Real:
    yes = ZERO if x == y == 0 else y * log(x)
    no = ZERO if x == y == 1 else (1 - y) * log1p(-x)
    return -(weight * (yes + no))


def bce_slope(p: Parameters, x: Real, y: Real, weight: Real) -> Real:
    yes = ZERO if y == 0 else quotient(y, x)
    no = ZERO if y == 1 else quotient(1 - y, 1 - x)
    return weight * (no - yes)


def bce_target_slope(p: Parameters, x: Real, y: Real, weight: Real) -> Real:
    return weight * (log1p(-x) - log(x))


def against(slope: Callable[..., Real]) -> Mapping[str, Callable[..., Real]]:
    """Return the slopes of a function of input - target."""
    return {"input": slope, "target": lambda p, a, b: -slope(p, a, b)}


# Activations that are zero times infinity, or a difference of nearly equal numbers, somewhere.


def gelu(p: Parameters, x: Real) -> Real:
    if x == -INF:
        return ZERO
    if p["approximate"] == "none":
        return x * below(x)
    return x * sigmoid(p, approximate_logit(x))


def gelu_slope(p: Parameters, x: Real) -> Real:
    if abs(x) == INF:
        return ONE if x > 0 else ZERO
    if p["approximate"] == "none":
        return below(x) + x * mp.npdf(x)
    logit = approximate_logit(x)
    rise = 2 * mp.sqrt(2 / mp.pi) * (1 + 3 * mp.mpf("0.044715") * x * x)
    return sigmoid(p, logit) + x * rise * sigmoid(p, logit) * sigmoid(p, -logit)


def below(x: Real) -> Real:
    """Return the share of a normal distribution; mpmath has none for numbers beyond reason."""
    return mp.ncdf(max(x, -(mp.mpf(10) ** 30)))


def approximate_logit(x: Real) -> Real:
    return 2 * mp.sqrt(2 / mp.pi) * (x + mp.mpf("0.044715") * x * x * x)


def silu(p: Parameters, x: Real) -> Real:
    logit = ZERO if p["beta"] == 0 else p["beta"] * x
    return ZERO if logit == -INF else x * sigmoid(p, logit)


def silu_slope(p: Parameters, x: Real) -> Real:
    logit = ZERO if p["beta"] == 0 else p["beta"] * x
    turn = sigmoid(p, logit) * sigmoid(p, -logit)
    return sigmoid(p, logit) + (ZERO if turn == 0 else logit * turn)


def mish(p: Parameters, x: Real) -> Real:
    return ZERO if x == -INF else x * mp.tanh(log1p(exp(x)))


def mish_slope(p: Parameters, x: Real) -> Real:
    soft = log1p(exp(x))
    return mp.tanh(soft) + x * mp.sech(soft) ** 2 * sigmoid(p, x)


def softplus(p: Parameters, x: Real) -> Real:
    logit = p["beta"] * x
    straight = x if logit > 0 else ZERO
    return x if logit > p["threshold"] else straight + log1p(exp(-abs(logit))) / p["beta"]


def softplus_slope(p: Parameters, x: Real) -> Real:
    logit = p["beta"] * x
    return ONE if logit > p["threshold"] else sigmoid(p, logit)


def log_sigmoid(p: Parameters, x: Real) -> Real:
    return -log1p(exp(-x))


def self_normalizing() -> tuple[Real, Real]:
    """Return alpha and the scale of selu by equation 14 of the paper."""
    e, pi, tail, far = mp.e, mp.pi, mp.erfc(1 / mp.sqrt(2)), mp.erfc(mp.sqrt(2))
    alpha = -mp.sqrt(2 / pi) / (tail * mp.sqrt(e) - 1)
    square = 2 * far * e**2 + pi * tail**2 * e - 2 * (2 + pi) * tail * mp.sqrt(e) + pi + 2
    return alpha, (1 - tail * mp.sqrt(e)) * mp.sqrt(2 * pi / square)


ALPHA, SCALE = self_normalizing()


def selu(p: Parameters, x: Real) -> Real:
    return SCALE * elu({"alpha": ALPHA}, x)


def selu_slope(p: Parameters, x: Real) -> Real:
    return SCALE * elu_slope({"alpha": ALPHA}, x)


POINTWISE = {
    "elu": Pointwise(elu, {"x": elu_slope}, odd=(0,)),
    "relu": Pointwise(relu, {"x": lambda p, x: ONE if x > 0 else ZERO}),
    "gelu": Pointwise(gelu, {"x": gelu_slope}, odd=(0,)),
    "silu": Pointwise(silu, {"x": silu_slope}, odd=(0,)),
    "mish": Pointwise(mish, {"x": mish_slope}, odd=(0,)),
    "softplus": Pointwise(softplus, {"x": softplus_slope}),
    "log_sigmoid": Pointwise(log_sigmoid, {"x": lambda p, x: sigmoid(p, -x)}),
    "selu": Pointwise(selu, {"x": selu_slope}, odd=(0,)),
    "sigmoid": Pointwise(sigmoid, {"x": lambda p, x: sigmoid(p, x) * sigmoid(p, -x)}),
    "prelu": Pointwise(leak, {"x": leak_slope}, odd=(0,)),
    "rrelu": Pointwise(rrelu, {"x": rrelu_slope}, odd=(0,)),
    "l1_loss": Pointwise(l1, against(lambda p, a, b: mp.sign(a - b)), reduces=True),
    "mse_loss": Pointwise(mse, against(lambda p, a, b: 2 * (a - b)), reduces=True),
    "huber_loss": Pointwise(huber, against(huber_slope), reduces=True),
    "smooth_l1_loss": Pointwise(smooth_l1, against(smooth_l1_slope), reduces=True),
    "bce_loss": Pointwise(bce, {"input": bce_slope, "target": bce_target_slope}, reduces=True),
    **LOSSES,
    # elementary functions
    "exp": Pointwise(lambda p, x: exp(x), {"x": lambda p, x: exp(x)}),
    "expm1": Pointwise(lambda p, x: expm1(x), {"x": lambda p, x: exp(x)}, odd=(0,)),
    "log": Pointwise(lambda p, x: NAN if x < 0 else log(x), {"x": lambda p, x: quotient(ONE, x)}),
    "log1p": Pointwise(
        lambda p, x: NAN if x < -1 else log1p(x), {"x": lambda p, x: quotient(ONE, 1 + x)}, odd=(0,)
    ),
    "log2": Pointwise(
        lambda p, x: NAN if x < 0 else log(x) / mp.log(2),
        {"x": lambda p, x: quotient(ONE, x * mp.log(2))},
    ),
    "log10": Pointwise(
        lambda p, x: NAN if x < 0 else log(x) / mp.log(10),
        {"x": lambda p, x: quotient(ONE, x * mp.log(10))},
    ),
    "sinh": Pointwise(lambda p, x: mp.sinh(x), {"x": lambda p, x: mp.cosh(x)}, odd=(0,)),
    "cosh": Pointwise(lambda p, x: mp.cosh(x), {"x": lambda p, x: mp.sinh(x)}),
    "tanh": Pointwise(lambda p, x: tanh(x), {"x": lambda p, x: tanh_slope(x)}, odd=(0,)),
    "erf": Pointwise(lambda p, x: erf(x), {"x": lambda p, x: bell(x)}, odd=(0,)),
    "erfc": Pointwise(lambda p, x: erfc(x), {"x": lambda p, x: -bell(x)}),
    "sqrt": Pointwise(
        lambda p, x: sqrt(x), {"x": lambda p, x: quotient(ONE, 2 * sqrt(x))}, odd=(0,)
    ),
    "rsqrt": Pointwise(
        lambda p, x: quotient(ONE, sqrt(x)),
        {"x": lambda p, x: quotient(-ONE, 2 * x * sqrt(x))},
        odd=(0,),
    ),
    **ACTIVATIONS,
}
