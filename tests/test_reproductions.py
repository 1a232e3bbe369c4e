"""Reproductions confirm in a fresh process, with the framework alone, what a run found."""

from __future__ import annotations

import pytest

from trysquare.command.confirming import confirm
from trysquare.command.rerun import Evidence
from trysquare.planning.plan import groups
from trysquare.reader import read, specs_folder
from trysquare.result import Check, Outcome, Result
from trysquare.run import Session

ASKED = {
    "jax": ("activations/silu.yaml", Check.CASES),
    "torch": ("activations/sigmoid.yaml", Check.CASES),
    "tensorflow": ("activations/elu.yaml", Check.CASES),
    "onnxruntime": ("activations/elu.yaml", Check.CASES),
    "openvino": ("activations/elu.yaml", Check.CASES),
}
"""For each framework a spec and a check in which it is known to diverge."""


@pytest.fixture(scope="module", params=sorted(ASKED))
def diverging(request: pytest.FixtureRequest) -> list[Result]:
    pytest.importorskip(request.param)
    path, check = ASKED[request.param]
    asked = groups([read(specs_folder() / path)], [check], ["float32"])
    with Session([request.param], seed=0) as session:
        results = list(session.results(asked, list(session.targets)))
    return [result for result in results if result.outcome is Outcome.DIVERGES]


def test_a_fresh_process_confirms_what_diverges(diverging: list[Result]) -> None:
    found = [*confirm(diverging)]
    assert len(found) == len(diverging) > 0
    assert [one for one in found if one.evidence is not Evidence.CONFIRMED] == []
