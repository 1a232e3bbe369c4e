"""One process per target, and who is asked what; the lines do the talking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from types import TracebackType
from typing import Self

from trysquare.backend import Call, Reply, Target, Unavailable
from trysquare.errors import UsageError
from trysquare.loading import require
from trysquare.result import MEMORY_PER_WORKER
from trysquare.spec import Spec
from trysquare.workers.line import START_SECONDS, Line
from trysquare.workers.protocol import Hello
from trysquare.workers.reproduction import Claim


class Pool:
    """The workers of a run, each with so many bytes of memory; leaving the context kills them."""

    def __init__(
        self, start_seconds: float = START_SECONDS, memory: int = MEMORY_PER_WORKER
    ) -> None:
        self._start_seconds, self._memory = start_seconds, memory
        self._lines: dict[Target, Line] = {}
        self._opening: list[Line] = []
        self._sources: dict[str, str] = {}
        """By the name of a backend, the name under which it was loaded."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def open(self, target: Target) -> Future[Hello | Unavailable]:
        """Start a worker and return its hello, or why there is none.

        A target without device and mode is the backend's usual one; the hello says which that is,
        and names the backend's other targets. Raises UsageError for an unknown backend.
        """
        source = self.source(target)
        require(source)
        line = Line(replace(target, backend=source), self._start_seconds, self._memory)
        self._opening.append(line)
        opened: Future[Hello | Unavailable] = Future()

        def register(done: Future[Hello | Unavailable]) -> None:
            error = done.exception()
            if error is not None:
                opened.set_exception(error)
                return
            hello = done.result()
            if isinstance(hello, Hello):
                self._lines[hello.target] = line
                self._sources[hello.target.backend] = source
            opened.set_result(hello)

        line.opened.add_done_callback(register)
        line.start()
        return opened

    def ask(
        self, target: Target, spec: Spec, calls: Sequence[Call], deadline: float
    ) -> Future[list[Reply]]:
        """Return the replies to these calls, in their order; `deadline` is in seconds per call.

        Raises UsageError for a target that was not opened; the future raises ProtocolError for a
        call that no frame can carry.
        """
        return self._line(target).submit(lambda line: line.answer(spec, calls, deadline))

    def reproduce(
        self,
        target: Target,
        spec: Spec,
        call: Call,
        claim: Claim,
        deadline: float,
        reference: Call | None = None,
    ) -> Future[str]:
        """Return a script that shows the divergence with the framework alone, or nothing.

        `reference` is the call that should have given the same bits, where that is the claim.
        """
        return self._line(target).submit(
            lambda line: line.script(spec, call, claim, deadline, reference)
        )

    def spelled(self, target: Target, spec: Spec, call: Call, deadline: float) -> Future[str]:
        """Return a call as the framework writes it, or nothing."""
        return self._line(target).submit(lambda line: line.spelled(spec, call, deadline))

    def source(self, target: Target) -> str:
        """Return the name under which the backend of a target was loaded."""
        return self._sources.get(target.backend, target.backend)

    @property
    def broken(self) -> Mapping[Target, str]:
        """The targets that were opened and cannot be started any more, and why."""
        return {target: line.broken for target, line in self._lines.items() if line.broken}

    def close(self) -> None:
        """Kill every worker; what has not been answered is cancelled."""
        for line in self._opening:
            line.stop()
        for line in self._opening:
            line.join()

    def _line(self, target: Target) -> Line:
        if target not in self._lines:
            raise UsageError(f"{target} is not open")
        return self._lines[target]
