"""Groups of a run, or of a hunt, as jobs for an engine: what is sent, done there, and brought."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from trysquare.backend import Target
from trysquare.dtypes import FORMATS
from trysquare.engines.dispatch import Dispatch
from trysquare.engines.engine import Engine
from trysquare.engines.likeness import Sheet, require_code, require_target
from trysquare.errors import Mismatch, Unfit
from trysquare.planning.plan import Group
from trysquare.reader import read
from trysquare.recorder import near
from trysquare.result import Check, Limits, Result
from trysquare.run import Session
from trysquare.spec import Spec
from trysquare.workers.protocol import Hello

Measure = Callable[[Session, Group, Sequence[Target]], Iterator[Result]]
"""Yields the results of a group; it can be pickled."""


@dataclass(frozen=True)
class Errand:
    """A group, as it is named where its spec may lie elsewhere."""

    spec: Sheet
    name: str
    check: Check
    dtype: str

    @classmethod
    def of(cls, group: Group) -> Self:
        """Return the errand of a group."""
        return cls(Sheet.of(group.spec.place.path), group.name, group.check, group.format.name)


@dataclass(frozen=True)
class Brought:
    """What an errand brings home."""

    errand: Errand
    results: tuple[Result, ...]

    def answers(self, group: Group, errand: Errand, targets: Sequence[Target], seed: int) -> bool:
        """Tell whether this is of an errand: of its group, and of all targets and no others.

        A hunt says nothing of a target that it has found nothing on.
        """
        asked = {str(target) for target in targets}
        told = {one.target for one in self.results}
        what = group.spec.function, group.check, group.format.name
        ours = all(
            (one.function, one.check, one.dtype) == what
            and one.id.startswith(f"{errand.name}/{one.target}/")
            for one in self.results
        )
        whole = told == asked or (
            told < asked and (group.check is Check.HUNT or _is_empty(group, seed))
        )
        return self.errand == errand and ours and whole


@dataclass(frozen=True)
class Equipment:
    """What opens the same targets elsewhere as here; their code, and what they said here."""

    backends: tuple[str, ...]
    seed: int
    limits: Limits
    hellos: Mapping[Target, Hello]
    measure: Measure
    code: Mapping[str, str]
    wanted: tuple[Target, ...] = ()
    unnamed: bool = False

    @property
    def needs(self) -> tuple[Target, ...]:
        """The targets."""
        return tuple(self.hellos)

    def runner(self) -> Messenger:
        """Open the targets; raises Mismatch if one is not like ours, Unfit if it is broken."""
        require_code(self.code)
        session = Session(self.backends, self.seed, self.limits, self.wanted, unnamed=self.unnamed)
        try:
            self._require(session)
        except BaseException:
            session.close()
            raise
        return Messenger(session, tuple(self.hellos), self.measure)

    def _require(self, session: Session) -> None:
        missing = {one.target: one for one in session.unavailable}
        for target, hello in self.hellos.items():
            found = session.targets.get(target) or missing.get(target)
            if found is None:
                raise Mismatch(f"it has no {target}")
            require_target(hello, found)


class Messenger:
    """Does errands with the targets that it has opened."""

    def __init__(self, session: Session, targets: Sequence[Target], measure: Measure) -> None:
        self._session, self._targets, self._measure = session, targets, measure
        self._specs: dict[Path, Spec] = {}

    def run(self, errand: Errand) -> Brought:
        """Ask what a group asks.

        Raises Mismatch if its spec is another one here, Unfit if a target cannot start again.
        """
        path = errand.spec.find()
        if path not in self._specs:
            self._specs[path] = read(path)
        group = Group(self._specs[path], errand.check, FORMATS[errand.dtype])
        found = self._measure(self._session, group, self._targets)
        results = tuple(replace(one, place=near(one.place)) for one in found)
        for target, why in self._session.pool.broken.items():
            raise Unfit(f"{target}: {why}")
        return Brought(errand, results)

    def close(self) -> None:
        """End the workers."""
        self._session.close()


def asked(session: Session, group: Group, targets: Sequence[Target]) -> Iterator[Result]:
    """Yield what a run finds."""
    return session.results([group], targets)


def _is_empty(group: Group, seed: int) -> bool:
    try:
        return not group.cases(seed)
    except Exception:  # noqa: BLE001 - one that cannot be planned has results that say so
        return False


def results(
    engine: Engine, groups: Sequence[Group], targets: Sequence[Target], seed: int
) -> Iterator[Result]:
    """Yield the results of all groups in their order, as a session of ours does.

    Raises LostError where a group has none, and Mismatch for machines that are not alike.
    """
    errands = [Errand.of(group) for group in groups]
    known = dict(zip(errands, groups, strict=True))
    dispatch = Dispatch[Errand, Brought](
        engine, lambda errand, brought: brought.answers(known[errand], errand, targets, seed)
    )
    for brought in dispatch.in_order(errands):
        yield from brought.results
