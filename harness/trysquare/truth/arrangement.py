"""A call laid out: what the function means there, the layout, and every input as rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from trysquare.dtypes import Array
from trysquare.formula.evaluate import evaluate
from trysquare.formula.float64 import Float64
from trysquare.spec import Extent, Spec, Value
from trysquare.truth.layout import Layout, layout
from trysquare.truth.meaning import BATCH, COTANGENT, Meaning, meaning


@dataclass(frozen=True)
class Arrangement:
    """The meaning of a call, its layout, and its inputs as float64 rows by name."""

    meant: Meaning
    layout: Layout
    rows: Mapping[str, Array]


def arrange(
    spec: Spec,
    parameters: Mapping[str, Value],
    inputs: Mapping[str, Array],
    cotangent: Array | None = None,
) -> Arrangement:
    """Lay a call out; inputs that are left out are the numbers that stand for them.

    Raises ValueError if the shapes of the inputs do not fit together.
    """
    chosen = {**spec.defaults, **parameters}
    absent = frozenset(item.name for item in spec.inputs if item.name not in inputs)
    single = frozenset(
        item.name
        for item in spec.inputs
        if item.name in inputs
        and item.form(chosen).extent is Extent.POSITION
        and inputs[item.name].size == 1
    )
    laid = layout(spec, chosen, inputs)
    sized = {**chosen, BATCH: laid.shape[0] if laid.shape else 1}
    meant = meaning(spec, sized, absent | single)
    rows = {
        name: laid.to_rows(np.asarray(array, np.float64), meant.extents[name])
        for name, array in inputs.items()
    }
    for item in spec.inputs:
        if item.name in absent and item.default is not None:
            rows[item.name] = evaluate(item.default.tree, Float64(1, 1), {})
    if spec.random is not None:
        # a case may ask for a random mode only where the draw does not matter: the middle will do
        ends = (spec.random.low, spec.random.high)
        values = [evaluate(meant.expression(end.tree), Float64(1, 1), {}) for end in ends]
        rows[spec.random.name] = (values[0] + values[1]) / 2
    if cotangent is not None:
        rows[COTANGENT] = laid.to_rows(np.asarray(cotangent, np.float64), meant.output)
    return Arrangement(meant, laid, rows)
