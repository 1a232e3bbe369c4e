"""Ships specs/ inside the wheel, as trysquare/specs."""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ShipSpecs(BuildHookInterface[Any]):
    """Adds the specs to a wheel; an editable install reads the checkout's own."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add specs/ unless the build is editable, which would copy the files and go stale."""
        if version == "standard":
            build_data["force_include"]["specs"] = "trysquare/specs"
