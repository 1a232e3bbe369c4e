"""JAX and Optax: https://docs.jax.dev/en/latest/jax.nn.html and https://optax.readthedocs.io."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cache, partial
from importlib import metadata
from typing import Any

# One thread, because the number of threads changes sums; a GPU's memory is for others as well.
# All of it is read when the first array is made.
os.environ["XLA_FLAGS"] = (
    f"{os.environ.get('XLA_FLAGS', '')} --xla_cpu_multi_thread_eigen=false".strip()
)
os.environ.setdefault("PJRT_NPROC", "1")
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

import jax
import numpy as np
import optax
from jax import lax, monitoring
from jax import numpy as jnp
from jax.errors import JaxRuntimeError
from jax.scipy import special

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
from trysquare.errors import Unsupported
from trysquare.framework import Framework, Snippets
from trysquare.spec import Spec, Value

jax.config.update("jax_enable_x64", val=True)
jax.config.update("jax_default_matmul_precision", "highest")

EAGER, JIT = "eager", "jit"
COMPILED = "/jax/core/compile/backend_compile_duration"
DEVICES = ("cpu", "gpu")
ON_REQUEST = {
    JIT: "each call is compiled, for every shape: longer than all that is not compiled together",
    EAGER: "operation by operation, each compiled for every shape: three times the time",
}
KEPT = 600
"""So many compiled programs are kept; each takes 1.5 MB."""


def activation(function: str, name: str, **arguments: str) -> Binding:
    """Bind a function of jax.nn."""
    return Binding(function, f"jax.nn.{name}", getattr(jax.nn, name), arguments)


def loss(
    function: str,
    name: str,
    when: Mapping[str, Value],
    canonical: Mapping[str, Any],
    **arguments: str,
) -> Binding:
    """Bind a function of optax.losses; those leave the reduction to the caller."""
    return Binding(
        function,
        f"optax.losses.{name}",
        getattr(optax.losses, name),
        arguments,
        canonical=canonical,
        when={"reduction": "none", **when},
    )


def gated(a: Tensor, b: Tensor) -> Tensor:
    """Return jax.nn.glu of one tensor that holds both halves; Unsupported for single numbers."""
    if a.ndim == 0:
        raise Unsupported("jax.nn.glu halves a tensor along an axis, and a single number has none")
    return jax.nn.glu(jnp.concatenate([a, b], axis=-1))


REGRESSION = {"predictions": "input", "targets": "target"}
LOGITS = {"logits": "input", "labels": "target"}
DIVERGENCE = {"log_predictions": "input", "targets": "target"}
LOG_DIVERGENCE = {"log_predictions": "input", "log_targets": "target"}

ACTIVATIONS = (
    activation("relu", "relu", x="x"),
    activation("relu6", "relu6", x="x"),
    activation("leaky_relu", "leaky_relu", x="x", negative_slope="negative_slope"),
    # A slope for each channel is broadcast along the last axis, which of two is the second.
    replace(activation("prelu", "leaky_relu", x="x", negative_slope="weight"), dimensions={"x": 2}),
    activation("elu", "elu", x="x", alpha="alpha"),
    activation("selu", "selu", x="x"),
    activation("celu", "celu", x="x", alpha="alpha"),
    # By default it approximates, which is another function.
    Binding(
        "gelu",
        "jax.nn.gelu",
        jax.nn.gelu,
        {"x": "x"},
        canonical={"approximate": False},
        when={"approximate": "none"},
    ),
    Binding(
        "gelu",
        "jax.nn.gelu",
        jax.nn.gelu,
        {"x": "x", "approximate": "approximate"},
        values={"approximate": {"tanh": True}},
    ),
    activation("silu", "silu", x="x"),
    activation("mish", "mish", x="x"),
    activation("softplus", "softplus", x="x"),
    activation("softsign", "soft_sign", x="x"),
    activation("sigmoid", "sigmoid", x="x"),
    activation("log_sigmoid", "log_sigmoid", x="x"),
    activation("hard_sigmoid", "hard_sigmoid", x="x"),
    activation("hard_silu", "hard_silu", x="x"),
    activation("hard_tanh", "hard_tanh", x="x"),
    Binding(
        "glu",
        "jax.nn.glu",
        gated,
        {"a": "a", "b": "b"},
        wraps=jax.nn.glu,
        code="(lambda a, b: jax.nn.glu(jax.numpy.concatenate([a, b], axis=-1)))",
    ),
    activation("squareplus", "squareplus", x="x", b="b"),
    activation("sparse_plus", "sparse_plus", x="x"),
    activation("sparse_sigmoid", "sparse_sigmoid", x="x"),
    activation("softmax", "softmax", x="x", axis="dim"),
    activation("log_softmax", "log_softmax", x="x", axis="dim"),
    # By default it adds up everything, which is another function.
    replace(
        activation("log_sum_exp", "logsumexp", a="x"), when={"dim": -1}, canonical={"axis": -1}
    ),
    activation("log_sum_exp", "logsumexp", a="x", axis="dim"),
)

ELEMENTARY = (
    *(
        Binding(name, f"jax.numpy.{name}", getattr(jnp, name), {"x": "x"}, positional=True)
        for name in (
            *("exp", "expm1", "log", "log2", "log10", "log1p"),
            *("sinh", "cosh", "tanh", "sqrt"),
        )
    ),
    *(
        Binding(name, f"jax.scipy.special.{name}", getattr(special, name), {"x": "x"})
        for name in ("erf", "erfc")
    ),
    Binding("rsqrt", "jax.lax.rsqrt", lax.rsqrt, {"x": "x"}),
)

LOSSES = (
    loss("mse_loss", "squared_error", {}, {}, **REGRESSION),
    loss("huber_loss", "huber_loss", {}, {}, **REGRESSION, delta="delta"),
    loss("log_cosh_loss", "log_cosh", {}, {}, **REGRESSION),
    loss("hinge_loss", "hinge_loss", {}, {}, predictor_outputs="input", targets="target"),
    loss("bce_with_logits_loss", "sigmoid_binary_cross_entropy", {}, {}, **LOGITS),
    # Without alpha both classes weigh the same.
    loss("focal_loss", "sigmoid_focal_loss", {"balanced": False}, {}, **LOGITS, gamma="gamma"),
    loss(
        "focal_loss",
        "sigmoid_focal_loss",
        {"balanced": True, "alpha": 0.25},
        {"alpha": 0.25},
        **LOGITS,
        gamma="gamma",
    ),
    loss(
        "focal_loss",
        "sigmoid_focal_loss",
        {"balanced": True},
        {},
        **LOGITS,
        alpha="alpha",
        gamma="gamma",
    ),
    # By default they add up rows: over no axis they add nothing up, over None everything.
    *(
        loss(
            "kl_div_loss",
            name,
            {"log_target": log_target, "reduction": reduction},
            {"axis": axis},
            **arguments,
        )
        for log_target, name, arguments in (
            (False, "kl_divergence", DIVERGENCE),
            (True, "kl_divergence_with_log_targets", LOG_DIVERGENCE),
        )
        for reduction, axis in (("none", ()), ("sum", None))
    ),
    loss(
        "cross_entropy_loss",
        "softmax_cross_entropy_with_integer_labels",
        {"target_type": "class"},
        {"axis": 1},
        **LOGITS,
    ),
    loss(
        "cross_entropy_loss",
        "softmax_cross_entropy",
        {"target_type": "probability"},
        {"axis": 1},
        **LOGITS,
    ),
)

# What neither jax.nn nor optax.losses has; what stands in Flax, Haiku or Equinox is theirs.
ABSENT: Mapping[str, str] = {
    "rrelu": "JAX has no randomized leaky ReLU",
    "hard_shrink": "JAX has no hard shrinkage",
    "soft_shrink": "JAX has no soft shrinkage",
    "tanh_shrink": "JAX has no x - tanh(x)",
    "threshold": "JAX has no threshold",
    "swiglu": "of the gated units JAX has only glu",
    "geglu": "of the gated units JAX has only glu",
    "reglu": "of the gated units JAX has only glu",
    "softmin": "JAX has softmax only",
    "l1_loss": "Optax has no absolute error",
    "smooth_l1_loss": "Optax has no smooth L1 loss, only the Huber loss",
    "bce_loss": "Optax has binary cross entropy of logits only",
    "poisson_nll_loss": "Optax has no Poisson loss",
    "gaussian_nll_loss": "Optax has no Gaussian loss",
    "hinge_embedding_loss": "Optax has no hinge loss of distances",
    "margin_ranking_loss": "Optax ranks lists (ranking_softmax_loss), not pairs",
    "soft_margin_loss": "Optax has the logistic loss for targets 0 and 1 only",
    "squared_hinge_loss": "Optax has the hinge loss as it is only",
    "mape_loss": "Optax has no percentage error",
    "msle_loss": "Optax has no logarithmic error",
    "triplet_margin_loss": (
        "optax.losses.triplet_margin_loss adds its eps to the sum of squares, not to differences"
    ),
    "triplet_margin_with_distance_loss": "optax.losses.triplet_margin_loss takes no distance",
    "nll_loss": "Optax has cross entropy of logits only",
    "multi_margin_loss": (
        "optax.losses.multiclass_hinge_loss takes the worst class, where this adds all of them up"
    ),
    "multilabel_soft_margin_loss": "Optax has no loss of several labels a row",
    "cosine_embedding_loss": "optax.losses.cosine_distance has no pairs that are to be apart",
    "categorical_hinge_loss": (
        "optax.losses.multiclass_hinge_loss takes the worst wrong class as it is, this one as not "
        "below 0"
    ),
}

PLAIN = Snippets(
    imports="""\
