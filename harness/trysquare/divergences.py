"""The known divergences of a backend: a YAML file beside its module -> entries, and what they say.

Only real behaviour of a framework belongs there, each entry with the reason that was found.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion

from trysquare.backend import Target
from trysquare.errors import SpecErrors, suggestion
from trysquare.loading import NAMESPACE, available, called, is_program
from trysquare.result import ENDINGS, Outcome, Result, Symptom
from trysquare.spec import Place
from trysquare.specfile.composer import load
from trysquare.specfile.document import Document, Listing, Node, Scalar, Table
from trysquare.specfile.schema import conform

SEGMENTS: Final = 5
"""Parts of an id: function/check/dtype/target/case."""

ADDRESS: Final[dict[str, Any]] = {
    "title": "an https address",
    "type": "string",
    # no dot fits two parts: a thousand of them are not tried in a million ways
    "pattern": r"^https://[^\s/.]+(\.[^\s/.]+)+(/\S*)?$(?!\n)",
}
PHRASES: Final[Mapping[str, Symptom | Outcome]] = {
    str(phrase): phrase for phrase in (*Symptom, *ENDINGS)
}
"""How a result may diverge, in the words of a file."""


def either(title: str) -> dict[str, Any]:
    """Return the schema of one thing or a list of them."""
    items = {"title": title, "type": "string", "minLength": 1}
    return {**items, "type": ["string", "array"], "minItems": 1, "items": items}


_SCHEMA: Final[dict[str, Any]] = {
    "title": "a list of known divergences",
    "type": "object",
    "required": ["trysquare", "backend", "divergences"],
    "additionalProperties": False,
    "properties": {
        "trysquare": {"title": "a version of the format that is known here", "enum": ["1"]},
        "backend": {"title": "the name of the backend", "type": "string", "minLength": 1},
        "divergences": {
            "title": "a list of entries",
            "type": "array",
            "items": {
                "title": "an entry",
                "type": "object",
                "required": ["because", "symptom"],
                "additionalProperties": False,
                "properties": {
                    "id": {"title": "the id of a result", "type": "string", "minLength": 1},
                    "match": either("a pattern for ids"),
                    "because": {
                        "title": "a reason of at least 15 characters",
                        "type": "string",
                        "pattern": r"\S.{13,}\S",
                    },
                    "see": ADDRESS,
                    "symptom": either("a symptom"),
                    "versions": {
                        "title": "a range of versions",
                        "type": "string",
                        "minLength": 1,
                        "maxLength": 200,
                    },
                    "where": {
                        "title": "a mapping from settings to their values",
                        "type": "object",
                        "minProperties": 1,
                        "additionalProperties": either("the value of a setting"),
                    },
                },
            },
        },
    },
}


@dataclass(frozen=True)
class Entry:
    """One known divergence.

    `patterns` are globs for ids, matched segment by segment: `*` never crosses a `/`. An `exact`
    entry holds the one id instead. `where` maps a setting of the target (device, mode, or a key of
    its environment) to the values for which the entry holds.
    """

    patterns: tuple[str, ...]
    exact: bool
    because: str
    symptoms: frozenset[Symptom | Outcome]
    place: Place
    see: str = ""
    versions: SpecifierSet | None = None
    where: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def reason(self) -> str:
        """Why it diverges, with the link if there is one."""
        return f"{self.because} ({self.see})" if self.see else self.because

    def holds(self, target: Target, version: str, environment: Mapping[str, str]) -> bool:
        """Return whether the entry speaks of this target, in this version and environment."""
        if self.versions is not None and not _contains(self.versions, version):
            return False
        settings = {**environment, "device": target.device, "mode": target.mode}
        return all(settings.get(key) in values for key, values in self.where)

    def names(self, function: str) -> bool:
        """Return whether an id of a function may match one of the patterns."""
        return any(fnmatchcase(function, one.partition("/")[0]) for one in self.patterns)

    def speaks_of(self, function: str, check: str, dtype: str) -> bool:
        """Return whether an id of a group may match one of the patterns."""
        group = (function, check, dtype)
        return any(
            all(map(fnmatchcase, group, pattern.split("/")[:3])) for pattern in self.patterns
        )

    def matching(self, identity: str) -> tuple[str, ...]:
        """Return the patterns that an id matches."""
        if self.exact:
            return tuple(pattern for pattern in self.patterns if pattern == identity)
        return tuple(pattern for pattern in self.patterns if matches(pattern, identity))

    def covered(self, result: Result) -> frozenset[str]:
        """Return in which of its ways a result may diverge by this entry; any other is news."""
        return self.symptoms & frozenset(result.ways)


def matches(pattern: str, identity: str) -> bool:
    """Return whether each segment of an id matches the same segment of a pattern."""
    globs, parts = pattern.split("/"), identity.split("/")
    return len(globs) == len(parts) and all(map(fnmatchcase, parts, globs))


def known(backend: str) -> tuple[Entry, ...]:
    """Return the entries of the file beside a backend's module, none if there is no such file.

    Of a program it is the file beside the one that declares it; other backends from outside the
    namespace package have none. Raises SpecErrors with everything that is wrong in the file.
    """
    name = f"{called(backend)}.divergences.yaml"
    if is_program(backend):
        beside = Path(backend).with_name(name)
        return read(beside, called(backend)) if beside.is_file() else ()
    if backend not in available():
        return ()
    folders = map(Path, importlib.import_module(NAMESPACE).__path__)
    files = [folder / name for folder in folders if (folder / name).is_file()]
    return tuple(entry for file in files for entry in read(file, backend))


def read(path: Path, backend: str) -> tuple[Entry, ...]:
    """Return the entries of a file about a backend.

    Raises SpecErrors with everything that is wrong in it.
    """
    document = load(path)
    conform(document, _SCHEMA)
    root = document.root if isinstance(document.root, Table) else Table(1, 1)
    named = root.entries.get("backend")
    if isinstance(named, Scalar) and named.text != backend:
        document.report(named, f"this file is about '{backend}', by its name")
    items = _items(root.entries.get("divergences"))
    entries = tuple(_entry(document, item) for item in items if isinstance(item, Table))
    if document.mistakes:
        raise SpecErrors(document.mistakes)
    return entries


def _entry(document: Document, table: Table) -> Entry:
    part = table.entries.get
    if ("id" in table.entries) == ("match" in table.entries):
        document.report(table, "an entry has either 'id' or 'match'")
    identities = [node for node in _items(part("id"), part("match")) if isinstance(node, Scalar)]
    for node in identities:
        _check_segments(document, node, exact="id" in table.entries)
    where = part("where")
    settings = where.entries.items() if isinstance(where, Table) else ()
    return Entry(
        patterns=tuple(node.text for node in identities),
        exact="id" in table.entries,
        because=" ".join(_texts(part("because"))),
        symptoms=frozenset(symptoms(document, part("symptom"))),
        place=document.place(table),
        see="".join(_texts(part("see"))),
        versions=_versions(document, part("versions")),
        where=tuple((key, tuple(_texts(value))) for key, value in settings),
    )


def _check_segments(document: Document, node: Scalar, *, exact: bool) -> None:
    if len(node.text.split("/")) != SEGMENTS:
        document.report(node, "expected function/check/dtype/target/case")
    elif exact and set(node.text) & set("*?["):
        document.report(node, "an id has no wildcards", "use 'match' for a pattern")


def symptoms(document: Document, node: Node | None) -> Iterator[Symptom | Outcome]:
    """Yield the symptoms that a node names; a mistake for each other word."""
    for item in _items(node):
        if isinstance(item, Scalar) and item.text in PHRASES:
            yield PHRASES[item.text]
        elif isinstance(item, Scalar):
            hint = suggestion(item.text, PHRASES) or ", ".join(PHRASES)
            document.report(item, f"'{item.text}' is not a symptom", hint)


def _versions(document: Document, node: Node | None) -> SpecifierSet | None:
    if not isinstance(node, Scalar):
        return None
    try:
        return SpecifierSet(node.text)
    except InvalidSpecifier:
        document.report(node, "not a range of versions", "for example '>=2.4, <3'")
        return None


def _contains(versions: SpecifierSet, version: str) -> bool:
    try:
        return versions.contains(version, prereleases=True)
    except InvalidVersion:
        return False


def _items(*nodes: Node | None) -> Sequence[Node]:
    """Return the items of lists, and what is no list as it is."""
    return [
        item
        for node in nodes
        if node is not None
        for item in (node.items if isinstance(node, Listing) else [node])
    ]


def _texts(node: Node | None) -> list[str]:
    return [item.text for item in _items(node) if isinstance(item, Scalar)]
