"""The page in a real browser, opened from disk: no error, and a click opens what it names."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import fake_run
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
PNG = b"\x89PNG"

if not os.environ.get("CI"):
    pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no browser: `chromium` is not on the PATH", allow_module_level=True)
from playwright.sync_api import Browser, Page, sync_playwright  # noqa: E402 - after the skip


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(render(fake_run.run()), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert CHROMIUM is not None, "CI needs a browser: `chromium` is not on the PATH"
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> list[str]:
    return []


@pytest.fixture
def page(browser: Browser, report: Path, complaints: list[str]) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: complaints.append(request.url))
    page.goto(report.as_uri())
    # the page itself is the one request
    complaints.remove(report.as_uri())
    yield page
    page.close()


def heading(page: Page) -> str:
    return page.locator("section.here h1").inner_text()


def test_the_page_opens_without_complaint(page: Page, complaints: list[str]) -> None:
    page.wait_for_selector("html.routed")
    assert complaints == []


def test_the_matrix_is_visible_without_scrolling(page: Page, tmp_path: Path) -> None:
    picture = page.screenshot(path=tmp_path / "overview.png")
    box = page.locator("#matrix").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < 720
    assert picture.startswith(PNG)


@pytest.mark.parametrize("route", ["/", "/fn/elu", f"/r/{WORST}"])
def test_the_verdict_is_visible_on_arrival(page: Page, report: Path, route: str) -> None:
    page.goto("about:blank")
    page.goto(f"{report.as_uri()}#{route}")
    page.wait_for_selector(f'section.here[data-route="{route}"]')
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.evaluate("window.scrollY") == 0


def test_only_one_section_is_shown(page: Page) -> None:
    assert page.locator("section:visible").count() == 1


def test_a_click_in_the_matrix_opens_the_function(page: Page, complaints: list[str]) -> None:
    page.click("#matrix tbody th a >> text=elu")
    page.wait_for_selector("section.function.here")
    assert (heading(page), complaints) == ("elu", [])


def test_a_click_in_the_queue_opens_the_divergence(page: Page, complaints: list[str]) -> None:
    page.click(".finding >> nth=0")
    page.wait_for_selector("section.divergence.here")
    assert page.evaluate("decodeURIComponent(location.hash)") == f"#/r/{WORST}"
    assert complaints == []


def test_back_returns_to_the_overview(page: Page) -> None:
    page.click(".finding >> nth=0")
    page.wait_for_selector("section.divergence.here")
    page.go_back()
    page.wait_for_selector("section.overview.here")
    assert page.locator("#matrix").is_visible()


def test_the_key_n_opens_the_next_divergence(page: Page) -> None:
    page.keyboard.press("n")
    page.wait_for_selector("section.divergence.here")
    page.keyboard.press("n")
    page.wait_for_selector("section.divergence.here >> text=2 of 14")


def test_an_unknown_address_says_so(page: Page) -> None:
    page.evaluate("location.hash = '#/r/%E0%A4%A'")
    page.wait_for_selector("section.missing.here")
    assert heading(page) == "No such page"


def test_the_reproduction_has_a_copy_button(page: Page) -> None:
    page.click(".finding >> nth=0")
    button = page.locator("section.here .copy")
    button.click()
    page.wait_for_selector("section.here .copy >> text=/Copied|Selected/")


def test_without_scripts_every_section_is_shown(browser: Browser, report: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())
    hidden = page.locator("section:not(.missing):not(:visible)").count()
    context.close()
    assert hidden == 0


def test_the_page_fits_its_window(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280


def test_a_dark_room_gets_a_dark_page(page: Page, tmp_path: Path) -> None:
    page.emulate_media(color_scheme="dark")
    page.screenshot(path=tmp_path / "dark.png")
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == "rgb(20, 23, 26)"
