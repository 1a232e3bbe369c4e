"""The formula of one number as a Taylor series in Arb: every coefficient is a ball.

Around a point the coefficients are those of the Taylor polynomial; around a ball they enclose the
coefficients at each of its points, which is what a proven remainder is made of (Lagrange's form).
The variable counts steps: x = centre + step * k. Precision and length are flint's `ctx.prec` (when
the object is made, too) and `ctx.cap`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flint

from trysquare.formula.ball import OPERATIONS
from trysquare.formula.branching import NOT_A_NUMBER, Branching, UndecidedHereError
from trysquare.formula.tree import Op

Value = Any
"""A series, or NOT_A_NUMBER."""


class Series(Branching[flint.arb_series]):
    """A tree as series around whatever it is asked for."""

    def constant(self, number: flint.arb) -> flint.arb_series:
        """Return a series of one coefficient."""
        return flint.arb_series([number])

    def compared(self, op: Op, a: flint.arb_series, b: flint.arb_series) -> float:
        """Compare the first coefficients: around a ball, all values."""
        return float(OPERATIONS[op](a[0], b[0]))

    def power(self, base: flint.arb_series, exponent: int) -> flint.arb_series:
        """Multiply."""
        return base**exponent

    def elementary(self, op: Op, args: list[flint.arb_series]) -> Value:
        """Return the series of a function of series."""
        return _ELEMENTARY[op](*args)


def _with_constant(series: flint.arb_series, value: flint.arb) -> flint.arb_series:
    """Return the same series with another first coefficient."""
    return flint.arb_series([value, *series.coeffs()[1:]])


def _quotient(a: flint.arb_series, b: flint.arb_series) -> Value:
    if b[0].contains(0):
        raise UndecidedHereError("a division by zero")
    return a / b


def _expm1(a: flint.arb_series) -> Value:
    return _with_constant(a.exp(), a[0].expm1())


def _log(a: flint.arb_series) -> Value:
    return _inside(a, 0, a.log)


def _log1p(a: flint.arb_series) -> Value:
    return _inside(a, -1, lambda: _with_constant((1 + a).log(), a[0].log1p()))


def _sqrt(a: flint.arb_series) -> Value:
    return _inside(a, 0, a.sqrt)


def _inside(a: flint.arb_series, edge: int, value: Callable[[], Value]) -> Value:
    """Return the value right of the edge of a domain, NaN left of it."""
    if a[0] > edge:
        return value()
    if a[0] < edge:
        return NOT_A_NUMBER
    raise UndecidedHereError("the edge of a domain")


def _tanh(a: flint.arb_series) -> Value:
    negative = bool(a[0] < 0)
    decay = (2 * a if negative else -2 * a).exp()
    rest = (1 - decay) / (1 + decay)
    return _with_constant(-rest if negative else rest, a[0].tanh())


_ELEMENTARY: dict[Op, Callable[..., Value]] = {
    Op.NEG: lambda a: -a,
    Op.ADD: lambda a, b: a + b,
    Op.SUB: lambda a, b: a - b,
    Op.MUL: lambda a, b: a * b,
    Op.DIV: _quotient,
    Op.SQRT: _sqrt,
    Op.EXP: lambda a: a.exp(),
    Op.EXPM1: _expm1,
    Op.LOG: _log,
    Op.LOG1P: _log1p,
    Op.TANH: _tanh,
    Op.ERF: lambda a: a.erf(),
    Op.ERFC: lambda a: a.erfc(),
}
