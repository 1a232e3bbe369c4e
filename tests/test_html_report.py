"""The HTML page: its structure, and that nothing in a results file becomes markup or an address."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any

import pytest

import fake_run
from trysquare.formula.mathml import mathml
from trysquare.formula.parser import parse
from trysquare.result import Outcome, Run, Symptom
from trysquare_reports import markup
from trysquare_reports.findings import PAGES
from trysquare_reports.html import render
from trysquare_reports.plot import Series, curve_figure, error_figure

HOSTILE = "</script></style><img src=x onerror=alert(1)>\"'{{7*7}}<!-- javascript:alert(1) \ud800"
VOID = {"meta", "br", "img", "link", "input", "hr"}


class Page(HTMLParser):
    """What a browser would see: elements, their attributes, and the text of some."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.unbalanced: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.texts.setdefault(tag, []).append("")
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.unbalanced.append(tag)

    def handle_data(self, data: str) -> None:
        for tag in set(self._open):
            self.texts[tag][-1] += data

    def attributes(self, name: str) -> list[str]:
        return [attrs[name] or "" for _, attrs in self.elements if name in attrs]

    def ids(self) -> list[str]:
        return self.attributes("id")


def hostile(value: Any) -> Any:
    """Return the same records with every free text replaced."""
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{f.name: hostile(getattr(value, f.name)) for f in fields(value)})
    if isinstance(value, tuple):
        return tuple(hostile(item) for item in value)
    if isinstance(value, Mapping):
        return {f"{HOSTILE}{key}": hostile(item) for key, item in value.items()}
    return HOSTILE if type(value) is str else value


@pytest.fixture(scope="module")
def run() -> Run:
    return fake_run.run()


@pytest.fixture(scope="module")
def text(run: Run) -> str:
    return render(run)


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return Page(text)


@pytest.fixture(scope="module")
def attacked(run: Run) -> Page:
    return Page(render(hostile(run)))


def test_every_element_is_closed(page: Page) -> None:
    assert page.unbalanced == []


def test_the_title_is_the_verdict(page: Page) -> None:
    assert page.texts["title"] == ["✗ 2 unexpected divergences, 1 error, 1 stale · Trysquare"]


def test_a_run_without_footer_says_so_first(run: Run) -> None:
    passing = tuple(r for r in run.results if r.outcome is Outcome.CONFORMS and not r.known)
    incomplete = Page(render(replace(run, results=passing, footer=None)))
    assert incomplete.texts["title"] == ["⚠ Incomplete: the run did not end · Trysquare"]


def test_a_run_without_results_renders(run: Run) -> None:
    empty = Page(render(replace(run, results=(), functions=(), footer=None)))
    assert "Nothing was measured" in empty.texts["title"][0]


def test_targets_that_did_not_run_are_named_with_their_reason(page: Page) -> None:
    assert "torch:cuda:eager: no CUDA device is visible" in page.texts["header"][0]


def test_every_function_has_its_section(run: Run, page: Page) -> None:
    assert {f"/fn/{record.function}" for record in run.functions} <= {*page.ids()}


def test_everything_that_diverges_has_its_section(run: Run, page: Page) -> None:
    diverging = {f"/r/{r.id}" for r in run.results if r.outcome is Outcome.DIVERGES}
    assert diverging <= {*page.ids()}


def test_no_id_occurs_twice(page: Page) -> None:
    assert len(page.ids()) == len({*page.ids()})


def test_every_link_inside_the_page_leads_somewhere(page: Page) -> None:
    inside = {address[1:] for address in page.attributes("href") if address.startswith("#")}
    assert inside - {*page.ids()} == set()


def test_the_matrix_has_a_cell_for_every_function_target_and_dtype(run: Run, text: str) -> None:
    matrix = text.partition('<table class="matrix"')[2].partition("</table>")[0]
    cells = len(run.functions) * len(fake_run.TARGETS) * len(fake_run.DTYPES)
    assert matrix.count('class="cell ') == cells


