"""Cross entropy, with everything that can be asked of it."""

from __future__ import annotations

import numpy as np

from trysquare.backend import Tensors
from trysquare_miniatures.textbook import (
    NAN,
    ONE,
    ZERO,
    Parameters,
    Real,
    exact,
    exp,
    total,
)
from trysquare_miniatures.textbook_row_losses import (
    log_softmax,
    reals,
    shifted,
)


class Entropy:
    """Cross entropy of softmax along axis 1, with everything that can be asked of it."""

    def __init__(self, p: Parameters, tensors: Tensors) -> None:
        self.classes = p["target_type"] == "class"
        scores = np.moveaxis(tensors["input"], 1, -1)
        self.outer, count = scores.shape[:-1], scores.shape[-1]
        self.rows = [reals(row) for row in scores.reshape(-1, count)]
        self.smoothing, self.ignored = exact(p["label_smoothing"]), p["ignore_index"]
        self.weight = reals(tensors["weight"]) if "weight" in tensors else [ONE] * count
        if len(self.weight) != count:
            raise ValueError("as many weights as classes")
        if not 0 <= self.smoothing <= 1:
            raise ValueError("label smoothing is a share")
        target = tensors["target"]
        if self.classes:
            self.targets = [int(place) for place in target.ravel()]
            if any(not 0 <= t < count and t != self.ignored for t in self.targets):
                raise ValueError("there is no such class")
        else:
            moved = np.moveaxis(target, 1, -1)
            self.given = [reals(row) for row in moved.reshape(-1, count)]

    def _smooth(self, target: list[Real]) -> list[Real]:
        even = self.smoothing / len(target)
        return [(1 - self.smoothing) * t + even for t in target]

    @property
    def denominator(self) -> Real:
        if not self.classes:
            return exact(float(len(self.rows)))
        return total(self.weight[t] for t in self.targets if t != self.ignored)

    def losses(self) -> list[Real]:
        if self.classes:
            pairs = zip(self.rows, self.targets, strict=True)
            return [ZERO if t == self.ignored else self._of_class(row, t) for row, t in pairs]
        given = zip(self.rows, self.given, strict=True)
        return [self._of_distribution(row, self._smooth(target)) for row, target in given]

    def _of_class(self, row: list[Real], target: int) -> Real:
        logs = log_softmax(row)
        loss = -(1 - self.smoothing) * self.weight[target] * logs[target]
        if self.smoothing == 0:
            return loss
        all_of_them = total(w * q for w, q in zip(self.weight, logs, strict=True))
        return loss - self.smoothing * all_of_them / len(row)

    def _of_distribution(self, row: list[Real], share: list[Real]) -> Real:
        triples = zip(self.weight, share, log_softmax(row), strict=True)
        return -total(ZERO if q == 0 else w * q * log_p for w, q, log_p in triples)

    def slopes(self, wrt: str, cotangent: list[Real]) -> list[list[Real]]:
        """Return the rows of the gradient; the cotangent has one number for each row."""
        if wrt == "target":
            keep = 1 - self.smoothing
            return [
                [-c * w * keep * q for w, q in zip(self.weight, log_softmax(row), strict=True)]
                for row, c in zip(self.rows, cotangent, strict=True)
            ]
        return [self._slope(place, c) for place, c in enumerate(cotangent)]

    def _slope(self, place: int, c: Real) -> list[Real]:
        row = self.rows[place]
        parts = shifted(row)
        if self.classes and self.targets[place] == self.ignored:
            return [ZERO] * len(row)
        if parts is None:
            return [NAN] * len(row)
        # over a common denominator, so that equal shares give zero and not 1e-80
        z, others = parts
        pull = self._pull(place)
        whole, scale = total(pull), len(row) * (1 + others)
        return [
            c * (exp(x) * whole - t * (1 + others)) / scale for x, t in zip(z, pull, strict=True)
        ]

    def _pull(self, place: int) -> list[Real]:
        """Return what a row's target adds to each class, times the number of classes."""
        keep, even, count = 1 - self.smoothing, self.smoothing, len(self.weight)
        if not self.classes:
            pairs = zip(self.weight, self.given[place], strict=True)
            return [w * (count * keep * t + even) for w, t in pairs]
        mine = self.targets[place]
        extra = count * keep * self.weight[mine]
        return [even * w + (extra if j == mine else ZERO) for j, w in enumerate(self.weight)]
