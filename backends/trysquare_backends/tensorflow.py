"""TensorFlow: https://www.tensorflow.org/api_docs/python/tf; Keras is another framework."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cache
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # the banner of each import, on stderr

import numpy as np
import tensorflow as tf

from trysquare.backend import (
    Array,
    Call,
    Offer,
    OnRequest,
    Target,
    Tensor,
    Tensors,
    Unavailable,
)
from trysquare.binding import Binding, Resolved
from trysquare.framework import Framework, Snippets
from trysquare.spec import Spec

# One thread, because the number of threads changes sums; full precision on every device.
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)
tf.config.experimental.enable_tensor_float_32_execution(enabled=False)

EAGER, GRAPH, XLA = "eager", "function", "xla"
COMPILED = {
    GRAPH: "traced by tf.function for each shape",
    XLA: "compiled by XLA for each shape, which takes a part of a second",
}
DEVICES = {"cpu": "/CPU:0", "gpu": "/GPU:0"}
NO_KERNEL = (
    "is not in the list of allowed values",
    "Could not find device for node",
    "No registered",
    "Could not find compiled",
)

# 'weighted_mean' divides by the sum of the weights, and the default, by non-zero weights, by their
# number; the mean of a spec divides by the number of elements.
REDUCTION = {
    "reduction": {
        "none": "none",
        "sum": "weighted_sum",
        "mean": "weighted_sum_over_batch_size",
    }
}


@cache
def traced(function: Callable[..., Tensor], *, xla: bool) -> Callable[..., Tensor]:
    """Return a function as a graph, or as a program of XLA."""
    program: Callable[..., Tensor] = tf.function(function, jit_compile=xla or None)
    return program


def mode_of(program: Any) -> str:
    """Return the mode that a program of tf.function runs in, which a setting may prevent."""
    if tf.config.functions_run_eagerly():
        return EAGER
    definition = program.get_concrete_function(tf.TensorSpec(())).function_def
    return XLA if definition.attr["_XlaMustCompile"].b else GRAPH


def loss(function: str, name: str, canonical: Mapping[str, Any], **more: str) -> Binding:
    """Bind a function of tf.compat.v1.losses, the only losses that are TensorFlow's own."""
    arguments = {"labels": "target", "predictions": "input", **more, "reduction": "reduction"}
    return Binding(
        function,
        f"tf.compat.v1.losses.{name}",
        getattr(tf.compat.v1.losses, name),
        arguments,
        values=REDUCTION,
        canonical=canonical,
    )


def logistic_loss(labels: Tensor, logits: Tensor, pos_weight: Tensor | None = None) -> Tensor:
    """Call the function that takes a weight for the ones, or the one that does not."""
    if pos_weight is None:
        return tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits)
    return tf.nn.weighted_cross_entropy_with_logits(labels, logits, pos_weight)


LOGISTIC_LOSS = """\
(lambda labels, logits, **more: (
    tf.nn.weighted_cross_entropy_with_logits(labels, logits, **more) if more
    else tf.nn.sigmoid_cross_entropy_with_logits(labels, logits)))"""

SNIPPETS = Snippets(
    # the environment variable silences what would hide the finding
    imports="""\
import os
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow as tf""",
    tensor="tf.constant({array})",
    bfloat16="tf.bitcast(tf.constant({array}), tf.bfloat16)",
    number="float({tensor}.numpy()[{index}])",
    dtype="{tensor}.dtype.name",
    raw="{tensor}.numpy().tobytes()",
    storage="id({tensor})",
    needed="tf.exp({tensor})",
    gradient="""\
leaves = [{wrt}]
with tf.GradientTape() as tape:
    tape.watch(leaves)
    output = {call}
gradients = tape.gradient(output, leaves, tf.cast({cotangent}, output.dtype))""",
    second="""\
leaves = [{wrt}]
with tf.GradientTape() as outer:
    outer.watch(leaves)
    with tf.GradientTape() as tape:
        tape.watch(leaves)
        output = {call}
    (slope,) = tape.gradient(output, leaves)
gradients = outer.gradient(slope, leaves, {cotangent})""",
    ones="tf.ones_like(output)",
    seed="tf.random.set_seed({number})",
)


