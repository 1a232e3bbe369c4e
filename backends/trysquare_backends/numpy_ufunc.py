"""NumPy's own elementary functions: https://numpy.org/doc/stable/reference/ufuncs.html.

The oracle's fast tier is built on them, so that they are measured like anybody else's.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from trysquare.backend import Array, Form, Target, Tensor
from trysquare.binding import Binding
from trysquare.framework import Snippets, Underived

SNIPPETS = Snippets(
    imports="",  # every script begins with NumPy
    tensor="{array}",
    bfloat16="{array}",  # the dtype is another distribution's, and is not sent here
    number="float({tensor}[{index}])",
    dtype="{tensor}.dtype.name",
    raw="{tensor}.tobytes()",
    storage="{tensor}.__array_interface__['data'][0]",
    needed="",  # there are no gradients
    gradient="",
    ones="",
    seed="np.random.seed({number})",
    forms={
        Form.STRIDED: "np.stack(({tensor}, {tensor}), -1)[..., 0]",
        Form.TRANSPOSED: "np.asfortranarray({tensor})",
        Form.EXPANDED: "np.broadcast_to({tensor}[:1], {tensor}.shape)",
    },
)


class NumPyFunctions(Underived):
    """NumPy's universal functions, called with arrays; the target `numpy_ufunc:cpu:eager`."""

    name = "numpy_ufunc"
    package = "numpy"
    underived = "NumPy has no automatic differentiation"
    snippets = SNIPPETS
    bindings = tuple(
        Binding(name, f"np.{name}", getattr(np, name), {"x": "x"}, positional=True)
        for name in (
            *("exp", "expm1", "log", "log2", "log10", "log1p"),
            *("sinh", "cosh", "tanh", "sqrt"),
        )
    )
    absent: Mapping[str, str] = {
        **dict.fromkeys(("erf", "erfc"), "NumPy has no error function"),
        "rsqrt": "NumPy has no reciprocal of a square root",
        **dict.fromkeys(
            (
                "relu",
                "elu",
                "selu",
                "prelu",
                "rrelu",
                "sigmoid",
                "log_sigmoid",
                "softmax",
                "log_softmax",
                "softplus",
                "gelu",
                "silu",
                "mish",
                "relu6",
                "leaky_relu",
                "celu",
                "softsign",
                "hard_sigmoid",
                "hard_silu",
                "hard_tanh",
                "hard_shrink",
                "soft_shrink",
                "tanh_shrink",
                "threshold",
                "squareplus",
                "sparse_plus",
                "sparse_sigmoid",
                "glu",
                "swiglu",
                "geglu",
                "reglu",
            ),
            "NumPy has no activation functions",
        ),
        **dict.fromkeys(
            (
                "l1_loss",
                "mse_loss",
                "huber_loss",
                "smooth_l1_loss",
                "bce_loss",
                "cross_entropy_loss",
                "bce_with_logits_loss",
                "kl_div_loss",
                "poisson_nll_loss",
                "gaussian_nll_loss",
                "hinge_embedding_loss",
                "margin_ranking_loss",
                "soft_margin_loss",
                "log_cosh_loss",
                "hinge_loss",
                "squared_hinge_loss",
                "focal_loss",
                "mape_loss",
                "msle_loss",
            ),
            "NumPy has no losses",
        ),
        **dict.fromkeys(
            (
                "nll_loss",
                "multi_margin_loss",
                "cosine_embedding_loss",
                "triplet_margin_loss",
                "triplet_margin_with_distance_loss",
                "multilabel_soft_margin_loss",
                "categorical_hinge_loss",
            ),
            "NumPy has no losses",
        ),
        "softmin": "NumPy has no activation functions",
        "log_sum_exp": "NumPy has logaddexp of two numbers, and no sum of many",
    }

    def targets(self) -> tuple[Target, ...]:
        """Return the only target."""
        return (Target(self.name, "cpu", "eager"),)

    def dtypes(self, target: Target) -> frozenset[str]:  # noqa: ARG002 - the same everywhere
        """Return NumPy's own; the functions for bfloat16 come from ml_dtypes."""
        return frozenset({"float64", "float32", "float16"})

    def on(self, device: str) -> AbstractContextManager[Any]:  # noqa: ARG002 - there is one
        """Keep quiet about infinities and NaN, which are answers here."""
        return np.errstate(all="ignore")

    def to_tensor(self, array: Array, device: str) -> Tensor:  # noqa: ARG002 - there is one
        """Copy the array."""
        return np.array(array)

    def to_array(self, tensor: Tensor) -> Array:
        """Copy the array, or the scalar that a function makes of an array without dimensions."""
        return np.array(tensor)

    def formed(self, tensor: Tensor, form: Form) -> Tensor:
        """Return a view of other memory, or an array in Fortran's order."""
        match form:
            case Form.STRIDED:
                return np.stack((tensor, tensor), -1)[..., 0]
            case Form.TRANSPOSED:
                return np.asfortranarray(tensor)
            case Form.EXPANDED:
                return np.broadcast_to(tensor[:1], tensor.shape)
        return tensor

    def multiply(self, a: Tensor, b: Tensor) -> Tensor:
        """Return NumPy's product."""
        return np.multiply(a, b)

    def storage(self, tensor: Tensor) -> Hashable:
        """Return the address of the data."""
        return int(tensor.__array_interface__["data"][0])

    def environment(self) -> Mapping[str, str]:
        """Return the instruction sets for which NumPy has kernels and may use them here."""
        return {"simd": simd()}


def simd() -> str:
    """Return the instruction sets that NumPy selects from, `unknown` if it does not tell.

    NPY_DISABLE_CPU_FEATURES takes some away. https://numpy.org/doc/stable/reference/simd
    """
    config: Any = np.show_config(mode="dicts")
    extensions = config.get("SIMD Extensions", {})
    names = [*extensions.get("baseline", ()), *extensions.get("found", ())]
    return " ".join(names) or "unknown"


backend = NumPyFunctions()
