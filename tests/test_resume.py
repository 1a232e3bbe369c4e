"""What was killed, or ran out of disk, goes on from its file and ends as if nothing had been."""

from __future__ import annotations

import fcntl
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from random import Random as Chance
from typing import Any

import pytest

import fake_run
from leftovers import nothing_left
from trysquare.__main__ import main
from trysquare.backend import Target
from trysquare.cli.options import Code
from trysquare.dtypes import FLOAT32
from trysquare.errors import UsageError
from trysquare.record import Header, Record, Run
from trysquare.result import Limits, Result
from trysquare.results_file import ResultsWriter, line, read
from trysquare.sweep.campaign import Pace, Range, Sweeping
from trysquare.sweep.journal import Journal
from trysquare.sweep.runner import Member
from trysquare.sweep.segment import Part, Segment
from trysquare.sweep.subject import Subject
from trysquare.unfinished import DIFFERENT, Unfinished
from workshop import LONG, SPECS

KILLS = 20 if LONG else 1
TIMES = ("started", "finished", "seconds", "costs")

# Whole commands, killed at any line.


def place(function: str) -> str:
    """The file of a spec; a name would have all of them read."""
    return str(SPECS[function].place.path)


CHECKS = ("--check", "cases", "--check", "defaults", "--check", "errors", "--check", "gradients")
COMMANDS = {
    "run": (
        "run", place("elu"), place("relu"), "--dtype", "float32", "--backend", "numpy", *CHECKS,
    ),
    "sweep": (
        "sweep", "sigmoid", "elu", "relu", "--gradient", "--target", "numpy:cpu:formula",
        "--range=1:1.9",
    ),
}  # fmt: skip
PARTS = 6
"""Of the sweep: one for each function and its derivative."""


