"""Finding backends, resolving bindings, and the installed frameworks through real workers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trysquare.backend import Answer, Array, Call, Kind, Refusal, Reply, Target, Unavailable, Want
from trysquare.binding import Binding, check, resolve, spell
from trysquare.command import selection
from trysquare.dtypes import FORMATS
from trysquare.errors import Unsupported, UsageError
from trysquare.loading import available, load, require
from trysquare.planning.inputs import moderate, required
from trysquare.reader import read
from trysquare.result import Symptom
from trysquare.run import Session
from trysquare.spec import Spec
from trysquare.workers.pool import Pool
from trysquare.workers.probes import cpu_capability, cpu_vendor
from trysquare.workers.protocol import Hello
from trysquare.workers.reproduction import Claim
from workshop import LONG

SPECS = Path(__file__).parents[1] / "specs"
PATIENCE = 120.0
FRAMEWORKS = ("torch", "tensorflow")

# --- finding ----------------------------------------------------------------------------------


def test_backends_are_listed_by_name() -> None:
    assert set(FRAMEWORKS) <= set(available())


def test_listing_imports_no_backend() -> None:
    program = (
        "import sys; from trysquare.loading import available; available();"
        "sys.exit(any(name.startswith('trysquare_backends.') for name in sys.modules))"
    )
    path = ":".join(sys.path)
    done = subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": path}, check=False)
    assert done.returncode == 0


def test_an_unknown_backend_gets_a_suggestion() -> None:
    with pytest.raises(UsageError, match=r"no backend is called 'tensorflw'; did you mean"):
        load("tensorflw")


def test_an_unknown_backend_that_resembles_nothing_gets_the_list() -> None:
    with pytest.raises(UsageError, match=r"there are .*torch"):
        require("qqq")


def test_a_backend_whose_framework_is_missing_is_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lonely.py").write_text("import no_such_framework\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert load("lonely:backend") == Unavailable(
        Target("lonely:backend", "", ""), "no_such_framework is not installed"
    )


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import halved", "ModuleNotFoundError: No module named 'no_such_part'"),
        ("import trysquare.no_such_room", "ModuleNotFoundError"),
        ("import lonely.part", "ModuleNotFoundError"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("nothing", "NameError"),
        ("raise ModuleNotFoundError", "ModuleNotFoundError"),
        ("backend = 3", "holds no backend"),
        ("from fragile import Wordless\nraise Wordless", "Wordless: (no message: "),
    ],
)
def test_a_backend_that_fails_to_load_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, reason: str
) -> None:
    monkeypatch.delitem(sys.modules, "lonely", raising=False)
    (tmp_path / "halved.py").write_text("import no_such_part\n", encoding="utf-8")
    (tmp_path / "lonely.py").write_text(source + "\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    missing = load("lonely:backend")
    assert isinstance(missing, Unavailable)
    assert (missing.broken, reason in missing.reason) == (True, True)


@pytest.mark.parametrize("name", ["no.such.module", "json.no_such_module", "nowhere:backend"])
def test_a_module_that_is_not_there_is_absent_and_not_broken(name: str) -> None:
    missing = load(name)
    assert isinstance(missing, Unavailable)
    assert (missing.broken, missing.reason.endswith("is not installed")) == (False, True)


def test_the_cpu_vendor_is_read_from_the_kernel(tmp_path: Path) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text("processor : 0\nvendor_id\t: AuthenticAMD\nflags : avx2\n", encoding="utf-8")
    assert cpu_vendor(path) == "AuthenticAMD"
    path.write_text("CPU implementer\t: 0x41\n", encoding="utf-8")
    assert cpu_vendor(path) == "unknown"
    assert cpu_vendor(tmp_path / "missing") == "unknown"


def test_the_cpu_capability_is_the_widest(tmp_path: Path) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text("flags : fpu sse2 avx avx2 bmi\n", encoding="utf-8")
    assert cpu_capability(path) == "AVX2"
    assert cpu_capability(tmp_path / "missing") == "unknown"


# --- bindings ---------------------------------------------------------------------------------

SPEC = """\
trysquare: 1
function: scaled
summary: x times a power.
source: arithmetic
inputs:
  x: float
  weight: {type: float, default: 1}
parameters:
  scale: {default: 1.0}
  reduction: {default: mean, choices: [none, mean, sum]}
formula: scale * weight * x
reduce:
  none: loss
  mean: mean(loss)
  sum: sum(loss)
deprecated:
  - {given: {average: true}, means: {reduction: mean}}
cases:
  - {name: one, x: 1, expect: 1}
