"""Subjects x targets -> results; what is found on one target is asked of all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from trysquare.backend import Target
from trysquare.dtypes import Array
from trysquare.hunt.findings import Findings
from trysquare.hunt.hunter import Bag, Hunter
from trysquare.hunt.start import subjects
from trysquare.hunt.subject import Subject
from trysquare.planning.plan import Group
from trysquare.result import Result
from trysquare.run import Session

WORST = "worst found"
DISCRETE = "discrete failure found"
"""How the cases of a hunt begin: numbers far off; and NaN, infinity or zero where none is due."""

Seeds = Callable[[Subject], Array]
"""Known points of a subject, shaped (points, coordinates)."""


@dataclass(frozen=True)
class Chase:
    """How every hunt is made: so many evaluations of each subject by each target."""

    session: Session
    targets: Sequence[Target]
    evaluations: int
    seed: int
    gradient: bool
    seeds: Seeds

    def results(self, groups: Sequence[Group]) -> Iterator[Result]:
        """Yield the results of all groups, group by group, target by target."""
        for group in groups:
            able: list[Target] = []
            for target in self.targets:
                refusal = self.session.refusal(group, target)
                if refusal is None:
                    able.append(target)
                else:
                    yield refusal
            for subject in subjects(group.spec, group.format, gradient=self.gradient):
                yield from self._subject(subject, able)

    def _subject(self, subject: Subject, targets: Sequence[Target]) -> Iterator[Result]:
        hunters = {target: Hunter(self.session, target, subject) for target in targets}
        bags: dict[Target, Bag] = {}
        for target, hunter in hunters.items():
            known = [bag.numeric.points[:8] for bag in bags.values()]
            seeds = np.concatenate([self.seeds(subject), *known])
            bags[target] = hunter.hunt(self.evaluations, self.seed, seeds)
        for target, hunter in hunters.items():
            bag = hunter.united(bags[target], list(bags.values()))
            findings = Findings(self.session, target, subject)
            for number, accident in enumerate(hunter.asking.accidents, 1):
                yield findings.accident(number, accident)
            yield from findings.results(DISCRETE, bag.discrete)
            yield from findings.results(WORST, bag.numeric)
