"""A real etcd, API server and controller manager on loopback, for as long as a test module runs.

No scheduler and no kubelet: pods stay where a test puts them. Processes are tied to the test run
(`setpriv --pdeathsig`), so a killed run leaves none behind.
"""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests
import urllib3
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.lab.tools_bin import tool
from tests.lab.waiting import wait_until

_TOKEN = "test-administrator"
_CONTROLLERS = (
    "daemonset-controller,deployment-controller,endpoints-controller,garbage-collector-controller,"
    "job-controller,namespace-controller,replicaset-controller,resourcequota-controller,"
    "serviceaccount-controller,statefulset-controller"
)


@dataclass(frozen=True)
class Cluster:
    """One running control plane."""

    server: str
    kubeconfig: str
    folder: Path

    def get(self, path: str) -> requests.Response:
        """Read something as the administrator."""
        return self.send("GET", path)

    def send(
        self, method: str, path: str, body: object = None, content: str = "application/json"
    ) -> requests.Response:
        """Do something as the administrator, behind the engine's back."""
        return requests.request(
            method,
            self.server + path,
            json=body,
            headers={"Authorization": f"Bearer {_TOKEN}", "Content-Type": content},
            verify=str(self.folder / "apiserver.crt"),
            timeout=20,
        )


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on right now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@contextmanager
def process(argv: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program that ends with the block, or with the test run if that is killed."""
    with log.open("wb") as out:
        child = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *argv],
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, "GOMAXPROCS": "2"},
        )
        try:
            yield child
        finally:
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def kubeconfig(server: str, ca: Path | None) -> str:
    """An administrator's kubeconfig, as YAML."""
    cluster: dict[str, object] = {"server": server}
    if ca:
        cluster["certificate-authority"] = str(ca)
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "admin", "user": {"token": _TOKEN}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}],
            "current-context": "test",
        }
    )


def _etcd(folder: Path, client: int, peer: int) -> list[str]:
    return [
        str(tool("etcd")),
        f"--data-dir={folder / 'etcd'}",
        "--unsafe-no-fsync",
        "--log-level=error",
        f"--listen-client-urls=http://127.0.0.1:{client}",
        f"--advertise-client-urls=http://127.0.0.1:{client}",
        f"--listen-peer-urls=http://127.0.0.1:{peer}",
        f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
        f"--initial-cluster=default=http://127.0.0.1:{peer}",
    ]


def _apiserver(folder: Path, etcd: int, port: int) -> list[str]:
    return [
        str(tool("kube-apiserver")),
        f"--etcd-servers=http://127.0.0.1:{etcd}",
        f"--secure-port={port}",
        "--bind-address=127.0.0.1",
        f"--cert-dir={folder}",
        f"--token-auth-file={folder / 'tokens.csv'}",
        f"--service-account-key-file={folder / 'sa.key'}",
        f"--service-account-signing-key-file={folder / 'sa.key'}",
        "--service-account-issuer=https://test",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--authorization-mode=RBAC",
        "--disable-admission-plugins=ServiceAccount",
    ]


def _manager(folder: Path, port: int) -> list[str]:
    return [
        str(tool("kube-controller-manager")),
        f"--kubeconfig={folder / 'kubeconfig'}",
        f"--service-account-private-key-file={folder / 'sa.key'}",
        f"--controllers={_CONTROLLERS}",
        f"--secure-port={port}",
        f"--cert-dir={folder / 'manager'}",
        "--bind-address=127.0.0.1",
        "--leader-elect=false",
    ]


def _service_account_key(path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )


@contextmanager
def running(folder: Path) -> Iterator[Cluster]:
    """A control plane with its files in `folder`."""
    client, peer, api, manager = free_ports(4)
    (folder / "tokens.csv").write_text(f"{_TOKEN},admin,admin,system:masters\n")
    _service_account_key(folder / "sa.key")
    server = f"https://127.0.0.1:{api}"
    config = kubeconfig(server, folder / "apiserver.crt")
    (folder / "kubeconfig").write_text(config)
    cluster = Cluster(server, config, folder)
    with ExitStack() as stack:
        stack.enter_context(process(_etcd(folder, client, peer), folder / "etcd.log"))
        stack.enter_context(process(_apiserver(folder, client, api), folder / "apiserver.log"))
        wait_until(lambda: _answers(cluster, "/readyz"), "the API server to be ready", 90)
        stack.enter_context(process(_manager(folder, manager), folder / "manager.log"))
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        wait_until(lambda: _answers(cluster, account), "the controllers to work", 90)
        yield cluster


def _answers(cluster: Cluster, path: str) -> bool:
    try:
        return cluster.get(path).status_code == 200
    except (requests.RequestException, OSError, urllib3.exceptions.HTTPError):
        return False
