"""The parameters of a document: kinds, defaults, choices and domains that fit each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from trysquare.errors import FormulaError
from trysquare.formula import constant
from trysquare.formula.parser import parse
from trysquare.formula.tree import names, parts
from trysquare.spec import Parameter, ParameterKind, Role, Value
from trysquare.specfile.document import Document, Gap, Node, Scalar
from trysquare.specfile.phrases import STAND_IN, Phrases, entries, items, texts
from trysquare.specfile.values import FLAGS, NUMERIC, read_value


def read_parameters(document: Document, section: Node) -> tuple[Parameter, ...]:
    """Return the parameters of a document; mistakes are noted in it."""
    tables = {name: entries(node) for name, node in entries(section).items()}
    parameters = [_parameter(document, name, table) for name, table in tables.items()]
    phrases = Phrases(document, parameters)
    defaults = {name: number for name, table in tables.items() for number in _doubles(table)}
    return tuple(
        _with_domain(document, parameter, tables[parameter.name], phrases, defaults)
        for parameter in parameters
    )


def is_inside(parameter: Parameter, values: Mapping[str, Value]) -> bool:
    """Return whether the values are in the parameter's domain; what is not a number is."""
    numbers = {name: float(v) for name, v in values.items() if not isinstance(v, str)}
    if parameter.domain is None or not set(names(parameter.domain.tree)) <= numbers.keys():
        return True
    try:
        return constant.holds(parameter.domain.tree, numbers)
    except FormulaError:
        return False


def _parameter(document: Document, name: str, table: Mapping[str, Node]) -> Parameter:
    """Return a parameter without its domain, which may depend on other parameters."""
    kind, choices = _kind(table), texts(table.get("choices", Gap()))
    _refuse_contradictions(document, kind, table)
    default = read_value(document, table.get("default", Gap()), kind, choices)
    also = [read_value(document, n, kind, choices) for n in items(table.get("also", Gap()))]
    return Parameter(
        name=name,
        kind=kind,
        default=0.0 if default is None else default,
        also=tuple(value for value in also if value is not None),
        choices=choices,
        domain=None,
        role=Role.INPLACE if "role" in table else None,
    )


def _kind(table: Mapping[str, Node]) -> ParameterKind:
    match table.get("type"), table.get("default"):
        case Scalar(text=kind), _:
            return ParameterKind(kind)
        case _ if "choices" in table:
            return ParameterKind.CHOICE
        case _, Scalar(text=default) if default in FLAGS:
            return ParameterKind.FLAG
    return ParameterKind.NUMBER


def _refuse_contradictions(
    document: Document, kind: ParameterKind, table: Mapping[str, Node]
) -> None:
    if kind is ParameterKind.CHOICE and "choices" not in table:
        document.report(table["type"], "a choice needs `choices`")
    if kind is not ParameterKind.CHOICE and "choices" in table:
        document.report(table["choices"], f"a {kind} has no choices")
    if kind not in NUMERIC and "domain" in table:
        document.report(table["domain"], f"a {kind} has no domain")
    if kind is not ParameterKind.FLAG and "role" in table:
        document.report(table["role"], f"a {kind} has no role", "only a flag has one")
    seen: set[str] = set()
    for item in items(table.get("choices", Gap())):
        if seen.issuperset(words := texts(item)) and words:
            document.report(item, f"'{words[0]}' is given twice")
        seen.update(words)


def _with_domain(
    document: Document,
    parameter: Parameter,
    table: Mapping[str, Node],
    phrases: Phrases,
    defaults: Mapping[str, float],
) -> Parameter:
    if "domain" not in table or parameter.kind not in NUMERIC:
        return parameter
    domain = phrases.condition(table["domain"], phrases.numeric, rows=False)
    if domain is STAND_IN:
        return parameter
    if not constant.OPERATIONS.issuperset(part.op for part in parts(domain.tree)):
        message = "a domain of a parameter is comparisons of arithmetic"
        document.report(table["domain"], message)
        return parameter
    bounded = replace(parameter, domain=domain)
    for node in (table.get("default", Gap()), *items(table.get("also", Gap()))):
        for number in _doubles({"default": node}):
            if not is_inside(bounded, {**defaults, parameter.name: number}):
                message = f"outside the domain of {parameter.name}"
                document.report(node, message, f"which is {domain.text}")
    return bounded


def _doubles(table: Mapping[str, Node]) -> Iterator[float]:
    """Yield the default as a number, if it is one; what is wrong with it is known already."""
    if isinstance(node := table.get("default"), Scalar):
        try:
            yield constant.double(constant.value(parse(node.text)))
        except FormulaError:
            return
