"""Writes the coverage table of README.md from the specs and the bindings; `--check` compares."""  # noqa: INP001 - a script

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from trysquare.backend import Target, Unavailable
from trysquare.reader import read_all
from trysquare.spec import Spec
from trysquare.workers.pool import Pool
from trysquare.workers.protocol import Hello

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "README.md"
BEGIN, END = "<!-- coverage:begin -->\n", "<!-- coverage:end -->"
BACKENDS = (
    "torch",
    "tensorflow",
    "jax",
    "keras",
    "onnxruntime",
    "openvino",
    "numpy_ufunc",
)
CURRENT, STALE, UNAVAILABLE = 0, 1, 3

MODULES = {
    "threshold": "Threshold",
    "relu": "ReLU",
    "rrelu": "RReLU",
    "hard_tanh": "Hardtanh",
    "relu6": "ReLU6",
    "sigmoid": "Sigmoid",
    "hard_sigmoid": "Hardsigmoid",
    "tanh": "Tanh",
    "silu": "SiLU",
    "mish": "Mish",
    "hard_silu": "Hardswish",
    "elu": "ELU",
    "celu": "CELU",
    "selu": "SELU",
    "glu": "GLU",
    "gelu": "GELU",
    "hard_shrink": "Hardshrink",
    "leaky_relu": "LeakyReLU",
    "log_sigmoid": "LogSigmoid",
    "softplus": "Softplus",
    "soft_shrink": "Softshrink",
    "prelu": "PReLU",
    "softsign": "Softsign",
    "tanh_shrink": "Tanhshrink",
    "softmin": "Softmin",
    "softmax": "Softmax",
    "log_softmax": "LogSoftmax",
    "l1_loss": "L1Loss",
    "nll_loss": "NLLLoss",
    "poisson_nll_loss": "PoissonNLLLoss",
    "gaussian_nll_loss": "GaussianNLLLoss",
    "kl_div_loss": "KLDivLoss",
    "mse_loss": "MSELoss",
    "bce_loss": "BCELoss",
    "bce_with_logits_loss": "BCEWithLogitsLoss",
    "hinge_embedding_loss": "HingeEmbeddingLoss",
    "smooth_l1_loss": "SmoothL1Loss",
    "huber_loss": "HuberLoss",
    "soft_margin_loss": "SoftMarginLoss",
    "cross_entropy_loss": "CrossEntropyLoss",
    "multilabel_soft_margin_loss": "MultiLabelSoftMarginLoss",
    "cosine_embedding_loss": "CosineEmbeddingLoss",
    "margin_ranking_loss": "MarginRankingLoss",
    "multi_margin_loss": "MultiMarginLoss",
    "triplet_margin_loss": "TripletMarginLoss",
    "triplet_margin_with_distance_loss": "TripletMarginWithDistanceLoss",
}
"""What torch.nn calls the functions of specs."""

UNSPECIFIED = {
    "MultiheadAttention": "a layer with weights; the functions in it are softmax and products",
    "Softmax2d": "softmax with dim -3 under another name",
    "NLLLoss2d": "nll_loss under an older name",
    "MultiLabelMarginLoss": "a sum over pairs of positions, for which formulas have no words",
    "LinearCrossEntropyLoss": "a layer with weights in front of cross_entropy_loss",
    "CTCLoss": "a recurrence over time, for which formulas have no words",
}
"""What else torch.nn lists among its activations and losses, and why it has no spec."""


def introductions(backends: Iterable[str]) -> dict[str, Hello | Unavailable]:
    """Return what a worker of each backend says of itself."""
    with Pool() as pool:
        opened = {backend: pool.open(Target(backend, "", "")) for backend in backends}
        return {backend: hello.result() for backend, hello in opened.items()}


def table(specs: Iterable[Spec], hellos: Mapping[str, Hello]) -> str:
    """Return one row for each function; raises LookupError for a module without a spec."""
    listed = list(specs)
    lost = MODULES.keys() - {spec.function for spec in listed}
    if lost:
        raise LookupError(f"no spec for {', '.join(sorted(lost))}")
    head = ["function", "spec", "torch.nn", *hellos]
    rows = [head, ["---"] * len(head), *(_row(spec, hellos.values()) for spec in listed)]
    rows += [["", why, name, *("" for _ in hellos)] for name, why in UNSPECIFIED.items()]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _row(spec: Spec, hellos: Iterable[Hello]) -> list[str]:
    path = spec.place.path.resolve().relative_to(ROOT).as_posix()
    link = f"[{path.removeprefix('specs/')}]({path})"
    return [
        f"`{spec.function}`",
        link,
        MODULES.get(spec.function, ""),
        *(_call(spec.function, hello) for hello in hellos),
    ]


def _call(function: str, hello: Hello) -> str:
    if function in hello.functions:
        calls = hello.functions[function].text.splitlines()
        return "<br>".join(dict.fromkeys(f"`{call.partition('(')[0]}`" for call in calls))
    return hello.absent.get(function, "not bound").replace("|", "\\|")


def replaced(page: str, rows: str) -> str:
    """Return a page with other rows between the two marks; raises ValueError without marks."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"no {BEGIN.strip()} and {END} in the page")
    return f"{before}{begin}{rows}{end}{after}"


def main(arguments: list[str]) -> int:
    """Write the table, or say whether it is current."""
    hellos = introductions(BACKENDS)
    for hello in hellos.values():
        if isinstance(hello, Unavailable):
            sys.stderr.write(f"{hello.target.backend}: {hello.reason}\n")
            return UNAVAILABLE
    present = {name: hello for name, hello in hellos.items() if isinstance(hello, Hello)}
    page = PAGE.read_text(encoding="utf-8")
    fresh = replaced(page, table(read_all([ROOT / "specs"]), present))
    if "--check" not in arguments:
        PAGE.write_text(fresh, encoding="utf-8")
    elif fresh != page:
        sys.stderr.write("the coverage table of README.md is stale: python docs/tables.py\n")
        return STALE
    return CURRENT


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
