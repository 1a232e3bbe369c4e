"""Spec files -> specs; whatever is wrong in them is told at once, with its place."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from trysquare.errors import Mistake, SpecErrors, suggestion
from trysquare.shelf import specs_folder
from trysquare.spec import Spec
from trysquare.specfile.document import Document, Table
from trysquare.specfile.schema import conform
from trysquare.specfile.sections import Sections

__all__ = ["FIRST_KEY", "is_spec", "read", "read_all", "read_each", "specs_folder"]

FIRST_KEY: Final = "trysquare"
"""What makes a YAML file a spec."""

_LONGEST_HEAD = 20_000
"""Characters of comment above the first key."""

_TELLING = {"function", "formula"}
"""Keys that together make a spec of a file whose first key is another."""


def read(path: Path) -> Spec:
    """Return the spec that a file holds.

    Raises SpecErrors with everything that is wrong in it.
    """
    # the pytest plugin asks `is_spec` of every file, and must not load YAML for that
    from trysquare.specfile.composer import load  # noqa: PLC0415

    document = load(path)
    _refuse_other_files(document)
    conform(document, _schema())
    table = document.root if isinstance(document.root, Table) else Table(1, 1)
    spec = Sections(document, table, path.resolve()).read()
    if document.mistakes:
        raise SpecErrors(document.mistakes)
    return spec


def read_all(paths: Sequence[Path]) -> tuple[Spec, ...]:
    """Return the specs of files and of all that are in folders, each once, in the order of paths.

    Raises SpecErrors with everything that is wrong in any of them.
    """
    specs, mistakes = read_each(paths)
    if mistakes:
        raise SpecErrors(mistakes)
    return specs


def read_each(paths: Sequence[Path]) -> tuple[tuple[Spec, ...], tuple[Mistake, ...]]:
    """Return the specs of files and folders that could be read, and what is wrong in the others.

    What only resembles a spec in a folder, since its first key is misspelt, is among the others.
    """
    specs: dict[str, Spec] = {}
    mistakes: list[Mistake] = []
    for file in dict.fromkeys(file.resolve() for path in paths for file in _files(path)):
        try:
            spec = read(file)
        except SpecErrors as errors:
            mistakes += errors.mistakes
            continue
        first = specs.setdefault(spec.function, spec)
        if first is not spec:
            message = f"'{spec.function}' is already specified at {first.place}"
            place = spec.place
            mistakes.append(Mistake(str(place.path), place.line, place.column, message))
    return tuple(specs.values()), tuple(mistakes)


def is_spec(path: Path) -> bool:
    """Return whether a file looks like a spec; reads its first lines, and no YAML."""
    return next(_keys(path), "").strip() == FIRST_KEY


def _resembles(path: Path) -> bool:
    """Return whether a file was meant to be a spec."""
    keys = [*_keys(path)]
    return bool(keys) and bool(suggestion(keys[0][:50], [FIRST_KEY]) or {*keys} >= _TELLING)


def _keys(path: Path) -> Iterator[str]:
    """Yield the keys of the first lines of a file, indented as they are."""
    try:
        # opening a pipe would wait for its other end
        if not path.is_file():
            return
        with path.open(encoding="utf-8-sig") as file:
            head = file.read(_LONGEST_HEAD)
    except (OSError, ValueError):
        return
    for line in head.split("\n"):
        if line.strip() and not line.strip().startswith(("#", "---")):
            yield line.split(":")[0].rstrip()


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    yield from (found for found in sorted(path.rglob("*.yaml")) if _resembles(found))


def _refuse_other_files(document: Document) -> None:
    root = document.root
    if isinstance(root, Table) and next(iter(root.keys), FIRST_KEY) != FIRST_KEY:
        key = next(iter(root.keys.values()))
        hint = suggestion(key.text[:50], [FIRST_KEY])
        document.report(key, f"the first key of a spec is `{FIRST_KEY}`", hint)


@cache
def _schema() -> Any:
    return json.loads((specs_folder() / "spec.schema.json").read_text(encoding="utf-8"))
