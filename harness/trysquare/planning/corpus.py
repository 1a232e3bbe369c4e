"""Inputs that were once found to be the worst: a reviewed file beside a spec."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from trysquare.dtypes import FORMATS, Array
from trysquare.errors import SpecErrors, suggestion
from trysquare.formula.evaluate import evaluate
from trysquare.formula.float64 import Float64
from trysquare.planning.corpus_point import PointReader
from trysquare.spec import Input, Spec, Value
from trysquare.specfile.composer import load
from trysquare.specfile.document import Document, Listing, Scalar, Table
from trysquare.specfile.schema import conform

FOLDER: Final = "corpus"
"""Stands beside the specs that its files belong to."""

MOST: Final = 20
"""Points of a function, a dtype and a quantity that are kept: the worst ones."""

LONGEST_ROW: Final = 1000
"""Numbers of a row."""

VALUE: Final = "value"
"""The quantity that is no derivative; one is called `d x`."""

_WORDS: Final = frozenset({"dtype", "of", "ulp", "target", "version", "cpu"})
_TEXT: Final = {"title": "a text", "type": "string", "minLength": 1, "maxLength": 200}
_NUMBERS: Final = {
    "title": "a hexadecimal number or a list of them",
    "type": ["string", "array"],
    "minLength": 1,
    "minItems": 1,
    "maxItems": LONGEST_ROW,
    "items": {"title": "a hexadecimal number", "type": "string", "minLength": 1},
}
_SCHEMA: Final[dict[str, Any]] = {
    "title": "a corpus",
    "type": "object",
    "required": ["corpus", "function", "points"],
    "additionalProperties": False,
    "properties": {
        "corpus": {"title": "a version of the format that is known here", "enum": ["1"]},
        "function": {"title": "the name of the function", "type": "string", "minLength": 1},
        "points": {
            "title": "a list of points",
            "type": "array",
            "items": {
                "title": "a point",
                "type": "object",
                "required": ["dtype", "of", "inputs", "ulp", "target", "version", "cpu"],
                "additionalProperties": False,
                "properties": {
                    "dtype": {"title": "a dtype", "enum": [*FORMATS]},
                    "of": {
                        "title": "`value`, or `d` and an input",
                        "type": "string",
                        "pattern": r"^(value|d [A-Za-z_][A-Za-z0-9_]*)$",
                    },
                    "inputs": {
                        "title": "a mapping from inputs to numbers",
                        "type": "object",
                        "minProperties": 1,
                        "additionalProperties": _NUMBERS,
                    },
                    "parameters": {
                        "title": "a mapping from parameters to values",
                        "type": "object",
                        "minProperties": 1,
                        "additionalProperties": _TEXT,
                    },
                    "ulp": {
                        "title": "a number of ULP",
                        "type": "string",
                        "pattern": r"^(nan|[0-9]{1,6}(\.[0-9]{1,6})?(e\+[0-9]{1,3})?)$",
                    },
                    "target": _TEXT,
                    "version": _TEXT,
                    "cpu": _TEXT,
                },
            },
        },
    },
}


@dataclass(frozen=True)
class Point:
    """An input, and where and when it was found.

    `of` is VALUE or `d x`. `inputs` are hexadecimal numbers, several for a row; `parameters` only
    those that were not at their defaults. `ulp` is the error there and then,
    NaN where one of the two was no number.
    """

    dtype: str
    of: str
    inputs: Mapping[str, tuple[str, ...]]
    parameters: Mapping[str, Value]
    ulp: float
    target: str
    version: str
    cpu: str

    @property
    def question(self) -> tuple[object, ...]:
        """What is asked: two points with the same question are one."""
        inputs = tuple(sorted(self.inputs.items()))
        return self.dtype, self.of, inputs, tuple(sorted(map(repr, self.parameters.items())))


def place(spec: Spec) -> Path:
    """Return where the corpus of a function is, if there is one."""
    return beside(spec.place.path)


def beside(path: Path) -> Path:
    """Return where the corpus of a spec file is, which has the name of its function."""
    return path.parent / FOLDER / f"{path.stem}.yaml"


def points(spec: Spec) -> tuple[Point, ...]:
    """Return the points that are known of a function; none if it has no corpus.

    Raises SpecErrors with everything that is wrong in the file.
    """
    path = place(spec)
    if not path.is_file():
        return ()
    state = path.stat()
    return _read(_Source(path, state.st_mtime_ns, state.st_size), _Spec(spec))


def tuples(spec: Spec, elements: Sequence[Input], dtype: str) -> Array:
    """Return the points of a dtype that are no rows, shaped (points, elements)."""
    others = {
        item.name: evaluate(item.default.tree, Float64(1, 1), {}).item()
        for item in elements
        if item.default is not None
    }
    found = [
        [
            _numbers(point, item.name)[0] if item.name in point.inputs else others[item.name]
            for item in elements
        ]
        for point in points(spec)
        if point.dtype == dtype and all(len(texts) == 1 for texts in point.inputs.values())
    ]
    return np.array(found, np.float64).reshape(-1, len(elements))


def rows(spec: Spec, lengths: Mapping[str, int], dtype: str) -> dict[str, Array]:
    """Return the points of a dtype that have these lengths, as rows of every input."""
    found = [
        point
        for point in points(spec)
        if point.dtype == dtype
        and {name: len(texts) for name, texts in point.inputs.items()} == lengths
    ]
    return {
        name: np.array([_numbers(point, name) for point in found])
        for name in (lengths if found else ())
    }


def _numbers(point: Point, name: str) -> list[float]:
    return [float.fromhex(text) for text in point.inputs[name]]


@dataclass(frozen=True)
class _Source:
    """A file in one of its states."""

    path: Path
    changed: int
    size: int


@dataclass(frozen=True, eq=False)
class _Spec:
    """A spec in the key of a cache: specs hold mappings, which have no hash, and never change."""

    spec: Spec

    def __hash__(self) -> int:
        return hash(self.spec.place)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Spec) and self.spec is other.spec


@lru_cache(maxsize=64)
def _read(source: _Source, known: _Spec) -> tuple[Point, ...]:
    document, spec = load(source.path), known.spec
    conform(document, _SCHEMA)
    root = document.root if isinstance(document.root, Table) else Table(1, 1)
    named = root.entries.get("function")
    if isinstance(named, Scalar) and named.text != spec.function:
        document.report(named, f"this file is about '{spec.function}', by its name")
    found: dict[tuple[object, ...], Point] = {}
    listed = root.entries.get("points")
    for node in listed.items if isinstance(listed, Listing) else ():
        point = _point(document, spec, node) if isinstance(node, Table) else None
        if point is None:
            continue
        if point.question in found:
            document.report(node, "the same point once more")
        found[point.question] = point
    if document.mistakes:
        raise SpecErrors(document.mistakes)
    return tuple(found.values())


def _point(document: Document, spec: Spec, table: Table) -> Point | None:
    """Return one point, or None if something is wrong with it, which is then reported."""
    before, reader = len(document.mistakes), PointReader(document, spec, table)
    texts = {key: node.text for key, node in table.entries.items() if isinstance(node, Scalar)}
    inputs, parameters = reader.inputs(texts.get("dtype", "")), reader.parameters()
    known = [item.name for item in spec.inputs]
    quantity = texts.get("of", VALUE)
    if quantity != VALUE and quantity.removeprefix("d ") not in known:
        wrt = quantity.removeprefix("d ")
        document.report(table.entries["of"], f"'{wrt}' is not an input", suggestion(wrt, known))
    if len(document.mistakes) == before and texts.keys() >= _WORDS and inputs:
        reader.check(inputs, parameters)
    if len(document.mistakes) > before or not texts.keys() >= _WORDS:
        return None
    words = {key: texts[key] for key in _WORDS - {"ulp"}}
    return Point(inputs=inputs, parameters=parameters, ulp=float(texts["ulp"]), **words)
