"""The cases of a document -> named inputs, parameters and expectations."""

from __future__ import annotations

from trysquare.errors import suggestion
from trysquare.spec import NamedCase, Nested, Special, Value
from trysquare.specfile.document import Document, Gap, Listing, Node, Scalar, Table
from trysquare.specfile.parameters import is_inside
from trysquare.specfile.phrases import entries, items, text, texts
from trysquare.specfile.schema import COMMA
from trysquare.specfile.signature import CASE_KEYS, Signature
from trysquare.specfile.values import read_value

Shape = tuple[int, ...]


def read_cases(document: Document, section: Node, signature: Signature) -> tuple[NamedCase, ...]:
    """Return the cases of a document; mistakes are noted in it."""
    tables = [node for node in items(section) if isinstance(node, Table)]
    _refuse_repetitions(document, tables)
    reader = _Cases(document, signature)
    return tuple(reader.read(table) for table in tables)


def _refuse_repetitions(document: Document, tables: list[Table]) -> None:
    first: dict[str, int] = {}
    for table in tables:
        node = table.entries.get("name")
        for name in texts(node or Gap()):
            if name in first:
                document.report(node or table, f"line {first[name]} has a case of this name")
            first.setdefault(name, table.line)


class _Cases:
    def __init__(self, document: Document, signature: Signature) -> None:
        self._document = document
        self._phrases = signature.phrases
        self._parameters = {parameter.name: parameter for parameter in signature.parameters}
        self._inputs = signature.input_names
        self._required = [i.name for i in signature.inputs if i.default is None]
        self._defaults = {p.name: p.default for p in signature.parameters}

    def read(self, table: Table) -> NamedCase:
        """Return one case."""
        name, why, digits = (
            text(table.entries.get(key, Gap())) for key in ("name", "why", "digits")
        )
        self._refuse_unknown(table)
        expect = self._expect(table.entries.get("expect", Gap()))
        given = table.entries.items()
        return NamedCase(
            name=name,
            why=why,
            place=self._document.place(table.keys.get("name", table)),
            inputs={key: self._nested(node) for key, node in given if key in self._inputs},
            parameters=self._values(table, wrong=expect is Special.ERROR),
            expect=expect,
            digits=int(digits) if digits else None,
            saved=self._saved(table.entries.get("saved", Gap())),
            dtypes=texts(table.entries.get("dtypes", Gap())),
        )

    def _refuse_unknown(self, table: Table) -> None:
        known = {*CASE_KEYS, *self._inputs, *self._parameters}
        for key in [key for key in table.entries if key not in known]:
            hint = COMMA if ")" in key else suggestion(key, known)
            self._document.report(table.keys[key], f"'{key}' is no input or parameter", hint)
        absent = [f"'{name}'" for name in self._required if name not in table.entries]
        if absent:
            self._document.report(table, f"the case has no {' and no '.join(absent)}")

    def _values(self, table: Table, *, wrong: bool) -> dict[str, Value]:
        nodes = {name: table.entries[name] for name in self._parameters if name in table.entries}
        values: dict[str, Value] = {}
        for name, node in nodes.items():
            parameter = self._parameters[name]
            if not isinstance(node, Scalar | Gap):
                self._document.report(node, "a parameter is one value")
            value = read_value(self._document, node, parameter.kind, parameter.choices, wrong=wrong)
            if value is not None:
                values[name] = value
        for name in [] if wrong or len(values) < len(nodes) else nodes:
            if not is_inside(self._parameters[name], self._defaults | values):
                domain = self._parameters[name].domain
                hint = f"{domain.text if domain else ''}, or `expect: error`"
                self._document.report(nodes[name], f"outside the domain of {name}", hint)
        return values

    def _expect(self, node: Node) -> Special | tuple[Nested, ...]:
        if isinstance(node, Scalar) and node.text == Special.ERROR:
            return Special.ERROR
        if isinstance(node, Table):
            return tuple(self._nested(each) for each in items(entries(node).get("one of", Gap())))
        return (self._nested(node),)

    def _saved(self, node: Node) -> str | None:
        for name in texts(node):
            if name not in self._inputs:
                hint = suggestion(name, self._inputs)
                self._document.report(node, f"'{name}' is not an input", hint)
            return name
        return None

    def _nested(self, node: Node) -> Nested:
        self._shape(node)
        return self._leaves(node)

    def _leaves(self, node: Node) -> Nested:
        if isinstance(node, Listing):
            return tuple(self._leaves(item) for item in node.items)
        return self._phrases.expression(node, self._phrases.numeric, rows=False).tree

    def _shape(self, node: Node) -> Shape | None:
        """Return the shape of a value; None where it is ragged, which is reported once."""
        if not isinstance(node, Listing):
            return ()
        shapes = [self._shape(item) for item in node.items]
        for item, shape in zip(node.items, shapes, strict=True):
            if None not in (shape, shapes[0]) and shape != shapes[0]:
                self._document.report(item, "the rows of a value are equally long")
                return None
        inner = shapes[0] if shapes else ()
        return None if inner is None or None in shapes else (len(shapes), *inner)
