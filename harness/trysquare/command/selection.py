"""What people name on a command line -> what exists; a word that names nothing is an error."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path

from trysquare.backend import Target, Unavailable
from trysquare.errors import Mistake, UsageError, suggestion
from trysquare.loading import available, called, is_program, require
from trysquare.reader import is_spec, read, read_all, read_each, specs_folder
from trysquare.spec import Spec
from trysquare.workers import declaration


def specs(paths: Sequence[Path], globs: Sequence[str] = ()) -> tuple[Spec, ...]:
    """Return the specs in files and folders (all that are installed, if none is named).

    Only functions that match one of the globs count. Raises SpecErrors for files that are no
    specs, UsageError for a folder without any and for a glob that matches nothing.
    """
    for path, near in _nearest(paths):
        raise UsageError(f"{path}: no such file; did you mean `-k {near}`?")
    found = read_all(paths or [specs_folder()])
    if not found:
        raise _none(paths)
    names = [spec.function for spec in found]
    for glob in globs:
        if not any(fnmatchcase(name, glob) for name in names):
            raise UsageError(f"no function matches '{glob}'; {_hint(glob, names)}")
    if not globs:
        return found
    return tuple(spec for spec in found if any(fnmatchcase(spec.function, glob) for glob in globs))


def readable(paths: Sequence[Path]) -> tuple[tuple[Spec, ...], tuple[Mistake, ...]]:
    """Return the specs in files and folders that can be read, and what is wrong in the others."""
    for path, near in _nearest(paths):
        raise UsageError(f"{path}: no such file; did you mean {_files()[near]}?")
    found, mistakes = read_each(paths or [specs_folder()])
    if not found and not mistakes:
        raise _none(paths)
    return found, mistakes


def _none(paths: Sequence[Path]) -> UsageError:
    return UsageError(f"no specs in {', '.join(map(str, paths))}")


def _nearest(paths: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """Yield what is no file, but a word like the name of a function, and that function."""
    words = [path for path in paths if not path.exists() and path.name == str(path)]
    for path in words:
        yield from ((path, near) for near in get_close_matches(path.name, _files(), n=1))


def _files() -> dict[str, Path]:
    """Return the files of the specs that come with Trysquare, by the functions that they hold."""
    return {path.stem: path for path in sorted(specs_folder().rglob("*.yaml")) if is_spec(path)}


def functions() -> list[str]:
    """Return the names of all functions that come with Trysquare, reading none."""
    return [*_files()]


def shipped(function: str) -> Spec:
    """Return the spec of one function, reading no other; UsageError if there is none."""
    files = _files()
    members([function], files, "function")
    return read(files[function])


def one(word: str | Path) -> Spec:
    """Return the spec of one function, or that in a file `NAME.yaml`, reading no other.

    Raises UsageError if there is none, SpecErrors for a file that holds none.
    """
    return read(Path(word)) if Path(word).suffix == ".yaml" else shipped(str(word))


def backends(names: Iterable[str]) -> tuple[str, ...]:
    """Return the backends in these comma-separated lists, all that there are if none is named.

    Raises UsageError for a name that no backend has, and for a list without a name; SpecErrors for
    the file of a program that cannot be read.
    """
    lists = tuple(names)
    parts = (part.strip() for names_ in lists for part in names_.split(","))
    listed = tuple(dict.fromkeys(part for part in parts if part))
    if lists and not listed:
        raise UsageError(f"'{lists[0]}' names no backend; there are {', '.join(available())}")
    for name in listed:
        require(name)
        if is_program(name):
            declaration.read(Path(name))
    return listed or tuple(available())


def target(word: str) -> Target:
    """Return the target `backend:device:mode`, or the whole backend of that name.

    A backend's own name may hold a colon.
    """
    backend, *rest = word.rsplit(":", 2)
    return Target(backend, *rest) if len(rest) == 2 else Target(word, "", "")


def among(wanted: Sequence[Target], there: Iterable[Target]) -> list[Target]:
    """Return the targets that are there and wanted, by themselves or with their whole backend.

    Nothing wanted means everything. Raises UsageError for a target, of a backend that is there,
    which is not; what a backend that is absent says of itself is no matter of names.
    """
    found = list(there)
    for one in wanted:
        names = [str(other) for other in found if _is_of_backend(one, other)]
        if names and not any(_is(one, other) for other in found):
            raise UsageError(f"no target is called '{one}'; {_hint(str(one), names)}")
    return [other for other in found if not wanted or any(_is(one, other) for one in wanted)]


def lacking(wanted: Sequence[Target], absent: Iterable[Unavailable]) -> list[Unavailable]:
    """Return what is not here of the targets that are wanted, or of all if none is."""
    return [
        missing
        for missing in absent
        if not wanted
        or any(
            _is(one, missing.target)
            # the whole backend, and so every target of it
            or (not missing.target.device and _is_of_backend(one, missing.target))
            for one in wanted
        )
    ]


def _is(one: Target, other: Target) -> bool:
    """Tell whether a target is meant by another, or by its whole backend."""
    same = (one.device, one.mode) == (other.device, other.mode)
    return _is_of_backend(one, other) and (same or not one.device)


def _is_of_backend(one: Target, other: Target) -> bool:
    """Tell whether two targets are of one backend; one from elsewhere goes by its module too."""
    return other.backend in {one.backend, called(one.backend), one.backend.rpartition(":")[2]}


def members(words: Iterable[str], known: Iterable[str], noun: str) -> tuple[str, ...]:
    """Return the words, each one of the known ones, or all of those if there are no words.

    Raises UsageError for another word.
    """
    everything = tuple(known)
    chosen = tuple(dict.fromkeys(words))
    for word in chosen:
        if word not in everything:
            raise UsageError(f"no {noun} is called '{word}'; {_hint(word, everything)}")
    return chosen or everything


def _hint(word: str, known: Iterable[str]) -> str:
    names = list(known)
    return suggestion(word, names) or f"there are {', '.join(names)}"
