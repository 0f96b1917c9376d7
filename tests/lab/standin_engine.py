"""The real engine on a small program, with the stand-ins on PATH and a file backend.

One `Stack` is one folder: program, state and Pulumi home. Nothing is downloaded.
"""

import json
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.lab.tools_bin import tool

ROOT = Path(__file__).resolve().parents[2]
_COUNT = re.compile(
    r"^\s+(?:\d+ changes?\. )?[-+~]* ?(\d+) "
    r"(created|updated|deleted|replaced|unchanged|to create|to update|to delete|to replace)",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Run:
    """One command's end: its status, what it said, and how many resources it touched how."""

    status: int
    text: str

    @property
    def counts(self) -> dict[str, int]:
        """`{"created": 2, "unchanged": 1}`; the stack itself is left out of created/unchanged."""
        return {what: int(number) for number, what in _COUNT.findall(self.text)}

    def ok(self) -> "Run":
        """This run, which has to have succeeded."""
        assert self.status == 0, self.text
        return self


@dataclass
class Stack:
    """A project in `folder` whose program can be exchanged between commands."""

    folder: Path
    env: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.folder / "state").mkdir(parents=True, exist_ok=True)
        (self.folder / "Pulumi.yaml").write_text("name: small\nruntime: python\n")
        self.program("")
        self.run("stack", "init", "test").ok()

    def program(self, text: str) -> None:
        """Make this the program."""
        (self.folder / "__main__.py").write_text(f"import pulumi\n{text}\n")

    def run(self, *arguments: str, env: Mapping[str, str] | None = None) -> Run:
        """Run `pulumi` with these arguments."""
        path = [ROOT / "lab/plugins/bin", tool("pulumi").parent, tool("helm").parent]
        environment = {
            **os.environ,
            "PATH": os.pathsep.join([str(each) for each in path] + [os.environ["PATH"]]),
            "PULUMI_BACKEND_URL": f"file://{self.folder / 'state'}",
            "PULUMI_HOME": str(self.folder / "home"),
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_SKIP_UPDATE_CHECK": "1",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "HEARTH_PLUGIN_LOGS": str(self.folder / "logs"),
            **self.env,
            **(env or {}),
        }
        done = subprocess.run(
            [str(tool("pulumi")), *arguments, "--cwd", str(self.folder), "--non-interactive"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=180,
            check=False,
            text=True,
        )
        return Run(done.returncode, done.stdout + self._logs(done.returncode))

    def _logs(self, status: int) -> str:
        if status == 0:
            return ""
        return "".join(f"\n{log}:\n{log.read_text()}" for log in self.folder.glob("logs/*.log"))

    def preview(self) -> Run:
        """`pulumi preview`, with the details of the changes."""
        return self.run("preview", "--diff")

    def up(self) -> Run:
        """`pulumi up` without a preview before it."""
        return self.run("up", "--yes", "--skip-preview")

    def refresh(self) -> Run:
        """`pulumi refresh`."""
        return self.run("refresh", "--yes", "--skip-preview")

    def destroy(self) -> Run:
        """`pulumi destroy`."""
        return self.run("destroy", "--yes", "--skip-preview")

    def state(self) -> list[dict[str, Any]]:
        """Every resource in the state, secrets encrypted."""
        exported = self.run("stack", "export").ok().text
        resources: list[dict[str, Any]] = json.loads(exported)["deployment"].get("resources", [])
        return resources

    def resource(self, name: str) -> dict[str, Any]:
        """One resource of the state by its name in the program."""
        return next(item for item in self.state() if item["urn"].endswith(f"::{name}"))
