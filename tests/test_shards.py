"""A run in parts: who gets what, what joins them again, and what may not be joined."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fake_run import TARGETS, run
from trysquare.__main__ import main
from trysquare.backend import Target
from trysquare.cli.options import Code
from trysquare.command import campaign
from trysquare.command.hunting import Hunt
from trysquare.command.merging import merge
from trysquare.errors import UsageError
from trysquare.planning.plan import Group, groups
from trysquare.planning.shards import Shard
from trysquare.record import FunctionRecord, Run, TargetRecord
from trysquare.result import Check, Result
from trysquare.results_file import ResultsWriter, read
from workshop import SPECS

ROOT = Path(__file__).parents[1]
SOURCES = os.pathsep.join(
    str(ROOT / name) for name in ("harness", "backends", "reports", "miniatures", "tests")
)
GROUPS = groups(tuple(SPECS.values()))
LIES = "trysquare_miniatures.liars:drops_negative_zero"
CHEAP = ("--dtype", "float32", "--check", "cases", "--check", "edges")
SMALL = ("run", "--backend", LIES, "-k", "elu", "-k", "relu", *CHEAP)
WHOLE = run()


def kind(group: Group) -> tuple[str, str]:
    return str(group.check), group.format.name


# --- who gets what


@pytest.mark.parametrize("parts", [1, 2, 3, 7])
def test_every_group_is_in_exactly_one_part_and_keeps_its_order(parts: int) -> None:
    dealt = [Shard(part, parts).of(GROUPS) for part in range(1, parts + 1)]
    assert Counter(group.name for part in dealt for group in part) == Counter(
        group.name for group in GROUPS
    )
    order = {group.name: place for place, group in enumerate(GROUPS)}
    for part in dealt:
        assert list(part) == sorted(part, key=lambda group: order[group.name])


@pytest.mark.parametrize("parts", [2, 4, 5])
def test_every_part_gets_as_many_of_each_kind_but_for_one(parts: int) -> None:
    counts = [Counter(map(kind, Shard(part, parts).of(GROUPS))) for part in range(1, parts + 1)]
    for one in {kind(group) for group in GROUPS}:
        numbers = [count[one] for count in counts]
        assert max(numbers) - min(numbers) <= 1, one


def test_a_part_does_not_depend_on_the_order_of_what_is_dealt() -> None:
    names = {group.name for group in Shard(1, 3).of(GROUPS)}
    alphabetical = sorted(GROUPS, key=lambda group: group.name)
    backwards = sorted(GROUPS, key=lambda group: group.name, reverse=True)
    assert {group.name for group in Shard(1, 3).of(alphabetical)} == {
        group.name for group in Shard(1, 3).of(backwards)
    }
    assert names


@pytest.mark.parametrize(
    "text", ["0/2", "3/2", "1/0", "1", "a/b", "1/2/3", "-1/2", "1/1001", "½/2"]
)
def test_what_is_no_part_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="the second of four is 2/4"):
        Shard.read(text)


def test_what_is_no_part_is_refused_before_anything_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(campaign, "Campaign", None)
    assert main(["run", "--shard", "3/2"]) == Code.USAGE


# --- a run in two parts


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run, and the same in two parts."""
    folder = tmp_path_factory.mktemp("parts")
    main([*SMALL, "-o", str(folder / "whole.jsonl")])
    for part in ("1", "2"):
        main([*SMALL, "--shard", f"{part}/2", "-o", str(folder / f"{part}.jsonl")])
    return folder


def timeless(recorded: Run) -> tuple[list[FunctionRecord], list[Result]]:
    return list(recorded.functions), [replace(one, seconds=0.0) for one in recorded.results]


def test_parts_joined_are_the_whole_run(folder: Path) -> None:
    parts = [str(folder / name) for name in ("2.jsonl", "1.jsonl")]
    assert main(["merge", *parts, "-o", str(folder / "joined.jsonl")]) == Code.UNEXPECTED
    joined, whole = read(folder / "joined.jsonl"), read(folder / "whole.jsonl")
    assert timeless(joined) == timeless(whole)
    assert (joined.header.shard, joined.header.specs) == ("", whole.header.specs)
    assert joined.footer is not None
    assert whole.footer is not None
    assert joined.footer.counts == whole.footer.counts
    first, second = (read(folder / name) for name in ("1.jsonl", "2.jsonl"))
    assert (first.header.shard, second.header.shard) == ("1/2", "2/2")
    assert first.results
    assert second.results


