"""What tests of the lab's Git server share: a checkout, and the real git as its client."""

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import requests

from tests.lab.simulator_process import Authority, Simulator, make_authority


@dataclass
class Desk:
    """A checkout, a server that serves it, and a git that trusts the server."""

    source: Path
    folder: Path
    authority: Authority
    settings: dict[str, str] = field(default_factory=dict)

    def git(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The real git with nobody's settings."""
        settings = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", **self.settings}
        names = {
            f"GIT_{who}_{key}": value
            for who in ("AUTHOR", "COMMITTER")
            for key, value in (("NAME", "test"), ("EMAIL", "test@localhost"))
        }
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **settings, **names}
        environment["GIT_SSL_CAINFO"] = str(self.authority.bundle)
        return subprocess.run(
            ["git", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def say(self, *arguments: str) -> str:
        """What git printed; it has to succeed."""
        done = self.git(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(self, path: str, text: str) -> None:
        """Commit a file in the checkout."""
        file = self.source / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        self.say("-C", str(self.source), "add", ".")
        self.say("-C", str(self.source), "commit", "--quiet", "-m", path)

    def lab(
        self, simulator: Simulator, method: str, path: str, body: object = None
    ) -> requests.Response:
        """One of the server's own endpoints."""
        url = f"{simulator.url}/-/{path}"
        trusted = str(self.authority.bundle)
        return requests.request(method, url, json=body, verify=trusted, timeout=20)


def furnished(folder: Path) -> Desk:
    """A desk with a first commit in its checkout."""
    made = Desk(folder / "checkout", folder, make_authority(folder))
    made.say("init", "--quiet", str(made.source))
    made.commit("gitops/clusters/one/kustomization.yaml", "resources: []\n")
    made.commit("program.py", "print()\n")
    return made
