"""How Keras spells each function; nothing here imports it.

Keras settles when it is imported which engine it runs on, so that it is handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any

from trysquare.backend import Tensor
from trysquare.binding import Binding
from trysquare.errors import Unsupported

PLAIN = (
    "relu",
    "relu6",
    "selu",
    "silu",
    "mish",
    "softplus",
    "softsign",
    "sigmoid",
    "log_sigmoid",
    "hard_sigmoid",
    "hard_silu",
    "hard_tanh",
    "tanh",
    "tanh_shrink",
    "sparse_plus",
    "sparse_sigmoid",
)
"""Activations that have the same name here and there, and no parameters there."""

GATED = "(lambda a, b: keras.activations.glu(keras.ops.concatenate([a, b], axis=-1)))"
LOSS = (
    "(lambda y_true, y_pred, sample_weight=None, dtype=None, **given: keras.losses.{name}("
    "dtype=dtype and keras.backend.standardize_dtype(y_pred.dtype), **given)"
    "({tensors}, sample_weight))"
)
ROWS = "y_true, y_pred"
# A loss is the mean over the last axis; one of length 1 leaves every element its own.
ELEMENTS = "keras.ops.expand_dims(y_true, -1), keras.ops.expand_dims(y_pred, -1)"

REDUCTION = {"reduction": {"none": "none", "mean": "sum_over_batch_size", "sum": "sum"}}
# A loss computes in keras.config.floatx(), which is float32, unless it is told another dtype.
DTYPE = {"dtype": "that of y_pred"}


class Words:
    """Makes bindings, once Keras is there to be looked into."""

    def __init__(self, keras: ModuleType) -> None:
        self.keras = keras

    def found(self, path: str) -> Callable[..., Any]:
        """Return what is at a dotted path in Keras."""
        call: Any = self.keras
        for name in path.split("."):
            call = getattr(call, name)
        found: Callable[..., Any] = call
        return found

    def plain(
        self, function: str, path: str, arguments: Mapping[str, str] | None = None, **more: Any
    ) -> Binding:
        """Bind a function of x."""
        return Binding(
            function, f"keras.{path}", self.found(path), {"x": "x", **(arguments or {})}, **more
        )

    def arranged(
        self, function: str, path: str, code: str, arguments: Mapping[str, str], **more: Any
    ) -> Binding:
        """Bind what is called through an expression, the same one as in reproductions."""
        call = eval(code, {"keras": self.keras})  # noqa: S307 - code is a constant of this module
        wraps = self.found(path)
        return Binding(function, f"keras.{path}", call, arguments, wraps=wraps, code=code, **more)

    def gated(self) -> Binding:
        """Bind glu, whose two halves Keras takes as one tensor."""
        binding = self.arranged("glu", "activations.glu", GATED, {"a": "a", "b": "b"})

        def call(a: Tensor, b: Tensor) -> Tensor:
            if len(a.shape) == 0:
                raise Unsupported(
                    "Keras halves a tensor along an axis, and a single number has none"
                )
            return binding.call(a, b)

        return replace(binding, call=call)

    def loss(
        self,
        function: str,
        name: str,
        arguments: Mapping[str, str] | None = None,
        tensors: str = ELEMENTS,
        **more: Any,
    ) -> Binding:
        """Bind the class of a loss, which is made and called at once."""
        return self.arranged(
            function,
            f"losses.{name}",
            LOSS.format(name=name, tensors=tensors),
            {"y_true": "target", "y_pred": "input", **(arguments or {}), "reduction": "reduction"},
            values=REDUCTION,
            canonical={**DTYPE, **more.pop("canonical", {})},
            **more,
        )

    def activations(self) -> tuple[Binding, ...]:
        """Return the bindings of keras.activations."""
        return (
            *(self.plain(name, f"activations.{name}") for name in PLAIN),
            *(
                self.plain(name, f"activations.{name}", {"alpha": "alpha"})
                for name in ("elu", "celu")
            ),
            self.plain(
                "leaky_relu", "activations.leaky_relu", {"negative_slope": "negative_slope"}
            ),
            self.plain(
                "gelu",
                "activations.gelu",
                {"approximate": "approximate"},
                values={"approximate": {"none": False, "tanh": True}},
            ),
            *(
                self.plain(name, f"activations.{name}", {"threshold": "lambd"})
                for name in ("hard_shrink", "soft_shrink")
            ),
            self.plain("squareplus", "activations.squareplus", {"b": "b"}),
            *(
                self.plain(name, f"activations.{name}", {"axis": "dim"})
                for name in ("softmax", "log_softmax")
            ),
            self.gated(),
            self.plain(
                "threshold",
                "activations.threshold",
                {"threshold": "threshold", "default_value": "value"},
            ),
        )

    def elementary(self) -> tuple[Binding, ...]:
        """Return the bindings of keras.ops."""
        names = (
            *("exp", "expm1", "log", "log2", "log10", "log1p"),
            *("sinh", "cosh", "erf", "erfc", "sqrt", "rsqrt"),
        )
        return (
            *(self.plain(name, f"ops.{name}") for name in names),
            # By default it adds up everything, which is another function.
            self.plain("log_sum_exp", "ops.logsumexp", when={"dim": -1}, canonical={"axis": -1}),
            self.plain("log_sum_exp", "ops.logsumexp", {"axis": "dim"}),
        )

    def losses(self) -> tuple[Binding, ...]:
        """Return the bindings of keras.losses."""
        return (
            self.loss("l1_loss", "MeanAbsoluteError"),
            self.loss("mse_loss", "MeanSquaredError"),
            self.loss("huber_loss", "Huber", {"delta": "delta"}),
            self.loss("log_cosh_loss", "LogCosh"),
            self.loss("hinge_loss", "Hinge"),
            self.loss("squared_hinge_loss", "SquaredHinge"),
            self.loss("mape_loss", "MeanAbsolutePercentageError"),
            self.loss("msle_loss", "MeanSquaredLogarithmicError"),
            # Its epsilon is keras.config.epsilon(), no argument.
            self.loss("poisson_nll_loss", "Poisson", when={"log_input": False, "full": False}),
            self.loss("bce_loss", "BinaryCrossentropy", {"sample_weight": "weight"}),
            self.loss(
                "bce_with_logits_loss",
                "BinaryCrossentropy",
                {"sample_weight": "weight"},
                canonical={"from_logits": True},
            ),
            self.loss(
                "focal_loss",
                "BinaryFocalCrossentropy",
                {"apply_class_balancing": "balanced", "alpha": "alpha", "gamma": "gamma"},
                canonical={"from_logits": True},
            ),
            self.loss(
                "categorical_hinge_loss",
                "CategoricalHinge",
                tensors=ROWS,
                dimensions={"input": 2},  # its classes run along the last axis
            ),
            # By default no class is ignored.
            self.loss(
                "cross_entropy_loss",
                "SparseCategoricalCrossentropy",
                tensors=ROWS,
                canonical={"from_logits": True, "ignore_class": -100},
                when={"target_type": "class", "ignore_index": -100},
                dimensions={"input": 2},  # its classes run along the last axis
            ),
            self.loss(
                "cross_entropy_loss",
                "SparseCategoricalCrossentropy",
                {"ignore_class": "ignore_index"},
                tensors=ROWS,
                canonical={"from_logits": True},
                when={"target_type": "class"},
                dimensions={"input": 2},
            ),
            self.loss(
                "cross_entropy_loss",
                "CategoricalCrossentropy",
                {"label_smoothing": "label_smoothing"},
                tensors=ROWS,
                canonical={"from_logits": True, "axis": 1},
                when={"target_type": "probability"},
            ),
        )


def bindings(keras: ModuleType) -> tuple[Binding, ...]:
    """Return the bindings of Keras, which runs on the engine that it was imported with."""
    words = Words(keras)
    return (*words.activations(), *words.elementary(), *words.losses())
