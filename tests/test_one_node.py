"""Models of ONNX operators: one node each, or in its place the body that the standard gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

import onnxruntime

from trysquare.backend import Target, Unavailable
from trysquare_backends import _one_node as models
from trysquare_backends import _standard as standard
from trysquare_backends.onnxruntime import PROVIDERS, Operator, backend, bindings

CPU = PROVIDERS["cpu"]
OPERATORS = sorted({binding.name for binding in bindings("node", CPU)})
EXPANDED = [name for name in OPERATORS if standard.bodies(name)]
FLOAT, INT64 = 1, 7


def model_of(name: str, mode: str) -> Any:
    """A model with every input that the operator wants, and nothing else."""
    operator = Operator(name, mode, CPU)
    wanted = [one for one in standard.schema(name).inputs if one.option.name == "Single"]
    kinds = {one.name: FLOAT if one.type_str == "T" else INT64 for one in wanted}
    return models.one_node(name, operator.opset, kinds, {})


@pytest.mark.parametrize("name", OPERATORS)
def test_a_model_has_one_node(name: str) -> None:
    assert [node.op_type for node in model_of(name, "node").graph.node] == [name]


@pytest.mark.parametrize("name", OPERATORS)
def test_a_model_is_of_the_opset_in_which_its_operator_last_changed(name: str) -> None:
    (entry,) = model_of(name, "node").opset_import
    assert entry.version == standard.schema(name).since_version <= standard.OPSET


@pytest.mark.parametrize("name", EXPANDED)
def test_an_expanded_model_has_no_such_node(name: str) -> None:
    nodes = [node.op_type for node in models.expanded(model_of(name, "expanded")).graph.node]
    assert nodes
    assert name not in nodes


def test_numbers_for_inputs_become_constants_of_the_type_of_the_first() -> None:
    model = models.one_node("Clip", 13, {"input": 10}, {"min": -1.0, "max": 1.0})
    assert [(one.name, one.data_type, list(one.dims)) for one in model.graph.initializer] == [
        ("min", 10, []),
        ("max", 10, []),
    ]


def test_a_number_for_axes_becomes_a_list_of_them() -> None:
    model = models.one_node("ReduceLogSumExp", 18, {"data": FLOAT}, {"axes": -1, "keepdims": 0})
    (axes,) = model.graph.initializer
    assert (axes.data_type, list(axes.dims)) == (INT64, [1])


def test_an_input_that_is_left_out_keeps_the_place_of_the_next() -> None:
    model = models.one_node("Clip", 13, {"input": FLOAT}, {"max": 6.0})
    assert list(model.graph.node[0].input) == ["input", "", "max"]


def test_inputs_left_out_at_the_end_are_not_mentioned() -> None:
    model = models.one_node("Clip", 13, {"input": FLOAT}, {})
    assert list(model.graph.node[0].input) == ["input"]


def test_a_session_is_made_once() -> None:
    x = models.tensor_of(np.ones(3, np.float32))
    before = models.session.cache_info().misses
    for shape in ((3,), (2, 2)):
        models.run("Exp", 13, "node", CPU, input=models.tensor_of(np.ones(shape, np.float32)))
    models.run("Exp", 13, "node", CPU, input=x)
    assert models.session.cache_info().misses - before <= 1


def test_an_older_standard_has_fewer_operators(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standard, "OPSET", 21)
    older = type(backend)()
    older.prepare(Target("onnxruntime", "cpu", "node"))
    assert older.absent["silu"] == "opset 21 has no Swish"
    bound = {one.function for one in older.bindings}
    assert "silu" not in bound
    assert "relu" in bound


def test_a_build_for_cuda_is_unavailable_where_no_device_runs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if PROVIDERS["cuda"] in onnxruntime.get_available_providers():
        pytest.skip("here may be a device")
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: list(PROVIDERS.values()))
    *cpu, cuda = backend.targets()
    assert [str(target) for target in cpu] == ["onnxruntime:cpu:node", "onnxruntime:cpu:expanded"]
    assert isinstance(cuda, Unavailable)
    assert not cuda.broken
    assert "CUDA does not run here" in cuda.reason
