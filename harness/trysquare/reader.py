"""Spec files -> specs; whatever is wrong in them is told at once, with its place."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from trysquare.errors import Mistake, SpecErrors
from trysquare.shelf import specs_folder
from trysquare.spec import Spec
from trysquare.specfile.document import Document, Table
from trysquare.specfile.schema import conform
from trysquare.specfile.sections import Sections

__all__ = ["FIRST_KEY", "is_spec", "read", "read_all", "specs_folder"]

FIRST_KEY: Final = "trysquare"
"""What makes a YAML file a spec."""

_LONGEST_HEAD = 20_000
"""Characters of comment above the first key."""


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
    if mistakes:
        raise SpecErrors(mistakes)
    return tuple(specs.values())


def is_spec(path: Path) -> bool:
    """Return whether a file looks like a spec; reads its first lines, and no YAML."""
    try:
        # opening a pipe would wait for its other end
        if not path.is_file():
            return False
        with path.open(encoding="utf-8-sig") as file:
            head = file.read(_LONGEST_HEAD)
    except (OSError, ValueError):
        return False
    lines = (line.strip() for line in head.split("\n"))
    first = next((line for line in lines if line and not line.startswith(("#", "---"))), "")
    return first.split(":")[0].rstrip() == FIRST_KEY


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    yield from (found for found in sorted(path.rglob("*.yaml")) if is_spec(found))


def _refuse_other_files(document: Document) -> None:
    root = document.root
    if isinstance(root, Table) and next(iter(root.keys), FIRST_KEY) != FIRST_KEY:
        key = next(iter(root.keys.values()))
        document.report(key, f"the first key of a spec is `{FIRST_KEY}`")


@cache
def _schema() -> Any:
    return json.loads((specs_folder() / "spec.schema.json").read_text(encoding="utf-8"))
