"""Models of one ONNX node, and how ONNX Runtime runs them.

A reproduction begins with the text of this file, so that it runs what was measured; it needs ONNX,
ONNX Runtime and NumPy, and nothing of ours.
"""

import ctypes
from collections.abc import Mapping
from functools import cache, partial  # noqa: F401 - reproductions say partial(run, ...)
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import defs, helper, inliner, numpy_helper


def tensor_of(array: Any) -> Any:
    """Return a tensor on top of an array, whatever its dtype."""
    kind = helper.np_dtype_to_tensor_dtype(array.dtype)
    return onnxruntime.OrtValue.ortvalue_from_numpy_with_onnx_type(array, kind)


def array_of(tensor: Any) -> Any:
    """Return a copy of a tensor; its own method knows no bfloat16."""
    dtype = helper.tensor_dtype_to_np_dtype(tensor.element_type())
    raw = ctypes.string_at(tensor.data_ptr(), tensor.tensor_size_in_bytes())
    return np.frombuffer(bytearray(raw), dtype).reshape(tensor.shape())


def one_node(name: str, opset: int, kinds: Mapping[str, int], settings: Mapping[str, Any]) -> Any:
    """Return a model of one node, whose output has the type of its first input.

    `kinds` holds the element types of the inputs that are sent. `settings` are attributes, or
    numbers for further inputs, which become constants of the model.
    """
    schema = defs.get_schema(name, opset)
    kind = next(iter(kinds.values()))
    constants = []
    for given in schema.inputs:
        if given.name in settings:
            value = np.array(settings[given.name], helper.tensor_dtype_to_np_dtype(kind))
            if given.type_str == "tensor(int64)":  # a list of axes
                value = np.array([settings[given.name]], np.int64)
            constants.append(numpy_helper.from_array(value, given.name))
    known = {*kinds, *(constant.name for constant in constants)}
    names = [given.name if given.name in known else "" for given in schema.inputs]
    while not names[-1]:
        names.pop()
    attributes = {key: value for key, value in settings.items() if key not in known}
    node = helper.make_node(name, names, ["output"], **attributes)
    inputs = [helper.make_tensor_value_info(key, one, None) for key, one in kinds.items()]
    output = helper.make_tensor_value_info("output", kind, None)
    graph = helper.make_graph([node], name, inputs, [output], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])


def expanded(model: Any) -> Any:
    """Return a model in which the standard's own function bodies stand for its operators."""
    return inliner.inline_selected_functions(
        model, [], exclude=True, inline_schema_functions=True
    )


def options(provider: str) -> Any:
    """Return settings with which a model is run as it is: one thread, nothing fused."""
    chosen = onnxruntime.SessionOptions()
    chosen.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    chosen.intra_op_num_threads = chosen.inter_op_num_threads = 1
    chosen.log_severity_level = 4  # what goes wrong is raised as well
    if provider != "CPUExecutionProvider":
        chosen.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    return chosen


@cache
def session(model: bytes, mode: str, provider: str) -> Any:
    """Return a session that runs a model as it is, or expanded."""
    if mode == "expanded":
        model = expanded(onnx.load_from_string(model)).SerializeToString()
    return onnxruntime.InferenceSession(model, options(provider), [provider])


def run(name: str, opset: int, mode: str, provider: str, /, **given: Any) -> Any:
    """Return what an operator makes of its inputs, which are tensors or numbers, and attributes."""
    tensors = {key: value for key, value in given.items() if _is_tensor(value)}
    kinds = {key: tensor.element_type() for key, tensor in tensors.items()}
    settings = {key: value for key, value in given.items() if key not in tensors}
    model = one_node(name, opset, kinds, settings).SerializeToString()
    return session(model, mode, provider).run_with_ort_values(["output"], tensors)[0]


def _is_tensor(value: Any) -> bool:
    return isinstance(value, onnxruntime.OrtValue)


def run_by_channel(name: str, opset: int, mode: str, provider: str, /, X: Any, slope: Any) -> Any:  # noqa: N803 - ONNX's names
    """Run an operator whose slopes, one for each channel, have to end in as many ones as X needs."""
    trailing = (1,) * (len(X.shape()) - 2)
    slopes = tensor_of(array_of(slope).reshape(*slope.shape(), *trailing))
    return run(name, opset, mode, provider, X=X, slope=slopes)
