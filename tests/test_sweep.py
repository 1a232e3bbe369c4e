"""A sweep's truth is proven, its verdicts are those of a run, and what is cut short goes on."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import workshop
from trysquare.__main__ import main
from trysquare.backend import Target
from trysquare.dtypes import BFLOAT16, FLOAT16, FLOAT32, Format
from trysquare.engines.likeness import Sheet
from trysquare.formula.parser import parse
from trysquare.record import Run
from trysquare.record_form import encode
from trysquare.result import Expectation, Limits, Outcome, Result, Symptom
from trysquare.results_file import read
from trysquare.sweep.campaign import Pace, Range, Sweeping
from trysquare.sweep.chart import BLOCK, Chart, Kind
from trysquare.sweep.evaluation import BlockTruth, Evaluator
from trysquare.sweep.pairs import Pairs
from trysquare.sweep.runner import Job, Member, Runner
from trysquare.sweep.segment import Part, Segment, whole
from trysquare.sweep.subject import Subject, variable
from trysquare.sweep.surveyor import HALF, INFINITY, number
from trysquare.sweep.surveys import Surveys
from trysquare_miniatures.liars import LIARS as SHIPPED
from workshop import SPECS, some

UNARY = [name for name, spec in SPECS.items() if variable(spec) is not None]
SPECIAL = (0, 0x7F, 0x80, 0x7FFF, 0x8000, HALF // BLOCK + 0x7F7F, HALF // BLOCK + 0x7F80)
"""Blocks with NaN, infinities, the largest numbers and zeros."""


def surveys(subject: Subject) -> Surveys:
    return Surveys(subject, None)


def chosen(function: str) -> list[int]:
    """Blocks worth a look: special ones, those around 1, and some at random."""
    picked = np.random.default_rng([ord(letter) for letter in function])
    near = [HALF // BLOCK + 0x3F80, HALF // BLOCK - 1 - 0x3F80, HALF // BLOCK + 0x4120]
    tails = [HALF // BLOCK - 1 - bits for bits in (0x4100, 0x4180, 0x42B0, 0x42C8, 0x42CF)]
    return sorted({*SPECIAL, *near, *tails, *picked.integers(0, 1 << 16, 8).tolist()})


@pytest.mark.parametrize(
    ("function", "what"), workshop.paired(some(UNARY, 3), ["value", "derivative"])
)
def test_models_are_as_close_to_the_truth_as_they_say(function: str, what: str) -> None:
    gradient = what == "derivative"
    subject = Subject(SPECS[function], FLOAT32, gradient)
    known = surveys(subject)
    numbers = np.random.default_rng(5)
    for block in chosen(function):
        chart = known.chart(block * BLOCK, (block + 1) * BLOCK)
        evaluator = Evaluator(known.surveyor, chart)
        truth = evaluator.block(block)
        places = np.unique(
            [0, 1, BLOCK // 2, BLOCK - 2, BLOCK - 1, *numbers.integers(0, BLOCK, 12)]
        )
        rounded = np.broadcast_to(truth.rounded, BLOCK)[places].copy()
        undecided = np.isin(places, truth.undecided)
        value = evaluator.values(truth)[places].copy()
        exact, wanted = subject.exact(places + block * BLOCK)
        unlike = ~same(rounded, wanted) & ~undecided
        assert not unlike.any(), (block, subject.at(places[unlike] + block * BLOCK))
        finite = np.isfinite(exact) & np.isfinite(value)
        assert np.array_equal(np.isnan(exact), np.isnan(value))
        apart = np.abs(value[finite] - exact[finite]) / FLOAT32.ulp(exact[finite])
        assert apart.max(initial=0.0) < 2.0**-20, block


def same(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Tell where patterns are of one number; all NaNs are one, and so are both zeros."""
    one, other = a.view(np.float32), b.view(np.float32)
    return np.asarray((one == other) | (np.isnan(one) & np.isnan(other)))


def charted(formula: str, block: int) -> tuple[Subject, BlockTruth, np.ndarray]:
    """A formula of x as a subject, the truth of a block of it, and the values there."""
    tree = parse(formula, frozenset({"x"}))
    subject = Subject(SPECS["sigmoid"], FLOAT32, gradient=False)
    vars(subject)["tree"] = tree
    known = surveys(subject)
    evaluator = Evaluator(known.surveyor, known.chart(block * BLOCK, (block + 1) * BLOCK))
    truth = evaluator.block(block)
    return subject, truth, evaluator.values(truth)


