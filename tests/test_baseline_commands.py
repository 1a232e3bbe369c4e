"""`trysquare baseline`: what is decided about a run, by hand, in a walk, or in the page."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fake_run import LINK, TARGETS, diverging, result, run
from trysquare.__main__ import main
from trysquare.baseline import Accepted, read
from trysquare.cli.options import Code
from trysquare.command import campaign
from trysquare.record import Run, Stale
from trysquare.result import Expectation, Outcome, Result
from trysquare.results_file import ResultsWriter
from trysquare.results_file import read as read_results

TARGET = TARGETS[1]
REASON = "The port of the kernel is not finished."


def case(name: str, function: str = "sigmoid", dtype: str = "float32") -> Result:
    """Return a result that conforms, with an id as a run makes them."""
    passing = result(function, TARGET, dtype, case=name)
    return replace(passing, id=f"{function}/values/{dtype}/{TARGET}/{name.replace(' ', '-')}")


FIRST, SECOND = (diverging(case(name)) for name in ("one", "two"))
LARGER = replace(diverging(case("three")), max_ulp=5000.0)
OTHER = replace(diverging(case("one", "tanh")), diagnosis="it is another function")
KNOWN = diverging(case("four"), LINK)
FINE = case("five")
ERRORED = replace(
    case("six"), outcome=Outcome.ERRORED, expectation=Expectation.UNEXPECTED, reason="no answer"
)
EVERYTHING = (FIRST, SECOND, LARGER, OTHER, KNOWN, FINE)


@pytest.fixture(autouse=True)
def _by_hand(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.chdir(tmp_path)


def record(*results: Result, stale: tuple[Stale, ...] = ()) -> Run:
    """Write results.jsonl with these results, and return the run."""
    base = run()
    counts = {one.value: sum(item.outcome is one for item in results) for one in Outcome}
    assert base.footer is not None
    recorded = Run(
        base.header, base.functions, results, replace(base.footer, counts=counts, stale=stale)
    )
    with ResultsWriter(Path("results.jsonl")) as writer:
        for line in (recorded.header, *recorded.functions, *results, recorded.footer):
            assert line is not None
            writer.write(line)
    return recorded


def accepted() -> list[Accepted]:
    return list(read(Path("baseline.yaml")))


def ids() -> list[str]:
    return [entry.id for entry in accepted()]


def accept(*words: str) -> int:
    return main(["baseline", "accept", *words, "--reason", REASON])


# --- by hand


def test_what_is_accepted_holds_and_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    record(FIRST)
    assert main(["baseline", "status"]) == Code.UNEXPECTED
    until = ["--issue", "https://example.org/7", "--until", "2999-12-31"]
    assert accept(FIRST.id, *until) == Code.EXPECTED
    (entry,) = accepted()
    assert (entry.id, entry.reason, entry.issue) == (FIRST.id, REASON, "https://example.org/7")
    assert (str(entry.until), entry.budget, entry.symptoms) == ("2999-12-31", 919, FIRST.ways)
    assert f"+  - id: {FIRST.id}" in capsys.readouterr().out
    assert main(["baseline", "status"]) == Code.EXPECTED
    assert capsys.readouterr().out == "baseline.yaml: 1 holds\n"


def test_all_of_a_cause_are_accepted_and_the_largest_error_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    record(*EVERYTHING)
    assert accept("--cause", FIRST.id) == Code.EXPECTED
    assert sorted(ids()) == sorted([FIRST.id, SECOND.id, LARGER.id])
    assert capsys.readouterr().err == "accepted 3 results, at most 5000 ULP\n"


def test_one_reason_is_not_that_of_two_causes(capsys: pytest.CaptureFixture[str]) -> None:
    record(*EVERYTHING)
    assert accept(FIRST.id, OTHER.id) == Code.USAGE
    assert "these have 2 causes" in capsys.readouterr().err
    assert not Path("baseline.yaml").exists()


@pytest.mark.parametrize(
    ("identity", "words"),
    [
        (FIRST.id[:-1], "did you mean"),
        (FINE.id, "there is nothing to accept: conforms"),
        (KNOWN.id, f"it is known beside the backend: {LINK}"),
        (ERRORED.id, "a result that errored says nothing of the framework"),
    ],
)
def test_what_cannot_be_accepted_is_refused_with_the_reason(
    identity: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    record(*EVERYTHING, ERRORED)
    assert accept(identity) == Code.USAGE
    assert words in capsys.readouterr().err
    assert not Path("baseline.yaml").exists()


@pytest.mark.parametrize(
    "given",
    [
        ["--reason", "because"],
        ["--reason", " " * 20],
        ["--reason", REASON, "--issue", "http://example.org"],
        ["--reason", REASON, "--until", "tomorrow"],
        ["--reason", REASON, "--until", "2027-02-30"],
        ["--reason", REASON, "--until", "2026-01-01"],
        ["--reason", f"{REASON}\u202e"],
        [],
    ],
    ids=str,
)
def test_grounds_that_are_none_are_refused(given: list[str]) -> None:
    record(FIRST)
    assert main(["baseline", "accept", FIRST.id, *given]) == Code.USAGE
    assert not Path("baseline.yaml").exists()


def test_what_is_rejected_is_no_longer_accepted() -> None:
    record(FIRST, SECOND)
    accept("--cause", FIRST.id)
    assert main(["baseline", "reject", FIRST.id]) == Code.EXPECTED
    assert ids() == [SECOND.id]
    assert main(["baseline", "reject", "no/such/id/at/all"]) == Code.USAGE


def test_what_got_worse_than_its_budget_is_accepted_again() -> None:
    record(FIRST)
    accept(FIRST.id)
    record(replace(FIRST, max_ulp=1000.0))
    assert main(["baseline", "status"]) == Code.UNEXPECTED
    assert accept(FIRST.id) == Code.EXPECTED
    assert [entry.budget for entry in accepted()] == [1000]


# --- what no longer holds


def test_what_is_stale_is_told_and_pruned_in_one_hunk(capsys: pytest.CaptureFixture[str]) -> None:
    record(FIRST, SECOND, LARGER)
    accept("--cause", FIRST.id)
    record(FIRST, replace(case("two")), LARGER)
    capsys.readouterr()
    assert main(["baseline", "status"]) == Code.UNEXPECTED
    assert f"★ {SECOND.id}" in capsys.readouterr().out
    assert main(["baseline", "prune"]) == Code.EXPECTED
    assert capsys.readouterr().out.count("@@ ") == 1
    assert sorted(ids()) == sorted([FIRST.id, LARGER.id])
    assert main(["baseline", "status"]) == Code.EXPECTED


def test_what_the_run_called_stale_is_pruned_though_it_has_no_result() -> None:
    record(FIRST, OTHER)
    accept(FIRST.id)
    accept(OTHER.id)
    record(FIRST)
    assert main(["baseline", "prune"]) == Code.EXPECTED
    assert len(ids()) == 2  # a run that asked less calls nothing stale
    record(FIRST, stale=(Stale("torch", OTHER.id, "there is no such result"),))
    assert main(["baseline", "prune"]) == Code.EXPECTED
    assert ids() == [FIRST.id]


def test_budgets_are_lowered_only_where_that_is_asked() -> None:
    record(FIRST)
    accept(FIRST.id)
    record(replace(FIRST, max_ulp=17.123))
    assert main(["baseline", "prune"]) == Code.EXPECTED
    assert [entry.budget for entry in accepted()] == [919]
    assert main(["baseline", "prune", "--tighten"]) == Code.EXPECTED
    assert [entry.budget for entry in accepted()] == [17.13]
    record(replace(FIRST, max_ulp=17.2))
    assert main(["baseline", "status"]) == Code.UNEXPECTED


def test_what_no_target_conforms_to_is_suspect(capsys: pytest.CaptureFixture[str]) -> None:
    elsewhere = replace(FIRST, target=TARGETS[2], id=FIRST.id.replace(TARGET, TARGETS[2]))
    record(FIRST, elsewhere)
    accept(FIRST.id)
    capsys.readouterr()
    main(["baseline", "status"])
    assert "no target at all conforms here: is the spec right?" in capsys.readouterr().out


def test_the_status_is_json_for_a_program(capsys: pytest.CaptureFixture[str]) -> None:
    record(FIRST, OTHER)
    accept(FIRST.id)
    capsys.readouterr()
    assert main(["baseline", "status", "--format", "json"]) == Code.UNEXPECTED
    told = json.loads(capsys.readouterr().out)
    assert [(one["id"], one["standing"]) for one in told["entries"]] == [(FIRST.id, "holds")]
    assert [one["ids"] for one in told["pending"]] == [[OTHER.id]]


def test_the_status_says_that_a_file_is_only_a_part_of_a_run(
    capsys: pytest.CaptureFixture[str],
) -> None:
    record(FINE)
    main(["baseline", "status"])
    assert "a part of a run" not in capsys.readouterr().out
    path = Path("results.jsonl")
    path.write_text("".join(path.read_text("ascii").splitlines(keepends=True)[:-1]), "ascii")
    main(["baseline", "status"])
    assert "is only a part of a run: the run did not end" in capsys.readouterr().out


def test_an_errored_result_keeps_the_status_from_being_good() -> None:
    record(ERRORED)
    assert main(["baseline", "status"]) == Code.UNEXPECTED


# --- CI


@pytest.mark.parametrize(
    "words",
    [
        ["accept", FIRST.id, "--reason", REASON],
        ["reject", FIRST.id],
        ["prune"],
        ["apply", "decisions.json"],
    ],
    ids=lambda words: words[0],
)
def test_ci_never_writes_a_baseline(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    record(FIRST, SECOND)
    accept(SECOND.id)
    record(FIRST, case("two"))
    before = Path("baseline.yaml").read_bytes()
    monkeypatch.setenv("CI", "true")
    assert main(["baseline", *words]) == Code.USAGE
    assert "CI never writes a baseline" in capsys.readouterr().err
    assert Path("baseline.yaml").read_bytes() == before


# --- the walk


def test_without_a_terminal_the_commands_are_printed_and_they_work(
    capsys: pytest.CaptureFixture[str],
) -> None:
    record(*EVERYTHING)
    assert main(["baseline", "review"]) == Code.UNEXPECTED
    rows = capsys.readouterr().out.splitlines()
    commands = [row.split() for row in rows if not row.startswith("#")]
    assert len(commands) == 2  # causes, and not the four results
    assert "3 results, at most 5000 ULP" in rows[0]
    for words in commands:
        assert main([*words[1:-1], REASON]) == Code.EXPECTED
    assert main(["baseline", "status"]) == Code.EXPECTED
    assert main(["baseline", "review"]) == Code.EXPECTED


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Type words at a terminal."""

    def types(*words: str) -> None:
        answers: Iterator[str] = iter(words)

        def answer(*_: Any, **__: Any) -> str:
            return next(answers)

        monkeypatch.setattr("click.prompt", answer)
        for stream in ("stdin", "stdout"):
            monkeypatch.setattr(f"sys.{stream}.isatty", lambda: True, raising=False)

    return types


