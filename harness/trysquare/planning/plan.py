"""What will be run: groups of cases, one for each function, check and dtype, in a fixed order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from trysquare.dtypes import FORMATS, Format
from trysquare.planning.cases import Case
from trysquare.planning.checks import cases
from trysquare.planning.edges import adds_up
from trysquare.planning.limits import ends
from trysquare.planning.refusals import can_be_wrong
from trysquare.planning.second import bending
from trysquare.result import Check
from trysquare.spec import Role, Spec

RUN = tuple(check for check in Check if check not in (Check.SWEEP, Check.HUNT))
"""What a run may ask; to sweep and to hunt are commands of their own."""

DTYPES: Mapping[Check, tuple[str, ...]] = {
    Check.DEFAULTS: ("float32",),
    Check.PROPERTIES: ("float32", "float16", "bfloat16"),
    Check.INVARIANCE: ("float32", "bfloat16"),
    Check.ERRORS: ("float32",),
    Check.LIMITS: ("float32",),
    Check.SECOND: ("float64", "float32"),
    Check.EDGES: ("float32", "float16", "bfloat16"),
}
"""The dtypes of a check that needs not be made in all of them."""


class Profile(StrEnum):
    """How much is run: everything, or what takes well under a minute."""

    FULL = "full"
    QUICK = "quick"


QUICK_DTYPES = ("float32",)
"""What a quick run asks about: what most people use."""

THOROUGH = (Check.PROPERTIES, Check.INVARIANCE, Check.EDGES, Check.LIMITS, Check.SECOND)
"""Checks that a quick run leaves out: the same numbers again, or such as few people meet."""


@dataclass(frozen=True)
class Group:
    """All cases of one check of one function in one dtype; every target is asked the same."""

    spec: Spec
    check: Check
    format: Format

    @property
    def name(self) -> str:
        """The first three parts of the ids of its results."""
        return f"{self.spec.function}/{self.check}/{self.format.name}"

    def cases(self, seed: int) -> tuple[Case, ...]:
        """Return the cases, the same for the same seed."""
        return cases(self.spec, self.check, self.format, seed)


def groups(
    specs: Sequence[Spec],
    checks: Sequence[Check] = RUN,
    dtypes: Sequence[str] = tuple(FORMATS),
) -> tuple[Group, ...]:
    """Return every group that applies, ordered by spec, check and dtype."""
    return tuple(
        Group(spec, check, FORMATS[dtype])
        for spec in specs
        for check in checks_of(spec)
        if check in checks
        for dtype in FORMATS
        if dtype in dtypes and _applies(spec, check, dtype)
    )


def _applies(spec: Spec, check: Check, dtype: str) -> bool:
    if check is Check.EDGES and FORMATS[dtype].width == 16:
        return adds_up(spec)
    return dtype in DTYPES.get(check, FORMATS)


def dtypes_of(profile: Profile) -> tuple[str, ...]:
    """Return the dtypes that a profile asks about."""
    return QUICK_DTYPES if profile is Profile.QUICK else tuple(FORMATS)


def checks_in(profile: Profile) -> tuple[Check, ...]:
    """Return the checks that a profile makes."""
    left_out = THOROUGH if profile is Profile.QUICK else ()
    return tuple(check for check in RUN if check not in left_out)


def checks_of(spec: Spec) -> Iterator[Check]:
    """Yield the checks for which a spec gives reason."""
    inplace = any(item.role is Role.INPLACE for item in spec.parameters)
    reasons = {
        Check.CASES: bool(spec.cases),
        Check.REDUCTIONS: spec.reduce is not None or bool(spec.deprecated),
        Check.INPLACE: inplace,
        Check.RANDOMNESS: spec.random is not None,
        Check.ERRORS: can_be_wrong(spec),
        Check.PROPERTIES: bool(spec.properties),
        Check.LIMITS: ends(spec),
        Check.SECOND: any(bending(spec)),
    }
    yield from (check for check in RUN if reasons.get(check, True))
