"""In what machines have to be alike that share the work: facts, targets, and spec files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Self

from trysquare import __version__
from trysquare.backend import Unavailable
from trysquare.errors import Mismatch, Unfit
from trysquare.loading import folders, home
from trysquare.machine import environment
from trysquare.planning import corpus
from trysquare.shelf import specs_folder
from trysquare.workers.protocol import Hello

CODE = {".py", ".json"}
"""How files end that change what is found: code, and numbers that it reads."""


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
    """Raise Mismatch where a target is another than where it was looked at first.

    Raises Unfit where it is broken.
    """
    if isinstance(found, Unavailable) and found.broken:
        raise Unfit(f"{sent.target} does not start: {found.reason}")
    if isinstance(found, Unavailable):
        raise Mismatch(f"it has no {sent.target}: {found.reason}")
    for what in ("version", "dtypes", "canary", "underived"):
        there, mine = getattr(sent, what), getattr(found, what)
        if there != mine:
            raise Mismatch(f"{sent.target}: {what} is {mine} there and {there} here")
    for what in ("environment", "functions", "absent", "flushes", "unfaithful"):
        here, elsewhere = getattr(sent, what), getattr(found, what)
        for fact in sorted({*here, *elsewhere}):
            there, mine = (one.get(fact, "unknown") for one in (here, elsewhere))
            if there != mine:
                raise Mismatch(f"{sent.target}: {fact} is {mine} there and {there} here")


def code(backends: Iterable[str]) -> Mapping[str, str]:
    """Return what changes with the code of backends that do not come with Trysquare."""
    homes = {backend: home(backend) for backend in backends}
    return {name: _digits([there]) for name, there in homes.items() if there is not None}


def require_code(sent: Mapping[str, str]) -> None:
    """Raise Mismatch where the module of a backend is not that of the machine that sent this."""
    here = code(sent)
    for backend, digits in sent.items():
        if here.get(backend) != digits:
            raise Mismatch(f"the code of {backend} is another there than here")


def _content(path: Path) -> str:
    files = (path, corpus.beside(path))
    return " ".join(_digest(file) for file in files if file.is_file())


def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


@cache
def _sources() -> str:
    """Return what changes with the code of the harness, and of the backends that come with it."""
    return _digits([Path(__file__).parents[1], *folders()])


def _digits(places: Iterable[Path]) -> str:
    """Return twelve digits that change with the code in these folders, and with these files."""
    found = sha256()
    for place in places:
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if path == place or path.suffix in CODE:
                found.update(f"{path.relative_to(place)}\n".encode() + path.read_bytes())
    return found.hexdigest()[:12]
