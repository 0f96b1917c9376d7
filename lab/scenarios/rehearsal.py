"""What a scenario works with: the engine, the simulated vendors, the cluster, and notes.

A scenario is a function from a `Rehearsal` to one sentence of what was seen; it raises `Failed`
with what was expected and what was found. Scenarios run in a fixed order and leave notes for later
ones; none of them reaches into the program.
"""

import hashlib
import json
import subprocess
import sys
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.cluster import Cluster
from config.load import load_cluster
from lab.engine import Engine, Outcome
from lab.scenarios.facts_file import FactsFile
from lab.scenarios.stays import unexpected
from lab.scenarios.vendors import Vendors

CLIENT_SECONDS = 60
KUBECONFIG = "talos:cluster/kubeconfig:Kubeconfig"


class Failed(Exception):  # noqa: N818 (reads as what happened)
    """The rehearsal saw something else than it should; the message says what of both."""


@dataclass(kw_only=True)
class Rehearsal:
    """One stack in its world.

    `clean` is the vendors' world before anything was built; `facts` the stack's file, to be edited;
    `protected` whether it says so; `outcomes` every engine run so far.
    """

    stack: str
    engine: Engine
    vendors: Vendors
    directory: Path
    clean: dict[str, Any]
    facts: FactsFile
    protected: bool = False
    outcomes: list[Outcome] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)
    _kubeconfig_after: int = -1  # how many engine runs

    def cluster(self) -> Cluster:
        """The stack's facts as they stand, checked and typed."""
        return load_cluster(self.facts.read(), self.stack)

    def run(self, outcome: Outcome) -> Outcome:
        """Keep an engine run's outcome, and insist that it ended well."""
        self.outcomes.append(outcome)
        if not outcome.succeeded:
            raise Failed(f"pulumi {outcome.command} failed:\n{outcome.told()}")
        return outcome

    def hearth(self, *words: str, seconds: float) -> "subprocess.CompletedProcess[str]":
        """`./hearth` as a person runs it, without anybody to answer its questions."""
        project = self.engine.project
        return subprocess.run(
            [sys.executable, str(project / "hearth"), *words],
            cwd=project,
            env=self.engine.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def unprotect(self) -> None:
        """Have a protected stack let go of its machines; the next `up` protects them again."""
        if self.protected:
            words = ("unprotect", self.stack, "--yes", self.stack)
            done = self.hearth(*words, seconds=CLIENT_SECONDS)
            if done.returncode != 0:
                raise Failed(f"unprotect ended with {done.returncode}:\n{done.stdout}{done.stderr}")

    def kubectl(self, *arguments: str) -> str:
        """Ask the cluster, with the admin kubeconfig in the state: a failed run exports nothing."""
        return self._client("kubectl", "--kubeconfig", str(self.write_kubeconfig()), *arguments)

    def talosctl(self, *arguments: str) -> str:
        """Ask machines, with the admin talosconfig that the last good `up` exported."""
        path = self.directory / "talosconfig"
        path.touch(mode=0o600)
        path.write_text(self.engine.output("talosconfig"))
        return self._client("talosctl", "--talosconfig", str(path), *arguments)

    def helm(self, *arguments: str, seconds: float = CLIENT_SECONDS) -> str:
        """Helm against the cluster, as the owner has it."""
        path = str(self.write_kubeconfig())
        return self._client("helm", "--kubeconfig", path, *arguments, seconds=seconds)

    def _client(self, *command: str, seconds: float = CLIENT_SECONDS) -> str:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        if done.returncode != 0:
            # Without the file of its credentials, which says nothing.
            raise Failed(f"{' '.join((command[0], *command[3:]))}: {done.stderr.strip()}")
        return done.stdout

    def write_kubeconfig(self) -> Path:
        """The admin kubeconfig, as a file; read again only when the engine has run since."""
        path = self.directory / "kubeconfig"
        if self._kubeconfig_after != self.engine.runs:
            path.touch(mode=0o600)
            path.write_text(self.engine.output_of(KUBECONFIG, "kubeconfigRaw"))
            self._kubeconfig_after = self.engine.runs
        return path

    def nodes(self) -> list[str]:
        """One line per node, as `kubectl get nodes` prints them: name, status, roles, ..."""
        return self.kubectl("get", "nodes", "--no-headers").splitlines()

    def secret(self, namespace: str, name: str) -> dict[str, bytes]:
        """A Secret's data, as it lies in the cluster."""
        document = json.loads(self.kubectl("-n", namespace, "get", "secret", name, "-o", "json"))
        return {key: b64decode(value) for key, value in document["data"].items()}

    def identity(self) -> str:
        """SHA-256 over both public halves of the identity, read in the cluster."""
        sealed = self.secret("sealed-secrets", "sealed-secrets-key")["tls.crt"]
        deploy = self.secret("flux-system", "flux-deploy-key")["identity.pub"]
        return hashlib.sha256(sealed.strip() + b"\n" + deploy.strip()).hexdigest()

    def leftovers(self) -> list[str]:
        """What the vendors' world holds that it did not hold before, and the engine's state too.

        What a destroy leaves on purpose is not among it: `stays` says what that is.
        """
        found = [f"state: {item['urn']}" for item in self.engine.state() if alive(item)]
        return found + unexpected(self.vendors.added(self.clean, self.vendors.snapshot()))


def alive(item: dict[str, Any]) -> bool:
    """Whether an entry of the state is more than the stack's own."""
    return item.get("type") != "pulumi:pulumi:Stack"


Scenario = Callable[[Rehearsal], str]
