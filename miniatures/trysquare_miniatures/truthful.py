"""The reference as a backend of its own, whose methods a liar replaces, and the list of liars."""

from __future__ import annotations

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


class Flushing(Truthful):
    """Takes subnormal numbers for zero, and says so: a product of its own shows it."""

    def multiply(self, a: Tensor, b: Tensor) -> Tensor:
        form = FORMATS[str(a.dtype)]
        return flushed(form, flushed(form, a) * flushed(form, b))


def flushed(form: Format, tensor: Array) -> Array:
    """Return zero, of the same sign, for every subnormal number."""
    tiny = np.abs(form.widen(tensor)) < form.smallest_normal
    return np.where(tiny, np.copysign(np.zeros_like(tensor), tensor), tensor)


LIARS: dict[str, Backend] = {}
"""Every liar by its name."""

Lie = Callable[..., Any]


def lies(method: str, of: type[Truthful] = Truthful) -> Callable[[Lie], Backend]:
    """Make a liar of what is decorated: the truthful one with this as one of its methods."""

    def register(lie: Lie) -> Backend:
        name = lie.__name__
        LIARS[name] = type(name, (of,), {method: lie})(name)
        return LIARS[name]

    return register
