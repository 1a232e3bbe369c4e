"""Sessions as records: what a results file says of specs, targets and the machine."""

from __future__ import annotations

import getpass
import math
import platform
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

import fake_run
from trysquare import recorder
from trysquare.backend import Spelling, Target, Unavailable
from trysquare.describe import FAR, describe
from trysquare.machine import environment
from trysquare.planning import corpus
from trysquare.reader import read_all, specs_folder
from trysquare.record import Header, Stale
from trysquare.recorder import Recorder, edition, near, revision
from trysquare.result import USUAL, Outcome
from trysquare.results_file import read
from trysquare.run import Session
from trysquare.workers.protocol import Hello

SPECS = {spec.function: spec for spec in read_all([specs_folder()])}
LABELS = {
    "softmax": "softmax of (x, 0)",
    "log_softmax": "log_softmax of (x, 0)",
    "prelu": "prelu, weight 0.25",
    "softmin": "softmin of (x, 0)",
    "log_sum_exp": "log_sum_exp of (x, 0)",
    "glu": "glu, b 0",
    "geglu": "geglu, b 2",
    "reglu": "reglu, b 2",
    "swiglu": "swiglu, b 2",
}
ACTIVATIONS = [name for name, spec in SPECS.items() if spec.category == "activations"]


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    """A session with one target that runs and one that cannot."""
    with Session(["numpy", "not_there.module"], seed=0) as opened:
        yield opened


@pytest.fixture(scope="module")
def header(session: Session) -> Header:
    return recorder.header(session, [SPECS["elu"]], seed=5)


def hello(backend: str, **functions: Spelling) -> Hello:
    return Hello(
        target=Target(backend, "cpu", "eager"),
        version="1",
        targets=(),
        dtypes=("float32",),
        environment={},
        functions=functions,
        absent={},
        unfaithful={},
        flushes={},
        canary=True,
    )


def header_of(only: Hello) -> Header:
    """Return the header of a session that has this one target."""
    opened = SimpleNamespace(targets={only.target: only}, unavailable=(), limits=USUAL)
    return recorder.header(cast("Session", opened), [], seed=0)


def test_a_target_that_runs_is_recorded_with_its_version(header: Header) -> None:
    assert (header.targets[0].target, header.targets[0].available) == ("numpy:cpu:formula", True)
    assert header.targets[0].version


def test_a_backend_that_is_missing_is_recorded_with_its_reason(header: Header) -> None:
    missing = header.targets[1]
    assert (missing.target, missing.available) == ("not_there.module", False)
    assert missing.reason == "not_there is not installed"


@pytest.mark.parametrize("named", [(), ("numpy",), ("not_there.module", "numpy")])
def test_what_was_named_is_told_of_what_is_missing(
    session: Session, named: tuple[str, ...]
) -> None:
    assert [it.named for it in recorder.targets(session, named)] == [
        False,
        "not_there.module" in named,
    ]


def test_a_device_that_is_missing_was_not_named_if_another_target_ran() -> None:
    usual, gpu = Target("x", "cpu", "eager"), Target("x", "gpu", "eager")
    missing = (
        Unavailable(gpu, "there is no GPU"),
        Unavailable(Target("y", "", ""), "died", broken=True),
    )
    opened = SimpleNamespace(targets={usual: hello("x")}, unavailable=missing, limits=USUAL)
    _, device, backend = recorder.targets(cast("Session", opened), ("x", "y"))
    assert (device.named, device.broken) == (False, False)
    assert (backend.named, backend.broken) == (True, True)


def test_a_target_that_flushes_is_recorded_with_the_dtypes() -> None:
    flushing = replace(hello("x"), flushes={"float32": ("inputs",), "float64": ()})
    (record,) = header_of(flushing).targets
    assert record.flushes == ("float32",)


def test_a_worker_in_which_numpy_flushes_is_told() -> None:
    sick = replace(hello("x"), canary=False)
    (record,) = header_of(sick).targets
    assert record.environment["numpy in the worker"] == "flushes to zero"


def test_the_environment_names_versions_and_the_processor() -> None:
    assert {"python", "numpy", "python-flint", "cpu capability"} <= environment().keys()


def test_the_environment_names_neither_host_nor_user_nor_folder() -> None:
    text = " ".join(environment().values())
    assert "/" not in text
    assert platform.node() not in text.split()
    assert getpass.getuser() not in text.split()


def test_the_revision_changes_with_the_content_of_a_spec(tmp_path: Path) -> None:
    path = tmp_path / "elu.yaml"
    path.write_bytes(SPECS["elu"].place.path.read_bytes())
    before = revision(read_all([path]))
    assert before == revision([SPECS["elu"]])
    path.write_bytes(path.read_bytes() + b"\n")
    assert revision(read_all([path])) != before


def test_the_edition_changes_with_the_corpus_of_a_spec_whose_revision_does_not(
    tmp_path: Path,
) -> None:
    path = tmp_path / "elu.yaml"
    path.write_bytes(SPECS["elu"].place.path.read_bytes())
    specs = read_all([path])
    assert edition(specs) == revision(specs)
    corpus.place(specs[0]).parent.mkdir()
    corpus.place(specs[0]).write_text("corpus: 1\n")
    assert edition(specs) != revision(specs) == revision([SPECS["elu"]])


