"""Every check in an environment of its own; `make` runs the same ones in .venv."""

from __future__ import annotations

from pathlib import Path

import nox

nox.options.sessions = ["lint", "types", "tests", "docs"]

SINGLE_THREADED = {"OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}


def install(session: nox.Session) -> None:
    """Install Trysquare, the frameworks and the tools, at the versions that CI uses."""
    session.install("--constraint", "constraints.txt", "--editable", ".[cpu,dev]")


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests; further arguments go to pytest."""
    install(session)
    session.run("python", "-m", "pytest", "-n", "2", *session.posargs, env=SINGLE_THREADED)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting."""
    session.install("--constraint", "constraints.txt", "ruff")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check the types, strictly."""
    install(session)
    session.run("mypy")


@nox.session
def bench(session: nox.Session) -> None:
    """Run everything in benchmarks/, one after the other."""
    install(session)
    for script in sorted(Path("benchmarks").glob("*.py")):
        session.run("python", str(script), *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Check that every link between the pages leads somewhere."""
    session.install("--constraint", "constraints.txt", "--editable", ".", "pytest")
    session.run("python", "-m", "pytest", "-q", "tests/test_docs.py")
