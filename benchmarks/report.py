"""The HTML report of many results: size, time to make it, and what a browser needs to show it.

Arguments are numbers of results, or results files; by default 100,000 and 1,000,000 synthetic ones.
Seconds of making are CPU seconds; a results file is read first, which is told apart.
"""

from __future__ import annotations

import math
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import count, cycle, islice, product
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from trysquare.record import Footer, FunctionRecord, Header, Run, TargetRecord
from trysquare.result import Check, Expectation, Number, Outcome, Result, Symptom, Worst
from trysquare.results_file import read
from trysquare_reports.html import render

FUNCTIONS = 60
TARGETS = tuple(f"{name}:cpu:{mode}" for name in "abcdef" for mode in ("eager", "compile"))
DTYPES = ("float64", "float32", "float16", "bfloat16")
CHECKS = (Check.CASES, Check.CASES, Check.INVARIANCE, Check.VALUES, Check.GRADIENTS)
FILTERS = ("state:known", "function:function-1* ulp:>2", "-dtype:float16 target:b case 7", "0.5")
LAUNCHES = 3
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
READY = """
new MutationObserver((_, observer) => {
  if (document.documentElement?.dataset.ready === undefined) return;
  window.readyAt = performance.now();
  observer.disconnect();
}).observe(document, { subtree: true, childList: true, attributes: true });
"""
FILTER = """async (text) => {
  const field = document.getElementById("filter");
  const found = document.getElementById("found");
  const began = performance.now();
  found.textContent = "";
  field.value = text;
  field.dispatchEvent(new Event("input"));
  while (found.textContent === "") await Promise.resolve();
  document.body.offsetHeight;
  return performance.now() - began;
}"""


def main() -> None:
    """Print one line for each number of results."""
    asked = sys.argv[1:] or ["100000", "1000000"]
    heads = ("results", "MB", "made in", "paint", "interactive", "1st filter", "filter", "open")
    print(" ".join(f"{head:>12}" for head in (*heads, "nodes")))
    chromium = shutil.which("chromium")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        for text in asked:
            run = synthetic(int(text)) if text.isdecimal() else _read(Path(text))
            results = len(run.results)
            began = time.process_time()
            page = render(run)
            made = time.process_time() - began
            del run
            path = Path(folder) / "report.html"
            path.write_text(page, encoding="utf-8")
            shown = []
            for _ in range(LAUNCHES):
                browser = driver.chromium.launch(executable_path=chromium, args=FLAGS)
                shown.append(opened(browser, path))
                browser.close()
            figures = [statistics.median(column) for column in zip(*shown, strict=True)]
            made_of = f"{results:>12,} {len(page.encode()) / 1e6:>12.2f} {made:>10.1f} s"
            times = " ".join(f"{figure:>9.0f} ms" for figure in figures[:-1])
            print(f"{made_of} {times} {figures[-1]:>12,.0f}")


def _read(path: Path) -> Run:
    began = time.process_time()
    run = read(path)
    print(f"{path.name} was read in {time.process_time() - began:.1f} s")
    return run


def opened(browser: Browser, path: Path) -> tuple[float, ...]:
    """Return first paint, interactive, filters and a function page, in ms; and the most nodes.

    The first filter also goes from the overview to the table; of the others the slowest counts.
    """
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    page.add_init_script(READY)
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready]")
    painted = page.evaluate("performance.getEntriesByType('paint')[0].startTime")
    ready = page.evaluate("window.readyAt")
    nodes = [_nodes(page)]
    first, *filtering = (page.evaluate(FILTER, text) for text in FILTERS)
    nodes.append(_nodes(page))
    began = time.perf_counter()
    page.evaluate("go(address('fn', words.function[1]))")
    page.wait_for_selector("section.fn.here")
    function = 1000 * (time.perf_counter() - began)
    nodes.append(_nodes(page))
    return painted, ready, first, max(filtering), function, max(nodes)


def _nodes(page: Page) -> int:
    return int(page.evaluate("document.querySelectorAll('*').length"))


def synthetic(results: int) -> Run:
    """Return a run of so many results: of a hundred, ninety pass, eight are known."""
    targets = tuple(
        TargetRecord(target, available=True, version="1.0", environment={"cpu": "AVX2"})
        for target in TARGETS
    )
    header = Header("0", 0, f"{FUNCTIONS} specs", "2026-01-01T00:00:00Z", targets, {})
    functions = tuple(
        FunctionRecord(
            function=f"function-{number}",
            category="losses" if number % 3 else "activations",
            place=f"specs/function-{number}.yaml:1:1",
            summary="One of many.",
            source=(),
            formulas=(("formula", "x", "<math><mi>x</mi></math>"),),
            parameters={},
            tolerance="inherited",
            dialects={},
            curves=(("f", tuple((x / 20, math.sin(x / 20)) for x in range(-100, 101))),),
            calls={},
            framework_defaults={},
        )
        for number in range(FUNCTIONS)
    )
    found = tuple(islice(_results(), results))
    counts = {outcome.value: sum(r.outcome is outcome for r in found) for outcome in Outcome}
    return Run(header, functions, found, Footer(counts, (), 1.0, "2026-01-01T00:01:00Z"))


def _results() -> Iterator[Result]:
    chance = random.Random(0)  # noqa: S311 - no secret
    grid = tuple(math.copysign(2.0 ** (abs(i) / 2 - 20), i) for i in range(-64, 65))
    script = "import torch\n\nx = torch.tensor([{}])\ngot = torch.function(x)\nassert got != {}\n"
    asked = zip(count(), cycle(CHECKS))
    for number, check in asked:
        for name, dtype, target in product(range(FUNCTIONS), DTYPES, TARGETS):
            draw = chance.random()
            known, fails = draw < 0.08, draw < 0.0805
            ulp = chance.expovariate(1.0) * (1000 if fails else 0.5)
            x = Number(f"{chance.random():.9g}", f"0x{chance.getrandbits(32):08x}")
            worst = Worst((number,), {"x": x}, x, x, ulp, 4.0, 17, 1.5)
            case = f"case {number}"
            curve = check is Check.VALUES and number < len(CHECKS)
            yield Result(
                id=f"function-{name}/{check}/{dtype}/{target}/case-{number}",
                function=f"function-{name}",
                check=check,
                case=case,
                target=target,
                dtype=dtype,
                parameters={},
                outcome=Outcome.DIVERGES if fails else Outcome.CONFORMS,
                expectation=Expectation.UNEXPECTED if fails and not known else Expectation.EXPECTED,
                place=f"specs/function-{name}.yaml:{number}:1",
                symptom=Symptom.INACCURATE if fails else None,
                known=f"The body of function-{name} cancels." if known else "",
                count=1000,
                failed=7 if fails else 0,
                max_ulp=ulp,
                worst=worst,
                histogram=tuple((at, chance.random() * 3) for at in grid) if curve else (),
                shape="x [1000]",
                reproduction=script.format(x.decimal, ulp) if fails else "",
            )


if __name__ == "__main__":
    main()
