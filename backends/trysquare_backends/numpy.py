"""NumPy, the reference: the spec's own formula in float64, rounded once. It needs no binding."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np

from trysquare.backend import Backend, Call, Form, Target, Tensor, Tensors, Want
from trysquare.dtypes import FORMATS, Array
from trysquare.errors import Unsupported
from trysquare.formula.derivative import Extent as Spread
from trysquare.formula.evaluate import evaluate
from trysquare.formula.float64 import Float64
from trysquare.formula.tree import Node
from trysquare.result import REFERENCE
from trysquare.spec import Spec
from trysquare.truth.arrangement import Arrangement, arrange
from trysquare.truth.domain import violations


class NumPy(Backend):
    """Evaluates formulas; the target `numpy:cpu:formula`."""

    name = "numpy"
    package = "numpy"

    def targets(self) -> tuple[Target, ...]:
        """Return the only target."""
        return (Target("numpy", "cpu", REFERENCE),)

    def dtypes(self, target: Target) -> frozenset[str]:  # noqa: ARG002 - the same everywhere
        """Return every format: all of them are contained in float64."""
        return frozenset(FORMATS)

    def to_tensor(self, array: Array, device: str) -> Tensor:  # noqa: ARG002 - there is one
        """Copy the array."""
        return np.array(array)

    def to_array(self, tensor: Tensor) -> Array:
        """Copy the array."""
        return np.array(tensor)

    def value(self, spec: Spec, call: Call, tensors: Tensors) -> Tensor:
        """Evaluate the formula."""
        arranged = _arranged(spec, call, tensors)
        return _answer(arranged, arranged.meant.value, arranged.meant.output, _dtype(tensors))

    def gradients(
        self, spec: Spec, call: Call, tensors: Tensors, cotangent: Tensor | None
    ) -> Tensors:
        """Evaluate the formula of the gradient."""
        if call.want is not Want.GRADIENT:
            raise Unsupported("NumPy has no automatic differentiation that could need an input")
        if cotangent is None:
            plain = _arranged(spec, call, tensors)
            cotangent = np.ones(plain.layout.shape_of(plain.meant.output))
        arranged = _arranged(spec, call, tensors, cotangent)
        meant, dtype = arranged.meant, _dtype(tensors)
        return {
            wrt: _answer(arranged, meant.gradients(wrt)[0], meant.extents[wrt], dtype).reshape(
                tensors[wrt].shape
            )
            for wrt in call.wrt
        }

    def second(self, spec: Spec, call: Call, tensors: Tensors, cotangent: Tensor) -> Tensors:
        """Evaluate the formula of the gradient's derivative."""
        arranged = _arranged(spec, call, tensors, cotangent)
        meant, (wrt,) = arranged.meant, call.wrt
        return {wrt: _answer(arranged, meant.second(wrt), meant.extents[wrt], _dtype(tensors))}

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
        """Multiply in the arrays' own dtype."""
        return np.multiply(a, b)

    def storage(self, tensor: Tensor) -> Hashable:
        """Return the address of the data."""
        return int(tensor.__array_interface__["data"][0])


def _arranged(
    spec: Spec, call: Call, tensors: Tensors, cotangent: Tensor | None = None
) -> Arrangement:
    if any(old.given.items() <= call.parameters.items() for old in spec.deprecated):
        raise Unsupported("a formula has no deprecated arguments")
    if call.want is Want.INPLACE:
        raise Unsupported("a formula has no storage to write into")
    given = {name: value for name, value in call.parameters.items() if value is not None}
    if spec.random is not None and spec.random.mode.items() <= given.items():
        raise Unsupported("a formula draws no random numbers")
    for wrong in violations(spec, given, tensors):
        raise ValueError(wrong)
    return arrange(spec, given, tensors, cotangent)


def _answer(arranged: Arrangement, tree: Node, spread: Spread, dtype: str) -> Array:
    """Evaluate in float64 and round once."""
    laid = arranged.layout
    arithmetic = Float64(laid.rows, laid.columns, FORMATS[dtype])
    result = evaluate(tree, arithmetic, arranged.rows)
    return np.array(FORMATS[dtype].cast(laid.from_rows(result, spread)))


def _dtype(tensors: Tensors) -> str:
    """Return the name of the float dtype of the inputs."""
    return next(str(t.dtype) for t in tensors.values() if str(t.dtype) in FORMATS)


backend = NumPy()
