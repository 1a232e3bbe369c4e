"""The workflow and the action: what they say is there, and their scripts do what they promise."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import click
import pytest
import yaml

from trysquare.__main__ import cli
from trysquare.loading import available
from trysquare.results_file import read

ROOT = Path(__file__).parents[1]
SOURCES = os.pathsep.join(
    str(ROOT / name) for name in ("harness", "backends", "reports", "miniatures")
)
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
WORKFLOW = yaml.safe_load(
    (ROOT / ".github" / "workflows" / "conformance.yml").read_text(encoding="utf-8")
)
MEASURE, MERGE = WORKFLOW["jobs"]["measure"], WORKFLOW["jobs"]["merge"]
STEPS = [*ACTION["runs"]["steps"], *MEASURE["steps"], *MERGE["steps"]]
SCRIPTS = [step["run"] for step in STEPS if "run" in step]
LIES = "trysquare_miniatures.liars:drops_negative_zero"
BASH = shutil.which("bash") or "bash"
SMALL = {"FUNCTIONS": "elu\nrelu", "DTYPES": "float32", "CHECKS": "cases"}


def named(steps: list[dict[str, Any]], name: str) -> str:
    (script,) = (step["run"] for step in steps if step.get("name") == name)
    return str(script)


RUN = named(ACTION["runs"]["steps"], "Run")
INSTALLING = named(ACTION["runs"]["steps"], "Install")
JOINING = named(MERGE["steps"], "Merge")
REPORTING = named(MERGE["steps"], "Report")


def expressions(value: object) -> Iterator[str]:
    """Every `${{ ... }}` in a document."""
    if isinstance(value, Mapping):
        for item in value.values():
            yield from expressions(item)
    elif isinstance(value, list):
        for item in value:
            yield from expressions(item)
    elif isinstance(value, str):
        yield from re.findall(r"\$\{\{(.*?)\}\}", value)


@pytest.mark.parametrize("script", SCRIPTS)
def test_no_script_is_made_of_what_somebody_typed(script: str) -> None:
    assert "${{" not in script


def test_the_matrix_has_every_backend_and_every_shard() -> None:
    matrix = MEASURE["strategy"]["matrix"]
    assert sorted(matrix["framework"]) == available()
    assert matrix["shard"] == list(range(1, len(matrix["shard"]) + 1))
    (action,) = (step["with"] for step in MEASURE["steps"] if step.get("uses") == "./")
    assert action["shard"] == f"${{{{ matrix.shard }}}}/{len(matrix['shard'])}"
    assert MEASURE["strategy"]["fail-fast"] is False


def test_every_extra_exists_and_every_framework_that_needs_one_has_it() -> None:
    with (ROOT / "pyproject.toml").open("rb") as stream:
        there = tomllib.load(stream)["project"]["optional-dependencies"]
    matrix = MEASURE["strategy"]["matrix"]
    extras = {one["framework"]: one["extras"].split(",") for one in matrix["include"]}
    assert {name for names in extras.values() for name in names} <= set(there)
    without = set(matrix["framework"]) - set(extras)
    assert all(name.startswith("numpy") for name in without)


def test_the_merge_runs_whatever_became_of_the_parts_and_knows_how_many_there_are() -> None:
    assert MERGE["needs"] == "measure"
    assert MERGE["if"] == "${{ !cancelled() }}"
    assert MEASURE["outputs"] == {"parts": "${{ strategy.job-total }}"}
    (merging,) = (step for step in MERGE["steps"] if step.get("name") == "Merge")
    assert merging["env"] == {"PARTS": "${{ needs.measure.outputs.parts }}"}


def test_the_workflow_may_only_read() -> None:
    assert WORKFLOW["permissions"] == {"contents": "read"}


def test_the_workflow_gives_the_action_only_what_it_takes() -> None:
    (given,) = (step["with"] for step in MEASURE["steps"] if step.get("uses") == "./")
    assert set(given) <= set(ACTION["inputs"])
    needed = {name for name, one in ACTION["inputs"].items() if one.get("required")}
    assert needed <= set(given)


def test_the_action_reads_only_inputs_and_steps_that_it_has() -> None:
    ids = {step["id"] for step in ACTION["runs"]["steps"] if "id" in step}
    words = " ".join(expressions(ACTION))
    assert set(re.findall(r"inputs\.([\w-]+)", words)) == set(ACTION["inputs"])
    assert set(re.findall(r"steps\.([\w-]+)", words)) <= ids


def test_every_step_of_the_action_with_a_script_names_its_shell() -> None:
    assert all(step["shell"] == "bash" for step in ACTION["runs"]["steps"] if "run" in step)


# --- the scripts, run


class Machine:
    """A folder in which bash runs a script as a runner would."""

    def __init__(self, folder: Path, program: str) -> None:
        self.folder = folder
        (folder / "bin").mkdir()
        command = folder / "bin" / "trysquare"
        command.write_text(f"#!/bin/bash\n{program}\n", encoding="utf-8")
        command.chmod(0o755)
        self.summary, self.outputs = folder / "summary.md", folder / "outputs"

    def run(self, script: str, **variables: str) -> int:
        """Return the exit code of a script."""
        done = subprocess.run(
            [BASH, "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
            cwd=self.folder,
            env={
                **os.environ,
                "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
                "PYTHONPATH": SOURCES,
                "GITHUB_ACTIONS": "true",
                "GITHUB_OUTPUT": str(self.outputs),
                "GITHUB_STEP_SUMMARY": str(self.summary),
                **variables,
            },
            capture_output=True,
            check=False,
            timeout=120,
        )
        return done.returncode


INPUTS = {
    **dict.fromkeys(("FUNCTIONS", "DTYPES", "CHECKS", "SHARD", "BASELINE"), ""),
    "FOLDER": ".",
    "PROFILE": "full",
    "RESULTS": "results.jsonl",
}


def calls(folder: Path) -> list[list[str]]:
    """The arguments of every call of a program that only writes them down."""
    return [json.loads(line) for line in (folder / "calls").read_text().splitlines()]


@pytest.fixture
def noting(tmp_path: Path) -> Machine:
    """A machine whose trysquare writes down how it is called, and a file for each of its names."""
    note = "import json, sys; print(json.dumps(sys.argv[1:]))"
    program = f'{sys.executable} -c "{note}" "$@" >> calls; echo x > results.jsonl'
    return Machine(tmp_path, program)


def test_every_call_in_a_script_is_one_that_the_command_line_takes(
    noting: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = {
        "FUNCTIONS": "elu\n'; exit 9 #\n",
        "DTYPES": "float32",
        "CHECKS": "cases\nvalues",
        "SHARD": "1/2",
        "BASELINE": "base line.yaml",
        "BACKEND": LIES,
    }
    (noting.folder / "parts").mkdir()
    (noting.folder / "parts" / "one.jsonl").touch()
    assert noting.run(RUN, **{**INPUTS, **everything}) == 0
    assert noting.run(JOINING, PARTS="1") == 0
    assert noting.run(REPORTING) == 0
    found = calls(noting.folder)
    assert [call[0] for call in found] == [
        *("run", "report", "badge"),
        "merge",
        *("report", "report", "report", "badge"),
    ]
    monkeypatch.chdir(noting.folder)
    for name, *arguments in found:
        cli.commands[name].make_context(name, list(arguments))
    assert found[0][found[0].index("--function") :] == [
        *("--function", "elu", "--function", "'; exit 9 #", "--dtype", "float32"),
        *("--check", "cases", "--check", "values", "--shard", "1/2"),
        *("--baseline", "base line.yaml"),
    ]


def test_what_is_installed_is_the_action_itself_with_extras_and_what_was_asked_for(
    noting: Machine,
) -> None:
    pip = noting.folder / "bin" / "python"
    pip.write_text((noting.folder / "bin" / "trysquare").read_text())
    pip.chmod(0o755)
    given = {"GITHUB_ACTION_PATH": "/actions/./", "EXTRAS": "torch,jax", "CONSTRAINTS": "c.txt"}
    assert noting.run(INSTALLING, **given, INSTALL=".\nmy package>=1; x\n\n") == 0
    assert noting.run(INSTALLING, **{**given, "EXTRAS": "", "CONSTRAINTS": ""}, INSTALL="") == 0
    first, second = (call[call.index("off") + 1 :] for call in calls(noting.folder))
    assert first == [
        *("/actions/./[torch,jax]", ".", "my package>=1; x", "--constraint", "c.txt"),
    ]
    assert second == ["/actions/./"]


def test_the_page_on_reviewing_gives_the_action_only_what_it_takes() -> None:
    page = (ROOT / "docs" / "reviewing.md").read_text(encoding="utf-8")
    (block,) = (
        text for text in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if "uses" in text
    )
    given = yaml.safe_load(block)["jobs"]["conformance"]["steps"][1]["with"]
    assert set(given) <= set(ACTION["inputs"])
    for name in ("functions", "dtypes", "checks", "profile", "shard"):
        assert name in ACTION["inputs"]


def test_an_option_that_is_not_there_is_found() -> None:
    with pytest.raises(click.NoSuchOption):
        cli.commands["report"].make_context("report", ["x.jsonl", "--no-such-option"])


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """A machine on which two parts of a run of a liar were measured."""
    program = f'exec {sys.executable} -m trysquare "$@"'
    machine = Machine(tmp_path_factory.mktemp("real"), program)
    (machine.folder / "parts").mkdir()
    asked = {**INPUTS, **SMALL, "BACKEND": LIES}
    codes = [
        machine.run(RUN, **{**asked, "SHARD": f"{part}/2", "RESULTS": f"parts/{part}.jsonl"})
        for part in (1, 2)
    ]
    assert set(codes) <= {0, 1}
    assert 1 in codes
    assert machine.outputs.read_text() == "".join(f"code={code}\n" for code in codes)
    return machine


def test_the_action_leaves_results_and_reports(real: Machine) -> None:
    names = {path.name for path in (real.folder / "parts").iterdir()}
    ends = ("jsonl", "html", "xml", "svg", "badge.json")
    assert names == {f"{part}.{end}" for part in (1, 2) for end in ends}
    assert real.summary.read_text(encoding="utf-8").count("## ") >= 2


def test_the_parts_become_one_report_that_says_what_failed(real: Machine) -> None:
    assert real.run(JOINING, PARTS="2") == 1
    real.summary.unlink()
    assert real.run(REPORTING) == 0
    assert real.summary.read_text(encoding="utf-8").startswith("## ✗ ")
    assert list(ET.parse(real.folder / "junit.xml").iter("failure"))  # noqa: S314 - we wrote it
    assert json.loads((real.folder / "badge.json").read_text())["isError"] is True
    assert (real.folder / "report.html").exists()


@pytest.mark.parametrize(("parts", "code"), [("3", 3), ("1", 2), ("", 2)])
def test_a_part_that_never_arrived_is_no_success(real: Machine, parts: str, code: int) -> None:
    assert real.run(JOINING, PARTS=parts) == code
    if code == 3:
        assert read(real.folder / "results.jsonl").footer is None


def test_a_run_that_is_refused_leaves_its_code(real: Machine) -> None:
    refused = {**INPUTS, "BACKEND": "nobody", "RESULTS": "nothing.jsonl"}
    assert real.run(RUN, **refused) == 2
    assert not (real.folder / "nothing.html").exists()
