"""What others' tests accept: would they have seen a divergence?

Their names and tolerances, and the functions they are about, are data: `yardsticks.json`, which
stands with the specs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from trysquare.dtypes import BFLOAT16, Array, Format
from trysquare.formula.evaluate import evaluate
from trysquare.formula.float64 import Float64
from trysquare.formula.parser import parse
from trysquare.formula.tree import Node
from trysquare.shelf import specs_folder
from trysquare.truth.tolerance import TERMS


@dataclass(frozen=True)
class Asked:
    """What was asked where a divergence showed, as far as a rule depends on it.

    `terms` is the number of elements that a reduction joins.
    """

    function: str
    format: Format
    terms: int
    gradient: bool


@dataclass(frozen=True)
class Closeness:
    """|got - want| <= atol + rtol * |want|; infinities equal."""

    rtol: float
    atol: float

    def accepts(self, got: Array, want: Array, asked: Asked) -> Array:
        """Mark what is close, reckoned in the numbers' own format as the assertions do."""
        # bfloat16 is compared as float32
        carrier = np.float32 if asked.format is BFLOAT16 else asked.format.numpy
        with np.errstate(all="ignore"):
            near = np.isclose(got.astype(carrier), want.astype(carrier), self.rtol, self.atol)
        return np.asarray(near)

    def __str__(self) -> str:
        return f"rtol {self.rtol:g}, atol {self.atol:g}"


@dataclass(frozen=True)
class Steps:
    """At most so many representable numbers apart; infinity follows the largest number."""

    text: str
    ulp: Node

    def accepts(self, got: Array, want: Array, asked: Asked) -> Array:
        """Mark what is near enough; both zeros are the same number."""
        names = {TERMS: np.full((1, 1), float(asked.terms))}
        most = evaluate(self.ulp, Float64(1, 1, asked.format), names)[0, 0]
        numbers = ~np.isnan(got) & ~np.isnan(want)
        first, second = (asked.format.ordinal(np.where(numbers, x, 0)) for x in (got, want))
        # of float64 numbers of different sign, the distance itself would not fit
        apart = np.abs(first.astype(np.float64) - second.astype(np.float64))
        return np.asarray(numbers & ((first == second) | (apart <= most)))

    def __str__(self) -> str:
        return f"{self.text} ulp"


Rule = Closeness | Steps


@dataclass(frozen=True)
class Yardstick:
    """The tolerance that somebody's tests publish: a name, where it stands, and its rules.

    `read` says in which version the figures were read. `rules` are (kinds of question, functions
    or none for all, rule by dtype); the first that fits holds.
    """

    name: str
    source: str
    read: str
    equal_nan: bool
    rules: tuple[tuple[frozenset[str], frozenset[str], Mapping[str, Rule]], ...]

    def rule(self, asked: Asked) -> Rule | None:
        """Return the rule for a question, None if there is none."""
        kind = "gradient" if asked.gradient else "value"
        for kinds, functions, dtypes in self.rules:
            fits = kind in kinds and (not functions or asked.function in functions)
            if fits and asked.format.name in dtypes:
                return dtypes[asked.format.name]
        return None

    def accepts(self, got: Array, want: Array, asked: Asked) -> Array | None:
        """Mark the answers that would pass as `want`, both float64; None without a rule."""
        rule = self.rule(asked)
        if rule is None:
            return None
        both_nan = np.isnan(got) & np.isnan(want) & self.equal_nan
        return rule.accepts(got, want, asked) | both_nan


def seen(got: Array, want: Array, asked: Asked) -> dict[str, int | None]:
    """Return by the name of each yardstick how many of these wrong answers it would refuse.

    `want` is the truth, rounded correctly; None means that the yardstick has no rule for this.
    """
    found: dict[str, int | None] = {}
    for yardstick in yardsticks():
        accepted = yardstick.accepts(got, want, asked)
        found[yardstick.name] = None if accepted is None else int((~accepted).sum())
    return found


@cache
def yardsticks() -> tuple[Yardstick, ...]:
    """Return the yardsticks of the data file, in its order."""
    data = json.loads((specs_folder() / "yardsticks.json").read_text("utf-8"))
    return tuple(
        Yardstick(
            one["name"], one["source"], one["read"], one["equal_nan"], tuple(_rules(one["rules"]))
        )
        for one in data["yardsticks"]
    )


def _rules(
    rows: list[dict[str, Any]],
) -> Iterator[tuple[frozenset[str], frozenset[str], Mapping[str, Rule]]]:
    for row in rows:
        dtypes = {name: _rule(figures) for name, figures in row["dtypes"].items()}
        yield frozenset(row["of"]), frozenset(row.get("functions", ())), dtypes


def _rule(figures: dict[str, Any]) -> Rule:
    if "ulp" in figures:
        return Steps(figures["ulp"], parse(figures["ulp"], frozenset({TERMS})))
    return Closeness(float(figures["rtol"]), float(figures["atol"]))
