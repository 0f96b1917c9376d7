"""A project whose `pulumi` is a few lines of shell: state in, calls and the imported state out.

The engine's part of `recover` is rehearsed with the real one; here its decisions are, against a
state that a test writes and a simulated Proxmox VE.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
STACK = "home"
SECONDS = 60
ENGINE = """#!/bin/sh
cd "${0%/*}" || exit 1
echo "$*" >> calls
case "$1 $2" in
  "stack export") cat state.json ;;
  "stack import") cat > imported.json ;;
  "config --show-secrets") cat config.json ;;
esac
"""


def operation(kind: str, name: str, doing: str = "creating", /, **inputs: Any) -> dict[str, Any]:
    """A cut-off operation, as the engine writes it into its state."""
    resource = {
        "urn": f"urn:pulumi:{STACK}::hearth::{kind}::{name}",
        "type": kind,
        "custom": True,
        "inputs": inputs,
    }
    return {"resource": resource, "type": doing}


@dataclass(frozen=True)
class Project:
    """A stack's folder, its pretended engine in `bin`, and its file backend."""

    folder: Path

    @property
    def locks(self) -> Path:
        """Where the backend keeps the stack's locks."""
        return self.folder / "backend" / ".pulumi" / "locks" / "organization" / "hearth" / STACK

    def holds(
        self, *operations: dict[str, Any], resources: list[dict[str, Any]] | None = None
    ) -> None:
        """Give the stack a state."""
        state = {"resources": resources or [], "pending_operations": list(operations)}
        text = json.dumps({"version": 3, "deployment": state})
        (self.folder / "bin" / "state.json").write_text(text)

    def recover(
        self, *words: str, environment: Mapping[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """`./hearth recover home`."""
        return self.hearth("recover", *words, environment=environment)

    def hearth(
        self,
        verb: str,
        *words: str,
        given: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> "subprocess.CompletedProcess[str]":
        """A verb of `./hearth` on the stack; `given` is what it reads."""
        launcher = [sys.executable, str(ROOT / "hearth")]
        return subprocess.run(
            [*launcher, verb, STACK, "-C", str(self.folder), *words],
            env={
                **os.environ,
                "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
                "PULUMI_BACKEND_URL": (self.folder / "backend").as_uri(),
                **(environment or {}),
            },
            input=given,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def calls(self) -> list[str]:
        """What the engine was asked, without the options every call has."""
        path = self.folder / "bin" / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        return [line.partition(f" --stack {STACK}")[0] for line in lines]

    def imported(self) -> dict[str, Any] | None:
        """The state that was put back; None while none was."""
        path = self.folder / "bin" / "imported.json"
        found: dict[str, Any] | None = (
            json.loads(path.read_text())["deployment"] if path.exists() else None
        )
        return found


def project_in(
    folder: Path, endpoint: str = "https://127.0.0.1:9", secrets: Mapping[str, str] | None = None
) -> Project:
    """A stack on a Proxmox VE, with these secrets in its config."""
    made = Project(folder)
    made.locks.mkdir(parents=True)
    (folder / "bin").mkdir()
    engine = folder / "bin" / "pulumi"
    engine.write_text(ENGINE)
    engine.chmod(0o755)
    (folder / "Pulumi.yaml").write_text("name: hearth\nruntime: python\n")
    facts = {"name": STACK, "proxmox": {"endpoint": endpoint}}
    document = {"config": {"hearth:cluster": facts}}
    (folder / f"Pulumi.{STACK}.yaml").write_text(yaml.safe_dump(document))
    config = {key: {"value": value, "secret": True} for key, value in (secrets or {}).items()}
    (folder / "bin" / "config.json").write_text(json.dumps(config))
    return made
