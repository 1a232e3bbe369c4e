# ruff: noqa: ARG001, ARG002, ARG005 - what is in one table takes the same arguments
"""A backend that is right: textbook definitions and derivatives, written down by hand here, with 80
digits, rounded once. It shares no formula, no rounding and no derivative with the harness.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import ml_dtypes
import numpy as np

from trysquare.backend import Array, Backend, Call, Form, Target, Tensor, Tensors, Want
from trysquare.spec import Spec
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
    exact,
    exp,
    expm1,
    log,
    log1p,
    mp,
    quotient,
    sqrt,
    tanh,
    tanh_slope,
    total,
)
from trysquare_miniatures.textbook_activations import ACTIVATIONS, REFUSED
from trysquare_miniatures.textbook_losses import LOSSES
from trysquare_miniatures.textbook_row_losses import (
    ROW_LOSSES,
    ROWS,
    LossOfRows,
    log_softmax,
    reals,
    shifted,
)

SIZES = {"float64": (53, 1023), "float32": (24, 127), "float16": (11, 15), "bfloat16": (8, 127)}
"""Significant bits, largest exponent."""

TAILS = {"float64": 500, "float32": 200}
"""Digits that tell the slopes at neighbouring numbers apart, however flat the tail."""

DTYPES = {name: np.dtype(name) for name in ("float64", "float32", "float16")} | {
    "bfloat16": np.dtype(ml_dtypes.bfloat16)
}


def nearest(value: Real, dtype: str) -> float:
    """Round to nearest, ties to even, with integers alone."""
    if mp.isnan(value) or mp.isinf(value) or value == 0:
        return float(value)
    bits, top = SIZES[dtype]
    sign, mantissa, exponent, length = value._mpf_
    leading = exponent + length - 1
    if leading > top:
        return -math.inf if sign else math.inf
    last = max(leading, 1 - top) - (bits - 1)
    drop = last - exponent
    if drop <= 0:
        whole = mantissa << -drop
    elif drop > length + 1:
        whole = 0
    else:
        whole, rest = mantissa >> drop, mantissa & ((1 << drop) - 1)
        half = 1 << (drop - 1)
        whole += rest > half or (rest == half and whole & 1)
    if whole.bit_length() + last - 1 > top:
        return -math.inf if sign else math.inf
    # what is rounded to zero keeps its sign
    return math.copysign(math.ldexp(whole, last), -1.0 if sign else 1.0)


# Functions of single numbers, and their derivatives: f(parameters, *inputs).


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


# Cross entropy.


class Entropy:
    """Cross entropy of softmax along axis 1, with everything that can be asked of it."""

    def __init__(self, p: Parameters, tensors: Tensors) -> None:
        self.classes = p["target_type"] == "class"
        scores = np.moveaxis(tensors["input"], 1, -1)
        self.outer, count = scores.shape[:-1], scores.shape[-1]
        self.rows = [reals(row) for row in scores.reshape(-1, count)]
        self.smoothing, self.ignored = exact(p["label_smoothing"]), p["ignore_index"]
        self.weight = reals(tensors["weight"]) if "weight" in tensors else [ONE] * count
        if len(self.weight) != count:
            raise ValueError("as many weights as classes")
        if not 0 <= self.smoothing <= 1:
            raise ValueError("label smoothing is a share")
        target = tensors["target"]
        if self.classes:
            self.targets = [int(place) for place in target.ravel()]
            if any(not 0 <= t < count and t != self.ignored for t in self.targets):
                raise ValueError("there is no such class")
        else:
            moved = np.moveaxis(target, 1, -1)
            self.given = [reals(row) for row in moved.reshape(-1, count)]

    def _smooth(self, target: list[Real]) -> list[Real]:
        even = self.smoothing / len(target)
        return [(1 - self.smoothing) * t + even for t in target]

    @property
    def denominator(self) -> Real:
        if not self.classes:
            return exact(float(len(self.rows)))
        return total(self.weight[t] for t in self.targets if t != self.ignored)

    def losses(self) -> list[Real]:
        if self.classes:
            pairs = zip(self.rows, self.targets, strict=True)
            return [ZERO if t == self.ignored else self._of_class(row, t) for row, t in pairs]
        given = zip(self.rows, self.given, strict=True)
        return [self._of_distribution(row, self._smooth(target)) for row, target in given]

    def _of_class(self, row: list[Real], target: int) -> Real:
        logs = log_softmax(row)
        loss = -(1 - self.smoothing) * self.weight[target] * logs[target]
        if self.smoothing == 0:
            return loss
        all_of_them = total(w * q for w, q in zip(self.weight, logs, strict=True))
        return loss - self.smoothing * all_of_them / len(row)

    def _of_distribution(self, row: list[Real], share: list[Real]) -> Real:
        triples = zip(self.weight, share, log_softmax(row), strict=True)
        return -total(ZERO if q == 0 else w * q * log_p for w, q, log_p in triples)

    def slopes(self, wrt: str, cotangent: list[Real]) -> list[list[Real]]:
        """Return the rows of the gradient; the cotangent has one number for each row."""
        if wrt == "target":
            keep = 1 - self.smoothing
            return [
                [-c * w * keep * q for w, q in zip(self.weight, log_softmax(row), strict=True)]
                for row, c in zip(self.rows, cotangent, strict=True)
            ]
        return [self._slope(place, c) for place, c in enumerate(cotangent)]

    def _slope(self, place: int, c: Real) -> list[Real]:
        row = self.rows[place]
        parts = shifted(row)
        if self.classes and self.targets[place] == self.ignored:
            return [ZERO] * len(row)
        if parts is None:
            return [NAN] * len(row)
        # over a common denominator, so that equal shares give zero and not 1e-80
        z, others = parts
        pull = self._pull(place)
        whole, scale = total(pull), len(row) * (1 + others)
        return [
            c * (exp(x) * whole - t * (1 + others)) / scale for x, t in zip(z, pull, strict=True)
        ]

    def _pull(self, place: int) -> list[Real]:
        """Return what a row's target adds to each class, times the number of classes."""
        keep, even, count = 1 - self.smoothing, self.smoothing, len(self.weight)
        if not self.classes:
            pairs = zip(self.weight, self.given[place], strict=True)
            return [w * (count * keep * t + even) for w, t in pairs]
        mine = self.targets[place]
        extra = count * keep * self.weight[mine]
        return [even * w + (extra if j == mine else ZERO) for j, w in enumerate(self.weight)]


