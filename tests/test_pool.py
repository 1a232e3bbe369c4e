"""The pool, with real processes: right answers, and exact blame when a worker dies or hangs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from leftovers import PATIENCE, marked, nothing_left
from trysquare.backend import Answer, Array, Call, Kind, Refusal, Reply, Target, Unavailable, Want
from trysquare.errors import ProtocolError, UsageError
from trysquare.reader import read
from trysquare.result import Symptom
from trysquare.spec import Spec
from trysquare.workers import line
from trysquare.workers.frames import Message, Type
from trysquare.workers.pool import Pool
from trysquare.workers.process import Lost, WorkerProcess
from trysquare.workers.protocol import Hello, unpack_reply
from trysquare.workers.reproduction import Claim

SPEC = """\
trysquare: 1
function: twice
summary: Two times x.
source: arithmetic
inputs:
  x: float
formula: x + x
cases:
  - {name: one, x: 1, expect: 2}
"""


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Spec:
    path = tmp_path_factory.mktemp("specs") / "twice.yaml"
    path.write_text(SPEC, encoding="utf-8")
    return read(path)


@pytest.fixture
def pool() -> Iterator[Pool]:
    with Pool() as workers:
        yield workers


def target(name: str) -> Target:
    return Target(f"fragile:{name}", "", "")


def opened(pool: Pool, name: str) -> Hello:
    hello = pool.open(target(name)).result(PATIENCE)
    assert isinstance(hello, Hello), hello
    return hello


def call(*numbers: float) -> Call:
    return Call("twice", {"x": np.array(numbers, np.float32)}, {})


def ask(pool: Pool, name: str, spec: Spec, *calls: Call, deadline: float = PATIENCE) -> list[Reply]:
    return pool.ask(opened(pool, name).target, spec, calls, deadline).result(2 * PATIENCE)


def output(reply: Reply) -> Array:
    assert isinstance(reply, Answer), reply
    return reply.outputs["output"]


def refusal(reply: Reply) -> Refusal:
    assert isinstance(reply, Refusal), reply
    return reply


def test_answers_come_in_the_order_of_the_calls(pool: Pool, spec: Spec) -> None:
    replies = ask(pool, "backend", spec, *(call(i) for i in range(300)))
    assert [output(reply).tolist() for reply in replies] == [[2.0 * i] for i in range(300)]


def test_a_gradient_carries_the_cotangent(pool: Pool, spec: Spec) -> None:
    asked = Call(
        "twice",
        {"x": np.ones(2, np.float32)},
        {},
        want=Want.GRADIENT,
        wrt=("x",),
        cotangent=np.array([1, -3], np.float32),
    )
    (reply,) = ask(pool, "backend", spec, asked)
    assert isinstance(reply, Answer)
    assert reply.outputs["x"].tolist() == [2, -6]


def test_large_inputs_travel_both_ways(pool: Pool, spec: Spec) -> None:
    x = np.arange(1 << 23, dtype=np.float64) + 0.5
    (reply,) = ask(pool, "backend", spec, Call("twice", {"x": x}, {}))
    assert np.array_equal(output(reply), x + x)


def test_no_calls_have_no_replies(pool: Pool, spec: Spec) -> None:
    assert ask(pool, "backend", spec) == []


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("raises", Kind.RAISED, "thirteen is \N{REPLACEMENT CHARACTER}[31munlucky"),
        ("has_no_kernel", Kind.UNSUPPORTED, "no kernel for thirteen"),
        ("has_no_such_thing", Kind.UNSUPPORTED, "there is no thirteen"),
        ("unheard_of_dtype", Kind.ERRORED, "no array of complex64 can be sent"),
        ("segfaults", Kind.CRASHED, "killed by SIGSEGV"),
        ("leaves", Kind.CRASHED, "ended with exit code 3"),
        ("loses_its_device", Kind.CRASHED, "lost its device: RuntimeError: device-side assert"),
        ("spoils_the_pipe", Kind.CRASHED, "spoke no protocol"),
    ],
)
def test_only_the_case_that_fails_is_refused(
    pool: Pool, spec: Spec, name: str, kind: Kind, message: str
) -> None:
    before, bad, after = ask(pool, name, spec, call(1), call(13), call(2))
    assert output(before).tolist() == [2]
    assert refusal(bad).kind is kind
    assert message in refusal(bad).message
    assert output(after).tolist() == [4]


def test_a_hanging_case_is_timed_out_and_the_next_one_runs(pool: Pool, spec: Spec) -> None:
    bad, after = ask(pool, "hangs", spec, call(13), call(2), deadline=1.0)
    assert refusal(bad).kind is Kind.TIMED_OUT
    assert "no answer within 1 s" in refusal(bad).message
    assert output(after).tolist() == [4]


def test_a_refusal_by_crash_quotes_the_last_words(pool: Pool, spec: Spec) -> None:
    (bad,) = ask(pool, "segfaults", spec, call(13))
    assert "last words" in refusal(bad).message


def test_an_exception_is_named(pool: Pool, spec: Spec) -> None:
    (bad,) = ask(pool, "raises", spec, call(13))
    assert refusal(bad).error == "ValueError"


def test_a_case_that_lives_alone_is_answered_with_a_note(pool: Pool, spec: Spec) -> None:
    first, suspect, after = ask(pool, "dies_unless_first", spec, call(1), call(13), call(2))
    assert isinstance(suspect, Answer)
    assert suspect.outputs["output"].tolist() == [26]
    assert "ended with exit code 4" in suspect.note
    assert isinstance(first, Answer)
    assert first.note == ""
    assert output(after).tolist() == [4]


def test_who_runs_out_of_memory_that_others_took_is_asked_again(spec: Spec) -> None:
    calls = [call(number) for number in (1, 1023, 1, 1, 1, 1, 1)]
    with Pool(memory=1 << 30) as pool:
        backend = Target("trysquare_miniatures.fragile:backend", "", "")
        hello = pool.open(backend).result(PATIENCE)
        assert isinstance(hello, Hello)
        replies = pool.ask(hello.target, spec, calls, PATIENCE).result(2 * PATIENCE)
    assert [output(reply).tolist() for reply in replies] == [[2], [2046], *[[2]] * 5]
    notes = [reply.note for reply in replies if isinstance(reply, Answer)]
    assert [place for place, note in enumerate(notes) if "out of memory" in note] == [5]


def test_every_crash_is_blamed_on_its_own_case(pool: Pool, spec: Spec) -> None:
    replies = ask(pool, "leaves", spec, call(13), call(1), call(13), call(2))
    assert [isinstance(reply, Refusal) for reply in replies] == [True, False, True, False]


@pytest.mark.parametrize(
    ("name", "deadline", "times"),
    [
        ("leaves", PATIENCE, 3),  # the second thirteen came first
        ("hangs", 1.0, 4),  # the machine may have been busy: each is asked once more
    ],
)
def test_who_dies_as_the_first_of_a_fresh_process_is_not_asked_again(
    pool: Pool,
    spec: Spec,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    deadline: float,
    times: int,
) -> None:
    died: list[float] = []

    class Watched(WorkerProcess):
        """Knows which numbers it has been asked and has not answered."""

        def send(self, message: Message, *, shared: bool = False) -> None:
            asked = len(message.body.get("calls", ()))
            self.due = [array.item() for array in message.arrays[:asked]]
            super().send(message, shared=shared)

        def receive(self, seconds: float) -> Message:
            try:
                message = super().receive(seconds)
            except Lost:
                died.extend(self.due[:1])
                raise
            if message.type is Type.RESULT:
                del self.due[0]
            return message

    monkeypatch.setattr(line, "WorkerProcess", Watched)
    calls = [call(number) for number in (1, 13, 13, 2)]
    replies = ask(pool, name, spec, *calls, deadline=deadline)
    assert [isinstance(reply, Refusal) for reply in replies] == [False, True, True, False]
    assert died.count(13) == times


def test_an_exception_without_words_is_raised_all_the_same(pool: Pool, spec: Spec) -> None:
    replies = ask(pool, "has_no_words", spec, call(13), call(1))
    assert (refusal(replies[0]).kind, refusal(replies[0]).error) == (Kind.RAISED, "Wordless")
    assert output(replies[1]).tolist() == [2]


def test_seconds_beyond_every_double_are_no_reply() -> None:
    packed: dict[str, object] = {"outputs": {}, "changed": [], "shares": [], "note": ""}
    with pytest.raises(ProtocolError, match="malformed reply"):
        unpack_reply({**packed, "seconds": {"float": "0x1p99999"}}, [])


def test_what_a_framework_prints_does_not_reach_the_protocol(pool: Pool, spec: Spec) -> None:
    replies = ask(pool, "babbles", spec, call(13), call(1))
    assert [output(reply).tolist() for reply in replies] == [[26], [2]]


def test_a_framework_reads_an_empty_stdin(pool: Pool, spec: Spec) -> None:
    replies = ask(pool, "reads_stdin", spec, call(13), call(1))
    assert [output(reply).tolist() for reply in replies] == [[13], [2]]


def test_a_changed_input_and_shared_storage_are_told(pool: Pool, spec: Spec) -> None:
    changed, fresh = ask(pool, "overwrites", spec, call(13), call(1))
    assert isinstance(changed, Answer)
    assert isinstance(fresh, Answer)
    assert (changed.changed, changed.shares) == (("x",), ("x",))
    assert (fresh.changed, fresh.shares) == ((), ())


def test_dtype_and_shape_are_those_that_the_framework_returned(pool: Pool, spec: Spec) -> None:
    (reply,) = ask(pool, "wrong_dtype", spec, call(13, 14))
    assert (output(reply).dtype.name, output(reply).shape) == ("float64", (1, 2))


def test_a_dtype_that_the_target_does_not_have_is_unsupported(pool: Pool, spec: Spec) -> None:
    (reply,) = ask(pool, "backend", spec, Call("twice", {"x": np.ones(1, np.float16)}, {}))
    assert refusal(reply).kind is Kind.UNSUPPORTED
    assert "sound:cpu:eager has no float16" in refusal(reply).message


def test_a_worker_is_sent_each_spec_and_reads_no_file(pool: Pool, tmp_path: Path) -> None:
    path = tmp_path / "twice.yaml"
    path.write_text(SPEC, encoding="utf-8")
    first = read(path)
    path.write_text(SPEC.replace("function: twice", "function: once"), encoding="utf-8")
    path.rename(tmp_path / "once.yaml")
    second = replace(read(tmp_path / "once.yaml"), place=first.place)
    target = opened(pool, "literate").target
    told = [
        output(pool.ask(target, spec, [call(1)], PATIENCE).result(PATIENCE)[0]).tolist()
        for spec in (first, first, second, first)
    ]
    assert told == [[5.0], [5.0], [4.0], [5.0]]


def test_hello_names_the_usual_target_and_the_others(pool: Pool) -> None:
    hello = opened(pool, "backend")
    assert hello.target == Target("sound", "cpu", "eager")
    assert hello.targets[2] == Unavailable(Target("sound", "gpu", "eager"), "there is no GPU")


def test_hello_reports_environment_and_faithful_converters(pool: Pool) -> None:
    hello = opened(pool, "backend")
    assert hello.environment["threads"] == "1"
    assert hello.version == np.__version__
    assert (hello.unfaithful, hello.flushes, hello.canary) == ({}, {}, True)


def test_an_unfaithful_converter_is_found(pool: Pool) -> None:
    hello = opened(pool, "forgetful")
    assert hello.unfaithful == {"float32": "0x7fc00005 came back as 0x7fc00000"}


def test_flushed_subnormals_are_found_by_dtype(pool: Pool) -> None:
    assert opened(pool, "forgetful").flushes == {"float64": ("results",)}


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (target("dies_at_once"), "ended with exit code 7"),
        (target("nosuch"), "AttributeError"),
        (Target("fragile:backend", "gpu", "eager"), "there is no GPU"),
        (Target("fragile:backend", "tpu", "eager"), "only sound:cpu:eager, sound:cpu:other"),
        (
            Target("fragile:fallen", "cpu", "other"),
            "asked to run as other, it runs as eager",
        ),
        (Target("no.such.module", "", ""), "no is not installed"),
        (Target("json.decoder", "", ""), "AttributeError"),
        (Target("json:loads", "", ""), "json holds no backend"),
    ],
    ids=str,
)
def test_a_worker_that_cannot_start_is_unavailable_with_the_reason(
    pool: Pool, asked: Target, reason: str
) -> None:
    hello = pool.open(asked).result(PATIENCE)
    assert isinstance(hello, Unavailable)
    assert reason in hello.reason
    assert hello.broken is not reason.startswith(("there is no GPU", "no is not installed"))


def test_a_worker_that_never_starts_is_unavailable() -> None:
    with Pool(start_seconds=1.0) as pool:
        hello = pool.open(target("never_starts")).result(PATIENCE)
    assert isinstance(hello, Unavailable)
    assert "no answer within 1 s" in hello.reason


def test_two_targets_of_a_backend_have_two_processes(pool: Pool) -> None:
    first = opened(pool, "backend")
    second = pool.open(Target("sound", "cpu", "other")).result(PATIENCE)
    assert isinstance(second, Hello)
    assert first.environment["pid"] != second.environment["pid"]


def test_an_unknown_backend_is_refused_at_once(pool: Pool) -> None:
    with pytest.raises(UsageError, match="no backend is called 'nosuch'"):
        pool.open(Target("nosuch", "", ""))


def test_a_target_that_is_not_open_cannot_be_asked(pool: Pool, spec: Spec) -> None:
    with pytest.raises(UsageError, match="a:b:c is not open"):
        pool.ask(Target("a", "b", "c"), spec, [call(1)], PATIENCE)


def test_a_closed_pool_has_no_processes() -> None:
    with Pool() as pool:
        pid = int(opened(pool, "backend").environment["pid"])
        assert Path(f"/proc/{pid}").exists()
    assert not Path(f"/proc/{pid}").exists()


def test_closing_the_pool_cancels_what_is_not_answered(spec: Spec) -> None:
    with Pool() as pool:
        hello = opened(pool, "hangs")
        running = pool.ask(hello.target, spec, [call(13)], PATIENCE)
        waiting = pool.ask(hello.target, spec, [call(1)], PATIENCE)
    for future in (running, waiting):
        with pytest.raises(CancelledError):
            future.result(PATIENCE)


HARNESS = """\
import sys
from pathlib import Path
from trysquare.backend import Target
from trysquare.workers.pool import Pool
from test_pool import call, read
pool = Pool()
hello = pool.open(Target("fragile:hangs_in_c", "", "")).result()
asked = pool.ask(hello.target, read(Path(sys.argv[1])), [call(float(sys.argv[2]))], 60.0)
sys.stdin.read()
"""


@pytest.mark.parametrize("number", [1, 13], ids=["that is idle", "that hangs in C"])
def test_a_worker_and_its_children_do_not_outlive_their_harness(spec: Spec, number: int) -> None:
    command = [sys.executable, "-c", HARNESS, str(spec.place.path), str(number)]
    awaited = "sleep 3600" if number == 13 else "workers.worker"
    with nothing_left() as environment:
        path = os.pathsep.join(sys.path)
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, env={**environment, "PYTHONPATH": path}
        ) as harness:
            while not any(awaited in one for one in marked(environment).values()):
                assert harness.poll() is None
                time.sleep(0.05)
            harness.kill()


def test_a_backend_without_functions_of_its_own_has_no_script(pool: Pool, spec: Spec) -> None:
    hello = opened(pool, "backend")
    claim = Claim(Symptom.INACCURATE, index=(0,))
    assert pool.reproduce(hello.target, spec, call(1), claim, PATIENCE).result(PATIENCE) == ""
