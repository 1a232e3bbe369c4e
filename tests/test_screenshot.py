"""The page in a real browser, opened from disk: what a reader does with it, by mouse and by key."""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Iterator
from importlib import resources, util
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import pytest

import fake_run
from trysquare import results_file
from trysquare.command import deciding
from trysquare.record import Record
from trysquare_reports.html import render

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WORST = "softmax.values.default-inputs.bfloat16.torch-cpu-eager"
KNOWN = "sigmoid.values.default-inputs.float32.torch-cpu-eager"
HOSTILE = (
    "</script></style><img src=x onerror=alert(1)>'\"`|{{7*7}}\u202e\u2066<!-- ]]> %41 "
    "javascript:alert(1)//" + "W" * 10_000
)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
ELEMENTS = 10_000
PNG = b"\x89PNG"
GOLDEN = Path(__file__).parent / "golden"
WRITING = "TRYSQUARE_GOLDEN"
GOLDENS = ("overview", "function", "divergence", "compare", "help")
CHANGED = 200
"""Pixels of a picture that may be another colour: less than one cell of the matrix has."""

NO_RESULTS = (
    ("", "it has no results"),
    ("<!doctype html>\n<script>alert(1)</script>", "line 1 is not JSON"),
    ('{"type":"result"}', "it has no header"),
    ('{"type":"header"}\n{"type":"result","id":1}', "line 2 is no result"),
    ('{"type":"header"}\n\n{"type":"result","id":"a","outcome":"__proto__"}', "line 3 is no"),
    ("\x00\udcff", "valid"),
)

FONTS = """() => {
  const context = document.createElement("canvas").getContext("2d");
  const style = getComputedStyle(document.documentElement);
  return ["--sans", "--mono"].map((name) => {
    context.font = `100px ${style.getPropertyValue(name)}`;
    return Math.round(context.measureText("Trysquare 0123456789 ✓✗★∞ αβ").width);
  }).join(" ");
}"""
"""How wide a text is in the fonts of the page: other fonts, other pictures."""

DIFFERENCE = """async ([one, two]) => {
  const pixels = async (base64) => {
    const file = await fetch(`data:image/png;base64,${base64}`);
    const image = await createImageBitmap(await file.blob());
    const context = new OffscreenCanvas(image.width, image.height).getContext("2d");
    context.drawImage(image, 0, 0);
    return new Uint32Array(context.getImageData(0, 0, image.width, image.height).data.buffer);
  };
  const [a, b] = [await pixels(one), await pixels(two)];
  if (a.length !== b.length) return Infinity;
  const apart = (x, y, at) => Math.abs(((x >> at) & 255) - ((y >> at) & 255));
  const far = (x, y) => [0, 8, 16].some((at) => apart(x, y, at) > 24);
  return a.filter((x, at) => x !== b[at] && far(x, b[at])).length;
}"""
ROUTES = {
    "overview": "#/",
    "slack": "#/?mode=slack",
    "coverage": "#/?mode=coverage&hide=numpy%3Acpu%3Aeager",
    "function": "#/fn/sigmoid",
    "zoomed": "#/fn/relu?x=-2..0.5",
    "function-of-a-target": "#/fn/elu?target=tensorflow%3Acpu%3Aeager",
    "divergence": f"#/r/{WORST}",
    "known": f"#/r/{KNOWN}",
    "target": "#/target/torch%3Acpu%3Aeager",
    "results": "#/results?q=state%3Aknown",
    "compare": "#/compare",
    "decisions": "#/decisions",
    "defaults": "#/defaults",
    "environment": "#/env",
    "help": "#/help",
}

if not os.environ.get("CI"):
    pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no browser: `chromium` is not on the PATH", allow_module_level=True)
