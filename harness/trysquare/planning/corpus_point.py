"""One point of a corpus against its spec: numbers of the dtype, inside every domain."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

import numpy as np

from trysquare.dtypes import FORMATS
from trysquare.errors import suggestion
from trysquare.formula.evaluate import evaluate
from trysquare.formula.float64 import Float64
from trysquare.formula.tree import names
from trysquare.spec import Parameter, ParameterKind, Spec, Value
from trysquare.specfile.document import Document, Listing, Node, Scalar, Table
from trysquare.specfile.values import FLAGS
from trysquare.truth.meaning import domains, meaning

_HEX = re.compile(r"[+-]?0x[01](\.[0-9a-f]+)?p[+-]?[0-9]+")
_WHOLE = re.compile(r"-?[0-9]{1,18}")

Numbers = dict[str, tuple[str, ...]]
"""Hexadecimal numbers by input, several for a row."""


class PointReader:
    """Reads inputs and parameters of a point; mistakes are noted in the document."""

    def __init__(self, document: Document, spec: Spec, table: Table) -> None:
        self._document, self._spec, self._table = document, spec, table

    def inputs(self, dtype: str) -> Numbers:
        """Return the numbers of every input; those that are none of the dtype are left out."""
        table = self._table.entries.get("inputs")
        if not isinstance(table, Table):
            return {}
        found: Numbers = {}
        known = {item.name: item for item in self._spec.inputs}
        for name, node in table.entries.items():
            if name not in known:
                hint = suggestion(name, known)
                self._document.report(table.keys[name], f"'{name}' is not an input", hint)
                continue
            items = node.items if isinstance(node, Listing) else [node]
            numbers = tuple(self._number(item, dtype) for item in items)
            found[name] = tuple(number for number in numbers if number)
        for item in self._spec.required:
            if item.name not in table.entries:
                self._document.report(table, f"no number for '{item.name}'")
        return found

    def _number(self, node: Node, dtype: str) -> str:
        """Return a number of the dtype as it is written, or nothing."""
        if not isinstance(node, Scalar):
            return ""
        if not _HEX.fullmatch(node.text):
            hint = "as float.hex writes it, for example -0x1.8p+3"
            self._document.report(node, f"'{node.text[:60]}' is not a hexadecimal number", hint)
            return ""
        try:
            value = float.fromhex(node.text)
        except OverflowError:
            value = math.inf
        if dtype in FORMATS and FORMATS[dtype].round(np.array(value)) != value:
            self._document.report(node, f"{node.text[:60]} is not a number of {dtype}")
            return ""
        if not math.isfinite(value):
            self._document.report(node, f"{node.text[:60]} is larger than any number")
            return ""
        return value.hex()

    def parameters(self) -> dict[str, Value]:
        """Return the values of the parameters that are named."""
        table = self._table.entries.get("parameters")
        if not isinstance(table, Table):
            return {}
        found: dict[str, Value] = {}
        known = {item.name: item for item in self._spec.parameters}
        for name, node in table.entries.items():
            if name not in known:
                hint = suggestion(name, known)
                self._document.report(table.keys[name], f"'{name}' is not a parameter", hint)
                continue
            value = self._value(node, known[name])
            if value is not None:
                found[name] = value
        return found

    def _value(self, node: Node, parameter: Parameter) -> Value | None:
        if not isinstance(node, Scalar):
            return None
        match parameter.kind:
            case ParameterKind.NUMBER:
                text = self._number(node, "float64")
                return float.fromhex(text) if text else None
            case ParameterKind.INTEGER if _WHOLE.fullmatch(node.text):
                return int(node.text)
            case ParameterKind.FLAG if node.text in FLAGS:
                return FLAGS[node.text]
            case ParameterKind.CHOICE if node.text in parameter.choices:
                return node.text
        hint = ", ".join(parameter.choices)
        self._document.report(node, f"'{node.text[:60]}' is no value of {parameter.name}", hint)
        return None

    def check(self, inputs: Numbers, parameters: Mapping[str, Value]) -> None:
        """Report rows that do not fit together, and what a domain does not contain."""
        spec = self._spec
        rows = {
            name: np.array([[float.fromhex(text) for text in texts]])
            for name, texts in inputs.items()
        }
        lengths = {row.shape[1] for row in rows.values()} - {1}
        if len(lengths) > 1:
            self._document.report(self._table, "rows of different lengths")
            return
        meant, columns = meaning(spec, parameters), max(lengths, default=1)
        for name, domain in domains(spec):
            tree = meant.expression(domain.tree)
            if rows.keys() >= set(names(tree)):
                holds = evaluate(tree, Float64(1, columns), rows)
                if not np.asarray(holds).all():
                    self._document.report(self._table, f"{name} must satisfy {domain.text}")
