"""The audit of specs, as a table and a list of what is not true."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from trysquare.audit.assumptions import OPS, search
from trysquare.audit.examination import Audit, Failure, examine
from trysquare.audit.golden_files import read_golden
from trysquare.audit.goldens import Judged, judge
from trysquare.audit.grid import SEED
from trysquare.audit.published import claims
from trysquare.audit.reproducing import Measured, Verdict, reproduce
from trysquare.audit.settings import settings
from trysquare.audit.stability import LIMIT
from trysquare.cli.options import Code
from trysquare.command import selection
from trysquare.dtypes import FORMATS
from trysquare.spec import Spec

SHOWN = 20
"""Expected values that are shown, the worst first."""

EVALUATIONS = 2000
"""Of each function, in a quick search; benchmarks/libm_bound.py has a long one."""

WRONG = frozenset({Verdict.FALSE, Verdict.BROKEN})
"""What makes an audit of published claims fail."""

Tell = Callable[[str], None]


def audit(paths: Iterable[Path], tell: Tell) -> bool:
    """Audit specs (all that are installed, if none is named); return whether everything is true.

    Raises SpecErrors for files that are no specs, UsageError for names that do not exist.
    """
    specs = selection.specs(tuple(paths))
    width = max(len(spec.function) for spec in specs)
    tell(f"  {'':{width}}  {'points':>8}  {'proven':>8}  {'mpmath':>8}  float64 bound")
    done = [_told(spec, width, tell) for spec in specs]
    sound = all(list(_assumptions(tell)))
    failures = [failure for one in done for failure in one.failures]
    for failure in failures:
        for line in lines(failure):
            tell(line)
    good = sum(not one.failures for one in done)
    tell(f"{len(done)} audited, {good} true, {len(done) - good} not; limit {LIMIT:.0f} ULP")
    return sound and not failures


def goldens(
    paths: Iterable[Path],
    file: Path,
    function: str,
    dtype: str | None,
    given: Iterable[str],
    tell: Tell,
) -> bool:
    """Judge the expected values in a file; return whether all of them are correctly rounded.

    Raises UsageError or SpecErrors for what cannot be read or does not exist.
    """
    (spec,) = selection.specs(tuple(paths), [function])
    format = None if dtype is None else FORMATS[selection.members([dtype], FORMATS, "dtype")[0]]
    words = (word.partition("=") for word in given)
    parameters = settings(spec, {name: text for name, _, text in words})
    right = True
    for golden in read_golden(file, spec, parameters, format):
        for judged in judge(spec, parameters, golden):
            right &= not judged.wrong
            for line in _judgement(file, judged):
                tell(line)
    return right


def published(paths: Iterable[Path], tell: Tell) -> Code:
    """Measure the published claims; return 1 if one is false on the path that it names.

    Raises SpecErrors for files that are wrong, UsageError for claims that mean nothing.
    """
    specs = {spec.function: spec for spec in selection.specs(tuple(paths))}
    counts = dict.fromkeys(Verdict, 0)
    for found in reproduce(claims(), specs):
        counts[found.verdict] += 1
        for line in _claimed(found):
            tell(line)
    tell(", ".join(f"{count} {verdict}" for verdict, count in counts.items()))
    if any(counts[verdict] for verdict in WRONG):
        return Code.UNEXPECTED
    nothing = counts[Verdict.ABSENT] == sum(counts.values())
    return Code.NOTHING if nothing else Code.EXPECTED


def _claimed(found: Measured) -> Iterator[str]:
    claim = found.claim
    at = ", ".join(f"{name} = {text}" for name, text in claim.at.items())
    given = "".join(f", {name} {text}" for name, text in claim.parameters.items())
    mark = "✗" if found.verdict in WRONG else "–" if math.isnan(found.ulp) else "✓"
    yield f"{mark} {claim.target} {claim.function}{given} {claim.dtype} at {at}: {found.verdict}"
    yield f"    published  {claim.ulp} ulp, {claim.says}"
    yield f"               {claim.source}"
    if not math.isnan(found.ulp):
        yield f"    here       {found.ulp:.10g} ulp on {found.path}"
    if found.note:
        yield f"    {found.note}"
    if found.verdict is Verdict.FALSE:
        yield f"    {claim.place}"


def _judgement(file: Path, judged: Judged) -> Iterator[str]:
    format, wrong = judged.format, judged.wrong
    for one in wrong[:SHOWN]:
        yield f"{file}: {one.at}: {one.inputs}"
        yield f"    stated  {one.stated!r}  {format.hexadecimal(one.stated)}"
        yield f"    right   {one.right!r}  {format.hexadecimal(one.right)}"
        yield f"    the stated value is {one.ulp:.8g} ulp from the exact one"
    if len(wrong) > SHOWN:
        yield f"... and {len(wrong) - SHOWN} more"
    open_ = f", {judged.undecided} could not be decided" if judged.undecided else ""
    yield (
        f"{judged.name}, {format.name}: {len(wrong)} of {judged.count} are not correctly "
        f"rounded{open_}"
    )


def _assumptions(tell: Tell) -> Iterator[bool]:
    """Tell how large an error of each float64 function is found; yield whether there is room."""
    random = np.random.default_rng(SEED)
    found = [search(op, EVALUATIONS, random) for op in OPS]
    worst = max(found, key=lambda one: one.ulp)
    tell(
        f"float64 functions of this machine: at most {worst.ulp:.3g} ulp found ({worst.op}), "
        f"{worst.assumed:g} assumed"
    )
    for one in found:
        if not one.sound:
            tell(f"{one.op} is off by {one.ulp:.3g} ulp at {one.x!r}; {one.assumed:g} are assumed")
        yield one.sound


def lines(failure: Failure) -> list[str]:
    """Return a failure in words, its place first."""
    return [f"{failure.place}: {failure.message}", *(f"    {line}" for line in failure.figures)]


def _told(spec: Spec, width: int, tell: Tell) -> Audit:
    found = examine(spec)
    tell(
        f"{'✗' if found.failures else '✓'} {spec.function:{width}}  {found.points:8}  "
        f"{found.proven:8}  {found.compared:8}  {found.worst:.3g} ({found.of})"
    )
    return found