"""


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Spec:
    path = tmp_path_factory.mktemp("specs") / "scaled.yaml"
    path.write_text(SPEC, encoding="utf-8")
    return read(path)


def theirs(data: Any, factor: float = 2.0, how: str = "avg", extra: int = 7) -> Any:
    return data, factor, how, extra


def bound(**changes: Any) -> Binding:
    fields: dict[str, Any] = {
        "arguments": {"data": "x", "factor": "scale", "how": "reduction"},
        "values": {"reduction": {"mean": "avg", "none": None}},
        "canonical": {"extra": 0},
        **changes,
    }
    return Binding("scaled", "lib.theirs", theirs, **fields)


def scaled(*, canonical: bool = True, **parameters: Any) -> Call:
    return Call("scaled", {"x": np.ones(1)}, parameters, canonical=canonical)


def test_arguments_are_translated(spec: Spec) -> None:
    resolved = resolve([bound()], spec, scaled(scale=3.0, reduction="mean"))
    assert resolved({"x": "tensor"}) == ("tensor", 3.0, "avg", 0)


def test_what_a_call_leaves_out_is_left_out(spec: Spec) -> None:
    assert resolve([bound()], spec, scaled())({"x": "tensor"}) == ("tensor", 2.0, "avg", 0)


def test_an_absent_parameter_is_left_out(spec: Spec) -> None:
    assert resolve([bound()], spec, scaled(scale=None)).constants == {"extra": 0}


def test_canonical_extras_are_passed_only_when_asked_for(spec: Spec) -> None:
    assert resolve([bound()], spec, scaled(canonical=False)).constants == {}


def test_what_a_call_gives_goes_before_what_is_canonical(spec: Spec) -> None:
    binding = bound(canonical={"factor": 9.0})
    assert resolve([binding], spec, scaled(scale=3.0)).constants == {"factor": 3.0}
    assert resolve([binding], spec, scaled()).constants == {"factor": 9.0}
    assert spell([binding])["scaled"].text == "lib.theirs(data=x, factor=scale, how=reduction)"


def test_inputs_are_given_by_position_where_a_framework_takes_no_names(spec: Spec) -> None:
    binding = Binding(
        "scaled", "lib.double", lambda data, /: data + data, {"x": "x"}, positional=True
    )
    resolved = resolve([binding], spec, scaled())
    assert resolved({"x": 3}) == 6
    assert resolved.text() == "lib.double(x)"
    assert spell([binding])["scaled"].text == "lib.double(x)"


def test_a_value_may_be_translated_to_none(spec: Spec) -> None:
    resolved = resolve([bound()], spec, scaled(canonical=False, reduction="none"))
    assert resolved.constants == {"how": None}


def test_a_value_that_the_framework_does_not_have_is_unsupported(spec: Spec) -> None:
    with pytest.raises(Unsupported, match=r"lib.theirs has no reduction=sum"):
        resolve([bound()], spec, scaled(reduction="sum"))


def test_a_parameter_without_argument_is_supported_at_its_default(spec: Spec) -> None:
    binding = bound(arguments={"data": "x"}, values={})
    assert resolve([binding], spec, scaled(scale=1.0)).constants == {"extra": 0}


def test_a_parameter_without_argument_is_unsupported_elsewhere(spec: Spec) -> None:
    with pytest.raises(Unsupported, match=r"lib.theirs has no scale"):
        resolve([bound(arguments={"data": "x"}, values={})], spec, scaled(scale=2.0))


def test_an_old_argument_is_passed_where_it_is_bound(spec: Spec) -> None:
    binding = bound(arguments={"data": "x", "extra": "average"}, values={}, canonical={})
    assert resolve([binding], spec, scaled(average=True)).constants == {"extra": True}


def test_an_old_argument_is_unsupported_where_it_is_not_bound(spec: Spec) -> None:
    with pytest.raises(Unsupported, match=r"lib.theirs has no average"):
        resolve([bound()], spec, scaled(average=True))


def test_an_input_without_argument_is_unsupported(spec: Spec) -> None:
    call = Call("scaled", {"x": np.ones(1), "weight": np.ones(1)}, {})
    with pytest.raises(Unsupported, match=r"lib.theirs has no weight"):
        resolve([bound()], spec, call)


def test_the_first_binding_that_takes_the_parameters_is_taken(spec: Spec) -> None:
    only_sum = bound(when={"reduction": "sum"}, arguments={"data": "x"}, values={})
    assert resolve([only_sum, bound()], spec, scaled()).binding == bound()
    assert resolve([only_sum, bound()], spec, scaled(reduction="sum")).binding == only_sum


def test_no_binding_that_takes_the_parameters_says_what_there_is(spec: Spec) -> None:
    binding = bound(when={"reduction": "sum"})
    with pytest.raises(Unsupported, match=r"there is only lib.theirs \(reduction=sum\)"):
        resolve([binding], spec, scaled())


def test_a_function_without_binding_is_unsupported(spec: Spec) -> None:
    with pytest.raises(Unsupported, match="no binding of scaled"):
        resolve([], spec, scaled())


def test_an_input_of_other_dimensions_is_unsupported(spec: Spec) -> None:
    with pytest.raises(Unsupported, match="only for x of 2 dimensions"):
        resolve([bound(dimensions={"x": 2})], spec, scaled())


@pytest.mark.parametrize(
    "changes",
    [{"arguments": {"data": "x", "factor": "scal"}, "values": {}}, {"when": {"scal": 1.0}}],
    ids=["arguments", "when"],
)
def test_a_name_that_the_spec_does_not_have_names_the_binding_and_is_no_lack_of_the_framework(
    spec: Spec, changes: dict[str, Any]
) -> None:
    with pytest.raises(UsageError, match=r"lib.theirs: .*has no 'scal'; did you mean 'scale'"):
        resolve([bound(**changes)], spec, scaled(scale=3.0))


@pytest.mark.parametrize(
    "changes",
    [{"values": {"reduction": {"meen": "avg"}}}, {"when": {"reduction": "meen"}}],
    ids=["values", "when"],
)
def test_a_choice_that_the_spec_does_not_have_is_no_lack_of_the_framework(
    spec: Spec, changes: dict[str, Any]
) -> None:
    wrong = r"lib.theirs: reduction in .* is never 'meen'; did you mean 'mean'"
    with pytest.raises(UsageError, match=wrong):
        resolve([bound(**changes)], spec, scaled(reduction="mean"))


def test_dimensions_are_those_of_an_input(spec: Spec) -> None:
    with pytest.raises(UsageError, match=r"lib.theirs: .*has no input 'scale'"):
        resolve([bound(dimensions={"scale": 2})], spec, scaled())


def test_old_arguments_are_names_of_the_spec(spec: Spec) -> None:
    check(bound(arguments={"data": "x", "extra": "average"}, values={}), spec)


def test_values_need_an_argument() -> None:
    with pytest.raises(UsageError, match="values for"):
        bound(arguments={"data": "x"})


def test_a_spelling_has_the_call_and_the_frameworks_defaults() -> None:
    spelling = spell([bound()])["scaled"]
    assert spelling.text == "lib.theirs(data=x, factor=scale, how=reduction, extra=0)"
    assert spelling.defaults == {"scale": "2.0", "reduction": "avg", "extra": "7"}


def test_constants_are_written_as_python() -> None:
    text = spell([bound(canonical={"extra": float("inf")})])["scaled"].text
    assert text.endswith('extra=float("inf"))')


# --- frameworks -------------------------------------------------------------------------------

Asked = tuple[Pool, Hello]


@pytest.fixture(scope="module")
def workers() -> Iterator[Pool]:
    with Pool() as pool:
        yield pool


@pytest.fixture(scope="module", params=FRAMEWORKS)
def framework(request: pytest.FixtureRequest, workers: Pool) -> Asked:
    return start(workers, request.param)


@pytest.fixture(scope="module")
def torch(workers: Pool) -> Asked:
    return start(workers, "torch")


@pytest.fixture(scope="module")
def tensorflow(workers: Pool) -> Asked:
    return start(workers, "tensorflow")


STARTED: dict[str, Hello | Unavailable] = {}


def start(pool: Pool, name: str) -> Asked:
    if name not in STARTED:
        STARTED[name] = pool.open(Target(name, "", "")).result(PATIENCE)
    hello = STARTED[name]
    if isinstance(hello, Unavailable):
        pytest.skip(hello.reason)
    return pool, hello


def spec_of(function: str) -> Spec:
    (path,) = SPECS.glob(f"*/{function}.yaml")
    return read(path)


def ask(asked: Asked, call: Call) -> Reply:
    pool, hello = asked
    return pool.ask(hello.target, spec_of(call.function), [call], PATIENCE).result(PATIENCE)[0]


def value(asked: Asked, function: str, inputs: dict[str, Any], **parameters: Any) -> Array:
    reply = ask(asked, Call(function, arrays(inputs), parameters))
    assert isinstance(reply, Answer), reply
    return reply.outputs["output"]


def refusal(asked: Asked, function: str, inputs: dict[str, Any], **parameters: Any) -> Refusal:
    reply = ask(asked, Call(function, arrays(inputs), parameters))
    assert isinstance(reply, Refusal), reply
    return reply


def arrays(inputs: dict[str, Any]) -> dict[str, Array]:
    made = {name: np.asarray(given) for name, given in inputs.items()}
    return {n: a.astype(np.float32) if a.dtype == np.float64 else a for n, a in made.items()}


FUNCTIONS = sorted(path.stem for path in SPECS.glob("*/*.yaml"))


def plain(function: str) -> Call:
    """Return a call of moderate numbers, with the arguments that the spec has by default."""
    spec = read(next(SPECS.glob(f"*/{function}.yaml")))
    random = np.random.default_rng(0)
    inputs = moderate(spec, spec.defaults, (2, 3), FORMATS["float32"], random)
    return Call(function, required(spec, inputs), spec.defaults)


def test_every_special_value_comes_back_bit_for_bit(framework: Asked) -> None:
    assert framework[1].unfaithful == {}


def test_all_four_formats_can_be_sent(framework: Asked) -> None:
    assert set(framework[1].dtypes) == set(FORMATS)


def test_every_function_is_bound_or_absent_with_a_reason(framework: Asked) -> None:
    hello = framework[1]
    assert sorted({*hello.functions, *hello.absent}) == FUNCTIONS
    assert set(hello.functions) & set(hello.absent) == set()
    assert all(hello.absent.values())


@pytest.mark.parametrize("function", FUNCTIONS)
def test_bindings_and_specs_agree_about_names(framework: Asked, function: str) -> None:
    reply = ask(framework, plain(function))
    assert isinstance(reply, Answer) or reply.kind is Kind.UNSUPPORTED, reply


@pytest.mark.parametrize("dtype", FORMATS)
def test_the_dtype_of_an_answer_is_the_inputs(framework: Asked, dtype: str) -> None:
    x = np.array([-1, 2]).astype(FORMATS[dtype].numpy)
    assert value(framework, "relu", {"x": x.astype(np.float32)}).dtype == np.float32
    reply = ask(framework, Call("relu", {"x": x}, {}))
    assert isinstance(reply, Answer)
    assert reply.outputs["output"].dtype.name == dtype


def test_a_gradient_is_the_frameworks_times_the_cotangent(framework: Asked) -> None:
    call = Call(
        "relu",
        arrays({"x": [-1.0, 2.0]}),
        {},
        want=Want.GRADIENT,
        wrt=("x",),
        cotangent=np.array([3, 5], np.float32),
    )
    reply = ask(framework, call)
    assert isinstance(reply, Answer)
    assert reply.outputs["x"].tolist() == [0, 5]


def test_an_index_out_of_range_is_raised_and_not_unsupported(framework: Asked) -> None:
    inputs = {"input": [[0.0, 1.0]], "target": [2]}
    reply = refusal(framework, "cross_entropy_loss", inputs, reduction="none")
    assert reply.kind is Kind.RAISED


def test_a_dtype_without_kernel_is_unsupported(framework: Asked) -> None:
    inputs = {"x": np.array([1, 2])}
    reply = refusal(framework, "softmax", inputs, dim=0)
    assert reply.kind is Kind.UNSUPPORTED


def test_axes_are_passed(framework: Asked) -> None:
    x = {"x": [[0.0, 0.0], [0.0, 100.0]]}
    assert value(framework, "softmax", x, dim=0)[0] == pytest.approx([0.5, 0.0])
    assert value(framework, "softmax", x, dim=1)[0] == pytest.approx([0.5, 0.5])


def test_classes_and_probabilities_give_the_same_loss(framework: Asked) -> None:
    scores = [[1.0, 2.0, 4.0]]
    classes = value(
        framework,
        "cross_entropy_loss",
        {"input": scores, "target": [1]},
        target_type="class",
        reduction="none",
    )
    probabilities = value(
        framework,
        "cross_entropy_loss",
        {"input": scores, "target": [[0.0, 1.0, 0.0]]},
        target_type="probability",
        reduction="none",
    )
    assert classes == pytest.approx(probabilities)


@pytest.mark.parametrize(
    ("function", "each"),
    [("mse_loss", [1.0, 9.0]), ("l1_loss", [1.0, 3.0]), ("huber_loss", [0.5, 2.5])],
)
def test_reductions_mean_what_the_spec_says(
    framework: Asked, function: str, each: list[float]
) -> None:
    inputs = {"input": [1.0, 3.0], "target": [0.0, 0.0]}
    wanted = {"none": each, "sum": sum(each), "mean": sum(each) / 2}
    for reduction, want in wanted.items():
        assert value(framework, function, inputs, reduction=reduction).tolist() == want
    assert value(framework, function, inputs).tolist() == sum(each) / 2


def test_a_weighted_mean_divides_by_the_number_of_elements(framework: Asked) -> None:
    half = {"input": [0.5, 0.5], "target": [1.0, 1.0], "weight": [0.0, 4.0]}
    assert value(framework, "bce_loss", half, reduction="mean") == pytest.approx(2 * np.log(2))


def test_the_delta_of_a_huber_loss_is_passed(framework: Asked) -> None:
    inputs = {"input": [3.0], "target": [0.0]}
    assert value(framework, "huber_loss", inputs, delta=2.0, reduction="none").tolist() == [4.0]


def test_torch_works_in_place(torch: Asked) -> None:
    reply = ask(torch, Call("relu", arrays({"x": [-1.0, 2.0]}), {"inplace": True}, Want.INPLACE))
    assert isinstance(reply, Answer)
    assert (reply.changed, reply.shares) == (("x",), ("x",))


def test_torch_refuses_to_overwrite_what_autograd_needs(torch: Asked) -> None:
    call = Call("relu", arrays({"x": [-1.0, 2.0]}), {"inplace": True}, Want.SAVED, ("x",))
    reply = ask(torch, call)
    assert isinstance(reply, Refusal)
    assert (reply.kind, reply.error) == (Kind.RAISED, "RuntimeError")
    assert "modified by an inplace operation" in reply.message


def test_torch_allows_to_keep_what_autograd_needs(torch: Asked) -> None:
    call = Call("relu", arrays({"x": [0.0]}), {}, Want.SAVED, ("x",))
    reply = ask(torch, call)
    assert isinstance(reply, Answer)
    assert reply.outputs["x"].tolist() == [1.0]


def test_torch_takes_old_arguments(torch: Asked) -> None:
    inputs = {"input": [1.0, 3.0], "target": [0.0, 0.0]}
    assert value(torch, "mse_loss", inputs, size_average=False).tolist() == 10.0


def test_a_seed_repeats_random_numbers_and_another_does_not(torch: Asked) -> None:
    x = np.full(8, -1, np.float32)
    calls = [Call("rrelu", {"x": x}, {"training": True}, seed=seed) for seed in (1, 2, 1)]
    replies = [ask(torch, call) for call in calls]
    one, two, again = [r.outputs["output"].tolist() for r in replies if isinstance(r, Answer)]
    assert one == again
    assert one != two


def test_tensorflow_has_no_in_place(tensorflow: Asked) -> None:
    reply = refusal(tensorflow, "relu", {"x": [1.0]}, inplace=True)
    assert (reply.kind, reply.message) == (Kind.UNSUPPORTED, "tf.nn.relu has no inplace")


def test_an_approximation_is_passed(framework: Asked) -> None:
    exact, near = (
        value(framework, "gelu", {"x": [-3.0]}, approximate=choice)[0]
        for choice in ("none", "tanh")
    )
    assert exact == pytest.approx(-0.0040497, abs=1e-6)
    assert near == pytest.approx(-0.0036374, abs=1e-6)


def test_torch_cuts_softplus_where_it_is_told_to_or_where_it_does_itself(torch: Asked) -> None:
    x = {"x": [5.5, 100.0]}
    assert value(torch, "softplus", x, threshold=5.0).tolist() == [5.5, 100.0]
    # not passed on: torch's exp would be infinite
    uncut = value(torch, "softplus", x, threshold=np.inf)
    assert uncut == pytest.approx([5.5 + np.log1p(np.exp(-5.5)), 100.0])


def test_tensorflow_cuts_no_softplus(tensorflow: Asked) -> None:
    reply = refusal(tensorflow, "softplus", {"x": [1.0]}, threshold=5.0)
    assert (reply.kind, reply.message) == (
        Kind.UNSUPPORTED,
        "tf.math.softplus has no threshold",
    )


def test_tensorflow_reduces_no_cross_entropy(tensorflow: Asked) -> None:
    reply = refusal(tensorflow, "cross_entropy_loss", {"input": [[0.0, 1.0]], "target": [1]})
    assert reply.kind is Kind.UNSUPPORTED
    assert "target_type=class, reduction=none" in reply.message


def test_tensorflow_adds_an_epsilon_unless_told_otherwise(tensorflow: Asked) -> None:
    inputs = arrays({"input": [0.0], "target": [1.0]})
    own, meant = (
        ask(tensorflow, Call("bce_loss", inputs, {"reduction": "none"}, canonical=canonical))
        for canonical in (False, True)
    )
    assert isinstance(own, Answer)
    assert isinstance(meant, Answer)
    assert own.outputs["output"] == pytest.approx(-np.log(1e-7))
    assert meant.outputs["output"].tolist() == [np.inf]


def test_tensorflow_declares_that_it_flushes_and_torch_does_not(
    torch: Asked, tensorflow: Asked
) -> None:
    assert torch[1].flushes == {}
    assert tensorflow[1].flushes["float32"] == ("inputs", "results")


# --- NumPy's own functions --------------------------------------------------------------------


@pytest.fixture(scope="module")
def ufuncs(workers: Pool) -> Asked:
    return start(workers, "numpy_ufunc")


def test_every_function_is_numpys_or_not_in_numpy_with_a_reason(ufuncs: Asked) -> None:
    hello = ufuncs[1]
    assert all(isinstance(getattr(np, name), np.ufunc) for name in hello.functions)
    assert set(FUNCTIONS) - set(hello.functions) - set(hello.absent) == set()
    assert all(hello.absent.values())


def test_numpy_lends_its_name_to_no_function_of_ml_dtypes(ufuncs: Asked) -> None:
    assert set(ufuncs[1].dtypes) == {"float64", "float32", "float16"}
    reply = ask(ufuncs, Call("exp", {"x": np.ones(2, FORMATS["bfloat16"].numpy)}, {}))
    assert isinstance(reply, Refusal)
    assert reply.kind is Kind.UNSUPPORTED


def test_numpys_functions_are_called_and_not_the_formula(ufuncs: Asked) -> None:
    x = np.linspace(-5, 5, 1001, dtype=np.float32)
    for function in ufuncs[1].functions:
        with np.errstate(all="ignore"):
            wanted = getattr(np, function)(x)
        assert value(ufuncs, function, {"x": x}).tobytes() == wanted.tobytes()


def test_an_array_without_dimensions_stays_one(ufuncs: Asked) -> None:
    assert value(ufuncs, "exp", {"x": np.float32(1)}).shape == ()


def test_numpy_has_no_gradients(ufuncs: Asked) -> None:
    x = np.ones(2, np.float32)
    reply = ask(ufuncs, Call("exp", {"x": x}, {}, Want.GRADIENT, ("x",), x))
    assert isinstance(reply, Refusal)
    assert reply.kind is Kind.UNSUPPORTED
    assert reply.message == "NumPy has no automatic differentiation"


def test_the_instruction_sets_that_numpy_selects_are_told(ufuncs: Asked) -> None:
    program = "from trysquare_backends.numpy_ufunc import simd; print(simd())"

    def told(**more: str) -> set[str]:
        environment = {"PYTHONPATH": ":".join(sys.path), **more}
        command = [sys.executable, "-W", "ignore", "-c", program]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return set(done.stdout.split())

    everything = told()
    assert " ".join(sorted(everything)) == " ".join(sorted(ufuncs[1].environment["simd"].split()))
    for name in everything - {"X86_V2"}:
        assert name not in told(NPY_DISABLE_CPU_FEATURES=" ".join(everything - {"X86_V2"}))


def test_a_script_of_numpy_needs_nothing_but_numpy(ufuncs: Asked) -> None:
    call = Call("log", {"x": np.array([0x3F486945], np.uint32).view(np.float32)}, {})
    claim = Claim(Symptom.INACCURATE, index=(0,), want=-0.24480614, allowed=2.0**-20)
    text = script(ufuncs, call, claim)
    assert "output = np.log(x)" in text
    assert outcome(text)[0] == 0


# --- runtimes of models -----------------------------------------------------------------------

RUNTIMES = ("onnxruntime", "openvino")
EXPANDED = Target("onnxruntime", "cpu", "expanded")


@pytest.fixture(scope="module", params=RUNTIMES)
def runtime(request: pytest.FixtureRequest, workers: Pool) -> Asked:
    return start(workers, request.param)


@pytest.fixture(scope="module")
def onnx(workers: Pool) -> Asked:
    return start(workers, "onnxruntime")


@pytest.fixture(scope="module")
def expanded(onnx: Asked) -> Asked:
    hello = onnx[0].open(EXPANDED).result(PATIENCE)
    assert isinstance(hello, Hello), hello
    return onnx[0], hello


@pytest.fixture(scope="module")
def openvino(workers: Pool) -> Asked:
    return start(workers, "openvino")


def test_every_function_is_an_operation_or_absent_with_a_reason(runtime: Asked) -> None:
    hello = runtime[1]
    assert set(FUNCTIONS) - set(hello.functions) - set(hello.absent) == set()
    assert set(hello.functions) & set(hello.absent) == set()
    assert all(hello.absent.values())


@pytest.mark.parametrize("function", FUNCTIONS)
def test_operations_and_specs_agree_about_names(runtime: Asked, function: str) -> None:
    reply = ask(runtime, plain(function))
    assert isinstance(reply, Answer) or reply.kind is Kind.UNSUPPORTED, reply


def test_a_runtime_keeps_every_special_value_bit_for_bit(runtime: Asked) -> None:
    assert runtime[1].unfaithful == {}


def test_a_runtime_has_no_gradients(runtime: Asked) -> None:
    x = np.ones(2, np.float32)
    reply = ask(runtime, Call("exp", {"x": x}, {}, Want.GRADIENT, ("x",), x))
    assert isinstance(reply, Refusal)
    assert (reply.kind, reply.message.endswith("has no gradients")) == (Kind.UNSUPPORTED, True)


def test_a_runtime_makes_an_array_without_dimensions_of_one(runtime: Asked) -> None:
    assert value(runtime, "exp", {"x": np.float32(1)}).shape == ()


def test_a_zero_and_a_negative_zero_are_two_settings(runtime: Asked) -> None:
    x = np.array([-3.0], np.float32)
    for alpha in (0.0, -0.0):
        (given,) = value(runtime, "elu", {"x": x}, alpha=alpha)
        assert np.signbit(given) == (alpha * np.expm1(x[0]) == 0 and not np.signbit(alpha))


def test_the_defaults_of_an_operator_are_those_of_its_schema(onnx: Asked) -> None:
    functions = onnx[1].functions
    assert functions["leaky_relu"].defaults == {"negative_slope": "0.01"}
    assert functions["hard_sigmoid"].defaults == {"alpha": "0.2"}
    assert functions["gelu"].defaults == {"approximate": "none"}
    assert functions["softmax"].defaults == {"dim": "-1"}
    assert functions["threshold"].defaults == {"threshold": "1.0"}
    assert functions["soft_shrink"].defaults == {"lambd": "0.5"}


def test_no_class_is_ignored_unless_the_model_says_so(onnx: Asked) -> None:
    inputs = arrays({"input": [[0.0, 0.0], [5.0, 0.0]], "target": [0, -100]})
    own, meant = (
        ask(onnx, Call("cross_entropy_loss", inputs, {}, canonical=canonical))
        for canonical in (False, True)
    )
    assert isinstance(own, Refusal)
    assert isinstance(meant, Answer)
    assert meant.outputs["output"] == pytest.approx(np.log(2))


def test_an_operator_without_a_kernel_for_a_dtype_is_unsupported(onnx: Asked) -> None:
    reply = ask(onnx, Call("erf", {"x": np.ones(2)}, {}))
    assert isinstance(reply, Refusal)
    assert (reply.kind, "Could not find an implementation" in reply.message) == (
        Kind.UNSUPPORTED,
        True,
    )


def test_what_the_standard_does_not_define_by_others_has_no_expansion(expanded: Asked) -> None:
    assert expanded[1].absent["tanh"] == "ONNX defines Tanh by no other operators"
    assert "tanh" not in expanded[1].functions
    assert "elu" in expanded[1].functions


def test_an_expansion_is_another_computation(onnx: Asked, expanded: Asked) -> None:
    x = np.array([-17.0], np.float32)
    assert value(onnx, "softplus", {"x": x}) == pytest.approx(np.exp(-17.0))
    assert value(expanded, "softplus", {"x": x}) == 0  # log(exp(x) + 1)


def test_a_slope_for_each_channel_of_an_image_is_one(runtime: Asked) -> None:
    x = [[[-1.0, 1.0, -2.0], [-4.0, -8.0, 0.5]]]
    given = value(runtime, "prelu", {"x": x, "weight": [2.0, 0.5]})
    assert given.tolist() == [[[-2.0, 1.0, -4.0], [-2.0, -4.0, 0.5]]]


def test_float64_is_not_sent_to_a_plugin_that_computes_in_float32(openvino: Asked) -> None:
    assert set(openvino[1].dtypes) == {"float32", "float16", "bfloat16"}


def test_a_script_of_onnx_runtime_builds_the_model_that_was_measured(onnx: Asked) -> None:
    x = np.array([0xB2800000], np.uint32).view(np.float32)
    claim = Claim(Symptom.LOST, index=(0,), want=float(x[0]), allowed=2.0**-48)
    text = script(onnx, Call("elu", {"x": x}, {}), claim)
    assert 'output = functools.partial(run, "Elu", 22, "node", "CPUExecutionProvider")(X=x)' in text
    assert "trysquare" not in text
    assert outcome(text)[0] == 1


def test_a_script_of_openvino_builds_the_model_that_was_measured(openvino: Asked) -> None:
    x = np.array([np.nan], np.float32)
    claim = Claim(Symptom.NAN, index=(0,), want=float("nan"))
    text = script(openvino, Call("relu", {"x": x}, {}), claim)
    assert 'output = functools.partial(run, "relu")(x)' in text
    assert "trysquare" not in text
    assert outcome(text)[0] == 1


# --- reproductions ----------------------------------------------------------------------------


def script(asked: Asked, call: Call, claim: Claim) -> str:
    pool, hello = asked
    spec = spec_of(call.function)
    return pool.reproduce(hello.target, spec, call, claim, PATIENCE).result(PATIENCE)


def outcome(text: str) -> tuple[int, str]:
    """Run a script in a fresh process, without any module of ours."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", text], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def lines(text: str) -> int:
    return len(text.splitlines())


