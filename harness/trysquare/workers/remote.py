"""Scripts that show a divergence with a program alone: they speak the protocol themselves."""

from __future__ import annotations

import json
from pathlib import Path

from trysquare.backend import Array, Call, Form
from trysquare.binding import Snippets
from trysquare.result import Symptom
from trysquare.spec import Spec
from trysquare.workers.declaration import Declaration
from trysquare.workers.protocol import Hello, pack_call
from trysquare.workers.reproduction import Claim, written_out

UNSEEN = (Symptom.DISTRIBUTION, Symptom.MUTATED, Symptom.STORAGE)
"""Symptoms that a program tells of itself, and that nobody sees through a pipe."""

SPEAKING = '''\
import json
import os
import struct
import subprocess

# The program is started in FOLDER, seen from where this script is run.
COMMAND = {command}
FOLDER = os.path.join(os.environ.get("HERE", "."), {folder})
HELLO = {hello}
PREFIX = struct.Struct("<4sIQ")


class bfloat16(np.ndarray):
    """uint16 patterns."""


def dtype(array):
    return "bfloat16" if isinstance(array, bfloat16) else array.dtype.name


def number(array, index):
    if isinstance(array, bfloat16):
        return struct.unpack("<f", struct.pack("<I", int(array[index]) << 16))[0]
    return float(array[index])


def send(program, header, arrays):
    payload, table = b"", []
    for array in arrays:
        raw = array.tobytes()
        entry = dict(dtype=dtype(array), shape=array.shape, offset=len(payload), nbytes=len(raw))
        table.append(entry)
        payload += raw + bytes(-len(raw) % 64)
    head = json.dumps(dict(header, arrays=table)).encode()
    program.stdin.write(PREFIX.pack(b"TSQ1", len(head), len(payload)) + head + payload)
    program.stdin.flush()


def receive(program):
    prefix = program.stdout.read(PREFIX.size)
    if len(prefix) < PREFIX.size:
        raise SystemExit(f"the program ended with {{program.wait()}}")
    _, length, size = PREFIX.unpack(prefix)
    header = json.loads(program.stdout.read(length))
    payload = program.stdout.read(size)
    arrays = []
    for entry in header["arrays"]:
        raw = payload[entry["offset"] : entry["offset"] + entry["nbytes"]]
        kind = "uint16" if entry["dtype"] == "bfloat16" else entry["dtype"]
        array = np.frombuffer(raw, kind).reshape(entry["shape"])
        arrays.append(array.view(bfloat16) if entry["dtype"] == "bfloat16" else array)
    return header, arrays


def ask(call, arrays, wanted):
    """Return what the program answers to one call."""
    first, *rest = COMMAND
    first = os.path.abspath(os.path.join(FOLDER, first)) if os.sep in first else first
    pipe = subprocess.PIPE
    with subprocess.Popen([first, *rest], cwd=FOLDER, stdin=pipe, stdout=pipe) as program:
        send(program, HELLO, [])
        receive(program)
        send(program, dict(type="run", id=1, spec="", calls=[call]), arrays)
        header, answered = receive(program)
        program.stdin.close()
    reply = header["reply"]
    if "kind" in reply:
        raise RuntimeError(reply["message"])
    return [answered[reply["outputs"][name]] for name in wanted]
'''


def script(
    program: Declaration,
    hello: Hello,
    spec: Spec,
    call: Call,
    claim: Claim,
    reference: Call | None = None,
) -> str:
    """Return a script that ends with exit code 1 if the divergence shows, and 0 if it does not."""
    if claim.symptom in UNSEEN:
        return ""
    title = f"{spec.function} on {hello.target}, {program.name} {hello.version}"
    words = _words(program, hello)
    return written_out(words, title, hello.target, _written, call, claim, reference)


def _written(call: Call) -> str:
    """Return a call of the protocol as Python source; tensors have the names of the inputs."""
    arrays: list[Array] = []
    packed = json.loads(json.dumps(pack_call(call, arrays)))
    names = [*call.inputs, *(["cotangent"] if call.cotangent is not None else [])]
    wanted = [*call.wrt] if call.want.derives else ["output"]
    text = f"ask(\n    {packed},\n    [{', '.join(names)}],\n    {wanted},\n)"
    return text if call.want.derives else f"{text}[0]"


def _words(program: Declaration, hello: Hello) -> Snippets:
    here, folder = Path.cwd(), program.folder
    near = folder.relative_to(here) if folder.is_relative_to(here) else folder
    greeting = {
        "type": "hello",
        "protocol": 1,
        "device": hello.target.device,
        "mode": hello.target.mode,
        "area": None,
    }
    imports = SPEAKING.format(command=[*program.command], folder=repr(str(near)), hello=greeting)
    return Snippets(
        imports=imports,
        tensor="{array}",
        bfloat16="{array}.view(bfloat16)",
        number="number({tensor}, {index})",
        dtype="dtype({tensor})",
        raw="{tensor}.tobytes()",
        storage="id({tensor})",
        needed="{tensor}",
        gradient="gradients = {call}",
        ones="None",
        seed="# the call has the seed {number}",
        forms=dict.fromkeys(Form, "{tensor}"),
        threads="# the call asks for {count} threads",
        second="gradients = {call}",
    )
