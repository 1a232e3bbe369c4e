"""What each target can do here, and why another one cannot."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from pathlib import Path

from trysquare.backend import Unavailable
from trysquare.command import selection
from trysquare.command.interview import examine as interview
from trysquare.errors import UsageError, suggestion
from trysquare.loading import is_program
from trysquare.recorder import name_of
from trysquare.run import Session
from trysquare.workers.declaration import Declaration, read
from trysquare.workers.protocol import Hello


def examine(backends: Sequence[str], tell: Callable[[str], None]) -> bool:
    """Tell a few lines about each target of these backends; return whether there is any."""
    with Session(selection.backends(backends), seed=0) as session:
        for hello in session.targets.values():
            for line in _healthy(hello):
                tell(line)
        for missing in session.unavailable:
            for line in _missing(missing):
                tell(line)
        for resting in session.on_request:
            tell(f"· {resting.target}  on request: {resting.why}")
        return bool(session.targets)


def program(command: str) -> Declaration:
    """Return the program that a file declares, or that a command line starts; no shell reads it.

    Raises SpecErrors for a file that cannot be read, UsageError for a line that ends in a quote.
    """
    if is_program(command):
        return read(Path(command))
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"--command: {error}: {command}") from None
    if not words:
        raise UsageError("--command names no program")
    return Declaration("program", tuple(words), Path.cwd())


def listen(declared: Declaration, seconds: float, tell: Callable[[str], None]) -> bool:
    """Tell what a program does wrong; return whether there is nothing."""
    tell(shlex.join(declared.command))
    faults = 0
    for seen in interview(declared, seconds):
        tell(f"{'✗' if seen.fault else '✓'} {seen.title}")
        if seen.fault:
            faults += 1
            tell(textwrap.indent(seen.fault, "    "))
        if seen.advice:
            tell(
                textwrap.fill(seen.advice, 96, initial_indent="    → ", subsequent_indent="      ")
            )
    tell("")
    tell(f"{faults} {'fault' if faults == 1 else 'faults'}")
    return not faults


def targets() -> Iterator[str]:
    """Yield the name of every target, with the reason where it cannot run here."""
    with Session(selection.backends(()), seed=0, unnamed=True) as session:
        yield from map(str, session.targets)
        yield from (f"{item.target}  on request: {item.why}" for item in session.on_request)
        yield from (f"{name_of(item.target)}  {item.reason}" for item in session.unavailable)


def _healthy(hello: Hello) -> Iterator[str]:
    others = ", ".join(f"{name}: {text}" for name, text in hello.environment.items())
    flushed = [f"{dtype} ({', '.join(what)})" for dtype, what in hello.flushes.items() if what]
    wrong = hello.unfaithful or not hello.canary or [*_misspelt(hello)]
    yield f"{'✗' if wrong else '✓'} {hello.target}  {hello.version}"
    yield f"    dtypes      {' '.join(hello.dtypes)}"
    if hello.unfaithful:
        for dtype, fault in hello.unfaithful.items():
            yield f"    converters  {dtype}: {fault}; no verdict is possible"
    else:
        yield "    converters  return every special value bit for bit"
    yield f"    subnormals  {'flushed to zero in ' + ', '.join(flushed) if flushed else 'kept'}"
    if not hello.canary:
        yield "    canary      NumPy in this worker flushes subnormals, as it never should"
    if hello.functions:
        absent = f", {len(hello.absent)} not in the framework" if hello.absent else ""
        yield f"    functions   {len(hello.functions)} bound{absent}"
    for name, hint in _misspelt(hello):
        yield f"    functions   '{name}' has no spec; {hint}"
    if others:
        yield f"    settings    {others}"


def _misspelt(hello: Hello) -> Iterator[tuple[str, str]]:
    """Yield the functions of a backend that have no spec, but nearly the name of one."""
    known = selection.functions()
    for name in (*hello.functions, *hello.absent):
        if name not in known and (hint := suggestion(name, known)):
            yield name, hint


def _missing(missing: Unavailable) -> Iterator[str]:
    name = missing.target.backend
    yield f"{'✗' if missing.broken else '–'} {name_of(missing.target)}  {missing.reason}"
    if not missing.broken and not missing.target.device and name in extras():
        yield f'    pip install "trysquare[{name}]"'


def extras() -> list[str]:
    """Return what pip can be asked to install together with Trysquare."""
    try:
        return metadata.metadata("trysquare").get_all("Provides-Extra", [])
    except metadata.PackageNotFoundError:  # it runs from a checkout
        return []
