"""Fewer inputs that show the same divergence: one element, or the one row that it stands in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from trysquare.backend import Array, Call, Refusal, Reply
from trysquare.reproduction import LISTED, Claim
from trysquare.result import Symptom
from trysquare.spec import Extent, Spec

Index = tuple[int, ...]


def shrink(
    spec: Spec, call: Call, claim: Claim, ask: Callable[[Call], Reply]
) -> tuple[Call, Claim]:
    """Return a smaller call with the same symptom, to the bit, or the same call.

    The value of an element may depend on where it stands, so each candidate is tried.
    """
    if claim.symptom is Symptom.SHAPE or all(a.size <= LISTED for a in call.inputs.values()):
        return call, claim
    smaller = _one_row(spec, call, claim)
    if smaller is not None and _shown(ask(smaller[0]), smaller[1]) == _shown(ask(call), claim):
        return smaller
    return call, claim


def _shown(reply: Reply, claim: Claim) -> object:
    """Return what has to be the same for the symptom to be the same."""
    if isinstance(reply, Refusal):
        return reply.kind, reply.error
    array = reply.outputs[claim.output]
    match claim.symptom:
        case Symptom.DTYPE:
            return array.dtype.name
        case Symptom.MUTATED:
            return reply.changed
        case Symptom.STORAGE:
            return reply.shares
        case _:
            fits = len(claim.index) == array.ndim
            return array[claim.index].tobytes() if fits else None


def _one_row(spec: Spec, call: Call, claim: Claim) -> tuple[Call, Claim] | None:
    """Return the call with nothing but the row of the element; without axis, the element."""
    parameters = {**spec.defaults, **{n: v for n, v in call.parameters.items() if v is not None}}
    forms = {given.name: given.form(parameters) for given in spec.inputs}
    extents = {name: forms[name].extent for name in call.inputs}
    full = next((a.ndim for n, a in call.inputs.items() if extents[n] is Extent.ELEMENT), 0)
    axis = parameters[spec.axis] if isinstance(spec.axis, str) else spec.axis
    if axis is not None and not (isinstance(axis, int) and -full <= axis < full):
        return None
    kept = None if axis is None else axis % full
    index = claim.index or (0,) * full
    if kept is not None and len(index) == full - 1:
        index = (*index[:kept], 0, *index[kept:])
    if len(index) != full:
        return None

    def cut(array: Array, *, of_rows: bool) -> Array:
        ranges = [
            slice(None) if dimension == kept else slice(i, i + 1)
            for dimension, i in enumerate(index)
            if not (of_rows and dimension == kept)
        ]
        return array[tuple(ranges)]

    inputs = {
        name: array
        if extents[name] is Extent.POSITION or array.size == 1
        else cut(array, of_rows=extents[name] is Extent.ROW)
        for name, array in call.inputs.items()
    }
    cotangent = call.cotangent
    if cotangent is not None and cotangent.ndim in {full, full - 1} and cotangent.size > 1:
        cotangent = cut(cotangent, of_rows=cotangent.ndim == full - 1)
    place = tuple(i if dimension == kept else 0 for dimension, i in enumerate(index))
    if len(claim.index) == full - 1:
        place = (0,) * (full - 1)
    return replace(call, inputs=inputs, cotangent=cotangent), replace(
        claim, index=place if claim.index else ()
    )
