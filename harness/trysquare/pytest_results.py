"""The results file of a pytest run: written by the process that reports, whoever measured."""

from __future__ import annotations

from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from trysquare.errors import UsageError
from trysquare.pytest_items import BENCH, RECORDS
from trysquare.record import FunctionRecord, Header, Record
from trysquare.recorder import footer
from trysquare.result import Result
from trysquare.results_file import ResultsWriter, record

ENDED = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED)


class Notebook:
    """Writes the records that reports carry, each header and function once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._begun = monotonic()
        self._writer: ResultsWriter | None = None
        self._functions: set[str] = set()
        self._fault = ""
        self._results: list[Result] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write what a report carries."""
        for text in getattr(report, RECORDS, ()):
            self._take(text)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Begin the file of a shard, which may get nothing."""
        opened = session.config.stash.get(BENCH, None)
        if opened is not None and opened.dealt and not session.config.option.collectonly:
            self._take(opened.dealt)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Begin it where other processes ran the items; a hook of pytest-xdist."""
        if text := getattr(node, "workeroutput", {}).get("trysquare_dealt"):
            self._take(text)

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write the footer, unless items are left that did not run."""
        if exitstatus in ENDED and not (session.shouldfail or session.shouldstop):
            # what is stale has failed as an item, and is counted there
            self._write(footer(self._results, (), monotonic() - self._begun))
        if self._fault:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say where the results are."""
        if self._fault:
            terminalreporter.write_line(f"trysquare: {self._fault}", red=True)
        elif self._writer is not None:
            terminalreporter.write_line(f"trysquare results: {self._path}")

    def pytest_unconfigure(self) -> None:
        """Close the file."""
        if self._writer is not None:
            self._writer.__exit__()

    def _take(self, text: str) -> None:
        """Write a line of another process, or of this one, unless that is there."""
        item = record(text)
        match item:
            case Header() if self._writer is None:
                self._open()
                self._write(item)
            case FunctionRecord() if item.function not in self._functions:
                self._functions.add(item.function)
                self._write(item)
            case Result():
                self._results.append(item)
                self._write(item)

    def _open(self) -> None:
        if not self._fault:
            try:
                self._writer = ResultsWriter(self._path)
            except UsageError as error:
                self._fault = str(error)

    def _write(self, item: Record) -> None:
        """Write a record, unless an earlier one could not be; the items go on without."""
        if self._writer is None or self._fault:
            return
        try:
            self._writer.write(item)
        except UsageError as error:
            self._fault = str(error)
