"""Trysquare: lays exact mathematics against a framework's neural-network functions."""

import os
from collections.abc import Callable
from importlib import import_module
from typing import Any

__version__ = "0.1.0"
__all__ = ["__version__", "assert_conforms"]


def assert_conforms(
    function: Callable[..., Any],
    name: str | os.PathLike[str],
    *,
    dtype: str = "float32",
    gradient: Callable[..., Any] | None = None,
    **parameters: float | bool | str,
) -> None:
    """Raise AssertionError, saying where and by how much, unless a callable conforms to a spec.

    `function` gets NumPy arrays of `dtype` (int64 for class indices): by position, in the order of
    the spec, what every call needs, and by name what is optional, where it takes that. It returns
    an array, or what has `__array__` or `__dlpack__`, of the same dtype, and leaves its inputs as
    they are. `name` is that of a spec that comes with Trysquare (`trysquare list functions`), or
    the path of one of your own, which ends in .yaml; `parameters` say which of its parameters
    `function` has; they are not passed on. `gradient`, if there is one, gets the cotangent, shaped
    like the output, before the same arrays, and returns the gradient of the only input that is
    differentiable, or a mapping of those of several.

    Raises UsageError for a name, a dtype or a value of a parameter that the spec does not have,
    SpecErrors for a file that is no spec.
    """
    __tracebackhide__ = True
    # whoever imports the package, for its version or as a plugin, loads no NumPy
    conformance = import_module("trysquare.conformance")
    conformance.require(function, name, dtype, gradient, parameters)
