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
from typing import Any

from trysquare.backend import Array, Offer, OnRequest, Target, Tensor, Tensors, Unavailable
from trysquare.errors import UsageError
from trysquare.framework import Framework, Snippets
from trysquare.loading import load
from trysquare_backends._keras_words import bindings

BACKENDS = {"tensorflow": "tensorflow", "torch": "torch", "jax": "jax", "numpy": "numpy_ufunc"}
"""Who handles the tensors of each engine."""

NEEDED = {
    "tensorflow": ("tensorflow",),
    "torch": ("torch",),
    "jax": ("jax", "optax"),  # Optax is that backend's
    "numpy": ("scipy", "jax"),  # Keras imports JAX for its NumPy engine, odd as it is
}
"""The packages without which an engine does not start."""

SLOW = {
    "jax": "every operation is compiled for every shape, which takes minutes",
    "numpy": "the engine for tests, without gradients; a fourth run over the same functions",
}
"""Engines that are measured only where they are named, and why."""


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
            why = engine.reason if isinstance(engine, Unavailable) else "it is no framework"
            raise UsageError(f"the engine {target.mode} does not start: {why}")
        engine.prepare(Target(engine.name, "cpu", "eager"))
        self.engine = engine
        self.keras = importlib.import_module("keras")
        self.bindings = bindings(self.keras)
        self.snippets = snippets(engine.snippets, target.mode)

    def mode(self) -> str:
        """Return the engine that Keras says it runs on."""
        return str(self.keras.config.backend())

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
