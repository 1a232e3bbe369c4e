"""What a plan says follows from what was measured, and it says of what that is."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from fake_run import TARGETS, run
from trysquare import machine
from trysquare.__main__ import main
from trysquare.backend import Target
from trysquare.cli.options import Code
from trysquare.command.rates import Measured, of_hunt, of_run, of_sweep
from trysquare.dtypes import FORMATS
from trysquare.errors import UsageError
from trysquare.planning.forecast import NEAR, Forecast, Unit
from trysquare.planning.plan import Group
from trysquare.planning.shards import Shard
from trysquare.record import Costs, Run
from trysquare.result import Check, Limits, Result
from trysquare.results_file import line
from trysquare.sweep.campaign import Pace, Sweeping
from trysquare.sweep.pairs import Pairs
from workshop import SPECS

COSTS = Costs(cores=2, start=12.0, described=4.0)
PLAIN = run()
assert PLAIN.footer is not None
WHOLE = replace(
    PLAIN,
    footer=replace(PLAIN.footer, costs=COSTS),
    header=replace(PLAIN.header, environment=machine.environment()),
)
NAMES = dict.fromkeys(f"{one.function}/{one.check}/{one.dtype}" for one in WHOLE.results)


def group(name: str) -> Group:
    function, check, dtype = name.split("/")
    return Group(SPECS[function], Check(check), FORMATS[dtype])


GROUPS = [group(name) for name in NAMES]


def units(*seconds: float, mirrored: int = 0) -> list[Unit]:
    """Units of three functions, the last ones dealt from the other end."""
    plain = len(seconds) - mirrored
    return [
        Unit(str(place), (place,), "abc"[place % 3], time, 1.5 * time, mirrored=place >= plain)
        for place, time in enumerate(seconds)
    ]


def dealt(some: Sequence[Unit], workers: int) -> list[list[Unit]]:
    """The shards, by those who deal them."""
    plain = [unit for unit in some if not unit.mirrored]
    others = [unit for unit in some if unit.mirrored]
    shards = [Shard(part, workers) for part in range(1, workers + 1)]
    return [
        [
            *shard.deal(plain, lambda unit: unit.kind),
            *shard.mirrored.deal(others, lambda unit: unit.kind),
        ]
        for shard in shards
    ]


@pytest.mark.parametrize("workers", [1, 2, 3, 7, 11])
@pytest.mark.parametrize("mirrored", [0, 3])
def test_a_forecast_adds_up_what_is_dealt(workers: int, mirrored: int) -> None:
    some = units(3, 1, 4, 1, 5, 9, 2, 6, mirrored=mirrored)
    walls = [
        10
        + 6 * len({unit.function for unit in shard}) / 3
        + max([sum(unit.seconds for unit in shard), *(unit.alone for unit in shard)])
        for shard in dealt(some, workers)
        if shard
    ]
    walls += [10.0] * (workers - len(walls))
    told = Forecast(some, start=10, described=6, finish=1).outlook(workers)
    assert told.wall == pytest.approx(max(walls) + 1)
    assert told.total == pytest.approx(sum(walls) + 1)


def test_more_workers_than_enough_save_next_to_nothing_and_fewer_save_more() -> None:
    forecast = Forecast(units(*([1.0] * 100), 8.0), start=5, described=0)
    walls = {count: forecast.outlook(count).wall for count in range(1, forecast.most + 1)}
    assert 1 < forecast.enough < forecast.most
    assert walls[forecast.enough] <= NEAR * min(walls.values())
    assert all(walls[count] > NEAR * min(walls.values()) for count in range(1, forecast.enough))
    assert forecast.least == 5 + 12
    assert min(walls.values()) >= forecast.least


def test_one_worker_takes_what_the_run_took() -> None:
    measured = Measured.of(WHOLE, (), "whole")
    forecast, guessed = of_run(measured, GROUPS)
    assert WHOLE.footer is not None
    assert guessed == 0
    assert forecast.outlook(1).wall == pytest.approx(12 + 4 + WHOLE.footer.seconds)


def test_a_target_takes_a_part_of_what_all_of_them_took() -> None:
    alone = [Measured.of(WHOLE, [Target(*name.split(":"))], "whole") for name in TARGETS]
    walls = [of_run(one, GROUPS)[0].outlook(1).wall - 16 for one in alone]
    assert WHOLE.footer is not None
    assert all(0 < wall < WHOLE.footer.seconds for wall in walls)
    assert sum(walls) == pytest.approx(WHOLE.footer.seconds)


def test_what_was_not_measured_takes_as_long_as_what_is_like_it() -> None:
    measured = Measured.of(WHOLE, (), "whole")
    alike: defaultdict[str, list[float]] = defaultdict(list)
    forecast, _ = of_run(measured, GROUPS)
    for unit in forecast.units:
        alike[unit.name.split("/", 1)[1]].append(unit.seconds)
    (kind, times), *_ = alike.items()
    check, dtype = kind.split("/")
    other = Group(SPECS["silu"], Check(check), FORMATS[dtype])
    (unit,) = of_run(measured, [other])[0].units
    assert unit.seconds == pytest.approx(sum(times) / len(times))
    assert of_run(measured, [replace(other, check=Check.RANDOMNESS)])[1] == 1


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (replace(WHOLE, footer=None), "did not end"),
        (PLAIN, "does not say how long it took to start"),
    ],
    ids=["unended", "resumed"],
)
def test_a_run_that_does_not_know_what_it_took_is_no_source(changed: Run, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Measured.of(changed, (), "old.jsonl")


def written(path: Path, what: Run) -> Path:
    records = [what.header, *what.functions, *what.results, what.footer]
    path.write_text("".join(f"{line(record)}\n" for record in records if record), encoding="utf-8")
    return path


def places(*functions: str) -> list[str]:
    return [str(SPECS[name].place.path) for name in functions]


def told(path: Path, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    few = (*places("elu", "relu"), "--dtype", "float32", "--check", "values")
    assert main(["plan", "run", *few, "--from", str(path), *words]) == Code.EXPECTED
    return capsys.readouterr().out


def test_a_plan_says_where_its_times_come_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here = replace(WHOLE.footer, costs=replace(COSTS, cores=machine.cores()))  # type: ignore[type-var]
    path = written(tmp_path / "results.jsonl", replace(WHOLE, footer=here))
    text = told(path, capsys, "-j", "2", "-j", "9")
    assert f"from {path}, measured {WHOLE.header.started[:10]}" in text
    assert "another machine" not in text
    rows = [row.split()[:2] for row in text.splitlines() if row.strip()[:1].isdigit()]
    assert rows[1:] == [["2", "2"], ["9", "2"]]  # there are two groups


def test_a_plan_made_of_times_of_another_machine_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = {**machine.environment(), "cpu capability": "VAX-11"}
    costs = replace(COSTS, cores=machine.cores() + 1)
    liar = replace(
        WHOLE,
        header=replace(WHOLE.header, environment=other),
        footer=replace(WHOLE.footer, costs=costs),  # type: ignore[type-var]
    )
    text = told(written(tmp_path / "results.jsonl", liar), capsys)
    assert "⚠ measured on another machine: cpu capability was VAX-11, here it is" in text
    assert f"⚠ measured on another machine: cores was {costs.cores}, here it is" in text


def test_without_earlier_results_a_shard_is_run_now(capsys: pytest.CaptureFixture[str]) -> None:
    few = (*places("relu"), "--backend", "numpy", "--dtype", "float32", "--check", "cases")
    assert main(["plan", "run", *few]) == Code.EXPECTED
    text = capsys.readouterr().out
    assert "1 group on 1 target\ntimes of shard 1/1, run now, measured" in text
    assert "relu/cases/float32" in text


def test_pairs_of_numbers_take_what_they_took_on_all_targets() -> None:
    def swept(function: str, seconds: float) -> list[Result]:
        like = replace(
            WHOLE.results[0], function=function, check=Check.SWEEP, dtype="float16",
            case="pairs of numbers", seconds=seconds,
        )  # fmt: skip
        return [replace(like, target=target) for target in TARGETS]

    run = replace(WHOLE, results=(*swept("mse_loss", 7.0), *swept("l1_loss", 3.0)))
    names = ("mse_loss", "huber_loss")
    pairs = tuple(Pairs(SPECS[name], FORMATS["float16"]) for name in names)
    sweeping = Sweeping((), pairs, (), (), None, Pace(2, Limits(), None))
    found = of_sweep(Measured.of(run, (), "whole"), sweeping).units
    assert [(unit.alone, unit.mirrored) for unit in found] == [(21.0, True), (15.0, True)]


# --- hunts


def hunted(function: str, dtype: str, target: str, seconds: float, wrt: str = "") -> Result:
    one = replace(WHOLE.results[0], function=function, check=Check.HUNT, dtype=dtype)
    return replace(one, target=target, seconds=seconds, wrt=wrt, case=f"worst found{wrt}")


HUNT = replace(
    WHOLE,
    results=tuple(
        hunted(function, dtype, target, seconds)
        for function, seconds in (("relu", 2.0), ("elu", 6.0))
        for dtype, target in (("float32", TARGETS[0]), ("float32", TARGETS[1]))
        for _ in range(2)
    ),
    footer=replace(PLAIN.footer, seconds=40.0, costs=replace(COSTS, evaluations=1000)),
)
HUNTS = [group(f"{name}/hunt/float32") for name in ("relu", "elu")]


def test_one_worker_takes_what_the_hunt_took_and_two_what_the_longer_half_took() -> None:
    forecast, guessed = of_hunt(Measured.of(HUNT, (), "whole"), HUNTS, 1000, gradient=False)
    assert guessed == 0
    assert forecast.outlook(1).wall == pytest.approx(12 + 4 + 40)
    assert forecast.outlook(2).wall == pytest.approx(12 + 2 + 30)
    one = Measured.of(HUNT, [Target(*TARGETS[0].split(":"))], "whole")
    half, _ = of_hunt(one, HUNTS, 1000, gradient=False)
    assert half.outlook(1).wall == pytest.approx(12 + 4 + 20)


def test_what_was_not_hunted_takes_as_long_as_the_mean_hunt_of_its_dtype() -> None:
    others = [group("silu/hunt/float32"), group("silu/hunt/float64")]
    measured = Measured.of(HUNT, (), "whole")
    forecast, guessed = of_hunt(measured, others, 1000, gradient=False)
    assert [unit.seconds for unit in forecast.units] == [pytest.approx(20)] * 2
    assert guessed == 1


def test_a_hunt_of_something_else_is_no_source() -> None:
    measured = Measured.of(HUNT, (), "whole")
    with pytest.raises(UsageError, match="1,000 evaluations were measured, and 1,000,000 are"):
        of_hunt(measured, HUNTS, 10**6, gradient=False)
    with pytest.raises(UsageError, match="no gradients were hunted on these targets"):
        of_hunt(measured, HUNTS, 1000, gradient=True)


def test_a_hunt_is_no_source_for_a_run_nor_a_run_or_a_sweep_for_a_hunt() -> None:
    with pytest.raises(
        UsageError, match=r"^old\.jsonl holds a hunt; a run is planned by the times"
    ):
        of_run(Measured.of(HUNT, (), "old.jsonl"), GROUPS)
    with pytest.raises(
        UsageError, match=r"^old\.jsonl holds a run; a hunt is planned by the times"
    ):
        of_hunt(Measured.of(WHOLE, (), "old.jsonl"), HUNTS, 5000, gradient=False)


def test_a_run_is_no_source_for_a_sweep_and_what_makes_one_is_told() -> None:
    sweeping = Sweeping((), (), (), (), None, Pace(1, Limits(), None))
    told = "old.jsonl holds a run; a sweep is planned by the times of a sweep, and `trysquare sweep"
    with pytest.raises(UsageError, match=f"^{re.escape(told)} "):
        of_sweep(Measured.of(WHOLE, (), "old.jsonl"), sweeping)


def test_what_was_hunted_or_swept_beside_a_run_does_not_lengthen_it() -> None:
    others = [
        replace(one, check=check) for one in HUNT.results for check in (Check.HUNT, Check.SWEEP)
    ]
    both = replace(WHOLE, results=(*WHOLE.results, *others))
    plain, more = (of_run(Measured.of(one, (), "whole"), GROUPS) for one in (WHOLE, both))
    assert more == plain


def test_a_hunt_is_planned_by_the_time_of_a_part_that_is_hunted_now(
    capsys: pytest.CaptureFixture[str],
) -> None:
    few = (*places("relu"), "--target=numpy", "--dtype=bfloat16", "--evaluations=300")
    assert main(["plan", "hunt", *few]) == Code.EXPECTED
    text = capsys.readouterr().out
    assert "1 hunt on 1 target\ntimes of shard 1/1, run now, measured" in text
    assert re.search(r"to start, \d\S*s for relu/hunt/bfloat16", text)
