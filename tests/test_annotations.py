"""What GitHub Actions is told: a few lines that are commands, and no other line that is one."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import fake_run
from trysquare.__main__ import main
from trysquare.cli.announcing import announce, unheard
from trysquare.cli.options import Code
from trysquare.record import Run, TargetRecord
from trysquare.result import Expectation
from trysquare_reports.annotations import MOST, commands
from trysquare_reports.summary import LARGEST

HOSTILE = "50%\n::set-env name=x::y\r\n::error file=a,line=1::b %0A##[add-mask]c,d:e\x1b\u2028"
COMMAND = re.compile(r"::(?:error|warning)(?: file=[^,:\s]*,line=\d+,col=\d+)?::[^\r\n]*")
LIES = "trysquare_miniatures.liars:drops_negative_zero"
LIAR = ("run", "--backend", LIES, "-k", "elu", "--dtype", "float32", "--check", "cases")


@pytest.fixture
def summary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The file of the summary, in GitHub Actions."""
    path = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    return path


def many(count: int) -> Run:
    run = fake_run.run()
    found = [
        replace(fake_run.diverging(fake_run.result()), id=f"id-{i}", diagnosis=f"cause {i}")
        for i in range(count)
    ]
    return replace(run, results=tuple(found))


def quiet() -> Run:
    run = fake_run.run()
    assert run.footer is not None
    return replace(run, results=(fake_run.result(),), footer=replace(run.footer, stale=()))


def test_a_cause_is_shown_beside_its_line() -> None:
    first = commands(fake_run.run())[0]
    assert first == (
        "::error file=specs/activations/softmax.yaml,line=12,col=3::"
        "softmax on torch:cpu:eager: 1 result unexpected: equals dialect 'tanh' on every element"
        "%0Aid softmax.values.default-inputs.bfloat16.torch-cpu-eager"
    )


def test_there_are_never_more_than_ten_and_the_last_counts_the_rest() -> None:
    found = commands(many(3000))
    assert len(found) == MOST
    # beside 3000 causes one stale entry
    assert found[-1] == "::error::and 2992 more; the summary has them"
    assert len(commands(many(9))) == MOST


def test_a_run_that_succeeded_has_none() -> None:
    assert commands(quiet()) == []


def named(run: Run, *, broken: bool) -> Run:
    record = TargetRecord("x", available=False, reason="why", broken=broken, named=True)
    return replace(run, header=replace(run.header, targets=(*run.header.targets, record)))


STALE = replace(fake_run.result(), expectation=Expectation.STALE)


@pytest.mark.parametrize(
    ("run", "command"),
    [
        (named(quiet(), broken=True), "::error::x is broken: why"),
        (
            named(quiet(), broken=False),
            "::warning::Nothing unexpected; x was asked for and is not here",
        ),
        (replace(quiet(), footer=None), "::warning::Incomplete: the run did not end"),
        (replace(quiet(), results=()), "::warning::Nothing was measured"),
        (replace(quiet(), footer=fake_run.run().footer), "::error::stale: torch: "),
        (replace(quiet(), results=(STALE,)), "::error file=specs/activations/sigmoid.yaml"),
    ],
)
def test_whatever_is_no_success_is_told(run: Run, command: str) -> None:
    (found,) = commands(run)
    assert found.startswith(command)


def test_a_place_with_a_comma_or_a_colon_stays_one_property() -> None:
    place = "a,line=9:b%/x.yaml:12:3"
    (found,) = commands(
        replace(quiet(), results=(replace(fake_run.diverging(fake_run.result()), place=place),))
    )
    assert found.startswith("::error file=a%2Cline=9%3Ab%25/x.yaml,line=12,col=3::")


def test_hostile_texts_are_no_further_command() -> None:
    for command in commands(fake_run.hostile(fake_run.run(), HOSTILE)):
        assert COMMAND.fullmatch(command)
        assert "50%25" in command
        assert command.isprintable()


def test_what_a_framework_says_is_printed_where_no_command_is_heard(
    summary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with unheard():
        print("::error::forged")  # noqa: T201
    first, forged, last = capsys.readouterr().out.splitlines()
    token = first.removeprefix("::stop-commands::")
    assert re.fullmatch(r"[0-9a-f]{32}", token)
    assert (forged, last) == ("::error::forged", f"::{token}::")
    assert not summary.exists()


def test_a_run_in_actions_has_annotations_and_a_summary_and_its_code(
    summary: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    summary.write_text("before\n", encoding="utf-8")
    assert main(LIAR) == Code.UNEXPECTED
    lines = capfd.readouterr().out.splitlines()
    end = lines.index("::" + lines[0].removeprefix("::stop-commands::") + "::")
    assert 1 <= len(lines[end + 1 :]) <= MOST
    assert all(COMMAND.fullmatch(line) for line in lines[end + 1 :])
    assert re.match(r"before\n## ✗ \d+ unexpected", summary.read_text(encoding="utf-8"))


def test_what_a_step_wrote_before_counts_against_the_limit(summary: Path) -> None:
    summary.write_text("x" * (LARGEST - 2000), encoding="utf-8")
    for _ in range(3):
        announce(many(3000))
    assert LARGEST - 2000 < summary.stat().st_size <= LARGEST


def test_a_summary_that_cannot_be_written_costs_no_verdict(
    summary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    summary.mkdir()
    announce(fake_run.run())
    assert "the summary of the job cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize("told", [lambda: announce(fake_run.run()), lambda: unheard().__enter__()])
def test_elsewhere_nothing_is_told(
    told: Callable[[], object], capsys: pytest.CaptureFixture[str]
) -> None:
    told()
    assert capsys.readouterr() == ("", "")
