"""The inputs and parameters of a document, under names that do not clash."""

from __future__ import annotations

import keyword
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from trysquare.formula.parser import RESERVED
from trysquare.spec import Extent, Input, InputForm, InputKind, Parameter
from trysquare.specfile.document import Document, Gap, Node, Scalar, Table
from trysquare.specfile.parameters import read_parameters
from trysquare.specfile.phrases import STAND_IN, Phrases, entries
from trysquare.specfile.values import FLAGS

CASE_KEYS: Final = frozenset({"name", "why", "expect", "digits", "saved", "dtypes"})
"""Keys of a case that are neither inputs nor parameters."""

LOSS: Final = "loss"
"""The value of the formula, in `reduce`."""

COTANGENT: Final = "cotangent"
"""What is multiplied with the Jacobian, in `gradient`."""

OUTPUT: Final = "output"
"""The result, where a random quantity is recovered from it, and in properties."""

TERMS: Final = "n"
"""The number of reduced elements, in `tolerance`."""

BATCH: Final = "batch"
"""The length of the first dimension."""

_IN_CALLS = CASE_KEYS | {LOSS, COTANGENT, OUTPUT, TERMS, BATCH}
_TAKEN: dict[str, frozenset[str]] = {
    "inputs": _IN_CALLS | {"at"},
    "parameters": _IN_CALLS,
    "where": frozenset({LOSS, COTANGENT, OUTPUT, BATCH}),
    "random": frozenset({LOSS, COTANGENT, OUTPUT, BATCH}),
}


@dataclass(frozen=True)
class Signature:
    """Everything that a call can be given, and the reader of expressions over it."""

    inputs: tuple[Input, ...]
    parameters: tuple[Parameter, ...]
    phrases: Phrases

    @property
    def input_names(self) -> frozenset[str]:
        """The names of the inputs."""
        return frozenset(written.name for written in self.inputs)

    @property
    def known(self) -> frozenset[str]:
        """The names of the inputs and of the parameters that are numbers."""
        return self.input_names | self.phrases.numeric


def read_signature(document: Document, root: Mapping[str, Node]) -> Signature:
    """Return inputs and parameters; mistakes are noted in the document."""
    _refuse_clashes(document, root)
    parameters = read_parameters(document, root.get("parameters", Gap()))
    phrases = Phrases(document, parameters)
    written = entries(root.get("inputs", Gap()))
    known = frozenset(written) | phrases.numeric
    inputs = tuple(_input(document, name, node, phrases, known) for name, node in written.items())
    return Signature(inputs, parameters, phrases)


def _refuse_clashes(document: Document, root: Mapping[str, Node]) -> None:
    first: dict[str, str] = {}
    for section, words in _TAKEN.items():
        table = root.get(section)
        if not isinstance(table, Table):
            continue
        for name in table.entries:
            if name in first:
                message = f"'{name}' is already a name in `{first[name]}`"
                document.report(table.keys[name], message)
            elif name in RESERVED | words or keyword.iskeyword(name):
                message = f"'{name}' is a word with a meaning of its own"
                document.report(table.keys[name], message, "choose another name")
            first.setdefault(name, section)


def _input(
    document: Document, name: str, node: Node, phrases: Phrases, known: frozenset[str]
) -> Input:
    if isinstance(node, Scalar):
        forms = {"": InputForm(InputKind(node.text), Extent.ELEMENT)}
        return Input(name, None, forms, None, None, InputKind.FLOAT in node.text)
    if isinstance(node, Gap):
        # not required in cases: its own mistake is enough
        forms = {"": InputForm(InputKind.FLOAT, Extent.ELEMENT)}
        return Input(name, None, forms, STAND_IN, None, differentiable=True)
    table = entries(node)
    by, forms = _forms(document, table, phrases)
    floats = any(form.kind is InputKind.FLOAT for form in forms.values())
    default, domain = table.get("default"), table.get("domain")
    return Input(
        name,
        by,
        forms,
        None if default is None else phrases.expression(default, phrases.numeric, rows=False),
        None if domain is None else phrases.condition(domain, known),
        _flag(table.get("differentiable"), otherwise=floats),
    )


def _forms(
    document: Document, table: Mapping[str, Node], phrases: Phrases
) -> tuple[str | None, dict[str, InputForm]]:
    """Return kind and extent, or kinds and extents by the choices of one parameter."""
    kind, extent = table.get("type", Gap()), table.get("per", Gap())
    mappings = [node for node in (kind, extent) if isinstance(node, Table)]
    if not mappings:
        return None, {"": InputForm(_kind(kind), _extent(extent))}
    by = [phrases.chooser(mapping) for mapping in mappings]
    if None not in by and by[0] != by[-1]:
        document.report(mappings[-1], f"by {by[-1]} here, but by {by[0]} in `type`")
    kinds, extents = entries(kind), entries(extent)
    forms = {
        choice: InputForm(_kind(kinds.get(choice, kind)), _extent(extents.get(choice, extent)))
        for choice in (kinds or extents)
    }
    return by[0], forms


def _kind(node: Node) -> InputKind:
    return InputKind(node.text) if isinstance(node, Scalar) else InputKind.FLOAT


def _extent(node: Node) -> Extent:
    return Extent(node.text) if isinstance(node, Scalar) else Extent.ELEMENT


def _flag(node: Node | None, *, otherwise: bool) -> bool:
    return FLAGS[node.text] if isinstance(node, Scalar) else otherwise
