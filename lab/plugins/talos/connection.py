"""The provider's way to a machine: maintenance first, then mTLS, and again until the deadline.

Every attempt first asks the machine for its disks without showing a certificate. If it answers, it
is in maintenance mode and the call itself goes the same way; else it goes over mTLS. Whatever fails
is tried again until the resource's own timeout, except what the machine calls an invalid argument.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from lab.plugins.talos import documents
from lab.plugins.talos.bundle import talosconfig
from lab.plugins.talos.ctl import CtlError, Private, refuse, run
from lab.plugins.talos.values import seconds
from provider.rpc import Properties, life, operation

DEFAULT_TIMEOUT = 600.0
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 10.0
_ANSWER = 60.0
NOT_AUTHORIZED = "rpc error: code = PermissionDenied desc = not authorized"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Machine:
    """One attempt's connection. `maintenance` says which of the two ways it goes."""

    node: str
    endpoint: str
    config: Private
    maintenance: bool

    def ctl(self, *arguments: str | Private, timeout: float = _ANSWER) -> life.Completed:
        """Run a talosctl command against the machine."""
        if self.maintenance:
            # talosctl dials --nodes here, and does not look at --endpoints.
            return run(*arguments, "--insecure", "--nodes", self.endpoint, timeout=timeout)
        return run(
            *arguments,
            "--talosconfig",
            self.config,
            "--endpoints",
            self.endpoint,
            "--nodes",
            self.node,
            timeout=timeout,
        )

    def secure_ctl(self, *arguments: str | Private) -> life.Completed:
        """The same for a call that a machine in maintenance does not let anyone make.

        It takes every caller for a reader there (Talos 1.13), and talosctl has no way to ask.
        """
        if self.maintenance:
            raise CtlError(NOT_AUTHORIZED)
        return self.ctl(*arguments)


@dataclass(frozen=True, slots=True)
class Target:
    """A machine as a resource names it, with plain `clientConfiguration`."""

    node: str
    endpoint: str
    client: Mapping[str, str]

    @classmethod
    def of(cls, inputs: Properties) -> "Target":
        """The machine that plain inputs name; the endpoint is the node unless it is given."""
        node = inputs["node"]
        return cls(node, inputs.get("endpoint") or node, inputs["clientConfiguration"])

    def attempt(self, action: Callable[[Machine], T]) -> T:
        """Do it once."""
        config = Private(documents.dump(talosconfig("dynamic", self.client)))
        machine = Machine(self.node, self.endpoint, config, maintenance=True)
        try:
            machine.ctl("get", "disks", "--output", "json")
        except CtlError:
            machine = Machine(self.node, self.endpoint, config, maintenance=False)
        return action(machine)

    def until_done(self, summary: str, timeout: float, action: Callable[[Machine], T]) -> T:
        """Do it until it succeeds; `Refused` with the last error when the time is up."""
        call = operation.current()
        patience = Patience(min(timeout, call.remaining(timeout)))
        while True:
            try:
                return self.attempt(action)
            except CtlError as error:
                if error.code == "InvalidArgument" or not patience.lasts():
                    raise refuse(summary, error) from None
                call.status(f"{self.node}: {error.message}"[:200])
            patience.pause()


class Patience:
    """Pauses that double up to ten seconds, until the time is up."""

    def __init__(self, timeout: float) -> None:
        self._now = time.monotonic
        self._end = self._now() + timeout
        self._next = _FIRST_PAUSE

    def lasts(self) -> bool:
        """Whether another attempt may be made."""
        return self._now() + self._next < self._end

    def pause(self) -> None:
        """Wait until the next attempt; raises on cancel."""
        operation.current().wait(self._next)
        self._next = min(2 * self._next, _LONGEST_PAUSE)


def timeout_of(inputs: Properties, verb: str) -> float:
    """The resource's own `timeouts.VERB`, 10 minutes when there is none."""
    given = (inputs.get("timeouts") or {}).get(verb)
    return seconds(given) if given else DEFAULT_TIMEOUT
