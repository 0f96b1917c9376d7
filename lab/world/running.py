"""A world that is up: find it, run commands in it, end it, prove that nothing is left.

It owns nothing: whoever may signal the processes may end them. Starting is `lab.world.world`'s.
"""

import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from lab.world import inventory, namespace
from lab.world.errors import WorldError
from lab.world.inventory import Member
from lab.world.plan import write_private

END_DEADLINE = 60.0  # seconds for an orderly end, before everything is killed
FACTS = "world.json"
_KILL_DEADLINE = 10.0


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
            facts = json.loads((state / FACTS).read_text())
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

    def save(self) -> None:
        """Write what `find` reads; for the owner's eyes only, it holds the lab's passphrase."""
        facts = asdict(self) | {"state": str(self.state), "cwd": str(self.cwd)}
        write_private(self.state / FACTS, f"{json.dumps(facts, indent=2)}\n".encode())

    def leftovers(self) -> list[Member]:
        """Return every process that still carries the lab's mark."""
        return inventory.members(self.lab)

    def end(self, deadline: float = END_DEADLINE) -> None:
        """End it in order, kill it after `deadline`; raises WorldError when something is left."""
        end_lab(self.lab, deadline)
        (self.state / FACTS).unlink(missing_ok=True)


def end_lab(lab: str, deadline: float) -> None:
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
