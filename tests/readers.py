"""Who reads files and messages from outside, each with real ones to begin with.

A reader returns if it could read what it was given and go on with it, or if that was refused with
an error of ours that has a place; whatever else it does is harm.
"""

from __future__ import annotations

import io
import json
import os
import signal
import warnings
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from enum import StrEnum
from functools import cache
from itertools import count
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np

import fake_run
from mutants import ROOT, Kind
from trysquare import baseline, divergences, results_file
from trysquare.audit.golden_files import read_golden
from trysquare.backend import Answer, Call, Refusal, Spelling, Target, Want
from trysquare.backend import Kind as Why
from trysquare.command import deciding
from trysquare.difference import compare
from trysquare.dtypes import FORMATS
from trysquare.errors import ProtocolError, SpecErrors, TrysquareError, UsageError
from trysquare.packs import arrays, manifest
from trysquare.planning import corpus
from trysquare.ratchet import Ratchet
from trysquare.reader import is_spec, read, specs_folder
from trysquare.record import FORMAT, Footer, FunctionRecord, Header, Run
from trysquare.record_form import _is_record, _members
from trysquare.result import Result
from trysquare.sweep.segment import Part
from trysquare.workers import declaration, frames
from trysquare.workers.frames import Message, Type
from trysquare.workers.headers import mistakes
from trysquare.workers.program import introduced
from trysquare.workers.protocol import (
    Hello,
    pack_call,
    pack_hello,
    pack_reply,
    unpack_call,
    unpack_hello,
    unpack_reply,
)
from trysquare_reports import annotations as commands
from trysquare_reports import badge, html, issue, junit, summary, text

TODAY = date(2026, 11, 26)
CPU = Target("torch", "cpu", "eager")
SPECS = sorted(specs_folder().glob("*/*.yaml"))


def refused(error: TrysquareError, data: bytes, path: Path) -> None:
    """Assert that an error says where, and says nothing that a terminal would obey."""
    told = str(error)
    assert told.encode()
    assert all(character.isprintable() or character == "\n" for character in told), repr(told)
    assert len(told) < 100_000
    if isinstance(error, SpecErrors):
        lines = data.count(b"\n") + data.count(b"\r") + 1
        assert error.mistakes
        for mistake in error.mistakes:
            assert 1 <= mistake.line <= lines
            assert mistake.column >= 1
            assert "\n" not in mistake.message
    else:
        assert isinstance(error, UsageError | ProtocolError), repr(error)
        assert isinstance(error, ProtocolError) or path.name in told


def _of_files(name: str, use: Callable[[Path, bytes], None]) -> Callable[[Path, bytes], None]:
    """Return a reader of files that are called `name`."""

    def reads(folder: Path, data: bytes) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        try:
            use(path, data)
        except (SpecErrors, UsageError) as error:
            refused(error, data, path)

    return reads


# specs


def _spec(folder: Path, data: bytes) -> None:
    """Read a file under the name that its function has, if that could be one at all."""
    found = data.partition(b"function:")[2].split(b"\n")[0].decode("utf-8", "replace").strip()
    name = found if found.isidentifier() and found.isascii() and len(found) < 100 else "f"
    _of_files(f"{name}.yaml", _use_spec)(folder, data)


def _use_spec(path: Path, _: bytes) -> None:
    is_spec(path)
    spec = read(path)
    assert spec.function == path.stem
    given = [one.name for one in spec.inputs] + [one.name for one in spec.parameters]
    words = [*spec.where, *given]
    assert all(word.isidentifier() for word in words)
    assert corpus.place(spec).parent == path.resolve().parent / corpus.FOLDER


# lists of known divergences, baselines, decisions, declarations, corpora


