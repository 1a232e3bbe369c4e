"""The engine that is a Ray cluster: a job is a task, which Ray tries once and never again.

https://docs.ray.io/en/latest/ray-core/tasks.html
"""

from __future__ import annotations

import logging
import os
import pickle
import secrets
import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, redirect_stdout
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from time import monotonic
from typing import Any

from trysquare.engines import likeness, station
from trysquare.engines.engine import Begun, Ended, Event, Hire, Lost, Outfit
from trysquare.engines.places import Places, places
from trysquare.errors import UsageError

LOOK_SECONDS = 10.0
"""How often the machines are looked at while nothing happens."""

CONNECT_SECONDS = 10.0

ANSWER_SECONDS = 60.0

NODE = "ray.io/node-id"
"""The label by which Ray knows a machine."""

GREET_SECONDS = 60.0
"""A process of a busy machine may need many of them to begin."""

STORE = 100 << 20
"""Bytes of shared memory of a cluster of our own; answers are small."""

SETTINGS = {
    "RAY_AUTH_MODE": "token",
    "RAY_task_oom_retries": "0",  # for ever, if it is not told
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_raylet_start_wait_time_s": "300",  # half a minute is not enough on a busy machine
}
"""What Ray reads from the environment, unless somebody has set it otherwise."""


Tell = Callable[[str], None]


class Cluster:
    """A Ray cluster that is connected to."""

    def __init__(self, ray: Any, outfit: Outfit, seconds: float, tell: Tell) -> None:
        self._ray, self._needs, self._seconds = ray, tuple(outfit.needs), seconds
        self._tell = tell
        self._outfit, self._stamp = ray.put(pickle.dumps(outfit)), dict(likeness.stamp())
        self._streams: dict[Any, int] = {}
        self._unfit: set[str] = set()
        """Names of machines on which a target did not start; they get no more jobs."""
        self._avoided: dict[str, str] = {}
        self._places = self._found()
        self._looked = monotonic()
        self._task = ray.remote(
            max_retries=0,
            num_returns="streaming",
            num_cpus=1,
            num_gpus=self._places.accelerators,
            resources=dict(self._places.resources),
        )(station.perform)

    @property
    def room(self) -> int:
        """Twice as many as can be done at a time: no process waits for its next job."""
        return 2 * self._places.slots

    @property
    def seconds(self) -> float:
        """What a job may take."""
        return self._seconds

    def submit(self, ticket: int, job: Any) -> None:
        """Take a job."""
        task = self._task.options(label_selector=self._avoided)
        stream = task.remote(self._stamp, self._outfit, pickle.dumps(job))
        self._streams[stream] = ticket

    def events(self, seconds: float) -> Sequence[Event]:
        """Return what has happened; raises UsageError for a machine that is not like this one."""
        ready, _ = self._ray.wait([*self._streams], num_returns=1, timeout=seconds)
        if not ready:
            return self._idle()
        ready, _ = self._ray.wait([*self._streams], num_returns=len(self._streams), timeout=0)
        return [event for stream in ready for event in self._next(stream)]

    def cancel(self, ticket: int) -> None:
        """Kill the process that does a job, and whatever that has started."""
        self._tell("a job took too long, and its process was killed")
        self._kill(ticket)

    def _kill(self, ticket: int) -> None:
        for stream in [one for one, other in self._streams.items() if other == ticket]:
            del self._streams[stream]
            self._ray.cancel(stream, force=True)

    def close(self) -> None:
        """End all jobs; the cluster stays."""
        for ticket in [*self._streams.values()]:
            self._kill(ticket)

    def _next(self, stream: Any) -> Iterator[Event]:
        ticket = self._streams[stream]
        try:
            word, content = self._ray.get(next(stream))
        except StopIteration:
            del self._streams[stream]
            yield self._lost(ticket, "it ended without an answer")
        except self._ray.exceptions.RayError as error:
            del self._streams[stream]
            yield self._lost(ticket, _why(error))
        else:
            if word == station.BEGUN:
                yield Begun(ticket)
                return
            del self._streams[stream]
            told = pickle.loads(content)  # noqa: S301 - by our own task, which is let in by a token
            if word == station.UNFIT:
                machine, why = told
                self._unfit.add(machine)
                self._places = self._found()
                yield self._lost(ticket, f"{machine}: {why}")
                return
            if word == station.REFUSED:
                raise UsageError(f"a machine of the cluster is not like this one: {told}")
            yield Ended(ticket, told)

    def _lost(self, ticket: int, why: str) -> Lost:
        self._tell(f"a job was lost: {why}")
        return Lost(ticket, why)

    def _idle(self) -> Sequence[Event]:
        """Tell of jobs as lost that nobody can do any more."""
        if monotonic() - self._looked < LOOK_SECONDS:
            return ()
        self._looked = monotonic()
        try:
            self._places = self._found()
        except UsageError as error:
            lost = [self._lost(ticket, str(error)) for ticket in self._streams.values()]
            for one in lost:
                self._kill(one.ticket)
            return lost
        return ()

    def _found(self) -> Places:
        """Return where jobs go: to whoever has the targets, and rather not where one was unfit."""
        alive = [node for node in self._ray.nodes() if node["Alive"]]
        unfit = [node for node in alive if node["NodeManagerHostname"] in self._unfit]
        fit = [node["Resources"] for node in alive if node not in unfit]
        try:
            found = places(fit, self._needs)
        except UsageError:
            if not unfit:
                raise
            self._avoided = {}
            return places([node["Resources"] for node in alive], self._needs)
        names = ",".join(node["NodeID"] for node in unfit)
        self._avoided = {NODE: f"!in({names})"} if unfit else {}
        return found


