"""Scripts that show a divergence with a program alone: they speak the protocol themselves."""

from __future__ import annotations

import json
from pathlib import Path

from trysquare.backend import Array, Call, Form
from trysquare.framework import Snippets
from trysquare.result import Symptom
from trysquare.spec import Spec
from trysquare.workers.declaration import Declaration
from trysquare.workers.protocol import Hello, pack_call
from trysquare.workers.reproduction import Claim, Wording, written_out

UNSEEN = (Symptom.DISTRIBUTION, Symptom.MUTATED, Symptom.STORAGE, Symptom.ARITHMETIC)
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


def frame(header, arrays=()):
    table, payload = [], b""
    for dtype, array in arrays:
        entry = dict(dtype=dtype, shape=array.shape, offset=len(payload), nbytes=array.nbytes)
        table.append(entry)
        payload += array.tobytes() + bytes(-array.nbytes % 64)
    head = json.dumps(dict(header, arrays=table)).encode()
    return struct.pack("<4sIQ", b"TSQ1", len(head), len(payload)) + head + payload


def ask(call, arrays, wanted):
    """Return what the program answers to one call; bfloat16 as float32."""
    said = frame(HELLO) + frame(dict(type="run", id=1, spec="", calls=[call]), arrays)
    got = subprocess.run(COMMAND, cwd=FOLDER, input=said, stdout=subprocess.PIPE).stdout
    for _ in "hello", "result":
        _, length, size = struct.unpack("<4sIQ", got[:16])
        header, payload = json.loads(got[16:16 + length]), got[16 + length:]
        got = payload[size:]
    if "kind" in header["reply"]:
        name = header["reply"].get("error") or "RuntimeError"
        raise type(name, (Exception,), dict())(header["reply"]["message"])
    outputs = []
    for entry in [header["arrays"][header["reply"]["outputs"][name]] for name in wanted]:
        raw = payload[entry["offset"]:entry["offset"] + entry["nbytes"]]
        if entry["dtype"] == "bfloat16":
            array = (np.frombuffer(raw, np.uint16).astype(np.uint32) << 16).view(np.float32)
        else:
            array = np.frombuffer(raw, entry["dtype"])
        outputs.append(array.reshape(entry["shape"]))
    return outputs
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
    if claim.symptom in UNSEEN or (claim.symptom, claim.dtype) == (Symptom.DTYPE, "bfloat16"):
        return ""
    title = f"{spec.function} on {hello.target}, {program.name} {hello.version}"
    wording = Wording(title, _words(program, hello), hello.target, _written)
    return written_out(wording, call, claim, reference)


def _written(call: Call) -> str:
    """Return a call of the protocol as Python source; tensors have the names of the inputs."""
    arrays: list[Array] = []
    packed = json.loads(json.dumps(pack_call(call, arrays)))
    given = {**call.inputs, **({} if call.cotangent is None else {"cotangent": call.cotangent})}
    tensors = ", ".join(f'("{array.dtype.name}", {name})' for name, array in given.items())
    wanted = [*call.wrt] if call.want.derives else ["output"]
    text = f"ask(\n    {packed},\n    [{tensors}],\n    {wanted},\n)"
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
        bfloat16="{array}",
        number="float({tensor}[{index}])",
        dtype="{tensor}.dtype.name",
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
