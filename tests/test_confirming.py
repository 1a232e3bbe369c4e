"""Every reproduction of a run is run by itself, and confirms only what was recorded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

import fake_run
from trysquare import results_file
from trysquare.cli.reviewing import repro
from trysquare.command.confirming import confirm
from trysquare.command.rerun import Evidence
from trysquare.record import Record
from trysquare.result import Number, Result, Symptom

TWO = 'got = 2.0\nprint("got ", got, got.hex())\nassert got == 1\n'
HERE = 'print("here     ", 2.0, (2.0).hex())\nassert False\n'
RAISED = 'import json\njson.loads("{")\n'


def found(script: str, symptom: Symptom = Symptom.INACCURATE, got: str = "0x40000000") -> Result:
    """Return a result in float32 with this script, whose answer was 2.0 or other bits."""
    result = fake_run.diverging(fake_run.result())
    assert result.worst is not None
    worst = replace(result.worst, got=Number("2.0", got))
    return replace(result, reproduction=script, symptom=symptom, worst=worst, id=script)


def shown(*results: Result) -> list[Evidence]:
    return [one.evidence for one in confirm(results)]


@pytest.mark.parametrize(
    ("result", "evidence"),
    [
        (found(TWO), Evidence.CONFIRMED),
        (found(TWO, got="0x40000001"), Evidence.OTHER),
        (found(TWO.replace("2.0", "float('nan')"), got="0xffc00001"), Evidence.CONFIRMED),
        (found(TWO.replace("2.0", "2.0 + 2**-40")), Evidence.CONFIRMED),
        (found(TWO.replace("got.hex()", "'much'")), Evidence.OTHER),
        (found(HERE, Symptom.BITS), Evidence.CONFIRMED),
        (found(HERE, Symptom.BITS, "0xc0000000"), Evidence.OTHER),
        (found("assert True"), Evidence.GONE),
        (found("gut = (2.0).shape"), Evidence.UNKNOWN),
        (found("gut = (2.0).shape", Symptom.SHAPE), Evidence.UNKNOWN),
        (found("import not_there"), Evidence.UNKNOWN),
        (found("import trysquare"), Evidence.UNKNOWN),
        (found("import os; os.abort()"), Evidence.UNKNOWN),
        (replace(found("import os; os.abort()"), symptom=None), Evidence.CONFIRMED),
        (replace(found(RAISED, Symptom.RAISED), reason="JSONDecodeError: no"), Evidence.CONFIRMED),
        (replace(found(RAISED, Symptom.RAISED), reason="TypeError: no"), Evidence.OTHER),
        (found("this is no Python"), Evidence.UNKNOWN),
    ],
)
def test_a_script_confirms_only_what_was_recorded(result: Result, evidence: Evidence) -> None:
    assert shown(result) == [evidence]


def test_a_script_that_python_warns_of_is_read_in_silence(recwarn: pytest.WarningsRecorder) -> None:
    odd = f"late = 1if '\\d' else 2\nimport json\n{TWO}"
    assert shown(found(odd)) == [Evidence.CONFIRMED]
    assert not recwarn.list


@pytest.mark.parametrize("deep", ["(" * 300, "-" * 5_000 + "1"])
def test_a_script_that_python_cannot_read_is_run_all_the_same(deep: str) -> None:
    assert shown(found(f"{deep}\nimport json\n")) == [Evidence.UNKNOWN]


def test_no_script_sees_what_another_did() -> None:
    spoils = "import json, os\njson.dumps = None\nos.environ['SPOILT'] = '1'\n" + TWO
    asks = "import json, os\nassert json.dumps and 'SPOILT' not in os.environ\n" + TWO
    assert shown(found(spoils), found(asks)) == [Evidence.CONFIRMED] * 2


def test_a_script_that_dies_leaves_the_others_alone() -> None:
    dies = "import os\nos.abort()\n"
    after = "import os\n" + TWO
    assert shown(found(dies), found(after)) == [Evidence.UNKNOWN, Evidence.CONFIRMED]


def test_the_command_names_what_does_not_reproduce(tmp_path: Path) -> None:
    good, bad = found(TWO), replace(found("assert True"), id="gelu/gone")
    path = tmp_path / "results.jsonl"
    records: list[Record] = [fake_run.run().header, good, bad]
    path.write_text("\n".join(map(results_file.line, records)), "ascii")
    asked = CliRunner().invoke(repro, [str(path), "--run"], standalone_mode=False)
    assert asked.return_value == 1
    assert "only a part of a run: the run did not end" in asked.output
    assert f"gelu/gone: {Evidence.GONE}" in asked.output
    assert "1 confirmed: the divergence shows" in asked.output
    only = CliRunner().invoke(repro, [str(path), "got*", "--run"], standalone_mode=False)
    assert (only.return_value, "gelu/gone" in only.output) == (0, False)
    nothing = CliRunner().invoke(repro, [str(path), "none*", "--run"], standalone_mode=False)
    assert nothing.return_value == 3
    assert nothing.stdout == "no divergence to reproduce\n"