def test_with_many_targets_the_matrix_has_one_column_for_each(run: Run) -> None:
    many = [replace(run.header.targets[0], target=f"b{number}:cpu:eager") for number in range(9)]
    text = render(replace(run, header=replace(run.header, targets=tuple(many))))
    matrix = text.partition('<table class="matrix"')[2].partition("</table>")[0]
    assert matrix.count('class="cell ') == len(run.functions) * 9


def test_a_cell_has_a_symbol_and_words_beside_its_colour(text: str) -> None:
    cell = re.search(r'<a class="cell known".*?</a>', text)
    assert cell is not None
    assert ">K</span>" in cell.group()
    assert "2 known, 3 pass" in cell.group()


def test_the_work_queue_begins_with_what_is_unexpected(text: str) -> None:
    queue = text.partition('<nav class="found"')[2].partition("</nav>")[0]
    assert re.findall(r'<h3 class="(\w+)"', queue) == [
        "unexpected", "error", "stale", "known", "stale",
    ]  # fmt: skip


def test_a_divergence_shows_numbers_limit_and_reproduction(run: Run, text: str) -> None:
    known = next(r for r in run.results if r.outcome is Outcome.DIVERGES and r.known)
    section = text.partition(f'<section id="/r/{known.id}"')[2].partition("</section>")[0]
    wanted = ["-4.0078125", "0xfffffffc", "919 ULP", "230×", known.known[:20], "import torch"]
    assert [part for part in wanted if part not in section] == []


def test_a_symptom_keeps_its_spelling(run: Run) -> None:
    item = replace(fake_run.diverging(fake_run.result()), symptom=Symptom.NAN)
    assert "NaN against a number: " in render(replace(run, results=(item,)))


def test_a_known_reason_has_its_link(page: Page) -> None:
    assert fake_run.LINK in page.attributes("href")


def test_a_function_shows_its_formula_as_mathml(text: str) -> None:
    assert "<msup><mrow><mi>e</mi></mrow>" in text


def test_curves_are_drawn_on_the_server(text: str) -> None:
    gallery = text.partition('<div class="gallery"')[2].partition("</section>")[0]
    assert gallery.count("<svg") == 4


def test_a_framework_default_that_differs_is_marked(text: str) -> None:
    assert re.search(r'class="differs">not an argument <span[^>]*>≠', text)


def test_nothing_is_loaded_from_outside(page: Page) -> None:
    loading = [a for _, attrs in page.elements for a in ("src", "srcset", "data") if a in attrs]
    outside = [a for a in page.attributes("href") if not a.startswith(("#", "https://"))]
    assert (loading, outside, page.texts.get("link")) == ([], [], None)


def test_the_style_loads_nothing(page: Page) -> None:
    assert re.findall(r"url\(|@import|@font-face", page.texts["style"][0]) == []


def test_the_policy_admits_exactly_our_style_and_script(page: Page) -> None:
    policy = next(a for a in page.attributes("content") if a.startswith("default-src 'none'"))
    for element in ("style", "script"):
        digest = sha256(page.texts[element][0].encode()).digest()
        assert f"{element}-src 'sha256-{b64encode(digest).decode()}'" in policy


