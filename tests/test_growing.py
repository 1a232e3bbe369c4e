"""The recipes for more machines do what the page says, as far as that goes without the machines."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from trysquare.__main__ import cli
from trysquare.result import Outcome
from trysquare.results_file import read

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "growing.md").read_text(encoding="utf-8")
RECIPES = dict(re.findall(r"`([\w./]+)`:\n\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
SOURCES = os.pathsep.join(str(ROOT / name) for name in ("harness", "backends", "reports"))
NOTE = """#!{python}
import json, pathlib, sys
words = sys.argv[1:]
pathlib.Path(words[words.index("-o") + 1]).write_text('{{"type":"footer"}}\\n')
with pathlib.Path({calls!r}).open("a") as file:
    print(json.dumps(words), file=file)
sys.exit({code})
"""
REAL = '#!/bin/sh\nexec {python} -m trysquare "$@"\n'


class Machine:
    """A folder, in which scripts run, and a program that is called trysquare."""

    def __init__(self, folder: Path, program: str = NOTE, code: int = 0) -> None:
        self.folder, self.calls = folder, folder / "calls"
        path = folder / "bin" / "trysquare"
        path.parent.mkdir(exist_ok=True)
        path.write_text(program.format(python=sys.executable, calls=str(self.calls), code=code))
        path.chmod(0o755)

    def run(self, *command: str, **variables: str) -> int:
        """Run a command; return its exit code."""
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        known = {"PATH": path, "PYTHONPATH": SOURCES, "XDG_CACHE_HOME": str(self.folder)}
        return subprocess.run(
            command, cwd=self.folder, env={**os.environ, **known, **variables}, check=False,
            capture_output=True, timeout=120,
        ).returncode  # fmt: skip

    def script(self, text: str, **variables: str) -> int:
        """Run a script as the page shows it."""
        path = self.folder / "script"
        path.write_text(text)
        return self.run("bash", str(path), **variables)

    @property
    def called(self) -> list[list[str]]:
        """With which words trysquare was called; they have to be such as it takes."""
        found = [json.loads(line) for line in self.calls.read_text().splitlines()]
        for name, *words in found:
            cli.commands[name].make_context(name, list(words))
        return found


def shards(called: list[list[str]]) -> list[str]:
    return [words[words.index("--shard") + 1] for words in called if "--shard" in words]


def test_the_page_has_a_recipe_for_each() -> None:
    names = [".github/workflows/shards.yml", "shards.sbatch", "merge.sbatch", "shards.yaml"]
    assert [*RECIPES] == names


# --- CI


def steps(job: dict[str, Any]) -> list[dict[str, Any]]:
    """The steps that are scripts of ours; pip would ask a server."""
    scripts = [step for step in job["steps"] if "run" in step]
    assert all("uses" in step for step in job["steps"] if step not in scripts)
    return [step for step in scripts if not step["run"].startswith("pip install")]


def test_a_matrix_asks_for_every_shard_once_and_merges_what_it_wrote(tmp_path: Path) -> None:
    workflow = yaml.safe_load(RECIPES[".github/workflows/shards.yml"])
    machine = Machine(tmp_path, code=1)
    known = {name: str(value) for name, value in workflow["env"].items()}
    job, merge = workflow["jobs"]["shard"], workflow["jobs"]["merge"]
    asked = job["strategy"]["matrix"]["shard"]
    assert asked == [*range(1, int(known["SHARDS"]) + 1)]
    (step,) = steps(job)
    ((name, value),) = step["env"].items()
    assert value == "${{ matrix.shard }}"
    for shard in asked:
        assert machine.run("bash", "-ec", step["run"], **known, **{name: str(shard)}) == 0
        uploaded = job["steps"][-1]["with"]["path"].replace(value, str(shard))
        (tmp_path / "shards").mkdir(exist_ok=True)
        (tmp_path / uploaded).rename(tmp_path / "shards" / uploaded)
    assert shards(machine.called) == ["1/4", "2/4", "3/4", "4/4"]
    (step,) = steps(merge)
    assert machine.run("bash", "-ec", step["run"], **known) == 1
    assert machine.called[-1] == [
        *("merge", *(f"shards/{shard}.jsonl" for shard in asked)),
        *("--expect", "4", "-o", "results.jsonl"),
    ]


def test_a_shard_that_fails_is_a_failure_of_its_job(tmp_path: Path) -> None:
    workflow = yaml.safe_load(RECIPES[".github/workflows/shards.yml"])
    (step,) = steps(workflow["jobs"]["shard"])
    known = {**{name: str(value) for name, value in workflow["env"].items()}, "SHARD": "1"}
    assert Machine(tmp_path, code=2).run("bash", "-ec", step["run"], **known) != 0


# --- SLURM


def test_an_array_of_slurm_asks_for_every_shard_and_what_has_ended_no_more(tmp_path: Path) -> None:
    script = RECIPES["shards.sbatch"]
    ((low, high),) = re.findall(r"^#SBATCH --array=(\d+)-(\d+)$", script, re.MULTILINE)
    assert re.findall(r"^SHARDS=(\d+)", script, re.MULTILINE) == [high]
    assert f"--expect {high} " in RECIPES["merge.sbatch"]
    machine = Machine(tmp_path)
    for task in (low, high, high):
        assert machine.script(script, SLURM_ARRAY_TASK_ID=task) == 0
    assert shards(machine.called) == [f"1/{high}", f"{high}/{high}"]
    assert all("--resume" in words for words in machine.called)
    Machine(tmp_path, code=2)
    assert machine.script(script, SLURM_ARRAY_TASK_ID="2") != 0


def test_the_scripts_of_slurm_end_with_the_results_of_the_run(tmp_path: Path) -> None:
    machine = Machine(tmp_path, REAL)
    little = "run --backend numpy -k relu --dtype float32 --check cases --check edges"
    script = re.sub(r'^ASK=".*"$', f'ASK="{little}"', RECIPES["shards.sbatch"], flags=re.MULTILINE)
    script = script.replace("SHARDS=16", "SHARDS=2")
    merge = RECIPES["merge.sbatch"].replace("--expect 16", "--expect 2")
    assert machine.script(script, SLURM_ARRAY_TASK_ID="2") == 0
    assert machine.script(merge) == 3
    assert machine.script(script, SLURM_ARRAY_TASK_ID="1") == 0
    assert machine.script(merge) == 0
    run = read(tmp_path / "results.jsonl")
    assert {str(result.check) for result in run.results} == {"cases", "edges"}
    assert {result.outcome for result in run.results} == {Outcome.CONFORMS}
    assert run.footer is not None
    assert run.footer.costs is not None


# --- Kubernetes


def test_an_indexed_job_of_kubernetes_asks_for_every_shard(tmp_path: Path) -> None:
    job = yaml.safe_load(RECIPES["shards.yaml"])
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "Job")
    spec = job["spec"]
    assert spec["completionMode"] == "Indexed"
    (container,) = spec["template"]["spec"]["containers"]
    known = {one["name"]: one["value"] for one in container["env"]}
    assert int(known["SHARDS"]) == spec["completions"]
    assert known["RESULTS"] in {one["mountPath"] for one in container["volumeMounts"]}
    # Kubernetes would look for a variable
    assert not any("$(" in text for text in (*container["command"], *container["args"]))
    machine = Machine(tmp_path)
    for index in (0, spec["completions"] - 1):
        here = {**known, "RESULTS": str(tmp_path), "JOB_COMPLETION_INDEX": str(index)}
        assert machine.run(*container["command"], *container["args"], **here) == 0
    assert shards(machine.called) == ["1/16", "16/16"]


# --- what else the page says


@pytest.mark.parametrize(
    "words",
    [
        line.partition("#")[0].split()
        for line in re.findall(r"^(?:    |\$ )trysquare (.*)$", PAGE, re.MULTILINE)
    ],
    ids=" ".join,
)
def test_every_command_on_the_page_is_one_that_the_command_line_takes(words: list[str]) -> None:
    command: Any = cli
    rest = shlex.split(" ".join(words))
    while rest and hasattr(command, "commands"):
        command = command.commands[rest.pop(0)]
    command.make_context(command.name, rest)
