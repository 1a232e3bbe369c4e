"""ONNX Runtime, one operator of the ONNX standard at a time: https://onnx.ai/onnx/operators/.

An operator is called by building a model that has it as its only node, and running that.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as native

from trysquare.backend import Array, Offer, Target, Tensor, Unavailable
from trysquare.binding import Binding
from trysquare.framework import Snippets, Underived
from trysquare.loading import words
from trysquare_backends import _one_node as models
from trysquare_backends import _standard as standard

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
NODE, EXPANDED = "node", "expanded"
NO_TYPE = re.compile(r"Type 'tensor\(\w+\)' of input parameter .* is invalid")


@dataclass(frozen=True)
class Operator:
    """An operator of the standard in one mode, on one provider; a call builds and runs its model.

    Inputs are tensors or numbers, attributes keep their names.
    """

    name: str
    mode: str
    provider: str

    def __call__(self, **given: Any) -> Tensor:
        """Run the model; raises whatever ONNX and the runtime raise."""
        run = models.by_channel if self.name == "PRelu" else models.run
        return run(self.name, self.opset, self.mode, self.provider, **given)

    @property
    def code(self) -> str:
        """Python for this callable, where the names of `_one_node` are known."""
        run = "by_channel" if self.name == "PRelu" else "run"
        model = f'"{self.name}", {self.opset}, "{self.mode}", "{self.provider}"'
        return f"functools.partial({run}, {model})"

    @property
    def opset(self) -> int:
        """The one of the model."""
        return standard.opset(self.name, expanded=self.mode == EXPANDED)

    @property
    def __signature__(self) -> inspect.Signature:
        """The attributes with their defaults."""
        return standard.signature(self.name)


SETTINGS = {"ignore_index": "ignore_index", "reduction": "reduction"}


def bindings(mode: str, provider: str) -> tuple[Binding, ...]:
    """Return how each function is called in a mode, on a provider."""

    def bind(
        function: str, operator: str, arguments: Mapping[str, str], **canonical: Any
    ) -> Binding:
        call = Operator(operator, mode, provider)
        code = call.code if standard.knows(operator) else ""
        return Binding(function, operator, call, arguments, canonical=canonical, code=code)

    return (
        bind("relu", "Relu", {"X": "x"}),
        bind("leaky_relu", "LeakyRelu", {"X": "x", "alpha": "negative_slope"}),
        bind("prelu", "PRelu", {"X": "x", "slope": "weight"}),
        bind("elu", "Elu", {"X": "x", "alpha": "alpha"}),
        bind("celu", "Celu", {"X": "x", "alpha": "alpha"}),
        bind("selu", "Selu", {"X": "x"}),
        bind("gelu", "Gelu", {"X": "x", "approximate": "approximate"}),
        bind("softplus", "Softplus", {"X": "x"}),
        bind("softsign", "Softsign", {"input": "x"}),
        bind("sigmoid", "Sigmoid", {"X": "x"}),
        bind("hard_sigmoid", "HardSigmoid", {"X": "x"}, alpha=1 / 6),
        bind("hard_silu", "HardSwish", {"X": "x"}),
        bind("mish", "Mish", {"X": "x"}),
        bind("silu", "Swish", {"X": "x", "alpha": "beta"}),
        bind("swiglu", "SwiGLU", {"A": "a", "B": "b"}),
        bind("hard_shrink", "Shrink", {"input": "x", "lambd": "lambd"}),
        # What is kept moves towards zero by the bias, which is 0 by default.
        bind("soft_shrink", "Shrink", {"input": "x", "lambd": "lambd", "bias": "lambd"}, bias=0.5),
        bind("threshold", "ThresholdedRelu", {"X": "x", "alpha": "threshold"}, alpha=0.0),
        # Without bounds nothing is clipped.
        bind("relu6", "Clip", {"input": "x"}, min=0.0, max=6.0),
        bind(
            "hard_tanh",
            "Clip",
            {"input": "x", "min": "min_val", "max": "max_val"},
            min=-1.0,
            max=1.0,
        ),
        bind("softmax", "Softmax", {"input": "x", "axis": "dim"}),
        bind("log_softmax", "LogSoftmax", {"input": "x", "axis": "dim"}),
        # By default all axes are reduced, and stay as axes of one element.
        bind("log_sum_exp", "ReduceLogSumExp", {"data": "x", "axes": "dim"}, axes=-1, keepdims=0),
        bind("exp", "Exp", {"input": "x"}),
        bind("log", "Log", {"input": "x"}),
        bind("sinh", "Sinh", {"input": "x"}),
        bind("cosh", "Cosh", {"input": "x"}),
        bind("tanh", "Tanh", {"input": "x"}),
        bind("erf", "Erf", {"input": "x"}),
        bind("sqrt", "Sqrt", {"X": "x"}),
        # By default no class is ignored.
        replace(
            bind(
                "cross_entropy_loss",
                "SoftmaxCrossEntropyLoss",
                {"scores": "input", "labels": "target", "weights": "weight", **SETTINGS},
                ignore_index=-100,
            ),
            when={"target_type": "class"},
        ),
        bind(
            "nll_loss",
            "NegativeLogLikelihoodLoss",
            {"input": "input", "target": "target", "weight": "weight", **SETTINGS},
            ignore_index=-100,
        ),
    )


COMPOSED = "ONNX has no such operator; models compose it of others"
ABSENT: Mapping[str, str] = {
    "rrelu": "ONNX has no randomized leaky ReLU",
    **dict.fromkeys(
        (
            *("log_sigmoid", "tanh_shrink", "softmin", "glu", "geglu", "reglu"),
            *("squareplus", "sparse_plus", "sparse_sigmoid", "erfc", "expm1", "log1p"),
            *("log2", "log10", "rsqrt"),
        ),
        COMPOSED,
    ),
    **dict.fromkeys(
        (
            *("l1_loss", "mse_loss", "huber_loss", "smooth_l1_loss", "log_cosh_loss"),
            *("bce_loss", "bce_with_logits_loss", "kl_div_loss", "focal_loss", "mape_loss"),
            *("poisson_nll_loss", "gaussian_nll_loss", "msle_loss", "categorical_hinge_loss"),
            *("hinge_loss", "squared_hinge_loss", "hinge_embedding_loss", "margin_ranking_loss"),
            *("soft_margin_loss", "multi_margin_loss", "multilabel_soft_margin_loss"),
            *("cosine_embedding_loss", "triplet_margin_loss"),
            "triplet_margin_with_distance_loss",
        ),
        "ONNX has no losses but SoftmaxCrossEntropyLoss and NegativeLogLikelihoodLoss",
    ),
}

SNIPPETS = Snippets(
    imports=Path(models.__file__).read_text(encoding="utf-8").partition('"""\n\n')[2],
    tensor="tensor_of({array})",
    bfloat16="tensor_of({array}.view(helper.tensor_dtype_to_np_dtype(16)))",
    number="float(array_of({tensor})[{index}])",
    dtype="array_of({tensor}).dtype.name",
    raw="array_of({tensor}).tobytes()",
    storage="{tensor}.data_ptr()",
    needed="",  # there are no gradients
    gradient="",
    ones="",
    seed="",  # nor random numbers
    shape="tuple({tensor}.shape())",
)


