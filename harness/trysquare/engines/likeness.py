"""In what machines have to be alike that share the work: facts, targets, and spec files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Self

from trysquare import __version__
from trysquare.backend import Unavailable
from trysquare.errors import Mismatch
from trysquare.machine import environment
from trysquare.planning import corpus
from trysquare.shelf import specs_folder
from trysquare.workers.protocol import Hello


@dataclass(frozen=True)
class Sheet:
    """A spec file: below the folder of the specs if it is `shelved`, and what is in it.

    Of a corpus beside it, that too: `run` asks its cases.
    """

    path: Path
    shelved: bool
    digest: str

    @classmethod
    def of(cls, path: Path) -> Self:
        """Return the sheet of a file that is here."""
        folder, whole = specs_folder().resolve(), path.resolve()
        shelved = whole.is_relative_to(folder)
        return cls(whole.relative_to(folder) if shelved else whole, shelved, _content(whole))

    def find(self) -> Path:
        """Return where the file is here; raises Mismatch if it is not, or if it is another."""
        path = specs_folder().resolve() / self.path if self.shelved else self.path
        if not path.is_file():
            raise Mismatch(f"there is no {path}")
        if _content(path) != self.digest:
            raise Mismatch(f"{path}, or the corpus beside it, is not the same file")
        return path


@cache
def stamp() -> Mapping[str, str]:
    """Return the facts of this machine that may change a verdict."""
    return {"trysquare": f"{__version__}, sources {_sources()}", **environment()}


def require(sent: Mapping[str, str]) -> None:
    """Raise Mismatch where this machine is not like the one that has sent its stamp."""
    here = stamp()
    for fact in sorted({*sent, *here}):
        there, mine = (one.get(fact, "unknown") for one in (sent, here))
        if there != mine:
            raise Mismatch(f"{fact} is {mine} there and {there} here")


def require_target(sent: Hello, found: Hello | Unavailable) -> None:
    """Raise Mismatch where a target is not the one that was looked at first."""
    if isinstance(found, Unavailable):
        raise Mismatch(f"it has no {sent.target}: {found.reason}")
    for what in ("version", "dtypes", "flushes", "unfaithful", "canary"):
        there, mine = getattr(sent, what), getattr(found, what)
        if there != mine:
            raise Mismatch(f"{sent.target}: {what} is {mine} there and {there} here")
    for fact in sorted({*sent.environment, *found.environment}):
        there, mine = (one.environment.get(fact, "unknown") for one in (sent, found))
        if there != mine:
            raise Mismatch(f"{sent.target}: {fact} is {mine} there and {there} here")


def _content(path: Path) -> str:
    files = (path, corpus.beside(path))
    return " ".join(_digest(file) for file in files if file.is_file())


def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


@cache
def _sources() -> str:
    """Return twelve digits that change with the code of the harness."""
    home = Path(__file__).parents[1]
    found = sha256()
    for path in sorted(home.rglob("*.py")):
        found.update(f"{path.relative_to(home)}\n".encode() + path.read_bytes())
    return found.hexdigest()[:12]
