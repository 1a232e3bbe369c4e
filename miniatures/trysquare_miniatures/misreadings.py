"""Liars that answer in the wrong form, or another question than the one that was asked."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from trysquare.backend import Array, Call, Tensor, Tensors
from trysquare.spec import Spec
from trysquare_miniatures.truthful import Question, Truthful, lies

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
