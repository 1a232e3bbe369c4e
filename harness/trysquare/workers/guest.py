"""The program behind a line: how it starts, what it takes, what it shares, what shows a fault."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from trysquare.backend import Array, Call, Target, Unavailable
from trysquare.spec import Spec
from trysquare.workers.area import Area
from trysquare.workers.declaration import read
from trysquare.workers.frames import ALIGNMENT, LARGE, Json
from trysquare.workers.headers import VERSION
from trysquare.workers.launch import Launch, of_program
from trysquare.workers.program import Terms, introduced
from trysquare.workers.protocol import Hello
from trysquare.workers.remote import script
from trysquare.workers.reproduction import Claim

AREA_BYTES = 1 << 28
"""What program and harness share at most; memory is taken when it is needed."""


class Guest:
    """A declared program; SpecErrors if its file cannot be read."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.declaration = read(Path(target.backend))
        self.area = Area(AREA_BYTES)
        self.terms: Terms | None = None
        self.hello: Hello | None = None

    def launch(self) -> Launch:
        """Return what starts it; FileNotFoundError if it is not there."""
        return of_program(self.declaration)

    def introduced(self, body: Json) -> Hello | Unavailable:
        """Return what it says of itself, and keep what it takes; ProtocolError if that is wrong."""
        found = introduced(self.declaration, self.target, body)
        if isinstance(found, Unavailable):
            return found
        self.hello, self.terms = found
        return self.hello

    def room(self, arrays: Sequence[Array]) -> Json | None:
        """Return where in the area answers to these arrays can lie; None if all goes by pipe."""
        if self.terms is None or not self.terms.area:
            return None
        return room_for(self.area, arrays)

    def script(self, spec: Spec, call: Call, claim: Claim, reference: Call | None) -> str:
        """Return a script that shows a divergence with the program alone."""
        if self.hello is None:
            return ""
        return script(self.declaration, self.hello, spec, call, claim, reference)


def room_for(area: Area, arrays: Sequence[Array]) -> Json | None:
    """Return where answers can lie, behind the arrays that are large, and as much; None if none."""
    large = [-(-one.nbytes // ALIGNMENT) * ALIGNMENT for one in arrays if one.nbytes >= LARGE]
    if not large or not area.reserve(2 * sum(large)):
        return None
    return {"offset": sum(large), "nbytes": sum(large)}


def greeting(target: Target, area: Area | None) -> Json:
    """Return the harness's hello: which target is wanted, and what memory there is."""
    shared = None if area is None else {"descriptor": area.descriptor, "nbytes": area.bytes.size}
    return {"protocol": VERSION, "device": target.device, "mode": target.mode, "area": shared}
