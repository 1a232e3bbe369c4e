"""The machine that judges: an explicit few facts for a results file, never who or where."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from importlib import metadata

from trysquare.workers.probes import cpu_capability

LIBRARIES = ("numpy", "ml_dtypes", "python-flint")
"""Distributions whose version may change a truth or a rounding."""


def cores() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def environment() -> Mapping[str, str]:
    """Return what can influence a result, by name; no name of a host, a user or a folder."""
    facts = {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.machine()}".strip(),
        "c library": " ".join(platform.libc_ver()).strip(),
        "cpu capability": cpu_capability(),
    }
    versions = {name: metadata.version(name) for name in LIBRARIES}
    return {name: text for name, text in (facts | versions).items() if text}
