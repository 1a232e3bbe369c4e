"""The summary as plain text, and the text of one failure."""

from __future__ import annotations

import io
import math
import re
from dataclasses import replace

import pytest

import fake_run
from trysquare.record import Run, TargetRecord
from trysquare.result import Check, Expectation, Found, Outcome, Result, Symptom
from trysquare_reports.text import WIDTH, failure, last_lines, print_summary, render_summary

SHAPE = re.compile(
    r"[✓✗⚠] \d+ unexpected · \d+ error · \d+ stale · \d+ known · \d+ unsupported · \d+ pass"
    r"  (in [0-9.hms]+|incomplete)"
)


def only(*results: Result) -> Run:
    run = fake_run.run()
    assert run.footer is not None
    return replace(run, results=results, footer=replace(run.footer, stale=()))


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(scope="module")
def run() -> Run:
    return fake_run.run()


@pytest.fixture(scope="module")
def text(run: Run) -> str:
    failed = next(r for r in run.results if r.expectation is Expectation.UNEXPECTED)
    return failure(failed, run.results)


def test_the_last_lines_have_their_shape(run: Run) -> None:
    counts, targets = render_summary(run).splitlines()[-2:]
    assert SHAPE.fullmatch(counts)
    assert targets == (
        "✓ ran 3 of 3 targets available here; "
        "not here: torch:cuda:eager (no CUDA device is visible)"
    )


def without(run: Run, *, broken: bool = False, named: bool = False) -> Run:
    """Return the run with one more target, that is not available."""
    record = TargetRecord("x", available=False, reason="why", broken=broken, named=named)
    targets = (*run.header.targets, record)
    return replace(run, header=replace(run.header, targets=targets))


def test_a_broken_backend_is_an_error() -> None:
    text = render_summary(without(only(fake_run.result()), broken=True))
    counts, targets = text.splitlines()[-2:]
    assert "! x: broken: why" in text.splitlines()
    assert counts.startswith("✗ 0 unexpected · 1 error")
    assert targets.startswith("⚠ ran 3 of 4 targets available here; broken: x (why); not here: ")


def test_a_backend_that_was_named_and_is_absent_is_a_warning() -> None:
    counts, targets = last_lines(without(only(fake_run.result()), named=True)).splitlines()
    assert counts.startswith("⚠ 0 unexpected")
    assert targets.startswith(
        "⚠ ran 3 of 3 targets available here; asked for and not here: x (why); not here: "
    )


def test_the_last_lines_count_what_is_there(run: Run) -> None:
    counts = last_lines(run).splitlines()[0]
    assert counts == (
        "✗ 2 unexpected · 1 error · 1 stale · 10 known · 20 unsupported · 446 pass  in 41.7s"
    )


def test_a_run_without_surprises_ends_with_a_tick() -> None:
    known = fake_run.diverging(fake_run.result(), "because")
    assert last_lines(only(fake_run.result(), known)).startswith("✓ 0 unexpected")


def test_a_stale_entry_is_no_tick() -> None:
    stale = fake_run.run().footer
    assert last_lines(replace(only(fake_run.result()), footer=stale)).startswith("✗")


def test_a_run_that_measured_nothing_is_no_tick() -> None:
    assert last_lines(only()).startswith("⚠ 0 unexpected")


def test_a_run_that_is_all_unsupported_is_no_tick() -> None:
    unsupported = replace(fake_run.result(), outcome=Outcome.UNSUPPORTED)
    assert last_lines(only(unsupported)).startswith("⚠ 0 unexpected")


def test_a_run_that_did_not_end_is_no_tick() -> None:
    counts = last_lines(replace(only(fake_run.result()), footer=None)).splitlines()[0]
    assert counts.startswith("⚠")
    assert SHAPE.fullmatch(counts)
    assert counts.endswith("incomplete")


@pytest.mark.parametrize("outcome", [Outcome.CRASHED, Outcome.TIMED_OUT, Outcome.ERRORED])
def test_an_unexpected_end_counts_as_an_error(outcome: Outcome) -> None:
    item = replace(fake_run.result(), outcome=outcome, expectation=Expectation.UNEXPECTED)
    assert "0 unexpected · 1 error" in last_lines(only(item))


def test_an_unexpectedly_unsupported_result_is_unexpected() -> None:
    item = replace(fake_run.result(), expectation=Expectation.UNEXPECTED)
    assert "1 unexpected" in last_lines(only(replace(item, outcome=Outcome.UNSUPPORTED)))


def test_every_target_that_ran_has_its_line(run: Run) -> None:
    assert re.search(r"torch:cpu:eager +2\.13\.0 +155 pass · 2 known", render_summary(run))


def test_every_unexpected_result_is_spelled_out(run: Run) -> None:
    summary = render_summary(run)
    alarming = [r for r in run.results if r.expectation is Expectation.UNEXPECTED]
    assert [r.id for r in alarming if f"id {r.id}" not in summary] == []


def test_a_group_of_known_divergences_names_its_worst_for_repro() -> None:
    near = fake_run.diverging(fake_run.result(), "because")
    assert near.worst is not None
    far = replace(near, id=f"{near.id}-far", worst=replace(near.worst, ulp=1e9))
    lines = render_summary(only(near, far)).splitlines()
    (place,) = (number for number, line in enumerate(lines) if line.startswith("K "))
    assert lines[place + 1] == f"  id {far.id}"


def test_known_divergences_are_grouped_with_their_reason(run: Run) -> None:
    assert "elu · tensorflow:cpu:eager · float64 float32 float16 bfloat16: 8 known: exp(x) - 1" in (
        render_summary(run)
    )


