"""Models of one OpenVINO operation, and how its CPU plugin runs them.

What follows is the beginning of every reproduction, which so runs what was measured. It needs
OpenVINO, NumPy and ml_dtypes, and nothing of ours.
"""

import functools
import inspect
from typing import Any

import ml_dtypes
import numpy as np
import openvino
from openvino import opset16 as operations

CORE = openvino.Core()
SETTINGS = {  # as it is: no narrower arithmetic, nothing flushed, one thread
    "INFERENCE_PRECISION_HINT": "f32",
    "EXECUTION_MODE_HINT": "ACCURACY",
    "CPU_DENORMALS_OPTIMIZATION": False,
    "INFERENCE_NUM_THREADS": 1,
    "NUM_STREAMS": 1,
}
KINDS = {
    "float32": openvino.Type.f32,
    "float16": openvino.Type.f16,
    "bfloat16": openvino.Type.bf16,
    "int64": openvino.Type.i64,
    "bool": openvino.Type.boolean,
}


def tensor_of(array: Any) -> Any:
    """Return a tensor with a copy of an array."""
    tensor = openvino.Tensor(KINDS[array.dtype.name], openvino.Shape(array.shape))
    memory = tensor.data.reshape(-1).view(np.uint8)
    memory[...] = array.reshape(-1).view(np.uint8)
    return tensor


def array_of(tensor: Any) -> Any:
    """Return a copy of a tensor, whose own array shows bfloat16 as float16."""
    array = np.array(tensor.data)
    return array.view(ml_dtypes.bfloat16) if tensor.element_type == openvino.Type.bf16 else array


@functools.cache
def compiled(name: str, inputs: tuple[tuple[str, int], ...], given: tuple[Any, ...]) -> Any:
    """Return a compiled model of one operation, for inputs of these types and ranks.

    `given` holds the name, the value and its text (0.0 and -0.0 are equal) of what else it takes:
    attributes, and numbers where it takes tensors, which become constants of the first type.
    """
    parameters = [
        operations.parameter(openvino.PartialShape([-1] * rank), getattr(openvino.Type, kind))
        for kind, rank in inputs
    ]
    operation = getattr(operations, name)
    takes = inspect.signature(operation).parameters
    settings = {
        key: operations.constant(value, getattr(openvino.Type, inputs[0][0]))
        if "Node" in str(takes[key].annotation)
        else value
        for key, value, _ in given
    }
    model = openvino.Model([operation(*parameters, **settings)], parameters)
    return CORE.compile_model(model, "CPU", SETTINGS)


def run(name: str, /, *tensors: Any, **given: Any) -> Any:
    """Return what an operation makes of tensors; its memory is its own."""
    inputs = tuple((one.element_type.to_string(), len(one.shape)) for one in tensors)
    settings = tuple((key, value, repr(value)) for key, value in given.items())
    request = compiled(name, inputs, settings).create_infer_request()
    request.infer(list(tensors))
    return request.get_output_tensor(0)
