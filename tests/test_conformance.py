"""One's own callable in one line: what lies is told where and how, and the reference passes."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trysquare import assert_conforms
from trysquare.backend import Call, Want
from trysquare.errors import SpecErrors, UsageError
from trysquare.reader import is_spec, read
from trysquare.shelf import specs_folder
from trysquare_backends.numpy import NumPy

Array = np.ndarray[Any, Any]
SPECS = {path.stem: path for path in specs_folder().rglob("*.yaml") if is_spec(path)}
erfc = np.vectorize(math.erfc, otypes=[np.float64])


def gelu(x: Array) -> Array:
    wide = x.astype(np.float64)
    return np.asarray(np.where(x == -np.inf, -0.0, wide / 2 * erfc(-wide / 2**0.5)), x.dtype)


def slope(cotangent: Array, x: Array) -> Array:
    wide = x.astype(np.float64)
    bell = wide * np.exp(-(wide**2) / 2) / math.sqrt(2 * math.pi)
    return np.asarray((erfc(-wide / 2**0.5) / 2 + bell) * cotangent, x.dtype)


def tanh_form(x: Array) -> Array:
    wide = x.astype(np.float64)
    inner = math.sqrt(2 / math.pi) * (wide + 0.044715 * wide**3)
    return np.asarray(wide / 2 * (1 + np.tanh(inner)), x.dtype)


def zero_tail(x: Array) -> Array:
    return np.where(x < -5, np.zeros_like(x), gelu(x))


def wide(x: Array) -> Array:
    return gelu(x.astype(np.float64))


def flat(x: Array) -> Array:
    return gelu(x).reshape(-1, 1)


def in_place(x: Array) -> Array:
    x[...] = gelu(x)
    return x


def unfinished(x: Array) -> Array:
    raise NotImplementedError(f"no kernel for {x.dtype}")


def numbers(x: Array) -> Any:
    return gelu(x).tolist()


def never(x: Array) -> Array:
    return np.full_like(x, np.nan)


def reference(name: str, **parameters: Any) -> Callable[..., Any]:
    """Return the spec's own formula as a callable that takes optional inputs by name."""
    spec = read(SPECS[name])
    needed = [item.name for item in spec.required]

    def function(*arrays: Array, **optional: Array) -> Any:
        inputs = {**dict(zip(needed, arrays, strict=True)), **optional}
        return NumPy().value(spec, Call(name, inputs, parameters), inputs)

    return function


def slopes(name: str, **parameters: Any) -> Callable[..., Any]:
    """Return the gradients of the spec in all inputs that have one."""
    spec = read(SPECS[name])
    needed = [item.name for item in spec.required]

    def function(cotangent: Array, *arrays: Array, **optional: Array) -> Any:
        inputs = {**dict(zip(needed, arrays, strict=True)), **optional}
        wrt = tuple(i.name for i in spec.inputs if i.differentiable and i.name in inputs)
        call = Call(name, inputs, parameters, want=Want.GRADIENT, wrt=wrt)
        return NumPy().gradients(spec, call, inputs, cotangent)

    return function


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_what_is_right_conforms(dtype: str) -> None:
    assert_conforms(gelu, "gelu", dtype=dtype, gradient=slope)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("elu", {"alpha": 0.3}),
        ("softmax", {}),
        ("mse_loss", {}),
        ("mse_loss", {"reduction": "none"}),
        ("bce_loss", {"reduction": "none"}),
        ("cross_entropy_loss", {}),
    ],
)
def test_the_reference_conforms_with_any_parameters(name: str, parameters: dict[str, Any]) -> None:
    derived = slopes(name, **parameters)
    assert_conforms(reference(name, **parameters), name, gradient=derived, **parameters)


@pytest.mark.parametrize(
    ("liar", "told"),
    [
        (tanh_form, "diagnosis: equals dialect 'other_form'"),
        (zero_tail, "zero where the truth is not zero"),
        (wide, "wrong dtype"),
        (flat, "wrong shape"),
        (in_place, "changed its input"),
        (unfinished, "NotImplementedError: no kernel for float32"),
        (numbers, "numbers returned list, which is no array"),
        (never, "NaN against a number"),
    ],
)
def test_a_liar_is_told_how_it_lies(liar: Callable[[Array], Any], told: str) -> None:
    with pytest.raises(AssertionError) as caught:
        assert_conforms(liar, "gelu")
    assert told in str(caught.value)


def test_the_failure_has_the_worst_element_in_decimal_and_bits() -> None:
    with pytest.raises(AssertionError) as caught:
        assert_conforms(zero_tail, "gelu")
    text = str(caught.value)
    assert text.startswith("zero_tail does not conform to gelu: ")
    for word in ("x", "got", "want"):
        assert any(
            line.split()[0] == word and line.split()[-1].startswith("0x")
            for line in text.splitlines()
            if len(line.split()) == 3
        )
    assert "(limit " in text


def test_a_wrong_gradient_is_told() -> None:
    assert_conforms(gelu, "gelu")
    with pytest.raises(AssertionError, match="gradients: d x"):
        assert_conforms(gelu, "gelu", gradient=lambda cotangent, x: slope(cotangent, x) * 1.01)


