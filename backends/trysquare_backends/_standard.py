"""What the ONNX standard says of its operators: https://onnx.ai/onnx/operators/."""

import inspect
from typing import Any

import numpy as np
from onnx import defs, helper
from onnxruntime.capi import onnxruntime_pybind11_state as native

OPSET: int = min(
    defs.onnx_opset_version(),
    max(one.since_version for one in native.get_all_operator_schema() if one.domain == ""),
)
"""The newest that the standard and the runtime both know; an operator is the newest in it."""


def schema(name: str) -> Any:
    """Return what is written of an operator."""
    return defs.get_schema(name, OPSET)


def knows(name: str) -> bool:
    """Return whether the opset has an operator; an older standard, or runtime, has fewer."""
    try:
        schema(name)
    except defs.SchemaError:
        return False
    return True


def bodies(name: str) -> list[int]:
    """Return the opsets of the bodies by which an operator is defined, if it is."""
    found = schema(name)
    every = (*found.function_opset_versions, *found.context_dependent_function_opset_versions)
    return [version for version in every if version <= OPSET]


def opset(name: str, *, expanded: bool) -> int:
    """Return the one in which an operator last changed, or the later one that its body needs.

    The runtime finds no body in a later opset (Swish, which is of opset 24, in 25).
    """
    return max([int(schema(name).since_version), *(bodies(name) if expanded else [])])


def signature(name: str) -> inspect.Signature:
    """Return the attributes of an operator with their defaults; inputs have none."""
    return inspect.Signature(
        [
            inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=_default(attribute))
            for key, attribute in schema(name).attributes.items()
        ]
    )


def _default(attribute: Any) -> Any:
    """Return the default of an attribute, a float as the shortest decimal that stands for it."""
    if not attribute.default_value.name:
        return inspect.Parameter.empty
    value = helper.get_attribute_value(attribute.default_value)
    if isinstance(value, bytes):
        return value.decode()
    return float(str(np.float32(value))) if isinstance(value, float) else value
