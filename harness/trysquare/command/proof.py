"""Whether the truth itself has the properties that a spec states."""

from __future__ import annotations

from collections.abc import Iterator

from trysquare.dtypes import FLOAT32, Array
from trysquare.errors import Mistake, UndecidedError
from trysquare.planning.cases import Case
from trysquare.planning.checks import cases
from trysquare.result import SEED, Check
from trysquare.spec import Identity, Place, Spec
from trysquare.verdict.properties import Leeway, blur, breach, sides
from trysquare.verdict.standard import Standard


def unproven(spec: Spec) -> Iterator[Mistake]:
    """Yield each property that the exact values of the formula do not have, and where.

    The formula is asked in single precision: what holds for its numbers holds for shorter ones.
    """
    if not spec.properties:
        return
    told: set[Place] = set()
    try:
        planned = cases(spec, Check.PROPERTIES, FLOAT32, SEED)
    except ValueError as error:
        place = spec.properties[0].place
        yield Mistake(str(place.path), place.line, place.column, str(error))
        return
    for case in planned:
        if case.claimed is None or case.place in told or spec.draws(case.effective):
            continue
        problem = _problem(spec, case)
        if problem:
            told.add(case.place)
            message = f"the formula is not so, {case.name}: {problem}"
            yield Mistake(str(case.place.path), case.place.line, case.place.column, message)
    asked = {case.place for case in planned}
    for claim in spec.properties:
        if claim.place not in asked:
            message = "there are no inputs for which this can be asked"
            yield Mistake(str(claim.place.path), claim.place.line, claim.place.column, message)


def _problem(spec: Spec, case: Case) -> str:
    standard = Standard(spec, case)
    try:
        first = None if case.earlier is None else _exact(Standard(spec, case.earlier), case)
        found = breach(standard, _exact(standard, case), first, Leeway(blur))
    except UndecidedError:
        return ""
    return "" if found is None or not found.bad.any() else sides(standard, found)


def _exact(standard: Standard, asked: Case) -> Array:
    """Return the exact answer: rounded, but where two of them are compared with each other."""
    value = standard.canonical.truth.value
    identity = asked.claimed is not None and isinstance(asked.claimed.claim, Identity)
    rows = value if identity else asked.format.round(value)
    return standard.layout.from_rows(rows, standard.spread)