def test_a_walk_asks_once_for_each_cause(
    typed: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    record(*EVERYTHING)
    typed("i", "p", "a", REASON, "", "", "s")
    assert main(["baseline", "review"]) == Code.UNEXPECTED
    assert len(ids()) == 3
    told = capsys.readouterr().out
    assert "[1/2]" in told
    assert "torch.sigmoid(x)" in told
    typed("a", REASON, "https://example.org/1", "2999-01-01")
    assert main(["baseline", "review"]) == Code.EXPECTED
    assert len(ids()) == 4


def test_a_walk_accepts_nothing_without_a_reason_and_ends_when_asked(
    typed: Callable[..., None],
) -> None:
    record(*EVERYTHING)
    typed("a", "so", "", "", "q")
    assert main(["baseline", "review"]) == Code.UNEXPECTED
    assert not Path("baseline.yaml").exists()


# --- decisions of a page


def decisions(recorded: Run, *made: dict[str, Any], **changed: Any) -> None:
    header = recorded.header
    whole = {
        "format": "trysquare-decisions",
        "version": 1,
        "run": {"started": header.started, "specs": header.specs},
        "decisions": list(made),
        **changed,
    }
    Path("decisions.json").write_text(json.dumps(whole, indent=2), encoding="utf-8")


def test_decisions_of_a_page_are_applied() -> None:
    recorded = record(*EVERYTHING)
    accept(OTHER.id)
    decisions(
        recorded,
        {
            "ids": [FIRST.id, SECOND.id],
            "decision": "accept",
            "reason": REASON,
            "issue": "https://example.org/7",
            "until": "2999-12-31",
        },
        {"ids": [OTHER.id], "decision": "reject", "reason": "This has to be fixed first."},
    )
    assert main(["baseline", "apply", "decisions.json"]) == Code.EXPECTED
    assert sorted(ids()) == sorted([FIRST.id, SECOND.id])
    assert {entry.issue for entry in accepted()} == {"https://example.org/7"}


@pytest.mark.parametrize(
    ("made", "changed", "words"),
    [
        ({"ids": [FINE.id]}, {}, "there is nothing to accept"),
        ({"reason": "ok"}, {}, "is not a reason of at least 15 characters"),
        ({"decision": "acept"}, {}, "did you mean 'accept'?"),
        ({"isue": "https://example.org"}, {}, "did you mean 'issue'?"),
        ({"until": "2027-13-01"}, {}, "there is no day 2027-13-01"),
        ({"ids": []}, {}, "expected a list of ids"),
        ({"ids": [FIRST.id, FIRST.id]}, {}, "already decided on line"),
        ({}, {"version": 2}, "version of the format"),
        ({}, {"format": "other"}, "the name of this format"),
        ({}, {"run": {"started": "2020", "specs": "specs"}}, "decided about another run"),
        ({}, {"run": {"started": run().header.started, "specs": "x"}}, "decided about another run"),
    ],
    ids=str,
)
def test_a_file_of_decisions_with_a_mistake_decides_nothing(
    made: dict[str, Any],
    changed: dict[str, Any],
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    recorded = record(*EVERYTHING)
    good = {"ids": [SECOND.id], "decision": "accept", "reason": REASON}
    bad = {"ids": [FIRST.id], "decision": "accept", "reason": REASON, **made}
    decisions(recorded, good, bad, **changed)
    assert main(["baseline", "apply", "decisions.json"]) == Code.USAGE
    assert words in capsys.readouterr().err
    assert not Path("baseline.yaml").exists()


def test_nothing_in_a_baseline_steers_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    record(replace(FIRST, diagnosis="\x1b[2J gone"))
    main(["baseline", "review"])
    assert "\x1b" not in capsys.readouterr().out


# --- a run with a baseline

LIES = "trysquare_miniatures.liars:drops_negative_zero"
LIAR = ("run", "--backend", LIES, "-k", "elu", "--dtype", "float32", "--check", "cases")


def test_a_run_expects_what_its_baseline_accepts_and_fails_for_what_is_stale(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([*LIAR, "-o", "results.jsonl"]) == Code.UNEXPECTED
    (bad,) = (
        one
        for one in read_results(Path("results.jsonl")).results
        if one.expectation is Expectation.UNEXPECTED
    )
    assert accept(bad.id) == Code.EXPECTED
    assert main([*LIAR, "--baseline", "baseline.yaml", "-o", "results.jsonl"]) == Code.EXPECTED
    assert f"1 known: {REASON}" in " ".join(capsys.readouterr().out.split())
    text = Path("baseline.yaml").read_text(encoding="utf-8")
    Path("baseline.yaml").write_text(text.replace(bad.id, f"{bad.id}-2"), encoding="utf-8")
    assert main([*LIAR, "--baseline", "baseline.yaml"]) == Code.UNEXPECTED
    told = " ".join(capsys.readouterr().out.split())
    assert "baseline.yaml:5:5: there is no such result" in told


def test_a_baseline_that_is_not_there_ends_a_run_before_it_begins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(campaign, "Campaign", None)
    assert main([*LIAR, "--baseline", "no-such-file.yaml"]) == Code.USAGE