def test_a_script_fails_where_the_divergence_shows(framework: Asked) -> None:
    call = Call("sigmoid", arrays({"x": [-89.0, 0.0]}), {})
    text = script(framework, call, Claim(Symptom.LOST, index=(0,), want=2.2e-39, allowed=1e-45))
    code, said = outcome(text)
    assert code == 1
    assert "got  0.0 0x0.0p+0" in said
    assert "AssertionError" in said
    assert lines(text) <= 25


def test_a_script_passes_where_the_answer_is_right(framework: Asked) -> None:
    call = Call("sigmoid", arrays({"x": [-89.0, 0.0]}), {})
    code, said = outcome(script(framework, call, Claim(Symptom.INACCURATE, index=(1,), want=0.5)))
    assert code == 0
    assert said.startswith("got  0.5 0x1.0000000000000p-1\nwant 0.5 0x1.0000000000000p-1\n")


def test_a_script_knows_gradients_of_bfloat16(framework: Asked) -> None:
    bfloat16 = FORMATS["bfloat16"].numpy
    call = Call(
        "relu",
        {"x": np.array([-1, 2], bfloat16)},
        {},
        want=Want.GRADIENT,
        wrt=("x",),
        cotangent=np.array([3, 5], bfloat16),
    )
    claim = Claim(Symptom.INACCURATE, output="x", index=(1,), want=5.0)
    code, said = outcome(script(framework, call, claim))
    assert (code, said.splitlines()[0]) == (0, "got  5.0 0x1.4000000000000p+2")


