"""Lets a bare checkout run pytest with the plugin, and the suite run in GitHub Actions."""

import os
from importlib.metadata import entry_points

if "trysquare" not in entry_points(group="pytest11").names:
    pytest_plugins = ["trysquare.pytest_plugin"]

# the runs that tests make are liars': nobody is told of them
for _name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
    os.environ.pop(_name, None)