from playwright.sync_api import Browser, Page, sync_playwright  # noqa: E402 - after the skip


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(render(fake_run.run(), fake_run.earlier()), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "attacked.html"
    runs = (fake_run.hostile(run, HOSTILE) for run in (fake_run.run(), fake_run.earlier()))
    path.write_text(render(*runs), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def axe() -> str:
    if not os.environ.get("CI") and util.find_spec("axe_playwright_python") is None:
        pytest.skip("no axe-core: `pip install axe-playwright-python`")
    return resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert CHROMIUM is not None, "CI needs a browser: `chromium` is not on the PATH"
    with sync_playwright() as driver:
        # its socket lies in TMPDIR, and a socket's path has at most 107 bytes
        short: dict[str, str | float | bool] = {**os.environ, "TMPDIR": "/tmp"}  # noqa: S108
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS, env=short)
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> list[str]:
    return []


@pytest.fixture
def page(browser: Browser, report: Path, complaints: list[str]) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: complaints.append(request.url))
    page.goto(report.as_uri())
    page.wait_for_selector("html[data-ready]")
    # the page itself is the one request
    complaints.remove(report.as_uri())
    yield page
    context.close()


def go(page: Page, hash_: str) -> None:
    page.evaluate("(to) => { location.hash = to; }", hash_)
    page.wait_for_function("(to) => document.documentElement.dataset.shown === to", arg=hash_)


def heading(page: Page) -> str:
    return page.locator("section.here h1").inner_text()


def address(page: Page) -> str:
    return str(page.evaluate("decodeURIComponent(location.hash)"))


def clipboard(page: Page) -> str:
    return str(page.evaluate("navigator.clipboard.readText()"))


def keys(page: Page, *pressed: str) -> None:
    for key in pressed:
        page.keyboard.press(key)


@pytest.mark.parametrize("route", ROUTES)
def test_every_page_opens_without_complaint_and_fits(
    page: Page, complaints: list[str], route: str
) -> None:
    go(page, ROUTES[route])
    assert page.locator("section.here").count() == 1
    assert page.locator("main > section:visible").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    assert page.evaluate("document.querySelectorAll('*').length") < ELEMENTS
    assert complaints == []


def picture(page: Page, scheme: Literal["light", "dark"]) -> bytes:
    page.emulate_media(color_scheme=scheme)
    return page.screenshot(animations="disabled", caret="hide")


def changed(browser: Browser, one: bytes, two: bytes) -> float:
    """Return how many pixels of two pictures have another colour."""
    page = browser.new_page()
    pictures = [base64.b64encode(each).decode() for each in (one, two)]
    found = float(page.evaluate(DIFFERENCE, pictures))
    page.close()
    return found


@pytest.mark.parametrize("name", GOLDENS)
def test_a_page_looks_as_it_did(browser: Browser, page: Page, name: str) -> None:
    """Its outline everywhere; its pictures where browser and fonts are those that made them."""
    go(page, ROUTES[name])
    outline = page.locator("body").aria_snapshot() + "\n"
    pictures = {GOLDEN / f"{name}-{it}.png": picture(page, it) for it in SCHEMES}
    made_with = f"Chromium {browser.version.partition('.')[0]}, {page.evaluate(FONTS)}\n"
    if os.environ.get(WRITING):
        GOLDEN.mkdir(exist_ok=True)
        (GOLDEN / "made-with.txt").write_text(made_with, "utf-8")
        (GOLDEN / f"{name}.txt").write_text(outline, "utf-8")
        for path, seen in pictures.items():
            path.write_bytes(seen)
    assert outline == (GOLDEN / f"{name}.txt").read_text("utf-8"), "meant? then: make goldens"
    if made_with == (GOLDEN / "made-with.txt").read_text("utf-8"):
        for path, seen in pictures.items():
            assert changed(browser, seen, path.read_bytes()) <= CHANGED, f"{path}: make goldens?"


