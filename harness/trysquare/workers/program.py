"""A program that is a backend, as the harness sees it: what it says of itself, what it takes."""

from __future__ import annotations

import platform
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from trysquare.backend import (
    ALWAYS,
    Answer,
    Array,
    Call,
    Form,
    Kind,
    Offer,
    OnRequest,
    Refusal,
    Reply,
    Target,
    Unavailable,
    Want,
    choose,
)
from trysquare.dtypes import FORMATS
from trysquare.errors import ProtocolError
from trysquare.workers import probes
from trysquare.workers.declaration import Declaration
from trysquare.workers.frames import Json, clean, malformed
from trysquare.workers.headers import ECHO, MULTIPLY, mistakes
from trysquare.workers.protocol import Hello, unpack_spelling

USUAL: Json = {"device": "cpu", "mode": "eager"}
"""Where a program runs that says nothing of targets."""


@dataclass(frozen=True)
class Terms:
    """What a program takes; the harness refuses the rest on its behalf."""

    name: str
    dtypes: frozenset[str]
    wants: frozenset[Want]
    forms: frozenset[Form]
    threads: bool
    random: bool
    area: bool

    def declines(self, call: Call) -> Refusal | None:
        """Return why a call is not made, or None."""
        for name, array in call.inputs.items():
            if array.dtype.name not in self.dtypes | ALWAYS:
                return self._no(f"no {array.dtype} (input {name})")
        if call.want not in self.wants:
            return self._no(_MISSING[call.want])
        if call.form not in self.forms and any(map(call.form.suits, call.inputs.values())):
            return self._no(f"no {call.form} tensors")
        if call.threads != 1 and not self.threads:
            return self._no("no choice of threads")
        if call.seed is not None and not self.random:
            return self._no("no random numbers to seed")
        return None

    def _no(self, what: str) -> Refusal:
        return Refusal(Kind.UNSUPPORTED, f"{self.name} has {what}", "Unsupported")


_MISSING = {
    Want.VALUE: "no values",
    Want.GRADIENT: "no gradients",
    Want.SECOND: "no second derivatives",
    Want.INPLACE: "nothing that works in place",
    Want.SAVED: "no gradients that read what was overwritten",
}


def introduced(
    program: Declaration, asked: Target, body: Json
) -> tuple[Hello, Terms] | Unavailable:
    """Return what the header of a hello says; a reason instead if the program cannot run here.

    `asked` is the target that it was started for, its usual one if that has no device. Raises
    ProtocolError with everything that is wrong in the header.
    """
    header = {**body, "type": "hello", "arrays": []}
    wrong = [*mistakes(header, "cannot" if "reason" in body else "program hello")]
    if wrong:
        raise ProtocolError("hello: " + "; ".join(wrong))
    if "reason" in body:
        broken = bool(body.get("broken", False))
        return Unavailable(asked, clean(body["reason"]), broken=broken)
    offers = tuple(_offer(program.name, item) for item in body.get("targets", [USUAL]))
    served = choose(offers, asked)
    if isinstance(served, Unavailable):
        return served
    version = body.get("version") or program.version
    if not version:
        raise ProtocolError("hello: has no 'version', and neither has the file that declares it")
    wants = frozenset(map(Want, body.get("wants", ["value"])))
    underived = "" if Want.GRADIENT in wants else f"{program.name} has no gradients"
    with malformed("hello"):
        hello = Hello(
            target=served,
            version=clean(version),
            targets=offers,
            dtypes=tuple(sorted(body["dtypes"])),
            environment={
                "machine": platform.machine(),
                "cpu capability": probes.cpu_capability(),
                "cpu vendor": probes.cpu_vendor(),
                **_cleaned(body.get("environment", {})),
            },
            functions={clean(n): unpack_spelling(one) for n, one in body["functions"].items()},
            absent=_cleaned(body.get("absent", {})),
            underived=clean(body.get("underived", underived)),
            unfaithful={},
            flushes={},
            canary=True,
        )
    terms = Terms(
        name=program.name,
        dtypes=frozenset(hello.dtypes),
        wants=wants,
        forms=frozenset(map(Form, [Form.CONTIGUOUS, *body.get("forms", [])])),
        threads=bool(body.get("threads", False)),
        random=bool(body.get("random", False)),
        area=bool(body.get("area", False)),
    )
    return hello, terms


def _cleaned(texts: Json) -> dict[str, str]:
    return {clean(name): clean(text) for name, text in texts.items()}


def _offer(name: str, item: Json) -> Offer:
    target = Target(name, item["device"], item["mode"])
    if "reason" in item:
        broken = bool(item.get("broken", False))
        return Unavailable(target, clean(item["reason"]), broken=broken)
    return OnRequest(target, clean(item["why"])) if "why" in item else target


def probed(hello: Hello, ask: Callable[[Sequence[Call]], Sequence[Reply]]) -> Hello:
    """Return a hello with what the harness has found out by asking."""
    found = {}
    for dtype, arrays in probes.samples(hello.dtypes):
        replies = ask([Call(ECHO, {"x": array}, {}) for array in arrays])
        wrong = (_echoed(*pair) for pair in zip(arrays, replies, strict=True))
        if complaint := next(filter(None, wrong), ""):
            found[dtype] = complaint
    return replace(hello, unfaithful=found, flushes=dict(_flushes(hello.dtypes, ask)))


def _echoed(sent: Array, reply: Reply) -> str:
    if isinstance(reply, Refusal):
        return f"{ECHO}: {reply.message}"
    if "output" not in reply.outputs:
        return f"{ECHO} gave no output"
    return probes.difference(sent, reply.outputs["output"])


def _flushes(
    dtypes: Collection[str], ask: Callable[[Sequence[Call]], Sequence[Reply]]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the dtypes in which a product becomes zero; a program may have none."""
    for name in dtypes:
        pairs = probes.factors(FORMATS[name])
        replies = ask([Call(MULTIPLY, {"a": a, "b": b}, {}) for a, b in pairs.values()])
        zeros = tuple(
            what
            for (what, (a, _)), reply in zip(pairs.items(), replies, strict=True)
            if isinstance(reply, Answer)
            and "output" in reply.outputs
            and reply.outputs["output"].dtype == a.dtype
            and probes.has_zero(FORMATS[name], reply.outputs["output"])
        )
        if zeros:
            yield name, zeros
