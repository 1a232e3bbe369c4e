"""What every test may rely on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="session")
def _not_in_actions() -> Iterator[None]:
    """Where the suite itself runs in GitHub Actions, the runs in it announce nothing there."""
    with pytest.MonkeyPatch.context() as patched:
        patched.delenv("GITHUB_ACTIONS", raising=False)
        patched.delenv("GITHUB_STEP_SUMMARY", raising=False)
        yield