def test_one_cell_of_another_colour_is_another_picture(browser: Browser, page: Page) -> None:
    before = picture(page, "light")
    assert changed(browser, before, picture(page, "light")) == 0
    page.locator("a.cell.known").first.evaluate("(it) => { it.style.background = 'gold'; }")
    assert changed(browser, before, picture(page, "light")) > CHANGED
    assert changed(browser, before, picture(page, "dark")) > 100 * CHANGED


@pytest.mark.parametrize("route", [route for route in ROUTES if route != "slack"])
def test_every_page_is_accessible_in_both_schemes(page: Page, axe: str, route: str) -> None:
    page.evaluate(axe)
    go(page, ROUTES[route])
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        found = page.evaluate("axe.run()")["violations"]
        assert [(it["id"], it["nodes"][0]["html"][:200]) for it in found] == []


def test_the_worst_is_found_and_its_reproduction_copied_by_keys_alone(page: Page) -> None:
    keys(page, "n")
    page.wait_for_selector("section.here h1 >> text=softmax")
    assert address(page) == f"#/r/{WORST}"
    keys(page, "r")
    page.wait_for_selector(".said >> text=Copied the reproduction")
    assert clipboard(page).startswith("import torch\n")
    assert "assert got.item() != 0" in clipboard(page)


def test_a_filter_is_typed_and_its_address_shared_by_keys_alone(
    browser: Browser, page: Page
) -> None:
    keys(page, "/")
    page.keyboard.type('state:known target:tensorflow ulp:>4 case:"default inputs"')
    page.wait_for_selector("#found >> text=8 of 480 results")
    keys(page, "Enter", "y")
    page.wait_for_selector(".said >> text=Copied the address")
    other = browser.new_page()
    other.goto(clipboard(page))
    other.wait_for_selector("#found >> text=8 of 480 results")
    assert other.input_value("#filter") == page.input_value("#filter")
    assert other.locator(".rows-table tbody tr:not(.space)").count() == 8
    other.close()


def test_runs_are_compared_and_a_decision_exported_by_keys_alone(page: Page) -> None:
    keys(page, "g", "c")
    page.wait_for_selector("section.here h1 >> text=Compare")
    assert page.locator(".changes tbody tr").first.inner_text().startswith("↓ regressed")
    link = f"a[href='#/r/{WORST}']:focus"
    for _ in range(20):
        keys(page, "j")
        if page.locator(link).count():
            break
    keys(page, "Enter")
    page.wait_for_selector("section.here h1 >> text=softmax")
    keys(page, "a")
    page.keyboard.type("The vector body flushes.")
    keys(page, "Tab")
    page.keyboard.type("https://github.com/a/b/issues/1")
    keys(page, "Enter")
    page.wait_for_selector("#undecided >> text=1 decision, not applied")
    with page.expect_download() as download:
        keys(page, "e")
    assert download.value.suggested_filename == "decisions.json"
    path = Path(download.value.path())
    (decision,) = deciding.read(path, fake_run.run().header)
    assert (decision.ids, decision.choice) == ((WORST,), deciding.Choice.ACCEPT)
    exported = json.loads(path.read_text("utf-8"))
    assert exported == {
        "format": "trysquare-decisions",
        "version": 1,
        "run": {"started": "2026-11-23T07:51:04Z", "specs": "specs"},
        "decisions": [
            {
                "ids": [WORST],
                "decision": "accept",
                "reason": "The vector body flushes.",
                "issue": "https://github.com/a/b/issues/1",
            }
        ],
    }


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("other") / "other.jsonl"
    run = fake_run.earlier()
    records: list[Record] = [run.header, *run.functions, *run.results]
    path.write_text("\n".join(map(results_file.line, records)) + '\n{"type":"resu', "ascii")
    return path


