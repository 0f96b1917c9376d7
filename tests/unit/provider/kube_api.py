"""The few endpoints of a Kubernetes API server that the gates ask, over real HTTPS.

Modelled: readiness, Node objects, Jobs that end as a test says. Absent: everything else.
"""

from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.unit.provider.https_server import (
    Answer,
    Certificate,
    Request,
    Server,
    make_certificate,
    serving,
)

JOBS = "/apis/batch/v1/namespaces/kube-system/jobs"
NOT_FOUND: Answer = (404, {"kind": "Status", "message": "not found", "code": 404})
READY = [{"type": "Ready", "status": "True", "message": "kubelet is posting ready status"}]
NO_CNI = [{"type": "Ready", "status": "False", "message": "cni plugin not initialized"}]


@dataclass
class KubeApi:
    """What the API server knows; tests write into it.

    `outcome` says how a node's Job ends: its node and how many were started there before.
    """

    ready: Answer = (200, "ok")
    nodes: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    started: dict[str, int] = field(default_factory=dict)
    outcome: Callable[[str, int], str] = lambda _node, _before: "succeeded"
    fault: Callable[[Request], Answer | None] = lambda _request: None
    server: Server = field(default_factory=lambda: Server(""))
    certificate: Certificate | None = None

    def handle(self, request: Request) -> Answer:
        """Answer one request."""
        broken = self.fault(request)
        if broken is not None:
            return broken
        if request.path == "/readyz":
            return self.ready
        if request.path == "/api/v1/nodes":
            return 200, {"items": [self._node(name) for name in self.nodes]}
        if request.path.startswith(JOBS):
            return self._jobs(request)
        return NOT_FOUND

    def _node(self, name: str) -> dict[str, Any]:
        return {"metadata": {"name": name}, "status": {"conditions": self.nodes[name]}}

    def _jobs(self, request: Request) -> Answer:
        if request.method == "POST":
            name = request.body["metadata"]["name"]
            if name in self.jobs:
                return 409, {"message": f"jobs {name} already exists"}
            node = request.body["spec"]["template"]["spec"]["nodeName"]
            before = self.started.get(node, 0)
            self.started[node] = before + 1
            self.jobs[name] = {**request.body, "status": {self.outcome(node, before): 1}}
            return 201, self.jobs[name]
        name = request.path.removeprefix(f"{JOBS}/")
        if name not in self.jobs:
            return NOT_FOUND
        return 200, self.jobs.pop(name) if request.method == "DELETE" else self.jobs[name]

    def kubeconfig(self, server: str | None = None) -> str:
        """An admin's kubeconfig with a client certificate."""
        assert self.certificate is not None
        certificate = b64encode(self.certificate.certificate).decode()
        key = b64encode(self.certificate.key).decode()
        user = {"client-certificate-data": certificate, "client-key-data": key}
        where = {"server": server or self.server.url, "certificate-authority-data": certificate}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "admin@test",
            "contexts": [{"name": "admin@test", "context": {"cluster": "test", "user": "admin"}}],
            "clusters": [{"name": "test", "cluster": where}],
            "users": [{"name": "admin", "user": user}],
        }
        return yaml.safe_dump(document)


@contextmanager
def kube_api(directory: Path) -> Iterator[KubeApi]:
    """A running API server that only clients with its certificate may ask."""
    api = KubeApi(certificate=make_certificate())
    assert api.certificate is not None
    with serving(api.handle, api.certificate, directory, mutual=True) as server:
        api.server = server
        yield api
