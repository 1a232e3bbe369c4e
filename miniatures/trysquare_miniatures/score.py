"""What was heard -> a score for each check, and every lie that escaped and every false alarm."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from trysquare.planning.plan import RUN, Group
from trysquare.result import Check, Expectation, Outcome, Result, Symptom
from trysquare_miniatures.hearing import PERFECT, TRUTHFUL, Heard
from trysquare_miniatures.lies import LIES, WITHIN_THE_LIMIT, Lie

HALF = 0.5 + 2**-4
"""An ULP that is rounded once, as the faster tier of the oracle sees it."""

Key = tuple[str, str, Check, str]
"""Backend, function, check and dtype."""


@dataclass(frozen=True)
class Share:
    """How many of something are as they should be, and a line for each that is not."""

    good: int
    faults: tuple[str, ...]

    @property
    def all(self) -> int:
        """The good and the bad."""
        return self.good + len(self.faults)

    def __str__(self) -> str:
        return f"{self.good:,} / {self.all:,}"


@dataclass(frozen=True)
class Score:
    """How a check did: lies that it caught, others that it left alone, right answers it passed."""

    check: Check
    caught: Share
    quiet: Share
    passed: Share

    @property
    def shares(self) -> tuple[Share, ...]:
        """The three of them."""
        return self.caught, self.quiet, self.passed

    @property
    def percent(self) -> int:
        """The lowest of the shares, rounded down; nothing asked is nothing shown."""
        return min(100 * share.good // share.all if share.all else 0 for share in self.shares)


def scores(asked: Iterable[Group], checks: Iterable[Check], heard: Iterable[Heard]) -> list[Score]:
    """Return the score of each check, when these groups should have been asked."""
    results: dict[Key, list[Result]] = {}
    missing: dict[str, str] = {}
    for one in heard:
        missing |= one.missing
        for result in one.results:
            name = result.target.partition(":")[0]
            key = name, result.function, result.check, result.dtype
            results.setdefault(key, []).append(result)
    groups = frozenset((one.spec.function, one.check, one.format.name) for one in asked)
    return [Record(results, missing, groups).score(check) for check in checks]


@dataclass(frozen=True)
class Record:
    """All results, why a backend gave none, and what was asked: function, check and dtype."""

    results: Mapping[Key, Sequence[Result]]
    missing: Mapping[str, str]
    asked: frozenset[tuple[str, Check, str]]

    def score(self, check: Check) -> Score:
        """Return the score of one check."""
        mine = [lie for lie in LIES if lie.check is check]
        others = [lie for lie in LIES if check not in {lie.check, *lie.also}]
        asked = [lie for lie in others if (lie.function, check, lie.dtype) in self.asked]
        silent = asked if check in RUN else []  # others are not asked by checks that search
        allowed = [lie for lie in WITHIN_THE_LIMIT if lie.check is check]
        functions = sorted({function for function, made, _ in self.asked if made is check})
        return Score(
            check=check,
            caught=_share(self.escape(lie) for lie in mine),
            quiet=_share(self.alarm(lie, check) for lie in (*silent, *allowed)),
            passed=_share(fault for name in functions for fault in self.blame(name, check)),
        )

    def escape(self, lie: Lie) -> str:
        """Return how a lie escaped the check that must catch it, or nothing."""
        results = self._of(lie, lie.check)
        bad = [one for one in results if one.expectation is Expectation.UNEXPECTED]
        if isinstance(lie.shows, Symptom):
            outcomes, shown = {Outcome.DIVERGES}, {one.symptom for one in bad}
            if {one.outcome for one in bad} == outcomes and lie.shows in shown:
                return ""
        elif [one.outcome for one in bad] == [lie.shows]:
            return ""
        seen = self._silence(lie.liar, results) or _seen(bad)
        return f"escaped: {lie.check} on {_where(lie)}, which shows as '{lie.shows}': {seen}"

    def alarm(self, lie: Lie, check: Check) -> str:
        """Return why a check is disturbed by what does not concern it, or nothing."""
        results = self._of(lie, check)
        bad = [one for one in results if one.outcome is not Outcome.CONFORMS]
        if results and not bad:
            return ""
        seen = self._silence(lie.liar, results) or _seen(bad)
        return f"false alarm: {check} on {_where(lie)}, which is none of its business: {seen}"

    def blame(self, function: str, check: Check) -> Iterator[str]:
        """Yield for each answer of the perfect backend why it did not pass, or nothing."""
        right, asked = PERFECT if check in RUN else TRUTHFUL, 0
        for (backend, *question, _), results in self.results.items():
            if (backend, *question) == (right, function, check):
                asked += len(results)
                yield from map(_blamed, results)
        if not asked:
            said = self._silence(right, ())
            yield f"not shown: {check} on the {right} backend in {function}: {said}"

    def _of(self, lie: Lie, check: Check) -> Sequence[Result]:
        return self.results.get((lie.liar, lie.function, check, lie.dtype), ())

    def _silence(self, backend: str, results: Sequence[Result]) -> str:
        """Return why there are no results, if there are none."""
        return "" if results else self.missing.get(backend, "nothing was asked")


def _share(faults: Iterable[str]) -> Share:
    found = list(faults)
    return Share(found.count(""), tuple(fault for fault in found if fault))


def _blamed(result: Result) -> str:
    if result.outcome is not Outcome.CONFORMS:
        return f"false alarm: {result.id} of a backend that is right: {_seen([result])}"
    if result.check in RUN and result.max_ulp > HALF:
        return f"false alarm: {result.id} of the perfect backend: {result.max_ulp} ulp"
    return ""


def _where(lie: Lie) -> str:
    return f"{lie.liar} in {lie.function}, {lie.dtype}"


def _seen(bad: Sequence[Result]) -> str:
    """Return what was found, briefly."""
    if not bad:
        return "it found nothing"
    texts = [f"'{one.case}' {one.symptom or f'{one.outcome}: {one.reason}'}" for one in bad]
    more = f" and {len(texts) - 1} more" if len(texts) > 1 else ""
    return f"it found {texts[0]}{more}"
