"""The page about bringing up a device is followed from its beginning to its end, with its toy."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from workshop import LONG

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "bring-up.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^`([\w.]+)`:\n\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
SESSIONS = re.findall(r"^```\n\$ trysquare (.*?)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SOURCES = [str(ROOT / folder) for folder in ("harness", "backends", "reports")]
SLOW = ("--profile quick", "sweep", "--baseline baseline.yaml")
"""Parts of commands that only `make long` gives."""

WRONG = ("--profile quick", "sweep", "sigmoid -o results.jsonl")
"""Parts of commands that find something, and so end with 1."""


def followed(folder: Path, command: str) -> tuple[int, str]:
    """Give a command in a folder; return its exit code, and what it has printed."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    python = os.pathsep.join(SOURCES)
    done = subprocess.run(
        [sys.executable, "-m", "trysquare", *shlex.split(command)],
        cwd=folder,
        env={**os.environ, "PATH": path, "PYTHONPATH": python, "CI": "", "PYTHONUTF8": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
        timeout=600,
    )
    return done.returncode, done.stdout


def told(text: str) -> list[str]:
    """The lines of a session that stay the same from one machine to another."""
    passing = re.compile(r"^$|^\.\.\.$|sha256")
    counted = re.compile(r"yaml:\d+:\d+|in [\d.hms]+$")
    return [counted.sub("", line) for line in text.splitlines() if not passing.search(line)]


def test_a_device_is_brought_up_by_the_page(tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    for command, output in SESSIONS:
        if not LONG and any(part in command for part in SLOW):
            continue
        code, printed = followed(tmp_path, command)
        lines = told(printed)
        assert [line for line in told(output) if line not in lines] == [], printed
        assert code == any(part in command for part in WRONG), command
    assert (tmp_path / "baseline.yaml").exists()
    assert "<svg" in (tmp_path / "badge.svg").read_text(encoding="utf-8")
    assert (tmp_path / "report.html").exists() is LONG


def test_the_page_has_a_toy_and_every_step() -> None:
    assert [*FILES] == ["toy.py", "toy.yaml"]
    verbs = [command.split()[0] for command, _ in SESSIONS]
    assert verbs == [
        "doctor",
        "run",
        "sweep",
        "sweep",
        "run",
        "baseline",
        "baseline",
        "run",
        "badge",
    ]


@pytest.mark.parametrize("part", [*SLOW, *WRONG])
def test_every_part_of_a_command_is_one_of_some_command(part: str) -> None:
    assert any(part in command for command, _ in SESSIONS)
