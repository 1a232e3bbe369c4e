"""What is special about JAX: two modes, 64 bits, and what it leaves to the caller."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest

from trysquare.backend import Answer, Array, Call, Kind, Refusal, Reply, Target, Unavailable, Want
from trysquare.command.rerun import Evidence, rerun
from trysquare.dtypes import FORMATS
from trysquare.planning.plan import groups
from trysquare.reader import read, specs_folder
from trysquare.result import Check, Outcome
from trysquare.run import Session
from trysquare.workers.pool import Pool
from trysquare.workers.protocol import Hello

pytestmark = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("jax", "optax"))), reason="JAX or Optax is not installed"
)
PATIENCE = 120.0
EAGER, JIT = (Target("jax", "cpu", mode) for mode in ("eager", "jit"))
SPECS = {path.stem: path for path in specs_folder().glob("*/*.yaml")}


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool() as opened:
        yield opened


@pytest.fixture(scope="module", params=[EAGER, JIT], ids=str)
def target(request: pytest.FixtureRequest) -> Target:
    assert isinstance(request.param, Target)
    return request.param


@cache
def hello(pool: Pool, target: Target) -> Hello:
    met = pool.open(target).result(PATIENCE)
    assert not isinstance(met, Unavailable), met.reason
    return met


def ask(pool: Pool, target: Target, call: Call) -> Reply:
    hello(pool, target)
    spec = read(SPECS[call.function])
    return pool.ask(target, spec, [call], PATIENCE).result(PATIENCE)[0]


def value(pool: Pool, target: Target, function: str, inputs: dict[str, Any], **given: Any) -> Array:
    arrays = {name: np.asarray(array) for name, array in inputs.items()}
    reply = ask(pool, target, Call(function, arrays, given))
    assert isinstance(reply, Answer), reply
    return reply.outputs["output"]


def run(program: str) -> str:
    """Return what a program prints that has the backend `b`, and a function that asks for mish."""
    head = """\
import sys
import numpy as np
from trysquare.backend import Call, Target
from trysquare.reader import read
from trysquare_backends import jax as room
b = room.backend
def mish(size):
    x = b.to_tensor(np.ones(size, np.float32), "cpu")
    call = Call("mish", {"x": np.ones(size, np.float32)}, {})
    return float(b.to_array(b.value(read(PATH), call, {"x": x}))[0])
