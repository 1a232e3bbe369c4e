"""The audit of specs, as a table and a list of what is not true."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from trysquare.audit import second_opinion
from trysquare.audit.examination import Audit, Failure, examine
from trysquare.audit.stability import LIMIT
from trysquare.command import selection
from trysquare.spec import Spec

Tell = Callable[[str], None]


def audit(paths: Iterable[Path], tell: Tell) -> bool:
    """Audit specs (all that are installed, if none is named); return whether everything is true.

    Raises SpecErrors for files that are no specs, UsageError for names that do not exist.
    """
    specs = selection.specs(tuple(paths))
    if not second_opinion.available():
        tell("no second opinion: mpmath is not installed; pip install 'trysquare[audit]'")
    width = max(len(spec.function) for spec in specs)
    tell(f"  {'':{width}}  {'points':>8}  {'proven':>8}  {'mpmath':>8}  float64 bound")
    done = [_told(spec, width, tell) for spec in specs]
    failures = [failure for one in done for failure in one.failures]
    for failure in failures:
        for line in lines(failure):
            tell(line)
    good = sum(not one.failures for one in done)
    tell(f"{len(done)} audited, {good} true, {len(done) - good} not; limit {LIMIT:.0f} ULP")
    return not failures


def lines(failure: Failure) -> list[str]:
    """Return a failure in words, its place first."""
    return [f"{failure.place}: {failure.message}", *(f"    {line}" for line in failure.figures)]


def _told(spec: Spec, width: int, tell: Tell) -> Audit:
    found = examine(spec)
    compared = "–" if found.compared is None else str(found.compared)
    tell(
        f"{'✗' if found.failures else '✓'} {spec.function:{width}}  {found.points:8}  "
        f"{found.proven:8}  {compared:>8}  {found.worst:.3g} ({found.of})"
    )
    return found
