"""The Pulumi CLI as a person runs it, inside a world, measured: seconds, processor time, processes.

Unlike `lab.engine` it asks for no event log and follows nothing: what is measured is the command.
"""

import json
import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.bench.processes import Watch
from lab.bench.table import Failed

DEADLINE_SECONDS = 600.0


@dataclass(frozen=True, kw_only=True)
class Run:
    """What one command cost: seconds on the clock, seconds of all processors, what was watched."""

    seconds: float
    processor: float
    watch: Watch | None


@dataclass(frozen=True, kw_only=True)
class Cli:
    """A stack of a project; `log` takes what the commands say."""

    project: Path
    stack: str
    log: Path

    def select(self) -> None:
        """Make the stack, unless it is there."""
        self.run("stack", "select", "--create", self.stack)

    def preview(self, *, watched: bool = False) -> Run:
        """`pulumi preview`."""
        return self.run("preview", "--stack", self.stack, watched=watched)

    def change(self, verb: str, *, watched: bool = False) -> Run:
        """`pulumi up`, `refresh` or `destroy`, without the preview before it."""
        return self.run(verb, "--stack", self.stack, "--yes", "--skip-preview", watched=watched)

    def plan(self) -> dict[str, Any]:
        """The plan of a preview, with secrets in clear: for the bare program only."""
        with tempfile.TemporaryDirectory() as folder:  # its owner's alone
            path = Path(folder) / "plan.json"
            self.run("preview", "--stack", self.stack, "--save-plan", str(path), "--show-secrets")
            found: dict[str, Any] = json.loads(path.read_text())
        return found

    def run(self, *arguments: str, watched: bool = False) -> Run:
        """Run a command to its end; raises Failed when it does not end well."""
        argv = ["pulumi", *arguments, "--non-interactive", "--color", "never"]
        started = time.monotonic()
        with self.log.open("w") as sink:
            process = subprocess.Popen(
                argv, cwd=self.project, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink
            )
            watch = Watch(process.pid) if watched else None
            if watch:
                watch.start()
            # Not `process.wait`: only this tells what the command and all it started have used.
            _, status, used = os.wait4(process.pid, 0)
        seconds = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if watch:
            watch.done.set()
            watch.join()
        if process.returncode != 0:
            raise Failed(f"pulumi {arguments[0]} failed:\n{self.log.read_text()[-3000:]}")
        return Run(seconds=seconds, processor=used.ru_utime + used.ru_stime, watch=watch)
