"""What others' tests accept: the figures are theirs, and a divergence says who would see it."""

from __future__ import annotations

import importlib.util
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from trysquare.dtypes import FORMATS, Format
from trysquare.result import Check, Outcome, Result
from trysquare.shelf import specs_folder
from trysquare.verdict.yardsticks import Asked, Closeness, Yardstick, seen, yardsticks
from trysquare_miniatures.liars import LIARS, truthful
from workshop import diverging, results

YARDSTICKS = {yardstick.name: yardstick for yardstick in yardsticks()}
EVERY = pytest.mark.parametrize("yardstick", yardsticks(), ids=YARDSTICKS)
EVERY_FORMAT = pytest.mark.parametrize("format", FORMATS.values(), ids=FORMATS)
NAN, INF = math.nan, math.inf
TAIL = -1.4332759e-06
"""The correctly rounded x * erfc(-x / sqrt(2)) / 2 at -5, in float32."""


def accepts(
    name: str, got: float, want: float, dtype: str = "float32", function: str = "", terms: int = 1
) -> bool:
    """Tell whether one answer passes for another; there must be a rule."""
    asked = Asked(function, FORMATS[dtype], terms, gradient=False)
    accepted = YARDSTICKS[name].accepts(np.array([[got]]), np.array([[want]]), asked)
    assert accepted is not None
    return bool(accepted.all())


def rule(yardstick: Yardstick, format: Format, *, gradient: bool = False) -> Closeness | None:
    found = yardstick.rule(Asked("", format, 1, gradient))
    return found if isinstance(found, Closeness) else None


# The data


@EVERY
def test_a_yardstick_says_where_it_stands(yardstick: Yardstick) -> None:
    assert yardstick.source.startswith("https://")
    assert yardstick.read


@EVERY
def test_a_yardstick_is_about_dtypes_and_questions_that_exist(yardstick: Yardstick) -> None:
    for kinds, _, dtypes in yardstick.rules:
        assert kinds <= {"value", "gradient"}
        assert dtypes.keys() <= FORMATS.keys()


def test_the_data_file_is_read_whole() -> None:
    data = json.loads((specs_folder() / "yardsticks.json").read_text("utf-8"))
    assert [one["name"] for one in data["yardsticks"]] == list(YARDSTICKS)


# The rules


@pytest.mark.parametrize(
    ("name", "accepted"),
    [
        ("torch.testing.assert_close", True),
        ("TensorFlow", False),
        ("Keras", False),
        ("JAX", False),
        ("NumPy", False),
        ("ONNX", False),
        ("WebNN", False),
    ],
)
def test_a_lost_tail_passes_where_the_absolute_tolerance_is_large(
    name: str,
    accepted: bool,  # noqa: FBT001
) -> None:
    assert accepts(name, 0.0, TAIL, function="gelu") is accepted


@EVERY
def test_nan_never_passes_for_a_number_nor_a_number_for_nan(yardstick: Yardstick) -> None:
    asked = Asked("sigmoid", FORMATS["float32"], 1, gradient=False)
    got, want = np.array([[NAN, 1.0, NAN, INF]]), np.array([[1.0, NAN, INF, NAN]])
    accepted = yardstick.accepts(got, want, asked)
    assert accepted is None or not accepted.any()


@EVERY
def test_whether_nan_passes_for_nan_is_data(yardstick: Yardstick) -> None:
    asked = Asked("sigmoid", FORMATS["float32"], 1, gradient=False)
    accepted = yardstick.accepts(np.array([[NAN]]), np.array([[NAN]]), asked)
    assert accepted is None or bool(accepted.all()) is yardstick.equal_nan


@EVERY
@EVERY_FORMAT
def test_no_yardstick_looks_at_the_sign_of_zero(yardstick: Yardstick, format: Format) -> None:
    asked = Asked("sigmoid", format, 1, gradient=False)
    accepted = yardstick.accepts(np.array([[-0.0, 0.0]]), np.array([[0.0, -0.0]]), asked)
    assert accepted is None or accepted.all()


@EVERY
def test_infinity_passes_for_itself_alone(yardstick: Yardstick) -> None:
    asked = Asked("sigmoid", FORMATS["float32"], 1, gradient=False)
    got, want = np.array([[INF, -INF, INF, 1.0]]), np.array([[INF, -INF, -INF, INF]])
    accepted = yardstick.accepts(got, want, asked)
    assert accepted is None or accepted.tolist() == [[True, True, False, False]]


