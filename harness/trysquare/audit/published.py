"""Published claims about errors: a YAML file beside a backend's module -> claims with sources.

A figure belongs to a code path: library, version and the CPU's instructions.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from trysquare.errors import SpecErrors
from trysquare.loading import NAMESPACE
from trysquare.spec import Place
from trysquare.specfile.composer import load
from trysquare.specfile.document import Document, Listing, Node, Scalar, Table
from trysquare.specfile.schema import conform

ENDING: Final = ".published.yaml"

_FIGURE = {"title": "a number of ULP", "type": "string", "pattern": r"^\d+(\.\d+)?$"}
_TEXTS = {
    "title": "a mapping from names to values",
    "type": "object",
    "minProperties": 1,
    "additionalProperties": {"title": "a value", "type": "string", "minLength": 1},
}
_SCHEMA: Final[dict[str, Any]] = {
    "title": "a list of published claims",
    "type": "object",
    "required": ["trysquare", "target", "claims"],
    "additionalProperties": False,
    "properties": {
        "trysquare": {"title": "a version of the format that is known here", "enum": ["1"]},
        "target": {"title": "a target", "type": "string", "pattern": r"^[^:\s]+:[^:\s]+:[^:\s]+$"},
        "claims": {
            "title": "a list of claims",
            "type": "array",
            "items": {
                "title": "a claim",
                "type": "object",
                "required": ["function", "dtype", "at", "ulp", "says", "source"],
                "additionalProperties": False,
                "properties": {
                    "function": {"title": "a function", "type": "string", "minLength": 1},
                    "dtype": {
                        "title": "a dtype",
                        "enum": ["float64", "float32", "float16", "bfloat16"],
                    },
                    "parameters": _TEXTS,
                    "at": _TEXTS,
                    "ulp": _FIGURE,
                    "says": {"title": "what is claimed", "type": "string", "minLength": 1},
                    "source": {
                        "title": "an https address",
                        "type": "string",
                        "pattern": r"^https://[^\s/]+\.[^\s/]+(/\S*)?$",
                    },
                    "where": _TEXTS,
                    "found": {
                        "title": "what was found instead",
                        "type": "object",
                        "required": ["ulp", "because"],
                        "additionalProperties": False,
                        "properties": {
                            "ulp": _FIGURE,
                            "because": {"title": "a reason", "type": "string", "minLength": 15},
                        },
                    },
                },
            },
        },
    },
}


@dataclass(frozen=True)
class Claim:
    """One claim: so many ULP at an input, on a target.

    Figures, inputs and parameters are texts as they were published; `where` names settings of the
    target's environment under which the figure was measured. `found` is the figure that holds
    instead, with the reason, where the published one is known to be wrong.
    """

    target: str
    function: str
    dtype: str
    parameters: Mapping[str, str]
    at: Mapping[str, str]
    ulp: str
    says: str
    source: str
    where: Mapping[str, str]
    found: str
    because: str
    place: Place

    def holds(self, ulp: float) -> bool:
        """Return whether a measured error rounds to the published figure."""
        return _agrees(self.ulp, ulp)

    def known(self, ulp: float) -> bool:
        """Return whether a measured error is what was found instead."""
        return bool(self.found) and _agrees(self.found, ulp)


def claims() -> tuple[Claim, ...]:
    """Return the claims beside all backends; raises SpecErrors with what is wrong in them."""
    folders = map(Path, importlib.import_module(NAMESPACE).__path__)
    files = sorted(path for folder in folders for path in folder.glob(f"*{ENDING}"))
    return tuple(claim for path in files for claim in read(path))


def read(path: Path) -> tuple[Claim, ...]:
    """Return the claims in a file; raises SpecErrors with everything that is wrong in it."""
    document = load(path)
    conform(document, _SCHEMA)
    root = _entries(document.root)
    target = _text(root.get("target"))
    backend = path.name.removesuffix(ENDING)
    if target.partition(":")[0] != backend and isinstance(root.get("target"), Scalar):
        document.report(root["target"], f"this file is about '{backend}', by its name")
    listed = root.get("claims")
    items = listed.items if isinstance(listed, Listing) else []
    found = tuple(_claim(document, target, item) for item in items if isinstance(item, Table))
    if document.mistakes:
        raise SpecErrors(document.mistakes)
    return found


def _claim(document: Document, target: str, table: Table) -> Claim:
    part = table.entries.get
    instead = _entries(part("found"))
    return Claim(
        target=target,
        function=_text(part("function")),
        dtype=_text(part("dtype")),
        parameters=_texts(part("parameters")),
        at=_texts(part("at")),
        ulp=_text(part("ulp")),
        says=_text(part("says")),
        source=_text(part("source")),
        where=_texts(part("where")),
        found=_text(instead.get("ulp")),
        because=_text(instead.get("because")),
        place=document.place(table),
    )


def _agrees(figure: str, ulp: float) -> bool:
    """Tell whether a number rounds to a figure with so many decimals."""
    digits = len(figure.partition(".")[2])
    # a figure with sixteen digits was rounded to float64 on the way
    return abs(ulp - float(figure)) <= 0.5 * 10.0**-digits + 1e-12 * abs(ulp)


def _entries(node: Node | None) -> dict[str, Node]:
    return node.entries if isinstance(node, Table) else {}


def _texts(node: Node | None) -> dict[str, str]:
    return {name: _text(value) for name, value in _entries(node).items()}


def _text(node: Node | None) -> str:
    return node.text if isinstance(node, Scalar) else ""
