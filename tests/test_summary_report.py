"""The report as Markdown: never too large, cut where a row ends, and nothing in it is markup."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

import fake_run
from trysquare.record import Run
from trysquare.result import Expectation, Result
from trysquare_reports.summary import LARGEST, render

HOSTILE = (
    "</td>|<script>alert(1)</script>\n# heading\n| cell |\n```\n![x](https://x)[y](javascript:z)"
    "<img src=x onerror=alert(1)> @everyone `code` **bold** &lt; \\| \x1b[31m\u202e::error::x"
)


def many(count: int, text: str = "") -> Run:
    """A run with so many causes that nobody expected."""
    run = fake_run.run()
    found = [
        replace(fake_run.diverging(fake_run.result()), id=f"id-{i}", diagnosis=f"cause {i} {text}")
        for i in range(count)
    ]
    return replace(run, results=tuple(found))


def only(*results: Result) -> Run:
    run = fake_run.run()
    assert run.footer is not None
    return replace(run, results=results, footer=replace(run.footer, stale=()))


def rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("|")]


def test_the_verdict_is_the_first_line_and_what_nobody_expected_stands_before_what_is_known() -> (
    None
):
    text = render(fake_run.run())
    assert text.startswith("## ✗ 2 unexpected divergences, 1 error, 1 stale\n")
    titles = re.findall(r"^### (.*)", text, re.MULTILINE)
    assert titles == ["Targets", "Not expected, by cause", "Stale entries", "Known, by cause"]


def test_every_cause_has_its_place_and_an_id() -> None:
    (line,) = (line for line in rows(render(fake_run.run())) if "softmax" in line)
    assert "specs/activations/softmax.yaml:12:3" in line
    assert "919 ulp, 230× over" in line
    assert "softmax.values.default-inputs.bfloat16.torch-cpu-eager" in line


@pytest.mark.parametrize("most", [LARGEST, 20_000, 3_000, 1_000])
def test_a_large_summary_is_cut_at_a_row_and_counts_the_rest(most: int) -> None:
    run = many(3000, "&" * 400)
    text = render(run, most)
    assert len(text.encode()) <= most
    whole = rows(render(run, 100_000_000))
    shown = rows(text)
    assert set(shown) <= set(whole)
    heads = 2 * text.count("\n### ")
    (rest,) = re.findall(r"^… (\d+) more rows?; the results have them all\.$", text, re.MULTILINE)
    assert len(shown) - heads + int(rest) == 3000 + len(fake_run.TARGETS) + 1  # a stale entry
    assert text.startswith("## ✗ 3")


def test_where_not_even_the_verdict_fits_there_is_nothing() -> None:
    assert render(fake_run.run(), 50) == ""


def test_a_cell_that_is_endless_is_cut() -> None:
    assert len(render(many(1, "x" * 1_000_000))) < 5_000


def test_hostile_texts_are_no_markup() -> None:
    text = render(fake_run.hostile(fake_run.run(), HOSTILE))
    assert "<" not in text
    assert "@" not in text
    assert all(character.isprintable() or character == "\n" for character in text)
    for line in text.splitlines():
        assert re.match(r"$|## |### |\| |\|---|[✓✗⚠\d…]", line), line
    widths = {}
    for table in re.split(r"^### ", text, flags=re.MULTILINE)[1:]:
        title = table.splitlines()[0]
        # a bar that is not escaped is one between cells
        widths[title] = {len(re.findall(r"(?<!\\)\|", line)) for line in rows(table)}
    assert all(len(found) == 1 for found in widths.values()), widths
    assert not re.search(r"(?<!\\)[`*_\[\]~]", text)


@pytest.mark.parametrize(
    ("run", "sign"),
    [
        (only(fake_run.result()), "✓"),
        (only(fake_run.diverging(fake_run.result())), "✗"),
        (only(replace(fake_run.result(), expectation=Expectation.STALE)), "✗"),
        (only(), "⚠"),
        (replace(only(fake_run.result()), footer=None), "⚠"),
    ],
)
def test_only_a_run_that_succeeded_is_a_success(run: Run, sign: str) -> None:
    assert render(run).startswith(f"## {sign} ")
