"""How inexact an operation may be: as published for a format, as assumed of NumPy's float64."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from trysquare.dtypes import FLOAT64, FORMATS, Array, Format
from trysquare.formula.tree import Op

LIBM_ULP = 16.0
"""Allowed to NumPy's float64 functions: more than 3 times the worst published figure, 5.09."""

MONOTONE = {Op.SQRT, Op.EXP, Op.EXPM1, Op.LOG, Op.LOG1P, Op.TANH, Op.ERF, Op.ERFC}

HALF = 0.5
"""ULP of an operation that is correctly rounded."""


@dataclass(frozen=True)
class Rounding:
    """What is allowed to each operation: ULP of primitives, roundings of a sum of n terms.

    `flushes` allows every subnormal intermediate to be replaced by zero; `certifies` says that a
    value which float64 itself cannot hold is unknown.
    """

    format: Format
    ulps: Mapping[Op, float]
    terms: Callable[[Array], Array]
    flushes: bool = False
    certifies: bool = False


@cache
def published(format: Format, *, flushes: bool) -> Rounding:
    """Return what the data file allows to an evaluation in this format."""
    data = json.loads((files("trysquare") / "primitives.json").read_text("utf-8"))
    ulps = {Op(name): float(row[format.name]) for name, row in data["ulp"].items()}
    constant, root = float(data["sum"]["constant"]), float(data["sum"]["sqrt"])
    # 16-bit terms are added up in a wider format, and rounded to their own at the end
    share = FORMATS[data["sum"]["accumulator"][format.name]].unit_roundoff / format.unit_roundoff
    return Rounding(format, ulps, lambda n: constant + root * share * np.sqrt(n), flushes)


@cache
def pessimistic() -> Rounding:
    """Return what is assumed of NumPy's float64: any order of summation, LIBM_ULP per function."""
    exact = {Op.ADD, Op.SUB, Op.MUL, Op.DIV, Op.SQRT}
    ulps = {op: HALF if op in exact else LIBM_ULP for op in exact | MONOTONE}
    return Rounding(FLOAT64, ulps, lambda n: n, certifies=True)
