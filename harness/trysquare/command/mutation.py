"""Would the named cases and the properties of a spec notice if its formula were another one?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from trysquare.audit.mutants import Mutant, mutants
from trysquare.command.noticing import Court
from trysquare.spec import Spec


@dataclass(frozen=True)
class Score:
    """What became of the mutants of one spec."""

    function: str
    by_cases: int
    by_properties: int
    equal: tuple[Mutant, ...]
    survivors: tuple[Mutant, ...]

    @property
    def counted(self) -> int:
        """The mutants that differ from the spec."""
        return self.by_cases + self.by_properties + len(self.survivors)

    @property
    def caught(self) -> int:
        """Those of them that were noticed."""
        return self.by_cases + self.by_properties


def score(spec: Spec, every: int = 1) -> Score:
    """Return how a spec does against its mutants, or against every n-th of them."""
    court = Court(spec)
    counts = {"cases": 0, "properties": 0}
    equal: list[Mutant] = []
    survivors: list[Mutant] = []
    for mutant in list(mutants(spec))[::every]:
        if court.contradicts_a_case(mutant.spec):
            counts["cases"] += 1
        elif court.lacks_a_property(mutant.spec):
            counts["properties"] += 1
        elif court.contradicts_digits(mutant.spec):
            counts["cases"] += 1
        elif court.differs(mutant.spec):
            survivors.append(mutant)
        else:
            equal.append(mutant)
    return Score(
        spec.function, counts["cases"], counts["properties"], tuple(equal), tuple(survivors)
    )


def total(found: Sequence[Score]) -> float:
    """Return the share of the mutants that was noticed, of all that differ."""
    counted = sum(one.counted for one in found)
    return sum(one.caught for one in found) / counted if counted else 1.0


def page(found: Sequence[Score]) -> Iterator[str]:
    """Yield the lines of a table of scores, and every survivor."""
    yield "| function | mutants | equal | caught by cases | by properties | survivors |"
    yield "|---|--:|--:|--:|--:|--:|"
    for one in found:
        everything = one.counted + len(one.equal)
        cells = (everything, len(one.equal), one.by_cases, one.by_properties, len(one.survivors))
        yield f"| {one.function} | {' | '.join(map(str, cells))} |"
    for title, which in (("Survivors", "survivors"), ("Equal", "equal")):
        yield ""
        yield f"### {title}"
        yield ""
        for one in found:
            yield from (f"* `{one.function}`, {_line(mutant)}" for mutant in getattr(one, which))


def _line(mutant: Mutant) -> str:
    return f"{mutant.part}: `{mutant.before}` → `{mutant.after}`"
