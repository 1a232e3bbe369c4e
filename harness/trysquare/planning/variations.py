"""Parameters worth trying: one thing changed at a time."""

from __future__ import annotations

from collections.abc import Iterator

from trysquare.formula.tree import Node, Op
from trysquare.spec import Spec, Value
from trysquare.truth.meaning import LOSS


def choices(spec: Spec) -> Iterator[dict[str, Value]]:
    """Yield the defaults, unreduced, and then every other choice, one at a time."""
    words = {item.name for item in spec.parameters if item.choices}
    _, plain = next(variations(spec))
    yield plain
    for _, parameters in variations(spec):
        if parameters.keys() - plain.keys() <= words and parameters != plain:
            yield parameters


def variations(spec: Spec) -> Iterator[tuple[str, dict[str, Value]]]:
    """Yield parameters worth trying, unreduced: the defaults, then one thing changed at a time."""
    plain: dict[str, Value] = {}
    if spec.reduce is not None and spec.reduce.parameter is not None:
        whole = (c for c, e in spec.reduce.options.items() if _is_loss(e.tree))
        choice = next(whole, None)
        plain = {} if choice is None else {spec.reduce.parameter: choice}
    yield "", plain
    for item in spec.parameters:
        others = item.also if item.choices == () else item.choices
        for value in others:
            random_mode = spec.random is not None and spec.random.mode.get(item.name) == value
            if item.name not in plain and value != item.default and not random_mode:
                yield f", {item.name} {value}", {**plain, item.name: value}


def _is_loss(tree: Node) -> bool:
    return tree.op is Op.NAME and tree.value == LOSS


def reducing(spec: Spec) -> Iterator[dict[str, Value]]:
    """Yield the choices of a reduction that reduce; for each form of the other choices."""
    if spec.reduce is None or spec.reduce.parameter is None:
        return
    forms: list[dict[str, Value]] = [{}]
    for item in spec.inputs:
        if item.by is not None:
            forms = [{item.by: choice} for choice in item.forms]
    for form in forms:
        for choice, expression in spec.reduce.options.items():
            if not _is_loss(expression.tree):
                yield {**form, spec.reduce.parameter: choice}
