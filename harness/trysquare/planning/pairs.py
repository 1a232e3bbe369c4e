"""The two questions of an identity: of one call where their rows can stand in one tensor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from trysquare.backend import Want
from trysquare.dtypes import Array, Format
from trysquare.formula.ball import Ball, balls, precision
from trysquare.formula.bounded import BoundedFloat64
from trysquare.formula.evaluate import evaluate
from trysquare.formula.float64 import Float64
from trysquare.formula.primitives import pessimistic
from trysquare.formula.tree import Node, names
from trysquare.planning.cases import Case, Expect, Property
from trysquare.planning.inputs import Inputs
from trysquare.planning.settling import Generator, axis_of
from trysquare.spec import Identity, InputKind, Spec
from trysquare.truth.arrangement import Arrangement, arrange
from trysquare.truth.domain import inside
from trysquare.truth.layout import layout
from trysquare.truth.meaning import meaning

BITS = 2200
"""Precision at which a sum or a product of two float64 is exact."""


def pair(spec: Spec, claim: Identity, case: Case, random: Generator) -> Iterator[Case]:
    """Yield one case with both questions, or two where one call cannot ask both."""
    mentioned = _mentioned(spec, claim)
    optional = {item.name for item in spec.inputs if item.default is not None}
    asked = {key: a for key, a in case.inputs.items() if key not in optional or key in mentioned}
    found = _exact_pair(spec, claim, replace(case, inputs=asked))
    if found is None:
        return
    first, second = found
    case = replace(case, inputs=first)
    if claim.of:
        meant = meaning(spec, case.effective)
        shape = layout(spec, case.effective, first).shape_of(meant.output)
        cotangent = case.format.cast(np.asarray(random.normal(0, 2, shape) + 0.25))
        case = replace(case, want=Want.GRADIENT, wrt=claim.of, cotangent=cotangent)
    if not claim.second:
        yield case
    elif _together(spec, claim, case):
        yield _joined(spec, case, second)
    else:
        earlier = replace(case, name=f"{case.name}, first", expect=Expect.FORM, claimed=None)
        effective = {**case.effective, **claim.changed}
        yield earlier
        yield replace(
            case,
            inputs=second,
            effective=effective,
            given=effective,
            claimed=Property(claim, earlier),
        )


def _mentioned(spec: Spec, claim: Identity) -> frozenset[str]:
    trees = [claim.left.tree, claim.right.tree, *(one.tree for one in claim.inputs.values())]
    parts = meaning(spec, claim.parameters)
    return frozenset(claim.inputs).union(*(names(parts.expression(tree)) for tree in trees))


def _together(spec: Spec, claim: Identity, case: Case) -> bool:
    """Tell whether the rows of both questions can stand in one tensor."""
    meant = meaning(spec, case.effective)
    if claim.changed or meant.reduces or not meant.output.rows:
        return False
    columns = {item.name for item in spec.inputs if not meant.extents[item.name].rows}
    if columns & ({claim.of} | claim.inputs.keys()):
        return False
    shape = next(array.shape for name, array in case.inputs.items() if name not in columns)
    return spec.axis is None or axis_of(spec, case.effective) % max(len(shape), 1) != 0


def _joined(spec: Spec, case: Case, second: Inputs) -> Case:
    extents = meaning(spec, case.effective).extents
    inputs = {
        key: np.concatenate([array, second[key]]) if extents[key].rows else array
        for key, array in case.inputs.items()
    }
    cotangent = case.cotangent
    if cotangent is not None:
        cotangent = np.concatenate([cotangent, cotangent])
    return replace(case, inputs=inputs, cotangent=cotangent)


def _exact_pair(spec: Spec, claim: Identity, case: Case) -> tuple[Inputs, Inputs] | None:
    """Return the inputs of both questions, without rows whose second cannot be asked exactly.

    None if no row is left.
    """
    parameters, format, first = case.effective, case.format, dict(case.inputs)
    changed = {**parameters, **claim.changed}
    for _ in range(3):  # what a row gives may depend on the others, which may be left out
        arranged = arrange(spec, parameters, first)
        second, keep = dict(first), inside(spec, arranged)
        extents, forms = meaning(spec, changed).extents, {i.name: i for i in spec.inputs}
        for key, expression in claim.inputs.items():
            tree = arranged.meant.expression(expression.tree)
            value, exact = _evaluated(tree, arranged, format)
            keep &= exact
            tensor = arranged.layout.from_rows(value, extents[key])
            whole = forms[key].form(changed).kind is InputKind.INDEX
            with np.errstate(invalid="ignore"):
                second[key] = tensor.astype(np.int64) if whole else format.cast(tensor)
        keep &= inside(spec, arrange(spec, changed, second))
        if keep.all():
            return (first, second) if keep.size else None
        first = {
            key: _kept(arranged, key, array, keep) if arranged.meant.extents[key].rows else array
            for key, array in first.items()
        }
    return None


def _evaluated(tree: Node, arranged: Arrangement, format: Format) -> tuple[Array, Array]:
    """Return a tree as rows, and for which rows no digit of it had to be rounded."""
    laid = arranged.layout
    shape = laid.rows, laid.columns
    value = np.array(evaluate(tree, Float64(*shape, format), arranged.rows), np.float64)
    bounded = BoundedFloat64(*shape, pessimistic(), format)
    given = {key: bounded.exact(array) for key, array in arranged.rows.items()}
    error = np.broadcast_to(evaluate(tree, bounded, given).error, shape)
    full = np.broadcast_to(value, shape)
    exact = np.isfinite(full) & (format.round(full) == full)
    open_rows = np.flatnonzero((exact & (error != 0)).any(axis=1))
    if open_rows.size:
        with precision(BITS):
            found = evaluate(
                tree, Ball(*shape, format), {key: balls(a) for key, a in arranged.rows.items()}
            )
        sure = np.frompyfunc(lambda ball, number: ball.is_exact() and ball == number, 2, 1)
        exact &= np.asarray(sure(np.broadcast_to(found, shape), full), bool)
    return value, np.asarray(exact.all(axis=1))


def _kept(arranged: Arrangement, key: str, array: Array, keep: Array) -> Array:
    """Return the rows of an input that are kept, as a tensor of one or two dimensions."""
    laid, spread = arranged.layout, arranged.meant.extents[key]
    rows = laid.to_rows(array, spread)[keep]
    if not spread.columns or laid.axis is None:
        return np.ascontiguousarray(rows[:, 0])
    return np.ascontiguousarray(np.moveaxis(rows, -1, min(laid.axis, 1)))