def _why(error: Exception) -> str:
    """Say why there will be no answer; raises UsageError if there can be none anywhere."""
    cause = getattr(error, "cause", None)
    if "failed to import on the worker" in str(error):
        raise UsageError(
            "a machine of the cluster cannot import this Trysquare; install the same version "
            f"in the environment that Ray runs in there: {_last_line(error)}"
        )
    return f"{type(error).__name__}: {_first_line(cause or error)}"


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1].strip()


def hire(address: str | None, processes: int, seconds: float, tell: Tell) -> Hire:
    """Return what connects to a cluster, or starts one of so many processes on this machine.

    It begins to connect now, aside: whoever hires has frameworks to wait for, and should begin with
    them at once. A job may take so many `seconds`; somebody is told of each that is lost. Raises
    UsageError if Ray is not there.
    """
    if find_spec("ray") is None:
        raise UsageError("--engine ray needs Ray: pip install 'trysquare[ray]'")
    settle(address)
    early = None if address is None else _connecting(address)

    @contextmanager
    def hired(outfit: Outfit) -> Iterator[Cluster]:
        with _quiet(), ExitStack() as held:
            # a cluster of our own ends with the thread that has started it
            if early is None:
                ray = _started(processes, held)
            else:
                ray, greeting = _waited(early, address)
            held.callback(ray.shutdown)
            if early is not None:
                require_answer(ray, greeting)
            engine = Cluster(ray, outfit, seconds, tell)
            held.callback(engine.close)
            yield engine

    return hired


def settle(address: str | None) -> None:
    """Say how Ray is to be, before it is imported; a cluster of our own has a token of its own."""
    for name, text in SETTINGS.items():
        os.environ.setdefault(name, text)
    if address is None:
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(16)


def _connecting(address: str) -> Future[Any]:
    """Connect in a thread that keeps nobody from ending: Ray waits for ever for some ports.

    The result is Ray, and the greeting that a machine of the cluster will answer.
    """
    early: Future[Any] = Future()

    def connect() -> None:
        try:
            ray = _connected(address)
            early.set_result((ray, greeted(ray)))
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits
            early.set_exception(error)

    Thread(target=connect, name="connect", daemon=True).start()
    return early


def greeted(ray: Any) -> Any:
    """Have somebody of a cluster say that it is there; that ends up in what is returned."""
    task = ray.remote(max_retries=0, num_returns="streaming", num_cpus=0)(station.greet)
    return task.remote()


def require_answer(ray: Any, greeting: Any) -> None:
    """Raise UsageError if nothing comes back of what is sent out.

    A cluster without a token takes jobs of whoever has one, and cannot answer.
    """
    ready, _ = ray.wait([greeting], num_returns=1, timeout=GREET_SECONDS)
    if not ready:
        raise UsageError(
            f"the cluster takes jobs, and none of its answers came within {GREET_SECONDS:g} s; "
            "it may not know this token: start every node of it with RAY_AUTH_MODE=token"
        )
    try:
        ray.get(next(greeting))
    except (StopIteration, ray.exceptions.RayError) as error:
        raise UsageError(f"the cluster does no jobs: {_why(error)}") from None


def _waited(early: Future[Any], address: str | None) -> Any:
    try:
        return early.result(ANSWER_SECONDS)
    except TimeoutError:
        raise UsageError(
            f"{address} takes connections and says nothing within {ANSWER_SECONDS:g} s: "
            "is that the port of a Ray cluster, and its Ray the same version?"
        ) from None


def _connected(address: str) -> Any:
    """Return Ray, connected to a cluster; raises UsageError if that is not possible."""
    try:
        _require_there(address)  # Ray would look for it for ten minutes
        return _ray(address)
    except _faults() as error:
        raise UsageError(
            f"the Ray cluster at {address} cannot be used: {_first_line(error)}\n  "
            "It is asked with its token: RAY_AUTH_TOKEN, or a file that RAY_AUTH_TOKEN_PATH names."
        ) from None


def _started(processes: int, held: ExitStack) -> Any:
    """Return Ray, with a cluster of this machine, whose files are gone when `held` ends."""
    folder = tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True)
    own = {
        "num_cpus": processes,
        "include_dashboard": False,
        "object_store_memory": STORE,
        "_temp_dir": held.enter_context(folder),
    }
    try:
        return _ray("local", **own)
    except _faults() as error:
        raise UsageError(f"Ray does not start here: {_first_line(error)}") from None


def _ray(address: str, **options: Any) -> Any:
    ray = import_module("ray")
    # what it warns of is no matter of ours: its handler of SIGTERM, workers that die
    logging.getLogger("ray").setLevel(logging.ERROR)
    ray.init(address, log_to_driver=False, configure_logging=False, **options)
    return ray


def _faults() -> tuple[type[Exception], ...]:
    """Return what Ray raises where there is no cluster, or one that has another token."""
    return OSError, RuntimeError, ValueError, import_module("ray.exceptions").RayError


def _require_there(address: str) -> None:
    """Raise OSError or ValueError if nobody answers at `host:port`."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise ValueError(f"'{address}' is no HOST:PORT, such as 10.0.0.1:6379")
    socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep off stdout what Ray tells of processes that died: every job that was lost is told of."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        yield
