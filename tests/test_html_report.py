"""The HTML page: its structure, and that nothing in a results file becomes markup or an address."""

from __future__ import annotations

import gzip
import json
import math
import re
from base64 import b64decode, b64encode
from collections import Counter
from dataclasses import replace
from hashlib import sha256
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

import fake_run
from trysquare.formula.mathml import mathml
from trysquare.formula.parser import parse
from trysquare.record import Run, Stale, TargetRecord
from trysquare.result import Check, Outcome, Result, Symptom
from trysquare_reports import figures, html, markup
from trysquare_reports.columns import columns, table
from trysquare_reports.details import LONGEST, detail
from trysquare_reports.findings import QUEUED, SAMPLES, findings, known
from trysquare_reports.function_page import Special, curves, special_values
from trysquare_reports.html import render
from trysquare_reports.matrix import matrix
from trysquare_reports.plot import curve_figure
from trysquare_reports.verdict import State

HOSTILE = "</script></style><img src=x onerror=alert(1)>\"'{{7*7}}<!-- javascript:alert(1) \ud800"
VOID = {"wbr", "meta", "br", "img", "link", "input", "hr"}


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


def unpacked(text: str, name: str) -> Any:
    """Return the data of a pack, as the page would read it."""
    packed = text.partition(f'id="pack-{name}">')[2].partition("<")[0]
    raw = gzip.decompress(b64decode(packed))
    return raw if name == "numbers" else json.loads(raw)


def chunks(text: str) -> dict[str, Any]:
    """Return the data of each function."""
    names = json.loads(Page(text).texts["script"][0])["words"]["function"]
    return {name: unpacked(text, f"function-{number}") for number, name in enumerate(names)}


def details(text: str) -> list[Any]:
    """Return what the pages of all results show that do not simply pass."""
    return [it for found in chunks(text).values() for it in found["details"].values()]


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
def attack(run: Run) -> str:
    return render(fake_run.hostile(run, HOSTILE), fake_run.hostile(fake_run.earlier(), HOSTILE))


@pytest.fixture(scope="module")
def attacked(attack: str) -> Page:
    return Page(attack)


def test_every_element_is_closed(page: Page) -> None:
    assert page.unbalanced == []


def test_the_title_is_the_verdict(page: Page) -> None:
    assert page.texts["title"] == ["✗ 2 unexpected divergences, 1 error, 1 stale · Trysquare"]


def test_a_run_without_footer_says_so_first(run: Run) -> None:
    passing = tuple(r for r in run.results if r.outcome is Outcome.CONFORMS and not r.known)
    incomplete = Page(render(replace(run, results=passing, footer=None)))
    assert incomplete.texts["title"] == ["⚠ Incomplete: the run did not end · Trysquare"]


def test_nothing_that_a_file_says_steers_a_terminal(run: Run) -> None:
    assert run.footer is not None
    footer = replace(run.footer, stale=(Stale("\x1b]0;", "\x1b[2J", "\x9b1m\x00 why"),))
    page = render(replace(run, results=(), footer=footer))
    assert "\N{REPLACEMENT CHARACTER}[2J" in page
    assert all(character.isprintable() or character in "\n\t" for character in page)


def test_a_run_without_results_renders(run: Run) -> None:
    empty = Page(render(replace(run, results=(), functions=(), footer=None)))
    assert "Nothing was measured" in empty.texts["title"][0]


def test_a_broken_backend_is_an_error_in_the_header(run: Run) -> None:
    record = TargetRecord("evil", available=False, reason="killed <b>", broken=True)
    header = replace(run.header, targets=(*run.header.targets, record))
    passing = tuple(r for r in run.results if r.outcome is Outcome.CONFORMS and not r.known)
    assert run.footer is not None
    footer = replace(run.footer, stale=())
    page = Page(render(replace(run, header=header, results=passing[:1], footer=footer)))
    assert page.texts["title"] == ["✗ 1 error · Trysquare"]
    assert (
        "⚠ Ran 3 of 4 targets available here; broken: evil (killed <b>)"
        in (page.texts["header"][0])
    )
    assert "Nothing unexpected" not in page.texts["main"][0]