def test_the_script_writes_no_markup(page: Page) -> None:
    dangerous = r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|Function\(|setTimeout"
    assert re.findall(dangerous, page.texts["script"][0]) == []


def test_no_element_has_a_style_or_a_handler_of_its_own(page: Page) -> None:
    names = {name for _, attrs in page.elements for name in attrs}
    assert {name for name in names if name == "style" or name.startswith("on")} == set()


def test_hostile_texts_add_no_element(page: Page, attacked: Page) -> None:
    assert {tag for tag, _ in attacked.elements} <= {tag for tag, _ in page.elements}


def test_hostile_texts_add_no_script(attacked: Page) -> None:
    kinds = [attrs.get("type") for tag, attrs in attacked.elements if tag == "script"]
    assert kinds == [None, "application/json"]


def test_hostile_texts_add_no_handler(attacked: Page) -> None:
    assert [name for _, attrs in attacked.elements for name in attrs if name.startswith("on")] == []


def test_hostile_texts_add_no_address(attacked: Page) -> None:
    addresses = attacked.attributes("href")
    assert [a for a in addresses if not a.startswith(("#", "https://"))] == []


def test_hostile_texts_leave_the_page_balanced(attacked: Page) -> None:
    assert attacked.unbalanced == []


def test_hostile_texts_leave_the_data_readable(attacked: Page) -> None:
    assert {*json.loads(attacked.texts["script"][1])} == {HOSTILE}


def test_data_cannot_end_its_script(attacked: Page) -> None:
    assert not set("<>&") & set(attacked.texts["script"][1])


def test_hostile_texts_are_shown_as_they_are(attacked: Page) -> None:
    assert HOSTILE.replace("\ud800", "?") in attacked.texts["main"][0]


def test_templates_in_texts_are_not_evaluated(attacked: Page) -> None:
    assert "{{7*7}}" in attacked.texts["main"][0]


@pytest.mark.parametrize("formula", ["exp(-x) / 2", "x if x > 0 else sum(x)", "sqrt(abs(x))**3"])
def test_our_mathml_enters_unchanged(formula: str) -> None:
    ours = mathml(parse(formula, frozenset({"x"})))
    assert str(markup.math(ours, "text")) == ours


@pytest.mark.parametrize(
    "text",
    [
        "<math><script>alert(1)</script></math>",
        "<math><annotation-xml encoding='text/html'><img/></annotation-xml></math>",
        "<svg/>",
        "<math><mi>x</math>",
        "<!DOCTYPE math [<!ENTITY a 'b'>]><math><mi>&a;</mi></math>",
        "<math>" + "<mrow>" * 5000 + "</mrow>" * 5000 + "</math>",
        "",
    ],
)
def test_other_markup_is_replaced_by_text(text: str) -> None:
    assert str(markup.math(text, "x < 1")) == "x &lt; 1"


def test_attributes_of_mathml_do_not_enter() -> None:
    markup_in = '<math href="javascript:alert(1)" onclick="x" display="block"><mi>x</mi></math>'
    assert str(markup.math(markup_in, "")) == '<math display="block"><mi>x</mi></math>'


@pytest.mark.parametrize("text", ["http://a.example/", "javascript:alert(1)", "data:text/html,x"])
def test_only_https_becomes_a_link(text: str) -> None:
    assert "<a" not in markup.links(text)


def test_a_link_ends_before_the_full_stop() -> None:
    assert 'href="https://a.example/b"' in markup.links("See https://a.example/b.")


def test_many_divergences_stay_below_five_megabytes(run: Run) -> None:
    failed = fake_run.diverging(fake_run.result())
    many = tuple(replace(failed, id=str(n), reproduction="x\n" * 700) for n in range(4000))
    text = render(replace(run, results=many))
    assert len(text.encode()) < 5_000_000
    assert text.count('<section id="/r/') == PAGES


def test_what_has_no_page_is_still_listed(run: Run) -> None:
    failed = fake_run.diverging(fake_run.result())
    many = tuple(replace(failed, id=str(n), case=f"case {n}.") for n in range(PAGES + 5))
    text = render(replace(run, results=many))
    assert [n for n in range(PAGES + 5) if f"values: case {n}." not in text] == []


def test_a_curve_breaks_where_the_function_jumps() -> None:
    step = [(x / 10, float(x > 0)) for x in range(-20, 21)]
    path = re.search(r'class="curve c0" d="([^"]+)"', curve_figure("step", [("value", step)]))
    assert path is not None
    assert path.group(1).count("M") == 2


def test_a_curve_leaves_out_what_is_not_finite() -> None:
    points = [(-1.0, float("nan")), (0.0, 0.0), (0.1, 0.1), (1.0, float("inf"))]
    assert "nan" not in curve_figure("f", [("value", points)])


def test_infinite_errors_are_drawn_on_the_upper_edge() -> None:
    figure = error_figure("e", [Series("t", 0, [(0.0, 1.0), (1.0, float("inf"))])], 4.0)
    assert not re.search("inf|nan", str(figure))


def test_the_largest_float_has_its_place() -> None:
    figure = error_figure("e", [Series("t", 0, [(-1.8e308, 1.0), (1.7e308, 1.0)])], None)
    assert "1e300" in figure
