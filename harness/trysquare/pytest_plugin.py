"""The entry point for pytest: options, and spec files among what is collected.

Imported by every pytest run of whoever has Trysquare installed, so it imports nothing but pytest
until a spec file turns up.
"""

from __future__ import annotations

import os
from argparse import ArgumentTypeError
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from trysquare.pytest_items import SpecFile

MISSING: pytest.StashKey[dict[str, int]] = pytest.StashKey()
"""What other processes missed, in words; with each, the status that the run ends with."""

ENDED_WELL = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("trysquare", "conformance of neural-network functions")
    group.addoption(
        "--trysquare-backend",
        action="append",
        default=[],
        metavar="NAME",
        help="measure only this backend (repeatable); all that are installed otherwise",
    )
    group.addoption(
        "--trysquare-results", type=Path, metavar="FILE", help="write results as JSON lines"
    )
    group.addoption(
        "--trysquare-profile",
        choices=["full", "quick"],
        default="full",
        help="quick: float32 alone, without the thorough checks",
    )
    group.addoption(
        "--trysquare-seed", type=_seed, default=0, metavar="N", help="seed of the random inputs"
    )
    group.addoption(
        "--trysquare-baseline",
        type=Path,
        metavar="FILE",
        help="divergences that are accepted here, with their reasons and budgets",
    )
    group.addoption(
        "--trysquare-shard", metavar="I/N", help="only this part; `trysquare merge` joins the parts"
    )


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise ArgumentTypeError(f"'{text}' is no whole number from 0 on")
    return int(text)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker; refuse backends that do not exist; open the results file."""
    config.addinivalue_line("markers", "trysquare: one check of one function on one target")
    if config.getoption("trysquare_backend"):
        _refuse_unknown_backends(config.getoption("trysquare_backend"))
    _refuse_unreadable(config)
    path = config.getoption("trysquare_results")
    # of several processes, only the one that reports writes the file
    if path is not None and not hasattr(config, "workerinput"):
        from trysquare.pytest_results import Notebook

        _require_writable(config.invocation_params.dir / path)
        notebook = Notebook(config.invocation_params.dir / path)
        config.pluginmanager.register(notebook, "trysquare-results")


def _require_writable(path: Path) -> None:
    """Refuse before a long run what could not be written during it."""
    if path.is_dir() or not path.parent.is_dir():
        raise pytest.UsageError(f"--trysquare-results: {path} cannot be a file")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise pytest.UsageError(f"--trysquare-results: {path} cannot be written")


def _refuse_unknown_backends(names: list[str]) -> None:
    from trysquare.command import selection
    from trysquare.errors import UsageError

    try:
        selection.backends(names)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None


def _refuse_unreadable(config: pytest.Config) -> None:
    """Refuse before anything runs a baseline with mistakes, and a shard that is none."""
    path, shard = config.getoption("trysquare_baseline"), config.getoption("trysquare_shard")
    if path is None and shard is None:
        return
    from trysquare.baseline import read
    from trysquare.errors import TrysquareError
    from trysquare.planning.shards import Shard

    try:
        if path is not None:
            read(config.invocation_params.dir / path)
        if shard is not None:
            Shard.read(shard)
    except TrysquareError as error:
        raise pytest.UsageError(str(error)) from None


@pytest.fixture(scope="session")
def conforms() -> Callable[..., None]:
    """`trysquare.assert_conforms`: `conforms(kernel, name, dtype="float16")`."""
    from trysquare import assert_conforms

    return assert_conforms


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is another shard's, of what -k, -m and --deselect have left."""
    if config.getoption("trysquare_shard"):
        from trysquare.pytest_items import sharded

        kept = sharded(config, items)
        left = set(items) - set(kept)
        config.hook.pytest_deselected(items=[item for item in items if item in left])
        items[:] = kept


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> SpecFile | None:
    """Claim the files that are specs."""
    if file_path.suffix != ".yaml":
        return None
    from trysquare.reader import is_spec

    if not is_spec(file_path):
        return None
    from trysquare.pytest_items import SpecFile

    return SpecFile.from_parent(parent, path=file_path)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a process that ran items misses; a hook of pytest-xdist."""
    node.config.stash.setdefault(MISSING, {}).update(
        getattr(node, "workeroutput", {}).get("trysquare", {})
    )


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Let no run be good in which a backend was broken, or one that was named was not there."""
    missing = _missing(session.config)
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["trysquare"] = missing
        bench = session.config.pluginmanager.get_plugin("trysquare-bench")
        session.config.workeroutput["trysquare_dealt"] = bench.dealt if bench else ""
    elif missing and session.exitstatus in ENDED_WELL:
        session.exitstatus = min(missing.values())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which backends were broken, or named and not there."""
    for line in _missing(terminalreporter.config):
        terminalreporter.write_line(f"trysquare: {line}", red=True)


def _missing(config: pytest.Config) -> dict[str, int]:
    bench = config.pluginmanager.get_plugin("trysquare-bench")
    return config.stash.get(MISSING, {}) | (bench.missing() if bench else {})


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let an item of ours say more than a Python function can."""
    report = yield
    if item.get_closest_marker("trysquare") and report.when == "call":
        from trysquare.pytest_items import SpecItem

        if isinstance(item, SpecItem):
            item.complete(report)
    return report
