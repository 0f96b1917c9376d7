"""Starting a lab's world from outside, and owning it.

`World` is the owner of one start. Unless it lets the world live, the world ends with the owner,
also when the owner is killed. Everything that must hold inside happens in `lab.world.supervisor`.
"""

import fcntl
import os
import secrets
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from lab.world import hosts, inventory, namespace
from lab.world.certificates import Authority
from lab.world.errors import WorldError
from lab.world.messages import LET_LIVE, Message, parse
from lab.world.plan import MARK, SUPERVISOR, WorldPlan, write_plan
from lab.world.process import tail
from lab.world.running import END_DEADLINE, FACTS, Running, end_lab

_LOCK = "lock"

Say = Callable[[str, float], None]


class World:
    """One start of a plan, as a context: what is inside runs while the world is up."""

    def __init__(self, plan: WorldPlan, say: Say = lambda _text, _seconds: None) -> None:
        self.plan = plan
        self.lab = f"{plan.stack}-{secrets.token_hex(4)}"
        self._say = say
        self._lifeline: int | None = None

    def __enter__(self) -> Running:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.end()

    def start(self) -> Running:
        """Bring it up; on any failure nothing is left and WorldError says why."""
        namespace.check()
        lock = self._take_lock()
        try:
            self._prepare()
            messages = self._spawn(lock)
        finally:
            os.close(lock)  # from here on the supervisor holds it
        try:
            self._await_ready(messages)
            return self._write_facts()
        except BaseException:
            self.end()
            raise
        finally:
            os.close(messages)

    def let_live(self) -> None:
        """Give up ownership: the world lives until it is ended by `Running.end`."""
        if self._lifeline is not None:
            os.write(self._lifeline, LET_LIVE)
            os.close(self._lifeline)
            self._lifeline = None

    def end(self) -> None:
        """End it, unless it was let live or never started."""
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None
            end_lab(self.lab, END_DEADLINE)
            (self.plan.state / FACTS).unlink(missing_ok=True)

    def _take_lock(self) -> int:
        self.plan.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(self.plan.state / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise WorldError(
                f"the lab of {self.plan.stack} is up already: enter it with `./hearth lab shell"
                f" {self.plan.stack}`, end it with `./hearth lab down {self.plan.stack}`"
            ) from None
        return lock

    def _prepare(self) -> None:
        started = time.monotonic()
        plan = self.plan
        shutil.rmtree(plan.scratch, ignore_errors=True)
        _set_aside(plan.logs)
        for name in (FACTS, "status.json"):
            (plan.state / name).unlink(missing_ok=True)
        for folder in (plan.logs, *plan.folders):
            folder.mkdir(parents=True, exist_ok=True)
        authority = Authority(plan.certificates)
        authority.write_bundle(plan.bundle)
        for service in plan.services:
            if service.names:
                addresses = [service.address] if service.address else []
                authority.issue(service.name, service.names, addresses)
        hosts.write_files(plan)
        write_plan(plan, plan.state / "plan.json")
        self._say("certificates", time.monotonic() - started)

    def _spawn(self, lock: int) -> int:
        """Start the supervisor; return the pipe it tells its progress on."""
        messages, its_messages = os.pipe()
        its_lifeline, self._lifeline = os.pipe()
        supervisor = [sys.executable, "-m", SUPERVISOR]
        arguments = [str(self.plan.state / "plan.json"), str(its_messages), str(its_lifeline)]
        with (self.plan.logs / "world.log").open("ab") as log:
            subprocess.run(
                namespace.entering([*supervisor, *arguments]),
                env={**namespace.surroundings(), MARK: self.lab, "PYTHONPATH": str(_ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(its_messages, its_lifeline, lock),
                check=True,
            )
        os.close(its_messages)
        os.close(its_lifeline)
        return messages

    def _await_ready(self, messages: int) -> None:
        end = time.monotonic() + self.plan.deadline
        for message in _listen(messages, end):
            match message.kind:
                case "stage":
                    self._say(message.text, message.seconds)
                case "ready":
                    return
                case "failed":
                    raise WorldError(message.text)
        late = time.monotonic() >= end
        raise self._broken(
            f"was not up after {self.plan.deadline:.0f} s" if late else "ended while starting"
        )

    def _broken(self, what: str) -> WorldError:
        log = self.plan.logs / "world.log"
        return WorldError(f"the lab of {self.plan.stack} {what}; {log} ends:\n{tail(log)}")

    def _write_facts(self) -> Running:
        init = inventory.init_of(self.lab)
        if init is None:
            raise self._broken("ended as soon as it was up")
        running = Running(
            lab=self.lab,
            stack=self.plan.stack,
            state=self.plan.state,
            cwd=self.plan.cwd,
            init=init,
            started=time.time(),
            environment={**self.plan.environment, MARK: self.lab},
        )
        running.save()
        return running


_ROOT = Path(__file__).resolve().parents[2]


def _set_aside(logs: Path) -> None:
    """Keep the last start's logs beside this one's, so that an error never quotes an old line."""
    previous = logs.with_name(f"{logs.name}.previous")
    shutil.rmtree(previous, ignore_errors=True)
    with suppress(FileNotFoundError):
        logs.rename(previous)


def _listen(pipe: int, end: float) -> Iterator[Message]:
    """Yield messages until the pipe closes or the time is up."""
    buffered = b""
    while (left := end - time.monotonic()) > 0:
        if not select.select([pipe], [], [], left)[0]:
            return
        chunk = os.read(pipe, 65536)
        if not chunk:
            return
        *lines, buffered = (buffered + chunk).split(b"\n")
        for line in lines:
            yield parse(line.decode())
