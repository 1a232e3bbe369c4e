"""The command line: what it prints, what it writes, and with which code it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import jsonschema
import pytest

from leftovers import PATIENCE, ended, interruptible, marked, nothing_left
from trysquare import run
from trysquare.__main__ import main
from trysquare.backend import Target
from trysquare.cli.options import Code
from trysquare.command import campaign, doctor, rerun
from trysquare.command.progress import watched
from trysquare.errors import UsageError
from trysquare.planning.plan import Group
from trysquare.result import Check, Outcome, Result
from trysquare.results_file import read

ROOT = Path(__file__).parents[1]
SOURCES = os.pathsep.join(
    str(ROOT / name) for name in ("harness", "backends", "reports", "miniatures", "tests")
)
Results = Callable[[run.Session, Sequence[Group], Sequence[Target]], Iterator[Result]]
QUICK = ("run", "--backend", "numpy", "-k", "sigmoid", "--dtype", "float32", "--check", "cases")
LIES = "trysquare_miniatures.liars:drops_negative_zero"
LIAR = ("run", "--backend", LIES, "-k", "elu", "--dtype", "float32")
THREE_MISTAKES = """\
trysquare: 1
function: half
summary: Half of a number.
source:
  - Euclid
inputs:
  x: flaot
formula: x // 2
cases:
  - {name: one, x: 1.0, expect: 0.5, becuase: halves}
"""
CONTRADICTION = """\
trysquare: 1
function: half
summary: Half of a number.
source:
  - Euclid
inputs:
  x: float
formula: x / 2
cases:
  - {name: one, x: 1.0, expect: 0.5}
  - {name: two, x: 2.0, expect: 2.0}
"""


SOUND = CONTRADICTION.replace("expect: 2.0", "expect: 1.0")


@pytest.fixture(scope="module")
def lied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results file of a run against a backend that lies."""
    path = tmp_path_factory.mktemp("lied") / "results.jsonl"
    assert main([*LIAR, "--check", "cases", "-o", str(path)]) == Code.UNEXPECTED
    return path


def spec_file(folder: Path, text: str) -> Path:
    path = folder / "half.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def ending_after(count: int, error: BaseException) -> Results:
    """Return a replacement for the results of a session that ends by an exception."""
    genuine = run.Session.results

    def results(
        self: run.Session, groups: Sequence[Group], targets: Sequence[Target]
    ) -> Iterator[Result]:
        for number, result in enumerate(genuine(self, groups, targets)):
            if number == count:
                raise error
            yield result

    return results


def test_what_is_as_it_should_be_ends_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(QUICK) == Code.EXPECTED
    assert "✓ 0 unexpected" in capsys.readouterr().out


def test_what_is_unexpected_ends_with_1_and_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*LIAR, "--check", "cases"]) == Code.UNEXPECTED
    out = capsys.readouterr().out
    assert "✗ elu · cases: negative zero" in out
    assert "specs/activations/elu.yaml:" in out


def test_a_run_that_measured_nothing_ends_with_3(capsys: pytest.CaptureFixture[str]) -> None:
    nothing = ["run", "--backend", "numpy", "-k", "rrelu", "--check", "randomness"]
    assert main([*nothing, "--dtype", "float32"]) == Code.NOTHING
    assert "⚠ 0 unexpected" in capsys.readouterr().out