class TensorFlow(Framework):
    """TensorFlow: called eagerly, as a graph, or compiled by XLA."""

    name = "tensorflow"
    package = "tensorflow"
    snippets = SNIPPETS
    bindings = (
        Binding("relu", "tf.nn.relu", tf.nn.relu, {"features": "x"}),
        Binding("elu", "tf.nn.elu", tf.nn.elu, {"features": "x"}),
        Binding("softmax", "tf.nn.softmax", tf.nn.softmax, {"logits": "x", "axis": "dim"}),
        Binding(
            "log_softmax", "tf.nn.log_softmax", tf.nn.log_softmax, {"logits": "x", "axis": "dim"}
        ),
        Binding("sigmoid", "tf.math.sigmoid", tf.math.sigmoid, {"x": "x"}),
        loss("mse_loss", "mean_squared_error", {}),
        loss("l1_loss", "absolute_difference", {}),
        loss("huber_loss", "huber_loss", {}, delta="delta"),
        # By default it adds 1e-7 inside the logarithms, which is another function.
        loss("bce_loss", "log_loss", {"epsilon": 0.0}, weights="weight"),
        Binding(
            "cross_entropy_loss",
            "tf.nn.sparse_softmax_cross_entropy_with_logits",
            tf.nn.sparse_softmax_cross_entropy_with_logits,
            {"labels": "target", "logits": "input"},
            when={"target_type": "class", "reduction": "none"},
            dimensions={"input": 2},  # its classes run along the last axis
        ),
        Binding(
            "cross_entropy_loss",
            "tf.nn.softmax_cross_entropy_with_logits",
            tf.nn.softmax_cross_entropy_with_logits,
            {"labels": "target", "logits": "input"},
            canonical={"axis": 1},
            when={"target_type": "probability", "reduction": "none"},
        ),
        # losses of single elements
        # Which of the two is meant shows in whether the ones have a weight of their own.
        Binding(
            "bce_with_logits_loss",
            "tf.nn.weighted_cross_entropy_with_logits",
            logistic_loss,
            {"labels": "target", "logits": "input", "pos_weight": "pos_weight"},
            when={"reduction": "none"},
            wraps=tf.nn.weighted_cross_entropy_with_logits,
            code=LOGISTIC_LOSS,
        ),
        Binding(
            "bce_with_logits_loss",
            "tf.compat.v1.losses.sigmoid_cross_entropy",
            tf.compat.v1.losses.sigmoid_cross_entropy,
            {
                "multi_class_labels": "target",
                "logits": "input",
                "weights": "weight",
                "reduction": "reduction",
            },
            values=REDUCTION,
        ),
        Binding(
            "poisson_nll_loss",
            "tf.nn.log_poisson_loss",
            tf.nn.log_poisson_loss,
            {"targets": "target", "log_input": "input", "compute_full_loss": "full"},
            when={"log_input": True, "reduction": "none"},
        ),
        Binding(
            "log_sum_exp",
            "tf.math.reduce_logsumexp",
            tf.math.reduce_logsumexp,
            {"input_tensor": "x", "axis": "dim"},
        ),
        # elementary functions
        *(
            Binding(name, f"tf.math.{name}", getattr(tf.math, name), {"x": "x"})
            for name in (
                *("exp", "expm1", "log", "log1p", "sinh", "cosh", "tanh"),
                *("erf", "erfc", "sqrt", "rsqrt"),
            )
        ),
        # activations with curves
        Binding(
            "gelu",
            "tf.nn.gelu",
            tf.nn.gelu,
            {"features": "x", "approximate": "approximate"},
            values={"approximate": {"none": False, "tanh": True}},
        ),
        Binding("silu", "tf.nn.silu", tf.nn.silu, {"features": "x", "beta": "beta"}),
        Binding("softplus", "tf.math.softplus", tf.math.softplus, {"features": "x"}),
        Binding("log_sigmoid", "tf.math.log_sigmoid", tf.math.log_sigmoid, {"x": "x"}),
        Binding("selu", "tf.nn.selu", tf.nn.selu, {"features": "x"}),
        # activations
        Binding("relu6", "tf.nn.relu6", tf.nn.relu6, {"features": "x"}),
        Binding(
            "leaky_relu",
            "tf.nn.leaky_relu",
            tf.nn.leaky_relu,
            {"features": "x", "alpha": "negative_slope"},
        ),
        Binding("softsign", "tf.nn.softsign", tf.nn.softsign, {"features": "x"}),
    )
    absent: Mapping[str, str] = {
        "celu": "TensorFlow has CELU only as a Keras activation",
        "hard_sigmoid": "TensorFlow has a hard sigmoid only as a Keras activation",
        "hard_silu": "TensorFlow has a hard SiLU only as a Keras activation",
        "hard_tanh": "TensorFlow has a hard tanh only as a Keras activation",
        "hard_shrink": "TensorFlow has a hard shrinkage only as a Keras activation",
        "soft_shrink": "TensorFlow has a soft shrinkage only as a Keras activation",
        "tanh_shrink": "TensorFlow has a tanh shrinkage only as a Keras activation",
        "threshold": "TensorFlow has a threshold only as a Keras activation",
        "squareplus": "TensorFlow has squareplus only as a Keras activation",
        "sparse_plus": "TensorFlow has a sparse plus only as a Keras activation",
        "sparse_sigmoid": "TensorFlow has a sparse sigmoid only as a Keras activation",
        "glu": "TensorFlow has GLU only as a Keras activation",
        "swiglu": "TensorFlow has no gated linear unit of its own",
        "geglu": "TensorFlow has no gated linear unit of its own",
        "reglu": "TensorFlow has no gated linear unit of its own",
        "softmin": "TensorFlow has no softmin, only the softmax of negated numbers",
        "nll_loss": "TensorFlow takes logarithms or probabilities in no cross entropy of its own",
        "multi_margin_loss": "TensorFlow has no margin loss of several classes",
        "cosine_embedding_loss": "TensorFlow has a cosine distance of normalized vectors only",
        "triplet_margin_loss": "TensorFlow has no triplet loss",
        "triplet_margin_with_distance_loss": "TensorFlow has no triplet loss",
        "multilabel_soft_margin_loss": "TensorFlow has sigmoid cross entropy, per element",
        "categorical_hinge_loss": "TensorFlow has a categorical hinge only as a Keras loss",
        "mish": "TensorFlow has Mish only as a Keras activation",
        "prelu": "TensorFlow has PReLU only as a Keras layer",
        "rrelu": "TensorFlow has no randomized leaky ReLU",
        "smooth_l1_loss": "TensorFlow has no smooth L1 loss, only the Huber loss",
        "gaussian_nll_loss": "TensorFlow leaves likelihoods to TensorFlow Probability",
        "hinge_embedding_loss": "TensorFlow has no hinge of a distance",
        "margin_ranking_loss": "TensorFlow has no loss of the order of two scores",
        "soft_margin_loss": "TensorFlow has the logistic loss for targets 0 and 1 only",
        "log_cosh_loss": "TensorFlow has log-cosh only as a Keras loss",
        "hinge_loss": "tf.compat.v1.losses.hinge_loss takes targets 0 and 1, not -1 and 1",
        "squared_hinge_loss": "TensorFlow has the squared hinge only as a Keras loss",
        "focal_loss": "TensorFlow has the focal loss only as a Keras loss",
        "mape_loss": "TensorFlow has the percentage error only as a Keras loss",
        "msle_loss": "TensorFlow has the logarithmic error only as a Keras loss",
        "log2": "TensorFlow has no logarithm but the natural one in tf.math",
        "log10": "TensorFlow has no logarithm but the natural one in tf.math",
        "kl_div_loss": "TensorFlow has the divergence only as a Keras loss, of probabilities",
    }

    def version(self) -> str:
        """Return TensorFlow's own; its distribution goes by several names."""
        return str(tf.__version__)

    def targets(self) -> tuple[Offer, ...]:
        """Return the CPU in its modes, and a GPU where one is visible."""
        gpu = Target(self.name, "gpu", EAGER)
        here: list[Offer] = [
            Target(self.name, "cpu", EAGER),
            *(OnRequest(Target(self.name, "cpu", mode), why) for mode, why in COMPILED.items()),
        ]
        if tf.config.list_physical_devices("GPU"):
            return (*here, gpu)
        built = tf.test.is_built_with_gpu_support()
        reason = "no GPU is visible" if built else "this build of TensorFlow has no GPU support"
        return (*here, Unavailable(gpu, reason))

    def mode(self) -> str:
        """Ask a function that is made a program like any other."""
        if self.target.mode == EAGER:
            return EAGER if tf.executing_eagerly() else GRAPH
        return mode_of(self._program(tf.identity))

    def _program(self, function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        if self.target.mode == EAGER:
            return function
        return traced(function, xla=self.target.mode == XLA)

    def resolve(self, spec: Spec, call: Call) -> Resolved:
        """Return the call, as a graph or a program of XLA where the target is one."""
        resolved = super().resolve(spec, call)
        if self.target.mode == EAGER:
            return resolved
        binding, xla = resolved.binding, self.target.mode == XLA
        code = f"tf.function({binding.code or binding.name}{', jit_compile=True' if xla else ''})"
        return replace(
            resolved, binding=replace(binding, call=self._program(binding.call), code=code)
        )

    def dtypes(self, target: Target) -> frozenset[str]:  # noqa: ARG002 - the same everywhere
        """Return all of them."""
        return frozenset({"float64", "float32", "float16", "bfloat16"})

    def on(self, device: str) -> AbstractContextManager[Any]:
        """Place operations, which would otherwise go to a GPU wherever their inputs are."""
        scope: AbstractContextManager[Any] = tf.device(DEVICES[device])
        return scope

    def to_tensor(self, array: Array, device: str) -> Tensor:
        """Copy the memory; a tensor may otherwise share it."""
        with self.on(device):
            return tf.constant(array.copy())

    def to_array(self, tensor: Tensor) -> Array:
        """Copy the memory."""
        return np.array(tensor.numpy())

    def multiply(self, a: Tensor, b: Tensor) -> Tensor:
        """Return TensorFlow's product, in the mode that is measured."""
        return self._program(tf.math.multiply)(a, b)

    def storage(self, tensor: Tensor) -> Hashable:
        """Return the tensor's identity; tensors cannot be changed, and show no address."""
        return id(tensor)

    def seed(self, number: int) -> None:
        """Seed the global generator."""
        tf.random.set_seed(number)

    def environment(self) -> Mapping[str, str]:
        """Return what selects TensorFlow's kernels."""
        settings = {
            "intra-op threads": str(tf.config.threading.get_intra_op_parallelism_threads()),
            "inter-op threads": str(tf.config.threading.get_inter_op_parallelism_threads()),
            "tf32": "on" if tf.config.experimental.tensor_float_32_execution_enabled() else "off",
            "TF_ENABLE_ONEDNN_OPTS": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "not set"),
        }
        build = tf.sysconfig.get_build_info()
        if "cuda_version" in build:
            settings["cuda"] = str(build["cuda_version"])
        return settings

    def lacks(self, error: Exception) -> bool:
        """Whether TensorFlow says that there is no kernel for a dtype or a device."""
        if isinstance(error, NotImplementedError | tf.errors.UnimplementedError):
            return True
        refused = tf.errors.InvalidArgumentError | tf.errors.NotFoundError
        return isinstance(error, refused) and any(text in str(error) for text in NO_KERNEL)

    def differentiate(
        self,
        function: Callable[[Tensors], Tensor],
        tensors: Tensors,
        wrt: tuple[str, ...],
        cotangent: Tensor | None,
    ) -> Tensors:
        """Record a tape."""
        leaves = [tensors[name] for name in wrt]
        with tf.GradientTape() as tape:
            tape.watch(leaves)
            output = function(tensors)
        if cotangent is not None:
            # some functions answer in a dtype of their own; that is judged, but not here
            cotangent = tf.cast(cotangent, output.dtype)
        gradients = tape.gradient(output, leaves, output_gradients=cotangent)
        missing = [name for name, one in zip(wrt, gradients, strict=True) if one is None]
        if missing:
            raise LookupError(f"no gradient for {', '.join(missing)}")
        return dict(zip(wrt, gradients, strict=True))

    def needed(self, tensor: Tensor) -> Tensor:
        """Return exp, whose gradient is its result."""
        return tf.math.exp(tensor)


backend = TensorFlow()
