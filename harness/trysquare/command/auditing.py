"""The audit of specs, as a table and a list of what is not true."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from trysquare.audit import second_opinion
from trysquare.audit.examination import Audit, Failure, examine
from trysquare.audit.golden_files import read_golden
from trysquare.audit.goldens import Judged, judge
from trysquare.audit.stability import LIMIT
from trysquare.command import selection
from trysquare.dtypes import FORMATS
from trysquare.errors import UsageError, suggestion
from trysquare.spec import Spec, Value
from trysquare.specfile.document import Document, Scalar
from trysquare.specfile.values import read_value

SHOWN = 20
"""Expected values that are shown, the worst first."""

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
    parameters = settings(spec, given)
    right = True
    for golden in read_golden(file, spec, parameters, format):
        for judged in judge(spec, parameters, golden):
            right &= not judged.wrong
            for line in _judgement(file, judged):
                tell(line)
    return right


def settings(spec: Spec, given: Iterable[str]) -> dict[str, Value]:
    """Return the parameters in `name=value` words; UsageError for what is none."""
    known = {item.name: item for item in spec.parameters}
    found: dict[str, Value] = {}
    for word in given:
        name, _, text = word.partition("=")
        if name not in known:
            hint = suggestion(name, known) or f"there are {', '.join(known) or 'none'}"
            raise UsageError(f"'{name}' is not a parameter of {spec.function}; {hint}")
        item = known[name]
        document = Document(Path("--parameter"), (text,))
        node = Scalar(text, 1, 1, (1, len(text) + 1))
        value = read_value(document, node, item.kind, item.choices)
        if value is None:
            mistake = document.mistakes[0]
            raise UsageError(f"--parameter {word}: {mistake.message}; {mistake.hint}")
        found[name] = value
    return found


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
