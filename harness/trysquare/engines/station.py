"""What a process of a cluster does with a job: is it fit for it? does it, and keeps the runner."""

from __future__ import annotations

import pickle
import platform
from collections.abc import Iterator, Mapping

from trysquare.engines import likeness
from trysquare.engines.engine import Outfit, Runner
from trysquare.errors import Mismatch, Unfit

BEGUN, REFUSED, UNFIT, ENDED = "begun", "refused", "unfit", "ended"

_KEPT: dict[bytes, Runner] = {}
"""The runner of this process, by what it was made of; its workers stay warm from job to job."""


def greet() -> Iterator[str]:
    """Yield that somebody is there, in pieces, as `perform` does."""
    yield BEGUN


def perform(stamp: Mapping[str, str], outfit: bytes, job: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield that the job has begun, then its answer, or why there is none here, pickled.

    REFUSED: this machine is not like the one that sent it. UNFIT, with the name of this machine:
    another one may do it.

    What was pickled is not opened by another version, which would read it as something else.
    """
    yield BEGUN, b""
    try:
        likeness.require(stamp)
        answer = _runner(outfit).run(pickle.loads(job))  # noqa: S301 - our own, by our own cluster
    except Mismatch as error:
        yield REFUSED, pickle.dumps(f"{platform.node()}: {error}")
    except Unfit as error:
        _drop()  # the next job has workers of its own
        yield UNFIT, pickle.dumps((platform.node(), str(error)))
    else:
        yield ENDED, pickle.dumps(answer)


def _runner(outfit: bytes) -> Runner:
    if outfit not in _KEPT:
        _drop()  # of a sweep before this one
        made: Outfit = pickle.loads(outfit)  # noqa: S301 - as above
        _KEPT[outfit] = made.runner()
    return _KEPT[outfit]


def _drop() -> None:
    while _KEPT:
        _KEPT.popitem()[1].close()
