"""A run that never ran: every state that a report has to show, on a few functions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from trysquare.formula.mathml import mathml
from trysquare.formula.parser import parse
from trysquare.record import Footer, FunctionRecord, Header, Run, Stale, TargetRecord
from trysquare.result import Check, Expectation, Number, Outcome, Result, Symptom, Worst

TARGETS = ("numpy:cpu:eager", "torch:cpu:eager", "tensorflow:cpu:eager")
DTYPES = ("float64", "float32", "float16", "bfloat16")
LIMIT = 4.0
REASON = "The vector body returns zero below -88.7, where the result is subnormal. "
LINK = "https://github.com/pytorch/pytorch/issues/1"
Curve = Callable[[float], float]


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


FUNCTIONS: dict[str, tuple[str, str, Curve | None, Curve | None]] = {
    "elu": ("x if x > 0 else alpha * expm1(x)", "alpha", lambda x: x if x > 0 else math.expm1(x),
            lambda x: 1 if x > 0 else math.exp(x)),
    "relu": ("maximum(x, 0)", "inplace", lambda x: max(x, 0.0), lambda x: 1.0 if x > 0 else 0.0),
    "sigmoid": ("1 / (1 + exp(-x))", "", _sigmoid, lambda x: _sigmoid(x) * (1 - _sigmoid(x))),
    "tanh": ("tanh(x)", "", math.tanh, lambda x: 1 - math.tanh(x) ** 2),
    "softmax": ("exp(x - max(x)) / sum(exp(x - max(x)))", "dim", None, None),
    "bce_loss": ("-(target * log(x) + (1 - target) * log1p(-x))", "weight", None, None),
    "huber_loss": ("x**2 / 2 if x < delta else delta * (x - delta / 2)", "delta", None, None),
    "mse_loss": ("(x - target)**2", "reduction", None, None),
}  # fmt: skip


def number(value: float) -> Number:
    """Return a float as reports show it, with a made-up bit pattern."""
    return Number(f"{value:.9g}", f"0x{hash(value) & 0xFFFFFFFF:08x}")


def function(name: str) -> FunctionRecord:
    """Return what a report knows of a function."""
    formula, parameter, value, slope = FUNCTIONS[name]
    names = frozenset({"x", "target", "weight", "alpha", "delta"})
    tree = parse(formula, names)
    points = [index / 20 - 5 for index in range(201)]
    curves = [
        (label, tuple((x, float(curve(x))) for x in points))
        for label, curve in ((name, value), ("derivative", slope))
        if curve is not None
    ]
    category = "losses" if name.endswith("loss") else "activations"
    defaults = {"torch": "1.0", "tensorflow": "not an argument"} if parameter == "alpha" else {}
    return FunctionRecord(
        function=name,
        category=category,
        place=f"specs/{category}/{name}.yaml:1:1",
        summary=f"What everybody calls {name}, written as a textbook writes it.",
        source=("https://arxiv.org/abs/1511.07289", "Goodfellow et al. 2016, section 6.2"),
        formulas=(
            ("formula", formula, mathml(tree, None, frozenset({"x"}))),
            ("derivative in x", formula, mathml(tree)),
        ),
        parameters={parameter: "1.0, domain alpha > 0"} if parameter else {},
        tolerance="inherited",
        dialects={"tanh": "The approximation that older models were trained with."},
        curves=tuple(curves),
        calls={"torch": f"torch.nn.functional.{name}(x)", "tensorflow": f"tf.nn.{name}(x)"},
        framework_defaults={backend: {parameter: text} for backend, text in defaults.items()},
        kinks=(("x == 0", "x", ("0", "1 / 2", "1")),) if name == "relu" else (),
        arranged=("torch",) if name == "mse_loss" else (),
    )


def worst(got: float = 0.0, want: float = 1.4e-45, ulp: float = 919.0) -> Worst:
    """Return a worst element far beyond its limit."""
    return Worst(
        index=(1741,),
        inputs={"x": number(-4.0078125)},
        got=number(got),
        want=number(want),
        ulp=ulp,
        limit=LIMIT,
        distance=919,
        condition=12.5,
    )


def _convention(target: str, dtype: str) -> tuple[str, ...]:
    half = target.startswith("tensorflow") and dtype == "float16"
    return ("0.5",) if half else ("0.0",)


def result(
    name: str = "sigmoid",
    target: str = TARGETS[1],
    dtype: str = "float32",
    check: Check = Check.VALUES,
    case: str = "default inputs",
) -> Result:
    """Return a result that conforms."""
    histogram = tuple(
        (x, abs(math.sin(x)) * 1.5 + 0.5)
        for x in (math.copysign(2.0 ** (abs(i) / 2 - 20), i) for i in range(-64, 65))
    )
    kinked = name == "relu" and check is Check.GRADIENTS
    unary = FUNCTIONS[name][2] is not None and check in (Check.VALUES, Check.GRADIENTS)
    return Result(
        id=f"{name}.{check}.{case.replace(' ', '-')}.{dtype}.{target.replace(':', '-')}",
        function=name,
        check=check,
        case=case,
        target=target,
        dtype=dtype,
        parameters={"alpha": 1.0} if name == "elu" else {},
        outcome=Outcome.CONFORMS,
        expectation=Expectation.EXPECTED,
        place=f"specs/activations/{name}.yaml:12:3",
        count=1 if check is Check.CASES else 63488,
        max_ulp=1.5,
        p99_ulp=0.9,
        mean_signed_ulp=-0.01,
        worst=replace(worst(0.25, 0.25, 0.5), distance=0),
        histogram=histogram if unary else (),
        shape="(63488,)",
        seconds=0.01,
        wrt="x" if kinked else "",
        kinks={"x == 0": _convention(target, dtype)} if kinked else {},
    )


def diverging(passing: Result, known: str = "") -> Result:
    """Return the same result, beyond its limit at 1341 elements, or at its only one."""
    return replace(
        passing,
        outcome=Outcome.DIVERGES,
        expectation=Expectation.EXPECTED if known else Expectation.UNEXPECTED,
        symptom=Symptom.LOST,
        diagnosis="equals dialect 'tanh' on every element",
        known=known,
        failed=min(1341, passing.count),
        max_ulp=919.0,
        discrete={"flushed": 12},
        yardsticks={"wide": 0, "narrow": min(1341, passing.count), "near": 1, "elsewhere": None},
        worst=worst(),
        histogram=tuple(
            (x, 919.0 if -9 < x < -3 else ulp) for x, ulp in passing.histogram
        ),
        reproduction=(
            "import torch\n\n"
            "x = torch.tensor([-4.0078125], dtype=torch.float32)  # 0xc0804000\n"
            "got = torch.sigmoid(x)\n"
            "assert got.item() != 0, got  # want 1.4e-45\n"
        ),
    )  # fmt: skip


def _changed(item: Result) -> Result:
    key = (item.function, item.check, item.target.partition(":")[0], item.dtype)
    match key:
        case ("sigmoid", Check.VALUES, "torch", "float32"):
            return diverging(item, REASON + LINK)
        case ("sigmoid", _, "torch", "float64") if item.case == "minus infinity":
            return diverging(item, REASON)
        case ("elu", Check.VALUES | Check.GRADIENTS, "tensorflow", _):
            cancels = diverging(item, "exp(x) - 1 cancels near zero; expm1 would not.")
            return replace(cancels, baseline="baselines/tensorflow.yaml:3:1", budget=1000.0)
        case ("huber_loss", Check.VALUES, "tensorflow", "float16"):
            return diverging(item)
        case ("softmax", Check.VALUES, "torch", "bfloat16"):
            return diverging(item)
        case ("bce_loss", _, "tensorflow", _):
            reason = "has no argument for weight per element"
            absent = replace(item, outcome=Outcome.UNSUPPORTED, reason=reason, max_ulp=0.0)
            return replace(absent, count=0, worst=None)
        case ("mse_loss", Check.VALUES, "torch", "float16"):
            reason = "the worker died with signal 11 (segmentation fault)"
            crashed = replace(item, outcome=Outcome.CRASHED, reason=reason, worst=None)
            return replace(crashed, expectation=Expectation.UNEXPECTED)
        case ("tanh", Check.VALUES, "torch", "float16"):
            return replace(item, expectation=Expectation.STALE, known="Wrong in version 1.")
        case _:
            return item


def run() -> Run:
    """Return a run with every outcome and every expectation in it."""
    results = [
        result(name, target, dtype, check, case)
        for name in FUNCTIONS
        for target in TARGETS
        for dtype in DTYPES
        for check, case in (
            (Check.VALUES, "default inputs"),
            (Check.GRADIENTS, "default inputs"),
            (Check.CASES, "minus infinity"),
            (Check.CASES, "not a number"),
            (Check.CASES, "no cancellation near zero"),
        )
    ]
    records = tuple(
        TargetRecord(target, available=True, version="2.13.0", environment={"cpu": "AVX2"})
        for target in TARGETS
    )
    records = (*records[:2], replace(records[2], flushes=("float32",)))
    missing = TargetRecord("torch:cuda:eager", available=False, reason="no CUDA device is visible")
    header = Header(
        trysquare="0.1.0",
        seed=0,
        specs="specs",
        started="2026-11-23T07:51:04Z",
        targets=(*records, missing),
        environment={"python": "3.11.7", "processor": "Xeon"},
    )
    stale = Stale("torch", "tanh.values.float16", "Wrong in version 1.")
    changed = tuple(_changed(item) for item in results)
    counts = {
        outcome.value: sum(item.outcome is outcome for item in changed) for outcome in Outcome
    }
    footer = Footer(counts, (stale,), seconds=41.7, finished="2026-11-23T07:51:46Z")
    return Run(header, tuple(function(name) for name in FUNCTIONS), changed, footer)


def earlier() -> Run:
    """Return the run a week before: sigmoid not known, huber_loss right, elu not there."""
    now = run()
    results = tuple(_before(item) for item in now.results if item.function != "elu")
    header = replace(now.header, started="2026-11-16T07:51:04Z")
    gone = replace(result("tanh"), id="tanh/gone", case="gone")
    functions = tuple(record for record in now.functions if record.function != "elu")
    return replace(now, header=header, functions=functions, results=(*results, gone))


def _before(item: Result) -> Result:
    if item.function in ("huber_loss", "softmax"):
        return result(item.function, item.target, item.dtype, item.check, item.case)
    if item.function == "relu":
        return replace(item, max_ulp=1.25)
    if item.function == "sigmoid" and item.known:
        return replace(item, expectation=Expectation.UNEXPECTED, known="")
    return item


def hostile(value: Any, text: str) -> Any:
    """Return the same records with every free text replaced."""
    if is_dataclass(value) and not isinstance(value, type):
        changed = {it.name: hostile(getattr(value, it.name), text) for it in fields(value)}
        return replace(value, **changed)
    if isinstance(value, tuple):
        return tuple(hostile(item, text) for item in value)
    if isinstance(value, Mapping):
        return {f"{text}{key}": hostile(item, text) for key, item in value.items()}
    return text if type(value) is str else value
