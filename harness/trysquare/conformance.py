"""A callable of somebody's own against a spec, in this process: what is wrong, or nothing."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Hashable, Mapping
from functools import cached_property
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from trysquare.backend import Array, Backend, Call, Target, Tensor, Tensors
from trysquare.command import selection
from trysquare.dtypes import FORMATS
from trysquare.errors import UsageError, suggestion
from trysquare.planning.cases import Case
from trysquare.planning.checks import chosen
from trysquare.result import SEED, Expectation, Outcome, Result, Symptom
from trysquare.spec import Input, Parameter, ParameterKind, Role, Spec, Value
from trysquare.specfile.parameters import is_inside
from trysquare.verdict.judge import judge_all
from trysquare.verdict.standard import Standard
from trysquare.workers.worker import Worker

SPELLED_OUT = 3
"""Failures that are told in full; the others by their names."""

Function = Callable[..., Any]


def require(
    function: Function,
    name: str | Path,
    dtype: str,
    gradient: Function | None,
    parameters: Mapping[str, Value],
) -> None:
    """Raise AssertionError unless a callable conforms; `trysquare.assert_conforms` says how."""
    __tracebackhide__ = True
    words: tuple[object, ...] = (name, dtype)  # as they are annotated, which nobody has to follow
    if not isinstance(words[0], str | Path) or not isinstance(words[1], str):
        raise UsageError("the function and its dtype are named by text: dtype='float32'")
    spec = selection.one(name)
    given = _parameters(spec, parameters)
    selection.members([dtype], FORMATS, "dtype")
    if not callable(function):
        raise UsageError(f"{function!r} cannot be called")
    own = Own(function, gradient)
    asked = chosen(spec, FORMATS[dtype], given, SEED, derived=gradient is not None)
    cases = [case for case in asked if own.takes(spec, case)]
    results = _results(own, spec, cases)
    wrong = [one for one in results if one.expectation is not Expectation.EXPECTED]
    if wrong:
        raised = any(one.symptom is Symptom.RAISED for one in wrong)
        text = _told(f"{own.name} does not conform to {spec.function}", wrong, len(results))
        raise AssertionError(text) from (own.raised if raised else None)
    if not any(one.outcome is Outcome.CONFORMS for one in results):
        raise AssertionError(f"{own.name}: nothing could be compared with {spec.function}")


class Own(Backend):
    """A callable on arrays, and perhaps one for its gradient."""

    package = "numpy"

    def __init__(self, function: Function, gradient: Function | None) -> None:
        self.name = str(getattr(function, "__name__", type(function).__name__))
        self.raised: Exception | None = None
        self._function, self._gradient = function, gradient
        self.target = Target(self.name, "here", "called")

    def targets(self) -> tuple[Target, ...]:
        """Return the only target."""
        return (self.target,)

    def dtypes(self, target: Target) -> frozenset[str]:  # noqa: ARG002 - the same everywhere
        """Return every format: the caller has named one."""
        return frozenset(FORMATS)

    def takes(self, spec: Spec, case: Case) -> bool:
        """Return whether the callable takes the optional inputs that a case gives."""
        given = {item.name for item in _optional(spec) if item.name in case.inputs}
        return self._everything or given <= self._names

    @cached_property
    def _arguments(self) -> list[inspect.Parameter]:
        try:
            return [*inspect.signature(self._function).parameters.values()]
        except (TypeError, ValueError):  # written in C, without a signature
            return []

    @property
    def _everything(self) -> bool:
        return any(one.kind is inspect.Parameter.VAR_KEYWORD for one in self._arguments)

    @property
    def _names(self) -> set[str]:
        named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        return {one.name for one in self._arguments if one.kind in named}

    def to_tensor(self, array: Array, device: str) -> Tensor:  # noqa: ARG002 - there is one
        """Copy the array, so that what a callable does to it shows."""
        return np.array(array)

    def to_array(self, tensor: Tensor) -> Array:
        """Copy what came back, which may be a buffer that is used again."""
        if isinstance(tensor, np.ndarray | np.generic) or hasattr(tensor, "__array__"):
            return np.array(tensor)
        if hasattr(tensor, "__dlpack__"):
            return np.array(np.from_dlpack(tensor))
        raise TypeError(f"{self.name} returned {type(tensor).__name__}, which is no array")

    def value(self, spec: Spec, call: Call, tensors: Tensors) -> Tensor:
        """Call it."""
        return self._called(self._function, spec, call, tensors)

    def gradients(
        self, spec: Spec, call: Call, tensors: Tensors, cotangent: Tensor | None
    ) -> Tensors:
        """Call what gives the gradient."""
        if self._gradient is None:
            raise TypeError("there is no gradient to call")
        found = self._called(self._gradient, spec, call, tensors, cotangent)
        (wrt,) = call.wrt
        if not isinstance(found, Mapping):
            several = [i.name for i in spec.inputs if i.differentiable and i.name in tensors]
            if len(several) > 1:
                words = ", ".join(f"'{name}': ..." for name in several)
                raise TypeError(f"the gradient of several inputs is a mapping: {{{words}}}")
            return {wrt: found}
        if wrt not in found:
            raise TypeError(f"the gradient has no '{wrt}', only {', '.join(map(str, found))}")
        return {wrt: found[wrt]}

    def _called(
        self, function: Function, spec: Spec, call: Call, tensors: Tensors, *first: Tensor
    ) -> Any:
        """Return what it gives; that a number is none shows in the answer, not as a warning."""
        needed = [tensors[item.name] for item in spec.required if item.name in call.inputs]
        named = {i.name: tensors[i.name] for i in _optional(spec) if i.name in tensors}
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore", RuntimeWarning)
            return function(*first, *needed, **named)

    def lacks(self, error: Exception) -> bool:
        """Return that nothing is excused; keep the first exception, which knows its line."""
        self.raised = self.raised or error
        return False

    def multiply(self, a: Tensor, b: Tensor) -> Tensor:
        """Multiply as NumPy does."""
        return np.multiply(a, b)

    def storage(self, tensor: Tensor) -> Hashable:
        """Return where an array lies; anything else is memory of its own."""
        if isinstance(tensor, np.ndarray):
            return int(tensor.__array_interface__["data"][0])
        return id(tensor)


def _optional(spec: Spec) -> list[Input]:
    return [item for item in spec.inputs if item.default is not None]


def _told(head: str, wrong: list[Result], count: int) -> str:
    """Return the text of all failures, the first ones in full."""
    failure = import_module("trysquare_reports.text").failure
    texts = [failure(result) for result in wrong[:SPELLED_OUT]]
    left = [f"{one.check}: {one.case}" for one in wrong[SPELLED_OUT:]]
    more = [f"and also {'; '.join(left)}"] if left else []
    return "\n\n".join([f"{head}: {len(wrong)} of {count} cases", *texts, *more])


def _results(own: Own, spec: Spec, cases: list[Case]) -> list[Result]:
    """Return the result of each case, judged as those of a worker are."""
    worker = Worker(own, own.target, BytesIO())
    standards = [Standard(spec, case) for case in cases]
    replies = [worker.reply(spec, case.call) for case in cases]
    judged = judge_all(standards, {str(own.target): (replies, False)})
    return judged[str(own.target)]


def _parameters(spec: Spec, given: Mapping[str, Value]) -> dict[str, Value]:
    """Return parameters of a spec, of their kinds; UsageError for what they cannot be."""
    known = {item.name: item for item in spec.parameters}
    for name in given:
        if name not in known:
            hint = suggestion(name, known) or f"it has {', '.join(known) or 'none'}"
            raise UsageError(f"{spec.function} has no parameter '{name}'; {hint}")
    values = {name: _value(known[name], value) for name, value in given.items()}
    everything = {**spec.defaults, **values}
    for item in spec.parameters:
        if not is_inside(item, everything):
            domain = "" if item.domain is None else item.domain.text
            raise UsageError(f"{item.name} is {everything[item.name]}; it must satisfy {domain}")
        if item.role is Role.INPLACE and everything[item.name]:
            raise UsageError(f"{item.name}: a callable is asked for a new array only")
    if spec.draws(everything):
        raise UsageError(f"{spec.function} draws random numbers with these parameters")
    return values


def _value(parameter: Parameter, value: Value) -> Value:
    kinds = {ParameterKind.INTEGER: int, ParameterKind.FLAG: bool, ParameterKind.CHOICE: str}
    kind = kinds.get(parameter.kind)
    if parameter.kind is ParameterKind.CHOICE and isinstance(value, str):
        selection.members([value], parameter.choices, parameter.name)
        return value
    if kind is None and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if kind is not None and kind is not str and type(value) is kind:
        return value
    raise UsageError(f"{parameter.name} is a {parameter.kind}, not {value!r}")