def test_targets_that_did_not_run_are_named_with_their_reason(page: Page) -> None:
    assert "not here: torch:cuda:eager (no CUDA device is visible)" in page.texts["header"][0]


def test_every_function_has_its_data(run: Run, text: str) -> None:
    assert {record.function for record in run.functions} <= {*chunks(text)}


def test_everything_that_does_not_pass_has_its_details(run: Run, text: str) -> None:
    rows = table(run).rows
    wanted = {row for row, r in enumerate(rows) if r.outcome is Outcome.DIVERGES or r.known}
    found = {int(row) for chunk in chunks(text).values() for row in chunk["details"]}
    assert wanted
    assert wanted <= found


def test_what_nobody_expected_comes_first(run: Run) -> None:
    head, _, numbers = columns(table(run))
    offset = {name: at for name, _, at in head["columns"]}
    states = numbers[offset["state"] : offset["state"] + head["count"]]
    assert [*states] == sorted(states)
    assert [*State][states[0]] is State.UNEXPECTED


def test_every_id_can_be_put_together_again(run: Run) -> None:
    ordinary = replace(run.results[0], id="sigmoid/values/float32/torch:cpu:eager/a-b")
    ordinary = replace(ordinary, function="sigmoid", target="torch:cpu:eager", dtype="float32")
    _, words, _ = columns(table(replace(run, results=(ordinary, run.results[1]))))
    assert words["tail"] == ["/a-b", f"={run.results[1].id}"]


def test_no_id_occurs_twice(page: Page) -> None:
    assert len(page.ids()) == len({*page.ids()})


def test_every_link_inside_the_page_leads_somewhere(run: Run, page: Page) -> None:
    known_routes = {*page.ids(), "/results", "/decisions", "/compare"}
    known_routes |= {f"/fn/{record.function}" for record in run.functions}
    known_routes |= {f"/r/{result.id}" for result in run.results}
    known_routes |= {f"/target/{target.target}" for target in run.header.targets}
    inside = {unquote(a[1:].partition("?")[0]) for a in page.attributes("href") if a[0] == "#"}
    assert inside - known_routes == {"main"} - {*page.ids()}


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
        "unexpected", "error", "stale", "stale", "known",
    ]  # fmt: skip


def test_known_divergences_have_one_line_for_each_function_that_leads_to_its_results(
    text: str,
) -> None:
    queue = text.partition('<h3 class="known"')[2].partition("</nav>")[0]
    lines = re.findall(r'href="(#/results[^"]*)">(.*?)</a> <span class=.count.>(.*?)</span>', queue)
    assert [(name, count) for _, name, count in lines] == [
        ("elu", "8 results, 1 cause"),
        ("sigmoid", "2 results, 2 causes"),
    ]
    assert unquote(lines[0][0]) == "#/results?q=state:known function:elu backend:tensorflow"


def test_known_divergences_are_counted_for_each_backend(text: str) -> None:
    counts = re.findall(r"<summary><b>(.*?)</b> <span class=.count.>(.*?)</span>", text)
    assert counts == [
        ("tensorflow", "8 results, 1 cause"),
        ("torch", "2 results, 2 causes"),
    ]


def test_known_divergences_come_by_function_whatever_their_number() -> None:
    cause = "because"
    names = ["tanh", "sigmoid", "sigmoid", "elu"]
    results = [
        replace(fake_run.diverging(fake_run.result(name), cause), id=str(number))
        for number, name in enumerate(names)
    ]
    (backend,) = known(findings(results))
    assert [name for name, _ in backend.functions] == ["elu", "sigmoid", "tanh"]


def test_a_cause_of_several_functions_counts_once() -> None:
    results = [fake_run.diverging(fake_run.result(name), "because") for name in ("elu", "tanh")]
    (backend,) = known(findings(results))
    assert (backend.causes, backend.results) == (1, 2)


def quiet(run: Run, *results: Result) -> str:
    """Return the queue of a run that has nothing stale."""
    assert run.footer is not None
    text = render(replace(run, results=results, footer=replace(run.footer, stale=())))
    return text.partition('<nav class="found"')[2].partition("</nav>")[0]


