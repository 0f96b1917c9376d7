"""A Pulumi project in a temporary folder, run by the real CLI with our plugins on PATH."""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.lab.tools_bin import tool

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ROOT / "lab" / "plugins" / "bin"


@dataclass(frozen=True)
class Ended:
    """What a command left: status and everything it wrote."""

    status: int
    text: str

    def ok(self) -> "Ended":
        """Itself, which has to have succeeded."""
        assert self.status == 0, self.text
        return self


@dataclass
class Project:
    """One project with one stack, `dev`, and a file backend beside it."""

    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("state", "home", "logs"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "Pulumi.yaml").write_text("name: small\nruntime: python\n")
        self.write("")
        self.run("stack", "init", "dev").ok()

    def write(self, program: str, name: str = "__main__.py") -> None:
        """Make `program` the program (or a module beside it)."""
        (self.folder / name).write_text(program)

    def environment(self) -> dict[str, str]:
        """What the CLI runs with; nothing is ever downloaded."""
        return {
            **os.environ,
            "PATH": f"{PLUGINS}:{tool('pulumi').parent}:{os.environ['PATH']}",
            "PULUMI_BACKEND_URL": f"file://{self.folder / 'state'}",
            "PULUMI_HOME": str(self.folder / "home"),
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_SKIP_UPDATE_CHECK": "1",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "HEARTH_PLUGIN_LOGS": str(self.folder / "logs"),
            **self.variables,
        }

    def command(self, *arguments: str) -> list[str]:
        """The command line of `pulumi` with these arguments."""
        return [str(tool("pulumi")), *arguments, "--cwd", str(self.folder), "--non-interactive"]

    def run(self, *arguments: str) -> Ended:
        """Run `pulumi` to its end."""
        done = subprocess.run(
            self.command(*arguments),
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=100,
            check=False,
            text=True,
        )
        return Ended(done.returncode, done.stdout)

    def up(self) -> Ended:
        """`pulumi up` without the preview before it."""
        return self.run("up", "--yes", "--skip-preview")

    def state_text(self) -> str:
        """The state as it lies on the disk."""
        return next((self.folder / "state").rglob("stacks/**/dev.json")).read_text()

    def resources(self) -> dict[str, dict[str, Any]]:
        """The custom resources in state, by name, with secrets still encrypted."""
        deployment = json.loads(self.run("stack", "export").ok().text)["deployment"]
        return {
            item["urn"].rpartition("::")[2]: item
            for item in deployment.get("resources", [])
            if item.get("custom") and not item["type"].startswith("pulumi:providers:")
        }

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs, secrets included."""
        text = self.run("stack", "output", "--json", "--show-secrets").ok().text
        outputs: dict[str, Any] = json.loads(text[text.index("{") :])
        return outputs
