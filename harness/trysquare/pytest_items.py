"""Spec files, functions and checks as pytest sees them: one item for each question and target."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from importlib import import_module
from typing import Any

import pytest

from trysquare import __version__, recorder
from trysquare.backend import Target
from trysquare.baseline import read as read_baseline
from trysquare.command import selection
from trysquare.divergences import known
from trysquare.dtypes import FORMATS
from trysquare.errors import SpecErrors
from trysquare.ledger import Ledger
from trysquare.planning.plan import Group, Profile, checks_in, dtypes_of, groups
from trysquare.planning.shards import Shard
from trysquare.ratchet import Ratchet
from trysquare.reader import read
from trysquare.record import Header, Record
from trysquare.recorder import name_of, shown
from trysquare.result import Check, Expectation, Outcome, Result
from trysquare.results_file import line
from trysquare.run import Session
from trysquare.spec import Spec

SPELLED_OUT = 5
"""Failures of one item that are printed in full."""

RECORDS = "trysquare_records"
"""The attribute of a report that carries lines of the results file from process to process."""


class DivergesError(Exception):
    """An item found what it should not; the message is all there is to read."""


class Bench:
    """The targets of this process, opened when the first spec file is collected."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._seed: int = config.getoption("trysquare_seed")
        self._profile = Profile(config.getoption("trysquare_profile"))
        backends = selection.backends(config.getoption("trysquare_backend"))
        self._entries = {name: known(name) for name in backends}
        path = config.getoption("trysquare_baseline")
        self._accepted = () if path is None else read_baseline(config.invocation_params.dir / path)
        shard = config.getoption("trysquare_shard")
        self.shard = None if shard is None else Shard.read(shard)
        self._plan: tuple[str, ...] = ()
        unnamed = not config.getoption("trysquare_backend")
        self._session = Session(backends, self._seed, unnamed=unnamed)
        self._named = backends if config.getoption("trysquare_backend") else ()
        self._groups: list[Group] = []
        self._told: set[str] = set()
        self._latest: list[Result] = []
        names = (marker(target.backend) for target in self.targets)
        for name in dict.fromkeys((*Check, *FORMATS, *names)):
            config.addinivalue_line("markers", f"{name}: a check, dtype or backend of Trysquare")

    @property
    def targets(self) -> tuple[Target, ...]:
        """The targets that answer."""
        return tuple(self._session.targets)

    def groups(self, spec: Spec) -> tuple[Group, ...]:
        """Return what is asked about a spec, and remember that it will be."""
        found = groups([spec], checks_in(self._profile), dtypes_of(self._profile))
        self._groups += found
        return found

    def refusal(self, group: Group, target: Target) -> Result | None:
        """Return the result that stands for a group that a target cannot be asked, or None."""
        return self._session.refusal(group, target)

    def measure(self, group: Group, target: Target) -> list[Result]:
        """Return the results of one group on one target."""
        results = [
            shown(self._ratchet.judge(self._ledger.judge(result)))
            for result in self._session.results([group], [target])
        ]
        if self._latest and not self._latest[0].id.startswith(f"{group.name}/"):
            self._latest.clear()
        self._latest += results
        return results

    def explain(self, result: Result) -> str:
        """Return the text of a failure."""
        text: str = import_module("trysquare_reports.text").failure(result, self._latest)
        return text

    def records(self, spec: Spec, results: list[Result]) -> Iterator[Record]:
        """Yield what goes into a results file: what has not been told before, and the results."""
        if not self._told:
            yield self._header
        if spec.function not in self._told:
            self._told.add(spec.function)
            yield from recorder.functions(self._session, [spec])
        yield from results

    def deal(self, items: Sequence[SpecItem], shard: Shard) -> set[str]:
        """Return the names of the groups of a shard; all items are the run that it is of."""
        found = {item.group.name: item.group for item in items}
        asked = sorted(f"{item.group.name} {item.target}" for item in items)
        self._plan = "\n".join(sorted(found)), "\n".join(asked)
        return {group.name for group in shard.of(tuple(found.values()))}

    @property
    def dealt(self) -> str:
        """The line of a results file that says what a shard is of; nothing if this is none."""
        return line(self._header) if self._plan else ""

    @property
    def _header(self) -> Header:
        specs = {group.spec.function: group.spec for group in self._groups}
        asked = tuple(specs.values())
        return recorder.header(
            self._session, asked, self._seed, self._named, self.shard, self._plan
        )

    def missing(self) -> dict[str, int]:
        """Return what must not go unnoticed: broken ends with 1, named and absent with 3."""
        records = recorder.targets(self._session, self._named)
        broken = {f"broken: {it.target} ({it.reason})": 1 for it in records if it.broken}
        absent = [it for it in records if it.named and not it.broken]
        return broken | {f"asked for and not here: {it.target} ({it.reason})": 3 for it in absent}

    @cached_property
    def _ledger(self) -> Ledger:
        # a selection or another process may ask the rest, so nothing is called stale for silence
        return Ledger(self._entries, self._groups, self._session.targets, complete=False)

    @cached_property
    def _ratchet(self) -> Ratchet:
        # it only judges: what the baseline says of a result is said where that is
        return Ratchet(self._accepted, (), (), complete=False)

    @pytest.hookimpl
    def pytest_report_collectionfinish(self) -> str:
        """Say in one line what the specs are measured on."""
        ran = [f"{hello.target} {hello.version}" for hello in self._session.targets.values()]
        missing = [f"{name_of(it.target)} ({it.reason})" for it in self._session.unavailable]
        without = f"; without {', '.join(missing)}" if missing else ""
        return f"trysquare {__version__} on {', '.join(ran) or 'nothing'}{without}"

    @pytest.hookimpl
    def pytest_unconfigure(self) -> None:
        """End the workers."""
        self._session.__exit__(None, None, None)


