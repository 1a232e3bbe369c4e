# ruff: noqa: ARG002 - a method takes what the interface says
"""A framework of three functions whose defaults are not those of the specs.

Loaded by a worker as `library:backend`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np

from trysquare.backend import Array, Offer, Target, Tensor, Tensors
from trysquare.binding import Binding
from trysquare.errors import Unsupported
from trysquare.framework import Framework, Snippets

NOTHING = Snippets("", "", "", "", "", "", "", "", "", "", "")


def leaky(x: Array, slope: float = 2.0) -> Array:
    """Return an ELU with alpha 2, as its signature says."""
    return np.where(x > 0, x, slope * np.expm1(x)).astype(x.dtype)


def liar(x: Array, **more: Any) -> Array:
    """Return a softplus, with beta 2 where its signature says 1."""
    beta = more.get("scale", 2.0)
    return np.asarray(np.logaddexp(0, beta * x) / beta, x.dtype)


def promised(x: Array, scale: float = 1.0) -> Array:
    """Have the signature that `liar` shows."""
    return liar(x, scale=scale)


liar.__signature__ = inspect.signature(promised)  # type: ignore[attr-defined]


def silent(x: Array, **more: Any) -> Array:
    """Return a softmax along the first axis by default; no signature tells it."""
    axis = more.get("axis", 0)
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return np.asarray(e / e.sum(axis=axis, keepdims=True), x.dtype)


def strict(a: Array, b: Array, reduction: str) -> Array:
    """Return a mean squared error; which reduction has to be said."""
    return np.asarray(np.mean((a - b) ** 2) if reduction == "avg" else (a - b) ** 2, a.dtype)


class Library(Framework):
    """Four functions, and defaults of its own."""

    name = "library"
    snippets = NOTHING
    bindings = (
        Binding("elu", "library.leaky", leaky, {"x": "x", "slope": "alpha"}),
        Binding("softplus", "library.liar", liar, {"x": "x", "scale": "beta"}),
        Binding("softmax", "library.silent", silent, {"x": "x", "axis": "dim"}),
        Binding(
            "mse_loss",
            "library.strict",
            strict,
            {"a": "input", "b": "target", "reduction": "reduction"},
            values={"reduction": {"mean": "avg", "none": "no"}},
        ),
    )

    def version(self) -> str:
        return "1"

    def targets(self) -> tuple[Offer, ...]:
        return (Target("library", "cpu", "eager"),)

    def dtypes(self, target: Target) -> frozenset[str]:
        return frozenset({"float64", "float32"})

    def to_tensor(self, array: Array, device: str) -> Tensor:
        return np.array(array)

    def to_array(self, tensor: Tensor) -> Array:
        return np.array(tensor)

    def multiply(self, a: Tensor, b: Tensor) -> Tensor:
        return a * b

    def storage(self, tensor: Tensor) -> Hashable:
        return int(tensor.__array_interface__["data"][0])

    def needed(self, tensor: Tensor) -> Tensor:
        return tensor

    def differentiate(
        self,
        function: Callable[[Tensors], Tensor],
        tensors: Tensors,
        wrt: tuple[str, ...],
        cotangent: Tensor | None,
    ) -> Tensors:
        raise Unsupported("a library without gradients")


backend = Library()
