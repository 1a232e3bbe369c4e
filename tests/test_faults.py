"""Whatever a backend does costs the case that did it, and no other; nothing of it is left."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from leftovers import nothing_left
from test_docs import ROOT, script
from trysquare.result import Expectation, Outcome, Result
from trysquare.workers.area import Area
from trysquare_miniatures.faults import FAULTS, Fault, cases, measured
from trysquare_miniatures.fragile import ACCIDENTS
from workshop import LONG

FRAGILE = "trysquare_miniatures.fragile"
PAGE = script(ROOT / "docs" / "faults.py")
COLUMNS: Mapping[str, str] = PAGE.COLUMNS
Results = Mapping[str, Result]


def found(backend: str, folder: Path, faults: tuple[Fault, ...] = FAULTS) -> Results:
    with nothing_left() as environment:
        run = measured(backend, faults, folder, environment)
    assert run.footer is not None
    return cases(run)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("faults")


@pytest.fixture(scope="module")
def soundly(folder: Path) -> Results:
    return found(f"{FRAGILE}:sound", folder)


@pytest.fixture(scope="module")
def faulty(folder: Path) -> Mapping[str, Results]:
    with ThreadPoolExecutor() as aside:  # most of the time, each waits for one that hangs
        runs = aside.map(lambda backend: found(backend, folder), COLUMNS.values())
        return dict(zip(COLUMNS, runs, strict=True))


def as_it_should(fault: Fault, result: Result) -> bool:
    good = fault.outcome is Outcome.CONFORMS
    expected = Expectation.EXPECTED if good else Expectation.UNEXPECTED
    ended = (result.outcome, result.symptom, result.expectation)
    return ended == (fault.outcome, fault.symptom, expected) and fault.said in result.reason


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_blamed_on_its_case_by_its_name(
    fault: Fault, column: str, faulty: Mapping[str, Results]
) -> None:
    result = faulty[column][fault.name]
    assert as_it_should(fault, result), result


@pytest.mark.parametrize("column", COLUMNS)
def test_every_other_result_is_that_of_a_run_without_faults(
    column: str, soundly: Results, faulty: Mapping[str, Results]
) -> None:
    names = {fault.name for fault in FAULTS}
    assert len(soundly) > 2 * len(names)
    assert {name: one for name, one in faulty[column].items() if name not in names} == {
        name: one for name, one in soundly.items() if name not in names
    }


def test_the_page_of_faults_is_what_was_found(faulty: Mapping[str, Results]) -> None:
    assert PAGE.page(faulty) == (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")


def test_a_sound_backend_has_no_faults(soundly: Results) -> None:
    assert {result.outcome for result in soundly.values()} == {Outcome.CONFORMS}


@pytest.mark.skipif(not LONG, reason="all faults in one run are shown above")
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
@pytest.mark.parametrize("backend", COLUMNS.values(), ids=[*COLUMNS])
def test_a_fault_alone_costs_its_case_alone(fault: Fault, backend: str, tmp_path: Path) -> None:
    results = dict(found(backend, tmp_path, (fault,)))
    assert as_it_should(fault, results.pop(fault.name))
    assert results == {
        name: one
        for name, one in found(f"{FRAGILE}:sound", tmp_path, (fault,)).items()
        if name != fault.name
    }


def test_every_fault_has_its_accident_and_its_number() -> None:
    assert list(ACCIDENTS) == [fault.name for fault in FAULTS]
    assert len({fault.number for fault in FAULTS}) == len(FAULTS)


def test_a_shared_area_has_no_name() -> None:
    area = Area(1 << 16)
    try:
        assert str(Path(f"/proc/self/fd/{area.descriptor}").readlink()).endswith("(deleted)")
    finally:
        area.close()
