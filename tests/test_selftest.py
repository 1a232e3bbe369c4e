"""The test of the tests: Trysquare as it is installed knows liars, and a sabotaged one is found."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from trysquare.dtypes import FORMATS
from trysquare.planning.plan import RUN, Group, groups
from trysquare.result import Check, Expectation, Outcome, Result, Symptom
from trysquare.verdict.judge import result_id
from trysquare_miniatures import hearing
from trysquare_miniatures.hearing import ASKING, MANY, Heard, Sampled, groups_of, hearings
from trysquare_miniatures.lies import LIES, WITHIN_THE_LIMIT, Lie
from trysquare_miniatures.perfect import backend
from trysquare_miniatures.score import Score, Share, scores
from workshop import SEED, SPECS

ROOT = Path(__file__).parents[1]
RANDOMNESS = Check.RANDOMNESS
RIGHT = str(backend.targets()[0])


def printed(program: str, *arguments: str, path: str = "") -> tuple[int, str, str]:
    """Return the exit code of a command in an empty environment, and what it says."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    done = subprocess.run(
        [program, *arguments],
        cwd="/",
        env={**kept, "PYTHONPATH": path} if path else kept,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=3600,
    )
    return done.returncode, done.stdout, done.stderr


# The installed product.


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the programs of an environment that holds the wheel, and cannot see this checkout.

    It borrows the packages that are installed here. A folder that a .pth file adds is searched,
    but .pth files in it are not read: those of an editable installation are not.
    """
    home = tmp_path_factory.mktemp("installed")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
    wheel = ("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(home), str(ROOT))
    subprocess.run([*pip, *wheel], check=True, timeout=300)
    (built,) = home.glob("*.whl")
    venv.create(home / "venv", with_pip=False)
    programs = home / "venv" / "bin"
    install = ("--python", str(programs / "python"), "install", "--no-deps", str(built))
    subprocess.run([*pip, *install], check=True, timeout=300)
    (packages,) = (home / "venv").glob("lib/python*/site-packages")
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return programs


def test_what_is_installed_is_not_this_checkout(installed: Path) -> None:
    names = ("trysquare", "trysquare_backends.numpy", "trysquare_reports", "trysquare_miniatures")
    program = f"import {', '.join(names)}\nfor name in {names}: print(sys.modules[name].__file__)"
    code, paths, _ = printed(str(installed / "python"), "-c", f"import sys\n{program}")
    assert code == 0
    assert [Path(path).is_relative_to(installed.parent) for path in paths.split()] == [True] * 4


def test_every_check_of_what_is_installed_knows_every_liar(installed: Path) -> None:
    code, table, said = printed(str(installed / "trysquare"), "selftest")
    rows = {row.split()[0]: row.split()[-2:] for row in table.splitlines() if row.endswith(" %")}
    assert (code, rows) == (0, {check: ["100", "%"] for check in ASKING}), table + said


def test_a_check_that_does_not_exist_is_a_usage_error(installed: Path) -> None:
    code, table, said = printed(str(installed / "trysquare"), "selftest", "-k", "randomnes")
    assert (code, table) == (2, "")
    assert said == "trysquare: no check is called 'randomnes'; did you mean 'randomness'?\n"


# A harness that was sabotaged.

BLIND = """\
from trysquare.verdict import compare
distance = compare.distance
compare.distance = lambda got, truth, *others: distance(truth.value, truth, *others)
"""
CREDULOUS = """\
from dataclasses import replace
from trysquare.verdict import judge
judge.judge_draws = lambda blank, standard, got: replace(blank, count=got.size)
"""
SUSPICIOUS = """\
from dataclasses import replace
from trysquare.result import Outcome, Symptom
from trysquare.verdict import judge
guilty = {"outcome": Outcome.DIVERGES, "symptom": Symptom.DISTRIBUTION}
judge.judge_draws = lambda blank, standard, got: replace(blank, count=got.size, **guilty)
"""


def sabotaged(programs: Path, folder: Path, program: str, check: Check) -> tuple[int, list[str]]:
    """Return the exit code and the lines of a selftest whose every process runs a program first."""
    (folder / "sitecustomize.py").write_text(program, encoding="utf-8")
    trysquare = str(programs / "trysquare")
    code, table, _ = printed(trysquare, "selftest", "-k", check, path=str(folder))
    return code, table.splitlines()


def test_a_distance_that_sees_nothing_lets_a_liar_escape(installed: Path, tmp_path: Path) -> None:
    code, lines = sabotaged(installed, tmp_path, BLIND, Check.INPLACE)
    assert (code, lines[1].split()[-2:]) == (1, ["75", "%"])
    (fault,) = (line for line in lines if line.startswith("✗"))
    assert fault.startswith("✗ escaped: inplace on returns_the_input in relu, float32, which shows")
    assert fault.endswith(" as 'beyond the limit': it found nothing")


def test_a_check_that_believes_everything_scores_nothing(installed: Path, tmp_path: Path) -> None:
    code, lines = sabotaged(installed, tmp_path, CREDULOUS, RANDOMNESS)
    escaped = [line.split()[4] for line in lines if line.startswith("✗ escaped")]
    assert (code, lines[1].split()[-2:]) == (1, ["0", "%"])
    assert escaped == [lie.liar for lie in LIES if lie.check is RANDOMNESS]


def test_a_check_that_believes_nobody_raises_false_alarms(installed: Path, tmp_path: Path) -> None:
    code, lines = sabotaged(installed, tmp_path, SUSPICIOUS, RANDOMNESS)
    assert (code, lines[1].split()[-2:]) == (1, ["0", "%"])
    alarms = [line.split()[3] for line in lines if line.startswith("✗ false alarm: ")]
    # every right answer, and the only liar of rrelu that has nothing to do with draws
    draws = [case for group in groups([SPECS["rrelu"]], [RANDOMNESS]) for case in group.cases(SEED)]
    assert alarms == ["randomness", *(result_id(case, RIGHT) for case in draws)]
    assert sum("✗" in line for line in lines) == len(alarms)


# Scores.


def answer(lie: Lie, check: Check, **found: Any) -> Result:
    """Return a result of what a liar was asked."""
    blank = Result(
        id="id",
        function=lie.function,
        check=check,
        case="one",
        target=f"{lie.liar}:cpu:miniature",
        dtype=lie.dtype,
        parameters={},
        outcome=Outcome.CONFORMS,
        expectation=Expectation.EXPECTED,
        place="here",
    )
    return replace(blank, **found)


def bad(shows: Symptom | Outcome = Symptom.SHAPE) -> dict[str, Any]:
    accident = isinstance(shows, Outcome)
    outcome, symptom = (shows, None) if accident else (Outcome.DIVERGES, shows)
    return {"outcome": outcome, "symptom": symptom, "expectation": Expectation.UNEXPECTED}


def score(check: Check, results: Iterable[Result], **missing: str) -> Score:
    asked = groups_of(list(SPECS.values()), [check])
    (found,) = scores(asked, [check], [Heard(tuple(results), missing)])
    return found


def share(good: int, faults: int) -> Share:
    return Share(good, ("fault",) * faults)


DRAWS = next(lie for lie in LIES if lie.check is RANDOMNESS)
CRASH = next(lie for lie in LIES if lie.shows is Outcome.CRASHED)
SPOILS = next(lie for lie in LIES if lie.function == "rrelu" and lie.check is Check.INPLACE)


def test_a_lie_that_shows_as_told_is_caught() -> None:
    caught = score(RANDOMNESS, [answer(DRAWS, RANDOMNESS, **bad(DRAWS.shows))]).caught
    assert (caught.good, caught.all) == (1, 6)


def test_a_lie_that_shows_otherwise_escapes() -> None:
    caught = score(RANDOMNESS, [answer(DRAWS, RANDOMNESS, **bad(Symptom.SHAPE))]).caught
    assert caught.good == 0
    assert caught.faults[0].endswith("'wrong distribution': it found 'one' wrong shape")


def test_a_known_divergence_hides_a_lie() -> None:
    known = {**bad(DRAWS.shows), "expectation": Expectation.EXPECTED}
    assert score(RANDOMNESS, [answer(DRAWS, RANDOMNESS, **known)]).caught.good == 0


def test_a_liar_that_was_not_heard_escapes_and_it_is_said_why() -> None:
    faults = score(RANDOMNESS, [], **{DRAWS.liar: "it never started"}).caught.faults
    assert faults[0].endswith(": it never started")
    assert faults[1].endswith(": nothing was asked")


def test_an_accident_costs_one_case() -> None:
    one = answer(CRASH, CRASH.check, **bad(Outcome.CRASHED))
    assert score(CRASH.check, [one]).caught.good == 1
    assert score(CRASH.check, [one, one]).caught.good == 0


def test_a_check_is_disturbed_by_what_does_not_concern_it() -> None:
    fine, disturbed = answer(SPOILS, RANDOMNESS), answer(SPOILS, RANDOMNESS, **bad())
    assert score(RANDOMNESS, [fine]).quiet.faults == ()
    (fault,) = score(RANDOMNESS, [fine, disturbed]).quiet.faults
    assert fault.startswith("false alarm: randomness on spoils_a_saved_tensor in rrelu, float32")


def test_what_is_allowed_must_pass() -> None:
    allowed = WITHIN_THE_LIMIT[0]
    fine = score(allowed.check, [answer(allowed, allowed.check)]).quiet
    blamed = score(allowed.check, [answer(allowed, allowed.check, **bad())]).quiet
    assert (fine.good, blamed.good) == (1, 0)


def test_a_right_answer_is_measured_as_rounded_once() -> None:
    perfect = replace(answer(DRAWS, RANDOMNESS), target="perfect:cpu:textbook")
    twice = replace(perfect, max_ulp=0.7)
    (fault,) = score(RANDOMNESS, [perfect, twice]).passed.faults
    assert fault.endswith("0.7 ulp")


def test_a_check_of_which_nothing_was_asked_scores_nothing() -> None:
    found = score(RANDOMNESS, [])
    assert found.percent == 0
    assert found.passed.faults == (
        "not shown: randomness on the perfect backend in rrelu: nothing was asked",
    )


def test_a_score_is_the_lowest_share_rounded_down() -> None:
    whole, most = share(7, 0), share(199, 1)
    assert Score(RANDOMNESS, whole, whole, whole).percent == 100
    assert Score(RANDOMNESS, whole, most, whole).percent == 99
    assert Score(RANDOMNESS, share(0, 0), whole, whole).percent == 0


# What is asked.


def test_every_check_has_its_liars() -> None:
    assert {lie.check for lie in LIES} == set(ASKING)


def test_every_group_is_asked_of_the_perfect_backend() -> None:
    specs = list(SPECS.values())
    asked = [
        group.name
        for held in hearings(groups_of(specs, RUN))
        for group, names in held.questions
        if "perfect" in names
    ]
    assert sorted(asked) == sorted(group.name for group in groups(specs))


def test_every_check_of_a_function_is_asked_of_those_who_lie_about_it() -> None:
    asked = {
        (name, group.name)
        for held in hearings(groups_of(list(SPECS.values()), RUN))
        for group, names in held.questions
        for name in names
    }
    assert asked >= {
        (lie.liar, group.name)
        for lie in LIES
        for group in groups([SPECS[lie.function]], dtypes=[lie.dtype])
    }


def test_a_check_that_no_run_makes_is_asked_where_a_lie_names_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = replace(DRAWS, check=Check.HUNT, dtype="float64")
    monkeypatch.setattr(hearing, "LIES", (found,))
    asked = groups_of(list(SPECS.values()), [Check.HUNT])
    assert [group.name for group in asked] == ["rrelu/hunt/float64"]
    assert [set(held.modules) for held in hearings(asked)] == [{"truthful"}, {DRAWS.liar}]


def test_of_many_numbers_an_even_part_is_asked() -> None:
    (whole,) = Group(SPECS["sigmoid"], Check.VALUES, FORMATS["float16"]).cases(SEED)
    (part,) = Sampled(SPECS["sigmoid"], Check.VALUES, FORMATS["float16"]).cases(SEED)
    assert part.name == "65536 points, one in 165"
    assert part.inputs["x"].tobytes() == whole.inputs["x"][::165].tobytes()


@pytest.mark.parametrize("function", SPECS)
@pytest.mark.parametrize("check", [Check.VALUES, Check.GRADIENTS])
def test_right_answers_in_16_bits_are_asked_of_every_function(function: str, check: Check) -> None:
    cases = Sampled(SPECS[function], check, FORMATS["bfloat16"]).cases(SEED)
    assert cases
    assert max(array.size for case in cases for array in case.inputs.values()) <= MANY
