"""What a hunt found, as rows: the worst input of each case, whether it diverges or not."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from trysquare.result import Found, Result
from trysquare_reports import figures
from trysquare_reports.verdict import State, state


@dataclass(frozen=True)
class Hunted:
    """The worst input of one result; `error` and `alone` are texts, `alone` empty if the same."""

    state: State
    result: Result
    input: str
    error: str
    alone: str


def hunted(results: Iterable[Result]) -> Iterator[Hunted]:
    """Yield one row for each result that holds inputs that were found."""
    for result in results:
        for worst in result.found[:1]:
            alone = "" if worst.alone is None else worst.alone.decimal
            yield Hunted(state(result), result, _input(worst), _error(worst), alone)


def _input(found: Found) -> str:
    parts = (
        f"{name} = {texts[0] if len(texts) == 1 else '[' + ', '.join(texts) + ']'}"
        for name, texts in found.inputs.items()
    )
    return "; ".join(parts)


def _error(found: Found) -> str:
    if found.got is None:
        return "no answer"
    if math.isnan(found.ulp):
        return f"gave {found.got.decimal}"
    return f"{found.ulp:.4g} ulp" if found.ulp < 1e4 else f"{figures.ulp(found.ulp)} ulp"
