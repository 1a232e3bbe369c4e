"""Judges arrays that were computed anywhere by the answers of a golden pack, with NumPy alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trysquare.errors import UsageError
from trysquare.packs.arrays import (
    Array,
    Outputs,
    hexadecimal,
    load,
    number,
    numbers,
    ordinals,
    patterns,
    spacing,
)
from trysquare.packs.manifest import FLAGS, Answer, Extra, Manifest, Questions, digest, read
from trysquare.reader import specs_folder

WORST = 3
"""Elements that are shown of each file that is not accepted."""


@dataclass(frozen=True)
class Worst:
    """One element: its index in C order, the inputs that belong to it, and bit patterns.

    `ends` are the least and the greatest number that the tolerance accepts.
    """

    index: int
    inputs: str
    got: str
    want: str
    ends: tuple[str, str]


@dataclass(frozen=True)
class Judgement:
    """The figures of one file of outputs.

    `wrong` counts what is not correctly rounded, among it the `nans` (NaN for a number, or a number
    for NaN), `infinities` (the same) and `zeros` (zeros of the wrong sign). `steps` is the largest
    number of representable numbers from the correctly rounded answer, `ulp` the largest distance
    from it in its ULP, both over finite numbers. `refused` counts what is not accepted.
    """

    name: str
    count: int
    wrong: int
    steps: int
    ulp: float
    nans: int
    infinities: int
    zeros: int
    refused: int
    worst: tuple[Worst, ...]


@dataclass(frozen=True)
class Report:
    """What became of all files: judged, not fitting and why, and specs that have changed since."""

    judged: tuple[Judgement, ...]
    misfits: tuple[str, ...]
    stale: tuple[str, ...]
    ulp: float | None

    @property
    def accepted(self) -> bool:
        """Whether everything is there and accepted."""
        return not self.misfits and not any(one.refused for one in self.judged)


def verify(pack: Path, outputs: Path, ulp: float | None) -> Report:
    """Judge a folder, an .npz or a single .npy file of outputs by a pack.

    An output is accepted between the ends that the pack states; with `ulp`, if it is at most
    `ulp` - 1/2 ULP from the correctly rounded answer, and so at most `ulp` from the exact one.

    Raises UsageError for a pack or outputs that cannot be read.
    """
    manifest = read(pack)
    folder = pack if pack.is_dir() else pack.parent
    judged, misfits = [], []
    with Outputs.open(outputs) as given:
        wanted = [(asked, answer) for asked in manifest.sets for answer in asked.answers]
        chosen = given.chosen([answer.name for _, answer in wanted])
        for asked, answer in wanted:
            if answer.name in chosen:
                try:
                    judged.append(_judge(folder, asked, answer, given, ulp))
                except UsageError as misfit:
                    misfits.append(str(misfit))
    return Report(tuple(judged), tuple(misfits), tuple(_stale(manifest)), ulp)


def lines(report: Report) -> Iterator[str]:
    """Yield what a terminal shows."""
    rule = "the tolerance of each spec"
    if report.ulp is not None:
        rule = "correct rounding" if report.ulp == 0.5 else f"{report.ulp:g} ULP"
    yield from (f"stale: {line}" for line in report.stale)
    yield f"judged by {rule}"
    for one in report.judged:
        mark = "refused" if one.refused else "accepted"
        yield f"{mark:8} {one.name}: {_figures(one)}"
        for worst in one.worst:
            at = f"at {worst.inputs}" if worst.inputs else "at"
            found = f"got {worst.got}, correctly rounded {worst.want}"
            ends = f", accepted {worst.ends[0]} to {worst.ends[1]}" if report.ulp is None else ""
            yield f"         {at} [{worst.index}]: {found}{ends}"
    yield from (f"does not fit: {line}" for line in report.misfits)
    refused = sum(one.refused for one in report.judged)
    count = sum(one.count for one in report.judged)
    wrong = sum(one.wrong for one in report.judged)
    yield (
        f"{len(report.judged)} files, {count} answers: {wrong} not correctly rounded, "
        f"{refused} refused; {len(report.misfits)} files do not fit"
    )


def _figures(one: Judgement) -> str:
    parts = [f"{one.count} answers", f"{one.wrong} not correctly rounded"]
    if one.wrong:
        parts.append(f"at most {one.ulp:.4g} ULP or {one.steps} numbers away")
    discrete = (("NaN", one.nans), ("infinity", one.infinities), ("sign of zero", one.zeros))
    parts += [f"wrong {what}: {count}" for what, count in discrete if count]
    if one.refused:
        parts.append(f"{one.refused} refused")
    return ", ".join(parts)


def _judge(
    folder: Path, asked: Questions, answer: Answer, given: Outputs, ulp: float | None
) -> Judgement:
    expected = load(folder, answer.answer)
    got_bits = given.array(answer.name, answer.answer)
    dtype = asked.dtype
    got, low = numbers(got_bits, dtype), numbers(expected, dtype)
    high = low.copy()
    undecided = np.zeros(got.shape, bool)
    for unknown in answer.undecided:
        undecided[unknown.index] = True
        low[unknown.index], high[unknown.index] = (
            number(pattern, dtype) for pattern in unknown.candidates
        )
    # of two candidates the nearer one counts; what lies between them is not known to be wrong
    with np.errstate(all="ignore"):
        want = np.where(np.abs(got - low) <= np.abs(got - high), low, high)
    right = _same(got, low) | (undecided & (low <= got) & (got <= high))
    for other in answer.also:
        right |= _same(got, numbers(load(folder, other), dtype))
    distance, steps = _distances(got, want, dtype)
    accepted = right | (
        _between(folder, answer, got, dtype)
        if ulp is None
        else (distance <= ulp - 0.5) & ~_wrong_zero(got, want)
    )
    wrong = ~right
    finite = wrong & np.isfinite(distance)
    bad = np.flatnonzero(~accepted)
    return Judgement(
        name=answer.name,
        count=got.size,
        wrong=int(wrong.sum()),
        steps=int(steps[finite].max(initial=0)),
        ulp=float(distance[finite].max(initial=0)),
        nans=int((wrong & (np.isnan(got) != np.isnan(want))).sum()),
        infinities=int((wrong & _wrong_infinity(got, want)).sum()),
        zeros=int((wrong & _wrong_zero(got, want)).sum()),
        refused=bad.size,
        worst=tuple(_worst(folder, asked, answer, _farthest(bad, distance), got_bits, want)),
    )


def _between(folder: Path, answer: Answer, got: Array, dtype: str) -> Array:
    """Tell what the tolerance of the spec accepts."""
    lowest = numbers(load(folder, answer.lowest), dtype)
    highest = numbers(load(folder, answer.highest), dtype)
    accepted = (lowest <= got) & (got <= highest)
    if answer.extras is not None:
        extras = load(folder, answer.extras).ravel()
        accepted |= (extras & FLAGS[Extra.NAN] != 0) & np.isnan(got)
        accepted |= (extras & FLAGS[Extra.PLUS_INFINITY] != 0) & (got == np.inf)
        accepted |= (extras & FLAGS[Extra.MINUS_INFINITY] != 0) & (got == -np.inf)
    return np.asarray(accepted)


def _same(a: Array, b: Array) -> Array:
    return np.asarray(((a == b) & (np.signbit(a) == np.signbit(b))) | (np.isnan(a) & np.isnan(b)))


def _wrong_zero(got: Array, want: Array) -> Array:
    return np.asarray((got == 0) & (want == 0) & (np.signbit(got) != np.signbit(want)))


def _wrong_infinity(got: Array, want: Array) -> Array:
    infinite = np.isinf(got) | np.isinf(want)
    return np.asarray(infinite & (got != want) & ~np.isnan(got) & ~np.isnan(want))


def _distances(got: Array, want: Array, dtype: str) -> tuple[Array, Array]:
    """Return how far outputs are from answers, in ULP of these and in representable numbers.

    The first is NaN where one of the two is not finite.
    """
    both = np.isfinite(got) & np.isfinite(want)
    step = spacing(want, dtype)
    with np.errstate(all="ignore"):
        apart = np.abs(got - want) / step
        # the largest float64 and its opposite are farther apart than float64 can say
        apart = np.where(np.isinf(apart), np.abs(got / 2 - want / 2) / step * 2, apart)
    distance = np.where(got == want, 0.0, np.where(both, apart, np.nan))
    a, b = (ordinals(values, dtype) for values in (got, want))
    steps = np.maximum(a, b).view(np.uint64) - np.minimum(a, b).view(np.uint64)
    return distance, np.where(both, steps, np.uint64(0))


def _farthest(bad: Array, distance: Array) -> list[int]:
    """Return the first of what is refused; what is no number is worse than any distance."""
    order = np.argsort(-np.where(np.isnan(distance[bad]), np.inf, distance[bad]), kind="stable")
    return [int(place) for place in bad[order[:WORST]]]


def _worst(
    folder: Path, asked: Questions, answer: Answer, places: list[int], got: Array, want: Array
) -> Iterator[Worst]:
    if not places:
        return
    alike = [one for one in asked.inputs if one.file.shape == answer.answer.shape]
    inputs = {one.name: load(folder, one.file) for one in alike}
    lowest, highest = load(folder, answer.lowest), load(folder, answer.highest)
    for place in places:
        here = ", ".join(f"{name} = {hexadecimal(array, place)}" for name, array in inputs.items())
        pattern = int(patterns(want[place : place + 1], asked.dtype)[0])
        expected = f"0x{pattern:0{2 * got.itemsize}x}"
        ends = hexadecimal(lowest, place), hexadecimal(highest, place)
        yield Worst(place, here, hexadecimal(got, place), expected, ends)


def _stale(manifest: Manifest) -> Iterator[str]:
    """Yield the functions whose installed spec is not the one that the answers follow from."""
    specs = {(asked.function, asked.spec) for asked in manifest.sets}
    for function, spec in sorted(specs, key=lambda pair: pair[0]):
        path = specs_folder() / spec.path
        if not path.is_file():
            yield f"{function}: no spec {spec.path} is installed"
        elif digest(path.read_bytes()) != spec.sha256:
            yield f"{function}: the installed spec is not the one of this pack ({path})"
