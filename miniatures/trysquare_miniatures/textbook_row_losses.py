# ruff: noqa: ARG001 - what is in one table takes the same arguments
"""Functions of rows by the book: softmax and its kin, losses of rows, and all their derivatives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from trysquare.backend import Array, Tensors
from trysquare_miniatures.textbook import (
    NAN,
    ONE,
    ZERO,
    Parameters,
    Real,
    exact,
    exp,
    log1p,
    mp,
    quotient,
    sqrt,
    total,
)

MANY_DIGITS = 1500
"""Decimal digits in which sums of products of numbers of every size are exact."""

Reals = list[Real]


def reals(tensor: Array) -> Reals:
    return [exact(number) for number in np.asarray(tensor).astype(np.float64).ravel().tolist()]


# Softmax and its kin: a row -> a row, and its derivative along a cotangent.


def shifted(row: Reals) -> tuple[Reals, Real] | None:
    """Return the row less its maximum, and the sum of all exponentials but the largest."""
    if any(mp.isnan(x) for x in row) or mp.isinf(max(row)):
        return None
    place = row.index(max(row))
    z = [x - row[place] for x in row]
    return z, total(exp(x) for j, x in enumerate(z) if j != place)


def softmax(row: Reals) -> Reals:
    parts = shifted(row)
    if parts is None:
        return [NAN] * len(row)
    z, others = parts
    return [exp(x) / (1 + others) for x in z]


def log_softmax(row: Reals) -> Reals:
    parts = shifted(row)
    if parts is None:
        return [NAN] * len(row)
    z, others = parts
    return [x - log1p(others) for x in z]


def softmax_slope(row: Reals, cotangent: Reals) -> Reals:
    # only differences of cotangents matter, so that equal ones give zero and not 1e-80
    p, moved = softmax(row), [c - cotangent[0] for c in cotangent]
    mean = total(c * q for c, q in zip(moved, p, strict=True))
    return [q * (c - mean) for c, q in zip(moved, p, strict=True)]


def log_softmax_slope(row: Reals, cotangent: Reals) -> Reals:
    parts = shifted(row)
    if parts is None:
        return [NAN] * len(row)
    # over a common denominator, so that equal shares give zero and not 1e-80
    z, others = parts
    whole = total(cotangent)
    return [
        (c * (1 + others) - exp(x) * whole) / (1 + others)
        for c, x in zip(cotangent, z, strict=True)
    ]


def negated(row: Reals) -> Reals:
    return [-x for x in row]


def softmin(row: Reals) -> Reals:
    return softmax(negated(row))


def softmin_slope(row: Reals, cotangent: Reals) -> Reals:
    return negated(softmax_slope(negated(row), cotangent))


def log_sum_exp(row: Reals) -> Reals:
    if any(mp.isnan(x) for x in row):
        return [NAN]
    parts = shifted(row)
    return [max(row) if parts is None else max(row) + log1p(parts[1])]


def log_sum_exp_slope(row: Reals, cotangent: Reals) -> Reals:
    return [cotangent[0] * share for share in softmax(row)]


ROWS = {
    "softmax": (softmax, softmax_slope),
    "log_softmax": (log_softmax, log_softmax_slope),
    "softmin": (softmin, softmin_slope),
    "log_sum_exp": (log_sum_exp, log_sum_exp_slope),
}


# Losses of rows.


@dataclass(frozen=True)
class Row:
    """What a loss is told of one row: elements as lists, an index, one weight for each position."""

    given: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.given[name]


Value = Callable[[Parameters, Row], Real]
Slope = Callable[[Parameters, Row], Reals]


def one(p: Parameters, row: Row) -> Real:
    return ONE


def allow(p: Parameters, row: Row) -> None:
    """Raise ValueError for what cannot be; nothing cannot."""


@dataclass(frozen=True)
class RowLoss:
    """A loss with one value for each row; `share` is what a row adds to the mean's denominator."""

    value: Value
    slopes: Mapping[str, Slope]
    share: Value = one
    check: Callable[[Parameters, Row], None] = allow
    index: bool = False
    single: frozenset[str] = field(default=frozenset())
    digits: int = 80