def test_a_queue_without_surprises_begins_by_saying_so(run: Run) -> None:
    expected = fake_run.diverging(fake_run.result(), "because")
    queue = quiet(run, fake_run.result(), expected)
    assert 0 < queue.find("✓ Nothing unexpected") < queue.find('<h3 class="known"')


def test_a_queue_with_a_surprise_does_not_say_that_there_is_none(run: Run) -> None:
    assert "Nothing unexpected" not in quiet(run, fake_run.diverging(fake_run.result()))


def cell_of(run: Run, *results: Result) -> str:
    """Return the first cell of a matrix with these results of the first target in one dtype."""
    text = render(replace(run, functions=run.functions[:1], results=results))
    cell = re.search(r'<a class="cell (?!not-run).*?</a>', text)
    assert cell is not None
    return cell.group()


def close(ulp: float, limit: float) -> Result:
    worst = replace(fake_run.worst(0.25, 0.25, ulp), limit=limit)
    return replace(fake_run.result("elu"), worst=worst, max_ulp=9e15)


def test_a_conforming_cell_shows_its_largest_share_of_the_limit(run: Run) -> None:
    cell = cell_of(run, close(1.0, 4.0), close(1.24, 2.0), close(3.0, 10.0))
    assert ">62\u202f%</span>" in cell


def test_no_error_where_none_is_allowed_is_no_share_of_the_limit(run: Run) -> None:
    assert ">0\u202f%</span>" in cell_of(run, close(0.0, 0.0))


def test_a_conforming_cell_never_shows_more_than_its_limit(run: Run) -> None:
    assert ">100\u202f%</span>" in cell_of(run, close(0.3, 0.0))


def test_a_cell_keeps_the_ulp_in_its_tooltip(run: Run) -> None:
    assert re.search(r'title="[^"]*largest error 9.0e15 ULP"', cell_of(run, close(1.0, 4.0)))


@pytest.mark.parametrize(
    ("share", "shown"), [(0.0, "0"), (0.004, "<1"), (0.617, "62"), (1.0, "100")]
)
def test_shares_are_whole_percents_and_little_is_not_nothing(share: float, shown: str) -> None:
    assert figures.percent(share) == f"{shown}\u202f%"


@pytest.mark.parametrize(
    ("ulp", "shown"), [(0.5, "0.5"), (919.0, "919"), (16777216.0, "1.7e7"), (9e15, "9.0e15")]
)
def test_errors_have_as_many_digits_as_anybody_compares(ulp: float, shown: str) -> None:
    assert figures.ulp(ulp) == shown


@pytest.mark.parametrize(
    ("got", "want", "words"),
    [
        (math.nan, 0.25, "NaN instead of a number"),
        (0.25, math.nan, "a number instead of NaN"),
        (math.nan, -math.inf, "NaN instead of minus infinity"),
    ],
)
def test_what_has_no_distance_is_told_in_words(
    run: Run, got: float, want: float, words: str
) -> None:
    worst = fake_run.worst(got, want, math.nan)
    text = render(replace(run, results=(replace(fake_run.diverging(close(1, 1)), worst=worst),)))
    queue = text.partition('<nav class="found"')[2].partition("</nav>")[0]
    (page,) = details(text)
    assert (words in queue, page["error"], "nan ulp" in text.lower()) == (True, words, False)


def of(run: Run, case: str, function: str = "sigmoid") -> Special:
    """Return the row of a case."""
    results = [result for result in run.results if result.function == function]
    (row,) = [row for row in special_values(results, fake_run.TARGETS) if row.case == case]
    return row


def test_special_values_begin_with_what_is_wanted(run: Run, text: str) -> None:
    rows = chunks(text)["sigmoid"]["special"]
    assert ["not a number", "float32", "0.25"] in [row[:3] for row in rows]
    assert of(run, "not a number").want == "0.25"


def test_a_special_value_that_is_wrong_leads_to_its_result(run: Run, text: str) -> None:
    row = next(it for it in chunks(text)["sigmoid"]["special"] if it[0] == "minus infinity")
    state, _, want, dtypes, at = row[3][1]
    assert ([*State][state], want, dtypes) == (State.KNOWN, "1.4e-45", "float64")
    assert table(run).rows[at].case == "minus infinity"