def test_another_results_file_is_opened_beside_this_run(
    page: Page, complaints: list[str], other: Path
) -> None:
    go(page, "#/compare")
    page.set_input_files("#other", other)
    page.wait_for_selector("#beside")
    told = "420 results in both, 356 the same; 60 only here, 1 only there."
    assert told in page.locator("#beside").inner_text()
    lines = page.locator("[aria-label='What is different'] tbody tr").all_inner_texts()
    assert [line.split()[:2] for line in lines[:1]] == [["other", "state"]]
    page.click("[aria-label='What is different'] tbody a >> nth=0")
    page.wait_for_selector("section.r.here")
    page.go_back()
    page.wait_for_selector("#beside")
    assert complaints == []


def test_what_is_no_results_file_is_told_and_does_nothing(
    page: Page, complaints: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "<img src=x onerror=alert(1)>.jsonl"
    go(page, "#/compare")
    for text, told in NO_RESULTS:
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
        page.set_input_files("#other", [])
        page.set_input_files("#other", path)
        page.wait_for_selector(f"section.here [role=status] >> text={told}")
    assert page.locator("img, #beside").count() == 0
    assert complaints == []


def test_a_decision_can_be_copied_as_a_command_and_outlives_a_reload(page: Page) -> None:
    go(page, f"#/r/{WORST}")
    keys(page, "x")
    page.keyboard.type("it's ours; rm -rf ~")
    keys(page, "Enter")
    page.reload()
    page.wait_for_selector("#undecided >> text=1 decision, not applied")
    keys(page, "g", "d")
    page.wait_for_selector("section.here h1 >> text=Decisions")
    command = f"""trysquare baseline reject {WORST} --reason 'it'"'"'s ours; rm -rf ~'"""
    assert command in page.locator("section.here code").all_inner_texts()


def test_a_decision_for_a_cause_holds_for_all_its_results(page: Page) -> None:
    go(page, "#/r/elu.values.default-inputs.float32.tensorflow-cpu-eager")
    keys(page, "A")
    page.keyboard.type("all alike")
    keys(page, "Enter")
    page.wait_for_selector("#undecided >> text=8 decisions, not applied")


def test_what_is_known_beside_its_backend_is_not_decided_here(page: Page) -> None:
    go(page, f"#/r/{KNOWN}")
    keys(page, "a")
    page.wait_for_selector(".said >> text=There is nothing to decide here")
    assert page.locator("#decide").count() == 0


def test_a_decision_needs_a_reason(page: Page) -> None:
    go(page, f"#/r/{WORST}")
    keys(page, "a", "Space", "Enter")
    assert not page.locator("#undecided").is_visible()


def test_an_issue_has_the_numbers_and_the_reproduction(page: Page) -> None:
    go(page, f"#/r/{WORST}")
    keys(page, "i")
    page.wait_for_selector(".said >> text=Copied the text of an issue")
    text = clipboard(page)
    assert text.startswith("# softmax (bfloat16, torch:cpu:eager): Zero where")
    assert "| x | -4.0078125 | 0x" in text
    assert "```python\nimport torch\n" in text
    assert "| torch:cpu:eager | 2.13.0 |" in text
    assert "* spec: specs/activations/softmax.yaml:12:3" in text
    assert "* <https://arxiv.org/abs/1511.07289>" in text


@pytest.mark.parametrize("route", ["", "fn", "r", "target", "results", "compare", "defaults"])
def test_hostile_texts_do_nothing_but_stand_there(
    browser: Browser, attacked: Path, route: str
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    found: list[str] = []
    page.on("dialog", lambda dialog: found.append(dialog.message))
    page.on("request", lambda request: found.append(request.url[:40]))
    page.on("pageerror", lambda error: found.append(str(error)))
    name = f"/{quote(HOSTILE, safe='')}" if route in ("fn", "r", "target") else ""
    page.goto(f"{attacked.as_uri()}#/{route}{name}")
    page.wait_for_selector("html[data-ready]")
    assert page.locator("section.here h1").inner_text() != "No such page"
    assert found == [attacked.as_uri()[:40]]
    assert page.locator("img, iframe, object, main script, [onerror], [style*=fixed]").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    page.close()


def test_the_matrix_is_visible_without_scrolling(page: Page, tmp_path: Path) -> None:
    picture = page.screenshot(path=tmp_path / "overview.png")
    box = page.locator("#matrix").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < 720
    assert picture.startswith(PNG)


@pytest.mark.parametrize("route", ["#/", "#/fn/elu", f"#/r/{WORST}"])
def test_the_verdict_is_visible_on_arrival(page: Page, report: Path, route: str) -> None:
    page.goto("about:blank")
    page.goto(f"{report.as_uri()}{route}")
    page.wait_for_selector("html[data-ready]")
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.evaluate("window.scrollY") == 0
    assert address(page) == route


def test_a_click_in_the_matrix_opens_the_function(page: Page, complaints: list[str]) -> None:
    page.click("#matrix tbody th a >> text=elu")
    page.wait_for_selector("section.fn.here")
    assert (heading(page), complaints) == ("elu", [])


def test_the_matrix_is_walked_with_arrows_and_is_one_stop_of_the_tabulator(page: Page) -> None:
    assert page.locator('#matrix tbody a[tabindex="0"]').count() == 1
    page.locator('#matrix tbody a[tabindex="0"]').focus()
    keys(page, "ArrowDown", "ArrowDown", "ArrowRight", "ArrowRight", "Enter")
    page.wait_for_selector("section.fn.here")
    assert address(page) == "#/fn/sigmoid?target=numpy:cpu:eager"


@pytest.mark.parametrize(
    ("key", "text"), [("2", "12\u202f%"), ("3", "↓1"), ("4", "◆ 100"), ("1", "1")]
)
def test_the_matrix_has_modes_that_the_address_keeps(page: Page, key: str, text: str) -> None:
    cell = page.locator("#matrix tbody tr >> text=softmax >> xpath=../.. >> a.cell >> nth=7")
    keys(page, "4", key)
    assert text in cell.inner_text()
    mode = page.input_value("#mode")
    assert address(page) == f"#/?mode={mode}"
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert page.input_value("#mode") == mode


def test_a_target_can_be_hidden_by_keys_and_the_address_keeps_it(page: Page) -> None:
    page.locator("#columns summary").focus()
    keys(page, "Enter", "Tab", "Tab", "Space")
    assert address(page) == "#/?hide=torch:cpu:eager"
    assert (
        page.locator("#matrix tbody tr >> text=softmax >> xpath=../.. >> a.cell:visible").count()
        == 8
    )
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert page.locator("#matrix thead th:visible >> text=torch").count() == 0
    page.locator('#matrix tbody a[tabindex="0"]').focus()
    keys(page, *["ArrowRight"] * 5, "Enter")
    page.wait_for_selector("section.fn.here")
    assert address(page) == "#/fn/elu?target=tensorflow:cpu:eager"


def test_a_drawing_is_zoomed_by_mouse_and_by_keys_and_the_address_keeps_it(page: Page) -> None:
    go(page, "#/fn/sigmoid")
    drawing = page.locator(".panel svg[role=img]").first
    drawing.scroll_into_view_if_needed()
    whole = drawing.inner_html()
    box = drawing.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 1, box["y"] + 60)
    page.mouse.up()
    page.wait_for_selector("#unzoom:enabled")
    assert "?x=" in address(page)
    assert page.locator(".panel svg[role=img]").first.inner_html() != whole
    keys(page, "0")
    page.wait_for_selector("#unzoom:disabled")
    assert page.locator(".panel svg[role=img]").first.inner_html() == whole
    page.locator(".zoom input").first.focus()
    page.keyboard.type("-2")
    keys(page, "Tab")
    page.keyboard.type("0.5")
    keys(page, "Enter")
    page.wait_for_selector("#unzoom:enabled")
    assert address(page) == "#/fn/sigmoid?x=-2..0.5"
    ticks = page.locator(".panel svg[role=img] .tick").all_text_contents()
    assert {"−2", "0.5"} <= {*ticks}
    assert "10" not in ticks


def test_back_returns_to_the_overview(page: Page) -> None:
    page.click(".finding >> nth=0")
    page.wait_for_selector("section.r.here")
    page.go_back()
    page.wait_for_selector("section.overview.here")
    assert page.locator("#matrix").is_visible()


def test_a_filter_is_one_step_back(page: Page) -> None:
    page.fill("#filter", "tanh")
    page.fill("#filter", "function:elu")
    page.wait_for_selector("#found >> text=60 of 480 results")
    page.go_back()
    page.wait_for_selector("section.overview.here")


def test_a_misspelt_filter_is_told(page: Page) -> None:
    page.fill("#filter", "upl:>4")
    page.wait_for_selector("#mistake >> text='upl' is none of state, function")


def test_n_and_p_walk_through_what_nobody_expected(page: Page) -> None:
    keys(page, "n")
    page.wait_for_selector("section.here >> text=1 of 4")
    keys(page, "n")
    page.wait_for_selector("section.here >> text=2 of 4")
    keys(page, "p")
    page.wait_for_selector("section.here >> text=1 of 4")


def test_brackets_go_to_the_same_function_on_other_targets(page: Page) -> None:
    go(page, "#/target/numpy%3Acpu%3Aeager")
    keys(page, "]")
    page.wait_for_selector("section.here h1 >> text=torch:cpu:eager")


def test_d_changes_the_dtype_of_the_drawings(page: Page) -> None:
    go(page, "#/fn/sigmoid")
    assert page.locator(".tabs [aria-pressed=true]").inner_text() == "float32"
    keys(page, "d")
    page.wait_for_selector(".tabs [aria-pressed=true] >> text=float16")
    assert address(page) == "#/fn/sigmoid?dtype=float16"


def test_an_unknown_address_says_so(page: Page) -> None:
    for hash_ in ("#/r/%E0%A4%A", "#/r/none", "#/fn/none", "#/what"):
        go(page, hash_)
        assert heading(page) == "No such page"


def test_only_the_rows_that_are_seen_exist(page: Page) -> None:
    keys(page, "g", "r")
    page.wait_for_selector(".rows-table")
    assert page.locator(".rows-table tbody tr").count() < 60
    keys(page, "End", "Enter")
    page.wait_for_selector("section.r.here")


def test_results_are_sorted_by_a_click(page: Page) -> None:
    go(page, "#/results?q=state%3Apass")
    page.click("th button >> text=Function")
    assert address(page) == "#/results?q=state:pass&sort=function"
    assert page.locator("tr.current td.function").inner_text() == "bce_loss"
    page.click("th button >> text=Function")
    assert page.locator("tr.current td.function").inner_text() == "tanh"


def test_without_scripts_verdict_matrix_and_the_worst_can_be_read(
    browser: Browser, report: Path
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())
    assert page.locator("#matrix .cell:visible").count() == 96
    assert "2 unexpected" in page.locator(".verdict").inner_text()
    assert "got = 0" in page.locator(".plain").inner_text()
    context.close()


def test_print_shows_the_worst_and_no_controls(page: Page) -> None:
    page.emulate_media(media="print")
    assert page.locator(".plain").is_visible()
    assert not page.locator("#filter").is_visible()


def test_in_forced_colours_states_keep_their_borders(page: Page) -> None:
    page.emulate_media(forced_colors="active")
    cell = page.locator("a.cell.known").first
    border = cell.evaluate("(it) => getComputedStyle(it).borderTopStyle")
    assert (border, cell.locator("span").first.inner_text()) == ("solid", "K")


def test_a_dark_room_gets_a_dark_page(page: Page, tmp_path: Path) -> None:
    page.emulate_media(color_scheme="dark")
    page.screenshot(path=tmp_path / "dark.png")
    dark = "rgb(20, 23, 26)"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark
    keys(page, "t")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != dark
