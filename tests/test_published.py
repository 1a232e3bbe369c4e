"""A published figure is reproduced, known to be wrong, of another code path, or false."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from trysquare.__main__ import main
from trysquare.audit import published
from trysquare.audit.published import Claim, claims, read
from trysquare.audit.reproducing import Verdict, reproduce
from trysquare.errors import SpecErrors, UsageError
from trysquare.spec import Place
from workshop import SPECS

TARGET = "numpy:cpu:formula"
HEAD = f"trysquare: 1\ntarget: {TARGET}\nclaims:\n"
ENTRY = (
    "  - {function: sigmoid, dtype: float32, at: {x: 1.0}, ulp: 0.5, says: that,\n"
    "     source: https://example.org/a}\n"
)


def claim(ulp: str, function: str = "sigmoid", **changes: object) -> Claim:
    stated: dict[str, object] = {
        "target": TARGET,
        "function": function,
        "dtype": "float32",
        "parameters": {},
        "at": {"x": "1.0"},
        "ulp": ulp,
        "says": "the largest error",
        "source": "https://example.org",
        "where": {},
        "found": "",
        "because": "",
        "place": Place(Path("numpy.published.yaml"), 5, 3),
        **changes,
    }
    return Claim(**stated)  # type: ignore[arg-type]


def verdict(one: Claim) -> Verdict:
    (measured,) = reproduce([one], SPECS)
    return measured.verdict


# the reference rounds once: 1 / (1 + exp(-1)) is 0.3015 ulp from its float32
def test_a_true_figure_is_reproduced_to_its_last_digit() -> None:
    (exactly,) = reproduce([claim("0")], SPECS)
    digits = f"{exactly.ulp:.4f}"
    assert verdict(claim(digits)) is Verdict.TRUE
    assert exactly.path.startswith(TARGET)


def test_a_false_figure_is_not_reproduced() -> None:
    assert verdict(claim("2.52")) is Verdict.FALSE


def test_a_figure_of_another_code_path_is_no_falsehood() -> None:
    (measured,) = reproduce([claim("2.52", where={"cpu capability": "Z80"})], SPECS)
    assert measured.verdict is Verdict.ELSEWHERE
    assert measured.note.startswith("cpu capability ")


def test_a_figure_that_is_known_to_be_wrong_is_told_with_its_reason() -> None:
    (exactly,) = reproduce([claim("0")], SPECS)
    wrong = claim("2.52", found=f"{exactly.ulp:.3f}", because="the comment was never updated")
    (measured,) = reproduce([wrong], SPECS)
    assert (measured.verdict, measured.note) == (Verdict.KNOWN, "the comment was never updated")


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"function": "nobody_knows"}, "no spec of nobody_knows"),
        ({"target": "abacus:wood:eager"}, "no backend is called 'abacus'"),
    ],
)
def test_what_is_not_here_is_not_judged(changes: dict[str, str], note: str) -> None:
    (measured,) = reproduce([claim("1", **changes)], SPECS)
    assert (measured.verdict, measured.note) == (Verdict.ABSENT, note)


@pytest.mark.parametrize(
    "changes", [{"at": {"y": "1.0"}}, {"at": {"x": "one"}}, {"parameters": {"alpha": "1"}}]
)
def test_a_claim_that_means_nothing_is_told_with_its_place(changes: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"numpy\.published\.yaml:5:3"):
        list(reproduce([replace(claim("1"), **changes)], SPECS))


# Files.


def test_every_shipped_claim_reads_and_names_a_dtype_and_a_source() -> None:
    shipped = claims()
    assert len(shipped) >= 10
    assert all(one.source.startswith("https://") for one in shipped)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD + ENTRY.replace("ulp: 0.5", "ulp: many"), "'many' is not a number of ULP"),
        (HEAD + ENTRY.replace("dtype: float32", "dtype: float33"), "did you mean 'float32'?"),
        (HEAD + ENTRY.replace("https", "http"), "is not an https address"),
        (HEAD + ENTRY.replace("says: that,", ""), "missing key 'says'"),
        (HEAD.replace("numpy", "other") + ENTRY, "this file is about 'numpy', by its name"),
    ],
)
def test_what_is_wrong_in_a_file_is_told_with_its_place(
    text: str, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "numpy.published.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SpecErrors) as caught:
        read(path)
    assert said in str(caught.value)
    assert f"{path}:" in str(caught.value)


# The command.


@pytest.mark.parametrize(("figure", "code"), [("0.30", 0), ("2.52", 1)])
def test_the_command_fails_for_a_false_claim_alone(
    figure: str,
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (exactly,) = reproduce([claim("0")], SPECS)
    stated = f"{exactly.ulp:.2f}" if code == 0 else figure
    (tmp_path / "numpy.published.yaml").write_text(
        HEAD + ENTRY.replace("0.5", stated), encoding="utf-8"
    )

    class Folder:
        __path__ = (str(tmp_path),)

    monkeypatch.setattr("importlib.import_module", lambda _: Folder)
    found = published.claims()
    monkeypatch.undo()
    monkeypatch.setattr("trysquare.command.auditing.claims", lambda: found)
    assert main(["audit", "--published"]) == code
    printed = capsys.readouterr().out
    assert f"published  {stated} ulp, that" in printed
    assert "https://example.org/a" in printed


@pytest.mark.skipif(
    not __import__("importlib.util").util.find_spec("torch"), reason="torch is not installed"
)
def test_figures_that_others_found_with_mpmath_are_reproduced() -> None:
    about = [one for one in claims() if one.target.startswith("torch:")]
    measured = list(reproduce(about, SPECS))
    judged = [one for one in measured if one.verdict is not Verdict.ABSENT]
    assert len(judged) >= 4
    assert {one.verdict for one in judged} <= {Verdict.TRUE, Verdict.KNOWN, Verdict.ELSEWHERE}
