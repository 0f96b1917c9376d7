"""The real helm as a client of a chart repository under test."""

import os
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.lab.simulator_process import Authority, Simulator
from tests.lab.tools_bin import tool

OBJECTS = list[dict[str, Any]]


class Helm:
    """The real helm with a home of its own, trusting the lab's authority."""

    def __init__(self, home: Path, authority: Authority, simulator: Simulator) -> None:
        self._home = home
        self._bundle = authority.bundle
        self._program = tool("helm")
        self.url = simulator.url
        self.registry = f"oci://{simulator.url.removeprefix('https://')}"

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run it and return what it said."""
        folders = {key: str(self._home / key.lower()) for key in ("CACHE", "CONFIG", "DATA")}
        environment = {f"HELM_{key}_HOME": value for key, value in folders.items()}
        environment |= {"SSL_CERT_FILE": str(self._bundle), "HOME": str(self._home)}
        return subprocess.run(
            [str(self._program), *arguments],
            env={"PATH": os.environ["PATH"], **environment},
            cwd=self._home,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def say(self, *arguments: str) -> str:
        """What it printed; it has to succeed."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def render(self, home: Path, chart: str, values: dict[str, Any], *options: str) -> OBJECTS:
        """The objects of a chart with these values."""
        file = home / "values.yaml"
        file.write_text(yaml.safe_dump(values))
        text = self.say("template", "r", chart, "--values", str(file), *options)
        return [found for found in yaml.safe_load_all(text) if found]