def classes(p: Parameters, row: Row) -> None:
    """Raise ValueError for a class that is not there, and for too few or too many weights."""
    count, target = len(row["input"]), row["target"]
    if len(row["weight"]) != count:
        raise ValueError("as many weights as classes")
    if not 0 <= target < count and target != p.get("ignore_index"):
        raise ValueError("there is no such class")


def weights(p: Parameters, row: Row) -> None:
    if len(row["weight"]) != len(row["input"]):
        raise ValueError("as many weights as classes")


def ignored(p: Parameters, row: Row) -> bool:
    return bool(row["target"] == p["ignore_index"])


def nll(p: Parameters, row: Row) -> Real:
    t = row["target"]
    return ZERO if ignored(p, row) else -(row["weight"][t] * row["input"][t])


def nll_slope(p: Parameters, row: Row) -> Reals:
    t = row["target"]
    hit = ZERO if ignored(p, row) else -row["weight"][t]
    return [hit if j == t else ZERO for j in range(len(row["input"]))]


def nll_share(p: Parameters, row: Row) -> Real:
    return ZERO if ignored(p, row) else row["weight"][row["target"]]


def excesses(p: Parameters, row: Row) -> Reals:
    t, x = row["target"], row["input"]
    gaps = [p["margin"] - (x[t] - other) for other in x]
    return [ZERO if j == t or gap <= 0 else gap for j, gap in enumerate(gaps)]


def multi_margin(p: Parameters, row: Row) -> Real:
    parts = excesses(p, row)
    whole = total(h if p["p"] == 1 else h * h for h in parts)
    return row["weight"][row["target"]] * whole / len(parts)


def multi_margin_slope(p: Parameters, row: Row) -> Reals:
    t, parts = row["target"], excesses(p, row)
    steps = [ZERO if h == 0 else ONE if p["p"] == 1 else 2 * h for h in parts]
    down = -total(steps)
    scale = row["weight"][t] / len(parts)
    return [scale * (down if j == t else step) for j, step in enumerate(steps)]


def two_powers(p: Parameters, row: Row) -> None:
    classes(p, row)
    if p["p"] not in (1, 2):
        raise ValueError("a sum of first or second powers")


def softplus(x: Real) -> Real:
    return max(x, ZERO) + log1p(exp(-abs(x)))


def sigmoid(x: Real) -> Real:
    return 1 / (1 + exp(-x))


def labels(p: Parameters, row: Row) -> Real:
    costs = []
    for x, y, w in zip(row["input"], row["target"], row["weight"], strict=True):
        if mp.isnan(x) or mp.isnan(y):
            return NAN
        if mp.isinf(y):
            costs.append(w * -(y * x))
            continue
        yes = ZERO if y == 0 else y * softplus(-x)
        no = ZERO if y == 1 else (1 - y) * softplus(x)
        costs.append(w * (yes + no))
    return total(costs) / len(costs)


def labels_slope(p: Parameters, row: Row) -> Reals:
    triples = zip(row["input"], row["target"], row["weight"], strict=True)
    return [w * ((1 - y) * sigmoid(x) - y * sigmoid(-x)) / len(row["input"]) for x, y, w in triples]


def labels_target_slope(p: Parameters, row: Row) -> Reals:
    pairs = zip(row["input"], row["weight"], strict=True)
    return [-(w * x) / len(row["input"]) for x, w in pairs]


def one_hot(p: Parameters, row: Row) -> None:
    if any(y not in (0, 1) and not mp.isnan(y) for y in row["target"]):
        raise ValueError("a class is right or wrong")


def masked(row: Row) -> Reals:
    """Return (1 - target) * input for a right class whose score may be infinite."""
    return [ZERO if y == 1 else x for x, y in zip(row["input"], row["target"], strict=True)]


