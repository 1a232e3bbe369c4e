"""What a hunt found -> the corpus beside the spec: the worst points, in one order, each once."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from trysquare.dtypes import FORMATS
from trysquare.errors import UsageError
from trysquare.planning.corpus import MOST, VALUE, Point, place, points
from trysquare.record import Run, TargetRecord
from trysquare.result import Check, Found, Result
from trysquare.spec import Spec, Value, choice_text

ORDINARY = 0.5
"""ULP; rounding to nearest does not do better, and what is no worse is nothing to remember."""

EACH = 5
"""Points of one result: others, of other targets and quantities, want room too."""

NEAR = 2.0**-6
"""Relative distance of neighbours, in every number: one of them is enough."""

HEAD = "# Inputs that a hunt found to be the worst somewhere. `run` tries them everywhere.\n"


def save(specs: Sequence[Spec], run: Run) -> Iterator[tuple[Path, int]]:
    """Add what a run found to the corpora; yield each file that changed, and how much is new.

    Raises UsageError if a file cannot be written, and SpecErrors for one that cannot be read.
    """
    targets = {record.target: record for record in run.header.targets}
    for spec in specs:
        known = points(spec)
        fresh = [
            _point(spec, result, found, targets[result.target])
            for result in run.results
            if result.function == spec.function and result.check is Check.HUNT
            for found in _apart(result.found)
        ]
        kept = merged(known, fresh)
        if kept != known:
            old = {point.question for point in known}
            _write(place(spec), text(spec.function, kept))
            yield place(spec), sum(point.question not in old for point in kept)


def _apart(found: Sequence[Found]) -> list[Found]:
    """Return the worst few that are worth remembering, none of them beside another."""
    chosen: list[Found] = []
    for one in found:
        worth = one.got is not None and not one.ulp <= ORDINARY
        if worth and len(chosen) < EACH and not any(_are_near(one, other) for other in chosen):
            chosen.append(one)
    return chosen


def _are_near(one: Found, other: Found) -> bool:
    pairs = (
        (float.fromhex(a), float.fromhex(b))
        for name, texts in one.inputs.items()
        for a, b in zip(texts, other.inputs[name], strict=True)
    )
    return all(abs(a - b) <= NEAR * abs(b) for a, b in pairs)


def merged(known: Iterable[Point], fresh: Iterable[Point]) -> tuple[Point, ...]:
    """Return the worst MOST points of each dtype and quantity; of equal questions, the worst."""
    best: dict[tuple[object, ...], Point] = {}
    for point in (*known, *fresh):
        other = best.get(point.question)
        if other is None or point.ulp > other.ulp:
            best[point.question] = point
    counts: dict[tuple[str, str], int] = {}
    kept = []
    for point in sorted(best.values(), key=_order):
        kind = point.dtype, point.of
        counts[kind] = counts.get(kind, 0) + 1
        if counts[kind] <= MOST:
            kept.append(point)
    return tuple(kept)


def text(function: str, kept: Iterable[Point]) -> str:
    """Return the file that holds these points."""
    lines = [HEAD, "corpus: 1\n", f"function: {function}\n", "points:\n"]
    return "".join([*lines, *(_entry(point) for point in kept)])


def _order(point: Point) -> tuple[object, ...]:
    dtype = list(FORMATS).index(point.dtype)
    size = math.inf if math.isnan(point.ulp) else point.ulp
    return dtype, point.of != VALUE, point.of, -size, str(point.inputs), str(point.parameters)


def _point(spec: Spec, result: Result, found: Found, target: TargetRecord) -> Point:
    changed = {
        name: value
        for name, value in result.parameters.items()
        if value is not None and value != spec.defaults.get(name) and not _is_reduction(spec, name)
    }
    return Point(
        dtype=result.dtype,
        of=f"d {result.wrt}" if result.wrt else VALUE,
        inputs=found.inputs,
        parameters=changed,
        ulp=float(_ulp(found.ulp)),
        target=result.target,
        version=target.version,
        cpu=target.environment.get("cpu capability", "unknown"),
    )


def _is_reduction(spec: Spec, name: str) -> bool:
    return spec.reduce is not None and spec.reduce.parameter == name


def _entry(point: Point) -> str:
    inputs = ", ".join(f"{name}: {_numbers(texts)}" for name, texts in point.inputs.items())
    parameters = ", ".join(f"{name}: {_value(value)}" for name, value in point.parameters.items())
    lines = [
        f"  - dtype: {point.dtype}",
        f"    of: {point.of}",
        f"    inputs: {{{inputs}}}",
        *([f"    parameters: {{{parameters}}}"] if parameters else []),
        f"    ulp: {_ulp(point.ulp)}",
        f"    target: {json.dumps(point.target)}",
        f"    version: {json.dumps(point.version)}",
        f"    cpu: {json.dumps(point.cpu)}",
    ]
    return "\n".join(lines) + "\n"


def _numbers(texts: Sequence[str]) -> str:
    return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"


def _value(value: Value) -> str:
    return value.hex() if isinstance(value, float) else choice_text(value)


def _ulp(ulp: float) -> str:
    """Return four digits, enough for whoever reviews them."""
    return f"{ulp:.4g}"


def _write(path: Path, content: str) -> None:
    try:
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None
