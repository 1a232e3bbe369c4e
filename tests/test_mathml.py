"""Formulas as MathML."""

from __future__ import annotations

import re
from fractions import Fraction
from xml.etree import ElementTree as ET

import pytest

from trysquare.formula.mathml import mathml
from trysquare.formula.parser import parse
from trysquare.formula.tree import Node, Op, Scope, number

NAMES = frozenset(
    {"x", "y", "a", "b", "alpha", "beta", "delta", "lambd", "target", "p_t", "weight"}
)
EVERYTHING = [
    "-x",
    "x + y - a * b / 2",
    "x**3",
    "abs(x) + sign(x) + sqrt(x)",
    "exp(x) + expm1(x) + log(x) + log1p(x)",
    "tanh(x) * erf(x) * erfc(x)",
    "minimum(x, y) + maximum(x, y)",
    "x if x < y and not (x == y or y <= a) else inf if a != b else nan",
    "sum(exp(x)) + max(x) + argmax(x) + count(x) + mean(x)",
    "x[target] + position",
    "pi + eps + largest + smallest_normal + smallest_subnormal",
]


def text(formula: str, indexed: str = "") -> str:
    """Return the formula as one reads it, without markup; exponents as ^, fractions as /."""
    return read(mathml(parse(formula, NAMES), None, frozenset(indexed.split())))


def read(markup: str) -> str:
    def walk(element: ET.Element) -> str:
        parts = [walk(child) for child in element]
        match element.tag:
            case "msup":
                return f"{parts[0]}^{{{parts[1]}}}"
            case "mfrac":
                return f"{{{parts[0]}/{parts[1]}}}"
            case "msub" | "munder":
                return f"{parts[0]}_{parts[1]}"
            case "mtr":
                return f"[{' '.join(parts)}]"
            case _:
                return (element.text or "") + "".join(parts)

    visible = re.sub("[\u2061\u2062]", "", walk(ET.fromstring(markup)))  # noqa: S314 - our own
    return visible.replace("\u00a0", " ")


@pytest.mark.parametrize("formula", EVERYTHING)
def test_every_operation_becomes_well_formed_markup(formula: str) -> None:
    assert ET.fromstring(mathml(parse(formula, NAMES))).tag == "math"  # noqa: S314


def test_every_operation_of_the_language_is_among_the_examples() -> None:
    def operations(node: Node) -> set[Op]:
        return {node.op}.union(*(operations(argument) for argument in node.args))

    seen = set().union(*(operations(parse(formula, NAMES)) for formula in EVERYTHING))
    assert seen == set(Op)


def test_a_division_is_a_fraction_without_brackets() -> None:
    assert text("(x + 1) / (x - 1)") == "{x+1/x−1}"


def test_an_exponential_is_a_power_of_e() -> None:
    assert text("exp(-x)") == "e^{−x}"


def test_a_sum_inside_a_product_is_in_brackets() -> None:
    assert text("alpha * expm1(x)") == "α(e^{x}−1)"


def test_a_subtracted_sum_is_in_brackets() -> None:
    assert text("x - (y - a)") == "x−(y−a)"


def test_an_added_sum_needs_no_brackets() -> None:
    assert text("x + (y - a)") == "x+y−a"


def test_a_negative_base_of_a_power_is_in_brackets() -> None:
    assert text("(-x)**2") == "(−x)^{2}"


def test_a_negated_power_needs_no_brackets() -> None:
    assert text("-x**2") == "−x^{2}"


def test_a_fraction_to_a_power_is_in_brackets() -> None:
    assert text("(x / y)**2") == "({x/y})^{2}"


def test_adding_a_negative_is_a_subtraction() -> None:
    assert text("x + -y") == "x−y"


def test_greek_names_are_greek_letters() -> None:
    assert text("alpha + beta + delta + lambd") == "α+β+δ+λ"


def test_a_conditional_is_a_table_of_cases() -> None:
    assert text("x if x > 0 else alpha * x") == "{[x if x>0][αx otherwise]"


def test_a_chain_of_conditionals_is_one_table() -> None:
    assert text("0 if x < a else 1 if x < b else x") == "{[0 if x<a][1 if x<b][x otherwise]"


def test_two_comparisons_that_meet_are_written_as_one() -> None:
    assert text("1 if a < x <= b else 0") == "{[1 if a<x≤b][0 otherwise]"


def test_a_reduction_has_an_index() -> None:
    assert text("exp(x) / sum(exp(x))", "x") == "{e^{x_i}/∑_je^{x_j}}"


def test_nested_reductions_have_different_indices() -> None:
    assert text("sum(exp(x - max(x)))", "x") == "∑_je^{x_j−max_kx_k}"


def test_an_elementwise_formula_has_no_indices() -> None:
    assert text("exp(x)", "x") == "e^{x}"


def test_a_taken_element_replaces_the_index() -> None:
    assert text("(x - max(x))[target]", "x") == "x_target−max_jx_j"


def test_a_sum_times_something_is_in_brackets() -> None:
    assert text("sum(x) * a", "x") == "(∑_jx_j)a"


def test_a_short_suffix_is_a_subscript() -> None:
    assert text("p_t") == "p_t"


def test_a_word_is_kept_apart_from_its_neighbour() -> None:
    assert text("weight * x") == "weight·x"


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("0.5", "{1/2}"),
        ("0.044715", "0.044715"),
        ("0.01", "0.01"),
        ("1e-30", "10^{−30}"),
        ("2.5e-9", "2.5·10^{−9}"),
        ("1e30", "10^{30}"),
        ("100", "100"),
        ("1.702", "1.702"),
    ],
)
def test_numbers_are_written_as_people_write_them(formula: str, expected: str) -> None:
    assert text(formula) == expected


def test_a_number_that_does_not_terminate_is_a_fraction() -> None:
    assert read(mathml(number(Fraction(100, 300)))) == "{1/3}"


def test_a_scope_decides_how_the_count_is_called() -> None:
    whole = mathml(parse("count(x)", NAMES, Scope.ALL))
    assert (read(whole), text("count(x)")) == ("N", "n")


def test_a_name_can_be_shown_as_another_text() -> None:
    assert read(mathml(parse("x + y", NAMES), {"y": "ŷ"})) == "x+ŷ"


def test_a_hostile_name_is_escaped() -> None:
    hostile = "</math><script>alert(1)</script>"
    markup = mathml(Node(Op.NAME, value=hostile), {"x": hostile})
    assert "<script" not in markup


def test_a_hostile_shown_name_is_escaped() -> None:
    assert "<script" not in mathml(parse("x", NAMES), {"x": "<script>alert(1)</script>"})
