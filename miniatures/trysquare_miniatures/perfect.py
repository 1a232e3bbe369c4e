# ruff: noqa: ARG002 - what is in one table takes the same arguments
"""A backend that is right: textbook definitions and derivatives, written down by hand here, with 80
digits, rounded once. It shares no formula, no rounding and no derivative with the harness.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import ml_dtypes
import numpy as np

from trysquare.backend import Array, Backend, Call, Form, Target, Tensor, Tensors, Want
from trysquare.spec import Spec
from trysquare_miniatures.textbook import (
    ONE,
    ZERO,
    Parameters,
    Real,
    exact,
    mp,
    quotient,
    total,
)
from trysquare_miniatures.textbook_activations import REFUSED
from trysquare_miniatures.textbook_entropy import Entropy
from trysquare_miniatures.textbook_losses import LOSSES
from trysquare_miniatures.textbook_pointwise import POINTWISE
from trysquare_miniatures.textbook_rounding import nearest
from trysquare_miniatures.textbook_row_losses import (
    ROW_LOSSES,
    ROWS,
    LossOfRows,
    reals,
)

TAILS = {"float64": 500, "float32": 200}
"""Digits that tell the slopes at neighbouring numbers apart, however flat the tail."""

DTYPES = {name: np.dtype(name) for name in ("float64", "float32", "float16")} | {
    "bfloat16": np.dtype(ml_dtypes.bfloat16)
}


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
