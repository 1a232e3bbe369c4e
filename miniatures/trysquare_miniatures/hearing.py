"""Fake backends are asked about one function, each in a worker process, as a run would ask them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from trysquare.backend import Target
from trysquare.dtypes import FORMATS, Array
from trysquare.hunt.chase import Game
from trysquare.hunt.subject import Subject
from trysquare.planning.cases import Case
from trysquare.planning.plan import RUN, Group, groups
from trysquare.result import SECONDS_PER_CASE, SEED, USUAL, Check, Limits, Outcome, Result
from trysquare.run import Session
from trysquare.spec import Extent, Spec
from trysquare.sweep.campaign import Pace, Range, Sweeping
from trysquare.sweep.subject import Subject as Swept
from trysquare_miniatures.lies import LIES, WITHIN_THE_LIMIT, Lie

HOME = "trysquare_miniatures"
PERFECT = "perfect"
"""What the perfect backend calls itself, and the module that holds it."""

TRUTHFUL = "truthful"
"""What the reference calls itself among the liars: right but for the last digits of float64."""

PATIENCE = 5.0
"""Seconds after which a case hangs, for a liar that does: all its other cases take milliseconds."""

SLOW = 10 * SECONDS_PER_CASE
"""Seconds after which a case of the perfect backend hangs: it computes 80 digits."""

MANY = 1200
"""Numbers of a tensor of which the perfect backend is not asked more at once."""

FEW = 400
"""Numbers that are left of a tensor with more, where there are no rows."""

THINNED = (Check.VALUES, Check.GRADIENTS, Check.PROPERTIES)
"""Checks whose large cases ask about many numbers, each by itself."""

SWEPT = (Range(1.0, 1.03), Range(math.inf, math.inf))
"""Numbers that a sweep asks of liars, who are slow."""

EVALUATIONS = 200_000
"""Numbers that a hunt asks of a liar."""

Asking = Callable[[Session, Group, Sequence[Target]], Iterator[Result]]


def _as_in_a_run(session: Session, group: Group, targets: Sequence[Target]) -> Iterator[Result]:
    return session.results([group], targets)


def _swept(session: Session, group: Group, targets: Sequence[Target]) -> Iterator[Result]:
    """Sweep a few blocks, where the lies about single numbers are."""
    subject = Swept(group.spec, group.format, gradient=False)
    sources = tuple(dict.fromkeys(session.source(target) for target in targets))
    for numbers in SWEPT:
        sweeping = Sweeping((subject,), (), tuple(targets), sources, numbers, Pace(1, USUAL, None))
        run, _ = sweeping.run(None, lambda done, _: done, resume=False)
        yield from run.results


def _hunted(session: Session, group: Group, targets: Sequence[Target]) -> Iterator[Result]:
    """Hunt as long as it takes to find an interval of a hundredth of a binade."""
    return Game(EVALUATIONS, SEED, gradient=False, seeds=_none)(session, group, targets)


def _none(subject: Subject) -> Array:
    return np.empty((0, len(subject.coordinates)), np.int64)


ASKING: Mapping[Check, Asking] = {
    **dict.fromkeys(RUN, _as_in_a_run),
    Check.SWEEP: _swept,
    Check.HUNT: _hunted,
}
"""How a group of each check is asked; a check that no run makes needs a line of its own here."""


@dataclass(frozen=True)
class Heard:
    """The results of a hearing; by its name, why a backend could not be asked."""

    results: tuple[Result, ...]
    missing: Mapping[str, str]


@dataclass(frozen=True)
class Hearing:
    """Fake backends by name, and which of them are asked which groups of one function.

    `deadline` is in seconds for each case.
    """

    modules: Mapping[str, str]
    questions: Sequence[tuple[Group, frozenset[str]]]
    deadline: float = SECONDS_PER_CASE

    def held(self) -> Heard:
        """Start the workers, ask, and judge what they answer."""
        with Session(tuple(self.modules.values()), SEED, Limits(self.deadline)) as session:
            results = [
                result
                for group, asked in self.questions
                for result in ASKING[group.check](
                    session,
                    group,
                    [target for target in session.targets if target.backend in asked],
                )
            ]
            names = {module: name for name, module in self.modules.items()}
            missing = {names[one.target.backend]: one.reason for one in session.unavailable}
        return Heard(tuple(results), missing)


class Sampled(Group):
    """A group without its large cases: of functions of single numbers, a part of each is left."""

    def cases(self, seed: int) -> tuple[Case, ...]:
        """Return the cases whose tensors have at most MANY numbers, or a part of those rows."""
        thinned = (_thinned(self.spec, case) for case in super().cases(seed))
        small = tuple(one for one in thinned if _size(one) <= MANY or one.check is Check.RANDOMNESS)
        names = {case.name for case in small}
        return tuple(one for one in small if one.earlier is None or one.earlier.name in names)


def _size(case: Case) -> int:
    return max(array.size for array in case.inputs.values())


def _thinned(spec: Spec, case: Case) -> Case:
    """Return a case with every n-th number alone, where they are many and each stands alone."""
    most = FEW if spec.axis is None else MANY
    step = -(-_size(case) // most) | 1  # odd: no bit of a pattern is always zero
    if step == 1 or case.check not in THINNED or case.earlier is not None:
        return case
    shape = next(iter(case.inputs.values())).shape
    rows = any(item.form(case.effective).extent is Extent.ROW for item in spec.inputs)
    if rows or shape[0] < step:
        return case

    def thin(array: Array) -> Array:
        if array.shape != shape:
            return array
        halves = np.split(array, 2) if case.two_questions else [array]
        return np.concatenate([half[::step] for half in halves])

    return replace(
        case,
        name=f"{case.name}, one in {step}",
        inputs={name: thin(array) for name, array in case.inputs.items()},
        cotangent=None if case.cotangent is None else thin(case.cotangent),
    )


def groups_of(specs: Sequence[Spec], checks: Sequence[Check]) -> tuple[Group, ...]:
    """Return the groups of a run with these checks, and of other checks those that a lie names."""
    named = dict.fromkeys(
        (lie.function, lie.check, lie.dtype)
        for lie in LIES
        if lie.check in checks and lie.check not in RUN
    )
    others = (
        Group(spec, check, FORMATS[dtype])
        for spec in specs
        for function, check, dtype in named
        if function == spec.function
    )
    return (*groups(specs, checks), *others)


def hearings(asked: Iterable[Group]) -> Iterator[Hearing]:
    """Yield a hearing for each function and kind of backend; what takes longest comes first."""
    functions: dict[str, list[Group]] = {}
    for group in asked:
        functions.setdefault(group.spec.function, []).append(group)
    hanging = [lie for lie in LIES if lie.shows is Outcome.TIMED_OUT]
    others = [lie for lie in (*LIES, *WITHIN_THE_LIMIT) if lie not in hanging]
    for mine in functions.values():
        yield from _of_liars(mine, hanging, PATIENCE)
    for mine in functions.values():
        yield from _of_right(mine)
    for mine in functions.values():
        yield from _of_liars(mine, others, SECONDS_PER_CASE)


def _of_right(asked: Sequence[Group]) -> Iterator[Hearing]:
    """Yield hearings of backends that are right, one of them for checks that ask too much."""
    planned = [
        (Sampled(group.spec, group.check, group.format), frozenset({PERFECT}))
        for group in asked
        if group.check in RUN
    ]
    others = [(group, frozenset({TRUTHFUL})) for group in asked if group.check not in RUN]
    if planned:
        yield Hearing({PERFECT: f"{HOME}.{PERFECT}"}, planned, SLOW)
    if others:
        yield Hearing({TRUTHFUL: f"{HOME}.liars:{TRUTHFUL}"}, others, SECONDS_PER_CASE)


def _of_liars(asked: Sequence[Group], lies: Sequence[Lie], deadline: float) -> Iterator[Hearing]:
    addressed = [
        (group, frozenset(lie.liar for lie in lies if _concerns(group, lie))) for group in asked
    ]
    questions = [(group, names) for group, names in addressed if names]
    liars = sorted(frozenset().union(*(names for _, names in questions)))
    if liars:
        yield Hearing({name: f"{HOME}.liars:{name}" for name in liars}, questions, deadline)


def _concerns(group: Group, lie: Lie) -> bool:
    """Whether a group is asked of a liar: every check of a run is, that may notice the lie or not.

    Checks that search would find any lie: they are asked of those that are about them.
    """
    same = (lie.function, lie.dtype) == (group.spec.function, group.format.name)
    return same and (lie.check is group.check or (lie in LIES and group.check in RUN))
