"""PyTorch: https://docs.pytorch.org/docs/stable/nn.functional.html."""

from __future__ import annotations

import math
import os
import re
import shutil
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, partial
from typing import Any

import ml_dtypes
import numpy as np
import torch
from torch.nn import functional

from trysquare.backend import (
    Array,
    Call,
    Form,
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
from trysquare.spec import Spec

REDUCED = {"reduction": "reduction", "size_average": "size_average", "reduce": "reduce"}
EAGER, COMPILE, VMAP = "eager", "compile", "vmap"
COMPILED = "a compiled mode, which takes seconds for each kernel"
MAPPED = "the kernels of eager mode through other rules"
COMPILERS = ("g++", "clang++", "cl")
NO_KERNEL = re.compile(
    r"not implemented for '\w+'|derivative for .+ is not implemented"
    r"|vmap: we do not yet support aten::"
    r"|raised exception Unsupported\("  # what a binding raises while it is compiled
)

# One thread, because the number of threads changes sums; full precision on every device.
torch.set_num_threads(1)
torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False


# Many programs; the fallback to eager mode after a few would be measured as compiled.
torch._dynamo.config.recompile_limit = 10_000  # noqa: SLF001 - its only name
torch._dynamo.config.accumulated_recompile_limit = 1_000_000  # noqa: SLF001
torch._dynamo.config.suppress_errors = False  # noqa: SLF001 - nor one after an error

# Unasked, torch compiles a first call for itself and a second one for all others, so that the bits
# would depend on what else was measured, and a script by itself would not show them. Shapes are
# never taken for constants, therefore, and numbers always: one that changes between calls goes
# stale in torch's cache (https://github.com/pytorch/pytorch/issues/197889).
COMPILING = (
    "torch._dynamo.config.patch(specialize_float=True, specialize_int=True)"
    "(torch.compile({0}, fullgraph=True, dynamic=True))"
)


@cache
def compiled(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return a function as one program for each setting, whatever its shapes."""
    constants = torch._dynamo.config.patch(specialize_float=True, specialize_int=True)  # noqa: SLF001
    program: Callable[..., Tensor] = constants(
        torch.compile(function, fullgraph=True, dynamic=True)
    )
    return program


@cache
def mapped(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return a function that is mapped over a dimension of length 1, in front of all tensors."""

    def call(**given: Any) -> Tensor:
        tensors = {name: each for name, each in given.items() if torch.is_tensor(each)}
        others = {name: each for name, each in given.items() if name not in tensors}
        inner = partial(_called, function, others)
        return torch.func.vmap(inner)({name: each[None] for name, each in tensors.items()})[0]

    return call


def _called(
    function: Callable[..., Tensor], others: Mapping[str, Any], tensors: Mapping[str, Tensor]
) -> Tensor:
    return function(**tensors, **others)


def _sight(x: Tensor) -> Tensor:
    """Return x plus the place in the list of modes of the one that this runs in."""
    if torch.compiler.is_compiling():
        return x + 1
    return x + 2 * torch._C._functorch.is_batchedtensor(x)  # noqa: SLF001 - its only name


MAPPING = (
    "(lambda **given: torch.func.vmap(lambda tensors: {0}(**tensors, **{{name: each for name, each "
    "in given.items() if not torch.is_tensor(each)}}))({{name: each[None] for name, each in "
    "given.items() if torch.is_tensor(each)}})[0])"
)


def gated(a: Tensor, b: Tensor) -> Tensor:
    """Return glu of one tensor that holds both halves; Unsupported for single numbers."""
    if a.ndim == 0:
        raise Unsupported("glu halves a tensor along a dimension, and a single number has none")
    return functional.glu(torch.cat((a, b), -1))


def functional_binding(function: str, name: str, **arguments: str) -> Binding:
    """Bind a function of torch.nn.functional."""
    return Binding(function, f"torch.nn.functional.{name}", getattr(functional, name), arguments)


SNIPPETS = Snippets(
    imports="import torch\ntorch.set_num_threads(1)",
    tensor="torch.from_numpy({array}).to({device!r})",
    bfloat16="torch.from_numpy({array}.view(np.int16)).view(torch.bfloat16).to({device!r})",
    number="float({tensor}[{index}])",
    dtype='str({tensor}.dtype).removeprefix("torch.")',
    raw="{tensor}.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes()",
    storage="{tensor}.untyped_storage().data_ptr()",
    needed="torch.exp({tensor})",
    gradient="""\
leaves = [tensor.requires_grad_() for tensor in ({wrt})]
{needed}
output = {call}
gradients = torch.autograd.grad(output, leaves, {cotangent})""",
    second="""\
(leaf,) = leaves = [tensor.requires_grad_() for tensor in ({wrt})]
output = {call}
(slope,) = torch.autograd.grad(output, leaf, torch.ones_like(output), create_graph=True)
gradients = torch.autograd.grad(slope, leaves, {cotangent})""",
    ones="torch.ones_like(output)",
    seed="torch.manual_seed({number})",
    forms={
        Form.STRIDED: "torch.stack(({tensor}, {tensor}), -1)[..., 0]",
        Form.TRANSPOSED: "{tensor}.transpose(0, -1).contiguous().transpose(0, -1)",
        Form.EXPANDED: "{tensor}[:1].expand({tensor}.shape)",
    },
    threads="torch.set_num_threads({count})",
)


class Torch(Framework):
    """PyTorch: called eagerly, compiled, or mapped over a batch."""

    name = "torch"
    package = "torch"
    snippets = SNIPPETS
    bindings = (
        functional_binding("relu", "relu", input="x", inplace="inplace"),
        functional_binding("elu", "elu", input="x", alpha="alpha"),
        functional_binding("prelu", "prelu", input="x", weight="weight"),
        functional_binding(
            "rrelu",
            "rrelu",
            input="x",
            lower="lower",
            upper="upper",
            training="training",
            inplace="inplace",
        ),
        functional_binding("softmax", "softmax", input="x", dim="dim"),
        functional_binding("log_softmax", "log_softmax", input="x", dim="dim"),
        Binding("sigmoid", "torch.sigmoid", torch.sigmoid, {"input": "x"}),
        functional_binding(
            "smooth_l1_loss",
            "smooth_l1_loss",
            input="input",
            target="target",
            beta="beta",
            **REDUCED,
        ),
        functional_binding(
            "huber_loss",
            "huber_loss",
            input="input",
            target="target",
            delta="delta",
            reduction="reduction",
        ),
        functional_binding("mse_loss", "mse_loss", input="input", target="target", **REDUCED),
        functional_binding("l1_loss", "l1_loss", input="input", target="target", **REDUCED),
        functional_binding(
            "bce_loss",
            "binary_cross_entropy",
            input="input",
            target="target",
            weight="weight",
            **REDUCED,
        ),
        # Whether the target holds classes or probabilities shows in its dtype.
        *(
            Binding(
                "cross_entropy_loss",
                "torch.nn.functional.cross_entropy",
                functional.cross_entropy,
                {
                    "input": "input",
                    "target": "target",
                    "weight": "weight",
                    "ignore_index": "ignore_index",
                    "label_smoothing": "label_smoothing",
                    **REDUCED,
                },
                when={"target_type": target_type},
            )
            for target_type in ("class", "probability")
        ),
        # losses of single elements
        functional_binding(
            "bce_with_logits_loss",
            "binary_cross_entropy_with_logits",
            input="input",
            target="target",
            weight="weight",
            pos_weight="pos_weight",
            **REDUCED,
        ),
        functional_binding(
            "kl_div_loss",
            "kl_div",
            input="input",
            target="target",
            log_target="log_target",
            **REDUCED,
        ),
        functional_binding(
            "poisson_nll_loss",
            "poisson_nll_loss",
            input="input",
            target="target",
            log_input="log_input",
            full="full",
            eps="epsilon",
            **REDUCED,
        ),
        functional_binding(
            "gaussian_nll_loss",
            "gaussian_nll_loss",
            input="input",
            target="target",
            var="var",
            full="full",
            eps="epsilon",
            reduction="reduction",
        ),
        functional_binding(
            "hinge_embedding_loss",
            "hinge_embedding_loss",
            input="input",
            target="target",
            margin="margin",
            **REDUCED,
        ),
        functional_binding(
            "margin_ranking_loss",
            "margin_ranking_loss",
            input1="input1",
            input2="input2",
            target="target",
            margin="margin",
            **REDUCED,
        ),
        functional_binding(
            "soft_margin_loss", "soft_margin_loss", input="input", target="target", **REDUCED
        ),
        # functions of rows
        functional_binding("softmin", "softmin", input="x", dim="dim"),
        Binding("log_sum_exp", "torch.logsumexp", torch.logsumexp, {"input": "x", "dim": "dim"}),
        functional_binding(
            "nll_loss",
            "nll_loss",
            input="input",
            target="target",
            weight="weight",
            ignore_index="ignore_index",
            **REDUCED,
        ),
        Binding(
            "multi_margin_loss",
            "torch.nn.functional.multi_margin_loss",
            functional.multi_margin_loss,
            {
                "input": "input",
                "target": "target",
                "p": "p",
                "margin": "margin",
                "weight": "weight",
                **REDUCED,
            },
            dimensions={"input": 2},
        ),
        # It sums along the last axis, which is the documented one, 1, of two dimensions only.
        Binding(
            "multilabel_soft_margin_loss",
            "torch.nn.functional.multilabel_soft_margin_loss",
            functional.multilabel_soft_margin_loss,
            {"input": "input", "target": "target", "weight": "weight", **REDUCED},
            dimensions={"input": 2},
        ),
        # Its targets have one dimension at the most.
        Binding(
            "cosine_embedding_loss",
            "torch.nn.functional.cosine_embedding_loss",
            functional.cosine_embedding_loss,
            {
                "input1": "input1",
                "input2": "input2",
                "target": "target",
                "margin": "margin",
                **REDUCED,
            },
            dimensions={"input1": 2},
        ),
        # Its vectors are the last axis.
        Binding(
            "triplet_margin_loss",
            "torch.nn.functional.triplet_margin_loss",
            functional.triplet_margin_loss,
            {
                "anchor": "anchor",
                "positive": "positive",
                "negative": "negative",
                "margin": "margin",
                "p": "p",
                "eps": "epsilon",
                "swap": "swap",
                **REDUCED,
            },
            dimensions={"anchor": 2},
        ),
        # The distance left out is the Euclidean one.
        Binding(
            "triplet_margin_with_distance_loss",
            "torch.nn.functional.triplet_margin_with_distance_loss",
            functional.triplet_margin_with_distance_loss,
            {
                "anchor": "anchor",
                "positive": "positive",
                "negative": "negative",
                "margin": "margin",
                "swap": "swap",
                "reduction": "reduction",
            },
            dimensions={"anchor": 2},
        ),
        # elementary functions
        *(
            Binding(name, f"torch.{name}", getattr(torch, name), {"input": "x"})
            for name in (
                *("exp", "expm1", "log", "log2", "log10", "log1p"),
                *("sinh", "cosh", "tanh", "erf", "erfc", "sqrt", "rsqrt"),
            )
        ),
        # activations with curves
        functional_binding("gelu", "gelu", input="x", approximate="approximate"),
        functional_binding("silu", "silu", input="x", inplace="inplace"),
        functional_binding("mish", "mish", input="x", inplace="inplace"),
        # Uncut is what nobody asks torch for by threshold=inf, with which its exp overflows: they
        # leave the argument out.
        Binding(
            "softplus",
            "torch.nn.functional.softplus",
            functional.softplus,
            {"input": "x", "beta": "beta"},
            when={"threshold": math.inf},
        ),
        functional_binding("softplus", "softplus", input="x", beta="beta", threshold="threshold"),
        functional_binding("log_sigmoid", "logsigmoid", input="x"),
        functional_binding("selu", "selu", input="x", inplace="inplace"),
        # activations
        functional_binding("relu6", "relu6", input="x", inplace="inplace"),
        functional_binding(
            "leaky_relu",
            "leaky_relu",
            input="x",
            negative_slope="negative_slope",
            inplace="inplace",
        ),
        functional_binding("celu", "celu", input="x", alpha="alpha", inplace="inplace"),
        functional_binding("softsign", "softsign", input="x"),
        functional_binding("hard_sigmoid", "hardsigmoid", input="x", inplace="inplace"),
        functional_binding("hard_silu", "hardswish", input="x", inplace="inplace"),
        functional_binding(
            "hard_tanh",
            "hardtanh",
            input="x",
            min_val="min_val",
            max_val="max_val",
            inplace="inplace",
        ),
        functional_binding("hard_shrink", "hardshrink", input="x", lambd="lambd"),
        functional_binding("soft_shrink", "softshrink", input="x", lambd="lambd"),
        functional_binding("tanh_shrink", "tanhshrink", input="x"),
        functional_binding(
            "threshold",
            "threshold",
            input="x",
            threshold="threshold",
            value="value",
            inplace="inplace",
        ),
        # one tensor, the gate behind what goes through it
        Binding(
            "glu",
            "torch.nn.functional.glu",
            gated,
            {"a": "a", "b": "b"},
            wraps=functional.glu,
            code="(lambda a, b: torch.nn.functional.glu(torch.cat((a, b), -1)))",
        ),
    )

    absent: Mapping[str, str] = {
        "squareplus": "PyTorch has no squareplus",
        "sparse_plus": "PyTorch has no sparse plus",
        "sparse_sigmoid": "PyTorch has no sparse sigmoid",
        "swiglu": "PyTorch has of the gated linear units only GLU",
        "geglu": "PyTorch has of the gated linear units only GLU",
        "reglu": "PyTorch has of the gated linear units only GLU",
        "log_cosh_loss": "PyTorch has no logarithm of the hyperbolic cosine",
        "hinge_loss": "PyTorch has the hinge only with several classes, or with a distance",
        "squared_hinge_loss": "PyTorch has the squared hinge only with several classes",
        "focal_loss": "PyTorch leaves the focal loss to torchvision",
        "mape_loss": "PyTorch has no loss in percent",
        "msle_loss": "PyTorch has no loss of logarithms",
        "categorical_hinge_loss": "PyTorch has multi_margin_loss, which adds up all wrong classes",
    }

    def targets(self) -> tuple[Offer, ...]:
        """Return the CPU in its modes, and CUDA where a device is visible."""
        cuda = Target(self.name, "cuda", EAGER)
        here = [Target(self.name, "cpu", EAGER), self._compile(), self._vmap()]
        if torch.cuda.is_available():
            return (*here, cuda)
        built = torch.version.cuda is not None
        reason = "no CUDA device is visible" if built else "this build of PyTorch has no CUDA"
        return (*here, Unavailable(cuda, reason))

    def _compile(self) -> OnRequest | Unavailable:
        target = Target(self.name, "cpu", COMPILE)
        compiler = os.environ.get("CXX") or next(filter(shutil.which, COMPILERS), None)
        if compiler is None:
            return Unavailable(target, f"it needs a C++ compiler: {', '.join(COMPILERS)} or $CXX")
        return OnRequest(target, f"{COMPILED} ({compiler})")

    def _vmap(self) -> OnRequest:
        return OnRequest(Target(self.name, "cpu", VMAP), MAPPED)

    def prepare(self, target: Target) -> None:
        """Let no compiler start processes of its own, or take programs of an earlier run.

        What a program saves for its gradient, rounded, depends on the shape that it was made for.
        """
        super().prepare(target)
        if target.mode == COMPILE:
            from torch._inductor import config  # noqa: PLC0415 - a second that only this mode pays

            config.compile_threads = 1
            config.fx_graph_cache = False

    def mode(self) -> str:
        """Ask a function that is compiled or mapped like any other; a setting may prevent it."""
        seen = torch.zeros(1)
        match self.target.mode:
            case "compile":
                seen = compiled(_sight)(x=seen)
            case "vmap":
                seen = mapped(_sight)(x=seen)
            case _:
                seen = _sight(x=seen)
        return (EAGER, COMPILE, VMAP)[int(seen)]

    def resolve(self, spec: Spec, call: Call) -> Resolved:
        """Return the call, compiled or mapped where the target is."""
        resolved = super().resolve(spec, call)
        binding = resolved.binding
        own = binding.code or binding.name
        match self.target.mode:
            case "compile":
                code, function = COMPILING.format(own), compiled(binding.call)
            case "vmap":
                code, function = MAPPING.format(own), mapped(binding.call)
            case _:
                return resolved
        return replace(resolved, binding=replace(binding, call=function, code=code))

    def dtypes(self, target: Target) -> frozenset[str]:  # noqa: ARG002 - the same everywhere
        """Return all of them."""
        return frozenset({"float64", "float32", "float16", "bfloat16"})

    def to_tensor(self, array: Array, device: str) -> Tensor:
        """Copy the memory; NumPy's bfloat16 travels as int16."""
        if array.dtype == ml_dtypes.bfloat16:
            return torch.from_numpy(array.view(np.int16).copy()).view(torch.bfloat16).to(device)
        return torch.from_numpy(array.copy()).to(device)

    def to_array(self, tensor: Tensor) -> Array:
        """Copy the memory; bfloat16 travels as int16."""
        here = tensor.detach().cpu().contiguous()
        if here.dtype == torch.bfloat16:
            patterns: Array = here.view(torch.int16).numpy()
            return patterns.copy().view(ml_dtypes.bfloat16)
        array: Array = here.numpy()
        return array.copy()

    def formed(self, tensor: Tensor, form: Form) -> Tensor:
        """Return a view of other memory."""
        match form:
            case Form.STRIDED:
                return torch.stack((tensor, tensor), -1)[..., 0]
            case Form.TRANSPOSED:
                return tensor.transpose(0, -1).contiguous().transpose(0, -1)
            case Form.EXPANDED:
                return tensor[:1].expand(tensor.shape)
        return tensor

    @contextmanager
    def threads(self, count: int) -> Iterator[None]:
        """Have so many threads for a while."""
        torch.set_num_threads(count)
        try:
            yield
        finally:
            torch.set_num_threads(1)

    def multiply(self, a: Tensor, b: Tensor) -> Tensor:
        """Return torch's product."""
        return torch.mul(a, b)

    def storage(self, tensor: Tensor) -> Hashable:
        """Return the address; an empty tensor has none, and is then only itself."""
        return tensor.untyped_storage().data_ptr() or id(tensor)

    def seed(self, number: int) -> None:
        """Seed the generators of all devices."""
        torch.manual_seed(number)

    def environment(self) -> Mapping[str, str]:
        """Return what selects torch's kernels."""
        settings = {
            "cpu capability": torch.backends.cpu.get_cpu_capability(),
            "threads": str(torch.get_num_threads()),
            "tf32": "off",
            "deterministic algorithms": str(torch.are_deterministic_algorithms_enabled()),
        }
        if torch.cuda.is_available():
            settings["cuda"] = str(torch.version.cuda)
            settings["cuda device"] = torch.cuda.get_device_name()
        return settings

    def lacks(self, error: Exception) -> bool:
        """Whether torch, or a binding while compiled, says that there is no kernel, or no rule."""
        if isinstance(error, NotImplementedError):
            return True
        return isinstance(error, RuntimeError) and bool(NO_KERNEL.search(str(error)))

    def lost(self) -> bool:
        """Whether CUDA fails whatever is asked of it, as it does after an assertion in a kernel."""
        try:
            if self.target.device == "cuda":
                torch.cuda.synchronize()
        except RuntimeError:
            return True
        return False

    def differentiate(
        self,
        function: Callable[[Tensors], Tensor],
        tensors: Tensors,
        wrt: tuple[str, ...],
        cotangent: Tensor | None,
    ) -> Tensors:
        """Run autograd, so that it can be run again where somebody differentiates this."""
        again = all(tensors[name].is_leaf and tensors[name].requires_grad for name in wrt)
        leaves = {
            name: tensor.requires_grad_() if name in wrt else tensor
            for name, tensor in tensors.items()
        }
        output = function(leaves)
        direction = torch.ones_like(output) if cotangent is None else cotangent
        inputs = [leaves[name] for name in wrt]
        gradients = torch.autograd.grad(output, inputs, direction, create_graph=again)
        return dict(zip(wrt, gradients, strict=True))

    def needed(self, tensor: Tensor) -> Tensor:
        """Return exp, whose gradient is its result."""
        return torch.exp(tensor)


backend = Torch()
