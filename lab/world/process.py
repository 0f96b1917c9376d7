"""Supervised processes: start, wait until ready, stop for certain, and quote the log when not.

`Children` starts processes and reaps whatever the kernel hands to PID 1, without ever taking the
exit status of a process that somebody waits for. Which processes there are is not decided here.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from lab.world.errors import WorldError

POLL = 0.05  # seconds between two questions for readiness
GRACE = 10.0  # seconds from SIGTERM to SIGKILL
QUOTED = 15  # log lines in an error

Ready = Callable[[], bool]
Popen = subprocess.Popen


class Children:
    """All processes one supervisor has started."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[int, Popen[bytes]] = {}

    def spawn(
        self, argv: tuple[str, ...], environment: Mapping[str, str], cwd: Path, log: Path
    ) -> Popen[bytes]:
        """Start a process in a session of its own, its output appended to `log`."""
        log.parent.mkdir(parents=True, exist_ok=True)
        # Under the lock, so that a child that ends at once is known before anyone reaps it.
        with self._lock, log.open("ab") as output:
            process = Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                cwd=cwd,
                start_new_session=True,
            )
            self._known[process.pid] = process
            return process

    def reap(self) -> int:
        """Collect every child that has ended; return how many were orphans nobody waits for."""
        orphans = 0
        while True:
            with self._lock:
                try:
                    ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
                except ChildProcessError:
                    return orphans
                if ended is None:
                    return orphans
                known = self._known.pop(ended.si_pid, None)
                if known is not None:
                    known.wait()
                else:
                    with suppress(ChildProcessError):
                        os.waitpid(ended.si_pid, 0)
                    orphans += 1


class Process:
    """One named process with a probe, a deadline, a log, and a temporary folder of its own."""

    def __init__(
        self,
        name: str,
        argv: tuple[str, ...],
        *,
        ready: Ready,
        waiting_for: str,
        deadline: float,
        environment: Mapping[str, str],
        log: Path,
        cwd: Path,
        folder: Path,
        children: Children,
    ) -> None:
        """Take what to run; `folder` is where its temporary folder is made."""
        self.name = name
        self._argv = argv
        self._ready = ready
        self._waiting_for = waiting_for
        self._deadline = deadline
        self._environment = environment
        self._log = log
        self._cwd = cwd
        self._parent = folder
        self._children = children
        self._popen: Popen[bytes] | None = None
        self._folder: Path | None = None

    @property
    def pid(self) -> int | None:
        """The process id, once started."""
        return self._popen.pid if self._popen else None

    @property
    def code(self) -> int | None:
        """The exit code, or None while it runs (negative: the signal that ended it)."""
        return self._popen.poll() if self._popen else None

    def start(self, cancelled: Callable[[], bool] = lambda: False) -> float:
        """Start and wait until ready; return the seconds it took. Raises WorldError."""
        started = time.monotonic()
        self._parent.mkdir(parents=True, exist_ok=True)
        self._folder = Path(tempfile.mkdtemp(prefix=f"{self.name}-", dir=self._parent))
        environment = {**self._environment, "TMPDIR": str(self._folder)}
        try:
            self._popen = self._children.spawn(self._argv, environment, self._cwd, self._log)
        except OSError as error:
            raise WorldError(
                f"{self.name} cannot be started: {self._argv[0]}: {error.strerror}"
            ) from None
        while not self._ready():
            seconds = time.monotonic() - started
            if self.code is not None:
                raise WorldError(self._account(f"ended with {_ending(self.code)}"))
            if cancelled():
                raise WorldError(f"{self.name} was stopped before it was ready")
            if seconds > self._deadline:
                waited = f"was not ready after {seconds:.0f} s (waited for {self._waiting_for})"
                raise WorldError(self._account(waited))
            time.sleep(POLL)
        if self.code is not None:  # somebody else answered in its place
            raise WorldError(self._account(f"ended with {_ending(self.code)}"))
        return time.monotonic() - started

    def stop(self, grace: float = GRACE) -> None:
        """End it and everything in its session: SIGTERM, then SIGKILL after `grace` seconds."""
        if self._popen:
            with suppress(ProcessLookupError):
                self._popen.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._popen.wait(grace)
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._popen.pid, signal.SIGKILL)
            self._popen.wait()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def kill(self) -> None:
        """End it and its session at once, as a loss of power does; it can be started again."""
        if self._popen:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._popen.pid, signal.SIGKILL)
            self._popen.wait()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _account(self, what: str) -> str:
        return f"{self.name} {what}; its log {self._log} ends:\n{tail(self._log)}"


def tail(log: Path, lines: int = QUOTED) -> str:
    """Return a log's last lines, indented."""
    try:
        text = log.read_text(errors="replace").splitlines()[-lines:]
    except OSError:
        text = []
    return "\n".join(f"    {line}" for line in text) or "    (it said nothing)"


def _ending(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