def test_a_script_fails_where_an_error_is_wanted_and_none_comes(framework: Asked) -> None:
    call = Call("relu", arrays({"x": [1.0]}), {})
    code, said = outcome(script(framework, call, Claim(Symptom.ACCEPTED)))
    assert code == 1
    assert "accepted, gives" in said


def test_a_script_fails_where_the_call_is_refused(framework: Asked) -> None:
    call = Call("softmax", arrays({"x": [1.0]}), {"dim": 7})
    assert outcome(script(framework, call, Claim(Symptom.RAISED)))[0] == 1


def test_a_script_of_a_refusal_passes_where_the_error_comes(torch: Asked) -> None:
    call = Call("relu", arrays({"x": [1.0]}), {"inplace": True}, Want.SAVED, ("x",))
    assert outcome(script(torch, call, Claim(Symptom.ACCEPTED)))[0] == 0


@pytest.mark.parametrize(
    ("claim", "code"),
    [
        (Claim(Symptom.DTYPE, dtype="float64"), 1),
        (Claim(Symptom.DTYPE, dtype="float32"), 0),
        (Claim(Symptom.SHAPE, shape=(1, 2)), 1),
        (Claim(Symptom.SHAPE, shape=(2,)), 0),
        (Claim(Symptom.STORAGE), 0),
        (Claim(Symptom.MUTATED), 1),
        (Claim(Symptom.NAN, index=(1,), want=float("nan")), 1),
        (Claim(Symptom.INFINITY, index=(1,), want=float("-inf")), 1),
        (Claim(Symptom.SIGN_OF_ZERO, index=(0,), want=-0.0), 1),
        (Claim(Symptom.SIGN_OF_ZERO, index=(0,), want=0.0), 0),
        (Claim(None), 0),
    ],
    ids=str,
)
def test_a_script_checks_what_the_symptom_says(torch: Asked, claim: Claim, code: int) -> None:
    call = Call("relu", arrays({"x": [-1.0, 2.0]}), {"inplace": True}, Want.INPLACE)
    assert outcome(script(torch, call, claim))[0] == code


