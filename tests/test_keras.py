"""Keras: one module, four engines, none of them imported before it is known which."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trysquare.backend import Answer, Call, OnRequest, Reply, Target, Unavailable
from trysquare.dtypes import FORMATS
from trysquare.errors import UsageError
from trysquare.reader import read
from trysquare.result import Symptom
from trysquare.workers.pool import Pool
from trysquare.workers.protocol import Hello
from trysquare.workers.reproduction import Claim
from trysquare_backends.keras import BACKENDS, NEEDED, Keras

SPECS = Path(__file__).parents[1] / "specs"
FUNCTIONS = {path.stem for path in SPECS.glob("*/*.yaml")}
PATIENCE = 120.0
IMPORTED = """\
import sys
from trysquare_backends.keras import backend
backend.targets()
print(*sys.modules.keys() & {"keras", "tensorflow", "torch", "jax"})
"""


def place(offer: Any) -> Target:
    target = offer if isinstance(offer, Target) else offer.target
    assert isinstance(target, Target)
    return target


def test_saying_what_there_is_imports_neither_keras_nor_an_engine() -> None:
    path = ":".join(sys.path)
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED],
        env={"PYTHONPATH": path},
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == []


def test_each_engine_is_a_target() -> None:
    offers = Keras().targets()
    assert {str(place(offer)) for offer in offers} == {f"keras:cpu:{name}" for name in BACKENDS}


def test_an_engine_without_its_package_is_unavailable_and_comes_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = {"keras": util.find_spec("json")}
    monkeypatch.setattr("trysquare_backends.keras.find_spec", found.get)
    monkeypatch.setitem(NEEDED, "torch", ())
    first, *others = Keras().targets()
    assert first == Target("keras", "cpu", "torch")
    assert {other.reason for other in others if isinstance(other, Unavailable)} == {
        "tensorflow not installed",
        "jax and optax not installed",
        "scipy and jax not installed",
    }


def test_an_engine_that_does_not_start_is_told_with_its_reason_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lacking = Unavailable(Target("torch", "", ""), "torch not installed")
    monkeypatch.setattr("trysquare_backends.keras.load", lambda _: lacking)
    monkeypatch.setattr("trysquare_backends.keras.os.environ", {})
    with pytest.raises(UsageError) as told:
        Keras().prepare(Target("keras", "cpu", "torch"))
    assert str(told.value) == "the engine torch does not start: torch not installed"


def test_without_keras_there_is_no_target(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trysquare_backends.keras.find_spec", {"torch": object()}.get)
    offers = Keras().targets()
    assert all(isinstance(offer, Unavailable) and "keras" in offer.reason for offer in offers)


def test_engines_that_cost_most_wait_to_be_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("trysquare_backends.keras.find_spec", lambda _: util.find_spec("json"))
    waiting = [offer for offer in Keras().targets() if isinstance(offer, OnRequest)]
    assert {str(offer.target) for offer in waiting} == {"keras:cpu:jax", "keras:cpu:numpy"}


# --- with Keras -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def workers() -> Iterator[Pool]:
    with Pool() as pool:
        yield pool


@pytest.fixture(scope="module", params=["numpy", "torch", "tensorflow"])
def engine(request: pytest.FixtureRequest, workers: Pool) -> tuple[Pool, Hello]:
    hello = workers.open(Target("keras", "cpu", request.param)).result(PATIENCE)
    if isinstance(hello, Unavailable):
        pytest.skip(hello.reason)
    return workers, hello


def ask(engine: tuple[Pool, Hello], call: Call) -> Reply:
    pool, hello = engine
    (path,) = SPECS.glob(f"*/{call.function}.yaml")
    return pool.ask(hello.target, read(path), [call], PATIENCE).result(PATIENCE)[0]


def loss(engine: tuple[Pool, Hello], function: str, dtype: str, **settings: Any) -> Any:
    rows = {"input": [[1.0, 2.0], [3.0, 6.0]], "target": [[1.0, 1.0], [1.0, 1.0]]}
    inputs = {name: np.array(row, dtype) for name, row in rows.items()}
    canonical = settings.pop("canonical", True)
    reply = ask(engine, Call(function, inputs, settings, canonical=canonical))
    assert isinstance(reply, Answer), reply
    return reply.outputs["output"]


def test_every_function_is_bound_or_absent_with_a_reason(engine: tuple[Pool, Hello]) -> None:
    hello = engine[1]
    assert {*hello.functions, *hello.absent} >= FUNCTIONS
    assert set(hello.functions) & set(hello.absent) == set()
    assert all(hello.absent.values())


def test_every_special_value_comes_back_bit_for_bit(engine: tuple[Pool, Hello]) -> None:
    assert engine[1].unfaithful == {}


def test_the_environment_names_the_engine(engine: tuple[Pool, Hello]) -> None:
    hello = engine[1]
    assert hello.environment["engine"].partition(" ")[0] == hello.target.mode


def test_a_loss_without_reduction_keeps_its_elements(engine: tuple[Pool, Hello]) -> None:
    elements = loss(engine, "l1_loss", "float32", reduction="none")
    assert elements.tolist() == [[0, 1], [2, 5]]


def test_reductions_are_of_all_elements(engine: tuple[Pool, Hello]) -> None:
    assert loss(engine, "l1_loss", "float32", reduction="mean") == 2
    assert loss(engine, "l1_loss", "float32", reduction="sum") == 8


def test_a_loss_keeps_a_dtype_only_where_it_is_told(engine: tuple[Pool, Hello]) -> None:
    assert loss(engine, "l1_loss", "float16").dtype == np.float16
    assert loss(engine, "l1_loss", "float16", canonical=False).dtype == np.float32


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_reproduction_runs_by_itself(
    engine: tuple[Pool, Hello], dtype: str, tmp_path: Path
) -> None:
    pool, hello = engine
    x = np.array([-1.0, 2.0]).astype(FORMATS[dtype].numpy)
    call = Call("relu", {"x": x}, {})
    (path,) = SPECS.glob("*/relu.yaml")
    claim = Claim(Symptom.INACCURATE, index=(1,), want=2.0)
    script = pool.reproduce(hello.target, read(path), call, claim, PATIENCE).result(PATIENCE)
    assert script.index('os.environ["KERAS_BACKEND"]') < script.index("import keras")
    file = tmp_path / "reproduction.py"
    file.write_text(script, encoding="utf-8")
    done = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
