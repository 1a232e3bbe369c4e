"""Tensors <-> rows: every tensor of a call as an array shaped (rows, columns), and back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from trysquare.formula.derivative import Extent
from trysquare.spec import Extent as InputExtent
from trysquare.spec import Spec, Value

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Layout:
    """The shape of the elements and the axis along which rows run (None: each its own row)."""

    shape: tuple[int, ...]
    axis: int | None

    @property
    def columns(self) -> int:
        """The length of a row."""
        return 1 if self.axis is None else self.shape[self.axis]

    @property
    def outer(self) -> tuple[int, ...]:
        """The shape without the axis."""
        if self.axis is None:
            return self.shape
        return self.shape[: self.axis] + self.shape[self.axis + 1 :]

    @property
    def rows(self) -> int:
        """The number of rows."""
        return math.prod(self.outer)

    def shape_of(self, extent: Extent) -> tuple[int, ...]:
        """Return the shape of a tensor that varies like this."""
        if extent.rows:
            return self.shape if extent.columns or self.axis is None else self.outer
        return (self.columns,) if extent.columns else ()

    def to_rows(self, tensor: Array, extent: Extent) -> Array:
        """Return a tensor as (rows or 1, columns or 1)."""
        if extent.rows and extent.columns and self.axis is not None:
            moved = np.moveaxis(np.broadcast_to(tensor, self.shape), self.axis, -1)
            return moved.reshape(self.rows, self.columns)
        if extent.rows:
            return np.broadcast_to(tensor, self.outer).reshape(self.rows, 1)
        return tensor.reshape(1, -1)

    def from_rows(self, rows: Array, extent: Extent) -> Array:
        """Return rows as the tensor that varies like this; the inverse of `to_rows`."""
        height = self.rows if extent.rows else 1
        width = self.columns if extent.columns else 1
        full = np.broadcast_to(rows, (height, width))
        if extent.rows and extent.columns and self.axis is not None:
            return np.moveaxis(full.reshape(*self.outer, self.columns), -1, self.axis)
        return full.reshape(self.shape_of(extent))


def layout(spec: Spec, parameters: Mapping[str, Value], inputs: Mapping[str, Array]) -> Layout:
    """Return the layout of a call: the shape of its elements, and its axis counted from 0.

    Raises ValueError if shapes do not fit together, or if a parameter names an axis that a tensor
    does not have. Where a fixed axis is missing, all elements stand at a single position.
    """
    shapes = [
        inputs[item.name].shape
        for item in spec.inputs
        if item.name in inputs and item.form(parameters).extent is InputExtent.ELEMENT
    ]
    shape = np.broadcast_shapes(*shapes)
    if spec.axis is None:
        return Layout(shape, None)
    named = isinstance(spec.axis, str)
    axis = int(parameters[spec.axis]) if isinstance(spec.axis, str) else spec.axis
    if -len(shape) <= axis < len(shape):
        return Layout(shape, axis % len(shape))
    if named and not (shape == () and axis in (0, -1)):
        raise ValueError(f"{len(shape)} dimensions have no axis {axis}")
    return Layout(shape, None)
