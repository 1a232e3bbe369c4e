"""Subjects x targets -> results; what is found on one target is asked of all of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import Self

import numpy as np

from trysquare.backend import Target
from trysquare.dtypes import Array
from trysquare.hunt.catch import Catch
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
class Game:
    """How every hunt is made: so many evaluations of each subject by each target."""

    evaluations: int
    seed: int
    gradient: bool
    seeds: Seeds

    def __call__(
        self, session: Session, group: Group, targets: Sequence[Target]
    ) -> Iterator[Result]:
        """Yield the results of one group."""
        return Chase(session, targets, self).results([group])


@dataclass(frozen=True)
class Remembered:
    """Points that are known to be bad, by the subject; where nobody has asked, there are none."""

    points: Mapping[Hashable, Array]

    @classmethod
    def of(cls, groups: Sequence[Group], seeds: Seeds, *, gradient: bool) -> Self:
        """Look up what is known of everything that will be hunted."""
        everything = (
            subject
            for group in groups
            for subject in subjects(group.spec, group.format, gradient=gradient)
        )
        return cls({_key(subject): seeds(subject) for subject in everything})

    def __call__(self, subject: Subject) -> Array:
        """Return the points of a subject."""
        return self.points[_key(subject)]


def _key(subject: Subject) -> Hashable:
    settings = tuple(sorted(subject.settings.items()))
    what = subject.wrt, subject.length, subject.searched
    return subject.spec.function, subject.format.name, settings, what


@dataclass(frozen=True)
class Chase:
    """All hunts of a session."""

    session: Session
    targets: Sequence[Target]
    game: Game

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
            for subject in subjects(group.spec, group.format, gradient=self.game.gradient):
                yield from self._subject(subject, able)

    def _subject(self, subject: Subject, targets: Sequence[Target]) -> Iterator[Result]:
        """Yield the results of all targets; those of each share the time that it took."""
        hunters = {target: Hunter(self.session, target, subject) for target in targets}
        bags: dict[Target, Bag] = {}
        spent: dict[Target, float] = {}
        for target, hunter in hunters.items():
            begun = monotonic()
            known = [bag.numeric.points[:8] for bag in bags.values()]
            seeds = np.concatenate([self.game.seeds(subject), *known])
            bags[target] = hunter.hunt(self.game.evaluations, self.game.seed, seeds)
            spent[target] = monotonic() - begun
        for target, hunter in hunters.items():
            begun = monotonic()
            bag = hunter.united(bags[target], list(bags.values()))
            catch = Catch(self.session, target, subject)
            found = [
                catch.accident(number, accident)
                for number, accident in enumerate(hunter.asking.accidents, 1)
            ]
            found += [*catch.results(DISCRETE, bag.discrete)]
            found += [*catch.results(WORST, bag.numeric)]
            seconds = (spent[target] + monotonic() - begun) / max(1, len(found))
            yield from (replace(one, seconds=round(seconds, 3)) for one in found)