def test_special_values_are_shown_in_one_dtype(run: Run) -> None:
    row = of(run, "not a number")
    assert (row.dtype, {cell.dtypes for cell in row.cells}) == ("float32", {()})


def test_a_special_value_that_is_wrong_in_another_dtype_names_it(run: Run) -> None:
    cell = of(run, "minus infinity").cells[1]
    assert (cell.text, cell.want, cell.dtypes) == ("0", "1.4e-45", ("float64",))


def test_a_case_without_float32_names_its_dtype() -> None:
    only = fake_run.result(dtype="bfloat16", check=Check.CASES)
    (row,) = special_values([only], fake_run.TARGETS)
    assert row.dtype == "bfloat16"


def test_of_several_numbers_none_stands_for_all() -> None:
    several = replace(fake_run.result(check=Check.CASES), count=3)
    (row,) = special_values([several], fake_run.TARGETS)
    assert (row.want, row.cells[1].text) == ("3 numbers", "all 3")


def test_one_of_several_numbers_is_shown_with_its_place() -> None:
    several = replace(fake_run.diverging(fake_run.result(check=Check.CASES)), count=3)
    (row,) = special_values([several], fake_run.TARGETS)
    assert row.cells[1].want == "1.4e-45 at [1741]"


def test_an_error_that_is_wanted_is_told() -> None:
    refused = replace(fake_run.result(check=Check.CASES), worst=None)
    (row,) = special_values([refused], fake_run.TARGETS)
    assert (row.want, row.cells[1].text) == ("an error", "an error")


def test_a_divergence_shows_numbers_limit_and_reproduction(run: Run, text: str) -> None:
    found = table(run)
    known = next(r for r in run.results if r.outcome is Outcome.DIVERGES and r.known)
    page = chunks(text)[known.function]["details"][str(found.index[known.id])]
    assert page["numbers"][0][:2] == ["x", "-4.0078125"]
    assert [name for name, *_ in page["numbers"]] == ["x", "got", "want"]
    assert page["over"] == "919 ULP where 4 are allowed, 230× over."
    assert page["known"] == known.known
    assert page["script"] == known.reproduction
    facts = dict(page["facts"])
    assert facts["Error"] == "919 ULP · 919 representable numbers apart"
    assert facts["Limit"] == "4 ULP"
    assert facts["Condition"].startswith("12: ") or facts["Condition"].startswith("13: ")
    assert facts["Element"] == "[1741] of (63488,)"


def test_a_divergence_says_who_else_is_wrong(text: str) -> None:
    accused = {it.get("blame", "") for it in details(text)}
    assert "one target is wrong, all others are right (1 of 3: torch:cpu:eager)" in accused


def test_a_divergence_says_who_else_would_see_it() -> None:
    item = fake_run.diverging(fake_run.result())
    words = "wide no, narrow yes, near yes (1 of 1341); no rule: elsewhere"
    assert detail(item, "", scripted=True)["seen"] == words
    assert "seen" not in detail(replace(item, yardsticks={}), "", scripted=True)


def test_only_what_a_baseline_can_speak_of_is_open_to_decisions() -> None:
    passing = fake_run.result()
    unexpected, known = fake_run.diverging(passing), fake_run.diverging(passing, "because")
    accepted = replace(known, baseline="baselines/torch.yaml:3:1", budget=1000.0)
    errored = replace(unexpected, outcome=Outcome.ERRORED)
    decided = [detail(it, "", scripted=True) for it in (unexpected, known, accepted, errored)]
    assert [it.get("open", False) for it in decided] == [True, False, True, False]
    assert ("Accepted", "baselines/torch.yaml:3:1, at most 1000 ULP") in decided[2]["facts"]


def test_a_symptom_keeps_its_spelling() -> None:
    item = replace(fake_run.diverging(fake_run.result()), symptom=Symptom.NAN)
    assert detail(item, "", scripted=True)["claim"].startswith("NaN against a number: ")


def test_a_known_reason_keeps_its_address(text: str) -> None:
    assert any(it.get("known", "").endswith(fake_run.LINK) for it in details(text))


