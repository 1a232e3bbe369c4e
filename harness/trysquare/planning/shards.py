"""A run or a sweep in several parts, on several machines: what is whose."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from trysquare.errors import UsageError
from trysquare.planning.plan import Group
from trysquare.spec import Spec

T = TypeVar("T")

MOST = 1000
"""Parts; nobody has more machines, and more groups there are not."""


@dataclass(frozen=True, order=True)
class Shard:
    """One of several parts, counted from 1."""

    part: int
    parts: int

    @classmethod
    def read(cls, text: str) -> Self:
        """Return the shard that `2/4` names; raises UsageError for another text."""
        found = re.fullmatch(r"(\d{1,4})/(\d{1,4})", text, re.ASCII)
        part, parts = map(int, found.groups()) if found else (0, 0)
        if not 1 <= part <= parts <= MOST:
            raise UsageError(f"'{text}' is no part of a run; the second of four is 2/4")
        return cls(part, parts)

    def __str__(self) -> str:
        return f"{self.part}/{self.parts}"

    @property
    def mirrored(self) -> Shard:
        """The part as far from the last as this one is from the first."""
        return Shard(self.parts + 1 - self.part, self.parts)

    def of(self, groups: Sequence[Group]) -> tuple[Group, ...]:
        """Return the groups of this part, in their order.

        How long a group takes depends on its check and dtype more than on its function. So they are
        dealt in that order, like cards: every part gets as many of each kind, but for one.
        """
        return self.deal(groups, kind_of)

    def deal(self, items: Sequence[T], kind: Callable[[T], Any]) -> tuple[T, ...]:
        """Return the items of this part, in their order; they are dealt in the order of `kind`."""
        kinds = [kind(item) for item in items]
        places = sorted(range(len(items)), key=kinds.__getitem__)
        return tuple(items[place] for place in sorted(places[self.part - 1 :: self.parts]))


def asked_about(
    specs: Sequence[Spec], groups: Sequence[Group], shard: Shard | None
) -> tuple[Spec, ...]:
    """Return the specs that are told of: of a part, those that its groups ask about."""
    asked = {group.spec.function for group in groups}
    return tuple(spec for spec in specs if shard is None or spec.function in asked)


def kind_of(group: Group) -> tuple[str, str, str]:
    """Return what groups are dealt by."""
    return str(group.check), group.format.name, group.spec.function
