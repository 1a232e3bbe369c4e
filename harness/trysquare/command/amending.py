"""Changes to a baseline, as text: what people wrote there, and in which order, stays as it is."""

from __future__ import annotations

import json
import os
import re
import textwrap
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import unified_diff
from pathlib import Path
from tempfile import NamedTemporaryFile

from trysquare.baseline import Accepted, entries, tables
from trysquare.errors import SpecErrors, UsageError
from trysquare.spec import Place
from trysquare.specfile.composer import compose
from trysquare.specfile.document import Document, Listing, Scalar, Table

HEAD = """\
# Divergences that are accepted here, one result each, for now: what, why, how far, until when.
# `trysquare baseline` reads and changes this file, and leaves alone what it need not touch.
baseline: 1
accepted: []
"""
INDENT = "  "
WIDTH = 96

_PLAIN = re.compile(r"[\w./+-]+(:[\w./+-]+)*", re.ASCII)
"""What YAML reads as this very text without quotes."""

_SENTENCE = re.compile(r"[A-Za-z][\w ,.()/+-]*", re.ASCII)

Edit = tuple[int, int, list[str]]
"""From a line (from 0) up to another, what stands there instead."""


def amend(
    path: Path,
    accept: Sequence[Accepted] = (),
    drop: Collection[str] = (),
    budgets: Mapping[str, float] | None = None,
) -> str:
    """Add, replace and remove entries, give others new budgets; return the difference as a patch.

    An entry that is new comes after the last one whose id is smaller. A file that does not exist
    is made. Nothing is written that does not read back as exactly what was meant: then, and where
    the file cannot be written, it raises UsageError; SpecErrors if the file has mistakes.
    """
    path = path.resolve()
    before = _text(path)
    document = _read(before, path)
    known = {entry.id: entry for entry in entries(document)}
    gone = [identity for identity in known if identity in drop]
    lower = budgets or {}
    wanted = {
        **{one.id: replace(one, budget=lower.get(one.id, one.budget)) for one in known.values()},
        **{entry.id: entry for entry in accept},
    }
    after = _edited(_with_budgets(before, document, lower), document, accept, gone)
    _require(after, path, [entry for entry in wanted.values() if entry.id not in gone])
    patch = _patch(path, before, after)
    if after != before:
        _write(path, after)
    return patch


def _with_budgets(text: str, document: Document, budgets: Mapping[str, float]) -> str:
    """Return the text with other numbers for some budgets, on the same lines."""
    lines = text.split("\n")
    for table in tables(document):
        identity, budget = (table.entries.get(key) for key in ("id", "budget"))
        if isinstance(identity, Scalar) and isinstance(budget, Scalar) and identity.text in budgets:
            row, start, end = budget.line - 1, budget.column - 1, budget.end[1] - 1
            number = f"{budgets[identity.text]:g}"
            lines[row] = lines[row][:start] + number + lines[row][end:]
    return "\n".join(lines)


def _edited(text: str, document: Document, accept: Iterable[Accepted], drop: Sequence[str]) -> str:
    spans = _spans(document)
    lines = text.replace("\r\n", "\n").split("\n")
    edits: list[Edit] = [(*spans[identity], []) for identity in drop]
    fresh: dict[int, list[str]] = {}
    top = _key(document).line
    margin = INDENT if not spans else _margin(document)
    for entry in sorted(accept, key=lambda one: one.id):
        if entry.id in spans:
            start, end = spans[entry.id]
            remarks = _remarks(document, entry.id, lines, start, end)
            edits.append((start, end, [*remarks, *_entry(entry, margin)]))
        else:
            smaller = [end for identity, (_, end) in spans.items() if identity < entry.id]
            fresh.setdefault(smaller[-1] if smaller else top, []).extend(_entry(entry, margin))
    edits += [(line, line, added) for line, added in fresh.items()]
    edits += _heading(document, lines, empty=not fresh and set(spans) <= set(drop))
    for start, end, put in sorted(edits, key=lambda edit: edit[:2], reverse=True):
        lines[start:end] = put
    return ("\r\n" if "\r\n" in text else "\n").join(lines)


def _heading(document: Document, lines: list[str], *, empty: bool) -> Iterator[Edit]:
    """Yield the edit that makes `accepted:` say whether anything follows."""
    key = _key(document)
    row, column = key.line - 1, key.column - 1 + len("accepted:")
    line = lines[row]
    rest = line[column:]
    if empty and not rest.strip().startswith("["):
        yield row, row + 1, [f"{line[:column]} []{rest}"]
    elif not empty and rest.strip().startswith("[]"):
        yield row, row + 1, [line[:column] + rest.replace("[]", "", 1).rstrip()]