def test_places_are_told_from_the_nearest_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert near(f"{tmp_path / 'mine' / 'x.yaml'}:3:1") == "mine/x.yaml:3:1"
    assert near(f"{specs_folder().resolve() / 'x.yaml'}:3:1") == "specs/x.yaml:3:1"
    assert near("/elsewhere/x.yaml:3:1") == "/elsewhere/x.yaml:3:1"


def test_a_run_that_is_not_finished_has_no_footer(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    with Recorder(fake_run.run().header, [], path) as records:
        records.add(fake_run.result())
    assert read(path).footer is None


def test_what_is_in_the_file_is_what_is_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    function = fake_run.function("elu")
    with Recorder(fake_run.run().header, [function], path) as records:
        records.add(fake_run.result())
        records.add(fake_run.diverging(fake_run.result("elu")))
        records.finish([Stale("torch", "x", "y")])
    assert read(path) == records.run
    assert len(records.run.results) == 2


def test_every_result_is_in_the_file_before_the_next_is_made(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    with Recorder(fake_run.run().header, [], path) as records:
        records.add(fake_run.result())
        assert len(read(path).results) == 1


def test_a_footer_counts_every_outcome() -> None:
    results = [fake_run.result(), fake_run.diverging(fake_run.result())]
    counts = recorder.footer(results, [], 1.0).counts
    assert counts == dict.fromkeys(Outcome, 0) | {"conforms": 1, "diverges": 1}


def test_a_footer_tells_stale_entries_without_their_folder() -> None:
    stale = Stale(
        "torch", "x", f"{specs_folder().resolve().parent / 'b.yaml'}:2:3: matches nothing"
    )
    assert recorder.footer([], [stale], 1.0).stale[0].reason == "b.yaml:2:3: matches nothing"


@pytest.mark.parametrize("name", SPECS)
def test_every_formula_of_a_spec_is_set_as_mathml(name: str) -> None:
    record = describe(SPECS[name])
    labels = [label for label, _, _ in record.formulas]
    assert labels[0].startswith("formula")
    assert len(set(labels)) == len(labels)
    assert all(text and markup.startswith("<math") for _, text, markup in record.formulas)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_has_its_curve_and_its_derivative(name: str) -> None:
    curves = dict(describe(SPECS[name]).curves)
    assert [*curves] == [LABELS.get(name, name), "derivative"]
    assert all(len(points) > 190 for points in curves.values())
    assert [points[0][0] for points in curves.values()] == [-FAR, -FAR]


def test_a_curve_goes_where_the_function_goes() -> None:
    value, slope = (dict(points) for _, points in describe(SPECS["sigmoid"]).curves)
    assert value[3.0] == pytest.approx(1 / (1 + math.exp(-3)), rel=1e-5)
    assert slope[3.0] == pytest.approx(math.exp(-3) / (1 + math.exp(-3)) ** 2, rel=1e-5)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("axis", [-2, -1, 0, 2])
def test_a_row_is_drawn_by_its_first_element_along_any_axis(name: str, axis: int) -> None:
    spec = SPECS[name]
    (dim,) = spec.parameters
    value, slope = (
        dict(points)
        for _, points in describe(replace(spec, parameters=(replace(dim, default=axis),))).curves
    )
    first = math.exp(3) / (math.exp(3) + 1)
    wanted = {"softmax": (first, first * (1 - first)), "log_softmax": (math.log(first), 1 - first)}
    assert (value[3.0], slope[3.0]) == pytest.approx(wanted[name], rel=1e-5)


def test_another_input_is_as_in_the_first_case() -> None:
    value, slope = (dict(points) for _, points in describe(SPECS["prelu"]).curves)
    assert (value[-6.0], slope[-6.0]) == (-1.5, 0.25)


def test_a_function_whose_other_input_no_case_states_has_no_curve() -> None:
    assert describe(replace(SPECS["prelu"], cases=())).curves == ()


@pytest.mark.parametrize("name", ["bce_loss", "cross_entropy_loss", "mse_loss"])
def test_a_function_that_reduces_has_no_curve(name: str) -> None:
    assert describe(SPECS[name]).curves == ()


def test_the_derivative_of_a_spec_without_gradient_keeps_the_names_of_parameters() -> None:
    record = describe(replace(SPECS["elu"], gradient={}))
    (markup,) = [formula[2] for formula in record.formulas if formula[0] == "derivative in x"]
    assert "α" in markup


def test_parameters_are_told_with_default_choices_and_domain() -> None:
    parameters = describe(SPECS["smooth_l1_loss"]).parameters
    assert parameters["beta"] == "1.0, domain beta >= 0"
    assert parameters["reduction"] == "mean, one of none, mean, sum"


def test_calls_and_defaults_are_what_each_backend_says() -> None:
    spelling = Spelling("x.elu(input, alpha)", {"alpha": "1.5"})
    record = describe(SPECS["elu"], [hello("x", elu=spelling), hello("y")])
    assert record.calls == {"x": "x.elu(input, alpha)"}
    assert record.framework_defaults == {"x": {"alpha": "1.5"}}