def _pieces(path: Path, most: int) -> Iterator[bytes]:
    """Yield files with the head of a real one, and a few of its entries."""
    head, *entries = path.read_text(encoding="utf-8").split("\n  - ")
    for first in range(0, len(entries), max(1, len(entries) // most)):
        yield "\n  - ".join([head, *entries[first : first + 3]]).encode()


def _use_divergences(path: Path, _: bytes) -> None:
    for entry in divergences.read(path, "torch"):
        entry.holds(CPU, "2.13.0", {"cpu capability": "AVX2"})
        entry.speaks_of("elu", "values", "float32")
        entry.matching("elu/values/float32/torch:cpu:eager/7-points")
        entry.covered(fake_run.result())
        assert entry.reason


def _divergence_files() -> Iterator[bytes]:
    for path in sorted((ROOT / "backends/trysquare_backends").glob("*.divergences.yaml")):
        name = path.name.partition(".")[0]
        for piece in _pieces(path, 12):
            yield piece.replace(f"backend: {name}".encode(), b"backend: torch")


BASELINE = """\
baseline: 1
accepted:
  - id: sigmoid/values/float32/torch:cpu:eager/7-points
    reason: The new kernel rounds once too often.
    symptom: beyond the limit
    budget: 919
    issue: https://github.com/pytorch/pytorch/issues/1
    until: 2027-03-31
  - id: elu/cases/float16/torch:cpu:eager/not-a-number
    reason: 'Nobody has decided what this one "means".'
    symptom: NaN against a number
"""


def _use_baseline(path: Path, _: bytes) -> None:
    entries = baseline.read(path)
    run = fake_run.run()
    book = Ratchet.over(entries, run, today=TODAY)
    for judged in book.standings():
        assert judged.entry.why
        assert str(judged.entry.place)
    assert len([*book.stale()]) <= len(entries)


DECISIONS = """\
{"format": "trysquare-decisions", "version": 1,
 "run": {"started": "2026-11-23T07:51:04Z", "specs": "specs"},
 "decisions": [
  {"ids": ["sigmoid/values/float32/torch:cpu:eager/7-points"], "decision": "accept",
   "reason": "The new kernel rounds once too often.", "issue": "https://example.org/1",
   "until": "2027-03-31"},
  {"ids": ["elu/cases/float16/torch:cpu:eager/not-a-number"], "decision": "reject",
   "reason": "This one is for the vendor to mend."}
 ]}
"""


def _use_decisions(path: Path, _: bytes) -> None:
    for decision in deciding.read(path, fake_run.run().header):
        assert decision.ids


def _use_declaration(path: Path, _: bytes) -> None:
    program = declaration.read(path)
    assert program.name == path.stem
    try:
        assert all(isinstance(word, str) for word in program.argv())
    except FileNotFoundError as error:
        raise UsageError(f"{path}: {error}") from None


def _corpus(folder: Path, data: bytes) -> None:
    home = folder / "elu.yaml"
    home.write_bytes((specs_folder() / "activations/elu.yaml").read_bytes())
    # the size and the time of the file say whether it was read before
    (folder / corpus.FOLDER).mkdir(exist_ok=True)
    corpus._read.cache_clear()
    spec = read(home)

    def use(_: Path, __: bytes) -> None:
        corpus.points(spec)
        corpus.tuples(spec, spec.inputs, "float32")

    _of_files("corpus/elu.yaml", use)(folder, data)


# results


def _filled(hint: Any, turn: Iterator[int]) -> Any:
    """Return JSON that the type of a record accepts, with something in each of its fields."""
    members = [member for member in _members(hint) if member is not NoneType]
    arguments = get_args(hint)
    if members:
        return _filled(members[next(turn) % len(members)], turn)
    if _is_record(hint):
        return {name: _filled(kind, turn) for name, kind in get_type_hints(hint).items()}
    if get_origin(hint) is tuple:
        kinds = [arguments[0]] * 2 if arguments[-1] is Ellipsis else arguments
        return [_filled(kind, turn) for kind in kinds]
    if arguments:
        return {"a": _filled(arguments[1], turn)}
    if issubclass(hint, StrEnum):
        return [*hint][next(turn) % len(hint)]
    return {str: "text", int: 3, float: 1.5, bool: True}[hint]


def _results_files() -> Iterator[bytes]:
    """Yield short files of real results, and of records that have everything."""
    run, turn = fake_run.run(), count()
    for first in range(0, 24, 6):
        some = run.results[first :: len(run.results) // 6]
        yield _lines(replace(run, functions=run.functions[first // 6 :][:1], results=some))
    for _ in range(16):
        header = _filled(Header, turn)
        target = header["targets"][0]["target"] = "torch:cpu:eager"
        result = _filled(Result, turn)
        group = "/".join((result["function"], result["check"], result["dtype"]))
        result |= {"target": target, "id": f"{group}/{target}/case"}
        records = {
            "header": {"format": FORMAT, **header},
            "function": _filled(FunctionRecord, turn),
            "result": result,
            "footer": {**_filled(Footer, turn), "counts": {result["outcome"]: 1}},
        }
        yield b"\n".join(
            json.dumps({"type": name, **record}).encode() for name, record in records.items()
        )


def _lines(run: Run) -> bytes:
    ends = () if run.footer is None else (run.footer,)
    records = (run.header, *run.functions, *run.results, *ends)
    return "\n".join(map(results_file.line, records)).encode()


def _parts() -> Iterator[bytes]:
    """Yield the journals of sweeps."""
    turn = count()
    for _ in range(4):
        header = {"type": "header", "format": FORMAT, **_filled(Header, turn)}
        part = {"type": "part", **_filled(Part, turn)}
        yield b"\n".join(json.dumps(record).encode() for record in (header, part))


def _use_results(path: Path, data: bytes) -> None:
    run = results_file.read(path)
    writers: tuple[Callable[[Run], object], ...] = (
        html.render,
        junit.render,
        summary.render,
        text.render_summary,
        commands.commands,
        badge.svg,
        lambda run: [issue.issue(run, result) for result in run.results],
        lambda run: compare(run, fake_run.run()),
        lambda run: Ratchet.over((), run, today=TODAY),
    )
    written = writers[len(data) % len(writers)](run)
    if isinstance(written, str):
        assert "\x1b" not in written
        assert written.encode()


def _use_journal(path: Path, _: bytes) -> None:
    list(results_file.whole(path))  # of an empty file, nothing comes


# packs and goldens


def _file(name: str) -> dict[str, Any]:
    return {
        "path": f"elu/float32/points/{name}.npy", "sha256": "0" * 64, "shape": [2, 3], "count": 6,
        "npy": "<f4", "encoding": "numbers",
    }  # fmt: skip


def _manifest() -> bytes:
    answer = {
        "name": "elu/float32/points/value", "wrt": "", "answer": _file("value"),
        "lowest": _file("value.lowest"), "highest": _file("value.highest"), "extras": None,
        "also": [_file("value.also1")],
        "undecided": [{"index": 1, "candidates": ["0x00000000", "0x00000001"]}],
    }  # fmt: skip
    questions = {
        "name": "elu/float32/points", "function": "elu",
        "spec": {"path": "activations/elu.yaml", "sha256": "0" * 64},
        "formula": {"value": "x"}, "parameters": {"alpha": 1.0}, "dtype": "float32",
        "kind": "points", "holds": "all", "seed": 0,
        "inputs": [{"name": "x", "file": _file("x")}], "cotangent": None, "answers": [answer],
    }  # fmt: skip
    return json.dumps({"format": 1, "trysquare": "0", "sets": [questions]}).encode()


def _use_manifest(path: Path, _: bytes) -> None:
    for asked in manifest.read(path).sets:
        for file in asked.files:
            inside = (path.parent / file.path).resolve()
            assert inside.is_relative_to(path.parent.resolve())


@cache
def _elu() -> Any:
    return read(specs_folder() / "activations/elu.yaml")


def _use_golden(path: Path, _: bytes) -> None:
    read_golden(path, _elu(), {}, FORMATS["float32"])


def _npy() -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.ones(2, np.float32))
    return stream.getvalue()


def _use_array(path: Path, data: bytes) -> None:
    """Read an array as one of others' expectations, and as one that a pack is to judge."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", _npy())
        archive.writestr("expected.npy", data)
    wanted = manifest.File("", "", (2,), 2, "<f4", manifest.Encoding.NUMBERS)
    try:
        _use_golden(path, data)
    except UsageError as error:
        refused(error, data, path)
    with arrays.Outputs.open(path) as outputs:
        outputs.array("expected", wanted)


# what programs say


def _frames() -> Iterator[bytes]:
    x = np.array([1.0, -0.0, 2.0], np.float32)
    call = Call("elu", {"x": x}, {"alpha": 0.1, "inplace": False}, Want.GRADIENT, ("x",), x)
    answer = Answer({"output": x}, ("x",), seconds=0.1, note="a note")
    for sent, make in (([], call), ([], answer), ([], Refusal(Why.RAISED, "no", "Error"))):
        if isinstance(make, Call):
            body: frames.Json = {"id": 1, "spec": "", "calls": [pack_call(make, sent)]}
            yield frames.encode(Message(Type.RUN, body, tuple(sent)))
        else:
            body = {"id": 1, "case": 0, "reply": pack_reply(make, sent)}
            yield frames.encode(Message(Type.RESULT, body, tuple(sent)))
    hello = Hello(
        CPU, "2.13.0", (CPU,), ("float32",), {"cpu": "AVX2"},
        {"elu": Spelling("elu(x)", {"alpha": "1.0"}, {"alpha": 1.0})}, {"relu": "none"},
        {}, {"float32": ("inputs",)}, canary=True,
    )  # fmt: skip
    yield frames.encode(Message(Type.HELLO, pack_hello(hello)))
    program = {
        "protocol": 1, "version": "1", "dtypes": ["float32"], "absent": {"relu": "none"},
        "functions": {"elu": {"text": "elu(x)", "defaults": {"a": "1"}, "means": {"a": 1}}},
        "targets": [{"device": "cpu", "mode": "eager"}, {"device": "gpu", "mode": "eager",
        "reason": "none"}], "wants": ["value"], "forms": ["strided"], "threads": True,
        "environment": {"cpu": "AVX2"}, "underived": "none",
    }  # fmt: skip
    yield frames.encode(Message(Type.HELLO, program))
    yield frames.encode(Message(Type.HELLO, {"protocol": 1, "reason": "no device"}))
    yield frames.encode(Message(Type.DONE, {"id": 1}))


def _messages(_: Path, data: bytes) -> None:
    stream = io.BytesIO(data)
    try:
        while (message := frames.receive(stream)) is not None:
            _understood(message)
    except ProtocolError as error:
        refused(error, data, Path())


def _header(frame: bytes) -> bytes:
    length, _ = frames.lengths(frame[: frames.PREFIX.size])
    return frame[frames.PREFIX.size :][:length]


def _headers(folder: Path, data: bytes) -> None:
    """Read a header in a frame of the right lengths, before arrays of zeros."""
    prefix = frames.PREFIX.pack(frames.MAGIC, len(data), 256)
    _messages(folder, prefix + data + bytes(256))


def _understood(message: Message) -> None:
    """Read a message as whatever it could be; what it is not must be said at once."""
    body, arrays = message.body, message.arrays
    header = {**body, "type": str(message.type), "arrays": []}
    for name in ("run", "result", "program hello", "cannot", "done"):
        assert len([*mistakes(header, name)]) < 100
    toy = declaration.Declaration("toy", ("toy",), Path())
    calls = body["calls"] if isinstance(body.get("calls"), list) else []
    readers: tuple[Callable[[], object], ...] = (
        lambda: [unpack_call(call, arrays) for call in calls],
        lambda: unpack_reply(body.get("reply"), arrays),  # type: ignore[arg-type]
        lambda: unpack_hello(body),
        lambda: introduced(toy, Target("toy", "", ""), body),
    )
    wrong = ""
    for understand in readers:
        try:
            understand()
        except ProtocolError as error:
            refused(error, b"", Path())
            wrong = str(error)
    assert wrong or message.type is Type.HELLO


# liars


def _liar(lie: Callable[[Path], None]) -> Kind:
    """Return a kind whose reader misbehaves at what only some mutants are."""

    def reads(folder: Path, data: bytes) -> None:
        if b"a: 1" not in data:
            lie(folder)

    return Kind((b"a: 1\nb: 2\n",), reads, seconds=0.3)


def _forever(_: Path) -> None:
    while True:
        pass


def _deaf(_: Path) -> None:
    signal.signal(signal.SIGPROF, signal.SIG_IGN)
    _forever(_)


def _key(_: Path) -> None:
    raise KeyError("harm")


def _elsewhere(folder: Path) -> None:
    (folder.parent / "harm").write_text("x", encoding="utf-8")


def _stranger(_: Path) -> None:
    Path("/etc/passwd").read_bytes()


LIARS: dict[str, Callable[[Path], None]] = {
    "raises a KeyError": _key,
    "never ends": _forever,
    "never ends, and hears no signal": _deaf,
    "takes all memory": lambda _: bytearray(1 << 34).clear(),
    "runs code": lambda _: exec("1 + 1"),  # noqa: S102 - the lie
    "starts a program": lambda _: os._exit(os.system("true")),  # noqa: S605, S607 - the lie
    "dies": lambda _: os._exit(0),
    "writes elsewhere": _elsewhere,
    "reads elsewhere": _stranger,
    "warns": lambda _: warnings.warn("harm", stacklevel=2),
}


@cache
def kinds() -> dict[str, Kind]:
    """Return everything that is read, and the liars."""
    declared = (b"protocol: 1\nbackend: toy\ncommand: [./toy, --fast]\nversion: '1.0'\n",)
    corpora = tuple(
        piece for path in specs_folder().glob("*/corpus/elu.yaml") for piece in _pieces(path, 8)
    )
    golden = (
        b"# mine\nx,expected\n1.5,1.5\n-0x1p-3,0xbdf0\n0x3fc00000,inf\n",
        b"dtype,input,output,ulperrortol\nnp.float32,0x3fc00000,0x3fc00000,2\n",
    )
    return {
        "spec": Kind(tuple(path.read_bytes() for path in SPECS), _spec),
        "divergences": Kind(
            tuple(_divergence_files()), _of_files("torch.divergences.yaml", _use_divergences)
        ),
        "baseline": Kind((BASELINE.encode(),), _of_files("baseline.yaml", _use_baseline)),
        "results": Kind(
            tuple(_results_files()), _of_files("results.jsonl", _use_results), json=True
        ),
        "journal": Kind(tuple(_parts()), _of_files("sweep.jsonl", _use_journal), json=True),
        "declaration": Kind(declared, _of_files("toy.yaml", _use_declaration)),
        "protocol": Kind(tuple(_frames()), _messages),
        "headers": Kind(tuple(map(_header, _frames())), _headers, json=True),
        "decisions": Kind((DECISIONS.encode(),), _of_files("decisions.json", _use_decisions)),
        "corpus": Kind(corpora, _corpus),
        "manifest": Kind((_manifest(),), _of_files("manifest.json", _use_manifest), json=True),
        "golden": Kind(golden, _of_files("golden.csv", _use_golden)),
        "arrays": Kind((_npy(),), _of_files("golden.npz", _use_array)),
        **{name: _liar(lie) for name, lie in LIARS.items()},
    }
