"""The pieces that formulas are set from: bonds, brackets, powers, numerals, as MathML."""

from __future__ import annotations

from enum import IntEnum
from fractions import Fraction
from typing import NamedTuple

_WIDEST = 16
"""The largest denominator that is set as a fraction where decimals would do as well."""

_LONGEST_DECIMAL = 12


class Bond(IntEnum):
    """How tightly an operation holds its parts; a looser one inside a tighter needs brackets."""

    CASES = 0
    LOGIC = 1
    COMPARISON = 2
    SUM = 3
    SERIES = 4
    PRODUCT = 5
    FRACTION = 6
    POWER = 7
    ATOM = 8


class Piece(NamedTuple):
    """Finished markup and how tightly it holds together."""

    markup: str
    bond: Bond = Bond.ATOM

    def inside(self, bond: Bond) -> str:
        """Return the markup, in brackets if it is looser than `bond`."""
        return self.markup if self.bond >= bond else brackets(self.markup)


def numeral(value: Fraction) -> Piece:
    """Return a number: a small fraction, a decimal, or digits and a power of ten."""
    if value < 0:
        return Piece(row("<mo>−</mo>", numeral(-value).markup), Bond.SUM)
    if value.denominator == 1:
        return _scaled(value) if value >= 10**_LONGEST_DECIMAL else Piece(f"<mn>{value}</mn>")
    terminates = 10 ** value.denominator.bit_length() % value.denominator == 0
    if value.denominator <= _WIDEST or not terminates:
        top, bottom = value.numerator, value.denominator
        return Piece(f"<mfrac><mn>{top}</mn><mn>{bottom}</mn></mfrac>", Bond.FRACTION)
    return _scaled(value)


def _scaled(value: Fraction) -> Piece:
    """Return a terminating decimal, with a power of ten where it would have too many zeros."""
    exponent = 0
    while value.denominator > 1:
        value, exponent = value * 10, exponent - 1
    digits = str(value.numerator).rstrip("0") or "0"
    exponent += len(str(value.numerator)) - len(digits)
    point = len(digits) + exponent
    if -3 <= point <= _LONGEST_DECIMAL and exponent < 0:
        text = digits.rjust(-exponent + 1, "0")
        return Piece(f"<mn>{text[:exponent]}.{text[exponent:]}</mn>")
    scale = power("<mn>10</mn>", f"<mn>{point - 1}</mn>".replace("<mn>-", "<mo>−</mo><mn>"))
    if digits == "1":
        return Piece(scale, Bond.POWER)
    mantissa = f"<mn>{digits[0]}{'.' if digits[1:] else ''}{digits[1:]}</mn>"
    return Piece(row(mantissa, "<mo>·</mo>", scale), Bond.PRODUCT)


def call(word: str, inside: str) -> Piece:
    """Return a function's name and its argument in brackets."""
    return Piece(row(f"<mi>{word}</mi><mo>\u2061</mo>", brackets(inside)))


def power(base: str, exponent: str) -> str:
    """Return the base with a raised exponent."""
    return f"<msup><mrow>{base}</mrow><mrow>{exponent}</mrow></msup>"


def sub(base: str, index: str) -> str:
    """Return the base with a lowered index."""
    return f"<msub><mrow>{base}</mrow><mrow>{index}</mrow></msub>"


def brackets(markup: str) -> str:
    """Return the markup between round brackets."""
    return row("<mo>(</mo>", markup, "<mo>)</mo>")


def row(*parts: str) -> str:
    """Return the parts side by side as one."""
    return f"<mrow>{''.join(parts)}</mrow>"
