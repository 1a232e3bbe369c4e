"""Backends by their names: which there are, and the one of a name.

Knows no framework. Importing this module imports none of the backends.
"""

from __future__ import annotations

import importlib
import pkgutil
from importlib.util import find_spec
from pathlib import Path
from traceback import walk_tb

from trysquare.backend import Backend, Target, Unavailable
from trysquare.errors import UsageError, suggestion

NAMESPACE = "trysquare_backends"


PROGRAM = ".yaml"
"""How the name of a backend ends that is the file of a program."""


def is_program(source: str) -> bool:
    """Return whether a backend is loaded from the file that declares a program."""
    return source.endswith(PROGRAM)


def called(source: str) -> str:
    """Return the name of a backend that is loaded under this one: of a program, its file's stem."""
    return Path(source).stem if is_program(source) else source


def folders() -> list[Path]:
    """Return where the namespace package lies."""
    try:
        return [Path(folder) for folder in importlib.import_module(NAMESPACE).__path__]
    except ModuleNotFoundError:
        return []


def available() -> list[str]:
    """Return the names of all backends in the namespace package; imports none of them."""
    modules = pkgutil.iter_modules(map(str, folders()))
    return sorted(module.name for module in modules if not module.name.startswith("_"))


def home(name: str) -> Path | None:
    """Return the file or folder of a backend from elsewhere; imports nothing.

    None: it is in the namespace package, or nowhere.
    """
    if is_program(name):
        return Path(name)
    module = name.partition(":")[0]
    if ":" not in name and "." not in name:
        return None
    first, *rest = module.split(".")
    try:
        found = find_spec(first)
    except (ImportError, ValueError):
        return None
    if found is None:
        return None
    if not found.submodule_search_locations:
        return None if found.origin is None else Path(found.origin)
    for folder in found.submodule_search_locations:
        for place in (Path(folder, *rest).with_suffix(".py"), Path(folder, *rest)):
            if place.exists():
                return place
    return None


def require(name: str) -> None:
    """Raise UsageError, with a suggestion, unless this names a backend.

    A name with a dot or a colon is a module from elsewhere: `package.module` holds `backend`,
    `module:attribute` holds that attribute, and `folder/name.yaml` declares a program.
    """
    known = available()
    if name in known or "." in name or ":" in name:
        return
    hint = suggestion(name, known) or f"there are {', '.join(known)}"
    raise UsageError(f"no backend is called '{name}'; {hint}")


def load(name: str) -> Backend | Unavailable:
    """Import a backend and its framework; Unavailable, and why, if that does not work here.

    Broken is whatever is not just missing. Raises UsageError for a name that no backend has.
    """
    require(name)
    path, _, attribute = name.partition(":")
    module = path if attribute or "." in path else f"{NAMESPACE}.{path}"
    nowhere = Target(name, "", "")
    try:
        backend = getattr(importlib.import_module(module), attribute or "backend")
    except Exception as error:  # noqa: BLE001 - whatever a framework raises while it is loaded
        if isinstance(error, ModuleNotFoundError) and _absent(error, module):
            return Unavailable(nowhere, f"{error.name} is not installed")
        return Unavailable(nowhere, f"{type(error).__name__}: {words(error)}", broken=True)
    if not isinstance(backend, Backend):
        return Unavailable(nowhere, f"{module} holds no backend", broken=True)
    return backend


def words(error: BaseException) -> str:
    """Return the message of an exception, whose own code may fail to give one."""
    try:
        return str(error)
    except Exception as another:  # noqa: BLE001 - whatever a framework raises
        return f"(no message: {type(another).__name__} while it was asked for)"


def _absent(error: ModuleNotFoundError, module: str) -> bool:
    """Whether nothing but a package is missing that the backend's module needs, or that itself."""
    home = module.partition(".")[0]
    frames = (frame.f_globals.get("__name__", "") for frame, _ in walk_tb(error.__traceback__))
    *_, importer = (name for name in frames if name.partition(".")[0] != "importlib")
    if importer == __name__:
        return True
    missing = (error.name or "").partition(".")[0]
    return importer.partition(".")[0] == home and missing not in {"", home, "trysquare"}
