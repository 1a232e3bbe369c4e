"""Some rows of a case as a case of its own, for rows that depend on no other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from trysquare.backend import Want
from trysquare.dtypes import Array
from trysquare.planning.cases import Case
from trysquare.spec import Extent
from trysquare.verdict.standard import Standard


def parts(standard: Standard) -> bool:
    """Tell whether there are several rows, and each has an answer of its own."""
    if standard.meant.reduces or not standard.spread.rows or standard.layout.rows < 2:
        return False
    return standard.case.want is Want.VALUE or standard.case.want.derives


def part(standard: Standard, rows: Array) -> Case:
    """Return the case with these rows alone, by number.

    Dimensions stay as many as they were; all rows lie along the first one that is not the axis.
    """
    case, layout = standard.case, standard.layout
    inputs = {name: _input(standard, name, rows) for name in case.inputs}
    cotangent = case.cotangent
    if cotangent is not None:
        moved = layout.to_rows(np.asarray(cotangent), standard.meant.output)
        cotangent = _shaped(standard, moved[rows], columns=standard.meant.output.columns)
    return replace(case, inputs=inputs, cotangent=cotangent)


def _input(standard: Standard, name: str, rows: Array) -> Array:
    case = standard.case
    item = next(item for item in standard.spec.inputs if item.name == name)
    array = case.inputs[name]
    if item.form(case.effective).extent is Extent.POSITION:
        return array
    spread = standard.meant.extents[name]
    return _shaped(standard, standard.layout.to_rows(array, spread)[rows], columns=spread.columns)


def _shaped(standard: Standard, rows: Array, *, columns: bool) -> Array:
    layout, count = standard.layout, len(rows)
    if layout.axis is None:
        return np.ascontiguousarray(rows.reshape(count))
    others = (1,) * (len(layout.shape) - 2)
    if not columns:
        return np.ascontiguousarray(rows.reshape((count, *others)))
    moved = rows.reshape((count, *others, layout.columns))
    return np.ascontiguousarray(np.moveaxis(moved, -1, layout.axis))
