"""A project in a folder of its own, and what the real engine reads from its stack file."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.lab.tools_bin import tool

PROJECT = "name: hearth\nruntime: yaml\n"
DEADLINE_SECONDS = 300


def environment(folder: Path, passphrase: str) -> dict[str, str]:
    """An environment in which the engine's CLI sees this folder alone."""
    return {
        "PATH": f"{tool('pulumi').parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_BACKEND_URL": f"file://{folder}",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_CONFIG_PASSPHRASE": passphrase,
    }


def project(folder: Path, stack: str, text: str) -> Path:
    """A project with one stack file; returns that file."""
    (folder / "Pulumi.yaml").write_text(PROJECT)
    path = folder / f"Pulumi.{stack}.yaml"
    path.write_text(text)
    return path


def read_by_engine(folder: Path, stack: str, passphrase: str) -> dict[str, dict[str, Any]]:
    """`pulumi config --show-secrets --json` of a stack that is made for it."""
    for words in (["stack", "init", stack], ["config", "--show-secrets", "--json", "-s", stack]):
        done = subprocess.run(
            [str(tool("pulumi")), *words],
            cwd=folder,
            env=environment(folder, passphrase),
            timeout=DEADLINE_SECONDS,
            check=True,
            capture_output=True,
            text=True,
        )
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return found
