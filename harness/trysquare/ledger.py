"""Known divergences against the results of a run: what was expected, which entries are stale."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from trysquare.backend import OnRequest, Target
from trysquare.divergences import Entry, matches
from trysquare.loading import called
from trysquare.planning.plan import Group
from trysquare.record import Stale
from trysquare.result import WHOLE, Expectation, Outcome, Result
from trysquare.workers.protocol import Hello

SOUND = frozenset({Outcome.CONFORMS, Outcome.UNSUPPORTED})
"""Outcomes that are no divergence; an errored result says nothing of the framework."""


class Ledger:
    """The entries of all backends, by what each is loaded as, and what a run said of them.

    `groups` and `targets` are what is run; `complete` says that there are no other groups. In a
    partial run a pattern counts as stale only if it names one group and one target, and they ran;
    in any run, one of several targets of a device only if all that are usual there ran.
    """

    def __init__(
        self,
        entries: Mapping[str, Sequence[Entry]],
        groups: Sequence[Group],
        targets: Mapping[Target, Hello],
        *,
        complete: bool,
    ) -> None:
        self._entries = {called(source): found for source, found in entries.items()}
        self._groups = frozenset(group.name for group in groups)
        self._checks = {str(group.check) for group in groups}
        self._complete = complete
        self._hellos = {str(target): hello for target, hello in targets.items()}
        self._near: dict[tuple[str, ...], tuple[Entry, ...]] = {}
        self._named: dict[tuple[str, str], tuple[Entry, ...]] = {}
        self._matched: set[tuple[Entry, str]] = set()
        self._covered: set[tuple[Entry, str]] = set()
        self._otherwise: dict[tuple[Entry, str], str] = {}  # the symptom that there is instead
        self._unknown: set[tuple[Entry, str]] = set()  # a fault of ours hides what there is

    def judge(self, result: Result) -> Result:
        """Return a result with its expectation, and the reason if it is known.

        All ways in which it diverges have to be known; each has the reason of the first entry that
        covers it. A result that no longer diverges, though an exact id says so, is stale.
        """
        found = ((entry, entry.matching(result.id)) for entry in self._applying(result))
        speaking = {entry: patterns for entry, patterns in found if patterns}
        covering = {entry: speaking[entry] for entry in speaking if entry.covered(result)}
        self._matched.update(_lines(speaking))
        if result.outcome is Outcome.ERRORED:
            near = self._applying(result)
            self._unknown.update(_lines({entry: _hidden(entry, result) for entry in near}))
        self._covered.update(_lines(covering))
        if result.outcome not in (*SOUND, Outcome.ERRORED):
            others = {entry: speaking[entry] for entry in speaking if entry not in covering}
            now = ", ".join(result.ways)
            self._otherwise.update(dict.fromkeys(_lines(others), now))
        if reasons := _reasons(result, covering):
            known = "; besides: ".join(reasons)
            return replace(result, expectation=Expectation.EXPECTED, known=known)
        exact = [entry for entry in speaking if entry.exact]
        if exact and result.outcome in SOUND:
            return replace(result, expectation=Expectation.STALE, known=exact[0].reason)
        return result

    def stale(self) -> tuple[Stale, ...]:
        """Return the entries, pattern by pattern, that were in scope and covered nothing.

        An exact id whose result was seen is not among them: that result itself says so.
        """
        return tuple(
            Stale(backend, pattern, f"{entry.place}: {complaint}")
            for backend, entries in self._entries.items()
            for entry in entries
            for pattern in entry.patterns
            if (complaint := self._complaint(backend, entry, pattern))
        )

    def _applying(self, result: Result) -> tuple[Entry, ...]:
        """Return the entries that hold for a target and may speak of a group, looked up once."""
        group = (result.target, result.function, str(result.check), result.dtype)
        if group not in self._near:
            some = self._naming(result.target, result.function)
            self._near[group] = tuple(entry for entry in some if entry.speaks_of(*group[1:]))
        return self._near[group]

    def _naming(self, target: str, function: str) -> tuple[Entry, ...]:
        """Return the entries that hold for a target and may speak of a function, looked up once."""
        key = (target, function)
        if key not in self._named:
            hello = self._hellos[target]
            self._named[key] = tuple(
                entry
                for entry in self._entries.get(hello.target.backend, ())
                if entry.names(function) and _holds(entry, hello)
            )
        return self._named[key]

    def _complaint(self, backend: str, entry: Entry, pattern: str) -> str:
        """Return what is wrong with a pattern of an entry, or nothing."""
        *group, target, _ = pattern.split("/")
        if not any(fnmatchcase(check, group[1]) for check in self._checks):
            return ""
        asked = [hello for hello in self._hellos.values() if hello.target.backend == backend]
        names = {str(name) for hello in asked for name in _targets(hello)}
        if asked and not any(fnmatchcase(name, target) for name in names):
            return f"'{target}' is no target; there are {', '.join(sorted(names))}"
        here = [it for it in asked if fnmatchcase(str(it.target), target) and _holds(entry, it)]
        named = "/".join(group) in self._groups and target in self._hellos
        if not here or not (self._complete or named) or self._is_partial(entry, target, here):
            return ""
        if (entry, pattern) in self._unknown:
            return ""
        if (entry, pattern) not in self._matched:
            return "matches nothing"
        if entry.exact or (entry, pattern) in self._covered:
            return ""
        if (entry, pattern) in self._otherwise:
            return f"what it matches diverges otherwise: {self._otherwise[entry, pattern]}"
        return "nothing that it matches diverges any more"

    def _is_partial(self, entry: Entry, pattern: str, here: Sequence[Hello]) -> bool:
        """Return whether a pattern speaks of targets that a run would have, and that did not run.

        It may be true of those alone. Nobody waits for a device that no target ran on, or else what
        holds on several of them could only be judged where all of them are.
        """
        return any(
            fnmatchcase(str(other), pattern)
            and str(other) not in self._hellos
            and other.device == one.target.device
            and entry.holds(other, one.version, one.environment)
            for one in here
            for other in _usual(one)
        )


def unjudged(result: Result) -> Result:
    """Return a result as it was before anybody said what is known of it."""
    expected = Expectation.EXPECTED if result.outcome in SOUND else Expectation.UNEXPECTED
    return replace(result, expectation=expected, known="", baseline="", budget=None)


def _holds(entry: Entry, hello: Hello) -> bool:
    return entry.holds(hello.target, hello.version, hello.environment)


def _reasons(result: Result, entries: Iterable[Entry]) -> tuple[str, ...]:
    """Return why a result diverges in all of its ways; nothing if one of them is not known."""
    first: dict[str, str] = {}
    for entry in entries:
        for way in entry.covered(result):
            first.setdefault(way, entry.reason)
    if not all(way in first for way in result.ways):
        return ()
    return tuple(dict.fromkeys(first[way] for way in result.ways))


def _hidden(entry: Entry, result: Result) -> tuple[str, ...]:
    """Return the patterns of an entry that match an errored result, or the whole group it is of."""
    if result.case != WHOLE:
        return entry.matching(result.id)
    group = result.id.rpartition("/")[0]
    return tuple(one for one in entry.patterns if matches(one.rpartition("/")[0], group))


def _lines(entries: Mapping[Entry, Sequence[str]]) -> Iterator[tuple[Entry, str]]:
    for entry, patterns in entries.items():
        yield from ((entry, pattern) for pattern in patterns)


def _targets(hello: Hello) -> Iterator[Target]:
    """Yield all targets of a backend, those that cannot run here too."""
    yield hello.target
    for other in hello.targets:
        yield other if isinstance(other, Target) else other.target


def _usual(hello: Hello) -> Iterator[Target]:
    """Yield the targets of a backend that run without being named, or would if they could."""
    for other in hello.targets:
        if not isinstance(other, OnRequest):
            yield other if isinstance(other, Target) else other.target