import jax
import jax.scipy.special
import optax
jax.config.update("jax_enable_x64", True)""",
    tensor="jax.device_put({array}, jax.devices({device!r})[0])",
    bfloat16="jax.device_put({array}.view(jax.numpy.bfloat16), jax.devices({device!r})[0])",
    number="float({tensor}[{index}])",
    dtype="{tensor}.dtype.name",
    raw="{tensor}.tobytes()",
    storage="{tensor}.unsafe_buffer_pointer()",
    needed="jax.numpy.exp({tensor})",
    gradient="""\
{needed}
def derive({wrt} cotangent):
    output, backward = jax.vjp(lambda {wrt}: {call}, {wrt})
    ones = jax.numpy.ones_like(output)
    return output, backward(ones if cotangent is None else cotangent.astype(output.dtype))
output, gradients = DERIVE({wrt} {cotangent})""",
    second="""\
def derive({wrt} cotangent):
    slope = lambda {wrt}: jax.vjp(lambda {wrt}: {call}, {wrt})[1](jax.numpy.ones_like({wrt}))[0]
    return jax.vjp(slope, {wrt})[1](cotangent)
gradients = DERIVE({wrt} {cotangent})""",
    ones="None",
    seed="",
)
SNIPPETS = {
    EAGER: replace(
        PLAIN,
        imports=f'{PLAIN.imports}\njax.config.update("jax_disable_jit", True)',
        gradient=PLAIN.gradient.replace("DERIVE", "derive"),
        second=PLAIN.second.replace("DERIVE", "derive"),
    ),
    JIT: replace(
        PLAIN,
        gradient=PLAIN.gradient.replace("DERIVE", "jax.jit(derive)"),
        second=PLAIN.second.replace("DERIVE", "jax.jit(derive)"),
    ),
}


@cache
def compiled(function: Callable[..., Tensor], constants: tuple[str, ...]) -> Callable[..., Tensor]:
    """Return a function as a program, one for each shape and each value of its constants."""
    program: Callable[..., Tensor] = jax.jit(function, static_argnames=constants)
    return program


class Jax(Framework):
    """JAX, operation by operation or compiled as a whole."""

    name = "jax"
    package = "jax"
    snippets = SNIPPETS[EAGER]
    bindings = (*ACTIVATIONS, *ELEMENTARY, *LOSSES)
    absent = ABSENT

    def __init__(self) -> None:
        self._derivatives: dict[Hashable, Callable[[Tensors, Tensor | None], Tensors]] = {}
        self._programs = 0
        monitoring.register_event_duration_secs_listener(self._count)

    def _count(self, event: str, _seconds: float, **_more: str | int) -> None:
        self._programs += event == COMPILED

    def _tidy(self) -> None:
        """Forget all programs when there are too many; JAX would keep every one of them."""
        if self._programs > KEPT:
            self._derivatives.clear()
            compiled.cache_clear()
            jax.clear_caches()
            self._programs = 0

    def targets(self) -> tuple[Offer, ...]:
        """Return the CPU, and a GPU where one is visible; operation by operation on request."""
        return tuple(self._offer(device, mode) for device in DEVICES for mode in (JIT, EAGER))

    def _offer(self, device: str, mode: str) -> Offer:
        target = Target(self.name, device, mode)
        try:
            jax.devices(device)
        except RuntimeError as error:
            return Unavailable(target, str(error))
        return OnRequest(target, ON_REQUEST[mode]) if mode in ON_REQUEST else target

    def prepare(self, target: Target) -> None:
        """Have JAX compile single operations only, but where programs are asked for."""
        super().prepare(target)
        self.snippets = SNIPPETS[target.mode]
        jax.config.update("jax_disable_jit", target.mode == EAGER)

    def mode(self) -> str:
        """Ask a function that is to be compiled whether it is given a number or a symbol."""
        symbolic: list[bool] = []
        jax.jit(lambda x: symbolic.append(isinstance(x, jax.core.Tracer)))(0.0)
        return JIT if symbolic == [True] else EAGER

    def dtypes(self, target: Target) -> frozenset[str]:  # noqa: ARG002 - the same everywhere
        """Return all of them."""
        return frozenset({"float64", "float32", "float16", "bfloat16"})

    def on(self, device: str) -> AbstractContextManager[Any]:
        """Place what has no inputs, and so no device."""
        scope: AbstractContextManager[Any] = jax.default_device(jax.devices(device)[0])
        return scope

    def to_tensor(self, array: Array, device: str) -> Tensor:
        """Copy the memory; a tensor may otherwise share it.

        Nobody calls without tensors, so that this is where old programs go, Keras' as well.
        """
        self._tidy()
        return jax.device_put(array.copy(), jax.devices(device)[0])

    def to_array(self, tensor: Tensor) -> Array:
        """Copy the memory."""
        return np.array(tensor)

    def multiply(self, a: Tensor, b: Tensor) -> Tensor:
        """Return JAX's product."""
        return jnp.multiply(a, b)

    def storage(self, tensor: Tensor) -> Hashable:
        """Return the address."""
        return int(tensor.unsafe_buffer_pointer())

    def environment(self) -> Mapping[str, str]:
        """Return what selects what XLA makes of a function."""
        settings = {
            "jaxlib": metadata.version("jaxlib"),
            "optax": metadata.version("optax"),
            "x64": "on" if jax.config.jax_enable_x64 else "off",
            "matmul precision": str(jax.config.jax_default_matmul_precision),
            "XLA_FLAGS": os.environ["XLA_FLAGS"],
            "PJRT_NPROC": os.environ["PJRT_NPROC"],
        }
        if self.target.device != "cpu":
            settings["device"] = jax.devices(self.target.device)[0].device_kind
        return settings

    def lacks(self, error: Exception) -> bool:
        """Whether JAX or XLA says that there is no such operation for a dtype or a device."""
        if isinstance(error, NotImplementedError):
            return True
        return isinstance(error, JaxRuntimeError) and str(error).startswith("UNIMPLEMENTED")

    def resolve(self, spec: Spec, call: Call) -> Resolved:
        """Return the call, as a program where that is asked for."""
        resolved = super().resolve(spec, call)
        if self.target.mode == EAGER:
            return resolved
        binding, constants = resolved.binding, tuple(resolved.constants)
        code = f"jax.jit({binding.code or binding.name}, static_argnames={constants})"
        program = replace(binding, call=compiled(binding.call, constants), code=code)
        return replace(resolved, binding=program)

    def gradients(
        self, spec: Spec, call: Call, tensors: Tensors, cotangent: Tensor | None
    ) -> Tensors:
        """Derive the function, in one program together with it where that is asked for."""
        return self._derived(super().gradients, spec, call, tensors, cotangent)

    def second(self, spec: Spec, call: Call, tensors: Tensors, cotangent: Tensor) -> Tensors:
        """Derive twice, in one program where that is asked for."""
        return self._derived(super().second, spec, call, tensors, cotangent)

    def _derived(
        self,
        plain: Callable[..., Tensors],
        spec: Spec,
        call: Call,
        tensors: Tensors,
        cotangent: Tensor | None,
    ) -> Tensors:
        if self.target.mode == EAGER:
            return plain(spec, call, tensors, cotangent)
        key = (self.resolve(spec, call).text(), call.want, call.wrt)
        if key not in self._derivatives:
            self._derivatives[key] = jax.jit(partial(plain, spec, call))
        return self._derivatives[key](tensors, cotangent)

    def differentiate(
        self,
        function: Callable[[Tensors], Tensor],
        tensors: Tensors,
        wrt: tuple[str, ...],
        cotangent: Tensor | None,
    ) -> Tensors:
        """Multiply the cotangent by the Jacobian."""

        def of_leaves(*leaves: Tensor) -> Tensor:
            return function({**tensors, **dict(zip(wrt, leaves, strict=True))})

        output, backward = jax.vjp(of_leaves, *(tensors[name] for name in wrt))
        # some functions answer in a dtype of their own; that is judged, but not here
        direction = jnp.ones_like(output) if cotangent is None else cotangent.astype(output.dtype)
        return dict(zip(wrt, backward(direction), strict=True))

    def needed(self, tensor: Tensor) -> Tensor:
        """Return exp, whose gradient is its result."""
        return jnp.exp(tensor)


backend = Jax()
