"""A limit that can see nothing is reported, with the number; one that can is not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NoReturn

import pytest

from trysquare.__main__ import main
from trysquare.command import lint
from trysquare.command.lint import blind_spots
from trysquare.reader import read
from trysquare.truth import oracle
from workshop import SPECS, some

HEAD = "trysquare: 1\nfunction: f\nsummary: A function.\nsource: none\n"
CASES = "cases:\n  - {name: not a number, x: nan, expect: nan}\n"
STEEPER = "dialects:\n  steeper: {formula: 'x if x > 0 else 1.001 * expm1(x)', why: A factor.}\n"
ELU = "x if x > 0 else expm1(x)"


def spec_file(folder: Path, formula: str, rest: str = "", inputs: str = "{x: float}") -> Path:
    path = folder / "f.yaml"
    path.write_text(f"{HEAD}inputs: {inputs}\nformula: >-\n  {formula}\n{rest}{CASES}")
    return path


def told(folder: Path, formula: str, rest: str = "") -> list[str]:
    """Return what is found, each with line and column of the file."""
    path = spec_file(folder, formula, rest)
    return [str(found).removeprefix(f"{path}:") for found in blind_spots(read(path))]


@pytest.mark.parametrize("function", some(SPECS, 2))
def test_no_shipped_limit_is_blind(function: str) -> None:
    assert [str(found) for found in blind_spots(SPECS[function])] == []


# Zero


def test_a_stated_limit_that_accepts_zero_is_reported_with_the_number(tmp_path: Path) -> None:
    (line,) = told(tmp_path, ELU, "tolerance: 200 ulp\n")
    assert line.startswith("8:12: error: the limit 200 ulp accepts 0 for a normal number")
    assert "in bfloat16: 200 ulp of " in line
    assert ", at x = " in line


def test_a_stated_limit_that_leaves_digits_is_not_reported(tmp_path: Path) -> None:
    assert told(tmp_path, ELU, "tolerance: 100 ulp\n") == []


def test_only_the_dtype_that_the_limit_is_about_is_reported(tmp_path: Path) -> None:
    rest = "tolerance: {float32: 200 ulp, float16: 200 ulp, bfloat16: 200 ulp}\n"
    (line,) = told(tmp_path, ELU, rest)
    assert line.startswith("8:59: error: the limit 200 ulp accepts 0")


def test_no_limit_at_all_accepts_zero_in_every_dtype(tmp_path: Path) -> None:
    lines = told(tmp_path, ELU, "tolerance: inf ulp\n")
    assert [line.partition(" number in ")[2].partition(":")[0] for line in lines] == [
        "float64",
        "float32",
        "float16",
        "bfloat16",
    ]


def test_a_limit_that_grows_with_the_row_is_reported_with_its_length(tmp_path: Path) -> None:
    rest = "axis: 1\ntolerance: {bfloat16: 3 * n + 3 ulp}\n"
    (line,) = told(tmp_path, "exp(x - max(x)) / sum(exp(x - max(x)))", rest)
    assert "the limit 3 * n + 3 ulp accepts 0 for a normal number in bfloat16: 303 ulp" in line
    assert ", n = 100" in line


UNSTABLE = {
    "one plus erf": "x * (1 + erf(x / sqrt(2))) / 2",
    "the logarithm of a sum": "log(1 + exp(x))",
    "one minus a square": "1 - tanh(x)**2",
    "an exponential minus one": "exp(x) - 1",
    "two near numbers": "x - tanh(x)",
    "a root and its argument": "(x + sqrt(x**2 + 4)) / 2",
}
STABLE = {
    "erfc": "x * erfc(-x / sqrt(2)) / 2",
    "log1p of exp": "maximum(x, 0) + log1p(exp(-abs(x)))",
    "a zero off the origin": "x - 0.1",
    "three zeros": "x**3 - x",
    "the zero of a logarithm": "log(x)",
    "a clipped line": "x * minimum(maximum(x + 3, 0), 6) / 6",
    "a gap": "x - 0.5 if x > 0.5 else x + 0.5 if x < -0.5 else 0 * x",
    "a product of exponentials": "x * tanh(log1p(exp(x)))",
    "an underflow": "exp(-x * x)",
}


@pytest.mark.parametrize("formula", UNSTABLE.values(), ids=UNSTABLE)
def test_a_formula_that_cancels_has_a_blind_limit(tmp_path: Path, formula: str) -> None:
    (line,) = told(tmp_path, formula)
    assert line.startswith("2:11: error: the inherited limit accepts 0 for a normal number in")
    assert "write the formula so that nothing cancels there, or state a tolerance" in line


@pytest.mark.parametrize("formula", STABLE.values(), ids=STABLE)
def test_what_the_condition_explains_is_not_reported(tmp_path: Path, formula: str) -> None:
    assert told(tmp_path, formula) == []


def test_a_stated_limit_is_the_way_out_for_a_formula_that_has_to_cancel(tmp_path: Path) -> None:
    assert told(tmp_path, UNSTABLE["two near numbers"], "tolerance: 4 ulp\n") == []


# Dialects


def test_a_limit_that_hides_a_dialect_is_reported_with_the_number(tmp_path: Path) -> None:
    (line,) = told(tmp_path, ELU, STEEPER + "tolerance: {float32: 20000 ulp}\n")
    assert line.startswith("10:22: error: the limit 20000 ulp does not separate dialect 'steeper'")
    number = r": at most 167\d\d ulp apart where 20000 are allowed, at x = \S+ in float32"
    assert re.search(number, line)
    assert "the inherited tolerance does" in line


def test_a_limit_that_separates_a_dialect_is_not_reported(tmp_path: Path) -> None:
    assert told(tmp_path, ELU, STEEPER + "tolerance: {float32: 8000 ulp}\n") == []


def test_a_dialect_that_is_lost_in_the_rounding_of_one_dtype_is_no_fault(tmp_path: Path) -> None:
    closer = STEEPER.replace("1.001", "1.0001")
    assert told(tmp_path, ELU, closer) == []
    assert told(tmp_path, ELU, closer + "tolerance: {float16: 4 ulp, bfloat16: 4 ulp}\n") == []


def test_a_dialect_that_only_rounds_differently_is_none(tmp_path: Path) -> None:
    rest = "dialects:\n  plain: {formula: 'x if x > 0 else exp(x) - 1', why: Once more.}\n"
    (line,) = told(tmp_path, ELU, rest)
    assert line.startswith(
        "9:3: error: no limit separates dialect 'plain' from the formula, in any dtype: at most 0.4"
    )


def test_a_dialect_that_no_dtype_separates_is_reported_where_it_is_named(tmp_path: Path) -> None:
    (line,) = told(tmp_path, ELU, STEEPER.replace("1.001", "1.0000000000000000001"))
    assert line.startswith("9:3: error: no limit separates dialect 'steeper' from the formula")


def test_a_dialect_may_differ_for_nan_alone(tmp_path: Path) -> None:
    rest = "tolerance: 1 ulp\ndialects:\n  zero: {formula: 'x if x > 0 else 0', why: No NaN.}\n"
    assert told(tmp_path, "0 if x < 0 else x", rest) == []


def test_a_dialect_may_differ_at_another_parameter_alone(tmp_path: Path) -> None:
    rest = (
        "parameters:\n  alpha: {default: 1.0, also: [2.0]}\n"
        "dialects:\n  inside: {formula: 'x if x > 0 else alpha * expm1(x / alpha)', why: So.}\n"
    )
    assert told(tmp_path, "x if x > 0 else alpha * expm1(x)", rest) == []


# On the command line


def test_check_ends_with_2_where_a_limit_is_blind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = spec_file(tmp_path, ELU, "tolerance: 200 ulp\n")
    assert main(["check", str(path)]) == 2
    printed = capsys.readouterr()
    assert f"{path}:8:12: error: the limit 200 ulp accepts 0" in printed.out
    assert "1 error" in printed.err


def test_what_the_oracle_cannot_decide_is_not_held_against_a_spec(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # no precision decides an equation: the first two show it, and cost a tenth of all
    monkeypatch.setattr(oracle, "PRECISIONS", oracle.PRECISIONS[:2])
    edge = (
        "dialects:\n  edge: {formula: 'x if exp(log1p(x)) > 1 + x else 2 * x', why: Who knows.}\n"
    )
    few = "{x: {type: float, domain: 0.5 <= x <= 0.501}}"
    path = spec_file(tmp_path, ELU, edge, few)
    assert [*blind_spots(read(path))] == []
    undecided = "x if exp(log1p(x)) > 1 + x else 2 * x"
    path = spec_file(tmp_path, undecided, "tolerance: 4 ulp\n", few)
    assert [*blind_spots(read(path))] == []


@pytest.mark.parametrize("command", ["check", "run"])
def test_a_spec_without_a_point_to_try_is_a_located_error(
    tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = spec_file(tmp_path, ELU, STEEPER, "{x: {type: float, domain: x > 2 and x < 1}}")
    assert main([command, str(path)]) == 2
    printed = capsys.readouterr()
    told = "no number that is tried in float32 lies in the domain x > 2 and x < 1"
    assert f"{path}:2:11: error: {told}" in printed.out + printed.err


def test_a_limit_that_no_case_can_be_made_for_is_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unplanned(*_: object) -> NoReturn:
        raise ValueError("nothing fits")

    spec = read(spec_file(tmp_path, ELU, STEEPER))
    monkeypatch.setattr(lint, "cases", unplanned)
    (found,) = lint.mistakes(spec)
    assert "no cases of the check 'cases' could be made in float64: nothing fits" in str(found)