BENCH: pytest.StashKey[Bench] = pytest.StashKey()


def bench(config: pytest.Config) -> Bench:
    """Return the bench of this process.

    Raises SpecErrors if a list of known divergences is wrong.
    """
    if BENCH not in config.stash:
        config.stash[BENCH] = Bench(config)
        config.pluginmanager.register(config.stash[BENCH], "trysquare-bench")
    return config.stash[BENCH]


class SpecFile(pytest.File):
    """A YAML file that holds a spec."""

    def collect(self) -> Iterator[Function]:
        """Yield its function."""
        try:
            spec = read(self.path)
            opened = bench(self.config)
        except SpecErrors as errors:
            raise self.CollectError(str(errors)) from None
        yield Function.of(self, spec, opened)


class Function(pytest.Collector):
    """The function of a spec."""

    spec: Spec
    bench: Bench

    @classmethod
    def of(cls, parent: SpecFile, spec: Spec, opened: Bench) -> Function:
        """Return the collector of a function."""
        node: Function = cls.from_parent(parent, name=spec.function)
        node.spec, node.bench = spec, opened
        return node

    def collect(self) -> Iterator[SpecItem]:
        """Yield an item for each check, dtype and target, in this order.

        What a target cannot be asked at all is one item, whatever checks and dtypes it concerns.
        """
        refused: dict[Target, list[Result]] = {target: [] for target in self.bench.targets}
        first: dict[Target, Group] = {}
        for group in self.bench.groups(self.spec):
            for target in self.bench.targets:
                refusal = self.bench.refusal(group, target)
                if refusal is None or refusal.outcome is not Outcome.UNSUPPORTED:
                    yield SpecItem.of(self, group, target)
                else:
                    refused[target].append(refusal)
                    first.setdefault(target, group)
        for target, group in first.items():
            yield RefusedItem.refusing(self, group, target, refused[target])


class SpecItem(pytest.Item):
    """One check of one function in one dtype on one target: all its cases."""

    bench: Bench
    group: Group
    target: Target
    results: list[Result]

    @classmethod
    def of(cls, parent: Function, group: Group, target: Target) -> SpecItem:
        """Return the item of a group and a target."""
        name = f"{group.check}[{group.format.name}-{_where(target)}]"
        item: SpecItem = cls.from_parent(parent, name=name)
        item.bench, item.group, item.target, item.results = parent.bench, group, target, []
        for mark in ("trysquare", group.check, group.format.name, marker(target.backend)):
            item.add_marker(str(mark))
        return item

    def runtest(self) -> None:
        """Measure; fail for what is unexpected, and never pass without having compared."""
        self.results = self.bench.measure(self.group, self.target)
        wrong = [r for r in self.results if r.expectation is not Expectation.EXPECTED]
        if wrong:
            texts = [self.bench.explain(result) for result in wrong[:SPELLED_OUT]]
            more = [f"and {len(wrong) - SPELLED_OUT} more"] if wrong[SPELLED_OUT:] else []
            raise DivergesError("\n\n".join([*texts, *more]))
        known_reasons = dict.fromkeys(result.known for result in self.results if result.known)
        if known_reasons:
            pytest.xfail("; ".join(known_reasons))
        if all(result.outcome is Outcome.UNSUPPORTED for result in self.results):
            reasons = dict.fromkeys(result.reason for result in self.results)
            pytest.skip("; ".join(reasons) or "no case applies")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return the text of a failure; a traceback only for what is a fault of ours."""
        if isinstance(excinfo.value, DivergesError | pytest.xfail.Exception):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[os.PathLike[str], int, str]:
        """Return file and line (from 0) of the spec."""
        return self.path, self.group.spec.place.line - 1, self.name

    def complete(self, report: pytest.TestReport) -> None:
        """Attach the records to a report, and the spec's place to the reason of a skip."""
        if isinstance(report.longrepr, tuple):
            path, row, _ = self.reportinfo()
            report.longrepr = (os.fspath(path), row + 1, report.longrepr[2])
        if self.config.getoption("trysquare_results"):
            records = self.bench.records(self.group.spec, self.results)
            setattr(report, RECORDS, [line(record) for record in records])


class RefusedItem(SpecItem):
    """Everything about one function that one target cannot be asked: skipped, with the reasons."""

    refused: list[Result]

    @classmethod
    def refusing(
        cls, parent: Function, group: Group, target: Target, refused: list[Result]
    ) -> RefusedItem:
        """Return the item that stands for refusals, the first of which is that of a group."""
        item: RefusedItem = cls.from_parent(parent, name=f"unsupported[{_where(target)}]")
        item.bench, item.group, item.target, item.results = parent.bench, group, target, []
        item.refused = refused
        for mark in ("trysquare", marker(target.backend)):
            item.add_marker(mark)
        return item

    def runtest(self) -> None:
        """Skip."""
        self.results = [shown(result) for result in self.refused]
        pytest.skip("; ".join(dict.fromkeys(result.reason for result in self.results)))


def sharded(config: pytest.Config, items: list[pytest.Item]) -> list[pytest.Item]:
    """Return the items of this part of the run, and those that are no business of ours."""
    ours = [item for item in items if isinstance(item, SpecItem)]
    shard = bench(config).shard if ours else None
    if shard is None:
        return items
    mine = bench(config).deal(ours, shard)
    return [item for item in items if not isinstance(item, SpecItem) or item.group.name in mine]


def _where(target: Target) -> str:
    """Return a target as it can stand in the name of an item."""
    return re.sub(r"[^A-Za-z0-9_.+-]", "-", str(target))


def marker(backend: str) -> str:
    """Return the name of a backend as a marker can be called."""
    return re.sub(r"\W", "_", backend)