"""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"from pathlib import Path\nPATH = Path({str(SPECS['mish'])!r})\n{head}{program}",
        ],
        env={"PYTHONPATH": ":".join(sys.path), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# --- both modes -------------------------------------------------------------------------------


def test_every_special_value_of_every_format_comes_back_bit_for_bit(
    pool: Pool, target: Target
) -> None:
    met = hello(pool, target)
    assert met.unfaithful == {}
    assert set(met.dtypes) == set(FORMATS)


def test_every_function_is_bound_or_absent_with_a_reason(pool: Pool, target: Target) -> None:
    met = hello(pool, target)
    assert SPECS.keys() - met.functions.keys() - met.absent.keys() == set()
    assert set(met.functions) & set(met.absent) == set()
    assert all(met.absent.values())


def test_64_bits_stay_64_bits(pool: Pool, target: Target) -> None:
    answer = value(pool, target, "exp", {"x": [1.0, -1.0]})
    assert answer.dtype == np.float64
    assert answer == pytest.approx(np.exp([1.0, -1.0]), rel=1e-15)


def test_a_parameter_is_passed_each_time(pool: Pool, target: Target) -> None:
    for alpha in (0.5, 0.25, 0.5):
        answer = value(pool, target, "elu", {"x": [-100.0]}, alpha=alpha)
        assert answer.tolist() == [-alpha]


def test_a_gradient_is_that_of_these_parameters_times_the_cotangent(
    pool: Pool, target: Target
) -> None:
    for alpha, factor in ((1.0, 3.0), (2.0, 3.0), (2.0, 5.0)):
        call = Call(
            "elu",
            {"x": np.array([-1.0, 1.0])},
            {"alpha": alpha},
            want=Want.GRADIENT,
            wrt=("x",),
            cotangent=np.full(2, factor),
        )
        reply = ask(pool, target, call)
        assert isinstance(reply, Answer), reply
        assert reply.outputs["x"] == pytest.approx([factor * alpha * np.exp(-1), factor])


def test_axes_are_passed(pool: Pool, target: Target) -> None:
    x = {"x": [[0.0, 0.0], [0.0, 100.0]]}
    assert value(pool, target, "softmax", x, dim=0)[0] == pytest.approx([0.5, 0.0])
    assert value(pool, target, "softmax", x, dim=1)[0] == pytest.approx([0.5, 0.5])


def test_classes_and_probabilities_give_the_same_loss(pool: Pool, target: Target) -> None:
    scores = [[1.0, 2.0, 4.0]]
    classes, probabilities = (
        value(
            pool,
            target,
            "cross_entropy_loss",
            {"input": scores, "target": given},
            target_type=kind,
            reduction="none",
        )
        for kind, given in (("class", [1]), ("probability", [[0.0, 1.0, 0.0]]))
    )
    assert classes == pytest.approx(probabilities)


def test_reductions_are_left_to_the_caller(pool: Pool, target: Target) -> None:
    arrays = {"input": np.array([1.0]), "target": np.array([0.0])}
    assert value(pool, target, "mse_loss", arrays, reduction="none").tolist() == [1.0]
    reply = ask(pool, target, Call("mse_loss", arrays, {}))
    assert isinstance(reply, Refusal)
    assert reply.kind is Kind.UNSUPPORTED
    assert "reduction=none" in reply.message


def test_gelu_approximates_unless_told_otherwise(pool: Pool, target: Target) -> None:
    own, meant, near = (
        ask(pool, target, Call("gelu", {"x": np.array([-3.0])}, given, canonical=canonical))
        for given, canonical in (({}, False), ({}, True), ({"approximate": "tanh"}, True))
    )
    assert isinstance(own, Answer)
    assert isinstance(meant, Answer)
    assert isinstance(near, Answer)
    assert own.outputs["output"] == near.outputs["output"]
    assert meant.outputs["output"] == pytest.approx(-0.0040497, abs=1e-6)


def test_glu_of_single_numbers_is_no_call_that_jax_has(pool: Pool, target: Target) -> None:
    reply = ask(pool, target, Call("glu", {"a": np.array(1.0), "b": np.array(2.0)}, {}))
    assert isinstance(reply, Refusal)
    assert reply.kind is Kind.UNSUPPORTED


def test_a_label_that_is_no_class_is_not_a_number(pool: Pool, target: Target) -> None:
    inputs = {"input": [[0.0, 1.0]], "target": [2]}
    assert np.isnan(value(pool, target, "cross_entropy_loss", inputs, reduction="none")).all()


def test_xla_flushes_where_a_subnormal_is_no_number_of_a_wider_format(
    pool: Pool, target: Target
) -> None:
    flushed = ("inputs", "results")
    assert hello(pool, target).flushes == dict.fromkeys(("float64", "float32", "bfloat16"), flushed)


def test_a_fresh_process_confirms_what_diverges_in_either_mode() -> None:
    asked = groups([read(SPECS["silu"])], [Check.CASES, Check.GRADIENTS], ["float16"])
    with Session(["jax"], seed=0, wanted=[EAGER, JIT]) as session:
        results = list(session.results(asked, list(session.targets)))
    diverging = [one for one in results if one.outcome is Outcome.DIVERGES]
    chosen = {(one.target, one.check): one for one in diverging}
    assert len(chosen) == 4
    for one in chosen.values():
        assert rerun(one.reproduction)[0] is Evidence.CONFIRMED, one.id


# --- the mode that was asked for ----------------------------------------------------------------


def test_jit_makes_one_program_of_what_is_many_operations() -> None:
    eager, jit = (
        int(
            run(
                f'b.prepare(Target("jax", "cpu", "{mode}"))\n'
                "mish(3); before = b._programs; mish(5); print(b._programs - before)"
            )
        )
        for mode in ("eager", "jit")
    )
    assert jit == 1
    assert eager > 5


def test_programs_are_forgotten_before_they_fill_the_memory() -> None:
    program = (
        'room.KEPT = 3\nb.prepare(Target("jax", "cpu", "jit"))\n'
        "answers = [mish(size) for size in range(1, 12)]\n"
        "print(b._programs <= 4, len(set(answers)))\n"
        # and where only tensors are this backend's, as on Keras
        "for size in range(1, 12):\n"
        "    room.jnp.sin(b.to_tensor(np.ones(size, np.float32), 'cpu'))\n"
        "print(b._programs <= 4)"
    )
    assert run(program).split() == ["True", "1", "True"]


def test_only_a_missing_operation_is_one_that_jax_lacks() -> None:
    program = (
        "errors = [room.JaxRuntimeError(text) for text in ('UNIMPLEMENTED: no', 'INTERNAL: no')]\n"
        "print([b.lacks(one) for one in (*errors, NotImplementedError(), TypeError())])"
    )
    assert run(program) == "[True, False, True, False]"


def test_what_a_reproduction_writes_for_an_arrangement_is_what_is_called() -> None:
    program = (
        "import jax\nx = np.array([[1.0, -2.0]])\n"
        "written = [one for one in b.bindings if one.code]\n"
        "same = [(eval(one.code)(x, -x) == one.call(x, -x)).all() for one in written]\n"
        "print(len(same) > 0 and all(same))"
    )
    assert run(program) == "True"
