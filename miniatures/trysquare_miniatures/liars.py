"""Backends that lie: each is `Truthful` but for one deliberate fault.

Loaded by a worker as `trysquare_miniatures.liars:NAME`.
"""

from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from trysquare.backend import Array, Backend, Call, Target, Tensor, Tensors, Want
from trysquare.dtypes import FORMATS, Format
from trysquare.formula.evaluate import evaluate
from trysquare.formula.float64 import Float64
from trysquare.spec import Random, Spec, Value
from trysquare.truth.arrangement import arrange
from trysquare.truth.oracle import Oracle
from trysquare_backends.numpy import NumPy

Parameters = Mapping[str, Value | None]


@dataclass(frozen=True)
class Question:
    """What is computed: a spec, a call of it, and the tensors of the call."""

    spec: Spec
    call: Call
    tensors: Tensors

    @property
    def format(self) -> Format:
        dtypes = (str(tensor.dtype) for tensor in self.tensors.values())
        return FORMATS[next(dtype for dtype in dtypes if dtype in FORMATS)]

    @property
    def first(self) -> Array:
        tensor: Array = next(iter(self.tensors.values()))
        return tensor

    @property
    def effective(self) -> dict[str, Value]:
        given = {name: value for name, value in self.call.parameters.items() if value is not None}
        return {**self.spec.defaults, **given}

    def told(self, **parameters: Value) -> Question:
        """Return the same with other parameters."""
        return self.given({**self.call.parameters, **parameters})

    def given(self, parameters: Parameters) -> Question:
        return replace(self, call=replace(self.call, parameters=parameters))

    def without(self, name: str) -> Question:
        tensors = {key: tensor for key, tensor in self.tensors.items() if key != name}
        return replace(self, tensors=tensors)

    def read_as(self, dialect: str) -> Question:
        """Return the same with the formula of a dialect."""
        other = next(one for one in self.spec.dialects if one.name == dialect)
        return replace(self, spec=replace(self.spec, formula=other.formula))


