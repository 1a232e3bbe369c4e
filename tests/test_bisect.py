"""Versions of a package, each in an environment of its own: which of them changed an answer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import pytest

import fake_run
from trysquare import results_file
from trysquare.__main__ import main
from trysquare.cli.options import Code
from trysquare.command import versions
from trysquare.command.versions import Asked, listed, measure
from trysquare.errors import UsageError
from trysquare.record import TargetRecord

PACKAGE = "fakework"
SOURCE = """\
from trysquare_backends.numpy import NumPy

class Fake(NumPy):
    name = package = "fakework"

    def value(self, spec, call, tensors):
        return super().value(spec, call, tensors) * {factor}

backend = Fake()
"""
BISECT = ("bisect", "relu", "--package", PACKAGE, "--backend", f"{PACKAGE}:backend")


def wheel(folder: Path, version: str, factor: float) -> None:
    """Write a wheel whose only module is a backend that multiplies right answers by a factor."""
    info = f"{PACKAGE}-{version}.dist-info"
    kind = "Wheel-Version: 1.0\nGenerator: a test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files = {
        f"{PACKAGE}.py": SOURCE.format(factor=factor),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: {version}\n",
        f"{info}/WHEEL": kind,
    }
    record = "".join(f"{name},,\n" for name in (*files, f"{info}/RECORD"))
    with ZipFile(folder / f"{PACKAGE}-{version}-py3-none-any.whl", "w") as archive:
        for name, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(name, text)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all that pip finds."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    return tmp_path


def test_the_version_that_changes_an_answer_is_named(
    index: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for version, factor in (("1.0", 1), ("2.0", 2)):
        wheel(index, version, factor)
    profile = ("--profile", "quick")
    assert main([*BISECT, *profile, "--versions", "1.0,2.0"]) == Code.UNEXPECTED
    printed = capsys.readouterr().out
    assert "fakework 1.0 · numpy:cpu:formula 1.0\n" in printed
    assert "fakework 1.0 → 2.0" in printed
    assert "regressed (" in printed
    assert printed.endswith("relu: changed in fakework 2.0\n")


@pytest.mark.usefixtures("index")
def test_what_pip_cannot_install_is_told() -> None:
    found = measure(Asked("relu", PACKAGE, f"{PACKAGE}:backend"), "3.0")
    assert found.run is None
    assert found.fault.startswith(f"pip could not install {PACKAGE}==3.0: ")
    assert f"No matching distribution found for {PACKAGE}==3.0" in found.fault


def test_a_version_with_which_no_target_runs_is_not_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken = TargetRecord(PACKAGE, available=False, reason="ImportError: old", broken=True)
    header = replace(fake_run.run().header, targets=(broken,))

    def ran(command: list[str], good: tuple[int, ...] = (0,)) -> str:
        if good != (0,):
            Path(command[-1]).write_text(results_file.line(header), "ascii")
        return ""

    monkeypatch.setattr(versions, "_fault", ran)
    found = measure(Asked("relu", PACKAGE, PACKAGE), "1.0")
    assert found.run is None
    assert found.fault == f"no target runs with {PACKAGE}==1.0: {PACKAGE}: ImportError: old"


@pytest.mark.parametrize("wanted", ["1.0", "", "1.0,--pre", "1.0,https://a.example/x.whl"])
def test_versions_that_cannot_be_compared_are_refused(wanted: str) -> None:
    with pytest.raises(UsageError):
        listed(PACKAGE, wanted)


def test_a_function_without_a_spec_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["bisect", "relo", "--package", PACKAGE, "--versions", "1.0,2.0"]
    assert main(arguments) == Code.USAGE
    assert "did you mean 'relu'?" in capsys.readouterr().err
