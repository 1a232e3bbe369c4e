"""The badge: it states of how many, and is never better than the run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

import fake_run
from trysquare.__main__ import main
from trysquare.cli.options import Code
from trysquare.errors import UsageError
from trysquare.record import Record, Run, TargetRecord
from trysquare.result import Expectation, Outcome, Result
from trysquare.results_file import ResultsWriter
from trysquare_reports.badge import endpoint, message, of_backend, svg

HOSTILE = "</title><script>alert(1)</script>\"'&\x00\x1b[31m\ud800\u202e\n"
PASSING = fake_run.result()
KNOWN = fake_run.diverging(PASSING, "why it is so")
DIVERGING = fake_run.diverging(PASSING)
UNSUPPORTED = replace(PASSING, outcome=Outcome.UNSUPPORTED, worst=None)


def only(*results: Result) -> Run:
    run = fake_run.run()
    assert run.footer is not None
    return replace(run, results=results, footer=replace(run.footer, stale=()))


def with_target(record: TargetRecord, *results: Result) -> Run:
    run = only(*results)
    return replace(run, header=replace(run.header, targets=(*run.header.targets, record)))


BROKEN = TargetRecord("x", available=False, reason="raised", broken=True)
ABSENT = TargetRecord("x", available=False, reason="absent", named=True)


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (only(PASSING, PASSING), "✓ 2 of 2 conform"),
        (only(PASSING, UNSUPPORTED), "✓ 1 of 2 conform, 1 unsupported"),
        (only(PASSING, KNOWN), "✓ 1 of 2 conform"),
        (only(PASSING, DIVERGING), "✗ 1 of 2 conform, 1 unexpected"),
        (only(replace(PASSING, expectation=Expectation.STALE)), "✗ 0 of 1 conform, 1 stale"),
        (only(UNSUPPORTED), "⚠ nothing measured"),
        (only(), "⚠ nothing measured"),
        (with_target(BROKEN), "✗ broken setup"),
        (with_target(BROKEN, PASSING), "✗ 1 of 1 conform, 1 error"),
        (with_target(ABSENT, PASSING), "⚠ 1 of 1 conform, a target is not here"),
        (replace(only(PASSING), footer=None), "⚠ 1 of 1 conform, incomplete"),
    ],
)
def test_a_badge_says_of_how_many_and_what_is_wrong(run: Run, words: str) -> None:
    assert message(run) == words
    said = endpoint(run)
    assert said["isError"] is not words.startswith("✓")
    assert (said["schemaVersion"], said["label"], said["message"]) == (1, "trysquare", words)


def test_the_badge_of_one_backend_is_about_its_results_and_its_stale_entries() -> None:
    run = fake_run.run()
    assert message(of_backend(run, "numpy")) == "✓ 160 of 160 conform"
    assert message(of_backend(run, "torch")) == (
        "✗ 155 of 160 conform, 1 unexpected, 1 error, 1 stale"
    )
    assert "trysquare: numpy" in svg(of_backend(run, "numpy"), "numpy")


def test_a_backend_that_is_not_in_the_results_is_an_error_with_a_suggestion() -> None:
    with pytest.raises(UsageError, match="no backend 'tensorflw'; did you mean 'tensorflow'"):
        of_backend(fake_run.run(), "tensorflw")


def test_an_image_says_its_words_and_nothing_hostile_is_an_element() -> None:
    run = fake_run.hostile(fake_run.run(), HOSTILE)
    text = svg(run, HOSTILE)
    root = ET.fromstring(text)  # noqa: S314 - we wrote it
    names = [element.tag.rpartition("}")[2] for element in root.iter()]
    assert names == ["svg", "title", "rect", "text", "rect", "text"]
    assert root.get("role") == "img"
    assert root.get("aria-label") == root[0].text
    text.encode("utf-8")
    json.dumps(endpoint(run, HOSTILE)).encode("utf-8")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    path = tmp_path / "results.jsonl"
    run = fake_run.run()
    assert run.footer is not None
    lines: tuple[Record, ...] = (run.header, *run.functions, *run.results, run.footer)
    with ResultsWriter(path) as writer:
        for line in lines:
            writer.write(line)
    return path


def test_the_command_writes_both(results: Path) -> None:
    image, shield = results.with_name("badge.svg"), results.with_name("badge.json")
    arguments = ["badge", str(results), "-o", str(image), "--endpoint", str(shield)]
    assert main(arguments) == Code.EXPECTED
    assert json.loads(shield.read_text()) == endpoint(fake_run.run())
    assert image.read_text(encoding="utf-8") == svg(fake_run.run())


def test_the_command_refuses_to_write_nothing_or_over_something(results: Path) -> None:
    before = results.read_bytes()
    for wrong in (
        [],
        ["-o", str(results)],
        ["--endpoint", str(results)],
        ["-o", "x", "--endpoint", "x"],
        ["-o", "x", "--backend", "nobody"],
    ):
        assert main(["badge", str(results), *wrong]) == Code.USAGE
    assert results.read_bytes() == before


@pytest.mark.parametrize("form", ["junit", "markdown"])
def test_a_report_goes_to_a_file_or_to_stdout(
    results: Path, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(results), "--format", form]) == Code.EXPECTED
    printed = capsys.readouterr().out
    path = results.with_name("report")
    assert main(["report", str(results), "--format", form, "-o", str(path)]) == Code.EXPECTED
    assert path.read_text(encoding="utf-8") == printed
    assert "919" in printed