class Truthful(NumPy):
    """The spec's formula in float64, rounded once; in place, at random and for old arguments."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.random = np.random.default_rng(0)

    def targets(self) -> tuple[Target, ...]:
        return (Target(self.name, "cpu", "miniature"),)

    def threads(self, count: int) -> AbstractContextManager[Any]:
        return nullcontext(count)

    def seed(self, number: int) -> None:
        self.random = np.random.default_rng(number)

    def value(self, spec: Spec, call: Call, tensors: Tensors) -> Tensor:
        question = self.understood(Question(spec, call, tensors))
        output = self.answered(question, self.computed(question))
        if call.want is not Want.INPLACE:
            return output
        return self.overwritten(next(iter(tensors.values())), output)

    def gradients(
        self, spec: Spec, call: Call, tensors: Tensors, cotangent: Tensor | None
    ) -> Tensors:
        if call.want is Want.SAVED:
            return self.spoiled(tensors)
        question = self.understood(Question(spec, call, tensors))
        direction = None if cotangent is None else self.directed(cotangent)
        gradients = super().gradients(question.spec, question.call, question.tensors, direction)
        return {name: self.derived(question, gradients[name]) for name in gradients}

    def second(self, spec: Spec, call: Call, tensors: Tensors, cotangent: Tensor) -> Tensors:
        question = self.understood(Question(spec, call, tensors))
        derived = super().second(question.spec, question.call, question.tensors, cotangent)
        return {name: self.bent(question, derived[name]) for name in derived}

    def understood(self, question: Question) -> Question:
        """Return the question with old arguments replaced by what they mean."""
        for old in question.spec.deprecated:
            if old.given == question.call.parameters:
                return question.given(old.means)
        return question

    def computed(self, question: Question) -> Array:
        random, effective = question.spec.random, question.effective
        if random is not None and random.mode.items() <= effective.items():
            return self.drawn(question, random)
        plain = replace(question.call, want=Want.VALUE)
        return np.asarray(super().value(question.spec, plain, question.tensors))

    def drawn(self, question: Question, random: Random) -> Array:
        arranged = arrange(question.spec, question.effective, question.tensors)
        meant, laid = arranged.meant, arranged.layout
        low, high = (
            float(evaluate(meant.expression(end.tree), Float64(1, 1), {})[0, 0])
            for end in (random.low, random.high)
        )
        draws = self.draws(low, high, (laid.rows, laid.columns))
        arithmetic = Float64(laid.rows, laid.columns, question.format)
        result = evaluate(meant.value, arithmetic, {**arranged.rows, random.name: draws})
        return question.format.cast(laid.from_rows(result, meant.output))

    def draws(self, low: float, high: float, shape: tuple[int, int]) -> Array:
        return self.random.uniform(low, high, shape)

    def answered(self, question: Question, output: Array) -> Array:
        return output

    def derived(self, question: Question, gradient: Array) -> Array:
        return gradient

    def bent(self, question: Question, second: Array) -> Array:
        return second

    def directed(self, cotangent: Array | None) -> Array | None:
        return cotangent

    def overwritten(self, tensor: Array, output: Array) -> Array:
        tensor[...] = output
        return tensor

    def spoiled(self, tensors: Tensors) -> Tensors:
        raise RuntimeError("an operation whose gradient reads this tensor would be spoiled")


LIARS: dict[str, Backend] = {}
"""Every liar by its name."""

Lie = Callable[..., Any]


def lies(method: str) -> Callable[[Lie], Backend]:
    """Make a liar of what is decorated: the truthful one with this as one of its methods."""

    def register(lie: Lie) -> Backend:
        name = lie.__name__
        LIARS[name] = type(name, (Truthful,), {method: lie})(name)
        return LIARS[name]

    return register


# What is said: wrong numbers.


def _further(format: Format, output: Array) -> Array:
    """Return every number, but zeros and what has no end, one ULP further from zero."""
    wide = format.widen(output)
    reach = np.isfinite(wide) & (wide != 0) & (np.abs(wide) < format.largest)
    return np.where(reach, format.cast(wide + np.copysign(format.ulp(wide), wide)), output)


@lies("answered")
def off_by_one_ulp(_: Truthful, question: Question, output: Array) -> Array:
    return _further(question.format, output)


def _limit(question: Question) -> tuple[Array, Array]:
    """Return the exact values, almost, and the absolute limits."""
    arranged = arrange(question.spec, question.effective, question.tensors)
    laid, meant, format = arranged.layout, arranged.meant, question.format
    oracle = Oracle(meant.value, arranged.rows, laid.rows, laid.columns, meant.output, format)
    limit = oracle.inherited.limit
    return laid.from_rows(oracle.ieee, meant.output), laid.from_rows(limit, meant.output)


def _moved(question: Question, output: Array, ulps: float) -> Array:
    exact, limit = _limit(question)
    far = exact + np.maximum(limit + ulps * question.format.ulp(exact), 0)
    usable = np.isfinite(far) & (np.abs(far) < question.format.largest)
    return np.where(usable, question.format.cast(np.where(usable, far, 0)), output)


@lies("answered")
def beyond_the_limit(_: Truthful, question: Question, output: Array) -> Array:
    return _moved(question, output, 1.0)


@lies("answered")
def almost_at_the_limit(_: Truthful, question: Question, output: Array) -> Array:
    return _moved(question, output, -1.0)  # no lie: the limit is what is allowed


@lies("answered")
def drops_negative_zero(_: Truthful, question: Question, output: Array) -> Array:
    return np.where(output == 0, np.abs(output), output)


@lies("answered")
def multiplies_by_a_mask(_: Truthful, question: Question, output: Array) -> Array:
    with np.errstate(invalid="ignore"):
        return np.asarray(question.first * (question.first > 0).astype(output.dtype))


@lies("answered")
def nan_becomes_zero(_: Truthful, question: Question, output: Array) -> Array:
    return np.where(np.isnan(output), np.zeros_like(output), output)


@lies("answered")
def infinity_becomes_nan(_: Truthful, question: Question, output: Array) -> Array:
    return np.where(np.isinf(output), output.dtype.type(np.nan), output)


@lies("answered")
def infinity_becomes_largest(_: Truthful, question: Question, output: Array) -> Array:
    largest = question.format.cast(np.copysign(question.format.largest, output))
    return np.where(np.isinf(output), largest, output)


@lies("answered")
def one_element_is_a_constant(_: Truthful, question: Question, output: Array) -> Array:
    x = question.first
    return np.where(x == x.dtype.type(0.33325195), x.dtype.type(0.5), output)


@lies("answered")
def flushes_and_denies_it(_: Truthful, question: Question, output: Array) -> Array:
    tiny = np.abs(question.format.widen(output)) < question.format.smallest_normal
    return np.where(tiny, np.zeros_like(output), output)


@lies("answered")
def loses_the_tail(_: Truthful, question: Question, output: Array) -> Array:
    small = np.abs(question.format.widen(output)) < 1e-5
    return np.where(small, np.zeros_like(output), output)


@lies("answered")
def cancels_near_zero(_: Truthful, question: Question, output: Array) -> Array:
    x, one = question.first, question.first.dtype.type(1)
    with np.errstate(over="ignore"):
        return np.where(x > 0, x, np.exp(x) - one) if question.effective["alpha"] == 1 else output


@lies("answered")
def overflows_in_the_tail(_: Truthful, question: Question, output: Array) -> Array:
    x, one = question.first, question.first.dtype.type(1)
    with np.errstate(over="ignore"):
        return np.asarray(one / (one + np.exp(-x)))


@lies("answered")
def adds_erf_to_one(_: Truthful, question: Question, output: Array) -> Array:
    x, one = question.first, question.first.dtype.type(1)
    if question.effective["approximate"] != "none":
        return output
    erf = np.array([math.erf(float(number) / 2**0.5) for number in x.ravel()], x.dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where(np.isfinite(x), x / 2 * (one + erf.reshape(x.shape)), output)


@lies("answered")
def takes_log_of_softmax(_: Truthful, question: Question, output: Array) -> Array:
    with np.errstate(divide="ignore"):
        probability = np.exp(output.astype(np.float64)).astype(output.dtype)
        return np.asarray(np.log(probability), output.dtype)


@lies("answered")
def divides_by_rows(_: Truthful, question: Question, output: Array) -> Array:
    x = question.first
    if question.effective["reduction"] != "mean" or x.ndim < 2:
        return output
    return question.format.cast(question.format.widen(output) * (x.size / x.shape[0]))


def _summed(terms: Array, dtype: np.dtype[Any]) -> Array:
    """Add one after the other, rounding each time."""
    total = np.zeros((), dtype)
    with np.errstate(over="ignore"):
        for term in terms.astype(dtype).ravel():
            total = total + term
    return np.asarray(total)


@lies("answered")
def accumulates_in_float32(self: Truthful, question: Question, output: Array) -> Array:
    if question.effective["reduction"] == "none":
        return output
    with np.errstate(over="ignore"):
        terms = self.computed(question.told(reduction="none")).astype(np.float32)
        total = _summed(terms, np.dtype(np.float32)).astype(output.dtype)
    count = terms.size if question.effective["reduction"] == "mean" else 1
    with np.errstate(invalid="ignore"):
        return np.asarray(total / output.dtype.type(count))


@lies("answered")
def accumulates_narrowly(self: Truthful, question: Question, output: Array) -> Array:
    axis = int(question.effective["dim"])
    moved = np.moveaxis(question.first, axis, -1).astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        terms = question.format.cast(np.exp(moved - moved.max(axis=-1, keepdims=True)))
        sums = [_summed(row, terms.dtype) for row in terms.reshape(-1, terms.shape[-1])]
        whole = np.array(sums, terms.dtype).reshape(*terms.shape[:-1], 1)
        quotient = terms.astype(np.float64) / whole.astype(np.float64)
    return np.moveaxis(question.format.cast(quotient), -1, axis)


# What is said: another number than elsewhere, within every limit.


@lies("answered")
def rounds_the_tail_otherwise(_: Truthful, question: Question, output: Array) -> Array:
    tail = np.arange(output.size) >= output.size // 16 * 16
    return np.where(tail.reshape(output.shape), _further(question.format, output), output)


@lies("answered")
def walks_memory_otherwise(_: Truthful, question: Question, output: Array) -> Array:
    straight = question.first.flags.c_contiguous
    return output if straight else _further(question.format, output)


@lies("answered")
def never_says_it_twice(self: Truthful, question: Question, output: Array) -> Array:
    self.__dict__["odd"] = odd = not self.__dict__.get("odd", False)
    return _further(question.format, output) if odd else output


@lies("derived")
def derives_rows_alone_otherwise(_: Truthful, question: Question, gradient: Array) -> Array:
    return _further(question.format, gradient) if len(gradient) == 1 else gradient


# What is said at the edges of a call.


@lies("answered")
def counts_in_its_own_format(_: Truthful, question: Question, output: Array) -> Array:
    if question.effective["reduction"] != "mean":
        return output
    with np.errstate(over="ignore", invalid="ignore"):
        count = float(output.dtype.type(question.first.size))
        return np.asarray(output * (question.first.size / count), output.dtype)


@lies("answered")
def adds_up_narrowly(self: Truthful, question: Question, output: Array) -> Array:
    if question.effective["reduction"] != "sum":
        return output
    return _summed(self.computed(question.told(reduction="none")), output.dtype)


@lies("answered")
def leaves_nothing_uninitialized(self: Truthful, question: Question, output: Array) -> Array:
    earlier = self.__dict__.get("earlier", 0.0)
    if question.first.size == 0 and output.ndim == 0:
        return np.asarray(earlier, output.dtype)
    if output.size:
        self.__dict__["earlier"] = float(output.ravel()[0])
    return output


@lies("answered")
def weighs_nothing_as_one(self: Truthful, question: Question, output: Array) -> Array:
    weight = question.tensors.get("weight")
    nothing = weight is not None and weight.size > 0 and not weight.any()
    return self.computed(question.without("weight")) if nothing else output


@lies("answered")
def spreads_a_nan(_: Truthful, question: Question, output: Array) -> Array:
    return np.full_like(output, np.nan) if np.isnan(output).any() else output


@lies("answered")
def multiplies_by_what_is_kept(_: Truthful, question: Question, output: Array) -> Array:
    spoiled = bool(np.isnan(question.first).any())
    return np.full_like(output, np.nan) if spoiled else output


@lies("answered")
def fills_masks_with_nan(_: Truthful, question: Question, output: Array) -> Array:
    masked = np.isneginf(question.first)
    return np.where(masked, output.dtype.type(np.nan), output)


@lies("derived")
def derives_ends_as_zero(_: Truthful, question: Question, gradient: Array) -> Array:
    return np.where(np.isfinite(gradient), gradient, np.zeros_like(gradient))


# What is said: numbers that are all near enough, but do not fit together.


@lies("answered")
def exceeds_one(_: Truthful, question: Question, output: Array) -> Array:
    return np.where(
        output == 1, output + question.format.cast(np.array(question.format.eps)), output
    )


@lies("answered")
def has_a_dent(_: Truthful, question: Question, output: Array) -> Array:
    x = np.asarray(question.first, np.float64)
    deep = output - question.format.cast(np.array(2.0**-8))
    return np.where((x > 1) & (x < 1 + 2.0**-5), deep, output)


@lies("answered")
def rounds_the_left_otherwise(_: Truthful, question: Question, output: Array) -> Array:
    tail = (question.first < 0) & (np.abs(output) > 0.5) & (np.abs(output) < 1)
    return np.where(tail, np.nextafter(output, output.dtype.type(0)), output)


@lies("answered")
def depends_on_the_shift(_: Truthful, question: Question, output: Array) -> Array:
    high = question.first.max(axis=-1, keepdims=True, initial=0) > 4
    return np.where(high, output * output.dtype.type(1.01), output)


@lies("computed")
def divides_the_mean_by_one_less(self: Truthful, question: Question) -> Array:
    output = Truthful.computed(self, question)
    if question.effective["reduction"] != "mean" or question.first.size < 2:
        return output
    count = question.first.size
    return np.asarray(output * output.dtype.type(count / (count - 1)))


@lies("derived")
def lifts_the_gradient(_: Truthful, question: Question, gradient: Array) -> Array:
    return np.asarray(gradient + gradient.dtype.type(1 / 64))


# What is said: the wrong form.


@lies("answered")
def returns_float64(_: Truthful, question: Question, output: Array) -> Array:
    return output.astype(np.float64)


@lies("answered")
def adds_a_dimension(_: Truthful, question: Question, output: Array) -> Array:
    return output[..., None]


@lies("answered")
def drops_a_dimension(_: Truthful, question: Question, output: Array) -> Array:
    return np.squeeze(output)


@lies("answered")
def overwrites_its_input(_: Truthful, question: Question, output: Array) -> Array:
    question.first[...] = output
    return output.copy()


@lies("answered")
def overwrites_the_target(_: Truthful, question: Question, output: Array) -> Array:
    question.tensors["target"][...] = 0
    return output


@lies("answered")
def raises_on_nothing(_: Truthful, question: Question, output: Array) -> Array:
    if output.size == 0:
        raise ValueError("there is nothing")
    return output


@lies("computed")
def accepts_anything(self: Truthful, question: Question) -> Array:
    try:
        return Truthful.computed(self, question)
    except ValueError:
        return np.zeros_like(question.first)


@lies("computed")
def broadcasts_silently(self: Truthful, question: Question) -> Array:
    names, arrays = question.tensors.keys(), np.broadcast_arrays(*question.tensors.values())
    tensors = {name: np.array(array) for name, array in zip(names, arrays, strict=True)}
    return Truthful.computed(self, replace(question, tensors=tensors))


@lies("understood")
def counts_classes_from_the_end(self: Truthful, question: Question) -> Question:
    question, count = Truthful.understood(self, question), question.first.shape[1]
    target = question.tensors["target"]
    if target.dtype.kind != "i":
        return question
    wrapped = np.where(target == -100, target, target % count)
    return replace(question, tensors={**question.tensors, "target": wrapped})


@lies("understood")
def wraps_the_axis(_: Truthful, question: Question) -> Question:
    axis, count = int(question.effective["dim"]), question.first.ndim
    return question.told(dim=axis % count) if count else question


@lies("gradients")
def refuses_only_forwards(
    self: Truthful, spec: Spec, call: Call, tensors: Tensors, cotangent: Tensor | None
) -> Tensors:
    try:
        return Truthful.gradients(self, spec, call, tensors, cotangent)
    except ValueError:
        return {name: np.zeros_like(tensors[name]) for name in call.wrt}


@lies("answered")
def remembers_too_much(self: Truthful, question: Question, output: Array) -> Array:
    known: dict[Any, Array] = self.__dict__.setdefault("known", {})
    earlier = known.get((output.shape, output.dtype), output)
    known[output.shape, output.dtype] = output
    return earlier


# What is understood: other parameters, inputs and semantics than those asked for.


@lies("understood")
def halves_the_default(_: Truthful, question: Question) -> Question:
    return question if "alpha" in question.call.parameters else question.told(alpha=0.5)


@lies("understood")
def sums_by_default(self: Truthful, question: Question) -> Question:
    question = Truthful.understood(self, question)
    if "reduction" in question.call.parameters:
        return question
    return question.told(reduction="sum")


@lies("understood")
def first_axis_by_default(_: Truthful, question: Question) -> Question:
    return question if "dim" in question.call.parameters else question.told(dim=0)


@lies("understood")
def ignores_alpha(_: Truthful, question: Question) -> Question:
    return question.told(alpha=1.0)


@lies("understood")
def ignores_the_approximation(_: Truthful, question: Question) -> Question:
    return question.told(approximate="none")


@lies("understood")
def ignores_the_threshold(_: Truthful, question: Question) -> Question:
    return question.told(threshold=math.inf)


@lies("understood")
def ignores_the_axis(_: Truthful, question: Question) -> Question:
    return question.told(dim=-1)


@lies("understood")
def ignores_the_weight(self: Truthful, question: Question) -> Question:
    return Truthful.understood(self, question).without("weight")


@lies("understood")
def ignores_no_index(self: Truthful, question: Question) -> Question:
    return Truthful.understood(self, question).told(ignore_index=-12345)


@lies("understood")
def means_for_sums(self: Truthful, question: Question) -> Question:
    question = Truthful.understood(self, question)
    if question.effective["reduction"] == "sum":
        return question.told(reduction="mean")
    return question


@lies("understood")
def misreads_old_arguments(self: Truthful, question: Question) -> Question:
    if question.call.parameters.get("size_average") is False:
        return question.given({"reduction": "mean"})
    return Truthful.understood(self, question)


@lies("computed")
def speaks_celu(self: Truthful, question: Question) -> Array:
    return Truthful.computed(self, question.read_as("celu"))


@lies("computed")
def speaks_huber(self: Truthful, question: Question) -> Array:
    return Truthful.computed(self, question.read_as("huber"))


@lies("computed")
def clamps_the_logarithm(self: Truthful, question: Question) -> Array:
    return Truthful.computed(self, question.read_as("clamped"))


@lies("computed")
def multiplies_infinity_by_zero(self: Truthful, question: Question) -> Array:
    return Truthful.computed(self, question.read_as("product"))


@lies("computed")
def approximates_unasked(self: Truthful, question: Question) -> Array:
    return Truthful.computed(self, question.read_as("other_form"))


@lies("computed")
def cuts_at_twenty(self: Truthful, question: Question) -> Array:
    return Truthful.computed(self, question.read_as("cut_at_20"))


@lies("computed")
def holds_constants_in_single_precision(self: Truthful, question: Question) -> Array:
    return Truthful.computed(self, question.read_as("single_constants"))


# Gradients.


@lies("derived")
def two_at_the_kink(_: Truthful, question: Question, gradient: Array) -> Array:
    return np.where(question.first == 0, gradient.dtype.type(2), gradient)


@lies("directed")
def ignores_the_cotangent(_: Truthful, cotangent: Array) -> Array:
    return np.ones_like(cotangent)


@lies("derived")
def descends_upwards(_: Truthful, question: Question, gradient: Array) -> Array:
    return -gradient


@lies("derived")
def gradient_in_float64(_: Truthful, question: Question, gradient: Array) -> Array:
    return gradient.astype(np.float64)


@lies("derived")
def sums_the_gradient(_: Truthful, question: Question, gradient: Array) -> Array:
    return np.asarray(gradient.sum(axis=0))


@lies("derived")
def derives_infinity_as_nan(_: Truthful, question: Question, gradient: Array) -> Array:
    return np.where(np.isinf(question.first), np.array(np.nan, gradient.dtype), gradient)


@lies("derived")
def derives_infinity_as_one(_: Truthful, question: Question, gradient: Array) -> Array:
    return np.where(np.isinf(question.first), np.array(1, gradient.dtype), gradient)


@lies("derived")
def derives_both_branches(_: Truthful, question: Question, gradient: Array) -> Array:
    with np.errstate(all="ignore"):
        return np.asarray(gradient + np.exp(question.first) * 0, gradient.dtype)


@lies("understood")
def clamps_the_parameter(self: Truthful, question: Question) -> Question:
    question = Truthful.understood(self, question)
    return question.told(alpha=min(float(question.effective["alpha"]), 1e4))


@lies("bent")
def derives_once_only(_: Truthful, question: Question, second: Array) -> Array:
    return np.zeros_like(second)


# In place.


@lies("overwritten")
def copies_instead(_: Truthful, tensor: Array, output: Array) -> Array:
    tensor[...] = output
    return output


@lies("overwritten")
def returns_the_input(_: Truthful, tensor: Array, output: Array) -> Array:
    return tensor


@lies("spoiled")
def spoils_a_saved_tensor(_: Truthful, tensors: Tensors) -> Tensors:
    return {name: np.ones_like(tensor) for name, tensor in tensors.items()}


# Draws.


@lies("draws")
def draws_out_of_bounds(self: Truthful, low: float, high: float, shape: tuple[int, int]) -> Array:
    return self.random.uniform(low, high + (high - low) / 50, shape)


@lies("draws")
def draws_unevenly(self: Truthful, low: float, high: float, shape: tuple[int, int]) -> Array:
    return low + (high - low) * self.random.uniform(0, 1, shape) ** 1.2


@lies("draws")
def draws_the_mean(self: Truthful, low: float, high: float, shape: tuple[int, int]) -> Array:
    return np.full(shape, (low + high) / 2)


@lies("draws")
def draws_once(self: Truthful, low: float, high: float, shape: tuple[int, int]) -> Array:
    return np.full(shape, self.random.uniform(low, high))


@lies("draws")
def draws_in_pairs(self: Truthful, low: float, high: float, shape: tuple[int, int]) -> Array:
    return np.resize(np.repeat(self.random.uniform(low, high, shape), 2), shape)


# What only a sweep finds, or a hunt: one number among all, a few among endlessly many.


def _at(question: Question, pattern: int) -> Array:
    """Where the first input is the float32 with this pattern."""
    return np.asarray(question.first == np.array(pattern, np.uint32).view(np.float32))


@lies("answered")
def one_number_is_off(_: Truthful, question: Question, output: Array) -> Array:
    return np.where(_at(question, 0x3F80ABCD), output * output.dtype.type(1.5), output)


@lies("answered")
def is_off_in_a_narrow_interval(_: Truthful, question: Question, output: Array) -> Array:
    near = np.abs(np.asarray(question.first, np.float64) - 1.2345) < 2.0**-7
    return np.where(near, output * output.dtype.type(1 + 2.0**-30), output)


@lies("draws")
def draws_in_order(self: Truthful, low: float, high: float, shape: tuple[int, int]) -> Array:
    return np.linspace(low, high, shape[0] * shape[1]).reshape(shape)


# Converters.


@lies("to_tensor")
def has_one_nan(_: Truthful, array: Array, device: str) -> Tensor:
    if array.dtype.kind == "i":
        return array.copy()
    return np.where(np.isnan(array), array.dtype.type(np.nan), array)


@lies("to_tensor")
def counts_in_float64(_: Truthful, array: Array, device: str) -> Tensor:
    return array.astype(np.float64).astype(np.int64) if array.dtype.kind == "i" else array.copy()


@lies("to_array")
def has_one_zero(_: Truthful, tensor: Tensor) -> Array:
    return np.array(tensor + tensor.dtype.type(0))


# Accidents; they happen to the number one alone.


def _alone(question: Question) -> bool:
    return question.first.size == 1 and bool((question.first == 1).all())


@lies("answered")
def segfaults(_: Truthful, question: Question, output: Array) -> Array:
    if _alone(question):
        os.kill(os.getpid(), signal.SIGSEGV)
    return output


@lies("answered")
def leaves(_: Truthful, question: Question, output: Array) -> Array:
    if _alone(question):
        os._exit(0)
    return output


@lies("answered")
def hangs(_: Truthful, question: Question, output: Array) -> Array:
    while _alone(question):
        time.sleep(3600)
    return output


class Poor(Truthful):
    """Truthful, but there is little that it has."""

    absent: Mapping[str, str] = {"sigmoid": "nobody needs it"}

    def dtypes(self, target: Target) -> frozenset[str]:
        return frozenset({"float32"})


truthful, poor = Truthful("truthful"), Poor("poor")
