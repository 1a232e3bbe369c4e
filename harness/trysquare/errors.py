"""Every exception that Trysquare raises on purpose.

TrysquareError
    SpecErrors            a spec (or a list of known divergences) cannot be read; exit code 2
    FormulaError          an expression cannot be read; becomes one line of SpecErrors
    UsageError            a name or an option that does not exist; exit code 2
        Mismatch          two machines are not alike that have to be
    Unfit                 this machine cannot do a job that another may do
    LostError             some jobs have no answer, and why; exit code 3
    ProtocolError         the other end of a pipe did not speak the protocol
    Unsupported           a backend says that it has no such thing, and why; an outcome, not a fault
    UndecidedError        the oracle could not decide at its highest precision
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


class TrysquareError(Exception):
    """The root of them all."""


@dataclass(frozen=True)
class Mistake:
    """One thing that is wrong in a file: where (from 1), what, the line itself, and a hint."""

    path: str
    line: int
    column: int
    message: str
    excerpt: str = ""
    width: int = 1
    hint: str = ""

    def __str__(self) -> str:
        head = f"{self.path}:{self.line}:{self.column}: error: {self.message}"
        if not self.excerpt:
            return head + (f"\n    {self.hint}" if self.hint else "")
        caret = " " * (self.column - 1) + "^" * max(1, self.width)
        return f"{head}\n{self.line:5} | {self.excerpt}\n      | {caret} {self.hint}".rstrip()


class SpecErrors(TrysquareError):
    """All mistakes of one or more files, in the order of their places."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(sorted(mistakes, key=lambda m: (m.path, m.line, m.column)))
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


class FormulaError(TrysquareError):
    """An expression that the formula language does not know; `offset` counts characters from 0."""

    def __init__(self, message: str, offset: int = 0, width: int = 1, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.offset, self.width, self.hint = message, offset, width, hint


class UsageError(TrysquareError):
    """The user named something that does not exist."""


class Mismatch(UsageError):
    """Two machines that share the work are not alike; the message says in what."""


class Unfit(TrysquareError):
    """What answered where it was looked at first does not start here; no verdict on the target."""


class LostError(TrysquareError):
    """So many jobs have no answer, though each was asked twice; `why` is told of one of them."""

    def __init__(self, count: int, why: str) -> None:
        super().__init__(count, why)
        self.count, self.why = count, why

    def __str__(self) -> str:
        jobs = "a job was" if self.count == 1 else f"{self.count} jobs were"
        return f"{jobs} lost twice, so this is not complete: {self.why}"


class ProtocolError(TrysquareError):
    """A frame that is not one."""


class Unsupported(TrysquareError):
    """The framework has no such function, parameter, dtype or device; the message says which."""


class UndecidedError(TrysquareError):
    """The oracle could not decide at its highest precision."""


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return `did you mean 'x'?` for the nearest known word, or nothing."""
    near = get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return f"did you mean '{near[0]}'?" if near else ""
