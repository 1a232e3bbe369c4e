"""An engine may lose jobs, lie and fall silent: each job is answered once, or told of as lost."""

from __future__ import annotations

import io
import math
import os
import pickle
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from threading import Event as Flag
from types import SimpleNamespace
from typing import Any

import pytest

import fake_run
from doubling import DEADLY, Doubling
from trysquare.__main__ import main
from trysquare.backend import Kind, Refusal, Target
from trysquare.cli.options import Code
from trysquare.command.campaign import Campaign
from trysquare.command.hunting import Hunt
from trysquare.dtypes import FLOAT32
from trysquare.engines import cluster, likeness, local, station
from trysquare.engines import dispatch as dispatching
from trysquare.engines.dispatch import Dispatch
from trysquare.engines.engine import Begun, Ended, Engine, Event, Hire, Lost, Outfit, patience
from trysquare.engines.likeness import Sheet
from trysquare.engines.places import places
from trysquare.errands import Brought, Errand, Messenger, asked
from trysquare.errors import LostError, Mismatch, Unfit, UsageError
from trysquare.planning import corpus
from trysquare.planning.plan import Group
from trysquare.record import Run
from trysquare.result import USUAL, Check, Limits, Outcome
from trysquare.results_file import line
from trysquare.run import Session
from trysquare.sweep.conclusion import united
from trysquare.sweep.runner import Crews, Done, Job, Member
from trysquare.sweep.segment import Part, Segment, Silence
from trysquare.workers.pool import Pool
from trysquare.workers.protocol import Hello
from workshop import SPECS

JOBS = [f"job {number}" for number in range(6)]
TOLD = "told"


def right(job: str, answer: str) -> bool:
    return answer == job.upper()


class Fake:
    """An engine without machines: each job begins and ends, unless `lies` says otherwise.

    Its time is one that is told: it goes by only while nothing happens.
    """

    room, seconds = 3, 0.2
    now = 0.0

    def __init__(self, lies: Callable[[int, str], Sequence[Event]] | None = None) -> None:
        self._lies = lies or truth
        self._due: deque[Event] = deque()
        self.asked: list[str] = []
        self.cancelled: list[int] = []
        self.most = self._busy = 0

    def submit(self, ticket: int, job: str) -> None:
        self.asked.append(job)
        self._busy += 1
        self.most = max(self.most, self._busy)
        self._due.extend(self._lies(ticket, job))

    def events(self, seconds: float) -> Sequence[Event]:
        assert seconds > 0
        if not self._due:
            Fake.now += seconds
            return ()
        event = self._due.popleft()
        self._busy -= isinstance(event, Ended | Lost)
        return [event]

    def cancel(self, ticket: int) -> None:
        self.cancelled.append(ticket)

    def close(self) -> None:
        self._due.clear()


