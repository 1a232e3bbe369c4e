"""A sweep in parts: joined it is the unbroken one, and what is no part of it is found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from trysquare.__main__ import main
from trysquare.backend import Target
from trysquare.cli.options import Code
from trysquare.command.merging import merge
from trysquare.command.rates import Measured, of_sweep
from trysquare.dtypes import FLOAT16, FLOAT32
from trysquare.errors import UsageError
from trysquare.planning.shards import Shard
from trysquare.record import Run
from trysquare.recorder import digits
from trysquare.result import Limits, Outcome
from trysquare.results_file import read
from trysquare.sweep import campaign, shares
from trysquare.sweep.campaign import Pace, Range, Sweeping
from trysquare.sweep.chart import BLOCK
from trysquare.sweep.subject import Subject
from workshop import SPECS

LIAR = "one_number_is_off"
SOURCE = f"trysquare_miniatures.liars:{LIAR}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep of four jobs, and the same in two parts."""
    folder = tmp_path_factory.mktemp("swept")
    sweeping = Sweeping(
        tuple(Subject(SPECS[name], FLOAT32, gradient=False) for name in ("elu", "relu")),
        (), (Target(LIAR, "cpu", "miniature"),), (SOURCE,), Range(1.0, 1.015),
        Pace(1, Limits(), partial(Path, folder)),
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(campaign, "JOB", BLOCK)
        for name, shard in (("whole", None), ("1", Shard(1, 2)), ("2", Shard(2, 2))):
            path = folder / f"{name}.jsonl"
            run, _ = replace(sweeping, shard=shard).run(path, lambda done, _: done, resume=False)
            assert read(path) == run
    return folder


@pytest.fixture(scope="module")
def parts(folder: Path) -> Mapping[str, Run]:
    return {name: read(folder / f"{name}.jsonl") for name in ("1", "2")}


def joined(folder: Path, *names: str) -> tuple[int, Run]:
    files = [str(folder / f"{name}.jsonl") for name in names]
    out = folder / f"{'-'.join(names)}-joined.jsonl"
    return main(["merge", *files, "--backend", SOURCE, "-o", str(out)]), read(out)


def test_parts_joined_are_the_unbroken_sweep_and_a_missing_one_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, partial = joined(folder, "1")
    assert (code, partial.footer, partial.results) == (Code.NOTHING, None, ())
    assert "missing: 2/2 of the run on one_number_is_off" in capsys.readouterr().err
    # what was joined may be joined with the rest
    code, run = joined(folder, "1-joined", "2")
    whole = read(folder / "whole.jsonl")
    assert code == Code.UNEXPECTED
    assert [replace(one, seconds=0.0) for one in run.results] == [
        replace(one, seconds=0.0) for one in whole.results
    ]
    assert replace(run.header, started="") == replace(whole.header, started="")
    assert (run.functions, run.parts) == (whole.functions, ())
    assert run.footer is not None
    assert run.results[-1].outcome is Outcome.DIVERGES


def test_every_part_gets_as_many_jobs_but_for_one(parts: Mapping[str, Run]) -> None:
    assert sorted(len(run.parts) for run in parts.values()) == [2, 2]
    assert all(part.seconds > 0 for run in parts.values() for part in run.parts)


def other(run: Run, **changed: object) -> Run:
    return replace(run, header=replace(run.header, **changed))  # type: ignore[arg-type]


def test_a_part_that_says_to_be_another_is_refused(parts: Mapping[str, Run]) -> None:
    liars = {**parts, "1": other(parts["1"], shard="2/2"), "2": other(parts["2"], shard="1/2")}
    with pytest.raises(UsageError, match="1 says that it is 2/2, and is not"):
        merge(liars)
    with pytest.raises(UsageError, match="1 and 2 are both 2/2"):
        merge({**parts, "1": other(parts["1"], shard="2/2")})


def test_a_part_that_is_there_twice_is_refused(parts: Mapping[str, Run]) -> None:
    with pytest.raises(UsageError, match=r" float32 on .* is in 1 and in 2"):
        merge({**parts, "2": other(parts["1"], shard="2/2")})


def test_a_part_of_another_sweep_is_refused(parts: Mapping[str, Run]) -> None:
    with pytest.raises(UsageError, match="other functions, numbers or targets were swept: 1; 2"):
        merge({**parts, "2": other(parts["2"], plan="sha256 0123456789ab")})
    with pytest.raises(UsageError, match="another specs"):
        merge({**parts, "2": other(parts["2"], specs="1 spec, sha256 0123456789ab")})


@pytest.mark.parametrize("lost", [0, 1, -1])
def test_a_part_of_which_lines_were_lost_is_missing(parts: Mapping[str, Run], lost: int) -> None:
    kept = [*parts["2"].parts]
    del kept[lost]
    merged = merge({**parts, "2": replace(parts["2"], parts=tuple(kept))})
    assert any("missing: parts of the sweep" in text for text in merged.missing)
    assert merged.run.footer is None


@pytest.fixture(scope="module")
def three(parts: Mapping[str, Run]) -> Mapping[str, Run]:
    """A sweep of three jobs in three parts, one each, whose answers are made up."""
    part = parts["1"].parts[0]
    files = {
        f"{number}": replace(
            other(parts["1"], shard=f"{number}/3"),
            parts=(replace(part, segment=replace(part.segment, start=start, stop=start + BLOCK)),),
        )
        for number, start in enumerate(range(0, 3 * BLOCK, BLOCK), 1)
    }
    plan = f"sha256 {digits(shares.held(files.values()))}"
    return {name: other(run, plan=plan) for name, run in files.items()}


@pytest.mark.parametrize("lost", ["1", "2", "3"])
def test_whichever_part_is_missing_it_is_told_and_no_other_is_accused(
    three: Mapping[str, Run], lost: str
) -> None:
    assert merge(three).missing == ()
    merged = merge({name: run for name, run in three.items() if name != lost})
    assert merged.missing[0].startswith(f"missing: {lost}/3 of the run on {LIAR}")
    assert merged.run.footer is None
    # what was joined may be joined with the rest
    assert merge({"joined": merged.run, lost: three[lost]}).missing == ()


def test_a_gap_between_parts_that_were_joined_is_missing(three: Mapping[str, Run]) -> None:
    joined = {name: other(run, shard="") for name, run in three.items() if name != "2"}
    (told,) = merge(joined).missing
    assert f"positions {BLOCK} to {2 * BLOCK}" in told


def test_a_part_that_did_not_end_but_has_all_its_answers_is_whole(
    parts: Mapping[str, Run],
) -> None:
    assert merge({**parts, "2": replace(parts["2"], footer=None)}).missing == ()


def test_who_has_to_be_asked_again_and_is_not_named_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [str(folder / f"{name}.jsonl") for name in ("1", "2")]
    assert main(["merge", *files, "-o", str(folder / "no.jsonl")]) == Code.USAGE
    assert "one_number_is_off has to be asked once more" in capsys.readouterr().err


@pytest.mark.parametrize("count", [1, 2, 5, 64, 100])
def test_every_job_is_in_exactly_one_part_and_parts_have_all_kinds_of_numbers(count: int) -> None:
    names = ("elu", "relu", "sigmoid")
    subjects = tuple(Subject(SPECS[name], FLOAT32, gradient=False) for name in names)
    whole = Sweeping(subjects, (), (), (), None, Pace(1, Limits(), None))
    tasks = [(number, None) for number in range(len(names))]
    dealt = [
        replace(whole, shard=Shard(part, count))._mine(tasks)  # type: ignore[arg-type]
        for part in range(1, count + 1)
    ]
    assert sorted(job for part in dealt for job in part) == whole.spans(range(3))
    assert max(map(len, dealt)) - min(map(len, dealt)) <= 1


def test_what_a_whole_sweep_asks_is_what_its_parts_have_answered(
    folder: Path, parts: Mapping[str, Run]
) -> None:
    plan = f"sha256 {digits(shares.held(parts.values()))}"
    assert plan == read(folder / "whole.jsonl").header.plan


def test_a_range_that_ends_in_the_same_block_is_the_same_sweep() -> None:
    assert Range(1.0, 1.03).positions(FLOAT32) == Range(1.001, 1.031).positions(FLOAT32)


def test_a_plan_of_a_sweep_adds_up_to_what_its_jobs_took(
    folder: Path, parts: Mapping[str, Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(campaign, "JOB", BLOCK)
    subjects = tuple(Subject(SPECS[name], FLOAT32, gradient=False) for name in ("elu", "relu"))
    sweeping = Sweeping(subjects, (), (), (), Range(1.0, 1.015), Pace(1, Limits(), None))
    whole = read(folder / "whole.jsonl")
    forecast = of_sweep(Measured.of(whole, (), "whole"), sweeping)
    spent = sum(result.seconds for result in whole.results)
    assert whole.footer is not None
    assert whole.footer.costs is not None
    known = whole.footer.costs.start + whole.footer.costs.described + whole.footer.costs.finish
    assert forecast.outlook(1).wall == pytest.approx(known + spent, abs=0.01)
    # of a part: as the mean job of its dtype
    part = of_sweep(Measured.of(parts["1"], (), "part"), sweeping)
    mean = sum(one.seconds for one in parts["1"].parts) / len(parts["1"].parts)
    assert [unit.alone for unit in part.units] == pytest.approx([mean] * 4)
    with pytest.raises(UsageError, match="nothing of float16 was measured"):
        of_sweep(
            Measured.of(whole, (), "whole"),
            replace(sweeping, subjects=(replace(subjects[0], format=FLOAT16),)),
        )