def digits(row: Array) -> int:
    """Return how many digits tell 1 from exp of the smallest number in a row, and from shares."""
    wide = row.astype(np.float64)
    size = np.abs(wide)
    with np.errstate(invalid="ignore", over="ignore"):
        apart = wide.size > 0 and wide.max() - wide.min() > 100
    return 700 if apart or ((size > 0) & (size < 1e-30)).any() else 80


def divisor(p: Parameters, shape: tuple[int, ...]) -> int:
    """Return what a sum is divided by: the number of elements, or the length of the batch."""
    return math.prod(shape[:1] if p["reduction"] == "batchmean" else shape)


def reduction(given: Parameters) -> str:
    """Return what the new argument, or the two old ones, ask for."""
    average, reduce = given.get("size_average"), given.get("reduce")
    if average is None and reduce is None:
        return str(given["reduction"])
    if reduce is False:
        return "none"
    return "sum" if average is False else "mean"


class Perfect(Backend):
    """Right about everything that it is asked."""

    name, package = "perfect", "mpmath"

    def __init__(self) -> None:
        self.random = np.random.default_rng(0)

    def targets(self) -> tuple[Target, ...]:
        return (Target(self.name, "cpu", "textbook"),)

    def dtypes(self, target: Target) -> frozenset[str]:
        return frozenset(DTYPES)

    def to_tensor(self, array: Array, device: str) -> Tensor:
        return array.copy()

    def to_array(self, tensor: Tensor) -> Array:
        return np.array(tensor)

    def formed(self, tensor: Tensor, form: Form) -> Tensor:
        match form:
            case Form.STRIDED:
                return np.repeat(tensor, 2, axis=-1)[..., ::2]
            case Form.TRANSPOSED:
                return np.array(tensor, order="F")
            case Form.EXPANDED:
                return np.broadcast_to(tensor[0], tensor.shape)
        return tensor

    def threads(self, count: int) -> AbstractContextManager[Any]:
        return nullcontext(count)

    def multiply(self, a: Tensor, b: Tensor) -> Tensor:
        return a * b

    def storage(self, tensor: Tensor) -> Hashable:
        return int(tensor.__array_interface__["data"][0])

    def seed(self, number: int) -> None:
        self.random = np.random.default_rng(number)

    def value(self, spec: Spec, call: Call, tensors: Tensors) -> Tensor:
        p = parameters(spec, call)
        self._alike(spec, tensors)
        name = spec.function
        if name in ROWS:
            along, single = ROWS[name][0], name == "log_sum_exp"
            return self._along(
                tensors["x"], p["dim"], lambda row, _: along(row), None, single=single
            )
        if name == "cross_entropy_loss":
            return self._entropy(p, tensors)
        if name in ROW_LOSSES:
            return self._of_rows(name, p, tensors)
        function, arguments = POINTWISE[name], self._arguments(name, p, tensors)
        terms = [function.value(p, *args) for args in zip(*map(reals, arguments), strict=True)]
        first = arguments[0]
        if function.reduces and p["reduction"] != "none":
            whole = total(terms)
            if p["reduction"] != "sum":
                whole = quotient(whole, exact(float(divisor(p, first.shape))))
            return rounded([whole], (), first.dtype)
        output = rounded(terms, first.shape, first.dtype)
        if function.odd:
            given = (arguments[place] for place in function.odd)
            ones = (np.copysign(np.ones_like(first), one) for one in given)
            signed = (output == 0) | (first == 0)
            output = np.where(signed, np.copysign(output, math.prod(ones)), output)
        if function.passes:
            output = np.where((output == 0) & (first == 0), first, output)
        if call.want is Want.INPLACE:
            tensors["x"][...] = output
            return tensors["x"]
        return output

    def gradients(
        self, spec: Spec, call: Call, tensors: Tensors, cotangent: Tensor | None
    ) -> Tensors:
        if call.want is Want.SAVED or cotangent is None:
            raise RuntimeError("this tensor is still needed as it was")
        p = parameters(spec, call)
        return {wrt: self._gradient(spec.function, p, tensors, wrt, cotangent) for wrt in call.wrt}

    def second(self, spec: Spec, call: Call, tensors: Tensors, cotangent: Tensor) -> Tensors:
        """Differentiate the slopes of a function of single numbers, numerically."""
        p, (wrt,) = parameters(spec, call), call.wrt
        slope, x = POINTWISE[spec.function].slopes[wrt], tensors[wrt]
        pairs = zip(reals(x), reals(cotangent), strict=True)
        with mp.workdps(TAILS[x.dtype.name]):
            return {
                wrt: rounded([c * curvature(slope, p, one) for one, c in pairs], x.shape, x.dtype)
            }

    def _gradient(
        self, name: str, p: Parameters, tensors: Tensors, wrt: str, cotangent: Array
    ) -> Tensor:
        if name in ROWS:
            return self._along(tensors["x"], p["dim"], ROWS[name][1], cotangent, single=False)
        if name == "cross_entropy_loss":
            return self._entropy_slope(p, tensors, wrt, cotangent)
        if name in ROW_LOSSES:
            return self._of_rows_slope(name, p, tensors, wrt, cotangent)
        arguments = self._arguments(name, p, tensors)
        c = reals(np.broadcast_to(cotangent, arguments[0].shape))
        if p.get("reduction") in ("mean", "batchmean"):
            c = [one / divisor(p, arguments[0].shape) for one in c]
        points = zip(*map(reals, arguments), strict=True)
        if name == "prelu" and wrt == "weight":
            left = [one * x if x < 0 else ZERO for one, (x, _) in zip(c, points, strict=True)]
            return self._per_channel(left, tensors["x"], tensors["weight"])
        slope = POINTWISE[name].slopes[wrt]
        slopes = [one * slope(p, *point) for one, point in zip(c, points, strict=True)]
        return rounded(slopes, arguments[0].shape, arguments[0].dtype)

    def _per_channel(self, terms: list[Real], x: Array, weight: Array) -> Array:
        channels = np.arange(weight.size).reshape(-1, *[1] * (x.ndim - 2))
        places = np.broadcast_to(channels, x.shape).ravel().tolist()
        sums = [ZERO] * weight.size
        for place, term in zip(places, terms, strict=True):
            sums[place] = sums[place] + term
        return rounded(sums, weight.shape, weight.dtype)

    def _arguments(self, name: str, p: Parameters, tensors: Tensors) -> list[Array]:
        """Return the arguments of a pointwise function, all of one shape."""
        match name:
            case "prelu":
                x, weight = tensors["x"], tensors["weight"]
                if weight.size not in (1, x.shape[1]):
                    raise ValueError("one weight, or one for each channel")
                return [x, np.broadcast_to(weight.reshape(-1, *[1] * (x.ndim - 2)), x.shape)]
            case "rrelu":
                x, low, high = tensors["x"], p["lower"], p["upper"]
                if low > high:
                    raise ValueError("the lower bound is above the upper one")
                if p["training"]:
                    return [x, self.random.uniform(float(low), float(high), x.shape)]
                return [x]
            case "bce_loss":
                one = np.ones((), tensors["input"].dtype)
                weight = np.broadcast_to(tensors.get("weight", one), tensors["input"].shape)
                parts = (*reals(tensors["input"]), *reals(tensors["target"]))
                if any(part < 0 or part > 1 for part in parts):
                    raise ValueError("a probability is between 0 and 1")
                return [tensors["input"], tensors["target"], weight]
            case _ if name in LOSSES:
                return LOSSES[name].arguments(tensors)
            case _:
                return list(tensors.values())

    def _alike(self, spec: Spec, tensors: Tensors) -> None:
        needed = [tensors[item.name].shape for item in spec.inputs if item.default is None]
        if spec.axis is None and len(set(needed)) > 1:
            raise ValueError("the inputs have different shapes")

    def _along(
        self,
        x: Array,
        dim: int,
        function: Callable[[list[Real], list[Real]], list[Real]],
        cotangent: Array | None,
        *,
        single: bool,
    ) -> Array:
        if not -x.ndim <= dim < x.ndim:
            raise ValueError("there is no such axis")
        moved = np.moveaxis(x, dim, -1)
        given = x if cotangent is None else cotangent
        wide = given.ndim == x.ndim
        if wide:
            given = np.moveaxis(given, dim, -1)
        length = moved.shape[-1]
        rows = moved.reshape(-1, length)
        terms: list[Real] = []
        for row, c in zip(rows, given.reshape(len(rows), length if wide else 1), strict=True):
            with mp.workdps(digits(row)):
                terms += function(reals(row), reals(c))
        if single:
            return rounded(terms, moved.shape[:-1], x.dtype)
        return np.moveaxis(rounded(terms, moved.shape, x.dtype), -1, dim)

    def _of_rows(self, name: str, p: Parameters, tensors: Tensors) -> Array:
        dtype = next(iter(tensors.values())).dtype
        with mp.workdps(ROW_LOSSES[name].digits):
            rows = LossOfRows(name, p, tensors)
            losses = rows.values()
            if p["reduction"] == "none":
                return rounded(losses, rows.outer, dtype)
            whole = total(losses)
            if p["reduction"] == "mean":
                whole = quotient(whole, rows.denominator)
            return rounded([whole], (), dtype)

    def _of_rows_slope(
        self, name: str, p: Parameters, tensors: Tensors, wrt: str, cotangent: Array
    ) -> Array:
        x = tensors[wrt]
        with mp.workdps(ROW_LOSSES[name].digits):
            rows = LossOfRows(name, p, tensors)
            c = reals(np.broadcast_to(cotangent, rows.outer))
            if p["reduction"] == "mean":
                count = rows.denominator
                c = [one / count for one in c]
            terms = rows.slopes(wrt, c)
            return np.moveaxis(rounded(terms, (*rows.outer, rows.count), x.dtype), -1, 1)

    def _entropy(self, p: Parameters, tensors: Tensors) -> Array:
        entropy, dtype = Entropy(p, tensors), tensors["input"].dtype
        losses = entropy.losses()
        if p["reduction"] == "none":
            return rounded(losses, entropy.outer, dtype)
        whole = total(losses)
        if p["reduction"] == "mean":
            whole = quotient(whole, entropy.denominator)
        return rounded([whole], (), dtype)

    def _entropy_slope(self, p: Parameters, tensors: Tensors, wrt: str, cotangent: Array) -> Array:
        entropy, x = Entropy(p, tensors), tensors["input"]
        c = reals(np.broadcast_to(cotangent, entropy.outer))
        if p["reduction"] == "mean":
            count = entropy.denominator
            c = [one / count for one in c]
        with mp.workdps(digits(x)):
            terms = [term for row in entropy.slopes(wrt, c) for term in row]
        return np.moveaxis(rounded(terms, (*entropy.outer, x.shape[1]), x.dtype), -1, 1)


