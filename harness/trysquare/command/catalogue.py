"""Specs as a terminal shows them: one line for each function, one page for one of them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from trysquare.command import doctor, selection
from trysquare.describe import describe
from trysquare.loading import available
from trysquare.planning.plan import RUN, checks_of
from trysquare.recorder import shown
from trysquare.spec import Input, Kink, NamedCase, Special

WIDTH = 100


def listing(what: str) -> Iterator[str]:
    """Yield the names of all functions, backends, checks or targets, with what says more."""
    match what:
        case "functions":
            yield from _table((spec.function, spec.summary) for spec in selection.specs(()))
        case "backends":
            yield from available()
        case "checks":
            yield from RUN
        case "targets":
            yield from doctor.targets()


def page(function: str) -> str:
    """Return everything that the spec of a function says, or that in a file, as plain text.

    Raises UsageError for a function that has no spec, SpecErrors for a file that holds none.
    """
    spec = selection.one(function)
    record = shown(describe(spec))
    formulas = [(label, text) for label, text, _ in record.formulas]
    blocks = [
        [f"{record.function} · {record.category} · {record.place}", record.summary],
        _table(formulas),
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
