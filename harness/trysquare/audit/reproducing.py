"""Published claims, measured here: what each target gives at the published input."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from trysquare.audit.golden_files import number
from trysquare.audit.published import Claim
from trysquare.audit.rounding import rounded
from trysquare.audit.settings import settings
from trysquare.backend import Answer, Array, Call, Target, Unavailable
from trysquare.dtypes import FORMATS
from trysquare.errors import UsageError
from trysquare.loading import available
from trysquare.result import SECONDS_PER_CASE
from trysquare.spec import Spec
from trysquare.truth.arrangement import arrange
from trysquare.workers.pool import Pool
from trysquare.workers.protocol import Hello

LENGTHS = (1, 64)
"""A single number, and enough for a vector kernel: libraries compute the two differently."""


class Verdict(StrEnum):
    """What became of a claim."""

    TRUE = "reproduced"
    KNOWN = "known to differ"
    ELSEWHERE = "other code path"
    FALSE = "not reproduced"
    BROKEN = "target is broken"
    ABSENT = "not here"


@dataclass(frozen=True)
class Measured:
    """A claim, the error here (in ULP, the larger of scalar and vector), and the code path.

    `note` is the reason where nothing was measured, or why the figure differs.
    """

    claim: Claim
    verdict: Verdict
    ulp: float = float("nan")
    path: str = ""
    note: str = ""


def reproduce(claims: Sequence[Claim], specs: Mapping[str, Spec]) -> Iterator[Measured]:
    """Measure every claim whose target and spec are here."""
    with Pool() as pool:
        opened: dict[str, Hello | Unavailable] = {}
        for claim in claims:
            if claim.target not in opened:
                opened[claim.target] = _open(pool, claim.target)
            hello = opened[claim.target]
            if isinstance(hello, Unavailable):
                verdict = Verdict.BROKEN if hello.broken else Verdict.ABSENT
                yield Measured(claim, verdict, note=hello.reason)
            elif claim.function not in specs:
                yield Measured(claim, Verdict.ABSENT, note=f"no spec of {claim.function}")
            else:
                yield _measured(pool, hello, claim, specs[claim.function])


def _open(pool: Pool, name: str) -> Hello | Unavailable:
    target = Target(*name.split(":"))
    if target.backend not in available():
        return Unavailable(target, f"no backend is called '{target.backend}'")
    return pool.open(target).result()


def _measured(pool: Pool, hello: Hello, claim: Claim, spec: Spec) -> Measured:
    path = _path(hello)
    try:
        errors = list(_errors(pool, hello, claim, spec))
    except (UsageError, ValueError) as error:
        raise UsageError(f"{claim.place}: {error}") from None
    refused = next((error for error in errors if isinstance(error, str)), None)
    if refused is not None:
        return Measured(claim, Verdict.ABSENT, path=path, note=refused)
    ulp = max(error for error in errors if isinstance(error, float))
    if claim.holds(ulp):
        return Measured(claim, Verdict.TRUE, ulp, path)
    if claim.known(ulp):
        return Measured(claim, Verdict.KNOWN, ulp, path, claim.because)
    here = {**hello.environment, "version": hello.version}
    differs = [
        f"{key} {here.get(key)}" for key, text in claim.where.items() if here.get(key) != text
    ]
    if differs:
        return Measured(claim, Verdict.ELSEWHERE, ulp, path, ", ".join(differs))
    return Measured(claim, Verdict.FALSE, ulp, path)


def _errors(pool: Pool, hello: Hello, claim: Claim, spec: Spec) -> Iterator[float | str]:
    """Yield the error of each length of call, or why there was no answer."""
    format = FORMATS[claim.dtype]
    parameters = settings(spec, claim.parameters)
    names = {item.name for item in spec.inputs}
    if unknown := sorted(set(claim.at) - names):
        raise UsageError(f"'{unknown[0]}' is not an input of {spec.function}")
    point = {name: number(text, format) for name, text in claim.at.items()}
    for length in LENGTHS:
        wide = {name: np.full(length, value) for name, value in point.items()}
        call = Call(spec.function, {n: format.cast(x) for n, x in wide.items()}, parameters)
        (reply,) = pool.ask(hello.target, spec, [call], SECONDS_PER_CASE).result()
        if not isinstance(reply, Answer):
            yield reply.message
            continue
        arranged = arrange(spec, parameters, wide)
        truth = rounded(
            arranged.meant.value,
            arranged.rows,
            (arranged.layout.rows, arranged.layout.columns),
            arranged.meant.output,
            format,
        )
        got: Array = arranged.layout.to_rows(
            format.widen(reply.outputs["output"]), arranged.meant.output
        )
        yield max(truth.error(float(got[place]), place) for place in np.ndindex(*got.shape))


def _path(hello: Hello) -> str:
    capability = hello.environment.get("cpu capability", "")
    return f"{hello.target} {hello.version} {capability}".rstrip()