def _key(document: Document) -> Scalar:
    root = document.root
    if not isinstance(root, Table):
        raise UsageError(f"{document.path}: not a baseline")
    key, listing = root.keys["accepted"], root.entries["accepted"]
    if isinstance(listing, Listing) and not listing.items and listing.line != key.line:
        raise UsageError(f"{document.path}:{listing.line}: write [] beside 'accepted'")
    return key


def _spans(document: Document) -> dict[str, tuple[int, int]]:
    """Return the lines of each entry, without what is empty behind it; counted from 0."""
    spans = {}
    for entry, table in zip(entries(document), tables(document), strict=True):
        start = table.line - 1
        if document.lines[start][: table.column - 1].strip() != "-":
            place = f"{document.path.name}:{table.line}"
            raise UsageError(f"{place}: cannot be edited: begin each entry with '-' on its line")
        end = max(map(_last, _scalars(table)))
        while end > start + 1 and not document.lines[end - 1].strip():
            end -= 1
        spans[entry.id] = (start, end)
    return spans


def _margin(document: Document) -> str:
    table = tables(document)[0]
    line = document.lines[table.line - 1]
    return line[: len(line) - len(line.lstrip())]


def _scalars(table: Table) -> Iterator[Scalar]:
    yield from table.keys.values()
    yield from (value for value in table.entries.values() if isinstance(value, Scalar))


def _last(scalar: Scalar) -> int:
    """Return how many lines of the file there are up to the end of a scalar."""
    line, column = scalar.end
    return line if column > 1 else line - 1


def _remarks(
    document: Document, identity: str, lines: Sequence[str], start: int, end: int
) -> list[str]:
    """Return the comments inside of an entry, which outlive it."""
    (table,) = (
        table
        for table in tables(document)
        if isinstance(node := table.entries["id"], Scalar) and node.text == identity
    )
    text = {row for one in _scalars(table) for row in range(one.line, _last(one))}
    return [
        lines[row]
        for row in range(start, end)
        if row not in text and lines[row].lstrip().startswith("#")
    ]


def _entry(entry: Accepted, margin: str) -> list[str]:
    fields = [f"id: {_scalar(entry.id)}", *_reason(entry.reason), _symptoms(entry)]
    if entry.budget is not None:
        fields.append(f"budget: {entry.budget:g}")
    if entry.issue:
        fields.append(f"issue: {_scalar(entry.issue)}")
    if entry.until is not None:
        fields.append(f"until: {entry.until.isoformat()}")
    return [f"{margin}{'  ' if row else '- '}{field}" for row, field in enumerate(fields)]


def _symptoms(entry: Accepted) -> str:
    """Return the line of the symptoms; none of them has a comma or a colon."""
    words = ", ".join(entry.symptoms)
    return f"symptom: {words if len(entry.symptoms) == 1 else f'[{words}]'}"


def _reason(reason: str) -> list[str]:
    line = f"reason: {reason}"
    if len(line) + len(INDENT) <= WIDTH and _SENTENCE.fullmatch(reason):
        return [line]
    wrapped = textwrap.wrap(reason, WIDTH - 6, break_long_words=False, break_on_hyphens=False)
    return ["reason: >-", *(INDENT + part for part in wrapped)]


def _scalar(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def _text(path: Path) -> str:
    if not path.exists():
        return HEAD
    try:
        return path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from None


def _read(text: str, path: Path) -> Document:
    return compose(text.replace("\r\n", "\n"), path)


def _require(text: str, path: Path, wanted: Iterable[Accepted]) -> None:
    """Refuse a text that does not say exactly what is wanted."""

    def bare(found: Iterable[Accepted]) -> dict[str, Accepted]:
        return {entry.id: replace(entry, place=Place(path, 1, 1)) for entry in found}

    try:
        said = bare(entries(_read(text, path)))
    except SpecErrors:
        said = {}
    if said != bare(wanted):
        raise UsageError(
            f"{path}: cannot be edited safely as it is written; give each entry lines of its own, "
            "each beginning with '-'"
        )


def _write(path: Path, text: str) -> None:
    """Put a text in the place of a file at once, so that no half of it is ever read."""
    copy = Path()
    try:
        with NamedTemporaryFile(
            "wb", dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as file:
            copy = Path(file.name)
            file.write(text.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        copy.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
        copy.replace(path)
    except OSError as error:
        if copy.name:
            copy.unlink(missing_ok=True)
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _patch(path: Path, before: str, after: str) -> str:
    """Return the difference as a patch; of a new file, all of it."""
    old, new = (text.splitlines(keepends=True) for text in (before, after))
    source = f"a/{path.name}" if path.exists() else "/dev/null"
    return "".join(unified_diff(old if path.exists() else [], new, source, f"b/{path.name}"))
