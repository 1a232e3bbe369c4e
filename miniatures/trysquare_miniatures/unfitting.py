"""Liars whose numbers do not fit to others: elsewhere, at the edges of a call, to each other."""

from __future__ import annotations

import numpy as np

from trysquare.backend import Array
from trysquare_miniatures.truthful import Question, Truthful, lies
from trysquare_miniatures.wrong_numbers import further, summed

# What is said: another number than elsewhere, within every limit.


@lies("answered")
def rounds_the_tail_otherwise(_: Truthful, question: Question, output: Array) -> Array:
    tail = np.arange(output.size) >= output.size // 16 * 16
    return np.where(tail.reshape(output.shape), further(question.format, output), output)


@lies("answered")
def walks_memory_otherwise(_: Truthful, question: Question, output: Array) -> Array:
    straight = question.first.flags.c_contiguous
    return output if straight else further(question.format, output)


@lies("answered")
def never_says_it_twice(self: Truthful, question: Question, output: Array) -> Array:
    self.__dict__["odd"] = odd = not self.__dict__.get("odd", False)
    return further(question.format, output) if odd else output


@lies("derived")
def derives_rows_alone_otherwise(_: Truthful, question: Question, gradient: Array) -> Array:
    return further(question.format, gradient) if len(gradient) == 1 else gradient


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
    return summed(self.computed(question.told(reduction="none")), output.dtype)


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
