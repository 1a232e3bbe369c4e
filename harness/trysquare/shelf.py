"""Where the specs stand, and what is published with them."""

from __future__ import annotations

from pathlib import Path


def specs_folder() -> Path:
    """Return the folder of the specs that come with this installation or checkout."""
    installed = Path(__file__).parent / "specs"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "specs"
