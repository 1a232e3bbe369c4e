"""The smallest call that still shows a divergence, as a script for the framework alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from trysquare.backend import Answer, Call, Reply, Target, Want
from trysquare.dtypes import Array
from trysquare.planning.cases import Elsewhere
from trysquare.result import Result, Symptom
from trysquare.spec import Extent
from trysquare.verdict.standard import Standard
from trysquare.workers.pool import Pool
from trysquare.workers.reproduction import Claim

MEASURED = {
    Symptom.NAN,
    Symptom.INFINITY,
    Symptom.LOST,
    Symptom.INACCURATE,
    Symptom.SIGN_OF_ZERO,
}
"""Symptoms that a single element shows."""

UNFITTING = {Symptom.RANGE, Symptom.COURSE, Symptom.IDENTITY}
"""Symptoms of an element that are seen by what else is known of it."""


def witness(
    pool: Pool, target: Target, standard: Standard, result: Result, reply: Reply, deadline: float
) -> str:
    """Return a script that ends with exit code 1 as long as the divergence shows, or nothing."""
    if result.symptom is Symptom.BITS and standard.case.elsewhere is not None:
        return _both(pool, target, standard, standard.case.elsewhere, result, deadline)
    claim = _claim(standard, result, reply)
    call, place = _smallest(pool, target, standard, result, reply, deadline)
    script = pool.reproduce(target, standard.spec, call, replace(claim, index=place), deadline)
    return script.result()


def _both(
    pool: Pool,
    target: Target,
    standard: Standard,
    elsewhere: Elsewhere,
    result: Result,
    deadline: float,
) -> str:
    """Return a script with two calls, that give the same element other bits."""
    case = standard.case
    index = result.worst.index if result.worst else ()
    shape = Standard(standard.spec, elsewhere.case).shape
    there = np.unravel_index(int(elsewhere.places[index]), shape)
    claim = Claim(
        Symptom.BITS,
        case.wrt if case.want.derives else "output",
        index,
        dtype=result.dtype,
        elsewhere=tuple(int(place) for place in there),
    )
    other = elsewhere.case.call
    script = pool.reproduce(target, standard.spec, case.call, claim, deadline, other)
    return script.result()


def _claim(standard: Standard, result: Result, reply: Reply) -> Claim:
    case = standard.case
    output = case.wrt if case.want.derives else "output"
    if result.symptom in UNFITTING and result.worst and isinstance(reply, Answer):
        got = float(np.asarray(reply.outputs[output][result.worst.index], np.float64))
        return Claim(result.symptom, output, result.worst.index, got, dtype=result.dtype)
    if result.symptom is None or result.symptom not in MEASURED or result.worst is None:
        shape = standard.shape if result.symptom is Symptom.SHAPE else ()
        return Claim(result.symptom or Symptom.RAISED, output, dtype=result.dtype, shape=shape)
    pattern = np.array([int(result.worst.want.bits, 16)], np.uint64)
    want = float(case.format.widen(case.format.from_bits(pattern))[0])
    spacing = float(case.format.ulp(np.array(want)))
    allowed = min(result.worst.limit * spacing, case.format.largest)
    return Claim(result.symptom, output, result.worst.index, want, allowed, result.dtype)


def _smallest(
    pool: Pool, target: Target, standard: Standard, result: Result, reply: Reply, deadline: float
) -> tuple[Call, tuple[int, ...]]:
    """Return the element or row alone if it gives the same bits there, else the whole call."""
    case = standard.case
    whole = case.call, result.worst.index if result.worst else ()
    shown = result.symptom in MEASURED | UNFITTING
    if result.worst is None or not shown or not isinstance(reply, Answer):
        return whole
    alone = _alone(standard, result.worst.index)
    if alone is None:
        return whole
    call, place = alone
    again = pool.ask(target, standard.spec, [call], deadline).result()[0]
    if not isinstance(again, Answer):
        return whole
    name = case.wrt if case.want.derives else "output"
    same = _bits(again.outputs[name][place]) == _bits(reply.outputs[name][result.worst.index])
    return alone if same else whole


def _alone(standard: Standard, index: tuple[int, ...]) -> tuple[Call, tuple[int, ...]] | None:
    """Return the call with nothing but the element's own row, and where the element then is."""
    case, layout = standard.case, standard.layout
    if standard.meant.reduces or not standard.spread.rows or layout.rows < 2:
        return None
    if case.want is not Want.VALUE and not case.want.derives:
        return None
    places = np.arange(layout.rows * layout.columns).reshape(layout.rows, layout.columns)
    spread = standard.spread
    numbered = places if spread.columns else places[:, :1]
    tensor = layout.from_rows(numbered, spread)
    row, column = divmod(int(tensor[index]), layout.columns)
    inputs = {name: _one_row(standard, name, row) for name in case.inputs}
    cotangent = case.cotangent
    if cotangent is not None:
        moved = layout.to_rows(np.asarray(cotangent), standard.meant.output)
        cotangent = _shaped(standard, moved[[row]], columns=standard.meant.output.columns)
    call = replace(case.call, inputs=inputs, cotangent=cotangent)
    if layout.axis is None:
        return call, (0,)
    if not spread.columns:
        return call, (0,) * (len(layout.shape) - 1)
    place = [0] * len(layout.shape)
    place[layout.axis] = column
    return call, tuple(place)


def _one_row(standard: Standard, name: str, row: int) -> Array:
    case = standard.case
    item = next(item for item in standard.spec.inputs if item.name == name)
    array = case.inputs[name]
    if item.form(case.effective).extent is Extent.POSITION:
        return array
    spread = standard.meant.extents[name]
    return _shaped(standard, standard.layout.to_rows(array, spread)[[row]], columns=spread.columns)


def _shaped(standard: Standard, row: Array, *, columns: bool) -> Array:
    """Return one row with as many dimensions as the whole had."""
    layout = standard.layout
    if layout.axis is None:
        return np.ascontiguousarray(row.reshape(1))
    dimensions = len(layout.shape)
    if not columns:
        return np.ascontiguousarray(row.reshape((1,) * (dimensions - 1)))
    moved = row.reshape((1,) * (dimensions - 1) + (layout.columns,))
    return np.ascontiguousarray(np.moveaxis(moved, -1, layout.axis))


def _bits(value: Array) -> bytes:
    return np.asarray(value).tobytes()
