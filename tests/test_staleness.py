"""All shards of a run of everything tell which known divergences are about nothing, as it does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import fake_run
from trysquare.__main__ import main
from trysquare.backend import Target
from trysquare.cli.options import Code
from trysquare.command import selection, staleness
from trysquare.command.campaign import Campaign
from trysquare.command.merging import Merged, merge
from trysquare.divergences import Entry, read
from trysquare.ledger import Ledger
from trysquare.planning.plan import groups
from trysquare.planning.shards import Shard
from trysquare.record import Footer, Run, Stale, TargetRecord
from trysquare.recorder import digits, edition, near
from trysquare.result import Check, Result
from trysquare.results_file import ResultsWriter
from trysquare.workers.protocol import Hello
from workshop import SPECS

TORCH = "torch:cpu:eager"
GROUPS = groups(tuple(SPECS.values()))
ENTRIES = """\
trysquare: 1
backend: torch
divergences:
  - match: [elu/*/float32/torch:*/*, relu/*/*/torch:*/*, "*/values/*/torch:cuda:*/*"]
    because: A reason of many letters.
    symptom: zero where the truth is not zero
  - match: tanh/values/float16/torch:cpu:*/*
    because: Another reason of many letters.
    symptom: zero where the truth is not zero
"""
OLD = ("relu/*/*/torch:*/*", "tanh/values/float16/torch:cpu:*/*")
"""Of the first pattern one result diverges, of the second none, and the last has no result."""


@pytest.fixture(scope="module")
def entries(tmp_path_factory: pytest.TempPathFactory) -> tuple[Entry, ...]:
    path = tmp_path_factory.mktemp("known") / "torch.divergences.yaml"
    path.write_text(ENTRIES, encoding="utf-8")
    return read(path, "torch")


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch, entries: tuple[Entry, ...]) -> None:
    monkeypatch.setattr(staleness, "known", lambda name: entries if name == "torch" else ())
    monkeypatch.setattr(selection, "specs", lambda _: tuple(SPECS.values()))


def found(function: str, dtype: str = "float32", *, diverges: bool = False) -> Result:
    one = fake_run.result(function, TORCH, dtype, Check.VALUES)
    one = replace(one, id=f"{function}/values/{dtype}/{TORCH}/points")
    return fake_run.diverging(one) if diverges else one


def ledger(entries: tuple[Entry, ...]) -> Ledger:
    """What an undealt run judges by."""
    hello = Hello(
        Target("torch", "cpu", "eager"), "2.13.0", (), (), {}, {}, {}, {}, {}, canary=True
    )
    return Ledger({"torch": entries}, GROUPS, {hello.target: hello}, complete=True)


@pytest.fixture(scope="module")
def files(entries: tuple[Entry, ...]) -> dict[str, Run]:
    """Two parts of a run: one result of each function in the part that has its group."""
    results = [found("elu", diverges=True), found("relu"), found("relu", "float16"), found("tanh")]
    plan = "\n".join(group.name for group in GROUPS), TORCH
    header = replace(
        fake_run.run().header,
        seed=0,
        specs=f"{len(SPECS)} specs, sha256 {edition(tuple(SPECS.values()))}",
        targets=(TargetRecord(TORCH, available=True, version="2.13.0"),),
        plan=" ".join(["sha256", *map(digits, plan)]),
    )
    book, files = ledger(entries), dict[str, Run]()
    for part in (1, 2):
        mine = {group.name for group in Shard(part, 2).of(GROUPS)}
        ours = tuple(book.judge(one) for one in results if "/".join(one.id.split("/")[:3]) in mine)
        counts = Counter(str(one.outcome) for one in ours)
        footer = Footer(counts=counts, stale=(), seconds=1.0, finished=header.started)
        one = replace(header, shard=f"{part}/2")
        files[f"{part}.jsonl"] = Run(one, fake_run.run().functions, ours, footer)
    return files


def told(files: dict[str, Run], backends: tuple[str, ...] = ()) -> Merged:
    return staleness.told(merge(files), files, backends)


def stale(merged: Merged) -> tuple[Stale, ...]:
    assert merged.run.footer is not None
    return merged.run.footer.stale


def test_all_shards_tell_what_an_undealt_run_tells(
    entries: tuple[Entry, ...], files: dict[str, Run]
) -> None:
    book = ledger(entries)
    for run in files.values():
        assert run.results
        for result in run.results:
            book.judge(result)
    merged = told(files)
    undealt = [one for one in book.stale() if "is no target" not in one.reason]
    assert [one.entry for one in stale(merged)] == [*OLD]
    assert [(one.entry, one.reason) for one in stale(merged)] == [
        (one.entry, near(one.reason)) for one in undealt
    ]
    assert merged.remarks == ()


