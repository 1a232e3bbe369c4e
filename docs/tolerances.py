"""Writes the tables of docs/tolerances.md from the yardsticks; `--check` compares."""  # noqa: INP001 - a script

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trysquare.dtypes import FLOAT32, FORMATS
from trysquare.formula.derivative import Extent
from trysquare.formula.parser import parse
from trysquare.truth.oracle import Oracle
from trysquare.verdict.yardsticks import Asked, Rule, yardsticks

PAGE = Path(__file__).parent / "tolerances.md"
BEGIN, END = "<!-- {}:begin -->\n", "<!-- {}:end -->"
CURRENT, STALE = 0, 1


@dataclass(frozen=True)
class Loss:
    """A zero in float32 where a formula at `x` has another value, and what was asked."""

    words: str
    formula: str
    x: float
    function: str
    gradient: bool = False

    @property
    def want(self) -> float:
        """The correctly rounded answer."""
        tree, rows = parse(self.formula, frozenset({"x"})), {"x": np.array([[self.x]])}
        truth = Oracle(tree, rows, 1, 1, Extent(rows=True, columns=False), FLOAT32).certified
        return float(FLOAT32.round(truth.value)[0, 0])


GELU = "x * erfc(-x / sqrt(2)) / 2"
LOSSES = (
    Loss("`gelu(-5)`", GELU, -5.0, "gelu"),
    Loss("`gelu(-6)`", GELU, -6.0, "gelu"),
    Loss("`sigmoid(-12)`", "exp(x) / (1 + exp(x))", -12.0, "sigmoid"),
    Loss("`softplus(-15)`", "log1p(exp(x))", -15.0, "softplus"),
    Loss("`sigmoid` at 8, derivative", "exp(-x) / (1 + exp(-x))**2", 8.0, "sigmoid", gradient=True),
    Loss("`elu(-2**-26)`", "expm1(x)", -(2.0**-26), "elu"),
)


def losses() -> str:
    """Return who accepts zero instead of each of these results."""
    wants = [loss.want for loss in LOSSES]
    head = ["", *(f"{loss.words} = {want:.3g}" for loss, want in zip(LOSSES, wants, strict=True))]
    rows = [head, ["---"] * len(head)]
    for yardstick in yardsticks():
        row = [yardstick.name]
        for loss, want in zip(LOSSES, wants, strict=True):
            asked = Asked(loss.function, FLOAT32, 1, loss.gradient)
            accepted = yardstick.accepts(np.zeros(1), np.array([want]), asked)
            row.append("no rule" if accepted is None else "accepts 0" if accepted[0] else "sees it")
        rows.append(row)
    return _table(rows)


def rules() -> str:
    """Return every rule of every yardstick."""
    rows = [["", "of", *FORMATS], ["---"] * (2 + len(FORMATS))]
    for yardstick in yardsticks():
        name = f"[{yardstick.name}]({yardstick.source})"
        for kinds, functions, dtypes in yardstick.rules:
            about = ", ".join(f"`{function}`" for function in sorted(functions))
            asked = " and ".join(f"{kind}s" for kind in sorted(kinds, reverse=True))
            rows.append([name, about or asked, *(_rule(dtypes.get(one)) for one in FORMATS)])
            name = ""
    return _table(rows)


def _rule(rule: Rule | None) -> str:
    return "" if rule is None else str(rule)


def _table(rows: list[list[str]]) -> str:
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def replaced(page: str, name: str, table: str) -> str:
    """Return a page with another table between its marks; raises ValueError without marks."""
    begin, end = BEGIN.format(name), END.format(name)
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"no {begin.strip()} and {end} in the page")
    return f"{before}{begin}{table}{end}{after}"


def main(arguments: list[str]) -> int:
    """Write the tables, or say whether they are current."""
    page = PAGE.read_text(encoding="utf-8")
    fresh = replaced(replaced(page, "losses", losses()), "rules", rules())
    if "--check" not in arguments:
        PAGE.write_text(fresh, encoding="utf-8")
    elif fresh != page:
        sys.stderr.write("the tables of docs/tolerances.md are stale: python docs/tolerances.py\n")
        return STALE
    return CURRENT


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