def test_a_script_repeats_a_seeded_call(torch: Asked) -> None:
    call = Call("rrelu", {"x": np.full(8, -1, np.float32)}, {"training": True}, seed=5)
    reply = ask(torch, call)
    assert isinstance(reply, Answer)
    want = float(reply.outputs["output"][7])
    claim = Claim(Symptom.INACCURATE, index=(7,), want=want)
    assert outcome(script(torch, call, claim))[0] == 0


def test_all_patterns_of_a_format_are_written_as_a_range(torch: Asked) -> None:
    x = FORMATS["float16"].from_bits(np.arange(1 << 16))
    text = script(torch, Call("relu", {"x": x}, {}), Claim(Symptom.SHAPE, shape=(3,)))
    assert "np.arange(65536, dtype=np.uint16).view(np.float16)" in text
    assert "got  (65536,)" in outcome(text)[1]


def test_a_long_input_travels_compressed(torch: Asked) -> None:
    numbers = np.random.default_rng(1).normal(size=100).astype(np.float32)
    inputs = {"input": numbers, "target": np.zeros(100, np.float32)}
    want = float(value(torch, "mse_loss", inputs, reduction="sum"))
    text = script(
        torch,
        Call("mse_loss", inputs, {"reduction": "sum"}),
        Claim(Symptom.INACCURATE, index=(), want=want),
    )
    assert "zlib.decompress" in text
    assert outcome(text)[0] == 0


