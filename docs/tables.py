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

NOTES = {
    "relu": "nn.ReLU",
    "softmax": "nn.Softmax",
    "log_softmax": "nn.LogSoftmax",
    "sigmoid": "nn.Sigmoid",
    "prelu": "nn.PReLU",
    "rrelu": "nn.PReLU(lower, upper, inplace)",
    "smooth_l1_loss": "smooth_l1_loss",
    "huber_loss": "nn.HuberLoss",
    "mse_loss": "nn.MSELoss",
    "l1_loss": "nn.L1Loss",
    "bce_loss": "nn.BCELoss",
    "cross_entropy_loss": "nn.CrossEntropyLoss",
}
"""Where the notes that this project started from describe a function, and what they call it."""

PICTURE = ("curves in the report", "", "the picture of activation functions")


def introductions(backends: Iterable[str]) -> dict[str, Hello | Unavailable]:
    """Return what a worker of each backend says of itself."""
    with Pool() as pool:
        opened = {backend: pool.open(Target(backend, "", "")) for backend in backends}
        return {backend: hello.result() for backend, hello in opened.items()}


def table(specs: Iterable[Spec], hellos: Mapping[str, Hello]) -> str:
    """Return one row for each function; raises LookupError for a note without a spec."""
    listed = list(specs)
    lost = NOTES.keys() - {spec.function for spec in listed}
    if lost:
        raise LookupError(f"no spec for {', '.join(sorted(lost))}")
    head = ["function", "spec", "in the notes", *hellos]
    rows = [head, ["---"] * len(head), *(_row(spec, hellos.values()) for spec in listed)]
    rows.append([*PICTURE, *("" for _ in hellos)])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _row(spec: Spec, hellos: Iterable[Hello]) -> list[str]:
    path = spec.place.path.resolve().relative_to(ROOT).as_posix()
    link = f"[{path.removeprefix('specs/')}]({path})"
    return [
        f"`{spec.function}`",
        link,
        NOTES.get(spec.function, ""),
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
