"""Backends with faults that only a search can find: `Truthful` but for a few inputs.

Loaded by a worker as `prey:NAME`.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from trysquare.backend import Offer, OnRequest, Target
from trysquare.dtypes import Array
from trysquare_miniatures.fragile import round_upwards
from trysquare_miniatures.liars import Question, Truthful, truthful

__all__ = ["truthful"]

Lie = Callable[[Question, Array], Array]


class Prey(Truthful):
    """Truthful but for what a lie makes of its answers."""

    def __init__(self, lie: Lie) -> None:
        super().__init__(lie.__name__)
        self.lie = lie

    def answered(self, question: Question, output: Array) -> Array:
        return self.lie(question, output)

    def derived(self, question: Question, gradient: Array) -> Array:
        return self.lie(question, gradient)


class Reluctant(Prey):
    """Has a second target, which runs where somebody names it."""

    def targets(self) -> tuple[Offer, ...]:  # type: ignore[override]
        slow = Target(self.name, "cpu", "slow")
        return (*super().targets(), OnRequest(slow, "it takes its time"))


def _off(question: Question, output: Array, where: Array, ulps: float) -> Array:
    wide, format = question.format.widen(output), question.format
    return np.where(where, format.cast(wide + ulps * format.ulp(wide)), output)


@Prey
def in_an_interval(question: Question, output: Array) -> Array:
    x = question.first
    return _off(question, output, (x > 0.73) & (x < 0.74), 40)


@Reluctant
def on_request(question: Question, output: Array) -> Array:
    return in_an_interval.lie(question, output)


@Prey
def below_one(question: Question, output: Array) -> Array:
    before = np.nextafter(question.first.dtype.type(1), question.first.dtype.type(0))
    return _off(question, output, question.first == before, 40)


@Prey
def at_one_number(question: Question, output: Array) -> Array:
    return _off(question, output, question.first == 0.73105857863000487, 40)


@Prey
def behind_zeros(question: Question, output: Array) -> Array:
    x = question.first
    lost = np.where((x > 2) & (x < 4), np.zeros_like(output), output)
    return _off(question, lost, (x > 5) & (x < 5.5), 30)


@Prey
def in_company(question: Question, output: Array) -> Array:
    x = question.first
    return _off(question, output, (x > 1) & (x < 2) & (x.size > 1), 40)


@Prey
def in_long_company(question: Question, output: Array) -> Array:
    x = question.first
    return _off(question, output, (x > 1) & (x < 2) & (x.size > 100), 40)


@Prey
def for_some_parameters(question: Question, output: Array) -> Array:
    alpha = float(question.effective["alpha"])
    x = question.first
    return _off(question, output, (x < -1) & (x > -2) & (2 < alpha < 64), 40)


@Prey
def for_close_inputs(question: Question, output: Array) -> Array:
    first, second = question.tensors.values()
    near = np.abs(first - second) < np.abs(first) / 64
    return _off(question, output, near & (first > 1) & (first < 4), 40)


@Prey
def for_a_large_gap(question: Question, output: Array) -> Array:
    x = question.first
    gap = (x.max(axis=-1, keepdims=True) - x > 30) & (x.max(axis=-1, keepdims=True) - x < 60)
    return _off(question, output, gap, 2000)


@Prey
def crashes(question: Question, output: Array) -> Array:
    x = question.first
    if ((x > 3) & (x < 64)).any():
        os.kill(os.getpid(), signal.SIGSEGV)
    return output


@Prey
def hangs(question: Question, output: Array) -> Array:
    while ((question.first > 3) & (question.first < 64)).any():
        time.sleep(3600)
    return output


@Prey
def never_ends_a_run(question: Question, output: Array) -> Array:
    while question.spec.function == "sigmoid":
        time.sleep(3600)
    return output


@Prey
def wide_answers(_: Question, output: Array) -> Array:
    return output.astype(np.float64)


def _at(question: Question, pattern: int) -> Array:
    return np.asarray(question.first == np.array(pattern, np.uint32).view(np.float32))


@Prey
def dies_of_a_number(question: Question, output: Array) -> Array:
    if _at(question, 0x3F80ABCD).any():
        os.kill(os.getpid(), signal.SIGSEGV)
    return output


@Prey
def hangs_at_a_number(question: Question, output: Array) -> Array:
    while _at(question, 0x3F80ABCD).any():
        time.sleep(3600)
    return output


@Prey
def rounds_upwards_from_a_number(question: Question, output: Array) -> Array:
    return round_upwards(output) if _at(question, 0x3F80ABCD).any() else output


@Prey
def one_pair_is_off(question: Question, output: Array) -> Array:
    left, right = (np.asarray(one, np.float64) for one in question.tensors.values())
    return np.where((left == 3.015625) & (right == 1), output * output.dtype.type(2), output)


@Prey
def one_at_the_kink(question: Question, gradient: Array) -> Array:
    one = gradient.dtype.type(1)
    return np.where(question.first == 0, one, gradient)  # no lie: convention allows it


@Prey
def dies_of_zero(question: Question, output: Array) -> Array:
    if (question.first == 0).any():
        os.kill(os.getpid(), signal.SIGSEGV)
    return output


def __getattr__(name: str) -> Prey:
    """Load what dies of a zero, and cannot be loaded again: a file that STARTED names is there."""
    if name != "once":
        raise AttributeError(name)
    Path(os.environ["STARTED"]).touch(exist_ok=False)
    return dies_of_zero
