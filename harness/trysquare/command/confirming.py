"""Every reproduction of a run, each in a process of its own, and held against what was recorded."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from trysquare.command.rerun import HERE, SECONDS, Evidence, judged, rerun
from trysquare.dtypes import FORMATS, Format
from trysquare.result import Result, Symptom

_SERVER = """\
import contextlib, importlib, os, runpy, signal, sys, traceback
sys.modules["trysquare"] = None
said = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
runpy.run_path("imports.py")
for asked in sys.stdin:
    child = os.fork()
    if child == 0:
        signal.alarm(int(sys.argv[1]))
        printed = os.open("printed", os.O_WRONLY | os.O_CREAT)
        os.dup2(printed, 1)
        os.dup2(printed, 2)
        imported = set(sys.modules)
        code = 0
        try:
            runpy.run_path("reproduction.py", run_name="__main__")
        except BaseException:
            traceback.print_exc()
            code = 1
        sys.stdout.flush()
        with open("late.txt", "w") as late:
            late.writelines(f"{name}\\n" for name in sys.modules if name not in imported)
        os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with open("late.txt") as late:
        for name in late:
            with contextlib.suppress(Exception):
                importlib.import_module(name.rstrip())
    print(code, file=said, flush=True)
"""
"""Imports what scripts import, and then lets a copy of itself run each of them: of a framework that
was imported, and not called yet. So no script sees what another one did. What a framework imports
in a call is imported for the next copies too, which can save each of them a second."""

_NUMBERS = {
    Symptom.NAN,
    Symptom.INFINITY,
    Symptom.LOST,
    Symptom.INACCURATE,
    Symptom.SIGN_OF_ZERO,
    Symptom.BITS,
}
"""Symptoms whose worst element a script prints as "got", or "here"."""

_GOT = re.compile(r"^(?:got|here) +\S+ (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Confirmation:
    """What the script of a result shows, and what it printed."""

    result: Result
    evidence: Evidence
    printed: str


def confirm(results: Iterable[Result]) -> Iterator[Confirmation]:
    """Run the script of each result that has one, equal ones once, and yield what each shows.

    Scripts with the same imports run one after the other in copies of a process that has done only
    these. What is not confirmed so is run again in a process that has done nothing.
    """
    asked: defaultdict[str, list[Result]] = defaultdict(list)
    for result in results:
        if result.reproduction:
            asked[result.reproduction].append(result)
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for script in asked:
        alike[_imports(script)].append(script)
    for imports, scripts in alike.items():
        for script, (evidence, printed) in zip(scripts, _copies(imports, scripts), strict=True):
            for result in asked[script]:
                yield _again(Confirmation(result, same(result, evidence, printed), printed))


def same(result: Result, evidence: Evidence, printed: str) -> Evidence:
    """Return what a script shows of a result: the same divergence, with the same bits?"""
    if evidence is not Evidence.CONFIRMED or result.symptom is None:
        return evidence
    if result.symptom is Symptom.RAISED:
        name = re.escape(result.reason.partition(":")[0])
        raised = re.search(rf"^(?:\w+\.)*{name}\b", printed, re.MULTILINE)
        return Evidence.CONFIRMED if raised else Evidence.OTHER
    if not re.search(r"^AssertionError\b", printed, re.MULTILINE):
        return Evidence.UNKNOWN
    # of the symptoms without a number here, the script itself asks for the very bits
    if result.symptom not in _NUMBERS or result.worst is None:
        return Evidence.CONFIRMED
    got = _GOT.search(printed)
    alike = got is not None and _alike(got[1], result.worst.got.bits, FORMATS[result.dtype])
    return Evidence.CONFIRMED if alike else Evidence.OTHER


def _again(confirmation: Confirmation) -> Confirmation:
    if confirmation.evidence is Evidence.CONFIRMED:
        return confirmation
    evidence, printed = rerun(confirmation.result.reproduction)
    return Confirmation(confirmation.result, same(confirmation.result, evidence, printed), printed)


def _alike(printed: str, bits: str, form: Format) -> bool:
    """Return whether a number, rounded to a format, has these bits; all NaN are one.

    An answer in a wider format is recorded rounded, and printed as it is.
    """
    recorded = float(form.widen(form.from_bits(np.array([int(bits, 16)], np.uint64)))[0])
    try:
        return float(form.round(np.array(float.fromhex(printed)))).hex() == recorded.hex()
    except ValueError:
        return False


def _imports(script: str) -> str:
    """Return the beginning of a script up to its last import, without what it may leave out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns when it is run
        try:
            body = ast.parse(script).body
            imports = ast.Import | ast.ImportFrom
            ends = [end for end, one in enumerate(body, 1) if isinstance(one, imports)]
            head = [ast.unparse(one) for one in body[: max(ends, default=0)]]
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            return ""
    return "".join(f"{line}\n" for line in head if line not in ("import base64", "import zlib"))


def _copies(imports: str, scripts: Sequence[str]) -> Iterator[tuple[Evidence, str]]:
    """Run each script in a copy of a process that has made its imports."""
    if sys.platform == "win32":
        yield from map(rerun, scripts)
        return
    with TemporaryDirectory() as folder:
        script, printed = Path(folder, "reproduction.py"), Path(folder, "printed")
        Path(folder, "imports.py").write_text(imports, encoding="utf-8")
        Path(folder, "late.txt").touch()
        server = subprocess.Popen(
            [sys.executable, "-I", "-c", _SERVER, str(int(SECONDS))],
            cwd=folder,
            env={**os.environ, HERE: str(Path.cwd())},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        with server:
            for text in scripts:
                script.write_text(text, encoding="utf-8")
                printed.write_bytes(b"")
                yield judged(_asked(server), printed.read_bytes())


def _asked(server: subprocess.Popen[str]) -> int | None:
    """Let the server run what lies there, and return the exit code; None if it has died."""
    if server.stdin is None or server.stdout is None:
        return None
    try:
        server.stdin.write("go\n")
        server.stdin.flush()
    except BrokenPipeError:
        return None
    code = server.stdout.readline()
    return int(code) if code else None
