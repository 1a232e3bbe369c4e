"""`ulpwise survey` and we, on the same answers of torch at its own points: the errors, the speed.

Installs ulpwise (https://pypi.org/project/ulpwise) with expecttest into an environment of its own,
which borrows torch from this one and is deleted afterwards. Its results.csv says what it reports;
its functions give the points, torch's answers there and its errors one by one. Ours are those of
the oracle (Arb, certified) for the same answers. Where the two differ in four digits, both are
measured against its own reference with 1000 bits, in ULP of the exact result.
"""

from __future__ import annotations

import csv
import math
import os
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

FUNCTIONS: dict[str, tuple[str, dict[str, str]]] = {
    "gelu": ("gelu", {}),
    "gelu_tanh": ("gelu", {"approximate": "tanh"}),
    "silu": ("silu", {}),
    "mish": ("mish", {}),
    "softplus": ("softplus", {}),
    "logsigmoid": ("log_sigmoid", {}),
    "elu": ("elu", {}),
    "selu": ("selu", {}),
}
"""Its name; our name, and parameters that are not our defaults.

Its references say that they mean the same: softplus is not cut, alpha of elu is 1, 0.044715 is a
decimal number.
"""

DTYPES = {"f32": "float32", "f64": "float64"}
PRECISION = {"f32": (24, -126), "f64": (53, -1022)}
POINTS = 600
BITS = 1000
DIGITS = 5e-5


@dataclass(frozen=True)
class Compared:
    """The errors of one function in one dtype, point by point, and seconds of both."""

    name: str
    dtype: str
    reported: float
    points: Array
    theirs: Array
    ours: Array
    referee: Array
    their_seconds: float
    our_seconds: float


def main() -> None:
    """Print a table, and what differs."""
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder:
        python = installed(Path(folder) / "environment")
        found = list(compared(python, Path(folder)))
    rate = swept_rate()
    print(
        f"{'':<18}{'max ULP: theirs':>16}{'ours':>16}{'theirs/ours':>12}"
        f"{'points a second: theirs':>25}{'ours there':>12}{'x':>7}{'swept':>15}{'x':>9}"
    )
    for one in found:
        print(row(one, rate if one.dtype == "f32" else None))
    for one in found:
        for words in differences(one):
            print(words)


def installed(folder: Path) -> str:
    """Return the Python of a new environment that has ulpwise, and sees what this one has."""
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    path = "import sysconfig; print(sysconfig.get_path('purelib'))"
    mine, its = (
        subprocess.run([one, "-c", path], check=True, capture_output=True, text=True).stdout.strip()
        for one in (sys.executable, python)
    )
    (Path(its) / "borrowed.pth").write_text(f"{mine}\n", encoding="utf-8")
    install = [python, "-m", "pip", "install", "--quiet", "ulpwise", "expecttest"]
    subprocess.run(install, check=True, stderr=subprocess.DEVNULL)
    return python


def compared(python: str, folder: Path) -> Iterator[Compared]:
    """Run its survey, take its points, and judge the same answers."""
    command = [python, "-P", "-m", "ulpwise", "survey", "--backends", "torch"]
    command += ["--dtypes", ",".join(DTYPES), "--functions", ",".join(FUNCTIONS)]
    command += ["--points", str(POINTS), "--out", str(folder)]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    with (folder / "results.csv").open(encoding="utf-8", newline="") as file:
        reported = {(r["function"], r["dtype"]): float(r["max_ulp"]) for r in csv.DictReader(file)}
    subprocess.run([python, "-P", __file__, INSIDE, str(folder)], check=True)
    for name in FUNCTIONS:
        for dtype in DTYPES:
            with np.load(folder / f"{name}-{dtype}.npz", allow_pickle=False) as archive:
                its = dict(archive)
            ours, seconds = judged(name, dtype, its["points"], its["got"])
            yield Compared(
                name, dtype, reported[name, dtype], its["points"], its["errors"], ours,
                its["referee"], float(its["seconds"]), seconds,
            )  # fmt: skip


def judged(name: str, dtype: str, points: Array, got: Array) -> tuple[Array, float]:
    """Return |got - exact| / ulp(exact) by the oracle, NaN where either is no number; seconds.

    As with theirs, what is timed is truth and distance, without imports and reading the spec.
    """
    from trysquare.command import selection  # noqa: PLC0415 - this file also runs without it
    from trysquare.dtypes import FORMATS  # noqa: PLC0415
    from trysquare.formula.derivative import Extent  # noqa: PLC0415
    from trysquare.truth.known import Allowance  # noqa: PLC0415
    from trysquare.truth.meaning import meaning  # noqa: PLC0415
    from trysquare.truth.oracle import Oracle  # noqa: PLC0415
    from trysquare.verdict.compare import distance  # noqa: PLC0415

    function, parameters = FUNCTIONS[name]
    (spec,) = selection.specs((), [function])
    format = FORMATS[DTYPES[dtype]]
    tree = meaning(spec, {**spec.defaults, **parameters}).value
    rows = points.astype(np.float64).reshape(-1, 1)
    (variable,) = (item.name for item in spec.inputs)
    spread = Extent(rows=True, columns=False)
    began = time.process_time()
    truth = Oracle(tree, {variable: rows}, len(rows), 1, spread, format).certified
    anything = Allowance(np.full(rows.shape, np.inf), np.full(rows.shape, np.nan))
    found = distance(got.astype(np.float64).reshape(-1, 1), truth, anything, format)
    errors = np.asarray(np.abs(found.ulp[:, 0]))
    return errors, time.process_time() - began


