"""Liars about gradients, memory and chance; converters that change bits; accidents."""

from __future__ import annotations

import os
import signal
import time

import numpy as np

from trysquare.backend import Array, Tensor, Tensors
from trysquare_miniatures.truthful import Question, Truthful, lies

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
