"""Interrupting a run of the engine at a chosen moment: a strike is what happens while it goes on.

A moment is the beginning of an operation that the checkpoint notes as pending, together with an
effect in the vendors' world. The engine is held still (SIGSTOP) while the world is looked at, so
that nothing can be finished between the look and the blow. Processes are struck by their ids alone:
the CLI's, and those below it.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from lab.errors import EngineError
from lab.events import Log

DEADLINE_SECONDS = 300.0
# How long the engine goes on between two looks: shorter than any operation takes. A busy machine
# may give it nothing of that, so it grows.
SLICE_SECONDS = 0.004
SLICE_GROWTH = 1.2
SLICE_AT_MOST = 0.04
POLL_SECONDS = 0.01
# How long an effect is waited for while the CLI stands still: its plugins do not, and what they
# have begun mostly shows by then. Else a busy machine may end an operation between two looks.
LOOK_SECONDS = 2.0
PROC = Path("/proc")
# Stopped, or dead: what the kernel says of a thread that will not run.
STILL = ("T", "t", "Z", "X")


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run that goes on: its process, what it has told, and the URNs its checkpoint has open."""

    process: "subprocess.Popen[bytes]"
    log: Log
    pending: Callable[[], list[str]]

    @property
    def ended(self) -> bool:
        """Whether the CLI is gone."""
        return self.process.poll() is not None

    def pids(self, *, whole: bool) -> list[int]:
        """The CLI, and with `whole` every process below it."""
        cli = self.process.pid
        return [cli, *(below(cli) if whole else [])]

    def send(self, number: int, *, whole: bool = False) -> None:
        """A signal to the CLI, or to all of the run; what is gone hears nothing."""
        for pid in self.pids(whole=whole):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def hold(self, *, whole: bool) -> None:
        """Stop the CLI, or all of the run, and wait until no thread moves any more."""
        self.send(signal.SIGSTOP, whole=whole)
        for pid in self.pids(whole=whole):
            while not self.ended and standing(pid) is False:
                time.sleep(SLICE_SECONDS)


def standing(pid: int) -> bool | None:
    """Whether no thread of a process runs; None for one that is gone."""
    try:
        states = [
            path.read_text().rpartition(")")[2].split()[0]
            for path in (PROC / str(pid) / "task").glob("*/stat")
        ]
    except OSError:
        return False
    return all(state in STILL for state in states) if states else None


def always() -> bool:
    """The effect of an operation that has none to be seen."""
    return True


@dataclass(frozen=True, kw_only=True)
class Moment:
    """When to strike: a resource whose URN ends with `resource` is being worked on, `effect` shows.

    `resource` is type and name as in a URN: `vmLegacy:VmLegacy::infrastructure-fleet-cp1`; a part
    of it will do. What takes seconds is `slow`: the run is held only once its effect was seen.
    """

    resource: str
    effect: Callable[[], bool] = field(default=always)
    slow: bool = False

    def await_in(self, run: Run, *, whole: bool = False) -> str:
        """Wait for it; the CLI, or all of the run, stands still when this returns the URN."""
        deadline, pause = time.monotonic() + DEADLINE_SECONDS, SLICE_SECONDS
        while not run.ended and time.monotonic() < deadline:
            if self.begun(run) is None or (self.slow and not self.effect()):
                time.sleep(POLL_SECONDS)
                continue
            run.hold(whole=whole)
            open_now = [urn for urn in run.pending() if self.resource in urn]
            if open_now and (self.slow or self.shows(0.0 if whole else LOOK_SECONDS)):
                return open_now[0]
            run.send(signal.SIGCONT, whole=whole)
            time.sleep(pause)
            pause = min(pause * SLICE_GROWTH, SLICE_AT_MOST)
        run.send(signal.SIGCONT, whole=whole)
        ended = "the run ended first" if run.ended else f"waited {DEADLINE_SECONDS:.0f} s"
        raise EngineError(f"the moment to strike at {self.resource} never came: {ended}")

    def shows(self, patience: float) -> bool:
        """Whether the effect is there, or comes: a plugin works on while the CLI stands still."""
        deadline = time.monotonic() + patience
        while not self.effect():
            if time.monotonic() >= deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def begun(self, run: Run) -> str | None:
        """The URN of an operation on it that has begun and not ended."""
        return next((urn for urn in list(run.log.begun) if self.resource in urn), None)


Strike = Callable[[Run], None]


def killed_at(moment: Moment) -> Strike:
    """Kill the CLI with SIGKILL: no lock is given back, no checkpoint written."""

    def strike(run: Run) -> None:
        moment.await_in(run)
        run.send(signal.SIGKILL)

    return strike


def blacked_out_at(moment: Moment) -> Strike:
    """Kill the CLI and every plugin at once, as the operator's own power cut does."""

    def strike(run: Run) -> None:
        moment.await_in(run, whole=True)
        run.send(signal.SIGKILL, whole=True)

    return strike


def interrupted_at(moment: Moment) -> Strike:
    """Ctrl-C: the engine cancels what it waits for and ends in order."""

    def strike(run: Run) -> None:
        moment.await_in(run)
        run.send(signal.SIGCONT)
        run.send(signal.SIGINT)

    return strike


def plugin_killed_at(moment: Moment, words: str) -> Strike:
    """Kill the plugin whose command line holds `words`, among the processes below the CLI."""

    def strike(run: Run) -> None:
        moment.await_in(run)
        found = [pid for pid in below(run.process.pid) if words in command_line(pid)]
        run.send(signal.SIGCONT)
        if not found:
            raise EngineError(f"no process below the CLI has {words} in its command line")
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    return strike


def done_at(moment: Moment, action: Callable[[], None]) -> Strike:
    """Do something else to the world, and let the run go on."""

    def strike(run: Run) -> None:
        moment.await_in(run)
        run.send(signal.SIGCONT)
        action()

    return strike


def below(pid: int) -> list[int]:
    """Every process that descends from one."""
    children: list[int] = []
    for task in (PROC / str(pid) / "task").glob("*/children"):
        with suppress(OSError):
            children += [int(word) for word in task.read_text().split()]
    return children + [grandchild for child in children for grandchild in below(child)]


def command_line(pid: int) -> str:
    """A process's command line, empty for one that is gone."""
    try:
        text = (PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return ""
    return text.replace(b"\0", b" ").decode(errors="replace")
