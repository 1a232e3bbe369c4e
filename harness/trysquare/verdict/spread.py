"""How far the answers of several targets to one question are apart, where all of them conform."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from trysquare.backend import Answer, Reply
from trysquare.dtypes import Array, Format
from trysquare.planning.cases import Case
from trysquare.result import REFERENCE, Outcome, Result


def side_by_side(
    case: Case, results: Mapping[str, Result], replies: Mapping[str, Reply]
) -> dict[str, Result]:
    """Return the results of one case by target, with how far those that conform are apart.

    The reference does not count: it is nobody's kernel. Alone, a target is apart from nobody.
    """
    names = [
        target
        for target, result in results.items()
        if result.outcome is Outcome.CONFORMS
        and isinstance(replies[target], Answer)
        and not target.endswith(f":{REFERENCE}")
    ]
    if len(names) < 2:
        return dict(results)
    key = case.wrt or "output"
    answers = [_output(replies[name], key) for name in names]
    if any(answer is None or answer.size == 0 for answer in answers):
        return dict(results)
    apart = _apart([answer for answer in answers if answer is not None], case.format)
    return {
        target: replace(result, apart=apart) if target in names else result
        for target, result in results.items()
    }


def _output(reply: Reply, key: str) -> Array | None:
    return reply.outputs.get(key) if isinstance(reply, Answer) else None


def _apart(answers: list[Array], format: Format) -> int | None:
    """Return the largest distance at one element, in representable numbers; NaNs are alike."""
    if len({(answer.shape, answer.dtype) for answer in answers}) > 1:
        return None
    wide = np.stack([format.widen(answer) for answer in answers])
    places = format.ordinal(np.where(np.isnan(wide), 0.0, wide)).astype(np.float64)
    return int((places.max(axis=0) - places.min(axis=0)).max())