ZERO = HALF // BLOCK
"""The block that begins with +0: subnormal numbers."""


def test_a_slope_next_to_one_half_is_not_one_half() -> None:
    subject, truth, _ = charted("(1 / 2 + 1 / 1152921504606846976) * x", ZERO)
    halves = np.arange(1, BLOCK, 2)  # half of an odd number is a tie, and this is a bit more
    told = truth.rounded.copy()
    told[truth.undecided] = subject.truths(truth.undecided + HALF)[1]
    assert np.array_equal(told[halves], (halves + 1) // 2)


@pytest.mark.parametrize(("top", "bottom"), [(7, 100), (11, 30), (1, 6)])
def test_an_exact_tie_is_rounded_to_even(top: int, bottom: int) -> None:
    subject, _, _ = charted(f"x * ({top} / {bottom})", ZERO)
    ties = np.arange(bottom // 2, BLOCK * 64, bottom)[:3000]
    _, rounded = subject.truths(HALF + ties)
    below = ties * top // bottom
    assert np.array_equal(rounded, below + below % 2)


@pytest.mark.parametrize(
    ("formula", "x", "sign"),
    [
        ("erfc(x)", 13.0, 0),
        ("erfc(x)", 200.0, 0),
        ("-erfc(x)", 200.0, 1),
        ("x * erfc(-x)", -200.0, 1),
        ("x * erfc(-x)", -1e30, 1),
        ("exp(x)", -1e30, 0),
        ("maximum(x, 0)", -3.0, 0),
        ("x * 0", -3.0, 1),
    ],
)
def test_a_result_that_vanishes_is_a_zero_of_its_own_sign(
    formula: str, x: float, sign: int
) -> None:
    block = int(FLOAT32.positions(np.array(np.float32(x)).view(np.uint32))) // BLOCK
    _, truth, _ = charted(formula, block)
    assert truth.constant
    assert truth.rounded[0] == sign << 31


@pytest.mark.parametrize("gradient", [False, True], ids=["value", "derivative"])
def test_a_sum_of_what_vanishes_costs_no_questions(gradient: bool) -> None:  # noqa: FBT001
    known = surveys(Subject(SPECS["gelu"], FLOAT32, gradient))
    pieces = known.surveyor.survey(0x81 * BLOCK, 0x3000 * BLOCK)
    assert (pieces["kind"] == Kind.CONSTANT).all()


def test_both_signs_of_zero_meet_inside_of_a_block() -> None:
    formula, block = "(x - 1.00390625)**9", ZERO + 0x3F80
    subject, truth, _ = charted(formula, block)
    places = 0x8000 + np.array([-40, -3, -1, 1, 3, 40])
    _, wanted = subject.truths(places + block * BLOCK)
    assert (wanted[:3] == 1 << 31).all()
    assert (wanted[3:] == 0).all()
    told = np.where(np.isin(places, truth.undecided), wanted, truth.rounded[places])
    assert np.array_equal(told, wanted)


def test_what_a_function_makes_of_nan_is_its_value_there() -> None:
    _, _, value = charted("x if x > 0 else 1 / 3", ZERO + 0x7FC0)
    assert (value == float(np.float32(1 / 3))).all()


@pytest.mark.parametrize("function", ["silu", "gelu", "mish"])
def test_a_block_with_a_zero_has_no_limit_of_its_own(function: str) -> None:
    subject = Subject(SPECS[function], FLOAT32, gradient=True)
    firsts = np.arange(0x4050, 0x40D0) * BLOCK  # from -1.6 to -0.7
    signs = np.sign(subject.exact(firsts)[0])
    (place,) = firsts[:-1][signs[:-1] != signs[1:]]
    chart = surveys(subject).chart(int(place), int(place) + BLOCK)
    assert (chart.limits == [0.0, np.inf]).all()


def test_what_a_block_says_of_its_limits_holds_for_each_of_its_numbers() -> None:
    subject = Subject(SPECS["silu"], FLOAT32, gradient=True)
    numbers = np.random.default_rng(3)
    for block in [0x405B, 0x405C, 0x405D, *(ZERO + 0x3C00 + numbers.integers(0, 0x700, 4))]:
        chart = surveys(subject).chart(int(block) * BLOCK, (int(block) + 1) * BLOCK)
        standard = subject.standard(subject.at(np.arange(chart.start, chart.stop)))
        spacing = FLOAT32.ulp(standard.canonical.oracle.ieee)
        for flushes in (False, True):
            sure, beyond = chart.limits[0, int(flushes)]
            allowed = standard.limit(flushes=flushes)
            assert sure <= (allowed.least / spacing).min()
            assert (allowed.most / spacing).max() <= beyond


@pytest.mark.parametrize("function", some(UNARY, 3))
def test_a_chart_covers_its_range_without_gaps(function: str) -> None:
    subject = Subject(SPECS[function], FLOAT32, gradient=False)
    start, stop = HALF - 4 * BLOCK, HALF + 4 * BLOCK
    pieces = surveys(subject).chart(start, stop).pieces
    assert (pieces["start"][0], pieces["stop"][-1]) == (start, stop)
    assert (pieces["start"][1:] == pieces["stop"][:-1]).all()


@pytest.mark.parametrize(
    ("function", "gradient", "x"),
    [
        # the derivative is zero in the middle of the block: limits in ULP grow without bound
        ("silu", True, -1.2784645),
        ("gelu", True, -0.7517915),
        ("mish", True, -1.1925),
        ("softplus", False, -90.0),
        ("log", False, 1.0),
    ],
)
def test_what_a_block_decides_no_number_of_it_contradicts(
    function: str,
    gradient: bool,  # noqa: FBT001
    x: float,
) -> None:
    subject = Subject(SPECS[function], FLOAT32, gradient)
    start = int(FLOAT32.positions(np.array(np.float32(x)).view(np.uint32))) // BLOCK * BLOCK
    chart = surveys(subject).chart(start, start + BLOCK)
    standard = subject.standard(subject.at(np.arange(start, start + BLOCK)))
    for flushes in (False, True):
        sure, beyond = chart.limits[0][int(flushes)]
        spacing = FLOAT32.ulp(standard.canonical.truth.value)
        allowed = standard.limit(flushes=flushes)
        assert sure <= np.nanmin(allowed.least / spacing)
        assert np.nanmax(allowed.most / spacing) <= beyond


def test_what_follows_from_a_flushed_number_is_judged_by_itself() -> None:
    subject = Subject(SPECS["relu"], FLOAT32, gradient=True)
    subnormal = HALF + BLOCK
    keeps, flushes = surveys(subject).chart(subnormal, subnormal + BLOCK).limits[0]
    assert np.isfinite(keeps[1])
    assert np.isinf(flushes[1])


def test_a_tail_that_vanishes_is_a_constant() -> None:
    subject = Subject(SPECS["sigmoid"], FLOAT32, gradient=False)
    minus_200 = int(FLOAT32.positions(np.array(np.float32(-200)).view(np.uint32)))
    chart = surveys(subject).chart(minus_200 // BLOCK * BLOCK, (minus_200 // BLOCK + 1) * BLOCK)
    assert chart.pieces["kind"].tolist() == [Kind.CONSTANT]


def test_a_chart_is_read_back_and_a_damaged_one_is_made_again(tmp_path: Path) -> None:
    subject = Subject(SPECS["sigmoid"], FLOAT32, gradient=False)
    kept = Surveys(subject, tmp_path)
    first = kept.chart(HALF, HALF + BLOCK)
    (file,) = tmp_path.rglob("*.npz")
    assert equal(Surveys(subject, tmp_path).chart(HALF, HALF + BLOCK), first)
    whole = file.read_bytes()
    unending = b"\x93NUMPY\x01\x00\x0b\x00{'descr': [\n"
    damages = (b"", whole[: len(whole) // 2], b"PK" + bytes(100))
    for damage in (*damages, exchanged(whole, b"nothing"), exchanged(whole, unending)):
        file.write_bytes(damage)
        assert equal(Surveys(subject, tmp_path).chart(HALF, HALF + BLOCK), first)
        assert file.read_bytes() == whole or equal_file(file, first)


def exchanged(whole: bytes, pieces: bytes) -> bytes:
    """A file with other pieces, of which nothing tells that they are not those of a chart."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(stream, "w") as new:
        for name in old.namelist():
            new.writestr(name, pieces if name == "pieces.npy" else old.read(name))
    return stream.getvalue()


def equal(one: Chart, other: Chart) -> bool:
    return all(
        np.array_equal(a, b, equal_nan=a.dtype.kind == "f") if isinstance(a, np.ndarray) else a == b
        for a, b in zip(vars(one).values(), vars(other).values(), strict=True)
    )


def equal_file(file: Path, chart: Chart) -> bool:
    with np.load(file) as arrays:
        return np.array_equal(arrays["pieces"], chart.pieces)


def test_other_parameters_and_other_tolerances_have_other_charts() -> None:
    spec = SPECS["elu"]
    digests = {
        Subject(spec, FLOAT32, gradient=False).digest,
        Subject(spec, FLOAT32, gradient=True).digest,
        Subject(spec, FLOAT16, gradient=False).digest,
        Subject(SPECS["relu"], FLOAT32, gradient=False).digest,
        Subject(
            replace(spec, parameters=tuple(replace(p, default=0.5) for p in spec.parameters)),
            FLOAT32,
            gradient=False,
        ).digest,
    }
    assert len(digests) == 5


def test_a_function_of_more_than_one_number_is_not_swept() -> None:
    assert variable(SPECS["softmax"]) is None
    assert variable(SPECS["mse_loss"]) is None
    assert variable(SPECS["prelu"]) is None
    assert variable(SPECS["sigmoid"]) == "x"


# Whole sweeps, with backends that lie.

LIARS = "trysquare_miniatures.liars"
FEW = Range(1.0, 1.03)
"""Four blocks: liars are slow."""


def module_of(liar: str) -> str:
    """Where a worker finds a liar: among those that are shipped, or in prey.py."""
    return f"{LIARS}:{liar}" if liar in SHIPPED or liar == "truthful" else f"prey:{liar}"


def swept(  # noqa: PLR0913 - what may differ from sweep to sweep
    function: str,
    liar: str,
    numbers: Range | None = FEW,
    *,
    mode: str = "miniature",
    format: Format = FLOAT32,
    gradient: bool = False,
    seconds: float = 30.0,
    output: Path | None = None,
) -> Run:
    """Sweep one function of a miniature."""
    subject = Subject(SPECS[function], format, gradient)
    sweeping = Sweeping(
        (subject,), (), (Target(liar, "cpu", mode),), (module_of(liar),), numbers,
        Pace(1, Limits(seconds), None),
    )  # fmt: skip
    run, interrupted = sweeping.run(output, lambda done, _: done, resume=False)
    assert not interrupted
    return run


def only(run: Run) -> Result:
    (result,) = run.results
    return result


@pytest.mark.parametrize("function", ["sigmoid", "elu", "relu"])
def test_the_truth_conforms_everywhere_and_is_correctly_rounded(function: str) -> None:
    result = only(swept(function, "truthful"))
    assert (result.outcome, result.failed) == (Outcome.CONFORMS, 0)
    assert result.sweep is not None
    assert (result.sweep.inexact, result.sweep.worst) == (0, ())
    assert result.count == 4 * BLOCK


def test_a_target_that_runs_on_request_is_swept_where_it_is_named() -> None:
    result = only(swept("sigmoid", "on_request", Range(1.0, 1.0), mode="slow"))
    assert (result.target, result.outcome) == ("on_request:cpu:slow", Outcome.CONFORMS)


def test_one_wrong_number_among_all_is_found() -> None:
    result = only(swept("sigmoid", "one_number_is_off"))
    assert (result.outcome, result.symptom) == (Outcome.DIVERGES, Symptom.INACCURATE)
    assert (result.failed, result.count) == (1, 4 * BLOCK)
    sweep = result.sweep
    assert sweep is not None
    assert sweep.first == sweep.widest
    assert sweep.first is not None
    assert (sweep.first.low.bits, sweep.first.count) == ("0x3f80abcd", 1)
    assert result.worst is not None
    assert result.worst.inputs["x"].bits == "0x3f80abcd"


def test_an_ulp_too_much_is_not_correctly_rounded_and_conforms() -> None:
    result = only(swept("sigmoid", "off_by_one_ulp"))
    assert result.outcome is Outcome.CONFORMS
    assert result.sweep is not None
    assert result.sweep.inexact == result.count
    assert 1.0 <= result.max_ulp <= 1.5


def test_beyond_the_limit_everything_diverges_in_one_interval() -> None:
    result = only(swept("sigmoid", "beyond_the_limit"))
    assert (result.outcome, result.failed) == (Outcome.DIVERGES, result.count)
    assert result.sweep is not None
    assert result.sweep.intervals == 1
    assert result.sweep.widest is not None
    assert result.sweep.widest.count == result.count


def test_almost_at_the_limit_everything_conforms() -> None:
    result = only(swept("sigmoid", "almost_at_the_limit"))
    assert (result.outcome, result.failed) == (Outcome.CONFORMS, 0)


def test_a_lost_tail_is_counted() -> None:
    result = only(swept("sigmoid", "overflows_in_the_tail", Range(-89.0, -88.0)))
    assert result.symptom is Symptom.LOST
    assert result.discrete["zero where the truth is not zero"] == result.failed
    assert result.sweep is not None
    assert result.sweep.widest is not None
    assert float(result.sweep.widest.high.decimal) < -88.7


def test_nan_that_becomes_zero_is_found_in_every_nan() -> None:
    result = only(swept("relu", "nan_becomes_zero", Range(3e38, float("inf"))))
    assert result.symptom is Symptom.NAN
    assert result.failed == BLOCK - 1


def test_a_slope_of_two_at_a_kink_is_found() -> None:
    result = only(swept("relu", "two_at_the_kink", Range(-0.0, 0.0), gradient=True))
    assert (result.outcome, result.failed) == (Outcome.DIVERGES, 2)


@pytest.mark.parametrize("slope", ["truthful", "one_at_the_kink"])
def test_every_convention_at_a_kink_conforms(slope: str) -> None:
    result = only(swept("relu", slope, Range(-0.0, 0.0), gradient=True))
    assert (result.outcome, result.failed) == (Outcome.CONFORMS, 0)


def test_a_derivative_is_judged_at_numbers_alone() -> None:
    result = only(swept("softplus", "descends_upwards", Range(3e38, float("inf")), gradient=True))
    assert result.failed == result.count
    assert result.sweep is not None
    assert result.sweep.widest is not None
    assert float(result.sweep.widest.high.decimal) == pytest.approx(3.4028235e38)


def test_a_wrong_dtype_is_not_swept_and_said_so() -> None:
    result = only(swept("sigmoid", "returns_float64"))
    assert (result.outcome, result.expectation) == (Outcome.ERRORED, Expectation.UNEXPECTED)
    assert "float64" in result.reason


@pytest.mark.parametrize(
    ("liar", "outcome"),
    [
        ("dies_of_a_number", Outcome.CRASHED),
        ("hangs_at_a_number", Outcome.TIMED_OUT),
        ("rounds_upwards_from_a_number", Outcome.ERRORED),
    ],
)
def test_a_crash_costs_the_block_that_did_it(liar: str, outcome: Outcome) -> None:
    # one that hangs does so for each block of both, and for the one once more
    result = only(swept("sigmoid", liar, Range(1.0, 1.015), seconds=3.0))
    assert (result.outcome, result.expectation) == (outcome, Expectation.UNEXPECTED)
    assert result.count == BLOCK
    assert result.reason.startswith(f"{BLOCK} numbers have no answer")


@pytest.mark.parametrize("format", [FLOAT16, BFLOAT16], ids=lambda format: format.name)
@pytest.mark.parametrize("gradient", [False, True], ids=["value", "derivative"])
def test_all_numbers_of_16_bits_are_swept(format: Format, gradient: bool) -> None:  # noqa: FBT001
    result = only(swept("sigmoid", "truthful", None, format=format, gradient=gradient))
    numbers = (1 << 16) - (1 << format.precision if gradient else 0)
    assert (result.outcome, result.count) == (Outcome.CONFORMS, numbers)
    assert result.sweep is not None
    assert result.sweep.inexact == 0


def test_a_sweep_says_the_same_as_a_run_of_all_16_bits() -> None:
    result = only(swept("sigmoid", "one_element_is_a_constant", None, format=FLOAT16))
    assert (result.failed, result.count) == (1, 1 << 16)


def paired(function: str, liar: str, wrt: str = "") -> Result:
    """Sweep pairs of numbers, with fewer partners than usual."""
    pairs = Pairs(SPECS[function], BFLOAT16, wrt)
    target = Target(liar, "cpu", "miniature")
    sweeping = Sweeping(
        (), (pairs,), (target,), (module_of(liar),), None, Pace(1, Limits(30.0), None)
    )  # fmt: skip
    run, _ = sweeping.run(None, lambda done, _: done, resume=False)
    return only(run)


@pytest.fixture
def _few_partners(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trysquare.sweep.pairs.PARTNERS", 1)


@pytest.mark.usefixtures("_few_partners")
@pytest.mark.parametrize("wrt", ["", "target"])
def test_the_truth_conforms_on_all_pairs(wrt: str) -> None:
    result = paired("smooth_l1_loss", "truthful", wrt)
    assert (result.outcome, result.failed) == (Outcome.CONFORMS, 0)
    assert result.count > 20 * BLOCK


@pytest.mark.usefixtures("_few_partners")
def test_one_wrong_pair_is_found() -> None:
    result = paired("mse_loss", "one_pair_is_off")
    assert (result.outcome, result.symptom, result.failed) == (
        Outcome.DIVERGES, Symptom.INACCURATE, 1,
    )  # fmt: skip
    assert result.worst is not None
    assert {name: one.decimal for name, one in result.worst.inputs.items()} == {
        "input": "3.01562", "target": "1",
    }  # fmt: skip


@pytest.mark.usefixtures("_few_partners")
def test_a_domain_is_not_left() -> None:
    assert paired("bce_loss", "truthful").outcome is Outcome.CONFORMS


def test_the_file_of_a_sweep_that_ended_holds_its_results_alone(tmp_path: Path) -> None:
    output = tmp_path / "results.jsonl"
    run = swept("sigmoid", "off_by_one_ulp", output=output)
    assert read(output) == run
    kinds = [json.loads(line)["type"] for line in output.read_text().splitlines()]
    assert kinds == ["header", "function", "result", "footer"]


# From the command line.


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "trysquare", "sweep", *words]


def environment(folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "XDG_CACHE_HOME": str(folder),
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }


def run_it(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*words), env=environment(folder), cwd=folder,
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def swept_part(subject: Subject, start: int, stop: int) -> Segment:
    """What a runner finds on a part, on a target that is seldom right."""
    target = Target("beyond_the_limit", "cpu", "miniature")
    runner = Runner([Member(target, f"{LIARS}:beyond_the_limit", {})], None, Limits(30.0))
    sheet = Sheet.of(subject.spec.place.path)
    job = Job(sheet, subject.format.name, subject.gradient, start, stop, (target,))
    try:
        found = runner.run(job).found[target]
    finally:
        runner.close()
    assert isinstance(found, Segment)
    return found


def test_seven_shards_in_any_order_are_the_whole() -> None:
    subject = Subject(SPECS["sigmoid"], FLOAT32, gradient=False)
    start, stop = (p // BLOCK for p in Range(0.9375, 1.0625).positions(FLOAT32))
    edges = [start + (stop - start) * i // 7 for i in range(8)]
    shards = [swept_part(subject, a * BLOCK, b * BLOCK) for a, b in pairwise(edges)]
    shards = [shards[place] for place in (3, 0, 6, 2, 5, 1, 4)]
    together = Part("sigmoid", "float32", gradient=False, target="t", segment=whole(shards))
    unsplit = replace(together, segment=swept_part(subject, start * BLOCK, stop * BLOCK))
    assert json.dumps(encode(together, Part)) == json.dumps(encode(unsplit, Part))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("sigmiod",), "did you mean 'sigmoid'?"),
        (("softmax",), "softmax is a function neither of one number nor of two"),
        (("mse_loss",), "whose pairs are swept in float16"),
        (("mse_loss", "--dtype", "float16", "--range=0:1"), "mse_loss: no function of one number"),
        (("sigmoid", "--dtype", "float64"), "too many numbers"),
        (("sigmoid", "--dtype", "float23"), "did you mean 'float32'?"),
        (("sigmoid", "--range", "5"), "is no range"),
        (("sigmoid", "--range=3:2"), "is no range"),
        (("sigmoid", "--range=nan:2"), "is no range"),
        (("sigmoid", "--target", "numpi"), "did you mean 'numpy'?"),
        (("sigmoid", "--target", "numpy:cpu:eager"), "no target is called 'numpy:cpu:eager'"),
        (("sigmoid", "--resume"), "-o FILE"),
    ],
)
def test_what_does_not_fit_is_told(
    words: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sweep", *words]) == 2
    assert told in capsys.readouterr().err


def test_a_backend_that_is_named_and_not_here_is_missed(tmp_path: Path) -> None:
    done = run_it(
        tmp_path, "sigmoid", "--dtype", "float16",
        "--target", "numpy:cpu:formula", "--target", "not_there.module",
    )  # fmt: skip
    assert done.returncode == 3
    assert "asked for and not here: not_there.module" in done.stdout


def test_numbers_and_positions_agree() -> None:
    assert [number(place) for place in (HALF, HALF + 1, HALF - 2, INFINITY)] == [
        0.0, 2.0**-149, -(2.0**-149), float("inf"),
    ]  # fmt: skip
