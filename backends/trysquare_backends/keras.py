"""Keras 3: https://keras.io/api; each of its engines is a target, in a process of its own.

Keras settles when it is imported which engine it runs on, so that nothing here imports it before
`prepare`. Tensors and gradients are the engine's, and the backend that measures the engine by
itself is asked for them.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Hashable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from trysquare.backend import Array, Offer, OnRequest, Target, Tensor, Tensors, Unavailable, load
from trysquare.binding import Binding, Framework, Snippets
from trysquare.errors import UsageError

BACKENDS = {"tensorflow": "tensorflow", "torch": "torch", "jax": "jax", "numpy": "numpy_ufunc"}
"""Who handles the tensors of each engine."""

NEEDED = {
    "tensorflow": ("tensorflow",),
    "torch": ("torch",),
    "jax": ("jax", "optax"),  # Optax is that backend's
    "numpy": ("scipy", "jax"),  # Keras imports JAX for its NumPy engine, odd as it is
}
"""The packages without which an engine does not start."""

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

SLOW = {"jax": "every operation is compiled for every shape, which takes minutes"}
"""Engines that are measured only where they are named, and why."""

GATED = "(lambda a, b: keras.activations.glu(keras.ops.concatenate([a, b], axis=-1)))"
STEP = (
    "(lambda x, threshold=0.0, default_value=0.0:"
    " keras.activations.threshold(x, threshold, default_value))"
)
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
            self.arranged("glu", "activations.glu", GATED, {"a": "a", "b": "b"}),
            self.arranged(
                "threshold",
                "activations.threshold",
                STEP,
                {"x": "x", "threshold": "threshold", "default_value": "value"},
            ),
        )

    def elementary(self) -> tuple[Binding, ...]:
        """Return the bindings of keras.ops."""
        names = ("exp", "expm1", "log", "log1p", "erf", "erfc", "sqrt")
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


class Keras(Framework):
    """Keras 3 on one of its engines."""

    name = "keras"
    package = "keras"
    absent: Mapping[str, str] = {
        "prelu": "Keras has PReLU only as a layer, which owns the weight",
        "rrelu": "Keras has no randomized leaky ReLU",
        "softmin": "Keras has no softmin",
        **dict.fromkeys(("swiglu", "geglu", "reglu"), "Keras gates with a sigmoid only, as glu"),
        "smooth_l1_loss": "Keras has no smooth L1 loss, only the Huber loss",
        "kl_div_loss": "KLDivergence of Keras takes probabilities, and no logarithms of them",
        "nll_loss": "Keras takes probabilities or scores, and no logarithms of probabilities",
        "cosine_embedding_loss": "CosineSimilarity of Keras knows no dissimilar pairs, no margin",
        **dict.fromkeys(
            ("triplet_margin_loss", "triplet_margin_with_distance_loss"),
            "Keras has no triplet loss",
        ),
        **dict.fromkeys(
            ("hinge_embedding_loss", "margin_ranking_loss", "multi_margin_loss"),
            "Keras has no such loss; its hinges are Hinge, SquaredHinge and CategoricalHinge",
        ),
        **dict.fromkeys(
            ("gaussian_nll_loss", "soft_margin_loss", "multilabel_soft_margin_loss"),
            "Keras has no such loss",
        ),
    }
    engine: Framework

    def targets(self) -> tuple[Offer, ...]:
        """Return one for each engine, those that are installed first."""
        offers = [self._offer(engine) for engine in BACKENDS]
        return tuple(sorted(offers, key=lambda offer: isinstance(offer, Unavailable)))

    def _offer(self, engine: str) -> Offer:
        target = Target(self.name, "cpu", engine)
        missing = [name for name in (self.package, *NEEDED[engine]) if find_spec(name) is None]
        if missing:
            return Unavailable(target, f"{' and '.join(missing)} not installed")
        return OnRequest(target, SLOW[engine]) if engine in SLOW else target

    def prepare(self, target: Target) -> None:
        """Import the engine, with its one thread, and then Keras.

        Raises UsageError if there is no such engine, or none that works.
        """
        super().prepare(target)
        os.environ.update(settings(target.mode))
        engine = load(BACKENDS[target.mode])
        if not isinstance(engine, Framework):
            raise UsageError(f"the engine {target.mode} does not start: {engine}")
        engine.prepare(Target(engine.name, "cpu", "eager"))
        self.engine = engine
        self.keras = importlib.import_module("keras")
        words = Words(self.keras)
        self.bindings = (*words.activations(), *words.elementary(), *words.losses())
        self.snippets = snippets(engine.snippets, target.mode)

    def dtypes(self, target: Target) -> frozenset[str]:  # noqa: ARG002 - the same everywhere
        """Return all of them; Keras brings bfloat16 to NumPy."""
        return frozenset({"float64", "float32", "float16", "bfloat16"})

    def on(self, device: str) -> AbstractContextManager[Any]:
        """Do as the engine does."""
        return self.engine.on(device)

    def to_tensor(self, array: Array, device: str) -> Tensor:
        """Copy the memory."""
        return self.engine.to_tensor(array, device)

    def to_array(self, tensor: Tensor) -> Array:
        """Copy the memory."""
        return self.engine.to_array(tensor)

    def multiply(self, a: Tensor, b: Tensor) -> Tensor:
        """Return the engine's product."""
        return self.engine.multiply(a, b)

    def storage(self, tensor: Tensor) -> Hashable:
        """Return what the engine tells tensors apart by."""
        return self.engine.storage(tensor)

    def environment(self) -> Mapping[str, str]:
        """Return the engine, its settings, and what ~/.keras/keras.json may change."""
        return {
            "engine": f"{self.target.mode} {self.engine.version()}",
            "floatx": self.keras.config.floatx(),
            "epsilon": str(self.keras.config.epsilon()),
            **self.engine.environment(),
        }

    def lacks(self, error: Exception) -> bool:
        """Whether the engine says that there is no kernel."""
        return self.engine.lacks(error)

    def differentiate(
        self,
        function: Callable[[Tensors], Tensor],
        tensors: Tensors,
        wrt: tuple[str, ...],
        cotangent: Tensor | None,
    ) -> Tensors:
        """Let the engine derive; Keras has nothing of its own for it."""
        return self.engine.differentiate(function, tensors, wrt, cotangent)

    def needed(self, tensor: Tensor) -> Tensor:
        """Return the engine's exp."""
        return self.engine.needed(tensor)


def settings(engine: str) -> dict[str, str]:
    """Return the environment variables that select an engine, which on a GPU would be torch's."""
    selected = {"KERAS_BACKEND": engine}
    return selected | {"KERAS_TORCH_DEVICE": "cpu"} if engine == "torch" else selected


def snippets(engine: Snippets, name: str) -> Snippets:
    """Return the engine's words, after Keras has been told of the engine."""
    lines = [
        "import os",
        *(f'os.environ["{key}"] = "{value}"' for key, value in settings(name).items()),
        engine.imports,
        "import keras",
    ]
    words = replace(engine, imports="\n".join(line for line in lines if line))
    if name != "numpy":
        return words
    return replace(
        words,
        imports=f"{words.imports}\nimport ml_dtypes",
        bfloat16="{array}.view(ml_dtypes.bfloat16)",
    )


backend = Keras()