def test_a_wider_dtype_has_its_own_tolerance() -> None:
    off = 1 + 2.0**-12
    assert not accepts("JAX", off, 1.0, "float64")
    assert not accepts("JAX", off, 1.0, "float32")
    assert accepts("JAX", 1 + 2.0**-10, 1.0, "float16")
    assert accepts("JAX", 1 + 2.0**-7, 1.0, "bfloat16")
    assert accepts("torch.testing.assert_close", 1 + 2e-7, 1.0, "float64")
    assert not accepts("torch.testing.assert_close", 1 + 3e-7, 1.0, "float64")


def test_a_tolerance_in_ulp_counts_representable_numbers() -> None:
    step = 2.0**-23
    assert accepts("WebNN", 1 + 34 * step, 1.0, function="sigmoid")
    assert not accepts("WebNN", 1 + 35 * step, 1.0, function="sigmoid")
    # below a power of two they are closer together, and across zero they are counted too
    assert accepts("WebNN", 1 - 34 * step / 2, 1.0, function="sigmoid")
    assert not accepts("WebNN", 1 - 35 * step / 2, 1.0, function="sigmoid")
    assert accepts("WebNN", -(2.0**-149), 2.0**-149, function="sigmoid")
    largest = FORMATS["float32"].largest
    assert accepts("WebNN", INF, largest, function="sigmoid")


def test_a_tolerance_may_grow_with_the_row() -> None:
    step = 2.0**-23
    assert accepts("WebNN", 1 + 33 * step, 1.0, function="softmax", terms=10)
    assert not accepts("WebNN", 1 + 34 * step, 1.0, function="softmax", terms=10)


@pytest.mark.parametrize(
    ("function", "dtype", "gradient"),
    [
        ("log_softmax", "float32", False),
        ("sigmoid", "float64", False),
        ("sigmoid", "float32", True),
    ],
)
def test_without_a_rule_nothing_is_claimed(function: str, dtype: str, gradient: bool) -> None:  # noqa: FBT001
    one = np.array([[1.0]])
    counts = seen(2 * one, one, Asked(function, FORMATS[dtype], 1, gradient))
    assert counts["WebNN"] is None
    assert counts["NumPy"] == 1


def test_gradients_have_their_own_tolerance() -> None:
    off, one = np.array([[1.001]]), np.array([[1.0]])
    asked = [Asked("sigmoid", FORMATS["float32"], 1, gradient) for gradient in (False, True)]
    assert [seen(off, one, question)["JAX"] for question in asked] == [1, 0]


# What a run says


def only(found: list[Result]) -> Result:
    (result,) = diverging(found)
    return result


def test_a_lost_tail_says_who_would_see_it_and_at_how_many_elements() -> None:
    result = only(results(LIARS["loses_the_tail"], "sigmoid", Check.VALUES, "float32"))
    counts = result.yardsticks
    assert counts["torch.testing.assert_close"] == 0
    assert counts["NumPy"] == counts["WebNN"] == result.failed
    # only between 1e-6 and 1e-5 does 1e-6 see what is lost
    assert counts["JAX"] == counts["Keras"] == counts["TensorFlow"]
    assert 0 < (counts["JAX"] or 0) < result.failed
    assert counts["torch.autograd.gradcheck"] is None


@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
def test_a_lost_tail_is_judged_by_its_dtype(dtype: str) -> None:
    counts = only(results(LIARS["loses_the_tail"], "sigmoid", Check.VALUES, dtype)).yardsticks
    assert counts["WebNN"] is None
    assert (counts["torch.testing.assert_close"] == 0) is (dtype == "bfloat16")
    assert (counts["JAX"] == 0) is (dtype == "bfloat16")


def test_a_nan_that_became_zero_is_seen_by_all_that_have_a_rule() -> None:
    result = only(results(LIARS["nan_becomes_zero"], "relu", Check.VALUES, "float32"))
    assert {count for count in result.yardsticks.values() if count is not None} == {result.failed}


def test_a_lost_sign_of_zero_is_seen_by_none() -> None:
    result = only(results(LIARS["drops_negative_zero"], "elu", Check.CASES, "float32"))
    assert {count for count in result.yardsticks.values() if count is not None} == {0}


def test_one_ulp_is_seen_only_by_those_who_count() -> None:
    result = only(results(LIARS["off_by_one_ulp"], "relu", Check.VALUES, "float32"))
    assert result.yardsticks["WebNN"] == result.failed
    assert result.yardsticks["ONNX"] == 0


@pytest.mark.parametrize("liar", ["returns_float64", "adds_a_dimension"])
def test_a_tolerance_says_nothing_of_a_wrong_form(liar: str) -> None:
    found = diverging(results(LIARS[liar], "elu", Check.VALUES, "float32"))
    assert found
    assert all(not result.yardsticks for result in found)