def test_a_backend_that_is_not_installed_is_missing_with_its_reason(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([*QUICK, "--backend", "not_there.module"]) == Code.NOTHING
    out = capsys.readouterr().out
    assert "⚠ 0 unexpected" in out
    assert (
        "⚠ ran 1 of 1 targets available here; "
        "asked for and not here: not_there.module (not_there is not installed)\n"
    ) in out


@pytest.mark.parametrize(
    ("arguments", "suggested"),
    [
        (["run", "--backend", "numpi"], "did you mean 'numpy'?"),
        (["run", "--backend", "nosuch"], "there are jax"),
        (["run", "-k", "sigmoit"], "did you mean 'sigmoid'?"),
        (["run", "--dtype", "float33"], "did you mean 'float32'?"),
        (["run", "--check", "case"], "did you mean 'cases'?"),
        (["run", "--bakend", "numpy"], "--backend"),
        (["run", "sigmoit"], "no such file; did you mean `-k sigmoid`?"),
        (["run", "leaky_relu"], "no such file; did you mean `-k leaky_relu`?"),
        (["check", "leaky_relu"], "activations/leaky_relu.yaml?"),
        (["show", "sigmoit"], "did you mean 'sigmoid'?"),
        (["doctor", "--backend", "numpi"], "did you mean 'numpy'?"),
    ],
    ids=" ".join,
)
def test_a_name_that_does_not_exist_ends_with_2_and_a_suggestion(
    arguments: list[str], suggested: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == Code.USAGE
    assert suggested in capsys.readouterr().err


def test_a_folder_that_does_not_exist_is_told_before_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(campaign, "Session", None)
    assert main([*QUICK, "--report", str(tmp_path / "no" / "report.html")]) == Code.USAGE
    assert "there is no folder" in capsys.readouterr().err


def test_an_interrupted_run_keeps_its_results_and_ends_with_130(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "results.jsonl"
    monkeypatch.setattr(run.Session, "results", ending_after(3, KeyboardInterrupt()))
    assert main([*QUICK, "-o", str(path)]) == Code.INTERRUPTED
    recorded = read(path)
    assert (len(recorded.results), recorded.footer) == (3, None)
    assert "incomplete" in capsys.readouterr().out


@contextmanager
def begun(path: Path, environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A run that has written two results, and judges therefore, and does not end by itself."""
    specs = [str(ROOT / "specs" / "activations" / name) for name in ("relu.yaml", "sigmoid.yaml")]
    words = ["--backend", "prey:never_ends_a_run", "--dtype", "float32", "-o", str(path)]
    command = [sys.executable, "-m", "trysquare", "run", *specs, *words]
    with interruptible():
        process = subprocess.Popen(
            command, env={**environment, "PYTHONPATH": SOURCES}, stdout=subprocess.PIPE
        )
    with ended(process):
        while not path.is_file() or path.read_text("utf-8").count('"type":"result"') < 2:
            assert process.poll() is None
            time.sleep(0.05)
        yield process


def test_a_signal_interrupts_a_run(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    with nothing_left() as environment, begun(path, environment) as process:
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == Code.INTERRUPTED
    assert b"incomplete" in out
    assert read(path).footer is None


def test_nobody_outlives_a_run_that_is_killed(tmp_path: Path) -> None:
    with nothing_left() as environment, begun(tmp_path / "results.jsonl", environment) as process:
        assert any("spawn_main" in command for command in marked(environment).values())
        assert any("workers.worker" in command for command in marked(environment).values())
        process.kill()


def test_a_fault_of_ours_ends_with_4_and_says_how_to_report_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run.Session, "results", ending_after(1, RuntimeError("odd")))
    assert main(QUICK) == Code.BUG
    err = capsys.readouterr().err
    assert "RuntimeError: odd" in err
    assert "This is a bug in Trysquare" in err


def test_the_same_seed_gives_the_same_results_but_for_times(tmp_path: Path) -> None:
    def records(name: str) -> list[object]:
        path = tmp_path / name
        assert main([*QUICK[:-2], "--seed", "7", "-o", str(path)]) == Code.EXPECTED
        lines = [json.loads(line) for line in path.read_text("ascii").splitlines()]
        for record in lines:
            for key in ("seconds", "started", "finished", "costs"):
                record.pop(key, None)
        return lines

    assert records("one") == records("two")


def test_every_line_of_results_fits_the_schema_that_is_printed(
    lied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "--schema"]) == Code.EXPECTED
    validator = jsonschema.Draft7Validator(json.loads(capsys.readouterr().out))
    lines = lied.read_text("ascii").splitlines()
    assert len(lines) > 10
    for line in lines:
        validator.validate(json.loads(line))


def test_a_run_writes_its_report(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    assert main([*QUICK, "--report", str(path)]) == Code.EXPECTED
    assert "sigmoid" in path.read_text("utf-8")


def test_a_report_is_made_from_a_results_file(lied: Path, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    assert main(["report", str(lied), "-o", str(path)]) == Code.EXPECTED
    assert path.read_text("utf-8").startswith("<!doctype html>")


def test_a_report_is_compared_with_a_baseline(lied: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    options = ["--baseline", str(lied), "-o", str(page)]
    assert main(["report", str(lied), *options]) == Code.EXPECTED
    assert "Compared with the run of" in page.read_text("utf-8")


def test_a_baseline_is_not_for_a_report_as_text(
    lied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(lied), "--baseline", str(lied), "--format", "text"]) == Code.USAGE
    assert "trysquare diff OLD NEW" in capsys.readouterr().err


def test_a_report_as_text_goes_to_the_terminal(
    lied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(lied), "--format", "text"]) == Code.EXPECTED
    assert "✓ ran 1 of 1 targets available here\n" in capsys.readouterr().out


def test_a_file_that_is_no_results_file_ends_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(spec_file(tmp_path, THREE_MISTAKES))]) == Code.USAGE
    assert "not a results file" in capsys.readouterr().err


def test_three_mistakes_in_a_spec_are_three_located_errors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = spec_file(tmp_path, THREE_MISTAKES)
    assert main(["check", str(path)]) == Code.USAGE
    captured = capsys.readouterr()
    heads = [line for line in captured.out.splitlines() if line.startswith(f"{path}:")]
    assert [head.removeprefix(f"{path}:").split(":")[0] for head in heads] == ["7", "8", "10"]
    assert "3 errors" in captured.err


def test_a_run_over_a_spec_with_mistakes_ends_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = spec_file(tmp_path, THREE_MISTAKES)
    assert main(["run", str(path), "--backend", "numpy"]) == Code.USAGE
    assert f"{path}:8:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("twice", "place", "message"),
    [
        (
            "definition: x + 2",
            "7:13",
            (
                r"formula and definition differ: at x = (\S+) the formula is (\S+), and the "
                r"definition (\S+)\n    7 . definition: x \+ 2\n      .             \^{5}\n"
            ),
        ),
        (
            "gradient: {x: 7}",
            "7:15",
            (
                r"the stated gradient of x is not the derivative: at cotangent = (\S+) it is "
                r"(\S+), and the derivative (\S+)\n    7 . gradient: {x: 7}\n"
                r"      .               \^\n"
            ),
        ),
    ],
)
@pytest.mark.parametrize("command", ["check", "run"])
def test_a_spec_that_contradicts_itself_is_an_error_at_its_line_with_a_point(
    command: str,
    twice: str,
    place: str,
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = (
        "trysquare: 1\nfunction: shifted\nsummary: One more.\nsource: none\n"
        f"inputs: {{x: float}}\nformula: x + 1\n{twice}\n"
        "cases: [{name: zero, x: 0.0, expect: 1.0}]\n"
    )
    path = tmp_path / "shifted.yaml"
    path.write_text(text)
    assert main([command, str(path), *([] if command == "check" else ["--backend", "numpy"])]) == 2
    printed = capsys.readouterr()
    found = re.search(f"shifted.yaml:{place}: error: {message}", printed.out + printed.err)
    assert found is not None, printed
    at, stated, other = map(float, found.groups())
    wanted = (at + 1, at + 2) if place == "7:13" else (7 * at, at)
    assert (stated, other) == pytest.approx(wanted, rel=1e-5)


def test_a_case_that_contradicts_the_formula_is_an_error_at_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = spec_file(tmp_path, CONTRADICTION)
    assert main(["check", str(path)]) == Code.USAGE
    out = capsys.readouterr().out
    assert f"{path}:11:" in out
    assert "case 'two' contradicts the formula: stated 2.0, the formula gives 1.0" in out
    assert "case 'one'" not in out


def test_a_mistake_in_one_file_hides_no_contradiction_in_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec_file(tmp_path, CONTRADICTION)
    (tmp_path / "key.yaml").write_text(SOUND.replace("formula:", "fromula:"), "utf-8")
    (tmp_path / "first.yaml").write_text(SOUND.replace("trysquare:", "trysqare:"), "utf-8")
    assert main(["check", str(tmp_path)]) == Code.USAGE
    out = capsys.readouterr().out
    assert "case 'two' contradicts the formula" in out
    assert "unknown key 'fromula'" in out
    assert "first.yaml:1:1: error: the first key of a spec is `trysquare`" in out


def test_a_page_shows_a_spec_of_ones_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", str(spec_file(tmp_path, SOUND))]) == Code.EXPECTED
    assert "Half of a number." in capsys.readouterr().out


def test_a_page_of_no_spec_is_a_located_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = spec_file(tmp_path, THREE_MISTAKES)
    assert main(["show", str(path)]) == Code.USAGE
    assert f"{path}:7:" in capsys.readouterr().err


def test_the_shipped_specs_have_no_mistakes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == Code.EXPECTED
    assert capsys.readouterr().out.endswith(" specs, 0 errors\n")


@pytest.mark.parametrize(
    ("what", "line"),
    [("backends", "numpy"), ("checks", "gradients"), ("functions", "sigmoid")],
)
def test_everything_that_exists_is_listed(
    what: str, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["list", what]) == Code.EXPECTED
    assert line in [row.split()[0] for row in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize(
    "said",
    [
        "x if x > 0 else alpha * expm1(x)",
        "alpha  1.0",
        "at x == 0 the derivative in x may also be 1, alpha",
        "tolerance: inherited",
        "celu  CELU",
        "negative zero: expm1(-0) is -0",
    ],
)
def test_a_page_says_what_the_spec_says(said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "elu"]) == Code.EXPECTED
    assert said in capsys.readouterr().out


def test_the_doctor_tells_what_a_target_can_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--backend", "numpy"]) == Code.EXPECTED
    out = capsys.readouterr().out
    assert "✓ numpy:cpu:formula" in out
    assert "return every special value bit for bit" in out


def test_the_doctor_offers_to_install_only_what_there_is_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    offered = 'pip install "trysquare[not_there.module]"'
    assert main(["doctor", "--backend", "not_there.module"]) == Code.NOTHING
    assert offered not in capsys.readouterr().out
    monkeypatch.setattr("trysquare.command.doctor.extras", lambda: ["not_there.module"])
    assert main(["doctor", "--backend", "not_there.module"]) == Code.NOTHING
    assert offered in capsys.readouterr().out


def test_what_the_doctor_offers_to_install_stands_in_pyproject() -> None:
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert "torch" in doctor.extras()
    assert {*doctor.extras()} <= stated["project"]["optional-dependencies"].keys()


def test_the_doctor_finds_a_function_whose_name_is_misspelt(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["doctor", "--backend", "fragile:misspelling"]) == Code.EXPECTED
    out = capsys.readouterr().out
    assert "✗ misspelling:cpu:eager" in out
    assert "'sigmoit' has no spec; did you mean 'sigmoid'?" in out
    assert "'softmaks' has no spec; did you mean 'softmax'?" in out
    assert "'mine'" not in out


def test_the_script_of_a_result_is_printed(
    lied: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, identity = with_script(lied, tmp_path, "assert 1 == 2\n")
    assert main(["repro", str(path), identity]) == Code.EXPECTED
    assert capsys.readouterr().out == "assert 1 == 2\n"


def test_the_script_of_a_result_runs_in_a_fresh_process(
    lied: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, identity = with_script(lied, tmp_path, "assert 1 == 2\n")
    result = rerun.find(read(path).results, identity)
    assert result.worst is not None
    got = float(result.worst.got.decimal).hex()
    script = f"print('got ', {result.worst.got.decimal}, '{got}')\nassert 1 == 2\n"
    path, identity = with_script(lied, tmp_path, script)
    assert main(["repro", str(path), identity, "--run"]) == Code.UNEXPECTED
    assert "confirmed: the divergence shows" in capsys.readouterr().out


def test_a_script_that_breaks_off_is_not_judged(
    lied: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, identity = with_script(lied, tmp_path, "nobody.imported(this)\n")
    assert main(["repro", str(path), identity, "--run"]) == Code.NOTHING
    assert "not judged: the script did not get so far" in capsys.readouterr().out


def test_who_names_no_result_is_told_which_there_are(
    lied: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, identity = with_script(lied, tmp_path, "assert 1 == 2\n")
    assert main(["repro", str(path)]) == Code.USAGE
    assert identity in capsys.readouterr().err


def with_script(results: Path, folder: Path, script: str) -> tuple[Path, str]:
    """Return results in which the first divergence has this reproduction, and its id."""
    lines = [json.loads(line) for line in results.read_text("ascii").splitlines()]
    found = next(line for line in lines if line.get("outcome") == Outcome.DIVERGES)
    found["reproduction"] = script
    path = folder / "results.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)) + "\n", "ascii")
    return path, found["id"]


def test_an_id_that_no_result_has_ends_with_2_and_a_suggestion(
    lied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    identity = next(r.id for r in read(lied).results if r.outcome is Outcome.CONFORMS)
    assert main(["repro", str(lied), identity + "s"]) == Code.USAGE
    assert f"did you mean '{identity}'?" in capsys.readouterr().err


def test_a_result_that_conforms_has_no_reproduction(lied: Path) -> None:
    results = read(lied).results
    identity = next(result.id for result in results if result.outcome is Outcome.CONFORMS)
    with pytest.raises(UsageError, match="has no reproduction"):
        rerun.script_of(rerun.find(results, identity))


def test_the_text_of_an_issue_has_the_script_and_the_numbers(
    lied: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, identity = with_script(lied, tmp_path, "assert 1 == 2\n")
    assert main(["repro", str(path), identity, "--format", "issue"]) == Code.EXPECTED
    printed = capsys.readouterr().out
    assert "```python\nassert 1 == 2\n```\n" in printed
    assert re.search(r"\| got \| \S+ \| 0x[0-9a-f]{8} \|", printed)
    assert re.search(r"\| want \| \S+ \| 0x[0-9a-f]{8} \|", printed)


def test_there_is_no_issue_about_what_conforms(
    lied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    identity = next(r.id for r in read(lied).results if r.outcome is Outcome.CONFORMS)
    assert main(["repro", str(lied), identity, "--format", "issue"]) == Code.USAGE
    assert "is nothing to report" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("script", "evidence"),
    [
        ("assert 1 == 2", rerun.Evidence.CONFIRMED),
        ("import os; os.abort()", rerun.Evidence.CONFIRMED),
        ("assert 1 == 1", rerun.Evidence.GONE),
        ("import not_there", rerun.Evidence.UNKNOWN),
        ("import trysquare", rerun.Evidence.UNKNOWN),
        ("from trysquare.spec import Spec", rerun.Evidence.UNKNOWN),
    ],
)
def test_a_reproduction_confirms_only_what_it_shows(script: str, evidence: rerun.Evidence) -> None:
    assert rerun.rerun(script)[0] is evidence


def test_a_log_gets_no_line_in_the_first_minute(lied: Path, tmp_path: Path) -> None:
    results = read(lied).results
    with (tmp_path / "log").open("w+", encoding="utf-8") as stream:
        assert tuple(watched(results, 1, stream)) == results
        assert stream.tell() == 0


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_what_answers_at_once_imports_no_template_and_no_terminal_library(option: str) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "trysquare", option],
        env={**os.environ, "PYTHONPATH": SOURCES},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    loaded = {
        line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()
    }
    assert "click" in loaded
    assert not loaded & {"rich", "jinja2", "jsonschema", "yaml", "numpy"}


@pytest.mark.parametrize(
    ("backend", "reason"),
    [
        ("fragile:dies_at_once", "ended with exit code 7"),
        ("fragile:nosuch", "AttributeError: nosuch"),
        ("json:loads", "json holds no backend"),
    ],
)
def test_a_broken_backend_ends_with_1_after_the_rest_ran(
    backend: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*QUICK, "--backend", backend]) == Code.UNEXPECTED
    out = capsys.readouterr().out
    assert "✗ 0 unexpected · 1 error" in out
    assert "⚠ ran 1 of 2 targets available here; broken: " + backend in out
    assert reason in out


def test_only_targets_that_were_asked_are_told(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    asked = ("--target", "fragile:literate:cpu:other", "--dtype=float32", "--check=cases")
    assert main(["run", "-k", "relu", *asked, "-o", str(path)]) == Code.UNEXPECTED
    told = read(path)
    assert [one.target for one in told.header.targets] == ["literate:cpu:other"]
    assert {one.target for one in told.results} == {"literate:cpu:other"}


def test_two_backends_of_one_name_are_refused() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "trysquare", *QUICK, "--backend", "trysquare_backends.numpy"],
        env={**os.environ, "PYTHONPATH": SOURCES},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == Code.USAGE
    assert "two backends call a target numpy:cpu:formula" in done.stderr


@pytest.mark.parametrize("command", [[], ["--run"]], ids=["printed", "run"])
def test_a_script_does_not_steer_the_terminal(
    command: list[str], lied: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = "print('\x1b[2J\\x1b]0;title\\x07')\n"
    path, identity = with_script(lied, tmp_path, script)
    assert main(["repro", str(path), identity, *command]) == Code.EXPECTED
    assert {c for c in capsys.readouterr().out if not c.isprintable()} == {"\n"}


def test_an_error_does_not_steer_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(tmp_path / "\x1b[2J")]) == Code.USAGE
    assert "\x1b" not in capsys.readouterr().err


def test_the_help_says_whose_code_a_reproduction_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["repro", "--help"]) == Code.EXPECTED
    assert "only for files that you trust" in " ".join(capsys.readouterr().out.split())


def test_results_and_report_are_two_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = ["-o", str(tmp_path / "x"), "--report", str(tmp_path / "." / "x")]
    assert main([*QUICK, *both]) == Code.USAGE
    assert "cannot be one file" in capsys.readouterr().err


@pytest.mark.parametrize("form", ["html", "text"])
def test_a_report_does_not_replace_its_results(form: str, lied: Path, tmp_path: Path) -> None:
    path = tmp_path / "results.html"
    path.write_bytes(lied.read_bytes())
    assert main(["report", str(path), "--format", form, "-o", str(path)]) == Code.USAGE
    assert main(["report", str(path)]) == Code.USAGE
    assert path.read_bytes() == lied.read_bytes()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--seed", "-1"],
        ["--timeout", "nan"],
        ["--timeout", "inf"],
        ["--timeout", "0"],
        ["--backend", ","],
        ["--backend", ""],
    ],
    ids=" ".join,
)
def test_an_option_that_makes_no_sense_ends_with_2(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(campaign, "Session", None)
    assert main(["run", *arguments]) == Code.USAGE


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_ends_with_2_and_says_what_was_kept(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([*QUICK, "-o", "/dev/full"]) == Code.USAGE
    err = capsys.readouterr().err
    assert "/dev/full: cannot be written: No space left on device" in err
    assert "it holds the first 0 records" in err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_output_that_cannot_be_written_ends_with_2() -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [sys.executable, "-m", "trysquare", "list", "checks"],
            env={**os.environ, "PYTHONPATH": SOURCES},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=120,
        )
    assert done.returncode == Code.USAGE
    assert done.stderr == "trysquare: output cannot be written: No space left on device\n"


def test_a_quick_run_is_float32_without_the_thorough_checks(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    assert main(["run", "--profile", "quick", *QUICK[1:5], "-o", str(path)]) == Code.EXPECTED
    found = read(path).results
    assert {one.dtype for one in found} == {"float32"}
    assert {one.check for one in found} == {
        Check.CASES,
        Check.VALUES,
        Check.GRADIENTS,
        Check.DEFAULTS,
    }
