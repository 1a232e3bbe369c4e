"""The smallest call that still shows a divergence, as a script for the framework alone."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from trysquare.backend import Answer, Call, Reply, Target
from trysquare.dtypes import Array, Format
from trysquare.planning.cases import Elsewhere
from trysquare.result import Result, Symptom, Worst
from trysquare.verdict.part import part, parts
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
    claim = Claim(result.symptom, output, result.worst.index, want, allowed, result.dtype)
    return sharpened(claim, result.worst, case.format)


def sharpened(claim: Claim, worst: Worst, format: Format) -> Claim:
    """Return the claim with the rest of the truth, if a script without it would see no divergence.

    An answer may be within the limit of the rounded truth and not of the truth.
    """
    got = float(format.widen(format.from_bits(np.array([int(worst.got.bits, 16)], np.uint64)))[0])
    apart = got - claim.want
    if claim.symptom is not Symptom.INACCURATE or not 0 < abs(apart) <= claim.allowed:
        return claim
    spacing = float(format.ulp(np.array(claim.want)))
    if abs(apart) / spacing < worst.ulp - 1:  # the truth is just below a power of two
        spacing /= 2
    rest = apart - math.copysign(worst.ulp * spacing, apart)
    return replace(claim, rest=rest, allowed=worst.limit * spacing)


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
    try:
        got = again.outputs[name][place]
    except (KeyError, IndexError):  # alone it answers in another form, or not at all
        return whole
    return alone if _bits(got) == _bits(reply.outputs[name][result.worst.index]) else whole


def _alone(standard: Standard, index: tuple[int, ...]) -> tuple[Call, tuple[int, ...]] | None:
    """Return the call with nothing but the element's own row, and where the element then is."""
    if not parts(standard):
        return None
    layout, spread = standard.layout, standard.spread
    places = np.arange(layout.rows * layout.columns).reshape(layout.rows, layout.columns)
    tensor = layout.from_rows(places if spread.columns else places[:, :1], spread)
    row, column = divmod(int(tensor[index]), layout.columns)
    call = part(standard, np.array([row])).call
    if layout.axis is None:
        return call, (0,)
    if not spread.columns:
        return call, (0,) * (len(layout.shape) - 1)
    place = [0] * len(layout.shape)
    place[layout.axis] = column
    return call, tuple(place)


def _bits(value: Array) -> bytes:
    return np.asarray(value).tobytes()
