"""A lab's world seen from outside: start it, enter it, end it, prove that nothing is left.

`World` is the owner of one start. Unless it lets the world live, the world ends with the owner,
also when the owner is killed. Everything that must hold inside happens in `lab.world.supervisor`.
"""

import fcntl
import json
import os
import secrets
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from lab.world import hosts, inventory, namespace
from lab.world.certificates import Authority
from lab.world.errors import WorldError
from lab.world.inventory import Member
from lab.world.messages import LET_LIVE, Message, parse
from lab.world.plan import MARK, WorldPlan, write_plan, write_private

END_DEADLINE = 60.0  # seconds for an orderly end, before everything is killed
_KILL_DEADLINE = 10.0
_WORLD = "world.json"
_LOCK = "lock"

Say = Callable[[str, float], None]


@dataclass(frozen=True, kw_only=True)
class Running:
    """A world that is up: its id, its PID 1 as seen from outside, what a shell in it sees."""

    lab: str
    stack: str
    state: Path
    cwd: Path
    init: int
    started: float
    environment: dict[str, str]

    @classmethod
    def find(cls, state: Path) -> "Running | None":
        """Return the world whose state lies in this folder, if it is up."""
        try:
            facts = json.loads((state / _WORLD).read_text())
            running = cls(**facts | {"state": Path(facts["state"]), "cwd": Path(facts["cwd"])})
        except (OSError, ValueError, TypeError, KeyError):
            return None
        return running if running.alive() else None

    def alive(self) -> bool:
        """Whether its PID 1 lives; a process id that was given away meanwhile does not count."""
        return inventory.init_of(self.lab) == self.init

    def services(self) -> dict[str, str]:
        """Return each service's name with `running` or `ended (CODE)`."""
        with suppress(OSError, ValueError):
            return dict(json.loads((self.state / "status.json").read_text()))
        return {}

    def command(self, argv: list[str], cwd: Path | None = None) -> list[str]:
        """Return the command that runs `argv` inside; give it `self.environment`."""
        return namespace.joining(self.init, cwd or self.cwd, argv)

    def run(
        self,
        argv: list[str],
        *,
        timeout: float,
        cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command inside and return what it said; never raises on its exit code."""
        return subprocess.run(
            self.command(argv, cwd),
            env={**self.environment, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def leftovers(self) -> list[Member]:
        """Return every process that still carries the lab's mark."""
        return inventory.members(self.lab)

    def end(self, deadline: float = END_DEADLINE) -> None:
        """End it in order, kill it after `deadline`; raises WorldError when something is left."""
        _end(self.lab, deadline)
        (self.state / _WORLD).unlink(missing_ok=True)


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
            _end(self.lab, END_DEADLINE)
            (self.plan.state / _WORLD).unlink(missing_ok=True)

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
        for name in (_WORLD, "status.json"):
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
        supervisor = [sys.executable, "-m", "lab.world.supervisor"]
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
        what = f"was not up after {self.plan.deadline:.0f} s" if late else "ended while starting"
        raise WorldError(f"the lab of {self.plan.stack} {what}: see {self.plan.logs}/world.log")

    def _write_facts(self) -> Running:
        init = inventory.init_of(self.lab)
        if init is None:
            raise WorldError(
                f"the lab of {self.plan.stack} ended as soon as it was up: see"
                f" {self.plan.logs}/world.log"
            )
        running = Running(
            lab=self.lab,
            stack=self.plan.stack,
            state=self.plan.state,
            cwd=self.plan.cwd,
            init=init,
            started=time.time(),
            environment={**self.plan.environment, MARK: self.lab},
        )
        facts = asdict(running) | {"state": str(running.state), "cwd": str(running.cwd)}
        write_private(self.plan.state / _WORLD, f"{json.dumps(facts, indent=2)}\n".encode())
        return running


_ROOT = Path(__file__).resolve().parents[2]


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


def _end(lab: str, deadline: float) -> None:
    """Ask PID 1 to end, kill everything after `deadline`, and wait until nothing is left.

    Each process is held by a handle, which, unlike its number, cannot come to mean another one.
    """
    with ExitStack() as stack:
        handles = []
        for member in inventory.members(lab):
            with suppress(ProcessLookupError):
                handle = os.pidfd_open(member.pid)
                stack.callback(os.close, handle)
                handles.append(handle)
                if member.is_init:
                    signal.pidfd_send_signal(handle, signal.SIGTERM)
        if not _all_ended(handles, deadline):
            for handle in handles:
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(handle, signal.SIGKILL)
            _all_ended(handles, _KILL_DEADLINE)
    # What was just starting had no handle yet; it notices that its owner is gone.
    if not _empty(lab, _KILL_DEADLINE):
        left = ", ".join(f"{member.pid} {member.command}" for member in inventory.members(lab))
        raise WorldError(f"these processes of lab {lab} did not end: {left}")


def _all_ended(handles: list[int], deadline: float) -> bool:
    end = time.monotonic() + deadline
    return all(
        bool(select.select([handle], [], [], max(0.0, end - time.monotonic()))[0])
        for handle in handles
    )


def _empty(lab: str, deadline: float) -> bool:
    """Wait until no process of the lab is left. Twice, for exec hides a process for a moment."""
    end = time.monotonic() + deadline
    unseen = 0
    while unseen < 2:
        unseen = unseen + 1 if not inventory.members(lab) else 0
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
