"""Building from Go modules: one `go build` for all programs that share a module.

The environment is fixed where it decides what comes out (no cgo, no workspace, pinned modules
only) and the user's everywhere else (proxy, caches, toolchain). Go's own words go to a log file.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from lab.tools.ask import end_group
from lab.tools.errors import ToolError
from lab.tools.gofailure import explain_go
from lab.tools.rows import GoBuild

DEADLINE = 3600.0  # seconds; the largest takes six minutes on two cores


class Builder(Protocol):
    """Whatever can make the programs of some builds that share a module."""

    def build(
        self, builds: Sequence[GoBuild], into: Path, log: Path, tick: Callable[[], None]
    ) -> None:
        """Leave each build's `binary` in `into`, or raise ToolError. `tick` is called often."""


class GoBuilder:
    """The real one: `go build`."""

    def __init__(
        self, deadline: float = DEADLINE, environment: Mapping[str, str] | None = None
    ) -> None:
        self.deadline = deadline
        self.environment = dict(os.environ if environment is None else environment)

    def build(
        self, builds: Sequence[GoBuild], into: Path, log: Path, tick: Callable[[], None]
    ) -> None:
        """Run one `go build`; it dies with us, also when we are killed."""
        module = builds[0].module
        go = self.go(module)
        packages = [build.package for build in builds]
        flags = ["-trimpath", "-ldflags", builds[0].ldflags, "-o", f"{into}{os.sep}"]
        self.run("go build", [go, "build", *flags, *packages], module, log, tick)

    def go(self, module: Path) -> str:
        """Return the path of `go` for a module folder that is there, or raise ToolError."""
        if not (module / "go.mod").is_file():
            raise ToolError(f"there is no Go module in {module}: restore it from Git")
        go = shutil.which("go", path=self.environment.get("PATH"))
        if go is None:
            raise ToolError(
                "Go is not installed (no `go` on PATH) and nothing else provides this program:"
                f" install Go {_wanted(module)} or newer from https://go.dev/dl"
            )
        return go

    def run(
        self, name: str, command: list[str], module: Path, log: Path, tick: Callable[[], None]
    ) -> None:
        """Run one command of Go's kind in a module folder, or raise ToolError with its words."""
        with log.open("wb") as output:
            code = self._wait([*_dies_with_us(), *command], module, output.fileno(), tick)
        if code != 0:
            text = log.read_text(errors="replace")
            last = (text.strip().splitlines() or ["it said nothing"])[-1]
            reason = explain_go(text) or f"`{name}` failed: {last}"
            raise ToolError(f"{reason} (all it said: {log})")

    def _wait(self, command: list[str], module: Path, output: int, tick: Callable[[], None]) -> int:
        end = time.monotonic() + self.deadline
        process = subprocess.Popen(
            command,
            cwd=module,
            env=_fixed(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            while True:
                tick()
                try:
                    return process.wait(0.5)
                except subprocess.TimeoutExpired:
                    if time.monotonic() > end:
                        raise ToolError(
                            f"Go took longer than {self.deadline:.0f} s: try again, what"
                            " it compiled so far is kept in Go's cache"
                        ) from None
        finally:
            end_group(process)


def _fixed(environment: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in environment.items() if name not in {"GOOS", "GOARCH"}}
    return kept | {"CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false", "GOWORK": "off"}


def _dies_with_us() -> list[str]:
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []


def _wanted(module: Path) -> str:
    for line in (module / "go.mod").read_text().splitlines():
        if line.startswith("go "):
            return line.removeprefix("go ").strip()
    return "1.26"
