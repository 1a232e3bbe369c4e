"""A baseline edited as text: everything that people wrote stays, and nothing half is written."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from trysquare.baseline import Accepted, read
from trysquare.command.amending import amend
from trysquare.errors import SpecErrors, UsageError
from trysquare.result import Symptom
from trysquare.spec import Place

NOWHERE = Place(Path(), 1, 1)
OLD = """\
# What the port may do until the spring.
baseline: 1
accepted:   # by Ada
  # --- gelu

  - id: gelu/values/float32/mine:cpu:eager/points   # the worst
    reason: >-
      The kernel takes the tanh form: # it is said
      so in its documentation.
    # asked upstream in May
    symptom: beyond the limit
    budget: 12.5   # was 14

  # --- tanh
  - {id: tanh/values/float32/mine:cpu:eager/points, reason: So it was made., symptom: crashed}
# the end
"""


def entry(identity: str, reason: str = "It rounds once too often.") -> Accepted:
    return Accepted(identity, reason, (Symptom.INACCURATE,), NOWHERE, budget=3.0)


GELU, MISH, TANH = (
    f"{name}/values/float32/mine:cpu:eager/points" for name in ("gelu", "mish", "tanh")
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "baseline.yaml"
    found.write_text(OLD, encoding="utf-8")
    return found


def ids(path: Path) -> list[str]:
    return [one.id for one in read(path)]


def changed(path: Path) -> list[str]:
    """Return the lines that were added and removed."""
    old, new = OLD.splitlines(), path.read_text(encoding="utf-8").splitlines()
    removed = [f"-{line}" for line in old if line not in new]
    return [*removed, *(f"+{line}" for line in new if line not in old)]


def test_a_new_entry_stands_in_its_order_and_moves_no_line(path: Path) -> None:
    patch = amend(path, [entry(MISH)])
    assert ids(path) == [GELU, MISH, TANH]
    added = [
        f"+  - id: {MISH}",
        "+    reason: It rounds once too often.",
        "+    symptom: beyond the limit",
        "+    budget: 3",
    ]
    assert [line for line in changed(path) if "symptom" not in line] == [*added[:2], added[3]]
    assert "\n".join(added) in patch
    assert not [line for line in patch.splitlines()[2:] if line.startswith("-")]
    text = path.read_text(encoding="utf-8")
    assert text.index("was 14") < text.index(MISH) < text.index("# --- tanh")


def test_an_entry_before_all_others_stands_at_the_top(path: Path) -> None:
    amend(path, [entry("elu/values/float32/mine:cpu:eager/points")])
    assert ids(path)[0].startswith("elu/")
    text = path.read_text(encoding="utf-8")
    assert text.index("accepted:") < text.index("id: elu/") < text.index("# --- gelu")


def test_what_is_dropped_takes_its_lines_and_no_others(path: Path) -> None:
    amend(path, drop=[GELU])
    assert ids(path) == [TANH]
    text = path.read_text(encoding="utf-8")
    for kept in ("# What the port", "# by Ada", "# --- gelu", "# --- tanh", "# the end"):
        assert kept in text
    assert "tanh form" not in text


def test_a_budget_is_changed_in_its_place(path: Path) -> None:
    amend(path, budgets={GELU: 9.25})
    assert changed(path) == ["-    budget: 12.5   # was 14", "+    budget: 9.25   # was 14"]


def test_an_entry_that_is_accepted_again_keeps_its_comments_and_its_place(path: Path) -> None:
    again = replace(entry(GELU, "Because: it's so # really"), until=date(2027, 3, 31))
    amend(path, [again])
    first, _ = read(path)
    assert (first.reason, first.until, first.budget) == (again.reason, again.until, 3.0)
    assert "# asked upstream in May" in path.read_text(encoding="utf-8")
    assert ids(path) == [GELU, TANH]


def test_the_last_entry_leaves_an_empty_list_and_the_first_one_fills_it(path: Path) -> None:
    amend(path, drop=[GELU, TANH])
    assert ids(path) == []
    assert "accepted: []   # by Ada" in path.read_text(encoding="utf-8")
    amend(path, [entry(MISH)])
    assert ids(path) == [MISH]
    assert "# the end" in path.read_text(encoding="utf-8")


def test_a_file_that_does_not_exist_is_made(tmp_path: Path) -> None:
    path = tmp_path / "new.yaml"
    patch = amend(path, [entry(MISH), entry(GELU)])
    assert ids(path) == [GELU, MISH]
    assert patch.startswith("--- /dev/null\n+++ b/new.yaml\n")


def test_what_changes_nothing_writes_nothing(path: Path) -> None:
    before = path.stat().st_mtime_ns
    assert amend(path, drop=["not/in/the/file/at-all"]) == ""
    assert path.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    "reason",
    [
        "- it begins like a list: {and} [goes on], 'quoted' \"twice\" # no comment",
        "word " * 60 + "end",
        "x" * 300 + " and what follows",
        "Ünïcode – and 漢字 – is text as well",
        "yes, true, null, 1e5: all of it is text",
        "!!python/object:os.system &anchor *alias",
    ],
)
def test_any_reason_reads_back_as_it_was_given(path: Path, reason: str) -> None:
    amend(path, [entry(MISH, reason)])
    (found,) = (one for one in read(path) if one.id == MISH)
    assert found.reason == reason


def test_line_ends_stay_what_they_were(path: Path) -> None:
    path.write_bytes(OLD.replace("\n", "\r\n").encode())
    amend(path, [entry(MISH)], drop=[TANH])
    data = path.read_bytes()
    assert data.count(b"\r\n") == data.count(b"\n")
    assert ids(path) == [GELU, MISH]


@pytest.mark.parametrize(
    "text",
    [
        f"baseline: 1\naccepted: [{{id: {GELU}, reason: So it was made., symptom: crashed}}]\n",
        f"baseline: 1\naccepted:\n-\n  id: {GELU}\n  reason: So it was made.\n  symptom: crashed\n",
        f"{{baseline: 1, accepted: [{{id: {GELU}, reason: So it was made., symptom: crashed}}]}}\n",
        "{baseline: 1, accepted: []}\n",
    ],
)
def test_what_cannot_be_edited_safely_is_left_as_it_is(tmp_path: Path, text: str) -> None:
    path = tmp_path / "baseline.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match="cannot be edited"):
        amend(path, [entry(MISH)])
    assert path.read_text(encoding="utf-8") == text


def test_a_file_with_mistakes_is_left_as_it_is(path: Path) -> None:
    text = OLD.replace("symptom: crashed", "symptom: crushed")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SpecErrors, match="did you mean 'crashed'"):
        amend(path, [entry(MISH)])
    assert path.read_text(encoding="utf-8") == text


def test_a_write_that_fails_leaves_the_old_file_and_no_other(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(UsageError, match="No space left on device"):
        amend(path, [entry(MISH)])
    assert path.read_text(encoding="utf-8") == OLD
    assert list(path.parent.iterdir()) == [path]


def test_a_link_stays_a_link_and_the_mode_stays(path: Path, tmp_path: Path) -> None:
    path.chmod(0o640)
    link = tmp_path / "link.yaml"
    link.symlink_to(path)
    amend(link, [entry(MISH)])
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o640
    assert ids(path) == [GELU, MISH, TANH]
