"""The entry point for pytest: options, and spec files among what is collected.

Imported by every pytest run of whoever has Trysquare installed, so it imports nothing but pytest
until a spec file turns up.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from trysquare.pytest_items import SpecFile


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
        "--trysquare-seed", type=int, default=0, metavar="N", help="seed of the random inputs"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker; refuse backends that do not exist; open the results file."""
    config.addinivalue_line("markers", "trysquare: one check of one function on one target")
    if config.getoption("trysquare_backend"):
        _refuse_unknown_backends(config.getoption("trysquare_backend"))
    path = config.getoption("trysquare_results")
    # of several processes, only the one that reports writes the file
    if path is not None and not hasattr(config, "workerinput"):
        from trysquare.pytest_results import Notebook

        notebook = Notebook(config.invocation_params.dir / path)
        config.pluginmanager.register(notebook, "trysquare-results")


def _refuse_unknown_backends(names: list[str]) -> None:
    from trysquare.command import selection
    from trysquare.errors import UsageError

    try:
        selection.backends(names)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> SpecFile | None:
    """Claim the files that are specs."""
    if file_path.suffix != ".yaml":
        return None
    from trysquare.reader import is_spec

    if not is_spec(file_path):
        return None
    from trysquare.pytest_items import SpecFile

    return SpecFile.from_parent(parent, path=file_path)


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
