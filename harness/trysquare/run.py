"""The one loop: groups of cases x targets -> results. Knows no framework, file or report."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from types import TracebackType
from typing import Self

from trysquare.backend import INDEX_DTYPE, Call, OnRequest, Reply, Target, Unavailable
from trysquare.dtypes import Format
from trysquare.errors import UsageError
from trysquare.planning.plan import Group
from trysquare.result import USUAL, WHOLE, Check, Expectation, Limits, Outcome, Result
from trysquare.spec import Spec
from trysquare.verdict.judge import judge_all
from trysquare.verdict.standard import Standard
from trysquare.workers.lifeline import end_with_parent
from trysquare.workers.pool import Pool
from trysquare.workers.protocol import Hello
from trysquare.workers.witness import witness

AHEAD = 3
"""Groups that the workers are given before the first of them is judged."""

BEHIND = 8
"""Groups that the judges are given before the results of the first of them are waited for."""

JUDGES = 2
"""Processes that compare; the workers of the targets wait for them most of the time."""


@dataclass(frozen=True)
class Asked:
    """A group that has been sent to the targets; `fault` says why that was not possible."""

    group: Group
    standards: tuple[Standard, ...]
    replies: Mapping[Target, Future[list[Reply]]]
    fault: str = ""


@dataclass(frozen=True)
class Answered:
    """A group with all replies, and the results of the targets that were asked."""

    asked: Asked
    results: Future[dict[str, list[Result]]]


class Session:
    """Open targets, and the comparison of whatever is asked of them.

    `wanted` are targets to open that run only on request. The usual target of a backend that is one
    of these is opened as well, unless the backends are `unnamed`: whatever is installed.
    """

    def __init__(
        self,
        backends: Sequence[str],
        seed: int,
        limits: Limits = USUAL,
        wanted: Sequence[Target] = (),
        *,
        unnamed: bool = False,
    ) -> None:
        self._seed, self._wanted = seed, frozenset(wanted)
        self._limits, self._deadline = limits, limits.seconds
        self._unnamed = unnamed
        self._pool = Pool(memory=limits.memory)
        self._hellos: dict[Target, Hello] = {}
        self._unavailable: list[Unavailable] = []
        self._on_request: list[OnRequest] = []
        self._latest: tuple[Group, tuple[Standard, ...]] | None = None
        self._open(backends)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def keep(self, targets: Sequence[Target], unavailable: Sequence[Unavailable]) -> None:
        """Let there be no other targets: those are neither asked nor told of."""
        self._hellos = {target: self._hellos[target] for target in targets}
        self._unavailable = [*unavailable]

    def close(self) -> None:
        """End all workers."""
        self._pool.close()

    @property
    def targets(self) -> Mapping[Target, Hello]:
        """The targets that answer, with what they say of themselves, in the order asked for."""
        return self._hellos

    @property
    def unavailable(self) -> tuple[Unavailable, ...]:
        """The targets that were asked for and cannot run here, and why."""
        return tuple(self._unavailable)

    @property
    def on_request(self) -> tuple[OnRequest, ...]:
        """The targets that are here and that nobody named."""
        return tuple(self._on_request)

    @property
    def limits(self) -> Limits:
        """What a case and a worker may take."""
        return self._limits

    @property
    def pool(self) -> Pool:
        """The workers."""
        return self._pool

    def source(self, target: Target) -> str:
        """Return the name under which the backend of a target was loaded."""
        return self._pool.source(target)

    def refusal(self, group: Group, target: Target) -> Result | None:
        """Return the result that stands for a group that a target cannot be asked, or None."""
        reason = self._reason(group, target)
        return None if reason is None else _not_asked(group, target, *reason)

    def replies(self, target: Target, spec: Spec, calls: Sequence[Call]) -> list[Reply]:
        """Return what a target replies to calls that no plan has made, in their order."""
        return self._pool.ask(target, spec, calls, self._deadline).result()

    def asked(self, target: Target, spec: Spec, calls: Sequence[Call]) -> Future[list[Reply]]:
        """Send such calls, and return what the replies will be."""
        return self._pool.ask(target, spec, calls, self._deadline)

    def spelled(self, target: Target, spec: Spec, call: Call) -> str:
        """Return a call as the framework writes it; nothing if it has no such call."""
        return self._pool.spelled(target, spec, call, self._deadline).result()

    def judged(self, standard: Standard, target: Target, reply: Reply) -> Result:
        """Return the result of a single reply, with the script that shows it if it diverges."""
        both = {str(target): ([reply], self.flushes(target, standard.case.format))}
        (result,) = judge_all([standard], both)[str(target)]
        return self._witnessed(standard, target, reply, result)

    def flushes(self, target: Target, format: Format) -> bool:
        """Tell whether a target replaces subnormal numbers of a format by zero."""
        return bool(self._hellos[target].flushes.get(format.name))

    def results(self, groups: Sequence[Group], targets: Sequence[Target]) -> Iterator[Result]:
        """Yield the results of all groups on these targets, group by group, target by target."""
        if len(groups) == 1:
            asked = self._ask(groups[0], targets)
            judged: Future[dict[str, list[Result]]] = Future()
            try:
                judged.set_result(judge_all(asked.standards, self._replies(asked)))
            except Exception as error:  # noqa: BLE001 - told as the outcome of the group
                judged.set_exception(error)
            yield from self._of_group(Answered(asked, judged))
            return
        judges = ProcessPoolExecutor(JUDGES, get_context("spawn"), initializer=end_with_parent)
        scribes = ThreadPoolExecutor(max(1, len(targets)))
        try:
            yield from self._many(groups, targets, judges, scribes)
        finally:  # whoever interrupts a run does not wait for what nobody will read
            judges.shutdown(wait=False, cancel_futures=True)
            scribes.shutdown(wait=False, cancel_futures=True)

    def _many(
        self,
        groups: Sequence[Group],
        targets: Sequence[Target],
        judges: ProcessPoolExecutor,
        scribes: ThreadPoolExecutor,
    ) -> Iterator[Result]:
        asked: deque[Asked] = deque()
        answered: deque[Answered] = deque()
        for group in groups:
            asked.append(self._ask(group, targets))
            if len(asked) > AHEAD:
                answered.append(self._answered(asked.popleft(), judges))
            if len(answered) > BEHIND:
                yield from self._of_group(answered.popleft(), scribes)
        answered.extend(self._answered(one, judges) for one in asked)
        for one in answered:
            yield from self._of_group(one, scribes)

    def _answered(self, asked: Asked, judges: ProcessPoolExecutor) -> Answered:
        return Answered(asked, judges.submit(judge_all, asked.standards, self._replies(asked)))

    def _open(self, backends: Sequence[str]) -> None:
        """Open the usual target of each backend, then whatever else the backend has here."""
        opening = [self._pool.open(Target(backend, "", "")) for backend in backends]
        found = [usual.result() for usual in opening]
        others = [
            [*self._others(hello, source)] for hello, source in zip(found, backends, strict=True)
        ]
        for usual, more in zip(found, others, strict=True):
            if not self._rests(usual):
                self._take(usual)
            for other in more:
                self._take(other.result() if isinstance(other, Future) else other)

    def _others(
        self, usual: Hello | Unavailable, source: str
    ) -> Iterator[Future[Hello | Unavailable] | Unavailable]:
        """Start the other targets of the backend of a source, and yield what they will say."""
        for offer in usual.targets if isinstance(usual, Hello) else ():
            if isinstance(offer, OnRequest) and not self._requested(offer.target, usual, source):
                self._on_request.append(offer)
            elif isinstance(offer, Unavailable):
                yield offer
            else:
                target = offer.target if isinstance(offer, OnRequest) else offer
                if isinstance(usual, Hello) and target != usual.target:
                    yield self._pool.open(target)

    def _requested(self, target: Target, usual: Hello | Unavailable, source: str) -> bool:
        """Whether somebody named a target that runs on request, or its backend.

        One from elsewhere is named as its backend is loaded, or as it calls itself.
        """
        named = isinstance(usual, Hello) and target == usual.target and not self._unnamed
        return named or not self._wanted.isdisjoint({target, replace(target, backend=source)})

    def _rests(self, usual: Hello | Unavailable) -> bool:
        """Whether the usual target of a backend runs on request, and nobody named it."""
        return isinstance(usual, Hello) and usual.target in {one.target for one in self._on_request}

    def _take(self, hello: Hello | Unavailable) -> None:
        if isinstance(hello, Hello):
            if hello.target in self._hellos:
                raise UsageError(f"two backends call a target {hello.target}")
            self._hellos[hello.target] = hello
        else:
            self._unavailable.append(hello)

    def _ask(self, group: Group, targets: Sequence[Target]) -> Asked:
        nothing: dict[Target, Future[list[Reply]]] = {target: Future() for target in targets}
        if all(self._reason(group, target) for target in targets):
            return Asked(group, (), nothing)  # nobody waits for its truth
        try:
            standards = self._standards(group)
        except Exception as error:  # noqa: BLE001 - a spec that cannot be planned costs its own group
            return Asked(group, (), nothing, f"no cases could be made: {_words(error)}")
        calls = [standard.case.call for standard in standards]
        replies: dict[Target, Future[list[Reply]]] = {}
        for target in targets:  # in their order, those that cannot be asked among them
            if self._reason(group, target):
                replies[target] = Future()
            else:
                replies[target] = self._pool.ask(target, group.spec, calls, self._deadline)
        return Asked(group, standards, replies)

    def _standards(self, group: Group) -> tuple[Standard, ...]:
        """Return what a group demands; whoever asks one target after another shares the truth."""
        if self._latest is None or self._latest[0] is not group:
            cases = group.cases(self._seed)
            self._latest = group, tuple(Standard(group.spec, case) for case in cases)
        return self._latest[1]

    def _replies(self, asked: Asked) -> dict[str, tuple[list[Reply], bool]]:
        """Wait for the replies of every target; with each, whether it flushes this dtype."""
        format = asked.group.format
        return {
            str(target): (replies.result(), self.flushes(target, format))
            for target, replies in asked.replies.items()
            if not asked.fault and not self._reason(asked.group, target)
        }

    def _of_group(
        self, answered: Answered, scribes: ThreadPoolExecutor | None = None
    ) -> Iterator[Result]:
        """Yield the results of all targets; their scripts are written side by side."""
        targets = answered.asked.replies
        if scribes is None:
            for target in targets:
                yield from self._of_target(answered, target)
            return
        parts = [scribes.submit(self._of_target, answered, target) for target in targets]
        for part in parts:
            yield from part.result()

    def _of_target(self, answered: Answered, target: Target) -> list[Result]:
        asked = answered.asked
        if reason := self._reason(asked.group, target):
            return [_not_asked(asked.group, target, *reason)]
        error = answered.results.exception()
        if fault := f"it could not be judged: {_words(error)}" if error else asked.fault:
            return [_not_asked(asked.group, target, Outcome.ERRORED, fault)]
        replies = asked.replies[target].result()
        results = answered.results.result()[str(target)]
        return [
            self._witnessed(standard, target, reply, result)
            for standard, reply, result in zip(asked.standards, replies, results, strict=True)
        ]

    def _reason(self, group: Group, target: Target) -> tuple[Outcome, str] | None:
        """Return why a group is not asked of a target, or None."""
        hello, function, dtype = self._hellos[target], group.spec.function, group.format.name
        if function in hello.absent:
            return Outcome.UNSUPPORTED, hello.absent[function]
        if hello.functions and function not in hello.functions:
            return Outcome.UNSUPPORTED, f"{target.backend} has no {function}"
        if group.check in (Check.GRADIENTS, Check.SECOND) and hello.underived:
            return Outcome.UNSUPPORTED, hello.underived
        if dtype not in hello.dtypes:
            return Outcome.UNSUPPORTED, f"{target.backend} has no {dtype}"
        for sent in (dtype, *([INDEX_DTYPE] if group.spec.takes_indices else [])):
            if sent in hello.unfaithful:
                fault = f"{sent}: {hello.unfaithful[sent]}"
                return Outcome.ERRORED, f"the binding is unfit to judge: {fault}"
        return None

    def _witnessed(
        self, standard: Standard, target: Target, reply: Reply, result: Result
    ) -> Result:
        """Add the script that shows a divergence."""
        if result.outcome is not Outcome.DIVERGES:
            return result
        script = witness(self._pool, target, standard, result, reply, self._deadline)
        return replace(result, reproduction=script)


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _not_asked(group: Group, target: Target, outcome: Outcome, reason: str) -> Result:
    """Return the one result that stands for a group that a target cannot be asked."""
    bad = outcome is Outcome.ERRORED
    return Result(
        id=f"{group.name}/{target}/{WHOLE}",
        function=group.spec.function,
        check=group.check,
        case=WHOLE,
        target=str(target),
        dtype=group.format.name,
        parameters={},
        outcome=outcome,
        expectation=Expectation.UNEXPECTED if bad else Expectation.EXPECTED,
        place=str(group.spec.place),
        reason=reason,
    )