def categorical_hinge(p: Parameters, row: Row) -> Real:
    if any(mp.isnan(number) for name in ("input", "target") for number in row[name]):
        return NAN
    right = total(x for x, y in zip(row["input"], row["target"], strict=True) if y == 1)
    gap = 1 + (max(masked(row)) - right)
    return NAN if mp.isnan(gap) else max(gap, ZERO)


def categorical_hinge_slope(p: Parameters, row: Row) -> Reals:
    if categorical_hinge(p, row) == 0:
        return [ZERO] * len(row["input"])
    rival = masked(row).index(max(masked(row)))
    return [-ONE if y == 1 else ONE if j == rival else ZERO for j, y in enumerate(row["target"])]


# Cosines and distances.


def cosine(row: Row) -> tuple[Real, Real, Real]:
    """Return the product of two vectors, and their squared norms."""
    a, b = row["input1"], row["input2"]
    dot = total(x * y for x, y in zip(a, b, strict=True))
    return dot, total(x * x for x in a), total(y * y for y in b)


def apart(row: Row) -> Real:
    """Return 1 - cosine; over a common denominator, so that equal directions give zero."""
    dot, first, second = cosine(row)
    product = sqrt(first * second)
    if not dot > 0:
        return 1 - quotient(dot, product)
    return (first * second - dot * dot) / (product * (product + dot))


def embedding(p: Parameters, row: Row) -> Real:
    numbers = (*row["input1"], *row["input2"], row["target"])
    if any(mp.isnan(x) or mp.isinf(x) for x in numbers):
        return NAN
    if row["target"] == 1:
        return apart(row)
    dot, first, second = cosine(row)
    above = quotient(dot, sqrt(first * second)) - p["margin"]
    return ZERO if above <= 0 else above


def embedding_slope(mine: str, other: str) -> Slope:
    def slope(p: Parameters, row: Row) -> Reals:
        dot, first, second = cosine(row)
        square = first if mine == "input1" else second
        if row["target"] == -1 and embedding(p, row) == 0:
            return [ZERO] * len(row[mine])
        sign = -row["target"]
        # (b - a * dot / |a|^2) / (|a| |b|), over a common denominator
        scale = square * sqrt(first * second)
        pairs = zip(row[mine], row[other], strict=True)
        return [sign * quotient(b * square - a * dot, scale) for a, b in pairs]

    return slope


def paired(p: Parameters, row: Row) -> None:
    if row["target"] not in (1, -1) and not mp.isnan(row["target"]):
        raise ValueError("two vectors belong together or do not")


def difference(p: Parameters, a: Reals, b: Reals) -> Reals:
    return [x - y + p["epsilon"] for x, y in zip(a, b, strict=True)]


def size(p: Parameters, vector: Reals) -> Real:
    if p["p"] == 1:
        return total(abs(x) for x in vector)
    return sqrt(total(x * x for x in vector))


def direction(p: Parameters, vector: Reals) -> Reals:
    if p["p"] == 1:
        return [mp.sign(x) for x in vector]
    length = size(p, vector)
    return [ZERO if length == 0 else x / length for x in vector]


def triplet(p: Parameters, row: Row) -> Real:
    gap = triplet_gap(p, row)[0]
    return ZERO if gap <= 0 else gap


def triplet_gap(p: Parameters, row: Row) -> tuple[Real, bool]:
    """Return by how much the margin is missed, and whether the negative example is swapped."""
    a, b, c = row["anchor"], row["positive"], row["negative"]
    near, far = size(p, difference(p, a, b)), size(p, difference(p, a, c))
    swapped = False
    if p["swap"]:
        across = size(p, difference(p, b, c))
        swapped, far = bool(across < far), NAN if mp.isnan(across) else min(far, across)
    return p["margin"] + (near - far), swapped