def test_a_function_has_its_formula_as_mathml(text: str) -> None:
    (label, formula, tree), *_ = chunks(text)["sigmoid"]["record"]["formulas"]
    assert (label, formula, tree[0]) == ("formula", "1 / (1 + exp(-x))", "math")
    assert '["msup", {}, ["mrow", {}, ["mi", {}, "e"]]' in json.dumps(tree)


def test_a_function_has_its_kinks_apart(run: Run) -> None:
    kinks = (("x == 0", "x", ("0", "1")),)
    record = replace(run.functions[0], kinks=kinks)
    found = chunks(render(replace(run, functions=(record, *run.functions[1:]))))
    assert found[record.function]["kinks"] == [["x == 0", "x", ["0", "1"], ["", "", ""]]]


def test_each_target_says_which_convention_it_follows_at_a_kink(text: str) -> None:
    ((where, wrt, allowed, answers),) = chunks(text)["relu"]["kinks"]
    assert (where, wrt, allowed) == ("x == 0", "x", ["0", "1 / 2", "1"])
    assert answers[:2] == ["0", "0"]
    assert answers[2] == "float64: 0; float32: 0; float16: 0.5; bfloat16: 0"


def test_the_matrix_says_how_a_function_is_called(run: Run) -> None:
    (_, (elu, *_)), (_, (bce, _, mse)) = matrix(run).groups
    assert [row.cells[4].coverage for row in (elu, mse)] == [
        (0, "◆ 100\u202f%"),
        (0, "◇ 100\u202f%"),
    ]
    assert bce.cells[8].coverage == (4, "–")


def test_no_script_of_the_page_takes_the_name_of_another() -> None:
    declared = re.compile(r"^(?:async )?(?:function\*?|const|let|class) (\w+)", re.MULTILINE)
    scripts = Path(html.__file__).parent.glob("templates/script/*.js")
    names = [name for path in scripts for name in declared.findall(path.read_text("utf-8"))]
    assert [name for name, count in Counter(names).items() if count > 1] == []


def test_curves_are_drawn_on_the_server(text: str) -> None:
    gallery = text.partition('<div class="gallery"')[2].partition("</section>")[0]
    assert gallery.count("<svg") == 4


def test_a_framework_default_that_differs_is_marked(text: str) -> None:
    (row,) = chunks(text)["elu"]["record"]["defaults"]
    assert row == [
        "alpha",
        "1.0, domain alpha > 0",
        [["1.0", False], ["not an argument", True]],
    ]


def test_nothing_is_loaded_from_outside(page: Page) -> None:
    loading = [a for _, attrs in page.elements for a in ("src", "srcset", "data") if a in attrs]
    outside = [a for a in page.attributes("href") if not a.startswith(("#", "https://"))]
    assert (loading, outside, page.texts.get("link")) == ([], [], None)


def test_the_style_loads_nothing(page: Page) -> None:
    assert re.findall(r"url\(|@import|@font-face", page.texts["style"][0]) == []


def test_the_policy_admits_exactly_our_style_and_script(page: Page) -> None:
    policy = next(a for a in page.attributes("content") if a.startswith("default-src 'none'"))
    ours = {"style": page.texts["style"][0], "script": page.texts["script"][-1]}
    for element, content in ours.items():
        digest = sha256(content.encode()).digest()
        assert f"{element}-src 'sha256-{b64encode(digest).decode()}';" in policy


