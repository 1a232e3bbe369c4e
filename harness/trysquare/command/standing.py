"""What a run says of a baseline, as text and as JSON; what is left to decide, cause by cause."""

from __future__ import annotations

import shlex
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

from trysquare.baseline import Accepted
from trysquare.baseline import read as read_baseline
from trysquare.causes import Cause, by_cause
from trysquare.ratchet import STALE, Judged, Ratchet, Standing
from trysquare.record import Json, Run
from trysquare.result import REFERENCE, Expectation, Outcome, Result
from trysquare.results_file import read as read_results

SIGNS = {
    Standing.HOLDS: "✓",
    Standing.BETTER: "↓",
    Standing.BROKEN: "✗",
    Standing.CONFORMS: "★",
    Standing.LISTED: "★",
    Standing.GONE: "★",
    Standing.NOT_RUN: "·",
}


@dataclass(frozen=True)
class Desk:
    """The results of a run beside the baseline that they are judged by."""

    results_path: Path
    baseline_path: Path
    run: Run
    entries: tuple[Accepted, ...]

    @classmethod
    def of(cls, results: Path, baseline: Path) -> Self:
        """Read both; a baseline that is not there is empty. UsageError and SpecErrors as usual."""
        entries = read_baseline(baseline) if baseline.exists() else ()
        return cls(results, baseline, read_results(results), entries)

    @cached_property
    def ratchet(self) -> Ratchet:
        """The baseline, with all results of the run."""
        return Ratchet.over(self.entries, self.run)

    @cached_property
    def results(self) -> tuple[Result, ...]:
        """The results, judged by the baseline as it stands now."""
        return tuple(self.ratchet.judge(result) for result in self.run.results)

    @cached_property
    def standings(self) -> tuple[Judged, ...]:
        """All entries, and what became of them; what the run itself called stale among them."""
        told = {stale.entry for stale in self.run.footer.stale} if self.run.footer else set()
        return tuple(
            Judged(judged.entry, Standing.GONE, Standing.GONE)
            if judged.standing is Standing.NOT_RUN and judged.entry.id in told
            else judged
            for judged in self.ratchet.standings()
        )

    @cached_property
    def pending(self) -> dict[Cause, list[Result]]:
        """What nobody expected and can be accepted, by its cause, the largest errors first."""
        found = [
            result
            for result in self.results
            if result.expectation is Expectation.UNEXPECTED and result.ways
        ]
        return by_cause(sorted(found, key=lambda result: -result.max_ulp))

    @property
    def errors(self) -> int:
        """How many results are unexpected and cannot be accepted."""
        return sum(result.outcome is Outcome.ERRORED for result in self.results)

    @property
    def settled(self) -> bool:
        """Whether there is nothing to decide, and no entry that is stale or broken."""
        bad = STALE | {Standing.BROKEN}
        return not self.pending and not any(one.standing in bad for one in self.standings)

    @property
    def suspect(self) -> list[str]:
        """The ids that are accepted though no target at all conforms: is the spec right?"""
        outcomes: defaultdict[tuple[str, ...], dict[str, Outcome]] = defaultdict(dict)
        for result in self.results:
            answered = result.outcome is not Outcome.UNSUPPORTED
            if answered and not result.target.endswith(f":{REFERENCE}"):
                outcomes[_question(result.id)][result.target] = result.outcome
        return [
            judged.entry.id
            for judged in self.standings
            if len(found := outcomes[_question(judged.entry.id)]) > 1
            and Outcome.CONFORMS not in found.values()
        ]

    def text(self) -> str:
        """Return what a terminal shows of the baseline."""
        return "\n".join(self._lines())

    def json(self) -> Json:
        """Return the same for a program."""
        return {
            "entries": [_entry(judged) for judged in self.standings],
            "pending": [
                {
                    "function": cause.function,
                    "target": cause.target,
                    "symptom": cause.symptom,
                    "diagnosis": cause.diagnosis,
                    "max_ulp": figure(results),
                    "ids": [result.id for result in results],
                }
                for cause, results in self.pending.items()
            ],
            "suspect": self.suspect,
            "errors": self.errors,
            "partial": self.run.partial,
        }

    def command(self, what: str, *arguments: str) -> str:
        """Return a command on these two files, as a shell takes it."""
        files = ["--results", str(self.results_path), "--baseline", str(self.baseline_path)]
        return shlex.join(["trysquare", "baseline", what, *files, *arguments])

    def _lines(self) -> Iterator[str]:
        for judged in self.standings:
            if judged.standing is not Standing.HOLDS:
                yield f"{SIGNS[judged.standing]} {judged.entry.id}"
                yield f"    {judged.entry.place}: {judged.why}; {judged.entry.why}"
        for identity in self.suspect:
            yield f"? {identity}"
            yield "    no target at all conforms here: is the spec right?"
        counts = Counter(judged.standing for judged in self.standings)
        rows = sum(map(len, self.pending.values()))
        words = [f"{counts[one]} {one}" for one in Standing if counts[one]]
        yield f"{self.baseline_path}: {' · '.join(words) or 'no entries'}"
        if self.run.partial:
            yield f"⚠ {self.results_path} is only a part of a run: {self.run.partial}"
        if rows:
            yield f"✗ {rows} unexpected, of {len(self.pending)} causes: {self.command('review')}"
        if self.errors:
            yield f"! {self.errors} errored, which cannot be accepted"
        if any(judged.standing in STALE for judged in self.standings):
            yield f"★ remove what is stale: {self.command('prune')}"
        if counts[Standing.BETTER]:
            yield f"↓ lower the budgets to what is needed: {self.command('prune', '--tighten')}"


def commands(desk: Desk) -> Iterator[str]:
    """Yield what is left to decide as commands, for whoever has no terminal to be asked in."""
    for place, (cause, results) in enumerate(desk.pending.items(), 1):
        yield f"# [{place}/{len(desk.pending)}] {heading(cause, results)}"
        yield desk.command("accept", "--cause", results[0].id, "--reason", "...")


def heading(cause: Cause, results: Sequence[Result]) -> str:
    """Return what goes wrong, how often, and how far at most, in one line."""
    dtypes = " ".join(dict.fromkeys(result.dtype for result in results))
    checks = " ".join(dict.fromkeys(str(result.check) for result in results))
    size = f"{len(results)} result{'' if len(results) == 1 else 's'}"
    largest = f", at most {figure(results):.4g} ULP" if figure(results) else ""
    parts = [cause.function, cause.target, cause.symptom, cause.diagnosis, dtypes, checks]
    return f"{' · '.join(part for part in parts if part)} · {size}{largest}"


def figure(results: Iterable[Result]) -> float:
    """Return the largest error among results, in ULP."""
    return max((result.max_ulp for result in results), default=0.0)


def _question(identity: str) -> tuple[str, ...]:
    function, check, dtype, _, case = identity.split("/", 4)
    return function, check, dtype, case


def _entry(judged: Judged) -> Json:
    entry = judged.entry
    return {
        "id": entry.id,
        "standing": judged.standing.name.lower().replace("_", " "),
        "why": judged.why,
        "reason": entry.reason,
        "symptoms": list(entry.symptoms),
        "budget": entry.budget,
        "issue": entry.issue,
        "until": None if entry.until is None else entry.until.isoformat(),
        "place": str(entry.place),
    }
