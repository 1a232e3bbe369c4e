"""What a textbook is written with: 80 digits, elementary functions, functions of single numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import mpmath

mp = mpmath.MPContext()
mp.dps = 80

Real = Any
"""A number of mpmath: as many digits as `mp` has, infinities, NaN, and one zero."""

Parameters = Mapping[str, Any]
ZERO, ONE, NAN, INF = mp.mpf(0), mp.mpf(1), mp.nan, mp.inf


def remembered(function: Callable[[Real], Real]) -> Callable[[Real], Real]:
    """Keep results, each for the number of digits that it has."""
    known: dict[tuple[Real, int], Real] = {}

    def ask(x: Real) -> Real:
        key = (x, mp.prec)
        if key not in known:
            known[key] = function(x)
        return known[key]

    return ask


@cache
def exact(number: float) -> Real:
    return mp.mpf(number)


@remembered
def exp(x: Real) -> Real:
    return ZERO if x == -INF else mp.exp(x)


@remembered
def expm1(x: Real) -> Real:
    return -ONE if x == -INF else mp.expm1(x)


@remembered
def log(x: Real) -> Real:
    return -INF if x == 0 else mp.log(x)


@remembered
def log1p(x: Real) -> Real:
    return -INF if x == -1 else mp.log1p(x)


@remembered
def sqrt(x: Real) -> Real:
    return NAN if x < 0 else mp.sqrt(x)


@remembered
def tanh(x: Real) -> Real:
    return mp.tanh(x)


@remembered
def tanh_slope(x: Real) -> Real:
    return mp.sech(x) ** 2


@remembered
def erf(x: Real) -> Real:
    return mp.erf(x)


@remembered
def erfc(x: Real) -> Real:
    # exp(-1000**2) is zero in every format, and far beyond it mpmath gives up
    return ZERO if x > 1000 else mp.erfc(x)


@remembered
def bell(x: Real) -> Real:
    return 2 / mp.sqrt(mp.pi) * exp(-x * x)


def quotient(a: Real, b: Real) -> Real:
    if b == 0:
        return NAN if a == 0 or mp.isnan(a) else mp.sign(a) * INF
    return a / b


def total(terms: Iterable[Real]) -> Real:
    result = ZERO
    for term in terms:
        result = result + term
    return result


@dataclass(frozen=True)
class Pointwise:
    """A function that treats every element alone; value and slopes are f(parameters, *inputs).

    A zero, and what is at one, has the signs of the inputs that are counted in `odd`, multiplied;
    if a zero `passes`, it is the input.
    """

    value: Callable[..., Real]
    slopes: Mapping[str, Callable[..., Real]]
    odd: tuple[int, ...] = ()
    passes: bool = False
    reduces: bool = False