def swept_rate() -> float:
    """Return how many answers a second a sweep judges, imports and charts included."""
    functions = dict.fromkeys(function for function, _ in FUNCTIONS.values())
    command = [sys.executable, "-m", "trysquare", "sweep", *functions, "--target", "torch"]
    with tempfile.TemporaryDirectory() as charts:
        began = time.perf_counter()
        environment = {**os.environ, "XDG_CACHE_HOME": charts}
        done = subprocess.run(command, check=False, stdout=subprocess.DEVNULL, env=environment)
        seconds = time.perf_counter() - began
    if done.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}")
    return len(functions) * 2**32 / seconds


def row(one: Compared, swept: float | None) -> str:
    """Return a line of the table."""
    ours, count = float(np.nanmax(one.ours)), len(one.points)
    their_rate, our_rate = count / one.their_seconds, count / one.our_seconds
    text = (
        f"{one.name:<12}{one.dtype:<6}{one.reported:>16.5g}{ours:>16.5g}"
        f"{one.reported / ours:>12.5f}"
        f"{their_rate:>25,.0f}{our_rate:>12,.0f}{our_rate / their_rate:>7.1f}"
    )
    return text if swept is None else f"{text}{swept:>15,.0f}{swept / their_rate:>9,.0f}"


def differences(one: Compared) -> Iterator[str]:
    """Yield where the errors differ in four digits, and whom the referee supports."""
    for place, (its, ours, right) in enumerate(zip(one.theirs, one.ours, one.referee, strict=True)):
        if close(its, ours) or (np.isnan(ours) and not its):
            continue
        whom = " and ".join(
            words for words, value in (("theirs", its), ("ours", ours)) if close(value, right)
        )
        yield (
            f"{one.name} {one.dtype} at {float(one.points[place])!r}: {its:.6g} ULP theirs, "
            f"{ours:.6g} ours, {right:.6g} with {BITS} bits: {whom or 'neither'} right"
        )


def close(a: float, b: float) -> bool:
    """Whether two errors agree in four digits, or are both next to nothing."""
    return abs(a - b) <= DIGITS * max(abs(a), abs(b), 1e-2)


INSIDE = "points"


def inside(folder: Path) -> None:
    """Write points, answers, and errors of ulpwise; runs in its environment."""
    import mpmath  # noqa: PLC0415 - not there elsewhere
    from ulpwise import survey  # noqa: PLC0415

    for entry in survey.REGISTRY:
        if entry.name not in FUNCTIONS:
            continue
        for dtype in DTYPES:
            points = survey.grid(entry.domain, dtype, POINTS)
            got = survey.backend_callable("torch", entry, dtype)(points)
            mpmath.mp.prec = 200
            began = time.process_time()
            exact = [survey._mpf_ref(entry.ref, float(x)) for x in points]  # noqa: SLF001
            errors = [
                survey._ulp_error(float(g), e, dtype)  # noqa: SLF001
                for g, e in zip(got, exact, strict=True)
            ]
            seconds = time.process_time() - began
            mpmath.mp.prec = BITS
            pairs = zip(points, got, strict=True)
            referee = [error(float(g), entry.ref(mpmath.mpf(float(x))), dtype) for x, g in pairs]
            np.savez(
                folder / f"{entry.name}-{dtype}.npz",
                points=points, got=got, errors=errors, referee=referee, seconds=seconds,
            )  # fmt: skip


def error(got: float, exact: Any, dtype: str) -> float:
    """Return |got - exact| / ulp(exact)."""
    import mpmath  # noqa: PLC0415

    if not (mpmath.isfinite(exact) and math.isfinite(got)):
        return math.nan
    precision, least = PRECISION[dtype]
    exponent = max(mpmath.frexp(exact)[1] - 1, least) if exact else least
    return float(abs(mpmath.mpf(got) - exact) / mpmath.ldexp(1, exponent - (precision - 1)))


if __name__ == "__main__":
    if sys.argv[1:2] == [INSIDE]:
        inside(Path(sys.argv[2]))
    else:
        main()
