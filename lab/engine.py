"""The real Pulumi CLI on the real project, one command at a time, watched while it runs.

It knows commands, logs and deadlines, and nothing of what the program builds.
"""

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.checkpoint import Checkpoint
from lab.errors import EngineError
from lab.events import Log, Stage
from lab.strikes import Run, Strike

DEADLINE_SECONDS = 900.0
# The shortest operations take some hundredths of a second, and may be what a strike waits for.
POLL_SECONDS = 0.01
PROJECT = "hearth"
# What a run without changes consists of.
UNCHANGED = {"same"}
Watcher = Callable[[Stage], None]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a command came to: exit code, seconds, resource counts by operation, stages, text."""

    command: str
    exit_code: int
    seconds: float
    log: Log
    output: str

    @property
    def changed(self) -> int:
        """How many resources were created, updated, replaced, deleted or refreshed."""
        return sum(n for operation, n in self.log.changes.items() if operation not in UNCHANGED)

    @property
    def succeeded(self) -> bool:
        """Whether the command ended well."""
        return self.exit_code == 0

    def told(self) -> str:
        """Its errors, or the end of its output when it named none."""
        return "\n".join(self.log.errors) or self.output[-2000:]


class Engine:
    """A stack under the CLI; `logs` gets one file of output and one of events per command."""

    def __init__(
        self,
        *,
        project: Path,
        stack: str,
        logs: Path,
        environment: Mapping[str, str] | None = None,
        watch: Watcher | None = None,
    ) -> None:
        self.project, self.stack, self.logs = project, stack, logs
        self.environment = {**os.environ, **(environment or {})}
        # The event log is a debugging flag of the CLI, and hidden without this.
        self.environment |= {"PULUMI_DEBUG_COMMANDS": "1", "PULUMI_SKIP_UPDATE_CHECK": "1"}
        self.watch = watch
        url = self.environment.get("PULUMI_BACKEND_URL", "")
        self.checkpoint = Checkpoint(url, PROJECT, stack)
        self.runs = 0  # commands that may have changed the state
        logs.mkdir(parents=True, exist_ok=True)

    def select(self) -> None:
        """Make the stack in the backend, unless it is there."""
        self._plain("stack", "select", "--create", self.stack)

    def up(self, strike: Strike | None = None) -> Outcome:
        """`pulumi up`, without its own preview: the program runs once."""
        return self._watched("up", "--yes", "--skip-preview", strike=strike)

    def preview(self) -> Outcome:
        """`pulumi preview --diff`."""
        return self._watched("preview", "--diff")

    def refresh(self) -> Outcome:
        """`pulumi refresh`."""
        return self._watched("refresh", "--yes", "--skip-preview")

    def destroy(self, strike: Strike | None = None, targets: Sequence[str] = ()) -> Outcome:
        """`pulumi destroy`, of everything or of what is named and nothing depends on."""
        named = [f"--target={urn}" for urn in targets]
        return self._watched("destroy", "--yes", "--skip-preview", *named, strike=strike)

    def output(self, name: str) -> str:
        """A stack output, in clear; for use inside the lab only."""
        return self._plain("stack", "output", name, "--show-secrets", "--stack", self.stack)

    def output_of(self, kind: str, output: str) -> str:
        """An output of the only resource of a type, in clear; for use inside the lab only."""
        text = self._plain("stack", "export", "--show-secrets", "--stack", self.stack)
        for item in json.loads(text)["deployment"].get("resources") or []:
            if item["type"] == kind and output in item.get("outputs", {}):
                value = item["outputs"][output]
                clear = json.loads(value["plaintext"]) if isinstance(value, dict) else value
                return str(clear)
        raise EngineError(f"the state of {self.stack} holds no {kind} with {output}")

    def state(self) -> list[dict[str, Any]]:
        """The resources in the stack's state."""
        text = self._plain("stack", "export", "--stack", self.stack)
        found: list[dict[str, Any]] = json.loads(text)["deployment"].get("resources") or []
        return found

    def taint(self, urn: str) -> None:
        """Have the next `up` replace a resource."""
        self._plain("state", "taint", urn, "--yes", "--stack", self.stack)

    def set_secret(self, key: str, value: str) -> None:
        """`pulumi config set --secret`, the value where no process list shows it."""
        self._plain("config", "set", "--secret", key, "--stack", self.stack, given=value)

    def must(self, outcome: Outcome) -> Outcome:
        """The outcome, or an error with what the command said."""
        if not outcome.succeeded:
            raise EngineError(f"pulumi {outcome.command} failed:\n{outcome.told()}")
        return outcome

    def _plain(self, *arguments: str, given: str | None = None) -> str:
        done = subprocess.run(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=self.project,
            env=self.environment,
            input=given,
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            raise EngineError(f"pulumi {' '.join(arguments[:2])} failed:\n{done.stderr.strip()}")
        return done.stdout

    def _watched(self, command: str, *arguments: str, strike: Strike | None = None) -> Outcome:
        self.runs += 1
        stem = self.logs / f"{self.runs:02}-{command}"
        events, output = stem.with_suffix(".events"), stem.with_suffix(".log")
        argv = ["pulumi", command, "--stack", self.stack, "--non-interactive", *arguments]
        argv += ["--color", "never", "--event-log", str(events), "--skip-plugin-pre-install"]
        if command != "preview":
            argv += ["--suppress-progress", "--suppress-outputs"]
        # An earlier run's events would be taken for this one's.
        events.unlink(missing_ok=True)
        log, started = Log(), time.monotonic()
        with output.open("w") as sink:
            process = subprocess.Popen(
                argv, cwd=self.project, env=self.environment, stdout=sink, stderr=sink
            )
            follower = threading.Thread(target=self._follow, args=(events, log, process))
            follower.start()
            try:
                if strike:
                    strike(Run(process=process, log=log, pending=self.checkpoint.pending))
                code = process.wait(DEADLINE_SECONDS)
            except EngineError:
                process.kill()
                process.wait()
                raise
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise EngineError(
                    f"pulumi {command} did not end within {DEADLINE_SECONDS:.0f} s; see {output}"
                ) from None
            finally:
                follower.join()
        return Outcome(
            command=command,
            exit_code=code,
            seconds=time.monotonic() - started,
            log=log,
            output=output.read_text(),
        )

    def _follow(self, events: Path, log: Log, process: "subprocess.Popen[bytes]") -> None:
        """Feed the log with each line as it is written, until the process has ended."""
        position, rest = 0, ""
        while True:
            ended = process.poll() is not None
            if events.exists():
                with events.open() as source:
                    source.seek(position)
                    rest += source.read()
                    position = source.tell()
            *lines, rest = rest.split("\n")
            for line in filter(None, lines):
                stage = log.feed(line)
                if stage and self.watch:
                    self.watch(stage)
            if ended:
                return
            time.sleep(POLL_SECONDS)