def triplet_slope(wrt: str) -> Slope:
    def slope(p: Parameters, row: Row) -> Reals:
        a, b, c = row["anchor"], row["positive"], row["negative"]
        gap, swapped = triplet_gap(p, row)
        none = [ZERO] * len(a)
        if gap <= 0:
            return none
        near = direction(p, difference(p, a, b))
        far = none if swapped else direction(p, difference(p, a, c))
        across = direction(p, difference(p, b, c)) if swapped else none
        triples = zip(near, far, across, strict=True)
        if wrt == "anchor":
            return [x - y for x, y, _ in triples]
        if wrt == "positive":
            return [-x - z for x, _, z in triples]
        return [y + z for _, y, z in triples]

    return slope


def no_margin(p: Parameters, row: Row) -> None:
    if not p["margin"] > 0 or p["epsilon"] < 0 or p["p"] not in (1, 2):
        raise ValueError("a margin is positive")


TRIPLET = RowLoss(
    triplet,
    {wrt: triplet_slope(wrt) for wrt in ("anchor", "positive", "negative")},
    check=no_margin,
    digits=MANY_DIGITS,
)

ROW_LOSSES = {
    "nll_loss": RowLoss(nll, {"input": nll_slope}, nll_share, classes, index=True),
    "multi_margin_loss": RowLoss(
        multi_margin,
        {"input": multi_margin_slope},
        check=two_powers,
        index=True,
        digits=MANY_DIGITS,
    ),
    "multilabel_soft_margin_loss": RowLoss(
        labels, {"input": labels_slope, "target": labels_target_slope}, check=weights
    ),
    "cosine_embedding_loss": RowLoss(
        embedding,
        {
            "input1": embedding_slope("input1", "input2"),
            "input2": embedding_slope("input2", "input1"),
        },
        check=paired,
        single=frozenset({"target"}),
        digits=MANY_DIGITS,
    ),
    "triplet_margin_loss": TRIPLET,
    "triplet_margin_with_distance_loss": TRIPLET,
    "categorical_hinge_loss": RowLoss(
        categorical_hinge,
        {"input": categorical_hinge_slope},
        check=one_hot,
        digits=MANY_DIGITS,
    ),
}


class LossOfRows:
    """A loss at given tensors, whose rows run along axis 1."""

    def __init__(self, name: str, p: Parameters, tensors: Tensors) -> None:
        self.loss, self.p = ROW_LOSSES[name], p
        first = next(iter(tensors.values()))
        self.outer = (*first.shape[:1], *first.shape[2:])
        self.count = first.shape[1]
        columns = {key: self._spread(key, tensor) for key, tensor in tensors.items()}
        weight = reals(tensors["weight"]) if "weight" in tensors else [ONE] * self.count
        numbers = range(int(np.prod(self.outer)))
        self.rows = [
            Row({"weight": weight, **{key: values[j] for key, values in columns.items()}})
            for j in numbers
        ]
        for row in self.rows:
            self.loss.check(p, row)

    def _spread(self, key: str, tensor: Array) -> list[Any]:
        """Return what each row is given of one tensor."""
        rows = int(np.prod(self.outer))
        if key == "weight":
            return [reals(tensor)] * rows
        single = key in self.loss.single or (key == "target" and self.loss.index)
        whole_shape = (*self.outer[:1], self.count, *self.outer[1:])
        if tensor.shape != (self.outer if single else whole_shape):
            raise ValueError("shapes do not fit together")
        if single:
            whole = self.loss.index
            return [int(place) for place in tensor.ravel()] if whole else reals(tensor)
        moved = np.moveaxis(tensor, 1, -1).reshape(rows, self.count)
        return [reals(row) for row in moved]

    def values(self) -> Reals:
        """Return the value of every row, before it is reduced."""
        return [self.loss.value(self.p, row) for row in self.rows]

    @property
    def denominator(self) -> Real:
        """Return what a mean is divided by."""
        return total(self.loss.share(self.p, row) for row in self.rows)

    def slopes(self, wrt: str, cotangent: Reals) -> Reals:
        """Return the gradient row by row; the cotangent has one number for each."""
        slope = self.loss.slopes[wrt]
        pairs = zip(cotangent, self.rows, strict=True)
        return [ZERO if s == 0 else c * s for c, row in pairs for s in slope(self.p, row)]