def curvature(slope: Callable[..., Real], p: Parameters, x: Real) -> Real:
    """Return the difference of slopes at two numbers that share their first fifty digits."""
    place = 0 if x == 0 else int(mp.floor(mp.log10(abs(x))))
    with mp.workdps(mp.dps + 2 * max(0, -place)):
        step = mp.mpf(10) ** (place - 50)
        return (slope(p, x + step) - slope(p, x - step)) / (2 * step)


def parameters(spec: Spec, call: Call) -> dict[str, Any]:
    """Return the parameters that hold, numbers exact; ValueError for those that cannot be."""
    p: dict[str, Any] = {**spec.defaults, **call.parameters}
    if "reduction" in spec.defaults:
        p["reduction"] = reduction(p).replace("elementwise_mean", "mean")
        batched = ("batchmean",) if spec.function == "kl_div_loss" else ()
        if p["reduction"] not in ("none", "mean", "sum", *batched):
            raise ValueError("there is no such reduction")
    if p.get("approximate", "none") not in ("none", "tanh"):
        raise ValueError("there is no such approximation")
    if spec.function == "softplus" and p["beta"] == 0:
        raise ValueError("the curve would lie at infinity")
    if p.get("delta", 1) <= 0 or (spec.function == "smooth_l1_loss" and p["beta"] < 0):
        raise ValueError("a threshold is positive")
    if spec.function in REFUSED and REFUSED[spec.function](p):
        raise ValueError("the function is not defined for these parameters")
    numbers = {name for name, default in spec.defaults.items() if isinstance(default, float)}
    p = {key: exact(float(value)) if key in numbers else value for key, value in p.items()}
    if spec.function in LOSSES:
        LOSSES[spec.function].check(p)
    if spec.function == "triplet_margin_with_distance_loss":
        p |= {"epsilon": ONE / 10**6, "p": 2}
    return p


def rounded(terms: list[Real], shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    numbers = [nearest(term, dtype.name) for term in terms]
    return np.array(numbers, np.float64).reshape(shape).astype(dtype)


backend = Perfect()
