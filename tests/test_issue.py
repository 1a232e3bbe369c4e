"""The text of an issue: what stands in it, that nothing ends its blocks, and the page's own."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

import fake_run
from trysquare.record import Run
from trysquare.result import Result
from trysquare_reports import html
from trysquare_reports.details import detail
from trysquare_reports.issue import issue
from trysquare_reports.verdict import ALARMING, state

SCRIPTS = Path(html.__file__).parent / "templates" / "script"
NODE = shutil.which("node")
HOSTILE = (
    "```\n# @all `x` | </script><img src=x> [a](b) \u202e https://a.example/x_y_z. ~~~~~~\n````"
)


@pytest.fixture(scope="module")
def run() -> Run:
    return fake_run.run()


def worst(run: Run) -> Result:
    return next(one for one in run.results if state(one) in ALARMING and one.reproduction)


def on_the_page(run: Run, result: Result) -> str:
    """Return what the script of the page makes of the same, given what the page gives it."""
    target = next(one for one in run.header.targets if one.target == result.target)
    record = next(one for one in run.functions if one.function == result.function)
    about = {result.target: target.version, **run.header.environment, **target.environment}
    given = [
        f"{result.function} ({result.dtype}, {result.target})",
        detail(result, "", scripted=True),
        [*(about | {"Trysquare": run.header.trysquare}).items()],
        record.source,
        result.id,
        "",
    ]
    source = (SCRIPTS / "issue.js").read_text("utf-8")
    call = f"process.stdout.write(issueText(...{json.dumps(given)}));"
    done = subprocess.run(
        [str(NODE), "-"],
        input=f"{source}\n{call}",
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    return done.stdout


def test_an_issue_has_title_numbers_script_versions_place_and_source(run: Run) -> None:
    result = worst(run)
    text = issue(run, result)
    assert result.worst is not None
    heading = f"# {result.function} ({result.dtype}, {result.target}): "
    assert text.startswith(heading.replace("_", "\\_"))
    for number in (result.worst.got, result.worst.want):
        assert f"| {number.decimal} | {number.bits} |" in text
    assert f"```python\n{result.reproduction.rstrip()}\n```\n" in text
    target = next(one for one in run.header.targets if one.target == result.target)
    assert f"| {result.target} | {target.version} |" in text
    assert result.place.replace("_", "\\_") in text
    assert "* <https://arxiv.org/abs/1511.07289>\n" in text


def test_nothing_ends_the_block_of_the_script_or_starts_another(run: Run) -> None:
    result = replace(worst(run), reproduction=f"x = '''{HOSTILE}'''\n")
    text = issue(run, result)
    fence = re.search(r"^(`+)python$", text, re.MULTILINE)
    assert fence is not None
    assert len(fence[1]) > len("````")
    assert [line for line in text.splitlines() if line.startswith(fence[1])] == [
        f"{fence[1]}python",
        fence[1],
    ]


def test_what_a_framework_says_is_text_on_one_line(run: Run) -> None:
    result = replace(worst(run), reason=HOSTILE, reproduction="")
    text = issue(run, result)
    assert "<img" not in text.replace("\\<img", "")
    assert not re.search(r"(?<!\\)@all", text)
    assert "```" not in text
    assert "\u202e" not in text
    assert "<https://a.example/x_y_z>" in text


@pytest.mark.skipif(NODE is None, reason="no node")
@pytest.mark.parametrize("said", ["", HOSTILE])
def test_the_page_says_the_same(run: Run, said: str) -> None:
    result = worst(run)
    if said:
        result = replace(result, reason=said, reproduction=said, diagnosis=said)
    assert on_the_page(run, result) == issue(run, result)
