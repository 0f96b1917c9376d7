"""The call that is being served: whose it is, how long it may take, how to talk to the user.

A resource's methods take only property values, so what belongs to the call itself is found here:

    call = operation.current()
    while not ready():
        call.status("waiting for 3 of 5 nodes")   # the live line of the resource
        call.wait(1.0)                             # raises on cancel and at the deadline

Messages to the user are best effort: an engine that is going away loses them.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field

import grpc

from provider.rpc.errors import Cancelled, Refused
from provider.rpc.proto import engine_pb2, engine_pb2_grpc


class Engine:
    """The engine's log, reached at the address that the plugin got as its argument."""

    def __init__(self, address: str | None) -> None:
        self._address = address
        self._lock = threading.Lock()
        self._stub: engine_pb2_grpc.EngineStub | None = None

    def log(
        self,
        severity: "engine_pb2.LogSeverity.ValueType",
        message: str,
        urn: str,
        *,
        ephemeral: bool = False,
    ) -> None:
        """Show `message` at the resource `urn`."""
        if not self._address:
            return
        request = engine_pb2.LogRequest(
            severity=severity, message=message, urn=urn, ephemeral=ephemeral
        )
        with suppress(grpc.RpcError):
            self._connected(self._address).Log(request, timeout=5)

    def _connected(self, address: str) -> engine_pb2_grpc.EngineStub:
        with self._lock:
            if self._stub is None:
                self._stub = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address))
            return self._stub


@dataclass(frozen=True, slots=True)
class Operation:
    """One call. `deadline` is on `time.monotonic()`'s clock, None when the user set none.

    `ignored` are the program's `ignoreChanges` paths, which an update must not act upon either.
    """

    urn: str = ""
    type: str = ""
    preview: bool = False
    ignored: tuple[str, ...] = ()
    deadline: float | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)
    engine: Engine = field(default_factory=lambda: Engine(None))

    @property
    def name(self) -> str:
        """The resource's name in the program."""
        return self.urn.split("::", 3)[-1]

    def info(self, message: str) -> None:
        """Say something that stays on the user's screen."""
        self.engine.log(engine_pb2.INFO, message, self.urn)

    def warn(self, message: str) -> None:
        """Warn the user; the run goes on."""
        self.engine.log(engine_pb2.WARNING, message, self.urn)

    def error(self, message: str) -> None:
        """Show an error; the run fails, whatever the call returns."""
        self.engine.log(engine_pb2.ERROR, message, self.urn)

    def status(self, message: str) -> None:
        """Change the live line of the resource; leaves no trace afterwards."""
        self.engine.log(engine_pb2.INFO, message, self.urn, ephemeral=True)

    def remaining(self, default: float) -> float:
        """Seconds until the deadline, or `default` when there is none; never negative."""
        if self.deadline is None:
            return default
        return max(0.0, self.deadline - time.monotonic())

    def check_cancelled(self) -> None:
        """Raise `Cancelled` when the user has cancelled the run."""
        if self.cancelled.is_set():
            raise Cancelled("cancelled")

    def wait(self, seconds: float) -> None:
        """Sleep, but wake up for a cancel and at the deadline, and raise then."""
        self.cancelled.wait(min(seconds, self.remaining(seconds)))
        self.check_cancelled()
        if self.deadline is not None and time.monotonic() >= self.deadline:
            raise Refused("timed out (customTimeouts of this resource)")


_current: ContextVar[Operation] = ContextVar("operation")


def current() -> Operation:
    """The call this thread is serving; outside of one, a call without urn, deadline or engine."""
    return _current.get(Operation())


@contextmanager
def serving(call: Operation) -> Iterator[Operation]:
    """Make `call` the current one; for the servicer and for tests of resources."""
    token = _current.set(call)
    try:
        yield call
    finally:
        _current.reset(token)
