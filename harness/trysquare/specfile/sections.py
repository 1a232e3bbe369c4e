"""The sections of a document -> a spec; each refers only to names that exist."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Final

from trysquare.errors import suggestion
from trysquare.formula.tree import Scope
from trysquare.spec import (
    Deprecated,
    Dialect,
    Expression,
    Kink,
    ParameterKind,
    Random,
    Selected,
    Spec,
    Tolerance,
    Value,
)
from trysquare.specfile.case_reader import read_cases
from trysquare.specfile.document import Document, Gap, Node, Scalar, Table
from trysquare.specfile.phrases import entries, items, text, texts
from trysquare.specfile.properties import Context, read_properties
from trysquare.specfile.signature import BATCH, COTANGENT, LOSS, OUTPUT, TERMS, read_signature
from trysquare.specfile.values import read_old, read_value

DTYPES: Final = frozenset({"float64", "float32", "float16", "bfloat16"})
"""Dtypes that a tolerance can be stated for."""

INHERITED: Final = "inherited"
"""The tolerance that follows from the formula."""

_ULP = re.compile(r"(.*\S)\s+ulp", re.DOTALL)


class Sections:
    """Reads the sections of one document; names known to each are settled first."""

    def __init__(self, document: Document, root: Table, path: Path) -> None:
        self._document, self._root, self._path = document, root.entries, path
        self._signature = read_signature(document, root.entries)
        self._phrases = self._signature.phrases
        self._parameters = {p.name: p for p in self._signature.parameters}
        self._drawn = frozenset(entries(self._section("random")))
        self._where_names = frozenset(entries(self._section("where")))
        self._known = self._signature.known | self._drawn | self._where_names

    def read(self) -> Spec:
        """Return the spec; a document with mistakes gives one that nobody must use."""
        function = self._section("function")
        where = self._where()
        formula = self._phrases.selected(self._section("formula"), self._known)
        definition, dialects = self._optional("definition"), self._dialects()
        stated = [] if definition is None else [definition]
        self._phrases.define(LOSS, formula, *stated, *(each.formula for each in dialects))
        reduce = self._optional("reduce", Scope.ALL)
        if reduce is not None:
            self._phrases.define(COTANGENT, reduce)
        return Spec(
            function=self._function(function),
            category=self._path.parent.name,
            place=self._document.place(function),
            summary=text(self._section("summary")),
            source=tuple(each.strip() for each in texts(self._section("source"))),
            inputs=self._signature.inputs,
            parameters=self._signature.parameters,
            axis=self._axis(),
            where=where,
            formula=formula,
            definition=definition,
            reduce=reduce,
            gradient=self._gradient(),
            kinks=tuple(self._kink(node) for node in items(self._section("kinks"))),
            tolerance=self._tolerance(),
            dialects=dialects,
            deprecated=tuple(self._deprecated(n) for n in items(self._section("deprecated"))),
            random=self._random(),
            properties=read_properties(
                self._document,
                self._section("properties"),
                Context(self._signature, self._known, reduce, self._settings),
            ),
            cases=read_cases(self._document, self._section("cases"), self._signature),
        )

    def _section(self, key: str) -> Node:
        return self._root.get(key, Gap())

    def _function(self, node: Node) -> str:
        name = text(node)
        if name and name != self._path.stem:
            self._document.report(node, f"the file is called '{self._path.stem}'")
        return name

    def _axis(self) -> int | str | None:
        node = self._section("axis")
        whole = [p.name for p in self._signature.parameters if p.kind is ParameterKind.INTEGER]
        for word in texts(node):
            if re.fullmatch("-?[0-9]+", word):
                return int(word)
            if word not in whole:
                message = f"'{word}' is not a parameter of `type: integer`"
                self._document.report(node, message, suggestion(word, whole))
            return word
        return None

    def _where(self) -> dict[str, Selected]:
        known, parts = self._signature.known | self._drawn, {}
        for name, node in entries(self._section("where")).items():
            parts[name] = self._phrases.selected(node, known)
            known |= {name}
            self._phrases.define(name, parts[name])
        return parts

    def _optional(self, key: str, scope: Scope = Scope.ROW) -> Selected | None:
        if key not in self._root:
            return None
        known = self._known | ({LOSS, BATCH} if scope is Scope.ALL else set())
        return self._phrases.selected(self._root[key], known, scope)

    def _gradient(self) -> dict[str, Selected]:
        section = self._section("gradient")
        self._refuse_flat(section)
        known = self._known | {COTANGENT}
        return {name: self._phrases.selected(n, known) for name, n in entries(section).items()}

    def _kink(self, node: Node) -> Kink:
        self._refuse_flat(node)
        table = entries(node)
        at = self._phrases.condition(table.get("at", Gap()), self._known)
        allowed = {name: self._expressions(each) for name, each in table.items() if name != "at"}
        return Kink(at, allowed)

    def _expressions(self, node: Node) -> tuple[Expression, ...]:
        known = self._known | {COTANGENT}
        return tuple(self._phrases.expression(item, known) for item in items(node))

    def _refuse_flat(self, table: Node) -> None:
        """Report names that are not inputs, or inputs that have no derivative."""
        inputs = {each.name: each for each in self._signature.inputs}
        for name, key in table.keys.items() if isinstance(table, Table) else ():
            if name == "at":
                continue
            if name not in inputs:
                self._document.report(key, f"'{name}' is not an input", suggestion(name, inputs))
            elif not inputs[name].differentiable:
                self._document.report(key, f"input '{name}' is not differentiable")

    def _tolerance(self) -> Tolerance:
        node = self._section("tolerance")
        if not isinstance(node, Table):
            limit = self._limit(node)
            stated = {} if limit is None else {"": limit}
            return Tolerance(None, stated, {"": self._document.place(node)})
        by = None if node.entries.keys() <= DTYPES else self._phrases.chooser(node)
        limits = {key: self._limit(each) for key, each in node.entries.items()}
        return Tolerance(
            by,
            {key: limit for key, limit in limits.items() if limit is not None},
            {key: self._document.place(each) for key, each in node.entries.items()},
        )

    def _limit(self, node: Node) -> Expression | None:
        if not isinstance(node, Scalar) or node.text == INHERITED:
            return None
        written = _ULP.fullmatch(node.text)
        if written is None:
            hint = "write `4 ulp` or `inherited`"
            self._document.report(node, "not a number of ULP", hint)
            return None
        known = self._signature.input_names | {TERMS}
        number = replace(node, text=written.group(1))
        return self._phrases.expression(number, known, rows=False)

    def _dialects(self) -> tuple[Dialect, ...]:
        section = self._section("dialects")
        keys = section.keys if isinstance(section, Table) else {}
        return tuple(
            Dialect(
                name,
                text(entries(node).get("why", Gap())),
                self._phrases.selected(entries(node).get("formula", Gap()), self._known),
                self._document.place(keys[name]),
            )
            for name, node in entries(section).items()
        )

    def _deprecated(self, node: Node) -> Deprecated:
        given = entries(entries(node).get("given", Gap()))
        return Deprecated(
            {name: read_old(self._document, each) for name, each in given.items()},
            self._settings(entries(node).get("means", Gap())),
            self._document.place(node),
        )

    def _settings(self, table: Node) -> dict[str, Value]:
        """Return values of parameters, by name."""
        settings: dict[str, Value] = {}
        keys = table.keys if isinstance(table, Table) else {}
        for name, node in entries(table).items():
            if (parameter := self._parameters.get(name)) is None:
                hint = suggestion(name, self._parameters)
                self._document.report(keys[name], f"'{name}' is not a parameter", hint)
                continue
            value = read_value(self._document, node, parameter.kind, parameter.choices)
            if value is not None:
                settings[name] = value
        return settings

    def _random(self) -> Random | None:
        for name, node in entries(self._section("random")).items():
            table = entries(node)
            bounds = items(table.get("uniform", Gap()))
            numeric, known = self._phrases.numeric, self._signature.known | {OUTPUT}
            low, high = (
                self._phrases.expression(bound, numeric, rows=False)
                for bound in (bounds if len(bounds) == 2 else (Gap(), Gap()))
            )
            return Random(
                name,
                low,
                high,
                self._phrases.expression(table.get("given", Gap()), known),
                self._phrases.condition(table.get("when", Gap()), known),
                self._settings(table.get("mode", Gap())),
            )
        return None