@pytest.mark.parametrize(("word", "whole"), [("torch", True), (TORCH, False)])
def test_shards_of_picked_targets_are_no_run_that_left_nothing_out(
    files: dict[str, Run], word: str, *, whole: bool
) -> None:
    asked = Campaign((), GROUPS, {}, complete=False, wanted=(selection.target(word),))
    plan = " ".join(["sha256", *map(digits, asked.plan([selection.target(TORCH)]))])
    picked = {
        name: replace(run, header=replace(run.header, plan=plan)) for name, run in files.items()
    }
    assert bool(stale(told(picked))) == whole


def test_what_a_shard_has_told_is_told_once_and_kept(files: dict[str, Run]) -> None:
    first = stale(told(files))[0]
    other = Stale("torch", "a/b/c/torch:tpu:*/*", "'torch:tpu:*' is no target; there are others")
    run = files["1.jsonl"]
    assert run.footer is not None
    more = replace(run, footer=replace(run.footer, stale=(first, other)))
    assert [one.entry for one in stale(told({**files, "1.jsonl": more}))] == [*OLD, other.entry]


def only(changed: Callable[[Run], Run]) -> Callable[[dict[str, Run]], dict[str, Run]]:
    return lambda files: {**files, "2.jsonl": changed(files["2.jsonl"])}


def both(**changed: object) -> Callable[[dict[str, Run]], dict[str, Run]]:
    return lambda files: {
        name: replace(run, header=replace(run.header, **changed))  # type: ignore[arg-type]
        for name, run in files.items()
    }


def unlisted(run: Run) -> Run:
    """A part that knew nothing of what it found, or knew it by another reason."""
    return replace(run, results=tuple(replace(one, known="Something else.") for one in run.results))


def slower(run: Run) -> Run:
    targets = tuple(replace(one, environment={"cpu": "AVX2"}) for one in run.header.targets)
    return replace(run, header=replace(run.header, targets=targets))


OTHERS = (TargetRecord("mine:cpu:eager", available=True, version="1"),)
MINE = "\n".join(group.name for group in GROUPS), "mine:cpu:eager"


@pytest.mark.parametrize(
    ("change", "remark"),
    [
        (only(lambda run: replace(run, footer=None)), ""),
        (lambda files: {"1.jsonl": files["1.jsonl"]}, ""),
        (both(seed=1), ""),
        (both(plan="sha256 0123456789ab 0123456789ab"), ""),
        (both(plan=""), ""),
        (both(specs="3 specs, sha256 0123456789ab"), ""),
        (both(specs=f"{len(SPECS)} specs, sha256 0123456789ab"), "the specs that are installed"),
        (only(slower), "a target ran in different environments"),
        (only(unlisted), "was judged by another list"),
        (
            lambda files: both(
                targets=OTHERS, plan=" ".join(["sha256", *map(digits, MINE)])
            )({name: replace(run, results=()) for name, run in files.items()}),
            "mine is no installed backend; name it: --backend",
        ),
    ],
    ids=["a shard that did not end", "a shard less", "another seed", "less was asked", "no plan",
         "fewer specs", "other specs", "another processor", "another list", "another backend"],
)  # fmt: skip
def test_of_what_is_no_whole_run_or_was_judged_otherwise_nothing_is_told(
    change: Callable[[dict[str, Run]], dict[str, Run]], remark: str, files: dict[str, Run]
) -> None:
    merged = told(change(files))
    assert merged.run.footer is None or merged.run.footer.stale == ()
    remarks = [one for one in merged.remarks if one.startswith("stale entries are not told: ")]
    assert len(remarks) == bool(remark)
    assert remark in "".join(remarks)


@pytest.mark.parametrize(("absent", "old"), [("torch:cpu:other", ()), ("torch:cuda:eager", OLD)])
def test_what_may_be_true_of_a_target_of_the_device_that_could_not_run_is_not_told(
    absent: str, old: tuple[str, ...], files: dict[str, Run]
) -> None:
    lacking = TargetRecord(absent, available=False, reason="not installed")
    here = files["1.jsonl"].header.targets
    merged = told(both(targets=(*here, lacking))(files))
    assert tuple(one.entry for one in stale(merged)) == old
    assert merged.remarks == ()


def test_the_command_ends_with_1_where_an_undealt_run_does(
    files: dict[str, Run], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = []
    for name, run in files.items():
        paths.append(str(tmp_path / name))
        with ResultsWriter(tmp_path / name) as writer:
            for record in (run.header, *run.functions, *run.results, run.footer):
                assert record is not None
                writer.write(record)
    out = str(tmp_path / "all.jsonl")
    assert main(["merge", *paths, "-o", out]) == Code.UNEXPECTED
    assert "0 unexpected · 0 error · 2 stale · 1 known" in capsys.readouterr().out