def _lacking(operator: str, *, expanded: bool) -> str:
    """Return why an operator cannot be called here, nothing if it can."""
    if not standard.knows(operator):
        return f"opset {standard.OPSET} has no {operator}"
    if expanded and not standard.bodies(operator):
        return f"ONNX defines {operator} by no other operators"
    return ""


class OnnxRuntime(Underived):
    """ONNX Runtime with models of one operator: as a node, and as the body of its function."""

    name = "onnxruntime"
    underived = "ONNX has no gradients"
    snippets = SNIPPETS
    bindings = bindings(NODE, PROVIDERS["cpu"])
    absent = ABSENT

    def version(self) -> str:
        """Return the runtime's own; its distribution goes by several names."""
        return str(onnxruntime.__version__)

    def targets(self) -> tuple[Offer, ...]:
        """Return the node and its expansion on the CPU, and the node on CUDA where that works."""
        cpu = Target(self.name, "cpu", NODE), Target(self.name, "cpu", EXPANDED)
        cuda = Target(self.name, "cuda", NODE)
        if PROVIDERS["cuda"] not in onnxruntime.get_available_providers():
            return *cpu, Unavailable(cuda, "this build of ONNX Runtime has no CUDA")
        one = models.tensor_of(np.ones(1, np.float32))
        try:
            Operator("Relu", NODE, PROVIDERS["cuda"])(X=one)
        except Exception as error:  # noqa: BLE001 - no device, no driver, a library that is missing
            return *cpu, Unavailable(cuda, f"CUDA does not run here: {words(error)}")
        return *cpu, cuda

    def prepare(self, target: Target) -> None:
        """Bind the functions for the target; what the standard does not expand is absent there."""
        super().prepare(target)
        bound = bindings(target.mode, PROVIDERS[target.device])
        expanded = target.mode == EXPANDED
        told = ((one.function, _lacking(one.name, expanded=expanded)) for one in bound)
        lacking = {function: why for function, why in told if why}
        self.absent = {**ABSENT, **lacking}
        self.bindings = tuple(one for one in bound if one.function not in lacking)

    def dtypes(self, target: Target) -> frozenset[str]:  # noqa: ARG002 - the same everywhere
        """Return all of them; each operator has kernels for some."""
        return frozenset({"float64", "float32", "float16", "bfloat16"})

    def to_tensor(self, array: Array, device: str) -> Tensor:  # noqa: ARG002 - sessions move it
        """Copy the memory."""
        return models.tensor_of(np.array(array, order="C"))

    def to_array(self, tensor: Tensor) -> Array:
        """Copy the memory."""
        array: Array = models.array_of(tensor)
        return array

    def multiply(self, a: Tensor, b: Tensor) -> Tensor:
        """Return the runtime's product."""
        return Operator("Mul", NODE, PROVIDERS[self.target.device])(A=a, B=b)

    def storage(self, tensor: Tensor) -> Hashable:
        """Return the address; an empty tensor has none, and is then only itself."""
        return tensor.data_ptr() or id(tensor)

    def environment(self) -> Mapping[str, str]:
        """Return what a model is run with."""
        return {
            "onnx": str(onnx.__version__),
            "opset": str(standard.OPSET),
            "graph optimizations": "off",
            "threads": "1",
        }

    def lacks(self, error: Exception) -> bool:
        """Whether the runtime says that there is no kernel, or the standard no such type."""
        if isinstance(error, NotImplementedError | native.NotImplemented):
            return True
        return isinstance(error, native.InvalidGraph) and bool(NO_TYPE.search(str(error)))


backend = OnnxRuntime()
