"""A cluster, a Git server and Flux for tests: flux-operator's stand-in installs, Flux's own
controllers run as processes of the test, and pods are only said to be ready.
"""

import base64
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.lab import kube_world
from tests.lab.git_desk import Desk, furnished
from tests.lab.simulator_process import Simulator, running
from tests.lab.ssh_keys import make_key
from tests.lab.tools_bin import tool
from tests.lab.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "lab" / "charts" / "sources" / "flux-operator" / "templates" / "crds.yaml.tpl"
NAMESPACE, NAME, SECRET = "flux-system", "owner/tree", "flux-deploy-key"
SECONDS = 120.0
MERGE = "application/merge-patch+json"
INSTANCE = f"/apis/fluxcd.controlplane.io/v1/namespaces/{NAMESPACE}/fluxinstances/flux"
SOURCE = f"/apis/source.toolkit.fluxcd.io/v1/namespaces/{NAMESPACE}/gitrepositories/{NAMESPACE}"
KUSTOMIZATION = (
    f"/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/{NAMESPACE}/kustomizations/{NAMESPACE}"
)
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
TREE = "gitops/clusters/one"
CONTROLLERS = ("source-controller", "kustomize-controller")


@dataclass
class FluxSite:
    """Everything together; what a test does to it, it takes back."""

    cluster: kube_world.Cluster
    desk: Desk
    git: Simulator
    folder: Path
    ssh_port: int
    logs: list[Path] = field(default_factory=list)

    def read(self, path: str) -> dict[str, Any]:
        """An object, or nothing."""
        answer = self.cluster.get(path)
        found: dict[str, Any] = answer.json() if answer.ok else {}
        return found

    def merge(self, path: str, change: dict[str, Any]) -> None:
        """Change an object."""
        self.cluster.send("PATCH", path, change, MERGE).raise_for_status()

    def ready(self, path: str) -> dict[str, Any]:
        """An object's Ready condition, when it is about what is wanted now."""
        found = self.read(path)
        status = found.get("status") or {}
        conditions: list[dict[str, Any]] = status.get("conditions") or []
        seen = next((c for c in conditions if c["type"] == "Ready"), {})
        # A FluxInstance says it in the condition alone.
        observed = status.get("observedGeneration", seen.get("observedGeneration", 0))
        return seen if observed >= found.get("metadata", {}).get("generation", 1) else {}

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait, and show what Flux says when it was in vain."""
        try:
            wait_until(condition, what, SECONDS)
        except AssertionError as late:
            said = [self.ready(path).get("message") for path in (SOURCE, KUSTOMIZATION, INSTANCE)]
            tails = [log.read_text()[-1500:] for log in self.logs]
            raise AssertionError("\n".join([str(late), *map(str, said), *tails])) from None

    def until_ready(self, path: str, status: str, words: str = "") -> str:
        """Wait for a Ready condition; its message."""
        self.until(
            lambda: (
                self.ready(path).get("status") == status
                and words in str(self.ready(path).get("message"))
            ),
            f"{path} to be Ready {status} with {words!r}",
        )
        return str(self.ready(path)["message"])

    def commit(self, message: str, files: Mapping[str, str | None]) -> str:
        """Commit to the tree; the commit."""
        named = {f"{TREE}/{name}": text for name, text in files.items()}
        answer = self.desk.lab(self.git, "POST", "commit", {"message": message, "files": named})
        answer.raise_for_status()
        return str(answer.json()["commit"])

    def look(self) -> None:
        """Have Flux look at Git and at the tree now."""
        stamp = {"reconcile.fluxcd.io/requestedAt": str(time.time_ns())}
        for path in (SOURCE, KUSTOMIZATION):
            self.merge(path, {"metadata": {"annotations": stamp}})

    def config_map(self, name: str) -> dict[str, str]:
        """The data of a ConfigMap that the tree has."""
        found = self.read(f"/api/v1/namespaces/default/configmaps/{name}")
        return dict(found.get("data") or {})

    def fault(self, **fault: object) -> None:
        """Put a fault of the Git server in force over SSH."""
        self.desk.lab(self.git, "POST", "faults", {"method": "SSH", **fault}).raise_for_status()

    def heal(self) -> None:
        """End every fault, and serve the first tree again."""
        self.desk.lab(self.git, "DELETE", "faults").raise_for_status()
        self.desk.lab(self.git, "POST", "refresh").raise_for_status()

    def know(self, host: str) -> None:
        """Write the Secret with the deploy key, and a host key to believe in."""
        keys = self.folder / "keys"
        data = {
            "identity": (keys / "deploy").read_text(),
            "identity.pub": (keys / "deploy.pub").read_text(),
            "known_hosts": f"[127.0.0.1]:{self.ssh_port} {(keys / f'{host}.pub').read_text()}",
        }
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        path = f"/api/v1/namespaces/{NAMESPACE}/secrets"
        body = {"metadata": {"name": SECRET}, "data": encoded}
        if self.read(f"{path}/{SECRET}"):
            self.merge(f"{path}/{SECRET}", {"data": encoded})
        else:
            self.cluster.send("POST", path, body).raise_for_status()

    def play_pods(self) -> None:
        """Every controller's pod is ready."""
        path = f"/api/v1/namespaces/{NAMESPACE}/pods"
        self.until(lambda: len(self.read(path)["items"]) == len(CONTROLLERS), "the pods")
        for pod in self.read(path)["items"]:
            status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
            self.merge(f"{path}/{pod['metadata']['name']}/status", {"status": status})