@pytest.fixture(autouse=True)
def _told_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that stands still for a while gives up no job of an engine that is none."""
    monkeypatch.setattr(dispatching, "monotonic", lambda: Fake.now)


def truth(ticket: int, job: str) -> Sequence[Event]:
    return Begun(ticket), Ended(ticket, job.upper())


def answers(engine: Engine) -> tuple[list[tuple[int, str]], dict[int, str]]:
    """What comes of the jobs, in the order in which it comes, and what is lost."""
    dispatch = Dispatch[str, str](engine, right)
    found: list[tuple[int, str]] = []
    with suppress(LostError):
        found.extend(dispatch.answers(JOBS))
    return found, dispatch.lost


WHOLE = [(number, job.upper()) for number, job in enumerate(JOBS)]


def test_every_job_is_answered_once_and_no_more_are_given_than_there_is_room_for() -> None:
    engine = Fake()
    assert answers(engine) == (WHOLE, {})
    assert (engine.asked, engine.most) == (JOBS, engine.room)


def once(lie: Callable[[int, str], Sequence[Event]]) -> Callable[[int, str], Sequence[Event]]:
    """Lie about the first time that job 2 is asked."""
    lied: list[int] = []

    def lies(ticket: int, job: str) -> Sequence[Event]:
        if job == JOBS[2] and not lied:
            lied.append(ticket)
            return lie(ticket, job)
        return truth(ticket, job)

    return lies


def always(lie: Callable[[int, str], Sequence[Event]]) -> Callable[[int, str], Sequence[Event]]:
    return lambda ticket, job: lie(ticket, job) if job == JOBS[2] else truth(ticket, job)


LIES: dict[str, tuple[Callable[[int, str], Sequence[Event]], str]] = {
    "loses a job": (lambda ticket, _: [Begun(ticket), Lost(ticket, "it died")], "it died"),
    "answers with that of another job": (
        lambda ticket, _: [Ended(ticket, "JOB 3")],
        "the answer to another job",
    ),
    "answers with nonsense": (lambda ticket, _: [Ended(ticket, None)], "another job"),
    "never answers": (lambda ticket, _: [Begun(ticket)], "no answer within 0.2 s"),
    "never begins": (lambda *_: [], "nobody began with it within 0.2 s"),
}


@pytest.mark.parametrize("name", LIES)
def test_an_engine_that_lies_once_costs_nothing_and_one_that_does_again_that_job(
    name: str,
) -> None:
    lie, told = LIES[name]
    found, lost = answers(Fake(once(lie)))
    assert (sorted(found), lost) == (WHOLE, {})
    engine = Fake(always(lie))
    found, lost = answers(engine)
    assert sorted(found) == WHOLE[:2] + WHOLE[3:]
    assert list(lost) == [2]
    assert told in lost[2]
    assert engine.asked.count(JOBS[2]) == dispatching.TRIES
    if name.startswith("never"):
        assert len(engine.cancelled) == dispatching.TRIES


def test_what_is_answered_twice_or_by_nobody_who_was_asked_counts_once() -> None:
    def twice(ticket: int, job: str) -> Sequence[Event]:
        stranger = Ended(ticket + 1000, job.upper())
        return [Begun(ticket), stranger, Ended(ticket, job.upper()), Ended(ticket, job.upper())]

    assert answers(Fake(twice)) == (WHOLE, {})


def test_an_answer_that_comes_after_its_job_was_given_up_does_not_count() -> None:
    def late(ticket: int, job: str) -> Sequence[Event]:
        return [Lost(ticket, "it died"), Ended(ticket, job.upper())]

    found, lost = answers(Fake(always(late)))
    assert (sorted(found), list(lost)) == (WHOLE[:2] + WHOLE[3:], [2])


def test_answers_in_order_end_where_one_is_lost() -> None:
    def in_order(lie: Callable[[int, str], Sequence[Event]]) -> Iterator[str]:
        yield from Dispatch[str, str](Fake(lie), right).in_order(JOBS)

    lie, _ = LIES["loses a job"]
    assert list(in_order(once(lie))) == [answer for _, answer in WHOLE]
    found: list[str] = []
    with pytest.raises(LostError, match="it died"):
        found.extend(in_order(always(lie)))
    assert found == [answer for _, answer in WHOLE[:2]]


def test_answers_in_order_do_not_wait_for_others_once_the_one_that_is_due_is_lost() -> None:
    class Silent(Fake):
        seconds = 1e9

        def events(self, seconds: float) -> Sequence[Event]:
            assert self._due, "waits for what is never said"
            return super().events(seconds)

    def lies(ticket: int, job: str) -> Sequence[Event]:
        return [Lost(ticket, "it died")] if job == JOBS[0] else [Begun(ticket)]

    with pytest.raises(LostError, match="it died"):
        list(Dispatch[str, str](Silent(lies), right).in_order(JOBS))


# Runs and hunts, whose answers come in any order.


class Inside:
    """An engine that does jobs in this process, as one of a cluster does, the last one first."""

    room, seconds = 3, math.inf

    def __init__(self, outfit: Outfit) -> None:
        self._outfit, self._stamp = pickle.dumps(outfit), likeness.stamp()
        self._jobs: list[tuple[int, bytes]] = []

    def submit(self, ticket: int, job: Any) -> None:
        self._jobs.append((ticket, pickle.dumps(job)))

    def events(self, seconds: float) -> Sequence[Event]:
        assert seconds > 0
        ticket, job = self._jobs.pop()
        (begun, _), (ended, answer) = station.perform(self._stamp, self._outfit, job)
        assert (begun, ended) == (station.BEGUN, station.ENDED)
        return [Begun(ticket), Ended(ticket, pickle.loads(answer))]  # noqa: S301

    def cancel(self, ticket: int) -> None:
        """Nothing is ever cancelled."""

    def close(self) -> None:
        """The runner is all that there is."""


@contextmanager
def inside(outfit: Outfit) -> Iterator[Inside]:
    try:
        yield Inside(outfit)
    finally:
        for runner in station._KEPT.values():
            runner.close()
        station._KEPT.clear()


def timeless(run: Run) -> list[str]:
    """The results as they are in a file."""
    return [line(replace(one, seconds=0.0)) for one in run.results]


FILES = [SPECS[name].place.path for name in ("relu", "elu")]
"""By their names, all specs would be read."""


def measured(hire: Hire | None) -> Run:
    campaign = Campaign.of(
        paths=FILES, globs=(), checks=["cases", "defaults", "errors", "gradients"],
        dtypes=["float32"], backends=["prey:dies_of_a_number", "numpy"],
    )  # fmt: skip
    return campaign.run(0, Limits(30.0), None, io.StringIO(), hire=hire)[0]


def hunted(hire: Hire | None) -> Run:
    hunt = Hunt.of(
        words=[str(FILES[0])], targets=["numpy"], dtypes=["float16", "bfloat16"], earlier=(),
        gradient=False,
    )  # fmt: skip
    return hunt.run(300, 0, Limits(30.0), None, io.StringIO(), hire)[0]


@pytest.mark.parametrize("measure", [measured, hunted])
def test_what_is_asked_elsewhere_has_the_same_results_in_the_same_order(
    measure: Callable[[Hire | None], Run],
) -> None:
    here, there = measure(None), measure(inside)
    assert timeless(there) == timeless(here)
    assert len(here.results) > 1
    assert here.footer is not None
    assert there.footer is not None
    assert there.footer.counts == here.footer.counts


GROUP = Group(SPECS["elu"], Check.CASES, FLOAT32)
ERRAND = Errand.of(GROUP)
RESULT = replace(
    fake_run.run().results[0],
    function="elu",
    check=Check.CASES,
    dtype="float32",
    target="a:cpu:eager",
    id="elu/cases/float32/a:cpu:eager/zero",
)


@pytest.mark.parametrize(
    "other",
    [
        {"errand": replace(ERRAND, dtype="float16")},
        {"results": (replace(RESULT, target="c:cpu:eager"),)},
        {"results": (replace(RESULT, id="elu/values/float32/a:cpu:eager/zero"),)},
        {"results": (replace(RESULT, function="relu"),)},
        {"results": (replace(RESULT, check=Check.VALUES),)},
        {"results": (replace(RESULT, dtype="float16"),)},
        {"results": ()},
    ],
    ids=["another errand", "another target", "another group", "function", "check", "dtype", "none"],
)
def test_results_of_something_else_are_no_answer(other: dict[str, Any]) -> None:
    brought = Brought(ERRAND, (RESULT,))
    assert brought.answers(GROUP, ERRAND, TARGETS[:1], 0)
    assert not replace(brought, **other).answers(GROUP, ERRAND, TARGETS[:1], 0)
    assert not brought.answers(GROUP, ERRAND, TARGETS, 0)


@pytest.mark.parametrize("liar", ["prey:once", "prey:dies_of_zero"])
def test_a_target_that_does_not_start_again_elsewhere_costs_its_group_and_no_verdict(
    liar: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STARTED", str(tmp_path / "started"))
    session = Session((liar,), 0)
    messenger = Messenger(session, tuple(session.targets), asked)
    try:
        if liar == "prey:once":
            with pytest.raises(Unfit, match=r"^dies_of_zero:cpu:miniature: cannot start again: "):
                messenger.run(ERRAND)
        else:
            brought = messenger.run(ERRAND)
            assert Outcome.CRASHED in {one.outcome for one in brought.results}
    finally:
        messenger.close()


# The answer to a job of a sweep.

TARGETS = (Target("a", "cpu", "eager"), Target("b", "cpu", "eager"))
JOB = Job(Sheet(Path("f.yaml"), shelved=True, digest="1"), "float32", False, 0, 8, TARGETS)  # noqa: FBT003
DONE = Done(JOB, dict.fromkeys(TARGETS, Segment(0, 8)), 1.0)


@pytest.mark.parametrize(
    "other",
    [
        replace(DONE, job=replace(JOB, gradient=True)),
        replace(DONE, found={TARGETS[0]: Segment(0, 8)}),
        replace(DONE, found=dict.fromkeys(TARGETS, Segment(0, 4))),
        replace(DONE, found=dict.fromkeys(TARGETS, Segment(8, 16))),
    ],
    ids=["another job", "a target less", "half of it", "other numbers"],
)
def test_a_summary_of_something_else_is_no_answer(other: Done) -> None:
    assert DONE.answers(JOB)
    assert not other.answers(JOB)


# This machine.


def test_a_runner_of_this_machine_that_dies_costs_its_own_job_alone() -> None:
    jobs = [DEADLY, *range(3)]
    with local.hire(1)(Doubling()) as engine:
        assert engine.seconds == math.inf
        dispatch = Dispatch[int, int](engine, lambda job, answer: answer == 2 * job)
        found: list[tuple[int, int]] = []
        with pytest.raises(LostError, match="has died"):
            found.extend(dispatch.answers(jobs))
    assert 0 in dispatch.lost
    assert all(answer == 2 * jobs[number] for number, answer in found)


# Who can run what.

CUDA = Target("torch", "cuda", "eager")
BOTH = {"a:cpu", "b:cpu"}


@pytest.mark.parametrize(
    ("machines", "needs", "resources", "accelerators", "slots"),
    [
        ([{"CPU": 2.0, "node:10.0.0.1": 1.0}, {"CPU": 4.0}], TARGETS, set(), 0, 6),
        (
            [{"CPU": 2.0, "a:cpu": 1.0, "b:cpu": 1.0}, {"CPU": 4.0}],
            TARGETS,
            {"a:cpu", "b:cpu"},
            0,
            2,
        ),
        ([{"CPU": 8.0, "GPU": 2.0, "torch:cuda": 1.0}, {"CPU": 4.0}], [CUDA], {"torch:cuda"}, 1, 2),
        ([{"CPU": 8.0, "torch:cuda": 1.0}], [CUDA], {"torch:cuda"}, 0, 8),
        ([{"torch:cuda": 1.0}, {"CPU": 3.0, "torch:cuda": 1.0}], [CUDA], {"torch:cuda"}, 0, 3),
    ],
    ids=["equal machines", "named", "with accelerators", "of which Ray does not know", "no CPU"],
)
def test_a_job_goes_where_its_targets_are(
    machines: Sequence[dict[str, float]],
    needs: Sequence[Target],
    resources: set[str],
    accelerators: int,
    slots: int,
) -> None:
    found = places(machines, needs)
    assert set(found.resources) == resources
    assert (found.accelerators, found.slots) == (accelerators, slots)


@pytest.mark.parametrize(
    ("machines", "needs", "told"),
    [
        ([{"CPU": 4.0, "GPU": 1.0}], [CUDA], "has torch:cuda (none of them names any)"),
        ([{"CPU": 4.0, "a:cpu": 1.0}], TARGETS, "has b:cpu (there are a:cpu)"),
        ([{"CPU": 4.0, "a:cpu": 1.0}, {"CPU": 1.0, "b:cpu": 1.0}], TARGETS, "one at a time"),
        ([{"a:cpu": 1.0, "b:cpu": 1.0}], TARGETS, "a CPU to offer"),
        ([], TARGETS, "a CPU to offer"),
    ],
    ids=["an accelerator", "another target", "both", "no CPU", "no machine"],
)
def test_what_nobody_can_run_is_told(
    machines: Sequence[dict[str, float]], needs: Sequence[Target], told: str
) -> None:
    with pytest.raises(UsageError) as caught:
        places(machines, needs)
    assert told in str(caught.value)


# Machines that are not alike.


def test_another_version_is_refused_before_anything_of_it_is_opened() -> None:
    stamp = {**likeness.stamp(), "numpy": "1.0"}
    words = [word for word, _ in station.perform(stamp, b"nonsense", b"nonsense")]
    assert words == [station.BEGUN, station.REFUSED]
    with pytest.raises(Mismatch, match=r"numpy is .* there and 1\.0 here"):
        likeness.require(stamp)
    likeness.require(likeness.stamp())


def test_a_spec_is_found_below_the_folder_of_another_machine_if_it_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = SPECS["relu"].place.path
    sheet = Sheet.of(path)
    assert sheet.find().samefile(path)
    monkeypatch.setattr(likeness, "specs_folder", lambda: tmp_path)
    with pytest.raises(Mismatch, match="there is no"):
        sheet.find()
    there = tmp_path / sheet.path
    there.parent.mkdir(parents=True)
    there.write_bytes(path.read_bytes())
    assert sheet.find() == there.resolve()
    corpus.beside(there).parent.mkdir()
    corpus.beside(there).write_text("corpus: 1\n")
    with pytest.raises(Mismatch, match="the corpus beside it, is not the same file"):
        sheet.find()
    assert Sheet.of(there).find() == there.resolve()
    corpus.beside(there).unlink()
    there.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(Mismatch, match="is not the same file"):
        sheet.find()


@pytest.fixture(scope="module")
def hello() -> Hello:
    with Pool() as pool:
        found = pool.open(Target("numpy", "", "")).result()
    assert isinstance(found, Hello)
    return found


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"version": "0.1"}, r"numpy:cpu:formula: version is .* there and 0\.1 here"),
        ({"environment": {"threads": "9"}}, r"numpy:cpu:formula: .* there and .* here"),
        ({"dtypes": ("float32",)}, r"numpy:cpu:formula: dtypes is"),
        ({"absent": {"relu": "it was taken out"}}, r"numpy:cpu:formula: relu is unknown there"),
        ({"underived": "it has none"}, r"numpy:cpu:formula: underived is"),
    ],
    ids=["version", "environment", "dtypes", "absent", "underived"],
)
def test_another_version_of_a_target_is_refused_and_not_swept(
    hello: Hello, changed: dict[str, Any], told: str
) -> None:
    sent = replace(hello, **changed)
    member = Member(sent.target, "numpy", {}, sent)
    runner = Crews((member,), None, Limits(30.0)).runner()
    job = Job(Sheet.of(SPECS["relu"].place.path), "bfloat16", False, 0, 1 << 16, (sent.target,))  # noqa: FBT003
    try:
        with pytest.raises(Mismatch, match=told):
            runner.run(job)
    finally:
        runner.close()


def test_a_worker_that_does_not_start_elsewhere_costs_its_job_and_no_verdict(hello: Hello) -> None:
    sent = replace(hello, target=Target("doubling", "cpu", ""))
    member = Member(sent.target, "doubling:os", {}, sent)
    sheet = Sheet.of(SPECS["relu"].place.path)
    job = Job(sheet, "bfloat16", False, 0, 1 << 16, (sent.target,))  # noqa: FBT003
    words = [*station.perform(likeness.stamp(), pickle.dumps(Crews((member,), None, USUAL)),
                              pickle.dumps(job))]  # fmt: skip
    assert [word for word, _ in words] == [station.BEGUN, station.UNFIT]
    assert "doubling:cpu: does not start: doubling holds no backend" in pickle.loads(words[1][1])[1]  # noqa: S301
    assert not station._KEPT
    lost = pytest.raises(LostError, match="does not start")
    with local.hire(1)(Crews((member,), None, USUAL)) as engine, lost:
        list(Dispatch[Job, Done](engine, lambda job, done: done.answers(job)).answers([job]))


def test_what_one_job_has_no_answer_to_costs_its_own_numbers_alone() -> None:
    good = Part("f", "float32", False, "a", Segment(0, 8))  # noqa: FBT003
    silence = Silence(8, 8, "crashed", "it died")
    bad = replace(good, segment=Segment(8, 16, silence=silence), refused="crashed")
    assert united([bad, good]) == [good, bad]
    assert united([bad]) == Refusal(Kind.CRASHED, "it died")
    absent = replace(bad, segment=Segment(8, 16, silence=replace(silence, outcome="unsupported")),
                     refused="unsupported")  # fmt: skip
    assert united([good, absent]) == Refusal(Kind.UNSUPPORTED, "it died")


def test_other_code_of_a_backend_from_elsewhere_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    folder = tmp_path / "their_own"
    folder.mkdir()
    module = folder / "engine.py"
    module.write_text("raise SystemExit")  # nothing is imported
    code = likeness.code(["numpy", "their_own.engine", "their_own.engine:fast"])
    assert [*code] == ["their_own.engine", "their_own.engine:fast"]
    likeness.require_code(code)
    module.write_text("")
    with pytest.raises(Mismatch, match=r"the code of their_own\.engine is another"):
        likeness.require_code(code)


class FakeRay:
    """Two machines, of which no job is ever answered but by `said`; and how each was sent out."""

    def __init__(self) -> None:
        self.names = ["sick", "well"]
        self.said: list[Any] = []
        self.sent: list[dict[str, str]] = []

    def put(self, what: bytes) -> bytes:
        return what

    def nodes(self) -> list[dict[str, Any]]:
        known = {"Alive": True, "Resources": {"CPU": 1.0}}
        return [{**known, "NodeManagerHostname": one, "NodeID": one * 2} for one in self.names]

    def remote(self, **_: Any) -> Callable[[Any], SimpleNamespace]:
        return lambda _: SimpleNamespace(options=self._options, remote=lambda: iter(self.said))

    def _options(self, label_selector: dict[str, str]) -> SimpleNamespace:
        def remote(*_: Any) -> Iterator[Any]:
            self.sent.append(label_selector)
            return iter(self.said)

        return SimpleNamespace(remote=remote)

    def wait(self, streams: list[Any], **_: Any) -> tuple[list[Any], list[Any]]:
        return (streams, []) if self.said else ([], streams)

    def get(self, what: Any) -> Any:
        return what

    def cancel(self, *_: Any, **__: Any) -> None:
        """Nothing is ever at work."""


def test_a_machine_that_is_unfit_gets_no_more_jobs_while_there_are_others() -> None:
    ray = FakeRay()
    ray.said = [(station.UNFIT, pickle.dumps(("sick", "a:cpu: does not start")))]
    engine = cluster.Cluster(ray, Doubling(), 1.0, lambda _: None)
    assert engine.room == 4
    engine.submit(1, "job")
    assert engine.events(0.1) == [Lost(1, "sick: a:cpu: does not start")]
    engine.submit(2, "job")
    assert engine.room == 2
    ray.names = ["sick"]
    engine._looked = -math.inf
    ray.said = []
    engine.events(0.1)
    engine.submit(3, "job")
    assert ray.sent == [{}, {cluster.NODE: "!in(sicksick)"}, {}]


def test_a_cluster_that_takes_jobs_and_never_answers_is_told_of() -> None:
    ray = FakeRay()
    with pytest.raises(UsageError, match="start every node of it with RAY_AUTH_MODE=token"):
        cluster.require_answer(ray, cluster.greeted(ray))
    ray.said = [station.BEGUN]
    cluster.require_answer(ray, cluster.greeted(ray))


def test_a_port_that_says_nothing_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "ANSWER_SECONDS", 0.01)
    monkeypatch.setattr(cluster, "_connected", lambda _: Flag().wait())
    with pytest.raises(UsageError, match=r"10\.0\.0\.1:1 takes connections and says nothing"):
        cluster._waited(cluster._connecting("10.0.0.1:1"), "10.0.0.1:1")


def test_a_job_has_as_much_longer_as_it_has_more_to_do() -> None:
    assert patience(60.0) == 3720
    assert patience(60.0, 0.1) == patience(60.0)
    assert patience(60.0, 2.0) == 7320


# From the command line.


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--address", "10.0.0.1:6379"), "--address names a cluster: say --engine ray as well"),
        (("--engine", "rai"), "'rai' is not one of 'local', 'ray'"),
    ],
)
def test_what_does_not_fit_is_told(
    words: Sequence[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sweep", "relu", *words]) == Code.USAGE
    assert told in capsys.readouterr().err


def test_without_ray_its_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setattr(os, "environ", {**os.environ})
    assert main(["sweep", "relu", "--engine", "ray"]) == Code.USAGE
    assert "pip install 'trysquare[ray]'" in capsys.readouterr().err
