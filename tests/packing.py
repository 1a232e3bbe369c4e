"""Small packs for tests, and outputs that are right unless a test changes them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import ml_dtypes
import numpy as np

from trysquare.dtypes import FORMATS, Array
from trysquare.packs.arrays import load
from trysquare.packs.manifest import Answer, File, Manifest, Questions, read
from trysquare.packs.pack import Packer
from trysquare.reader import read as read_spec
from trysquare.spec import Spec

Change = Callable[[Array], None]

OPEN_AT_A_HALF = """\
trysquare: 1
function: open_at_a_half
summary: The input; at a half a zero that no precision proves.
source:
  - Rice, Classes of Recursively Enumerable Sets and Their Decision Problems, 1953
inputs:
  x: float
formula: log(exp(x)) - x if x == 0.5 else x
"""


def open_at_a_half(folder: Path) -> Spec:
    """Write and read a function with one value that cannot be decided."""
    path = folder / "open_at_a_half.yaml"
    path.write_text(OPEN_AT_A_HALF, encoding="utf-8")
    return read_spec(path)


def packed(folder: Path, specs: Sequence[Spec], *dtypes: str, seed: int = 0) -> Path:
    """Write a pack and return its folder."""
    formats = [FORMATS[dtype] for dtype in dtypes]
    Packer(folder, seed, lambda _: None).pack(specs, formats)
    return folder


def answered(pack: Path, outputs: Path) -> Path:
    """Copy the answers of a pack; only what is undecided is not among them."""
    for asked in read(pack).sets:
        for answer in asked.answers:
            path = outputs / answer.answer.path
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(pack / answer.answer.path, path)
    return outputs


def changed(outputs: Path, name: str, change: Change) -> Path:
    """Change one array of outputs in place."""
    path = outputs / f"{name}.npy"
    array = np.load(path, allow_pickle=False)
    change(array)
    np.save(path, array)
    return outputs


def find(pack: Path, name: str) -> tuple[Questions, Answer]:
    """Return the answer of this name, and what it is an answer to."""
    (found,) = (
        (asked, answer)
        for asked in _manifest(pack).sets
        for answer in asked.answers
        if answer.name == name
    )
    return found


def tensor(pack: Path, file: File, dtype: str) -> Array:
    """Return an array of a pack in the NumPy type that backends take."""
    array = load(pack, file).reshape(file.shape)
    if file.npy == "<u2" and dtype == "bfloat16":
        return array.view(ml_dtypes.bfloat16)
    return array


def _manifest(pack: Path) -> Manifest:
    return read(pack)