def test_the_gradient_of_several_inputs_is_a_mapping() -> None:
    def one(cotangent: Array, x: Array, target: Array) -> Array:
        return np.asarray(cotangent * (x - target))

    loss = reference("mse_loss", reduction="none")
    with pytest.raises(AssertionError, match="the gradient of several inputs is a mapping"):
        assert_conforms(loss, "mse_loss", gradient=one, reduction="none")


def test_the_exception_of_a_callable_is_the_cause() -> None:
    with pytest.raises(AssertionError) as caught:
        assert_conforms(unfinished, "gelu")
    assert isinstance(caught.value.__cause__, NotImplementedError)


def test_warnings_of_numbers_that_are_none_do_not_matter() -> None:
    def noisy(x: Array) -> Array:
        np.log(np.full(1, -1.0))
        return gelu(x)

    with warnings.catch_warnings(), np.errstate(all="raise"):
        warnings.simplefilter("error")
        assert_conforms(noisy, "gelu")


def test_an_answer_is_anything_that_becomes_an_array() -> None:
    class Wrapped:
        def __init__(self, array: Array) -> None:
            self.array = array

    class Arrayed(Wrapped):
        def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
            return self.array

    class Exchanged(Wrapped):
        def __dlpack__(self, **options: Any) -> Any:
            return self.array.__dlpack__(**options)

        def __dlpack_device__(self) -> Any:
            return self.array.__dlpack_device__()

    for wrapped in (Arrayed, Exchanged):
        assert_conforms(lambda x, w=wrapped: w(np.array(gelu(x))), "gelu")


def test_a_callable_without_an_optional_input_is_not_asked_for_it() -> None:
    loss = reference("bce_loss", reduction="none")
    assert_conforms(lambda x, target: loss(x, target), "bce_loss", reduction="none")  # noqa: PLW0108


def test_an_optional_input_that_is_taken_and_ignored_is_told() -> None:
    loss = reference("bce_loss", reduction="none")

    def ignoring(x: Array, target: Array, weight: Array | None = None) -> Any:
        del weight
        return loss(x, target)

    with pytest.raises(AssertionError, match="all inputs"):
        assert_conforms(ignoring, "bce_loss", reduction="none")


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (partial(assert_conforms, gelu, "gleu"), "no function is called 'gleu'; did you mean"),
        (partial(assert_conforms, gelu, "gelu", dtype="float23"), "did you mean 'float32'"),
        (partial(assert_conforms, gelu, "gelu", approx="tanh"), "did you mean 'approximate'"),
        (partial(assert_conforms, gelu, "gelu", approximate="tan"), "did you mean 'tanh'"),
        (partial(assert_conforms, gelu, "gelu", approximate=True), "is a choice, not True"),
        (partial(assert_conforms, gelu, "elu", alpha="1"), "alpha is a number, not '1'"),
        (partial(assert_conforms, 3, "gelu"), "3 cannot be called"),  # type: ignore[arg-type]
        (partial(assert_conforms, gelu, "gelu", dtype=np.float32), "named by text"),  # type: ignore[arg-type]
    ],
)
def test_a_name_that_is_wrong_is_an_error_with_a_suggestion(
    call: Callable[[], None], told: str
) -> None:
    with pytest.raises(UsageError, match=told):
        call()


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "half.yaml"
    path.write_text(
        "trysquare: 1\nfunction: half\nsummary: Half of a number.\nsource: Euclid\n"
        "inputs: {x: float}\nformula: x / 2\ncases: [{name: one, x: 1.0, expect: 0.5}]\n",
        "utf-8",
    )
    return path


def test_a_callable_is_held_against_a_spec_of_ones_own(mine: Path) -> None:
    for name in (mine, str(mine)):
        assert_conforms(lambda x: x / 2, name, dtype="float16")
        with pytest.raises(AssertionError, match=r"half\.yaml:7:10"):
            assert_conforms(lambda x: x / 4, name, dtype="float16")


def test_a_spec_of_ones_own_that_cannot_be_read_is_told_with_its_place(mine: Path) -> None:
    mine.write_text(mine.read_text("utf-8").replace("formula:", "fromula:"), "utf-8")
    with pytest.raises(SpecErrors, match=r"half\.yaml:6:1: error: unknown key 'fromula'"):
        assert_conforms(lambda x: x / 2, mine)
    with pytest.raises(SpecErrors, match="no such file"):
        assert_conforms(lambda x: x / 2, "nowhere.yaml")


def test_half_an_ulp_is_half_an_ulp_where_float64_holds_no_half_of_it(tmp_path: Path) -> None:
    path = tmp_path / "reciprocal.yaml"
    path.write_text(
        "trysquare: 1\nfunction: reciprocal\nsummary: One divided by x.\nsource: IEEE 754\n"
        "inputs: {x: {type: float, domain: abs(x) > 1e308}}\nformula: 1 / x\n"
        "tolerance: 1 / 2 ulp\ncases: [{name: largest, x: largest, expect: 1 / largest}]\n",
        "utf-8",
    )
    assert_conforms(lambda x: 1 / x, path, dtype="float64")
    with pytest.raises(AssertionError, match=r"limit 0\.5 ulp"):
        assert_conforms(lambda x: np.nextafter(1 / x, 0), path, dtype="float64")