@dataclass(frozen=True)
class Unbroken:
    """A command that ended, its file, and how many lines that has while it grows."""

    words: tuple[str, ...]
    path: Path
    lines: int

    def begin(self, path: Path, environment: dict[str, str], *more: str) -> subprocess.Popen[str]:
        """Start the command, with the charts of the one that ended."""
        return subprocess.Popen(
            [sys.executable, "-m", "trysquare", *self.words, "-o", str(path), *more],
            env={
                **environment,
                "XDG_CACHE_HOME": str(self.path.parent),
                "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def end(self, path: Path, *more: str) -> None:
        """Run the command to its end."""
        with nothing_left() as environment:
            process = self.begin(path, environment, *more)
            _, said = process.communicate(timeout=300)
        assert process.returncode == Code.EXPECTED, said


@pytest.fixture(scope="module", params=COMMANDS)
def unbroken(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Unbroken:
    path = tmp_path_factory.mktemp(request.param) / "results.jsonl"
    command = Unbroken(COMMANDS[request.param], path, 0)
    command.end(path)
    grown = len(path.read_bytes().splitlines())
    return replace(command, lines=1 + PARTS if request.param == "sweep" else grown)


@pytest.mark.parametrize("kill", range(KILLS))
def test_what_is_killed_and_resumed_ends_as_if_unbroken(
    unbroken: Unbroken, kill: int, tmp_path: Path
) -> None:
    path, chance = tmp_path / "results.jsonl", Chance(f"{unbroken.words} {kill}")  # noqa: S311 - no secret
    more: list[str] = []
    for _again in range(2 - kill % 2):
        lines = chance.randrange(unbroken.lines)
        with nothing_left() as environment:
            process = unbroken.begin(path, environment, *more)
            while process.poll() is None and length(path) < lines:
                time.sleep(0.01)
            process.send_signal(signal.SIGKILL)
            process.communicate()
        tear(path, lines, chance)
        more = ["--resume"]
    unbroken.end(path, "--resume")
    assert timeless(path) == timeless(unbroken.path)


def length(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else -1


def tear(path: Path, lines: int, chance: Chance) -> None:
    """Leave a file as a kill may leave it, within a line; undo an end that came before the kill."""
    if not path.exists():
        return
    there = path.read_bytes().splitlines(keepends=True)
    if any(b'"type":"footer"' in text for text in there):
        there = there[:lines]
    if there:
        there[-1] = there[-1][: chance.randrange(len(there[-1]) + 1)]
    path.write_bytes(b"".join(there))


def timeless(path: Path) -> list[dict[str, Any]]:
    """The records of a file without times."""
    records = [json.loads(text) for text in path.read_text("ascii").splitlines()]
    return [{key: one[key] for key in one if key not in TIMES} for one in records]


def test_a_sweep_of_other_numbers_or_functions_is_another_one() -> None:
    def plan(numbers: Range | None, *functions: str) -> str:
        subjects = tuple(Subject(SPECS[name], FLOAT32, gradient=False) for name in functions)
        target = Target("numpy", "cpu", "formula")
        tasks = {(n, target): Member(target, "numpy", {}) for n in range(len(subjects))}
        pace = Pace(1, Limits(), None)
        return Sweeping(subjects, (), (target,), ("numpy",), numbers, pace)._plan(tasks, ())

    plans = [
        plan(numbers, *functions)
        for numbers in (None, Range(1, 2), Range(1, 3))
        for functions in (("elu",), ("relu",), ("elu", "relu"))
    ]
    assert len(set(plans)) == len(plans)


# A disk that is full.

SMALL = (
    "run", place("relu"), "--backend", "numpy", "--dtype", "float32",
    "--check", "cases", "--check", "defaults",
)  # fmt: skip


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("small") / "whole.jsonl"
    assert main([*SMALL, "-o", str(path)]) == Code.EXPECTED
    return path


def test_a_run_that_runs_out_of_disk_keeps_what_it_has_and_goes_on(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, records = tmp_path / "results.jsonl", [*SMALL, "-o", str(tmp_path / "results.jsonl")]
    with no_file_larger_than(whole.stat().st_size * 3 // 4):
        assert main(records) == Code.USAGE
    kept = read(path)
    told = f"File too large; it holds the first {2 + len(kept.results)} records"
    assert told in capsys.readouterr().err
    assert (len(kept.results) > 3, kept.footer) == (True, None)
    assert main([*records, "--resume"]) == Code.EXPECTED
    assert timeless(path) == timeless(whole)


def test_what_has_ended_or_is_asked_otherwise_is_not_gone_on_with(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "results.jsonl"
    records = [*SMALL, "-o", str(path), "--resume"]
    *begun, _ = there = whole.read_text(encoding="utf-8").splitlines(keepends=True)
    known = line(replace(read(whole).results[0], known="once upon a time")) + "\n"
    for lines, words, told in (
        (there, (), "this run has ended; there is nothing to resume"),
        (begun, ("--memory", "3"), "memory for a worker was 8 GiB and is 3 GiB; without"),
        (begun, ("--check", "values"), ":1: not the same run: other cases; without --resume"),
        ([*begun[:2], known, *begun[3:]], (), "what is known of it has changed since the run"),
    ):
        path.write_text("".join(lines))
        assert main([*records, *words]) == Code.USAGE
        assert told in capsys.readouterr().err


def test_a_sweep_that_runs_out_of_disk_keeps_its_parts(tmp_path: Path) -> None:
    path, header = tmp_path / "results.jsonl", fake_run.run().header
    parts = [Part("f", "float32", False, "t", Segment(i, i + 1)) for i in range(9)]  # noqa: FBT003
    room = len(line(header)) + 1 + 4 * (len(line(parts[0])) + 1) + 9
    with no_file_larger_than(room), Journal(path, header, resume=False) as journal:
        for part in parts[:4]:
            journal.add(part)
        with pytest.raises(UsageError, match="it holds the first 5 records"):
            journal.add(parts[4])
        with pytest.raises(UsageError, match="cannot be written"):
            journal.finish([*fake_run.run().functions])
    with Journal(path, replace(header, started="later"), resume=True) as journal:
        assert (journal.parts, journal.header) == (parts[:4], header)
        journal.add(parts[4])
    with Journal(path, header, resume=True) as journal:
        assert journal.parts == parts[:5]


# Files, cut anywhere.


def of(result: Result) -> str:
    return f"{result.function}/{result.check}/{result.dtype}"


def grouped() -> Run:
    """A run of four functions whose results have ids, and come group by group, as they do."""
    run = fake_run.run()
    named = (
        replace(one, id=f"{of(one)}/{one.target}/{one.case}")
        for one in run.results
        if one.function < "mse_loss"
    )
    return replace(run, results=tuple(sorted(named, key=of)))


RUN = grouped()
ASKED = ["aaa/cases/float32", *dict.fromkeys(map(of, RUN.results)), "zzz/cases/float32"]
"""The groups of the run, and two more, which have no cases."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "results.jsonl"
    assert RUN.footer is not None
    with ResultsWriter(path) as writer:
        records: list[Record] = [RUN.header, *RUN.functions, *RUN.results]
        for record in records:
            writer.write(record)
    return path


def resumed(path: Path, header: Header = RUN.header) -> Unfinished:
    unfinished = Unfinished(path, header, ASKED)
    unfinished.writer.__exit__()
    return unfinished


@pytest.mark.parametrize("cut", range(16))
def test_a_file_that_is_cut_anywhere_keeps_its_whole_groups(path: Path, cut: int) -> None:
    raw = path.read_bytes()
    start = raw.index(b'{"type":"result"')
    chance = Chance(cut)  # noqa: S311 - no secret
    size = chance.randrange(len(raw) if cut % 2 else start + 5000)
    path.write_bytes(raw[:size])
    lines = (raw[:size] + raw[size : size + 1]).count(b"\n")  # the last one may lack its end alone
    there = RUN.results[: max(0, lines - 1 - len(RUN.functions))]
    expected = tuple(one for one in there if of(one) != of(there[-1]))
    found = resumed(path, replace(RUN.header, started="later"))
    assert found.results == expected
    assert raw.startswith(path.read_bytes())
    if there:
        assert ASKED[found.groups] == of(there[-1])
        assert (found.header, found.functions) == (RUN.header, RUN.functions)
        assert read(path).results == expected
    else:
        assert (found.header.started, found.groups, found.functions) == ("later", 0, ())
        assert path.read_bytes() == b""


def test_a_whole_file_without_an_end_keeps_all_but_its_last_group(path: Path) -> None:
    found = resumed(path)
    assert ASKED[found.groups :] == [of(RUN.results[-1]), ASKED[-1]]
    assert RUN.results[: len(found.results)] == found.results


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"trysquare": "9.9"}, "another version of trysquare"),
        ({"specs": "others"}, "other specs"),
        ({"targets": RUN.header.targets[1:]}, "other targets"),
        ({"seed": 7}, "another seed"),
        ({"shard": "1/2"}, "another shard"),
        ({"plan": "sha256 1"}, "other cases"),
        ({"environment": {}}, "another environment: processor was Xeon and is unknown"),
    ],
)
def test_the_file_of_another_run_is_foreign(path: Path, changed: dict[str, Any], told: str) -> None:
    before = path.read_bytes()
    now = replace(RUN.header, **changed)
    if "environment" in changed:
        now = replace(now, environment={"python": "3.11.7"})
    with pytest.raises(UsageError, match=f":1: not the same run: {told}; without --resume"):
        resumed(path, now)
    assert path.read_bytes() == before


def test_every_way_in_which_two_headers_differ_has_words() -> None:
    assert {one.name for one in fields(Header)} == {*DIFFERENT, "started"}


def test_a_run_and_a_sweep_do_not_go_on_with_each_other(path: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="this is not the file of a sweep"):
        Journal(path, RUN.header, resume=True)
    swept = tmp_path / "swept.jsonl"
    with Journal(swept, RUN.header, resume=False) as journal:
        journal.add(Part("f", "float32", False, "t", Segment(0, 1)))  # noqa: FBT003
    with pytest.raises(UsageError, match=":2: this is the file of a sweep"):
        resumed(swept)


MIXED: dict[str, tuple[Callable[[list[bytes]], list[bytes]], str]] = {
    "a second header": (lambda lines: [*lines, lines[0]], "a second header: two runs are in"),
    "another target": (
        lambda lines: [*lines, lines[-1].replace(b'"target":"', b'"target":"un')],
        "which the header does not name: two runs are mixed in this file",
    ),
    "another order": (lambda lines: [*lines, lines[20]], "not in the order of a run: two runs are"),
    "another group": (
        lambda lines: [*lines, lines[-1].replace(b"/float", b"/quad")],
        "is not asked here: two runs are mixed",
    ),
    "something else": (lambda lines: [b"hello\n", *lines], "not a results file"),
    "a hole": (lambda lines: [*lines[:9], lines[9][:50], *lines[10:]], "not a line of JSON"),
}


@pytest.mark.parametrize("name", MIXED)
def test_a_file_that_is_not_of_one_run_is_recognised_and_left_alone(path: Path, name: str) -> None:
    change, told = MIXED[name]
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))
    before = path.read_bytes()
    with pytest.raises(UsageError, match=told):
        resumed(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["a second header", "another target"])
def test_two_runs_in_one_file_are_not_read_as_one(path: Path, name: str) -> None:
    change, told = MIXED[name]
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))
    with pytest.raises(UsageError, match=told):
        read(path)


def test_a_file_that_is_being_written_is_not_gone_on_with(path: Path) -> None:
    before = path.read_bytes()
    held = ResultsWriter(path, fresh=False)
    with held, pytest.raises(UsageError, match="another run is writing this file"):
        resumed(path)
    assert path.read_bytes() == before


def test_who_waited_for_a_file_that_was_replaced_writes_the_new_one(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim, new = fcntl.flock, path.with_name("new.jsonl")
    new.write_text("new\n")

    def late(file: Any, how: int) -> None:
        if new.exists():
            new.replace(path)
        claim(file, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with ResultsWriter(path, fresh=False) as writer:
        writer.keep(1)
        writer.write(RUN.header)
    assert path.read_text(encoding="utf-8") == f"new\n{line(RUN.header)}\n"


def test_to_resume_there_has_to_be_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SMALL, "--resume"]) == Code.USAGE
    assert "--resume needs the file of the run: -o FILE" in capsys.readouterr().err
