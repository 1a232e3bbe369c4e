"""Asks a backend in this process, as its worker would, and judges the answers."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from zlib import crc32

from trysquare.backend import Backend, Target
from trysquare.dtypes import FORMATS, Format
from trysquare.planning.plan import Group, groups
from trysquare.reader import read_all
from trysquare.result import Check, Outcome, Result
from trysquare.spec import Spec
from trysquare.verdict.judge import judge_all
from trysquare.verdict.standard import Standard
from trysquare.workers.probes import flushes
from trysquare.workers.worker import Worker

SPECS = {spec.function: spec for spec in read_all([Path(__file__).parent.parent / "specs"])}
SEED = 0

LONG = bool(os.environ.get("TRYSQUARE_LONG"))
"""Whether everything is asked (`make long`), not only a part of what takes minutes."""

Kind = Callable[[Spec, Check, Format], Group]
"""A group of cases, or of some of them."""


def some(names: Iterable[str], one_in: int) -> list[str]:
    """Return one in so many names, always the same ones; all of them in the long tests."""
    return [name for name in names if LONG or crc32(name.encode()) % one_in == 0]


def paired(names: Iterable[str], others: Sequence[str]) -> list[tuple[str, str]]:
    """Return each name with one of the others, so that all occur; with each in the long tests."""
    return [
        (name, other)
        for name in names
        for place, other in enumerate(others)
        if LONG or crc32(name.encode()) % len(others) == place
    ]


@cache
def standards(function: str, check: Check, dtype: str, kind: Kind = Group) -> tuple[Standard, ...]:
    """Return what is demanded of every backend; its truth is worked out once."""
    group = kind(SPECS[function], check, FORMATS[dtype])
    return tuple(Standard(group.spec, case) for case in group.cases(SEED))


def results(
    backend: Backend, function: str, check: Check, dtype: str, kind: Kind = Group
) -> list[Result]:
    """Return the results of all cases of a kind of group."""
    target = next(one for one in backend.targets() if isinstance(one, Target))
    worker = Worker(backend, target, io.BytesIO())
    flushing = dtype in flushes(backend, target)
    asked = standards(function, check, dtype, kind)
    replies = [worker.reply(SPECS[function], one.case.call) for one in asked]
    return judge_all(asked, {str(target): (replies, flushing)})[str(target)]


def checks_of(function: str, dtype: str) -> list[Check]:
    """Return what a run asks of a function in one dtype."""
    return [group.check for group in groups([SPECS[function]], dtypes=[dtype])]


def diverging(results: Iterable[Result]) -> list[Result]:
    """Return the results that do not conform, whatever they do instead."""
    return [one for one in results if one.outcome is not Outcome.CONFORMS]
