"""What leaving asks of a Kubernetes API server: Node objects, pods, evictions, attachments.

Modelled: cordons, disruption budgets, pods that take their time to end, 404 and 409. Absent: the
garbage collector, namespaces, admission.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.unit.provider.https_server import Answer, Request
from tests.unit.provider.kube_api import NOT_FOUND, READY

PODS = "/api/v1/namespaces/apps/pods/"
BUDGET = "Cannot evict pod as it would violate the pod's disruption budget."


@dataclass
class Cluster:
    """Nodes and pods by name; tests write into it.

    `guarded` pods are held by a budget, `slow` ones end after so many looks at them.
    """

    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    pods: dict[str, dict[str, Any]] = field(default_factory=dict)
    attached: dict[str, str] = field(default_factory=dict)
    guarded: set[str] = field(default_factory=set)
    slow: dict[str, int] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    fault: Callable[[Request], Answer | None] = lambda _request: None

    def node(self, name: str, conditions: list[dict[str, str]] | None = None) -> None:
        """Have a node, ready unless said otherwise."""
        self.nodes[name] = {
            "metadata": {"name": name},
            "spec": {},
            "status": {"conditions": READY if conditions is None else conditions},
        }

    def pod(self, name: str, node: str, **metadata: Any) -> None:
        """Have a running pod."""
        self.pods[name] = {
            "metadata": {"name": name, "namespace": "apps", **metadata},
            "spec": {"nodeName": node},
            "status": {"phase": "Running"},
        }

    def handle(self, request: Request) -> Answer:
        """Answer one request."""
        broken = self.fault(request)
        if broken is not None:
            return broken
        path = request.path
        if path.startswith("/api/v1/nodes/"):
            return self._node(request.method, path.rpartition("/")[2], request.body)
        if path.endswith("/eviction"):
            return self._evict(path.removeprefix(PODS).removesuffix("/eviction"))
        lists: dict[str, list[dict[str, Any]]] = {
            "/api/v1/nodes": list(self.nodes.values()),
            "/api/v1/pods": self._pods_on(request.query.get("fieldSelector", "")),
            "/apis/storage.k8s.io/v1/volumeattachments": [
                attachment(*pair) for pair in self.attached.items()
            ],
        }
        return (200, {"items": lists[path]}) if path in lists else NOT_FOUND

    def _pods_on(self, selector: str) -> list[dict[str, Any]]:
        node = selector.removeprefix("spec.nodeName=")
        for name in [name for name in self.slow if "deletionTimestamp" in self._metadata(name)]:
            self.slow[name] -= 1
            if self.slow[name] < 0:
                del self.pods[name], self.slow[name]
        return [pod for pod in self.pods.values() if pod["spec"]["nodeName"] == node]

    def _node(self, method: str, name: str, body: Any) -> Answer:
        if name not in self.nodes:
            return NOT_FOUND
        if method == "PATCH":
            self.done.append(f"cordon {name}")
            self.nodes[name]["spec"] |= body["spec"]
        if method == "DELETE":
            self.done.append(f"delete {name}")
            return 200, self.nodes.pop(name)
        return 200, self.nodes[name]

    def _metadata(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.pods[name]["metadata"]
        return found

    def _evict(self, name: str) -> Answer:
        if name not in self.pods:
            return NOT_FOUND
        if name in self.guarded:
            return 429, {"kind": "Status", "message": BUDGET}
        self.done.append(f"evict {name}")
        if name in self.slow:
            self.pods[name]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        else:
            del self.pods[name]
        return 201, {"kind": "Status", "status": "Success"}


def attachment(volume: str, node: str) -> dict[str, Any]:
    """A VolumeAttachment."""
    return {"spec": {"nodeName": node, "source": {"persistentVolumeName": volume}}}
