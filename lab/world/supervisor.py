"""PID 1 of a lab: makes the world inside the namespaces, keeps it, and ends it.

It starts the plan's services (each as soon as those it comes after are ready), reaps orphans, and
ends everything when it is told to or when its owner is gone. It restarts nothing by itself: a
service that dies is a finding of the rehearsal, written to `status.json`. A service that is asked
to crash (`lab.world.crashes`) is killed without warning and started again.
"""

import json
import os
import signal
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

from lab.world import hosts, network
from lab.world.crashes import Crashes
from lab.world.errors import WorldError
from lab.world.messages import LET_LIVE, Message, send
from lab.world.plan import MARK, Service, WorldPlan, read_plan
from lab.world.probe import describe, is_ready
from lab.world.process import Children, Process

TICK = 0.05  # seconds between two looks around


class Supervisor:
    """One world, from the inside."""

    def __init__(self, plan: WorldPlan, messages: int, lifeline: int) -> None:
        self._plan = plan
        self._messages = messages
        self._lifeline = lifeline
        self._let_live = False
        self._ending = threading.Event()
        self._children = Children()
        # Never shut down while services run: one that asked to die with its parent dies with the
        # very thread that started it.
        self._pool = ThreadPoolExecutor(max_workers=max(1, len(plan.services)))
        self._started: list[Process] = []
        self._crashes = Crashes(state=plan.state)
        self._coming_back: dict[str, Future[float]] = {}
        self._status: dict[str, str] = {}

    def run(self) -> int:
        """Return 0 after an ordinary end, 1 when the world did not come up."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._ending.set())
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        code = 0
        try:
            self._prepare()
            self._start_services()
            self._look_around()
            self._say("ready")
            while not self._ending.wait(TICK):
                self._look_around()
        except WorldError as error:
            self._say("failed", str(error))
            code = 1
        self._end()
        return code

    def _say(self, kind: str, text: str = "", seconds: float = 0.0) -> None:
        print(kind, text, f"{seconds:.1f} s", flush=True)
        match kind:
            case "stage" | "ready" | "failed":
                send(self._messages, Message(kind=kind, text=text, seconds=seconds))

    def _prepare(self) -> None:
        started = time.monotonic()
        self._crashes.forget()
        hosts.cover(self._plan)
        network.lay(self._plan.addresses, (*self._plan.gateways, *self._plan.internet))
        self._say("stage", "names and network", time.monotonic() - started)

    def _start_services(self) -> None:
        """Start all; each waits for those it comes after. The first failure ends the rest."""
        futures: dict[str, Future[None]] = {}
        for service in self._plan.services:
            before = [futures[name] for name in service.after]
            futures[service.name] = self._pool.submit(self._start, service, before)
        while not all(future.done() for future in futures.values()):
            self._look_around()
            if any(future.done() and future.exception() for future in futures.values()):
                self._ending.set()
            self._ending.wait(TICK)
        # The root cause first: a service that gave up because of another one says nothing new.
        errors = [error for future in futures.values() if (error := future.exception())]
        for error in sorted(errors, key=lambda error: isinstance(error, _GaveUpError)):
            raise error
        if self._ending.is_set():
            raise WorldError("it was ended before it was ready")

    def _start(self, service: Service, before: list[Future[None]]) -> None:
        for future in before:
            if future.exception():
                raise _GaveUpError(f"{service.name} was not started")
        process = Process(
            service.name,
            service.argv,
            ready=partial(is_ready, service.probe, self._plan.bundle),
            waiting_for=describe(service.probe),
            deadline=service.deadline,
            environment=self._environment(service),
            log=self._plan.logs / f"{service.name}.log",
            cwd=self._plan.cwd,
            folder=self._plan.scratch,
            children=self._children,
        )
        self._started.append(process)
        try:
            seconds = process.start(self._ending.is_set)
        except WorldError as error:
            if self._ending.is_set():
                raise _GaveUpError(str(error)) from None
            raise
        self._say("stage", service.name, seconds)

    def _environment(self, service: Service) -> dict[str, str]:
        return {**self._plan.environment, **service.environment, MARK: os.environ[MARK]}

    def _look_around(self) -> None:
        self._children.reap()
        self._hear_owner()
        self._have_crash()
        status = {
            process.name: "running" if process.code is None else f"ended ({process.code})"
            for process in list(self._started)
            if process.pid
        }
        if status != self._status:
            self._status = status
            fresh = self._plan.state / "status.json.new"
            fresh.write_text(json.dumps(status, indent=2) + "\n")
            fresh.rename(self._plan.state / "status.json")

    def _have_crash(self) -> None:
        """Kill the services that are to crash, and start them again."""
        for name in self._crashes.wanted():
            if name in self._coming_back:
                self._see_back(name)
                continue
            process = next((item for item in self._started if item.name == name), None)
            if process is None:
                self._crashes.failed(name, f"there is no service {name}")
                continue
            process.kill()
            self._coming_back[name] = self._pool.submit(process.start, self._ending.is_set)

    def _see_back(self, name: str) -> None:
        future = self._coming_back[name]
        if not future.done():
            return
        del self._coming_back[name]
        if error := future.exception():
            self._crashes.failed(name, str(error))
        else:
            self._say("stage", f"{name} again", future.result())
            self._crashes.over(name)

    def _hear_owner(self) -> None:
        if self._let_live:
            return
        try:
            heard = os.read(self._lifeline, 1)
        except BlockingIOError:
            return
        if heard == LET_LIVE:
            self._let_live = True
        else:
            self._ending.set()

    def _end(self) -> None:
        """Stop services in reverse order, then whatever else runs in this process namespace."""
        self._ending.set()
        for process in reversed(self._started):
            process.stop()
        if os.getpid() == 1:
            with suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)
        self._children.reap()
        self._pool.shutdown()


class _GaveUpError(WorldError):
    """A service that did not come up because another one had not."""


def main(arguments: list[str]) -> int:
    """`PLAN MESSAGES LIFELINE`: a plan's file and two pipes. Started by `lab.world.world` only."""
    plan, messages, lifeline = Path(arguments[0]), int(arguments[1]), int(arguments[2])
    for handle in (messages, lifeline):
        os.set_inheritable(handle, False)
    os.set_blocking(lifeline, False)
    return Supervisor(read_plan(plan), messages, lifeline).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
