"""Lets a bare checkout run pytest with the plugin, before anything is installed."""

from importlib.metadata import entry_points
from importlib.util import find_spec

if "trysquare" not in entry_points(group="pytest11").names and find_spec("trysquare.pytest_plugin"):
    pytest_plugins = ["trysquare.pytest_plugin"]
