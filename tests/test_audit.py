"""The audit finds what is untrue, names where, and passes what is true."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trysquare.__main__ import main
from trysquare.audit import second_opinion
from trysquare.audit.enclosure import enclosures
from trysquare.audit.examination import Audit, examine
from trysquare.audit.grid import grid
from trysquare.audit.stability import LIMIT, stability, trees
from trysquare.dtypes import FLOAT32
from trysquare.formula.parser import parse
from trysquare.reader import read
from trysquare.spec import Spec
from workshop import LONG, SPECS, some

POINTWISE = [name for name, spec in SPECS.items() if LONG or spec.axis is None]
"""An audit of rows takes up to minutes."""


def written(folder: Path, formula: str, more: str = "") -> Spec:
    """Return the spec of a function of x with this formula."""
    path = folder / "stated.yaml"
    path.write_text(
        "trysquare: 1\nfunction: stated\nsummary: A function.\nsource: https://example.org\n"
        f"inputs:\n  x: float\nformula: {formula}\n{more}"
        "cases:\n  - {name: not a number, x: nan, expect: nan}\n",
        encoding="utf-8",
    )
    return read(path)


def messages(audit: Audit) -> list[str]:
    return [failure.message for failure in audit.failures]


# What must pass.


@pytest.mark.parametrize("function", some(POINTWISE, 2))
def test_every_shipped_spec_is_true(function: str) -> None:
    audit = examine(SPECS[function])
    assert [f"{one.place}: {one.message} {one.figures}" for one in audit.failures] == []
    assert audit.points > 0
    # far below the limit, so that the limit is no matter of taste
    assert audit.worst < LIMIT / 4


@pytest.mark.parametrize(
    "formula",
    [
        "log(x) if x > 0 else 0",  # a zero at 1
        "x * x - 2",  # a zero beside a float
        "x / 2 * erfc(-x / sqrt(2))",
        "maximum(x, 0) + log1p(exp(-abs(x)))",
        "(x - 1) * (x + 1)",
        "1 if x > 1 / 3 else 0",  # a jump at a rounded constant
        "x if 3 * x > 1 else x + 1",
    ],
)
def test_what_the_problem_itself_loses_is_no_fault_of_the_formula(
    tmp_path: Path, formula: str
) -> None:
    points = grid(written(tmp_path, formula), {}, 100)
    name, wrt, tree = next(iter(trees(points)))
    assert stability(points, name, wrt, tree).losses == ()


# What must fail, and where.


@pytest.mark.parametrize(
    ("formula", "regions"),
    [
        ("x / 2 * (1 + erf(x / sqrt(2)))", [(-38.1, -3.3)]),
        ("log(1 + exp(x))", [(-740, -10), (710, FLOAT32.largest)]),
        ("exp(x) - 1", [(-0.0078, -FLOAT32.smallest_subnormal), (1.4e-45, 0.0078)]),
        ("sqrt(x * x + 1) - x", [(33, FLOAT32.largest)]),
    ],
)
def test_a_formula_that_loses_digits_fails_with_its_region(
    tmp_path: Path, formula: str, regions: list[tuple[float, float]]
) -> None:
    first = examine(written(tmp_path, formula)).failures[0]
    head = "formula loses digits for x in ["
    assert first.message.startswith(head)
    pieces = first.message.removeprefix(head).removesuffix("]").split("], [")
    found = [tuple(map(float, piece.split(", "))) for piece in pieces]
    assert found == [pytest.approx(ends, rel=0.1) for ends in regions]
    assert str(first.place) == f"{tmp_path / 'stated.yaml'}:7:10"
    assert any("condition number" in line for line in first.figures)


def test_a_stated_gradient_that_loses_digits_fails_where_it_is_written(tmp_path: Path) -> None:
    spec = written(tmp_path, "tanh(x)", "gradient:\n  x: 1 - tanh(x)**2\n")
    (failure,) = examine(spec).failures
    assert failure.message.startswith("gradient of x loses digits for x in [-3")
    assert (failure.place.line, failure.place.column) == (9, 6)


def test_a_derived_gradient_that_loses_digits_points_to_the_formula(tmp_path: Path) -> None:
    failures = examine(written(tmp_path, "log(1 + exp(x))")).failures
    message = next(one.message for one in failures if one.message.startswith("gradient"))
    assert message.startswith("gradient of x, as derived from the formula, loses digits for x in")


def test_a_row_whose_gradient_cancels_fails_with_its_worst_row(tmp_path: Path) -> None:
    path = tmp_path / "stated.yaml"
    path.write_text(
        "trysquare: 1\nfunction: stated\nsummary: A function.\nsource: https://example.org\n"
        "inputs:\n  x: float\n  target: {type: index, per: row}\naxis: 1\n"
        "where:\n  z: x - max(x)\n"
        "  others: 'sum(expm1(z) if position == argmax(x) else exp(z))'\n"
        "formula: -(z - log1p(others))[target]\n"
        "gradient:\n  x: >-\n    cotangent * (exp(z) / (1 + others)\n"
        "    - (1 if position == target else 0))\n"
        "cases:\n  - {name: alone, x: [[1.0]], target: [0], expect: [0.0]}\n",
        encoding="utf-8",
    )
    (failure,) = examine(read(path)).failures
    assert failure.message.startswith("gradient of x loses digits for ")
    assert " of 1500 rows, x in [" in failure.message
    assert "target = " in failure.figures[0]
    assert ", element " in failure.figures[0]


def test_a_definition_that_differs_at_one_binade_is_found(tmp_path: Path) -> None:
    definition = "definition: x * x if abs(x) > 2 or abs(x) < 1.5 else x * x + 1e-30\n"
    audit = examine(written(tmp_path, "x**2", definition))
    assert "formula and definition differ" in messages(audit)


def test_a_gradient_that_is_wrong_far_out_is_found(tmp_path: Path) -> None:
    audit = examine(written(tmp_path, "x**2", "gradient:\n  x: 2 * x if x < 1e20 else x\n"))
    assert "the stated gradient of x is not the derivative" in messages(audit)
    (failure,) = [one for one in audit.failures if "not the derivative" in one.message]
    line = failure.place.path.read_text("utf-8").splitlines()[failure.place.line - 1]
    assert line.strip() == "x: 2 * x if x < 1e20 else x"
    assert re.search(
        r"^at x = \S+, \S+ = \S+ it is \S+, and the derivative \S+$", failure.figures[0]
    )


def test_numbers_that_differ_are_told_with_so_many_digits_that_they_do(tmp_path: Path) -> None:
    slope = "gradient:\n  x: 2 * x * (1 + 1e-30)\n"
    (failure, *_) = examine(written(tmp_path, "x**2", slope)).failures
    stated, other = failure.figures[0].partition(" it is ")[2].split(", and the derivative ")
    assert (stated != other, stated[:20]) == (True, other[:20])


def test_the_definition_that_is_never_decided_is_not_called_proven(tmp_path: Path) -> None:
    audit = examine(written(tmp_path, "x", "definition: x + log(-1 - abs(x)) * 0\n"))
    assert "Arb could not compare the definition at a single point" in messages(audit)


# The second opinion.


def test_an_arithmetic_that_lies_is_found_by_the_second_opinion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = grid(written(tmp_path, "exp(x)"), {}, 50)
    assert second_opinion.compare(points).differs is None

    def lying(*arguments: Any) -> Any:
        return enclosures(*arguments) * (1 + 2.0**-50)

    monkeypatch.setattr(second_opinion, "enclosures", lying)
    assert second_opinion.compare(points).differs is not None


@pytest.mark.parametrize(
    "formula", ["x / x", "x - x", "0 * x", "maximum(x, 1)", "sqrt(x)", "log(x)"]
)
def test_infinities_and_nan_are_ieee_in_both(tmp_path: Path, formula: str) -> None:
    assert second_opinion.compare(grid(written(tmp_path, formula), {}, 50)).differs is None


def test_a_tail_below_the_precision_of_mpmath_is_asked_again_with_more(tmp_path: Path) -> None:
    spec = written(tmp_path, "log1p(exp(-abs(x)))", "definition: log(1 + exp(-abs(x)))\n")
    found = second_opinion.compare(grid(spec, {}, 100))
    assert found.differs is None
    assert found.compared > 300


# The pieces.


def test_balls_hold_the_exact_value_however_much_cancels() -> None:
    tree = parse("exp(x) - 1 - x", frozenset({"x"}))
    (ball,) = enclosures(tree, {"x": np.array([[1e-200]])}, (1, 1), 1)[0]
    assert float(ball.mid()) == 0.0  # 5e-401
    assert ball > 0


def test_a_grid_has_every_binade_of_both_signs(tmp_path: Path) -> None:
    x = grid(written(tmp_path, "x"), {}, 10).inputs["x"]
    binades = {(bool(v < 0), int(np.frexp(v)[1])) for v in x[x != 0]}
    reach = range(FLOAT32.emin - FLOAT32.precision + 2, FLOAT32.emax + 2)
    assert binades >= {(sign, each) for sign in (True, False) for each in reach}


def test_a_grid_stays_inside_domains(tmp_path: Path) -> None:
    path = tmp_path / "stated.yaml"
    path.write_text(
        "trysquare: 1\nfunction: stated\nsummary: A function.\nsource: https://example.org\n"
        "inputs:\n  x: {type: float, domain: 0 < x < 1}\nformula: log(x)\n"
        "cases:\n  - {name: one half, x: 0.5, expect: -log(2)}\n",
        encoding="utf-8",
    )
    points = grid(read(path), {}, 100)
    x = points.inputs["x"]
    assert points.rows > 100
    assert ((x > 0) & (x < 1)).all()


# The command.


def test_the_command_tells_a_line_for_each_spec_and_fails_for_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path, "exp(x) - 1")
    assert main(["audit", str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert "✗ stated" in printed
    assert f"{tmp_path / 'stated.yaml'}:7:10: formula loses digits for x in" in printed
    assert "1 audited, 0 true, 1 not" in printed


def test_an_audit_loads_no_framework(capsys: pytest.CaptureFixture[str]) -> None:
    before = {"torch", "tensorflow"} & set(sys.modules)
    assert main(["audit", str(SPECS["relu"].place.path)]) == 0
    assert "1 audited, 1 true, 0 not" in capsys.readouterr().out
    assert {"torch", "tensorflow"} & set(sys.modules) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["audit", "nothing.yaml"], "no such file"),
        (["audit", "--dtype", "float32"], "describe a file of --goldens"),
        (["audit", "--goldens", "x.csv"], "--goldens needs --function"),
        (["audit", "--goldens", "x.csv", "--published"], "ask one of them"),
    ],
)
def test_what_is_asked_wrongly_is_told(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert said in capsys.readouterr().err