def test_a_stale_entry_is_named(run: Run) -> None:
    assert "★ stale  torch: tanh.values.float16" in render_summary(run)


def test_prose_stays_within_the_width(run: Run) -> None:
    long = [line for line in render_summary(run).splitlines() if len(line) > WIDTH]
    # an id has no place to break
    assert [line for line in long if "   id " not in line] == []


def test_a_hundred_failures_do_not_fill_the_screen() -> None:
    failed = [
        replace(fake_run.diverging(fake_run.result()), id=str(number)) for number in range(100)
    ]
    assert render_summary(only(*failed)).count("reproduce:") < 20


def test_a_failure_begins_with_what_failed_where(text: str) -> None:
    head, place = text.splitlines()[:2]
    assert head == "✗ softmax · values: default inputs · torch:cpu:eager · bfloat16"
    assert place.strip().startswith("specs/activations/softmax.yaml:12:3   id softmax.values")


def test_a_failure_counts_its_elements(text: str) -> None:
    assert "1341 of 63488 elements outside the limit; worst:" in text


@pytest.mark.parametrize("name", ["x", "got", "want"])
def test_a_failure_gives_each_number_in_decimal_and_bits(text: str, name: str) -> None:
    assert re.search(rf"^ +{name} +[-0-9.e]+ +0x[0-9a-f]+$", text, re.MULTILINE)


def test_a_failure_says_how_far_over_which_limit(text: str) -> None:
    assert "919 ulp   (limit 4 ulp, 230× over)" in text


def test_a_failure_says_in_words_what_has_no_distance() -> None:
    worst = fake_run.worst(math.nan, 0.25, math.nan)
    printed = failure(replace(fake_run.diverging(fake_run.result()), worst=worst))
    assert "      NaN instead of a number   (limit 4 ulp)" in printed
    assert "nan ulp" not in printed


def test_a_failure_names_every_way_in_which_elements_diverge() -> None:
    wrong = fake_run.diverging(fake_run.result())
    both = replace(wrong, symptom=Symptom.NAN, besides={"beyond the limit": 3})
    assert "NaN against a number; besides: beyond the limit on 3\n" in failure(both)


def test_a_failure_names_its_diagnosis(text: str) -> None:
    assert "diagnosis: equals dialect 'tanh' on every element" in text


def test_a_failure_says_who_else_would_see_it(text: str) -> None:
    line = "would others see it? wide no, narrow yes, near yes (1 of 1341); no rule: elsewhere"
    assert line in " ".join(text.split())


def test_a_failure_without_yardsticks_says_nothing_of_others() -> None:
    item = replace(fake_run.diverging(fake_run.result()), yardsticks={})
    assert "would others" not in failure(item, [])


def test_a_failure_names_who_conforms(text: str) -> None:
    assert "conforming: numpy:cpu:eager (12 % of its limit), tensorflow:cpu:eager" in text


def test_a_failure_compares_only_the_same_question() -> None:
    item = fake_run.diverging(fake_run.result())
    other = fake_run.result(target="numpy:cpu:eager", dtype="float64")
    assert "also run" not in failure(item, [item, other])


def test_a_failure_carries_its_reproduction(text: str) -> None:
    assert "\n      assert got.item() != 0, got  # want 1.4e-45" in text


def test_a_known_divergence_says_why() -> None:
    assert "known: because" in failure(fake_run.diverging(fake_run.result(), "because"), [])


def test_a_result_without_numbers_gives_its_reason() -> None:
    item = replace(fake_run.result(), outcome=Outcome.CRASHED, reason="signal 11")
    assert "signal 11" in failure(item, [])


def test_nothing_steers_the_terminal() -> None:
    hostile = "\x1b[2J\x1b]0;title\x07\u202e\x9b"
    item = replace(
        fake_run.diverging(fake_run.result(), hostile),
        function=hostile,
        case=hostile,
        reason=hostile,
        reproduction=hostile,
        expectation=Expectation.UNEXPECTED,
    )
    printed = failure(item, []) + render_summary(only(item))
    assert {c for c in printed if not c.isprintable()} == {"\n"}


def test_elsewhere_than_on_a_terminal_lines_are_plain(run: Run) -> None:
    stream = io.StringIO()
    print_summary(run, stream)
    assert stream.getvalue() == render_summary(run) + "\n"


def test_on_a_terminal_the_last_lines_are_there_too(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    stream = Terminal()
    print_summary(run, stream)
    assert stream.getvalue().rstrip().endswith(last_lines(run))


def test_a_summary_names_the_worst_input_of_every_hunt() -> None:
    worst = Found({"x": ("0x1.8p+3",)}, 0, fake_run.number(1.0), 2.25, fake_run.number(2.0))
    row = Found({"x": ("0x1p+0", "0x1p+1")})
    plain = fake_run.run()
    results = tuple(
        replace(plain.results[0], check=Check.HUNT, case=case, found=found)
        for case, found in (("worst found", (worst, row)), ("unanswered 1", (row,)))
    )
    text = render_summary(replace(plain, results=results))
    assert "worst found: 2.25 ulp at x = 0x1.8p+3; alone it gives 2" in text
    assert "unanswered 1: no answer at x = [0x1p+0, 0x1p+1]" in text


@pytest.mark.parametrize(("budget", "told"), [(919.0, False), (920.0, True), (None, False)])
def test_a_budget_that_could_be_lower_is_told(budget: float | None, *, told: bool) -> None:
    accepted = replace(fake_run.diverging(fake_run.result(), fake_run.LINK), budget=budget)
    words = "1 budget of the baseline could be lower"
    assert (words in render_summary(only(accepted))) is told
