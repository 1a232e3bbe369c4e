"""How fast calls of programs are: a small one, and 64 MiB there and back by pipe and by memory.

The programs are the one of examples/libm in C, which is compiled, one in Node.js without packages,
and one in plain Python; what is called is `probe:echo`.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from trysquare.backend import Answer, Array, Call
from trysquare.workers.conversation import Conversation
from trysquare.workers.declaration import Declaration
from trysquare.workers.headers import ECHO

ROOT = Path(__file__).parents[1]
SMALL, LONG = 300, 7
MEBIBYTES = 64
NODE = """\
import {{ serve }} from {protocol};
const hello = {{ version: "1", dtypes: ["float32"], functions: {{}} }};
await serve(hello, (asked) => ({{ output: asked.inputs.x }}));
"""


def main() -> None:
    """Print a line for each program; each time is the best of several."""
    with TemporaryDirectory() as folder:
        for program in programs(Path(folder)):
            with Conversation(program, 60.0, late=0.0) as talk:
                begun = time.perf_counter()
                talk.hello()
                hello = time.perf_counter() - begun
                small = [seconds(talk, np.ones(3, np.float32), shared=False) for _ in range(SMALL)]
                array = np.arange(MEBIBYTES << 18, dtype=np.float32)
                pipe = [seconds(talk, array, shared=False) for _ in range(LONG)]
                memory = [seconds(talk, array, shared=True) for _ in range(LONG)]
            print(
                f"{program.name:8} hello {hello * 1e3:5.0f} ms   "
                f"small call {min(small) * 1e6:5.0f} us   "
                f"{MEBIBYTES} MiB there and back: by pipe {min(pipe) * 1e3:4.0f} ms, "
                f"in shared memory {min(memory) * 1e3:4.0f} ms"
            )


def seconds(talk: Conversation, array: Array, *, shared: bool) -> float:
    """Return how long an array takes there and back."""
    begun = time.perf_counter()
    (reply,) = talk.ask([Call(ECHO, {"x": array}, {})], shared=shared)
    taken = time.perf_counter() - begun
    if not isinstance(reply, Answer) or reply.outputs["output"].tobytes() != array.tobytes():
        raise SystemExit("something else came back")
    return taken


def programs(folder: Path) -> Iterator[Declaration]:
    """Yield the programs that can run here; what has to be made for them is made in the folder."""
    if compiler := shutil.which("cc") or shutil.which("gcc"):
        source = str(ROOT / "examples" / "libm" / "libm.c")
        subprocess.run([compiler, "-O2", "-o", str(folder / "libm"), source, "-lm"], check=True)
        yield Declaration("c", ("./libm",), folder)
    if shutil.which("node"):
        protocol = json.dumps(str(ROOT / "examples" / "node" / "protocol.mjs"))
        (folder / "echo.mjs").write_text(NODE.format(protocol=protocol), encoding="utf-8")
        yield Declaration("node", ("node", "echo.mjs"), folder)
    program = str(ROOT / "tests" / "program.py")
    yield Declaration("python", (sys.executable, "-I", "-S", program, "honest"), folder)


if __name__ == "__main__":
    main()