def test_joined_parts_differ_from_the_whole_run_in_nothing(folder: Path) -> None:
    parts = [str(folder / name) for name in ("1.jsonl", "2.jsonl")]
    main(["merge", *parts, "-o", str(folder / "again.jsonl")])
    both = [str(folder / name) for name in ("whole.jsonl", "again.jsonl")]
    assert main(["diff", *both]) == Code.EXPECTED


def test_a_part_that_is_missing_is_told_and_ends_with_3(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = folder / "half.jsonl"
    assert main(["merge", str(folder / "2.jsonl"), "-o", str(out)]) == Code.NOTHING
    assert "missing: 1/2 of the run on drops_negative_zero:cpu:" in capsys.readouterr().err
    assert read(out).footer is None


def test_a_part_of_which_something_else_was_asked_does_not_complete_a_run(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "other.jsonl"
    main([*SMALL[:-2], "--shard", "1/2", "-o", str(path)])
    capsys.readouterr()
    both = [str(path), str(folder / "2.jsonl")]
    assert main(["merge", *both, "-o", str(folder / "mixed.jsonl")]) == Code.NOTHING
    told = capsys.readouterr().err
    assert "missing: 1/2 of the run on drops" in told
    assert "missing: 2/2 of the run on drops" in told


def test_a_file_is_not_merged_with_itself_nor_over_itself(folder: Path) -> None:
    one = str(folder / "1.jsonl")
    content = Path(one).read_bytes()
    assert main(["merge", one, one, "-o", str(folder / "x.jsonl")]) == Code.USAGE
    assert main(["merge", one, "-o", one]) == Code.USAGE
    assert Path(one).read_bytes() == content


def test_an_empty_part_of_a_run_is_no_failure(folder: Path) -> None:
    few = ("run", "--backend", "numpy", "-k", "elu", "--dtype", "float32", "--check", "cases")
    path = folder / "empty.jsonl"
    assert main([*few, "--shard", "2/2", "-o", str(path)]) == Code.EXPECTED
    assert read(path).results == ()
    assert main([*few, "--shard", "1/2"]) == Code.EXPECTED


def test_ids_are_the_same_whatever_python_hashes(folder: Path) -> None:
    def ids(seed: str) -> Iterator[str]:
        path = folder / f"hash{seed}.jsonl"
        quick = ("run", "--backend", "numpy", "-k", "elu", "-k", "mse_loss", *CHEAP)
        subprocess.run(
            [sys.executable, "-m", "trysquare", *quick, "--shard", "1/2", "-o", str(path)],
            env={**os.environ, "PYTHONPATH": SOURCES, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            timeout=120,
        )
        yield from (result.id for result in read(path).results)

    first = list(ids("0"))
    assert first
    assert first == list(ids("4242"))


# --- what may be joined


def of(part: slice, **changed: object) -> Run:
    """Return a part of the made-up run, with another header."""
    results = WHOLE.results[part]
    counts = Counter(str(result.outcome) for result in results)
    assert WHOLE.footer is not None
    footer = replace(WHOLE.footer, counts=counts)
    return Run(replace(WHOLE.header, **changed), WHOLE.functions, results, footer)  # type: ignore[arg-type]


LOW, HIGH = slice(None, 100), slice(100, None)


def test_what_is_joined_adds_up() -> None:
    merged = merge({"a": of(LOW), "b": of(HIGH)})
    assert merged.missing == ()
    assert merged.run.footer is not None
    assert merged.run.footer.counts == of(slice(None)).footer.counts  # type: ignore[union-attr]
    assert merged.run.footer.seconds == pytest.approx(2 * 41.7)
    assert len(merged.run.footer.stale) == 1
    assert sorted(one.id for one in merged.run.results) == sorted(one.id for one in WHOLE.results)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"specs": "others"}, "another specs: specs in a; others in b"),
        ({"seed": 7}, "another seed: 0 in a; 7 in b"),
        ({"trysquare": "0.2.0"}, "another version of trysquare: 0.1.0 in a; 0.2.0 in b"),
        (
            {"targets": (TargetRecord(TARGETS[1], available=True, version="2.14.0"),)},
            f"{TARGETS[1]} is 2.13.0 in a and 2.14.0 in b",
        ),
    ],
    ids=["specs", "seed", "trysquare", "version"],
)
def test_what_is_not_of_one_run_is_refused(changed: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        merge({"a": of(LOW), "b": of(HIGH, **changed)})
    assert words in str(caught.value)


def test_a_result_in_two_files_is_refused() -> None:
    with pytest.raises(UsageError, match="is in a and in b"):
        merge({"a": of(LOW), "b": of(slice(99, None))})


def test_a_run_that_did_not_end_is_missing() -> None:
    merged = merge({"a": replace(of(LOW), footer=None), "b": of(HIGH)})
    assert merged.missing == ("a: the run did not end",)
    assert merged.run.footer is None


def test_a_file_that_never_came_is_missing_though_no_other_tells_of_it() -> None:
    merged = merge({"a": WHOLE}, 3)
    assert merged.missing == ("missing: 2 of 3 files",)
    assert merged.run.footer is None
    assert merge({"a": WHOLE}, 1).missing == ()


def test_the_parts_of_each_framework_are_counted_by_themselves() -> None:
    def ran(target: str, shard: str, part: slice) -> Run:
        only = (TargetRecord(target, available=True, version="2.13.0"),)
        results = [one for one in WHOLE.results if one.target == target][part]
        return replace(of(slice(0), targets=only, shard=shard), results=tuple(results))

    files = {
        "a": ran(TARGETS[1], "1/2", slice(0, 9)),
        "b": ran(TARGETS[1], "2/2", slice(9, None)),
        "c": ran(TARGETS[2], "1/3", slice(0, 9)),
    }
    merged = merge(files)
    assert merged.missing == (f"missing: 2/3, 3/3 of the run on {TARGETS[2]}",)
    targets = {target.target for target in merged.run.header.targets}
    assert targets == {TARGETS[1], TARGETS[2]}


def test_a_target_that_ran_in_one_part_only_is_missing() -> None:
    lacking = tuple(
        replace(one, available=one.target != TARGETS[2]) for one in WHOLE.header.targets[:3]
    )
    merged = merge({"a": of(LOW, shard="1/2"), "b": of(HIGH, shard="2/2", targets=lacking)})
    assert any("missing" in text for text in merged.missing)
    three = WHOLE.header.targets[:3]
    both = {"a": of(LOW, shard="1/2", targets=three), "b": of(HIGH, shard="2/2", targets=lacking)}
    assert merge(both).missing == (f"missing: {TARGETS[2]} in b",)


def test_parts_that_other_targets_were_asked_do_not_make_up_a_run() -> None:
    parts = {
        "a": of(LOW, shard="1/2", plan="sha256 aaaaaaaaaaaa 111111111111"),
        "b": of(HIGH, shard="2/2", plan="sha256 aaaaaaaaaaaa 222222222222"),
    }
    merged = merge(parts)
    assert [text.split(" of the run")[0] for text in merged.missing] == [
        "missing: 2/2",
        "missing: 1/2",
    ]
    assert merged.run.footer is None


def test_runs_that_ask_different_targets_of_one_machine_stand_side_by_side() -> None:
    files = {
        f"{part} of {whom}": of(
            slice(start, start + 9), shard=f"{part}/2", plan=f"sha256 aaaaaaaaaaaa {whom * 12}"
        )
        for start, (whom, part) in zip(
            range(0, 36, 9), [("1", 1), ("2", 2), ("1", 2), ("2", 1)], strict=True
        )
    }
    assert merge(files).missing == ()
    del files["2 of 1"]
    (missing,) = merge(files).missing
    assert missing.startswith("missing: 2/2 of the run")


def test_the_target_is_told_and_no_shard_where_one_machine_lacks_a_target_that_others_have() -> (
    None
):
    here = WHOLE.header.targets[:3]
    lacking = tuple(replace(one, available=one.target != TARGETS[2]) for one in here)
    files = {
        "a": of(LOW, shard="1/2", targets=here, plan="sha256 aaaaaaaaaaaa 111111111111"),
        "b": of(HIGH, shard="2/2", targets=lacking, plan="sha256 aaaaaaaaaaaa 222222222222"),
    }
    assert merge(files).missing == (f"missing: {TARGETS[2]} in b",)


def test_a_framework_that_one_file_lacks_is_there_if_another_has_it() -> None:
    absent = TargetRecord("tensorflow", available=False, reason="it is not installed")
    here = (*WHOLE.header.targets[:2], absent)
    there = (WHOLE.header.targets[2], replace(absent, target="torch"))
    merged = merge({"a": of(LOW, targets=here), "b": of(HIGH, targets=there)})
    assert [target.target for target in merged.run.header.targets] == list(TARGETS)


def test_a_backend_that_was_broken_in_one_file_is_told() -> None:
    dead = TargetRecord("tensorflow", available=False, reason="it died", broken=True)
    here = (*WHOLE.header.targets[:2], dead)
    merged = merge({"a": of(LOW, targets=here), "b": of(HIGH)})
    assert merged.missing == ("a: tensorflow was broken: it died",)


def test_merged_runs_name_the_entries_that_are_about_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [str(tmp_path / name) for name in ("a.jsonl", "b.jsonl", "whole.jsonl")]
    for path, part in zip(paths, (LOW, HIGH), strict=False):
        with ResultsWriter(Path(path)) as writer:
            for record in (of(part).header, *of(part).results, of(part).footer):
                assert record is not None
                writer.write(record)
    main(["merge", *paths[:2], "-o", paths[2]])
    assert "★ stale  torch: tanh.values.float16: Wrong in version 1." in capsys.readouterr().out


def test_two_kinds_of_processor_are_remarked_and_not_refused() -> None:
    others = tuple(
        replace(target, environment={"cpu": "AVX512"}) for target in WHOLE.header.targets[:1]
    )
    here = tuple(replace(target, environment={"cpu": "AVX2"}) for target in WHOLE.header.targets)
    merged = merge({"a": of(LOW, targets=here), "b": of(HIGH, targets=others)})
    assert merged.remarks == (f"{TARGETS[0]}: cpu is not the same in all files: AVX2, AVX512",)


def test_what_each_file_says_of_a_function_is_kept() -> None:
    def calls(run: Run, backend: str) -> Run:
        functions = tuple(
            replace(record, calls={backend: f"{backend}.{record.function}"})
            for record in run.functions
        )
        return replace(run, functions=functions)

    merged = merge({"a": calls(of(LOW), "torch"), "b": calls(of(HIGH), "tensorflow")})
    assert len(merged.run.functions) == len(WHOLE.functions)
    assert all(set(record.calls) == {"torch", "tensorflow"} for record in merged.run.functions)


# --- a hunt in parts


def test_every_part_of_a_hunt_is_another_and_together_they_are_all() -> None:
    hunt = Hunt(tuple(SPECS.values()), GROUPS, (), {}, (), gradient=False)
    dealt = [hunt.part(Shard(part, 3)) for part in (1, 2, 3)]
    assert Counter(group.name for part in dealt for group in part.groups) == Counter(
        group.name for group in GROUPS
    )
    assert [str(part.shard) for part in dealt] == ["1/3", "2/3", "3/3"]


def test_the_plan_of_a_hunt_is_of_what_is_asked_how_long_and_of_whom() -> None:
    hunt = Hunt(tuple(SPECS.values()), GROUPS, (), {}, (), gradient=False)
    one, other = (Target("keras", "cpu", mode) for mode in ("torch", "jax"))
    plan = hunt.plan(100, [one])
    assert hunt.part(Shard(2, 3)).plan(100, [one]) == plan
    assert replace(hunt, groups=GROUPS[1:]).plan(100, [one])[0] != plan[0]
    assert hunt.plan(200, [one])[0] != plan[0]
    assert hunt.plan(100, [other])[0] == plan[0]
    assert hunt.plan(100, [other])[1] != plan[1]


def test_the_results_of_a_hunt_stay_in_the_order_of_the_hunt() -> None:
    def found(case: str, target: str) -> Result:
        like = replace(WHOLE.results[0], function="relu", check=Check.HUNT, case=case)
        return replace(like, target=target, id=f"relu/hunt/float32/{target}/{case}")

    first = [found(case, target) for case in ("worst 1", "worst 2") for target in TARGETS]
    there = replace(of(slice(0), shard="1/2"), results=tuple(first))
    merged = merge({"b": of(slice(0), shard="2/2"), "a": there})
    assert list(merged.run.results) == first
