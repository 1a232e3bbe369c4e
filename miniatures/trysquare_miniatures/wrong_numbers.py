"""Liars that say wrong numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from trysquare.backend import Array
from trysquare.dtypes import Format
from trysquare.truth.arrangement import arrange
from trysquare.truth.oracle import Oracle
from trysquare_miniatures.truthful import Flushing, Question, Truthful, flushed, lies

# What is said: wrong numbers.


def further(format: Format, output: Array) -> Array:
    """Return every number, but zeros and what has no end, one ULP further from zero."""
    wide = format.widen(output)
    reach = np.isfinite(wide) & (wide != 0) & (np.abs(wide) < format.largest)
    return np.where(reach, format.cast(wide + np.copysign(format.ulp(wide), wide)), output)


@lies("answered")
def off_by_one_ulp(_: Truthful, question: Question, output: Array) -> Array:
    return further(question.format, output)


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


def _decays(question: Question) -> Array:
    """Where the exponential of a number is subnormal."""
    decay = np.exp(-np.abs(question.format.widen(question.first)))
    return np.asarray((decay > 0) & (decay < question.format.smallest_normal))


@lies("answered", Flushing)
def doubles_what_may_be_flushed(_: Flushing, question: Question, output: Array) -> Array:
    with np.errstate(over="ignore"):
        return np.where(_decays(question), output + output, output)


@lies("answered", Flushing)
def flushes_on_the_way(_: Flushing, question: Question, output: Array) -> Array:
    left = _decays(question) & (question.first < 0)  # no lie: it says that it flushes
    return flushed(question.format, np.where(left, -np.zeros_like(output), output))


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


def summed(terms: Array, dtype: np.dtype[Any]) -> Array:
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
        total = summed(terms, np.dtype(np.float32)).astype(output.dtype)
    count = terms.size if question.effective["reduction"] == "mean" else 1
    with np.errstate(invalid="ignore"):
        return np.asarray(total / output.dtype.type(count))


@lies("answered")
def accumulates_narrowly(self: Truthful, question: Question, output: Array) -> Array:
    axis = int(question.effective["dim"])
    moved = np.moveaxis(question.first, axis, -1).astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        terms = question.format.cast(np.exp(moved - moved.max(axis=-1, keepdims=True)))
        sums = [summed(row, terms.dtype) for row in terms.reshape(-1, terms.shape[-1])]
        whole = np.array(sums, terms.dtype).reshape(*terms.shape[:-1], 1)
        quotient = terms.astype(np.float64) / whole.astype(np.float64)
    return np.moveaxis(question.format.cast(quotient), -1, axis)


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
