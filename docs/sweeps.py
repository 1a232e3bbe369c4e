"""Writes docs/sweeps.md from the results of sweeps: `python docs/sweeps.py RESULTS.jsonl...`."""  # noqa: INP001 - a script

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from trysquare.record import Run, TargetRecord
from trysquare.result import Extreme, Result, Sweep
from trysquare.results_file import read

PAGE = Path(__file__).with_name("sweeps.md")
INTRODUCTION = """\
# What sweeps have found

Every number of a format, or of a range where one is given, asked of every target that was there;
see [sweeping](sweeping.md). The figures are read from results files by `python docs/sweeps.py
RESULTS.jsonl...`, and no other figure is on this page. *Not correctly rounded* is a fact, *beyond
the limit* a verdict; why a target diverges stands in its file of known divergences, and in the
report. An error as large as 1.7e7 ULP in float32, 256 in bfloat16 or 2048 in float16 says that no
digit is left: mostly zero where the truth is not. Where a target flushes subnormal numbers, a
flushed result is not among the errors.
"""

BACKSLASHED = str.maketrans({"|": "\\|"})
PERCENT = 100
EXACT = 1e-3
"""Percent; smaller shares are told as counts alone."""


def page(runs: Sequence[Run]) -> str:
    """Return the page about some runs."""
    parts = [INTRODUCTION, _machines(runs), _durations(runs)]
    results = [result for run in runs for result in _swept(run)]
    dtypes = list(dict.fromkeys(result.dtype for result in results))
    parts += [_table(dtype, [one for one in results if one.dtype == dtype]) for dtype in dtypes]
    return "\n".join(parts)


def _swept(run: Run) -> Iterator[Result]:
    for result in run.results:
        if result.sweep is not None:
            yield result


def _machines(runs: Sequence[Run]) -> str:
    """Say what was swept, and where."""
    swept = {result.target for run in runs for result in _swept(run)}
    lines = {
        f"* `{one.target}`: {_environment(one)}\n": None
        for run in runs
        for one in run.header.targets
        if one.target in swept
    }
    versions = {
        f"* trysquare {run.header.trysquare}, {_settings(run.header.environment)}\n": None
        for run in runs
    }
    return "## Where\n\n" + "".join([*versions, *lines])


def _environment(target: TargetRecord) -> str:
    kept = ("machine", "cpu capability", "cpu vendor", "simd")
    chosen = {key: target.environment[key] for key in kept if key in target.environment}
    flushes = f"; flushes subnormals in {', '.join(target.flushes)}" if target.flushes else ""
    return f"{target.version} ({_settings(chosen)}){flushes}"


def _settings(settings: Mapping[str, str]) -> str:
    return ", ".join(f"{key} {value}" for key, value in settings.items())


def _durations(runs: Sequence[Run]) -> str:
    """Tell how long each sweep took, of a function, its derivative and all targets together."""
    rows = []
    for run in runs:
        results = [*_swept(run)]
        if run.footer is None or not results:
            continue
        names = ", ".join(f"`{name}`" for name in dict.fromkeys(one.function for one in results))
        answers = sum(one.count for one in results)
        dtypes = ", ".join(dict.fromkeys(one.dtype for one in results))
        began, ended = map(_moment, (run.header.started, run.footer.finished))
        rows.append([names, dtypes, f"{answers:,}", f"{(ended - began).total_seconds():,.0f} s"])
    return "## How long it took\n\n" + _rows(["functions", "dtype", "answers", "time"], rows)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _table(dtype: str, results: Sequence[Result]) -> str:
    head = [
        "function", "target", "not correctly rounded", "largest error in ULP", "at", "got", "exact",
        "beyond the limit", "verdict",
    ]  # fmt: skip
    rows = [_row(result, result.sweep) for result in results if result.sweep is not None]
    return f"## {dtype}\n\n" + _rows(head, rows)


def _row(result: Result, sweep: Sweep) -> list[str]:
    share = sweep.inexact / result.count * PERCENT if result.count else 0.0
    figures = f"{sweep.inexact:,}" + (f" ({share:.3g} %)" if share >= EXACT else "")
    worst = next((one for one in sweep.worst if one.ulp is not None), None)
    return [
        _title(result, sweep),
        f"`{result.target}`",
        figures,
        *_extreme(worst),
        f"{result.failed:,}" if result.failed else "",
        str(result.symptom or result.outcome),
    ]


def _title(result: Result, sweep: Sweep) -> str:
    name = (
        f"derivative of `{result.function}`"
        if result.case.startswith("d ")
        else f"`{result.function}`"
    )
    if result.case.endswith("every number"):
        return name
    return f"{name} from {float(sweep.low.decimal):.4g} to {float(sweep.high.decimal):.4g}"


def _extreme(worst: Extreme | None) -> list[str]:
    if worst is None or worst.ulp is None:
        return ["", "", "", ""]
    at = f"{worst.x.decimal} ({worst.x.bits})"
    return [f"{abs(worst.ulp):.4g}", at, worst.got.decimal, worst.want.decimal]


def _rows(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(_cell(cell) for cell in line)} |\n" for line in lines)


def _cell(text: str) -> str:
    return text.translate(BACKSLASHED)


def main(paths: Sequence[str]) -> int:
    """Write the page."""
    if not paths:
        sys.stderr.write("which results files? python docs/sweeps.py RESULTS.jsonl...\n")
        return 2
    PAGE.write_text(page([read(Path(path)) for path in paths]), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
