"""A session, with real processes: who is asked what, in which order, and what cannot be asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from trysquare.backend import Target
from trysquare.errors import UsageError
from trysquare.planning.plan import groups
from trysquare.result import Check, Expectation, Outcome, Result
from trysquare.run import Session
from workshop import SPECS

SEED = 5
NUMPY = Target("numpy", "cpu", "formula")
TRUTHFUL = Target("truthful", "cpu", "miniature")
POOR = Target("poor", "cpu", "miniature")


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    truthful, poor = (f"trysquare_miniatures.liars:{name}" for name in ("truthful", "poor"))
    names = ["numpy", truthful, "nowhere.at_all", poor]
    with Session(names, SEED) as opened:
        yield opened


def plain(result: Result) -> Result:
    return replace(result, seconds=0.0)


def asked(session: Session, function: str, target: Target, **only: list[str]) -> list[Result]:
    checks = [Check(name) for name in only.get("checks", ["cases"])]
    dtypes = only.get("dtypes", ["float32"])
    return list(session.results(groups([SPECS[function]], checks, dtypes), [target]))


def test_targets_are_those_that_answer_in_the_order_asked_for(session: Session) -> None:
    assert list(session.targets) == [NUMPY, TRUTHFUL, POOR]


def test_a_backend_that_is_not_here_is_unavailable_with_the_reason(session: Session) -> None:
    (missing,) = session.unavailable
    assert missing.target.backend == "nowhere.at_all"
    assert "not installed" in missing.reason


def test_a_backend_that_nobody_knows_is_refused_with_a_suggestion() -> None:
    with pytest.raises(UsageError, match="did you mean 'numpy'"):
        Session(["nunpy"], SEED)


def test_results_come_group_by_group_and_target_by_target(session: Session) -> None:
    plan = groups([SPECS["relu"], SPECS["elu"]], [Check.DEFAULTS, Check.VALUES], ["float32"])
    found = list(session.results(plan, [TRUTHFUL, NUMPY]))
    order = [result.id.rsplit("/", 1)[0] for result in found]
    want = [f"{group.name}/{target}" for group in plan for target in (TRUTHFUL, NUMPY)]
    assert list(dict.fromkeys(order)) == want
    assert order == sorted(order, key=want.index)


def test_the_same_seed_gives_the_same_results(session: Session) -> None:
    first, second = (
        [plain(one) for one in asked(session, "sigmoid", TRUTHFUL, checks=["values", "gradients"])]
        for _ in range(2)
    )
    assert first == second


def test_every_case_has_a_result(session: Session) -> None:
    (group,) = groups([SPECS["elu"]], [Check.CASES], ["float32"])
    names = [case.name for case in group.cases(SEED)]
    assert [one.case for one in asked(session, "elu", TRUTHFUL)] == names


def test_a_dtype_that_a_target_does_not_have_is_said_once(session: Session) -> None:
    (result,) = asked(session, "relu", POOR, dtypes=["float64"])
    assert result.id == "relu/cases/float64/poor:cpu:miniature/all"
    assert (result.outcome, result.expectation) == (Outcome.UNSUPPORTED, Expectation.EXPECTED)
    assert result.reason == "poor has no float64"


def test_a_function_that_a_backend_does_not_have_is_said_with_its_reason(session: Session) -> None:
    (result,) = asked(session, "sigmoid", POOR)
    assert (result.outcome, result.reason) == (Outcome.UNSUPPORTED, "nobody needs it")


def test_what_one_target_cannot_does_not_stop_another(session: Session) -> None:
    plan = groups([SPECS["sigmoid"]], [Check.CASES], ["float32"])
    found = list(session.results(plan, [POOR, TRUTHFUL]))
    assert [one.target for one in found][:2] == [str(POOR), str(TRUTHFUL)]
    assert {one.outcome for one in found[1:]} == {Outcome.CONFORMS}


def test_a_call_that_a_backend_does_not_support_is_one_result_of_many(session: Session) -> None:
    found = {one.case: one.outcome for one in asked(session, "relu", NUMPY, checks=["inplace"])}
    assert set(found.values()) == {Outcome.UNSUPPORTED}
    assert len(found) > 1


def test_no_groups_have_no_results(session: Session) -> None:
    assert list(session.results([], [TRUTHFUL])) == []


def test_no_targets_have_no_results(session: Session) -> None:
    assert list(session.results(groups([SPECS["relu"]]), [])) == []


def test_a_backend_from_elsewhere_may_have_several_targets() -> None:
    with Session(["fragile:backend"], SEED) as opened:
        assert [target.mode for target in opened.targets] == ["eager", "other"]
        assert [one.reason for one in opened.unavailable] == ["there is no GPU"]


def test_what_runs_on_request_runs_only_where_it_is_named() -> None:
    mapped = Target("torch", "cpu", "vmap")
    with Session(["torch"], SEED) as opened:
        assert mapped not in opened.targets
        assert mapped in {one.target for one in opened.on_request}
    with Session(["torch"], SEED, wanted=[mapped]) as opened:
        assert mapped in opened.targets


def test_gradients_are_not_asked_of_a_target_that_has_none() -> None:
    asked, other = groups([SPECS["exp"]], [Check.GRADIENTS, Check.VALUES], ["float32"])[::-1]
    with Session(["numpy_ufunc"], SEED) as opened:
        (target,) = opened.targets
        refusal = opened.refusal(asked, target)
        assert refusal is not None
        assert "differentiation" in refusal.reason
        assert opened.refusal(other, target) is None


def test_a_backend_whose_usual_target_runs_on_request_has_to_be_named() -> None:
    with Session(["jax"], SEED, unnamed=True) as opened:
        assert list(opened.targets) == []
        assert Target("jax", "cpu", "jit") in {one.target for one in opened.on_request}
    with Session(["jax"], SEED) as opened:
        assert list(opened.targets) == [Target("jax", "cpu", "jit")]
