"""A backend may be a program, judged like any other; what it does wrong costs one case."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from program import PROGRAMS, Fragile, declared
from trysquare.__main__ import main
from trysquare.backend import (
    Answer,
    Array,
    Call,
    Form,
    Kind,
    Refusal,
    Reply,
    Target,
    Unavailable,
    Want,
)
from trysquare.command.interview import examine
from trysquare.command.rerun import Evidence, rerun
from trysquare.dtypes import FORMATS
from trysquare.errors import SpecErrors
from trysquare.reader import read as read_spec
from trysquare.result import MEMORY_PER_WORKER, Symptom
from trysquare.spec import Spec
from trysquare.workers.area import Area
from trysquare.workers.declaration import read
from trysquare.workers.frames import LARGE, Message, Type, decode, encode
from trysquare.workers.guest import greeting
from trysquare.workers.headers import DEFINITIONS, mistakes, schema
from trysquare.workers.line import START_SECONDS, Line
from trysquare.workers.pool import Pool
from trysquare.workers.protocol import Hello, pack_call
from trysquare.workers.reproduction import Claim
from trysquare.workers.stretch import Stretch, numbers
from trysquare_miniatures.faults import FAULTS
from workshop import LONG

ROOT = Path(__file__).parents[1]
LIBM = ROOT / "examples" / "libm"
NODE = ROOT / "examples" / "node"
PAGE = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
RELU = ROOT / "specs" / "activations" / "relu.yaml"
FEW = ("--dtype", "float32", "--check", "cases")
PATIENCE = 60.0
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
    return read_spec(path)


@pytest.fixture
def pool() -> Iterator[Pool]:
    with Pool() as workers:
        yield workers


def opened(pool: Pool, path: Path) -> Hello:
    hello = pool.open(Target(str(path), "", "")).result(PATIENCE)
    assert isinstance(hello, Hello), hello
    return hello


def call(*given: float) -> Call:
    return Call("twice", {"x": np.array(given, np.float32)}, {})


def ask(
    pool: Pool, path: Path, spec: Spec, *calls: Call, deadline: float = PATIENCE
) -> list[Reply]:
    return pool.ask(opened(pool, path).target, spec, calls, deadline).result(2 * PATIENCE)


def output(reply: Reply) -> Array:
    assert isinstance(reply, Answer), reply
    return reply.outputs["output"]


# the file


def mistake(folder: Path, text: str, name: str = "toy") -> str:
    path = folder / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SpecErrors) as caught:
        read(path)
    return str(caught.value)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("command: ./toy --fast", "4:10: error: expected a list of a program and its arguments"),
        ("command: []", "too few items"),
        ("command: ['']", "the program has no name"),
        ("command: [./toy --fast]", "[./toy, --fast]"),
        ("command: [./toy]\nversoin: 1", "did you mean 'version'?"),
        ("command: [./toy]\nshell: true", "unknown key 'shell'"),
        ("command: !!python/object/apply:os.system [id]", "error"),
        ("command: &a [*a]", "error"),
        ("", "missing key 'command'"),
    ],
)
def test_a_file_that_declares_no_program_says_where_and_why(
    tmp_path: Path, line: str, complaint: str
) -> None:
    told = mistake(tmp_path, f"# a toy\nprotocol: 1\nbackend: toy\n{line}\n")
    assert complaint in told
    assert "toy.yaml:" in told


def test_a_program_is_called_as_its_file(tmp_path: Path) -> None:
    told = mistake(tmp_path, "protocol: 1\nbackend: tor\ncommand: [./toy]\n")
    assert "toy.yaml:2:10: error: this file declares 'toy', by its name" in told


def test_nothing_in_a_command_goes_through_a_shell(tmp_path: Path) -> None:
    script = "import sys; open('told', 'w').write(sys.argv[1])"
    command = json.dumps([sys.executable, "-c", script, "$HOME $(touch oh) `touch no`; touch dear"])
    path = tmp_path / "toy.yaml"
    path.write_text(f"protocol: 1\nbackend: toy\ncommand: {command}\n", encoding="utf-8")
    with Pool() as pool:
        assert isinstance(pool.open(Target(str(path), "", "")).result(PATIENCE), Unavailable)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["told", "toy.yaml"]
    assert (tmp_path / "told").read_text() == "$HOME $(touch oh) `touch no`; touch dear"


@pytest.mark.parametrize(
    ("word", "reason"),
    [("./toy", "there is no ./toy in"), ("no-such-toy", "no-such-toy is not installed")],
)
def test_a_program_that_is_not_there_is_missing_and_not_broken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], word: str, reason: str
) -> None:
    path = tmp_path / "toy.yaml"
    path.write_text(f"protocol: 1\nbackend: toy\ncommand: [{word}]\n", encoding="utf-8")
    assert main(["run", str(RELU), "--backend", str(path), "--check", "cases"]) == 3
    told = " ".join(capsys.readouterr().out.split())
    assert reason in told
    assert "broken" not in told


def test_a_file_with_a_mistake_is_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "toy.yaml"
    path.write_text("protocol: 1\nbackend: toy\ncommand: ./toy\n", encoding="utf-8")
    assert main(["run", str(RELU), "--backend", str(path)]) == 2
    assert "toy.yaml:3:10: error: expected a list" in capsys.readouterr().err


# an honest program


def test_a_program_answers_like_any_worker(tmp_path: Path, pool: Pool, spec: Spec) -> None:
    path = declared(tmp_path, "honest")
    hello = opened(pool, path)
    assert str(hello.target) == "honest:cpu:eager"
    assert [str(target) for target in hello.targets] == ["honest:cpu:eager", "honest:cpu:other"]
    assert hello.unfaithful == {}
    assert hello.flushes == {}
    calls = [call(i) for i in range(300)]
    replies = pool.ask(hello.target, spec, calls, PATIENCE).result(PATIENCE)
    assert [output(reply).tolist() for reply in replies] == [[2.0 * i] for i in range(300)]


def test_what_a_program_does_not_take_is_refused_for_it(
    tmp_path: Path, pool: Pool, spec: Spec
) -> None:
    x = np.ones((2, 3), np.float32)
    asked = [
        Call("twice", {"x": x.astype(np.float16)}, {}),
        Call("twice", {"x": x}, {}, want=Want.GRADIENT, wrt=("x",)),
        Call("twice", {"x": x}, {}, form=Form.STRIDED),
        Call("twice", {"x": x}, {}, threads=2),
        Call("twice", {"x": x}, {}, seed=1),
        call(1),
    ]
    *refused, answered = ask(pool, declared(tmp_path, "honest"), spec, *asked)
    assert [isinstance(r, Refusal) and r.kind for r in refused] == [Kind.UNSUPPORTED] * 5
    assert output(answered).tolist() == [2.0]


def test_a_run_judges_a_program_like_any_backend(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = declared(tmp_path, "honest")
    assert main(["run", str(RELU), "--backend", str(path), *FEW]) == 0
    told = capsys.readouterr().out
    assert "honest:cpu:eager  1.0" in told
    assert "honest:cpu:other  1.0" in told
    assert "0 unexpected" in told


def test_a_known_divergence_of_a_program_stands_beside_its_file(
    tmp_path: Path, spec: Spec, capsys: pytest.CaptureFixture[str]
) -> None:
    path = declared(tmp_path, "erring")
    text = spec.place.path.read_text(encoding="utf-8").replace(
        "x: 1, expect: 2", "x: 13, expect: 26"
    )
    asked = tmp_path / "twice.yaml"
    asked.write_text(text, encoding="utf-8")
    run = ["run", str(asked), "--target", f"{path}:cpu:eager", *FEW]
    assert main(run) == 1
    (tmp_path / "erring.divergences.yaml").write_text(
        "trysquare: 1\nbackend: erring\ndivergences:\n"
        "  - {match: twice/*/*/*/one, symptom: beyond the limit, because: thirteen is bad luck}\n",
        encoding="utf-8",
    )
    assert main(run) == 0
    assert "thirteen is bad luck" in capsys.readouterr().out


def test_the_script_of_a_divergence_needs_the_program_alone(
    tmp_path: Path, pool: Pool, spec: Spec
) -> None:
    target = opened(pool, declared(tmp_path, "erring")).target
    for number, evidence in ((13.0, Evidence.CONFIRMED), (12.0, Evidence.GONE)):
        claim = Claim(Symptom.INACCURATE, index=(1,), want=2 * number, allowed=0.5, dtype="float32")
        script = pool.reproduce(target, spec, call(1, number), claim, PATIENCE).result(PATIENCE)
        found, said = rerun(script)
        assert found is evidence, said
        assert "trysquare" not in script.replace(str(tmp_path), "")


def test_a_stretch_of_a_program_is_asked_block_by_block(tmp_path: Path, spec: Spec) -> None:
    form = FORMATS["float32"]
    stretch = Stretch("twice", "x", {}, "float32", False, 1 << 30, 3, 256, 1 << 14, 64)  # noqa: FBT003
    area = Area(1 << 14)
    line = Line(
        Target(str(declared(tmp_path, "honest")), "", ""), START_SECONDS, MEMORY_PER_WORKER, area
    )
    line.start()
    try:
        walked = line.submit(lambda one: one.walk(spec, stretch, PATIENCE)).result(PATIENCE)
    finally:
        line.stop()
        line.join()
    assert walked.refused == {}
    got = area.bytes[64 : 64 + 4 * 3 * 256].view(np.float32)
    assert got.tobytes() == (2 * numbers(form, 1 << 30, 3 * 256)).tobytes()
    area.close()


# shared memory


def test_large_arrays_lie_in_the_area_and_small_ones_in_the_payload() -> None:
    area = np.zeros(4 * LARGE, np.uint8)
    long = np.arange(LARGE // 4, dtype=np.int32)
    arrays = (np.ones(3), long, np.tile(long, 4), long[1:])  # the last but one does not fit
    raw = encode(Message(Type.RUN, {}, arrays), area)
    length = int.from_bytes(raw[4:8], "little")
    header, payload = raw[16 : 16 + length], raw[16 + length :]
    assert [entry.get("area") for entry in json.loads(header)["arrays"]] == [None, True, None, None]
    arrived = decode(header, payload, area).arrays
    area[:] = 0  # what has arrived is a copy
    assert [one.tobytes() for one in arrived] == [one.tobytes() for one in arrays]


def test_a_program_shares_memory_for_large_arrays(tmp_path: Path, spec: Spec) -> None:
    line = Line(Target(str(declared(tmp_path, "honest")), "", ""), START_SECONDS, MEMORY_PER_WORKER)
    line.start()
    x = np.arange(LARGE, dtype=np.float32)
    try:
        asked = [Call("twice", {"x": x[i:]}, {}) for i in range(3)]
        replies = line.submit(lambda one: one.answer(spec, asked, PATIENCE)).result(PATIENCE)
        assert line._guest is not None
        assert line._guest.area.reserved >= 6 * x.nbytes - 64
    finally:
        line.stop()
        line.join()
    assert [output(reply).tobytes() for reply in replies] == [
        (2 * x[i:]).tobytes() for i in range(3)
    ]


# what goes wrong costs one case

SYMPTOMS = {
    "segfaulting": (Kind.CRASHED, "SIGSEGV"),
    "aborting": (Kind.CRASHED, "SIGABRT"),
    "leaving": (Kind.CRASHED, "exit code 0"),
    "hanging": (Kind.TIMED_OUT, "no answer within"),
    "looping": (Kind.TIMED_OUT, "no answer within"),
    "garbling": (Kind.CRASHED, "spoke no protocol"),
    "forgetting": (Kind.CRASHED, "spoke no protocol"),
    "raising": (Kind.RAISED, "thirteen is unlucky"),
    "refusing": (Kind.UNSUPPORTED, "no twice like this"),
}


@pytest.mark.parametrize("fault", SYMPTOMS)
def test_only_the_case_that_goes_wrong_is_lost(
    tmp_path: Path, pool: Pool, spec: Spec, fault: str
) -> None:
    kind, words = SYMPTOMS[fault]
    deadline = 1.0 if kind is Kind.TIMED_OUT else PATIENCE
    calls = [call(1), call(2, 13), call(3)]
    first, wrong, last = ask(pool, declared(tmp_path, fault), spec, *calls, deadline=deadline)
    assert (output(first).tolist(), output(last).tolist()) == ([2.0], [6.0])
    assert isinstance(wrong, Refusal)
    assert wrong.kind is kind
    assert words in wrong.message


def test_who_answers_before_it_has_read_the_question_is_judged_and_asked_on(
    tmp_path: Path, pool: Pool, spec: Spec
) -> None:
    target = opened(pool, declared(tmp_path, "hasty")).target
    calls = [call(1), call(*[2.0] * (1 << 21)), call(3)]
    asked = [pool.ask(target, spec, [one], PATIENCE) for one in calls]
    first, hasty, last = (output(one.result(PATIENCE)[0]) for one in asked)
    assert (first.tolist(), last.tolist()) == ([2.0], [6.0])
    assert not hasty.any()


# doctor --command

OTHERS = "growing leaking babbling wrongdtype wrongshape wrongcount repeating erring mislabelling "
OTHERS += "overwriting spawning fragile"
"""Accidents that cost nothing here; `fragile` has all those of docs/faults.md."""
LIARS = {
    "speechless": ("says hello", "there is no license for this device"),
    "silent": ("says hello", "no answer within 1 s after hello"),
    "chatty": ("says hello", "text on stdout belongs on stderr"),
    "othermagic": ("says hello", "a frame begins with b'TSQ1', not b'TSQ2"),
    "turned": ("says hello", "in the wrong order of bytes?"),
    "lengthened": ("says hello", "after"),
    "shortened": ("says hello", "malformed header"),
    "nopayload": ("gives back every special value", "malformed arrays"),
    "unquoted": ("says hello", "malformed header"),
    "arrayless": ("says hello", "no 'arrays'"),
    "typeless": ("says hello", "no 'type'"),
    "newer": ("says hello", "protocol 1 was expected"),
    "dtypeless": ("says hello", "has no 'dtypes'"),
    "misspelt": ("says hello", "unknown 'enviroment'; did you mean 'environment'?"),
    "odddtype": ("says hello", "'float23'; did you mean 'float32'?"),
    "versionless": ("says hello", "has no 'version'"),
    "rellu": ("rellu", "did you mean 'relu'?"),
    "unable": ("says hello", "there is no device /dev/toy0"),
    "quieting": ("gives back every special value", "came back as 0x"),
    "flat": ("gives back every special value", "float64 of shape () came back as float64 (1,)"),
    "hasty": ("reads and writes long frames", "came back as 0x00000000"),
    "impatient": ("reads and writes long frames", "came back as"),
    "counting": ("gives back every special value", "'result', id 1, case 0 was expected"),
    "anonymous": ("gives back every special value", "sent 'result', id None"),
    "undone": ("gives back every special value", "no answer within 1 s after the last result"),
    "lazy": ("gives back every special value", "sent 'done', id 1"),
    "replyless": ("gives back every special value", "reply has no 'outputs'"),
    "oddkind": ("tells what it does not have", "did you mean 'unsupported'?"),
    "crying": ("tells what it does not have", "raised at the function"),
    "obliging": ("tells what it does not have", "answers the function"),
    "dying": ("tells what it does not have", "ended with exit code 1"),
    "beyond": ("gives back every special value", "no array 1"),
    "unnamed": ("gives back every special value", "gave no 'output'"),
    "half": ("gives back every special value", "malformed arrays: 80 bytes"),
    "unaligned": ("gives back every special value", "offset 4 is no multiple of 64"),
    "widening": ("relu", "gave float64 () for inputs of float32 ()"),
    "overlapping": ("shares memory", "came back as"),
    "straying": ("shares memory", "malformed arrays"),
    "staying": ("ends after bye", "still runs 1 s after bye"),
    "deaf": ("ends when its stdin ends", "still runs 1 s after its stdin has ended"),
    "ending": ("gives back every special value", "ended with exit code 0"),
}


def test_every_liar_has_a_fault_that_is_looked_for() -> None:
    assert {*PROGRAMS} == {"honest", *LIARS, *SYMPTOMS, *OTHERS.split()}


def test_the_fragile_program_has_every_fault_of_the_table() -> None:
    assert Fragile.numbers == {fault.number: fault.name for fault in FAULTS}


@pytest.mark.parametrize("liar", LIARS)
def test_doctor_tells_what_a_program_does_wrong(
    tmp_path: Path, liar: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if liar == "overlapping":  # it has to have written twice, however busy the machine is
        monkeypatch.setattr("trysquare.workers.conversation.LATE", 1.0)
    title, words = LIARS[liar]
    seen = examine(read(declared(tmp_path, liar)), 1.0)
    found = next(one for one in seen if one.fault)
    assert found.title.startswith(title)
    assert words in f"{found.fault} {found.advice}"
    assert found.advice or liar == "unable"


def test_doctor_finds_nothing_wrong_with_an_honest_program(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--command", str(declared(tmp_path, "honest"))]) == 0
    told = capsys.readouterr().out
    assert told.endswith("0 faults\n")
    assert "relu: 6 of 6 calls answered" in told


def test_doctor_takes_a_command_line_and_tells_the_exit_code(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["doctor", "--command", f"{sys.executable} -c 'print(1)'"]) == 1
    assert "✗ says hello" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["", "'", "no-such-toy"])
def test_doctor_refuses_what_starts_nothing(command: str) -> None:
    assert main(["doctor", "--command", command]) == (1 if command == "no-such-toy" else 2)


def test_doctor_tells_that_a_file_is_no_program(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes").write_text("no program\n", encoding="utf-8")
    assert main(["doctor", "--command", str(tmp_path / "notes")]) == 1
    assert "✗" in capsys.readouterr().out


# the page


def test_the_schema_beside_the_page_is_that_of_the_code() -> None:
    kept = json.loads((ROOT / "docs" / "protocol.schema.json").read_text(encoding="utf-8"))
    assert kept == schema()
    jsonschema.Draft7Validator.check_schema(kept)


EXAMPLES = [block.split("```")[0] for block in PAGE.split("```json\n")[1:]]


@pytest.mark.parametrize("text", EXAMPLES)
def test_every_header_on_the_page_is_one(text: str) -> None:
    header = json.loads(text)
    validator = jsonschema.Draft7Validator(schema())
    if "type" in header:
        assert [*validator.iter_errors(header)] == []
    else:
        assert [*mistakes(header, "array")] == []


def test_every_key_of_a_header_is_on_the_page() -> None:
    keys = itertools.chain.from_iterable(one.get("properties", {}) for one in DEFINITIONS.values())
    assert [key for key in {*keys} if f"`{key}`" not in PAGE and f'"{key}"' not in PAGE] == []


def test_what_the_harness_says_is_what_the_schema_promises() -> None:
    area = Area(1 << 12)
    target = Target("toy", "", "")
    x = np.ones(2, np.float32)
    asked = Call("elu", {"x": x}, {"alpha": -0.0, "n": 1, "mode": "a", "flag": True, "no": None},
                 want=Want.GRADIENT, wrt=("x",), cotangent=x, seed=1)  # fmt: skip
    said = [
        {"type": "hello", "arrays": [], **greeting(target, area)},
        {"type": "hello", "arrays": [], **greeting(target, None)},
        {"type": "run", "id": 1, "spec": "", "calls": [pack_call(asked, [])],
         "room": {"offset": 0, "nbytes": 64}, "arrays": []},
        {"type": "bye", "arrays": []},
    ]  # fmt: skip
    validator = jsonschema.Draft7Validator(schema())
    for header in said:
        assert [*validator.iter_errors(json.loads(json.dumps(header)))] == []
    area.close()


# real ones

CC = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


@pytest.fixture(scope="session")
def libm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if CC is None:
        pytest.skip("there is no C compiler")
    folder = tmp_path_factory.mktemp("libm")
    shutil.copy(LIBM / "libm.yaml", folder)
    flags = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror"]
    source, program = str(LIBM / "libm.c"), str(folder / "libm")
    subprocess.run([CC, *flags, "-o", program, source, "-lm"], check=True)
    return folder / "libm.yaml"


def test_doctor_finds_nothing_wrong_with_the_program_in_c(libm: Path) -> None:
    faults = [found for found in examine(read(libm), PATIENCE) if found.fault]
    assert faults == []


def test_the_c_library_conforms_where_it_is_asked(
    libm: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = ROOT / "specs" / "elementary" / "sqrt.yaml"
    assert main(["run", str(spec), "--backend", str(libm), *FEW]) == 0
    assert re.search(r"0 unexpected .* [1-9]\d* pass", capsys.readouterr().out)


@pytest.mark.skipif(not LONG, reason="only `make long` starts Node.js")
@pytest.mark.parametrize("name", ["tfjs", "onnxruntime-node"])
def test_node_has_two_backends_without_a_fault(name: str) -> None:
    if shutil.which("node") is None or not (NODE / "node_modules").is_dir():
        pytest.skip("there is no Node.js, or no package: npm install --ignore-scripts")
    path = NODE / f"{name}.yaml"
    assert [found for found in examine(read(path), PATIENCE) if found.fault] == []
    names = ["relu", "log_sum_exp", "elu"] if name == "tfjs" else ["leaky_relu", "exp", "elu"]
    assert main(["run", "--backend", str(path), "--dtype", "float32", *only(names)]) == 0


def only(names: list[str]) -> list[str]:
    return [word for name in names for word in ("-k", name)]
