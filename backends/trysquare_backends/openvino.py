"""OpenVINO, one operation at a time: https://docs.openvino.ai/.

An operation is called by compiling a model that has no other, and running that.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import openvino
from openvino import opset16 as operations

from trysquare.backend import Array, Offer, Target, Tensor
from trysquare.binding import Binding
from trysquare.framework import Snippets, Underived
from trysquare_backends import _one_operation as models


def bind(function: str, operation: str, arguments: Mapping[str, str], **more: Any) -> Binding:
    """Bind an operation of the newest operation set."""
    return Binding(
        function,
        f"openvino.opset16.{operation}",
        partial(models.run, operation),
        arguments,
        positional=True,
        wraps=getattr(operations, operation),
        code=f'functools.partial(run, "{operation}")',
        **more,
    )


class OpenVino(Underived):
    """OpenVINO's CPU plugin, asked to compute in single precision."""

    name = "openvino"
    package = "openvino"
    underived = "OpenVINO has no gradients"
    snippets = Snippets(
        imports=Path(models.__file__).read_text(encoding="utf-8").partition('"""\n\n')[2],
        tensor="tensor_of({array})",
        bfloat16="tensor_of({array}.view(ml_dtypes.bfloat16))",
        number="float(array_of({tensor})[{index}])",
        dtype="array_of({tensor}).dtype.name",
        raw="array_of({tensor}).tobytes()",
        storage="{tensor}.data.ctypes.data",
        needed="",  # there are no gradients
        gradient="",
        ones="",
        seed="",  # nor random numbers
    )
    # Most arguments have no default; the ones here are those of the spec.
    bindings = (
        bind("relu", "relu", {"node": "x"}),
        bind(
            "leaky_relu",
            "prelu",
            {"data": "x", "slope": "negative_slope"},
            canonical={"slope": 0.01},
        ),
        bind("prelu", "prelu", {"data": "x", "slope": "weight"}),
        bind("elu", "elu", {"data": "x", "alpha": "alpha"}, canonical={"alpha": 1.0}),
        bind(
            "selu",
            "selu",
            {"data": "x"},
            canonical={"alpha": 1.6732632423543772, "lambda_value": 1.0507009873554805},
        ),
        bind(
            "gelu",
            "gelu",
            {"data": "x", "approximation_mode": "approximate"},
            values={"approximate": {"none": "erf", "tanh": "tanh"}},
            canonical={"approximation_mode": "erf"},
        ),
        bind("silu", "swish", {"data": "x", "beta": "beta"}),
        bind("mish", "mish", {"data": "x"}),
        bind("softplus", "softplus", {"data": "x"}),
        bind("softsign", "softsign", {"node": "x"}),
        bind("sigmoid", "sigmoid", {"data": "x"}),
        bind("hard_sigmoid", "hsigmoid", {"data": "x"}),
        bind("hard_silu", "hswish", {"data": "x"}),
        bind("relu6", "clamp", {"data": "x"}, canonical={"min_value": 0.0, "max_value": 6.0}),
        bind(
            "hard_tanh",
            "clamp",
            {"data": "x", "min_value": "min_val", "max_value": "max_val"},
            canonical={"min_value": -1.0, "max_value": 1.0},
        ),
        bind("softmax", "softmax", {"data": "x", "axis": "dim"}, canonical={"axis": -1}),
        bind("log_softmax", "log_softmax", {"data": "x", "axis": "dim"}, canonical={"axis": -1}),
        *(
            bind(name, name, {"node": "x"})
            for name in ("exp", "log", "sinh", "cosh", "tanh", "erf", "sqrt")
        ),
    )
    absent: Mapping[str, str] = {
        **dict.fromkeys(
            (
                *("rrelu", "celu", "log_sigmoid", "hard_shrink", "soft_shrink", "tanh_shrink"),
                *("threshold", "glu", "swiglu", "geglu", "reglu", "softmin", "log_sum_exp"),
                *("squareplus", "sparse_plus", "sparse_sigmoid", "erfc", "expm1", "log1p"),
                *("log2", "log10", "rsqrt"),
            ),
            "OpenVINO has no such operation; models compose it of others",
        ),
        **dict.fromkeys(
            (
                *("l1_loss", "mse_loss", "huber_loss", "smooth_l1_loss", "log_cosh_loss"),
                *("bce_loss", "bce_with_logits_loss", "cross_entropy_loss", "nll_loss"),
                *("kl_div_loss", "poisson_nll_loss", "gaussian_nll_loss", "focal_loss"),
                *("hinge_loss", "squared_hinge_loss", "categorical_hinge_loss"),
                *("hinge_embedding_loss", "margin_ranking_loss", "soft_margin_loss"),
                *("multi_margin_loss", "multilabel_soft_margin_loss", "cosine_embedding_loss"),
                *("triplet_margin_loss", "triplet_margin_with_distance_loss"),
                *("mape_loss", "msle_loss"),
            ),
            "OpenVINO has no losses but that of connectionist temporal classification",
        ),
    }

    def version(self) -> str:
        """Return the runtime's own, with its build."""
        return str(openvino.__version__).partition("-")[0]

    def targets(self) -> tuple[Offer, ...]:
        """Return the CPU."""
        return (Target(self.name, "cpu", "model"),)

    def dtypes(self, target: Target) -> frozenset[str]:  # noqa: ARG002 - there is one
        """Return those that the plugin keeps; float64 it computes in single precision."""
        return frozenset({"float32", "float16", "bfloat16"})

    def to_tensor(self, array: Array, device: str) -> Tensor:  # noqa: ARG002 - there is one
        """Copy the memory."""
        return models.tensor_of(array)

    def to_array(self, tensor: Tensor) -> Array:
        """Copy the memory."""
        array: Array = models.array_of(tensor)
        return array

    def multiply(self, a: Tensor, b: Tensor) -> Tensor:
        """Return the plugin's product."""
        return models.run("multiply", a, b)

    def storage(self, tensor: Tensor) -> Hashable:
        """Return the address; an empty tensor has none of its own, and is then only itself."""
        return tensor.data.ctypes.data if tensor.size else id(tensor)

    def environment(self) -> Mapping[str, str]:
        """Return what a model is compiled with."""
        return {name.lower().replace("_", " "): str(one) for name, one in models.SETTINGS.items()}


backend = OpenVino()
