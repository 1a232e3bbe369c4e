"""Specs as a terminal shows them: one line for each function, one page for one of them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from trysquare.describe import DERIVED, describe
from trysquare.plan import checks_of
from trysquare.recorder import shown
from trysquare.spec import Input, Kink, NamedCase, Special, Spec

WIDTH = 100


def lines(specs: Sequence[Spec]) -> Iterator[str]:
    """Yield one line for each function."""
    name = max((len(spec.function) for spec in specs), default=0)
    category = max((len(spec.category) for spec in specs), default=0)
    for spec in specs:
        yield f"{spec.function:{name}}  {spec.category:{category}}  {spec.summary}"


def page(spec: Spec) -> str:
    """Return everything that a spec says, as plain text."""
    record = shown(describe(spec))
    formulas = ((label, text) for label, text, _ in record.formulas if text != DERIVED)
    derived = [label for label, text, _ in record.formulas if text == DERIVED]
    blocks = [
        [f"{record.function} · {record.category} · {record.place}", record.summary],
        [*_table(formulas), *(f"{label}: {DERIVED}" for label in derived)],
        _titled("inputs", _table((item.name, _input(item)) for item in spec.inputs)),
        _titled("parameters", _table(record.parameters.items())),
        _titled("kinks", [line for kink in spec.kinks for line in _kink(kink)]),
        [f"tolerance: {record.tolerance}"],
        _titled("dialects", _table(record.dialects.items())),
        _titled(f"cases ({len(spec.cases)})", [_case(case) for case in spec.cases]),
        [f"checks: {', '.join(checks_of(spec))}"],
        _titled("sources", record.source),
    ]
    return "\n\n".join("\n".join(_wrapped(block)) for block in blocks if block)


def _titled(title: str, rows: Iterable[str]) -> list[str]:
    indented = [f"  {row}" for row in rows]
    return [title, *indented] if indented else []


def _table(rows: Iterable[tuple[str, str]]) -> list[str]:
    listed = list(rows)
    width = max((len(name) for name, _ in listed), default=0)
    return [f"{name:{width}}  {' '.join(text.split())}" for name, text in listed]


def _wrapped(rows: Iterable[str]) -> Iterator[str]:
    for row in rows:
        indent = " " * (len(row) - len(row.lstrip()))
        yield from textwrap.wrap(
            row.strip(),
            WIDTH,
            initial_indent=indent,
            subsequent_indent=f"{indent}    ",
            drop_whitespace=True,
            break_long_words=False,
            break_on_hyphens=False,
        )


def _input(item: Input) -> str:
    kinds = dict.fromkeys(str(form.kind) for form in item.forms.values())
    parts = [" or ".join(kinds)]
    if item.default is not None:
        parts.append(f"{item.default.text} if left out")
    if item.domain is not None:
        parts.append(f"domain {item.domain.text}")
    return ", ".join(parts)


def _kink(kink: Kink) -> Iterator[str]:
    for name, allowed in kink.allowed.items():
        values = ", ".join(expression.text for expression in allowed)
        yield f"at {kink.at.text} the derivative in {name} may also be {values}"


def _case(case: NamedCase) -> str:
    parts = [case.name]
    if case.expect is Special.ERROR:
        parts.append("is an error")
    if case.dtypes:
        parts.append(f"in {', '.join(case.dtypes)}")
    return f"{', '.join(parts)}: {case.why}" if case.why else ", ".join(parts)
