"""Models of one ONNX node, and how ONNX Runtime runs them.

What follows is the beginning of every reproduction, which so runs what was measured. It needs
ONNX, ONNX Runtime and NumPy, and nothing of ours.
"""

import ctypes
import functools
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import defs, helper, inliner, numpy_helper


def tensor_of(array: Any) -> Any:
    """Return a tensor that lies on the memory of an array."""
    kind = helper.np_dtype_to_tensor_dtype(array.dtype)
    return onnxruntime.OrtValue.ortvalue_from_numpy_with_onnx_type(array, kind)


def array_of(tensor: Any) -> Any:
    """Return a copy of a tensor; its own method knows no bfloat16."""
    dtype = helper.tensor_dtype_to_np_dtype(tensor.element_type())
    raw = ctypes.string_at(tensor.data_ptr(), tensor.tensor_size_in_bytes())
    return np.frombuffer(bytearray(raw), dtype).reshape(tensor.shape())


def one_node(name: str, opset: int, kinds: dict[str, int], settings: dict[str, Any]) -> Any:
    """Return a model of one node, whose output has the type of its first input.

    `kinds` are the types of the inputs that are sent, `settings` the attributes, and numbers for
    other inputs, which become constants of the type of the first one, or lists of axes.
    """
    inputs = defs.get_schema(name, opset).inputs
    kind = next(iter(kinds.values()))
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    constants = []
    for item in inputs:
        if item.name in settings:
            value = settings[item.name]
            axes = item.type_str == "tensor(int64)"
            array = np.array([value], np.int64) if axes else np.array(value, dtype)
            constants.append(numpy_helper.from_array(array, item.name))
    given = {*kinds, *(constant.name for constant in constants)}
    names = [item.name if item.name in given else "" for item in inputs]
    names = names[: 1 + max(place for place, key in enumerate(names) if key)]
    attributes = {key: value for key, value in settings.items() if key not in given}
    node = helper.make_node(name, names, ["output"], **attributes)
    graph = helper.make_graph(
        [node],
        name,
        [helper.make_tensor_value_info(key, sent, None) for key, sent in kinds.items()],
        [helper.make_tensor_value_info("output", kind, None)],
        constants,
        value_info=[helper.make_tensor_value_info(c.name, c.data_type, c.dims) for c in constants],
    )
    opsets = [helper.make_opsetid("", opset)]
    # what every runtime of this opset reads; by default it is what only the newest do
    form = max(8, helper.find_min_ir_version_for(opsets))
    return helper.make_model(graph, opset_imports=opsets, ir_version=form)


def expanded(model: Any) -> Any:
    """Return the model with the body that the standard gives its operator in the place of it."""
    node = model.graph.node[0]
    given = {attribute.name for attribute in node.attribute}
    schema = defs.get_schema(node.op_type, model.opset_import[0].version)
    for name, attribute in schema.attributes.items():
        if name not in given and attribute.default_value.name:  # the body refers to it
            node.attribute.append(attribute.default_value)
    return inliner.inline_selected_functions(
        model, [("", node.op_type)], inline_schema_functions=True
    )


@functools.cache
def session(model: bytes, mode: str, provider: str) -> Any:
    """Return what runs a model as it is: nothing fused, one thread, no provider in place of it."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what is logged as an error is raised as well
    if provider != "CPUExecutionProvider":
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    if mode == "expanded":
        model = expanded(onnx.load_from_string(model)).SerializeToString()
    return onnxruntime.InferenceSession(model, options, [provider], enable_fallback=0)


def run(name: str, opset: int, mode: str, provider: str, /, **given: Any) -> Any:
    """Return what an operator makes of tensors; whatever else is given are its settings."""
    tensors = {k: v for k, v in given.items() if isinstance(v, onnxruntime.OrtValue)}
    kinds = {key: tensor.element_type() for key, tensor in tensors.items()}
    settings = {key: value for key, value in given.items() if key not in tensors}
    model = one_node(name, opset, kinds, settings).SerializeToString()
    return session(model, mode, provider).run_with_ort_values(["output"], tensors)[0]


def by_channel(name: str, opset: int, mode: str, provider: str, /, **given: Any) -> Any:
    """Run an operator whose slopes, one for each channel, need an axis for each one after it."""
    slope, after = given["slope"], len(given["X"].shape()) - 2
    given["slope"] = tensor_of(array_of(slope).reshape(*slope.shape(), *([1] * after)))
    return run(name, opset, mode, provider, **given)