FALLEN = """\
import sys
from trysquare.backend import Target, Unavailable
from trysquare.workers.worker import greet
met = greet(Target(*sys.argv[1].split(":")))
print(met.reason if isinstance(met, Unavailable) else f"it runs as {met[0].mode()}")
"""
EAGERLY = "import tensorflow as tf\ntf.config.run_functions_eagerly(True)\n"


@pytest.mark.parametrize(
    ("target", "setting", "before", "said"),
    [
        ("jax:cpu:jit", "JAX_DISABLE_JIT", "", "it runs as jit"),
        ("tensorflow:cpu:xla", "", EAGERLY, "asked to run as xla, it runs as eager"),
        ("tensorflow:cpu:xla", "", "", "it runs as xla"),
        ("torch:cpu:vmap", "", "", "it runs as vmap"),
    ],
)
def test_no_setting_of_a_framework_passes_eager_results_off_as_a_mode(
    target: str, setting: str, before: str, said: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", before + FALLEN, target],
        env={"PYTHONPATH": ":".join(sys.path)} | ({setting: "1"} if setting else {}),
        check=True,
        capture_output=True,
        text=True,
    )
    assert said in done.stdout


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("tensorflow:cpu:function", "tf.function(tf.nn.elu)(features=x)"),
        ("tensorflow:cpu:xla", "tf.function(tf.nn.elu, jit_compile=True)(features=x)"),
        (
            "torch:cpu:compile",
            "(torch.compile(torch.nn.functional.elu, fullgraph=True, dynamic=True))(input=x)",
        ),
    ],
)
def test_a_mode_is_what_a_reproduction_calls(target: str, code: str) -> None:
    wanted = selection.target(target)
    with Session([wanted.backend], 0, wanted=[wanted]) as session:
        call = Call("elu", {"x": np.zeros(2, np.float32)}, {})
        spec = read(SPECS / "activations" / "elu.yaml")
        claim = Claim(None)
        assert code in session.pool.reproduce(wanted, spec, call, claim, PATIENCE).result()


@pytest.mark.skipif(not LONG, reason="only `make long` compiles")
def test_what_a_binding_raises_while_it_is_compiled_is_unsupported() -> None:
    target = selection.target("torch:cpu:compile")
    with Session([target.backend], 0, wanted=[target]) as session:
        if isinstance(session.pool.open(target).result(PATIENCE), Unavailable):
            pytest.skip("no compiler")
        call = Call("glu", arrays({"a": 1.0, "b": 1.0}), {})
        (reply,) = session.pool.ask(target, spec_of("glu"), [call], PATIENCE).result(PATIENCE)
    assert isinstance(reply, Refusal)
    assert reply.kind is Kind.UNSUPPORTED
