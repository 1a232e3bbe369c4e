"""One spec with several versions of a package, each in an environment that is thrown away."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from trysquare.difference import Change, Comparison, compare
from trysquare.errors import UsageError
from trysquare.record import Run
from trysquare.results_file import read

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]*")
"""A package or a version; nothing that pip could take for an option or an address."""

_LINES = 8
"""Lines of what a program said before it failed."""


@dataclass(frozen=True)
class Asked:
    """What is measured with every version: a function, on a backend, with options of `run`."""

    function: str
    package: str
    backend: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Measured:
    """A version, and its run; None if there is none, and why."""

    version: str
    run: Run | None
    fault: str = ""

    @property
    def loaded(self) -> str:
        """What the targets say that they are, which whoever asked for a version should see."""
        targets = () if self.run is None else self.run.header.targets
        return "".join(f" · {one.target} {one.version}" for one in targets if one.available)


@dataclass(frozen=True)
class Step:
    """Two versions, one after the other, and what became of every result."""

    before: str
    after: str
    comparison: Comparison

    @property
    def changed(self) -> bool:
        """Whether any result did."""
        return self.comparison.counts[Change.SAME] < len(self.comparison.deltas)


def listed(package: str, text: str) -> tuple[str, ...]:
    """Return the versions in a comma-separated list; UsageError for what cannot be compared."""
    versions = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    for word in (package, *versions):
        if not _WORD.fullmatch(word):
            raise UsageError(f"'{word}' is no name of a package or a version")
    if len(versions) < len(("before", "after")):
        raise UsageError(f"to compare, it takes two versions or more: --versions {text},...")
    return versions


def measure(asked: Asked, version: str) -> Measured:
    """Install a version where nothing else is, and run there what runs here."""
    with TemporaryDirectory(prefix="trysquare-") as name:
        folder = Path(name)
        python, results = folder / "bin" / "python", folder / "results.jsonl"
        wanted = f"{asked.package}=={version}"
        installing = ["-P", "-m", "pip", "install", "--quiet", "--no-input", wanted]
        if fault := _fault([sys.executable, "-P", "-m", "venv", name]):
            return Measured(version, None, f"no environment could be made: {fault}")
        if fault := _fault([str(python), *installing]):
            return Measured(version, None, f"pip could not install {wanted}: {fault}")
        _lend(folder)
        running = ["-P", "-m", "trysquare", "run", "-k", asked.function, *asked.options]
        backend = ["--backend", asked.backend, "-o", str(results)]
        if fault := _fault([str(python), *running, *backend], good=(0, 1)):
            return Measured(version, None, f"the run did not end well: {fault}")
        try:
            run = read(results)
        except UsageError as error:
            return Measured(version, None, str(error))
        if not any(one.available for one in run.header.targets):
            reasons = "; ".join(f"{one.target}: {one.reason}" for one in run.header.targets)
            return Measured(version, None, f"no target runs with {wanted}: {reasons}")
        return Measured(version, run)


def steps(measured: Sequence[Measured]) -> Iterator[Step]:
    """Yield each version that was measured beside the one before it."""
    there = [(one.version, one.run) for one in measured if one.run is not None]
    for (before, old), (after, new) in pairwise(there):
        yield Step(before, after, compare(old, new))


def _lend(folder: Path) -> None:
    """Let an environment find what this one has, after what it has itself."""
    paths = [str(Path(path).resolve()) for path in sys.path if Path(path).is_dir()]
    for site in folder.glob("lib/python*/site-packages"):
        (site / "zz-trysquare.pth").write_text("\n".join(paths) + "\n", encoding="utf-8")


def _fault(command: Sequence[str], good: Sequence[int] = (0,)) -> str:
    """Run a program; return what it said at last if it failed, else nothing."""
    apart = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}
    environment = {name: value for name, value in os.environ.items() if name not in apart}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode in good:
        return ""
    said = [line for line in f"{done.stdout}\n{done.stderr}".splitlines() if line.strip()]
    return "\n".join(said[-_LINES:]) or f"exit status {done.returncode}"