def config_map(name: str, word: str) -> str:
    """A manifest of the tree."""
    return (
        f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: default}}\n"
        f"data: {{word: {word}}}\n"
    )


def listing(*names: str) -> str:
    """The kustomization.yaml of the tree."""
    return yaml.safe_dump({"resources": list(names)})


@contextmanager
def standing(folder: Path) -> Iterator[FluxSite]:
    """Flux, reconciling a tree over SSH."""
    desk = furnished(folder)
    desk.commit(f"{TREE}/kustomization.yaml", listing("first.yaml"))
    desk.commit(f"{TREE}/first.yaml", config_map("first", "one"))
    keys = folder / "keys"
    keys.mkdir()
    public = {name: make_key(keys / name) for name in ("deploy", "host", "impostor")}
    door = ("--ssh", "127.0.0.1:0", "--host-key", keys / "host", "--client-key", public["deploy"])
    state = ("--state", folder / "state", "--source", desk.source, "--name", NAME)
    with ExitStack() as stack:
        git = stack.enter_context(
            running("lab.git", folder, *state, *door, authority=desk.authority)
        )
        cluster = stack.enter_context(kube_world.running(folder))
        port = int(desk.lab(git, "GET", "world").json()["sshPort"])
        site = FluxSite(cluster, desk, git, folder, port)
        prepare(site)
        stack.enter_context(operator(site))
        site.until(lambda: bool(site.read(KUSTOMIZATION)), "flux-operator to have installed Flux")
        for name in CONTROLLERS:
            stack.enter_context(controller(site, name))
        site.play_pods()
        yield site


def prepare(site: FluxSite) -> None:
    """What the program makes before Flux: the namespace, the key, the instance."""
    send = site.cluster.send
    send("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}}).raise_for_status()
    own = [line for line in CHART.read_text().splitlines() if "{{" not in line]
    send("POST", DEFINITIONS, yaml.safe_load("\n".join(own))).raise_for_status()
    site.know("host")
    spec = {
        "distribution": {"version": "2.9.x", "registry": "ghcr.io/fluxcd"},
        "components": list(CONTROLLERS),
        "sync": {
            "kind": "GitRepository",
            "url": f"ssh://git@127.0.0.1:{site.ssh_port}/{NAME}.git",
            "ref": "refs/heads/main",
            "path": f"./{TREE}",
            "interval": "5m",
            "pullSecret": SECRET,
        },
    }
    body = {
        "apiVersion": "fluxcd.controlplane.io/v1",
        "kind": "FluxInstance",
        "metadata": {"name": "flux"},
        "spec": spec,
    }
    instances = INSTANCE.rpartition("/")[0]
    wait_until(lambda: send("POST", instances, body).ok, "the instance to be taken", SECONDS)


def operator(site: FluxSite) -> AbstractContextManager[object]:
    """flux-operator's stand-in, as its pod runs it."""
    log = site.folder / "operator.log"
    site.logs.append(log)
    module = [sys.executable, "-m", "lab.fluxoperator"]
    files = ["--kubeconfig", str(site.folder / "kubeconfig")]
    definitions = ["--definitions", str(tool("flux-crds"))]
    return kube_world.process([*module, *files, *definitions], log)


def controller(site: FluxSite, name: str) -> AbstractContextManager[object]:
    """One of Flux's own controllers."""
    log = site.folder / f"{name}.log"
    site.logs.append(log)
    health, metrics, storage = kube_world.free_ports(3)
    argv = ["env", f"KUBECONFIG={site.folder / 'kubeconfig'}", f"RUNTIME_NAMESPACE={NAMESPACE}"]
    argv += [str(tool(name)), "--watch-all-namespaces", "--log-level=info"]
    argv += [f"--health-addr=127.0.0.1:{health}", f"--metrics-addr=127.0.0.1:{metrics}"]
    if name == "source-controller":
        where = f"127.0.0.1:{storage}"
        argv += [f"--storage-path={site.folder / 'artifacts'}", f"--storage-addr={where}"]
        argv += [f"--storage-adv-addr={where}"]
        (site.folder / "artifacts").mkdir()
    return kube_world.process(argv, log)