def test_the_script_writes_no_markup(page: Page) -> None:
    dangerous = r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|Function\(|srcdoc"
    dangerous += r"|DOMParser|createContextualFragment|setHTML|setTimeout\([^(]"
    assert re.findall(dangerous, page.texts["script"][-1]) == []


def test_no_element_has_a_style_or_a_handler_of_its_own(page: Page) -> None:
    names = {name for _, attrs in page.elements for name in attrs}
    assert {name for name in names if name == "style" or name.startswith("on")} == set()


def test_hostile_texts_add_no_element(page: Page, attacked: Page) -> None:
    ours = {"ol", *(tag for tag, _ in page.elements)}  # a cause of several results is a list
    assert {tag for tag, _ in attacked.elements} <= ours


def test_hostile_texts_add_no_script(attacked: Page) -> None:
    kinds = [attrs.get("type") for tag, attrs in attacked.elements if tag == "script"]
    assert {*kinds[1:-1]} == {"text/plain"}
    assert (kinds[0], kinds[-1]) == ("application/json", None)


def test_hostile_texts_add_no_handler(attacked: Page) -> None:
    assert [name for _, attrs in attacked.elements for name in attrs if name.startswith("on")] == []


def test_hostile_texts_add_no_address(attacked: Page) -> None:
    addresses = attacked.attributes("href")
    assert [a for a in addresses if not a.startswith(("#", "https://"))] == []


def test_hostile_texts_leave_the_page_balanced(attacked: Page) -> None:
    assert attacked.unbalanced == []


def test_hostile_texts_leave_the_data_readable(attack: str, attacked: Page) -> None:
    assert json.loads(attacked.texts["script"][0])["words"]["function"] == [HOSTILE]
    assert unpacked(attack, "words")["case"] == [HOSTILE.replace("\ud800", "?")]
    assert chunks(attack)[HOSTILE]["record"]["summary"] == HOSTILE.replace("\ud800", "?")
    assert unpacked(attack, "gone") == []


def test_data_cannot_end_its_script(attacked: Page) -> None:
    for text in attacked.texts["script"][:-1]:
        assert not set("<>&") & set(text)


def test_hostile_texts_are_shown_as_they_are(attacked: Page) -> None:
    assert HOSTILE.replace("\ud800", "?") in attacked.texts["main"][0]


def test_templates_in_texts_are_not_evaluated(attacked: Page) -> None:
    assert "{{7*7}}" in attacked.texts["main"][0]


def written(tree: Any) -> str:
    name, attributes, *children = tree
    inside = "".join(it if isinstance(it, str) else written(it) for it in children)
    stated = "".join(f' {key}="{value}"' for key, value in attributes.items())
    return f"<{name}{stated}>{inside}</{name}>"


@pytest.mark.parametrize("formula", ["exp(-x) / 2", "x if x > 0 else sum(x)", "sqrt(abs(x))**3"])
def test_our_mathml_enters_unchanged(formula: str) -> None:
    ours = mathml(parse(formula, frozenset({"x"})))
    assert unescape(ours) == written(markup.tree(ours))


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
def test_other_markup_does_not_enter(text: str) -> None:
    assert markup.tree(text) is None


def test_attributes_of_mathml_do_not_enter() -> None:
    markup_in = '<math href="javascript:alert(1)" onclick="x" display="block"><mi>x</mi></math>'
    assert markup.tree(markup_in) == ["math", {"display": "block"}, ["mi", {}, "x"]]


@pytest.mark.parametrize("text", ["http://a.example/", "javascript:alert(1)", "data:text/html,x"])
def test_only_https_becomes_a_link(text: str) -> None:
    assert "<a" not in markup.links(text)


def test_a_link_ends_before_the_full_stop() -> None:
    assert 'href="https://a.example/b"' in markup.links("See https://a.example/b.")


def many(count: int, cause: str = "") -> tuple[Result, ...]:
    failed = fake_run.diverging(fake_run.result(), cause)
    return tuple(replace(failed, id=str(n), case=f"case {n}.") for n in range(count))


def test_many_divergences_stay_below_five_megabytes(run: Run) -> None:
    scripts = [f"{b64encode(sha256(bytes([n % 256])).digest())!r}\n" * 90 for n in range(8000)]
    results = many(8000)
    results = tuple(replace(r, reproduction=s) for r, s in zip(results, scripts, strict=True))
    assert len(render(replace(run, results=results)).encode()) < 5_000_000


def test_a_hundred_thousand_results_stay_below_five_megabytes(run: Run) -> None:
    # a fifth of them, for a fifth of the time
    results = tuple(
        replace(
            it,
            id=f"{it.function}/{it.check}/{it.dtype}/{it.target}/case-{number}",
            case=f"case {number}",
            max_ulp=1.5 + math.sin(number),
            histogram=it.histogram if number < 1 else (),
        )
        for number in range(42)
        for it in run.results
    )
    assert len(results) > 20_000
    text = render(replace(run, results=results))
    assert len(text.encode()) < 1_000_000
    assert len(Page(text).elements) < 10_000


def test_many_causes_do_not_lengthen_the_queue(run: Run) -> None:
    results = tuple(replace(r, diagnosis=f"cause {r.id}") for r in many(QUEUED + 20))
    text = render(replace(run, results=results))
    assert text.count('class="finding"') == QUEUED
    assert "and 20 further causes" in text


def test_of_a_cause_the_worst_are_lines_and_the_others_a_click_away(run: Run) -> None:
    mild, severe = many(SAMPLES + 5), many(SAMPLES + 6)[-1]
    severe = replace(severe, worst=fake_run.worst(ulp=1e6))
    queue = quiet(run, *mild, severe)
    assert f'class="finding" href="#/r/{severe.id}"' in queue
    assert queue.count("<li><a href=") == SAMPLES
    assert "and 6 more" in queue


def with_script(run: Run, script: str) -> Any:
    failed = fake_run.diverging(fake_run.result())
    return details(render(replace(run, results=(replace(failed, reproduction=script),))))[0]


def test_a_long_reproduction_is_left_in_the_results_file_and_counted(run: Run) -> None:
    page = with_script(run, "# data\n" * 1000)
    assert ("script" in page, page["long"]) == (False, 7000)
    assert with_script(run, "#" * LONGEST)["script"] == "#" * LONGEST


def test_a_curve_breaks_where_the_function_jumps() -> None:
    step = [(x / 10, float(x > 0)) for x in range(-20, 21)]
    path = re.search(r'class="curve c0" d="([^"]+)"', curve_figure("step", [("value", step)]))
    assert path is not None
    assert path.group(1).count("M") == 2


def test_a_curve_leaves_out_what_is_not_finite() -> None:
    points = [(-1.0, float("nan")), (0.0, 0.0), (0.1, 0.1), (1.0, float("inf"))]
    assert "nan" not in curve_figure("f", [("value", points)])


def test_curves_of_one_check_are_one_for_each_target_and_dtype(run: Run) -> None:
    results = [result for result in run.results if result.function == "sigmoid"]
    found = {(it.title, it.dtype, it.target): it for it in curves(results)}
    assert len(found) == 2 * len(fake_run.TARGETS) * len(fake_run.DTYPES)
    known = found["values", "float32", "torch:cpu:eager"]
    assert (known.limit, known.worst.max_ulp) == (4.0, 919.0)


def test_a_curve_keeps_the_largest_error_at_each_x() -> None:
    one = replace(fake_run.result(), histogram=((1.0, 2.0), (0.0, 1.0), (math.inf, 9.0)))
    other = replace(one, histogram=((1.0, math.inf), (0.0, 0.5), (2.0, math.nan)))
    (curve,) = curves([one, other])
    assert curve.points == ((0.0, 1.0), (1.0, math.inf))


def test_the_page_reads_infinite_errors_as_such(run: Run) -> None:
    item = replace(fake_run.result(), histogram=((0.0, 0.0), (1.0, 3.0), (2.0, math.inf)))
    ((_, _, _, grid, levels, *_),) = chunks(render(replace(run, results=(item,))))["sigmoid"][
        "curves"
    ]
    assert (grid, levels) == (0, "000wzz")


def test_a_comparison_says_what_became_of_each_result(run: Run) -> None:
    text = render(run, fake_run.earlier())
    head = json.loads(Page(text).texts["script"][0])
    counts = {change: count for change, _, count, _ in head["comparison"]["counts"]}
    assert counts["regressed"] == 2
    assert counts["added"] == sum(result.function == "elu" for result in run.results)
    assert [row[0] for row in unpacked(text, "gone")] == ["tanh/gone"]
    assert "Compared with the run of 2026-11-16" in text


def test_a_page_without_a_baseline_says_nothing_of_changes(text: str) -> None:
    head = json.loads(Page(text).texts["script"][0])
    assert head["comparison"] is None
    assert "change" not in {name for name, *_ in head["columns"]}


def test_the_page_has_few_elements(page: Page) -> None:
    assert len(page.elements) < 2_000