def test_of_a_right_answer_nothing_is_said() -> None:
    found = results(truthful, "sigmoid", Check.VALUES, "float32")
    assert {result.outcome for result in found} == {Outcome.CONFORMS}
    assert all(not result.yardsticks for result in found)


# The figures, put to the very assertions

HEAD = """
import json, sys
import ml_dtypes, numpy as np

def check(accepts):
    verdicts = []
    for dtype, got, want in json.load(sys.stdin):
        try:
            accepts(*(np.array([float.fromhex(x)]).astype(dtype) for x in (got, want)))
        except AssertionError:
            verdicts.append(False)
        else:
            verdicts.append(True)
    print(json.dumps(verdicts))
"""
THEIRS = {
    "torch.testing.assert_close": (
        ("torch",),
        """
import torch
check(lambda *pair: torch.testing.assert_close(*(
    torch.from_numpy(x.astype(np.float64)).to(getattr(torch, x.dtype.name)) for x in pair)))
""",
    ),
    "TensorFlow": (
        ("tensorflow",),
        """
import tensorflow as tf
class Case(tf.test.TestCase):
    def runTest(self): pass
# its first argument is what it expects, the second is what the tolerance is relative to
check(Case().assertAllCloseAccordingToType)
""",
    ),
    "Keras": (
        ("keras", "tensorflow"),
        """
from keras.src.testing import TestCase
class Case(TestCase):
    def runTest(self): pass
check(Case().assertAllClose)
""",
    ),
    "JAX": (
        ("jax",),
        """
import jax
jax.config.update("jax_enable_x64", True)
from jax._src.test_util import JaxTestCase
class Case(JaxTestCase):
    def runTest(self): pass
check(Case().assertAllClose)
""",
    ),
    "NumPy": (("numpy",), "check(np.testing.assert_allclose)"),
    "ONNX": (
        ("onnx",),
        """
from onnx.backend.test.runner import Runner
check(lambda got, want: Runner.assert_similar_outputs([want], [got], 1e-3, 1e-7))
""",
    ),
}
WANTED = (0.0, 1e-30, 3e-8, 1e-7, 3e-7, 1.43e-6, 1e-5, 1e-3, 0.7, 1.0, 100.0, 6e4, INF, NAN)
SHARES = (0.0, 0.5, 0.8, 1.25, 2.0, 100.0)
"""How much of the tolerance an answer is off; the border itself is a matter of rounding."""


def pairs(yardstick: Yardstick, format: Format) -> Iterator[tuple[float, float]]:
    """Yield answers and wants, none of them near the border of what is accepted."""
    close = rule(yardstick, format)
    assert close is not None
    for want in format.round(np.array([*WANTED, *(-x for x in WANTED)])).tolist():
        yield from ((other, want) for other in (NAN, INF, -INF, 0.0, -0.0))
        with np.errstate(invalid="ignore"):
            room = close.atol + close.rtol * abs(want)
        for share in SHARES if math.isfinite(want) else ():
            got = float(format.round(np.array(want + share * room)))
            if room == 0 or not 0.85 < abs(got - want) / room < 1.15:
                yield got, want


@pytest.mark.parametrize("name", THEIRS)
def test_the_figures_are_those_of_the_assertion_itself(name: str) -> None:
    packages, script = THEIRS[name]
    if not all(map(importlib.util.find_spec, packages)):
        pytest.skip(f"one of {', '.join(packages)} is not here")
    yardstick = YARDSTICKS[name]
    asked = [(f, got, want) for f in FORMATS.values() for got, want in pairs(yardstick, f)]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", HEAD + script],
        input=json.dumps([(f.name, got.hex(), want.hex()) for f, got, want in asked]),
        env={**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    theirs = json.loads(done.stdout.splitlines()[-1])
    ours = [accepts(name, got, want, f.name) for f, got, want in asked]
    wrong = [
        (f.name, got, want, verdict)
        for (f, got, want), verdict, own in zip(asked, theirs, ours, strict=True)
        if verdict is not own
    ]
    assert wrong == []


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not here")
def test_gradcheck_has_the_figures_that_its_signature_states() -> None:
    script = (
        "import inspect, torch\n"
        "found = inspect.signature(torch.autograd.gradcheck).parameters\n"
        "print(found['rtol'].default, found['atol'].default)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120
    )
    close = rule(YARDSTICKS["torch.autograd.gradcheck"], FORMATS["float64"], gradient=True)
    assert close is not None
    assert done.stdout.split() == [str(close.rtol), str(close.atol)]
