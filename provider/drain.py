"""Taking a node out of Kubernetes: cordon, evict, delete its Node; what `kubectl drain` does.

Disruption budgets are respected until the deadline; then the machine goes all the same, and what
was left on it is told. Pods of DaemonSets and Talos' own static pods go with their machine. Nothing
is forced: a pod's grace period is its own, and on a node that no longer reports nobody waits for
its kubelet.
"""

import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx2

from provider import api_server
from provider.rpc import Refused, operation

POLL_SECONDS = 1.0
MIRROR = "kubernetes.io/config.mirror"
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Node:
    """A node by its name, seen through an admin's kubeconfig."""

    name: str
    kubeconfig: str
    pause: float = POLL_SECONDS

    @property
    def path(self) -> str:
        """Where the Node object lies."""
        return f"/api/v1/nodes/{quote(self.name)}"

    def leave(self, patience: float, seconds: float) -> None:
        """Drain it for as long as `patience`, then delete its Node within `seconds`."""
        self.drain(patience)
        self.delete(seconds)

    def drain(self, seconds: float) -> None:
        """Empty it as well as it goes in that time; what stays is told as a warning."""
        call, deadline = operation.current(), time.monotonic() + seconds
        while True:
            try:
                left = self.evict()
            except api_server.Unreachable as error:
                left = {"the Kubernetes API": api_server.problem(error)}
            if not left:
                return
            if time.monotonic() >= deadline:
                lines = "\n".join(f"  {name}: {reason}" for name, reason in sorted(left.items()))
                call.warn(f"{self.name} goes although {seconds:.0f} s left on it:\n{lines}")
                return
            call.status(f"draining {self.name}: {len(left)} left")
            call.wait(self.pause)

    def evict(self) -> dict[str, str]:
        """Cordon and ask for every pod's eviction; what is still there, and why."""
        with api_server.connect(self.kubeconfig) as client:
            answer = client.get(self.path)
            if answer.status_code == httpx2.codes.NOT_FOUND:
                return {}
            answer.raise_for_status()
            if not answer.json()["spec"].get("unschedulable"):
                body = {"spec": {"unschedulable": True}}
                answer = client.patch(self.path, json=body, headers=api_server.MERGE)
                api_server.refuse(answer, f"the API server did not cordon {self.name}")
            silent = api_server.not_ready_because(answer.json()) is not None
            left = self.evicted_pods(client, wait_for_end=not silent)
            return left if silent else left | self.attached_volumes(client)

    def evicted_pods(self, client: httpx2.Client, *, wait_for_end: bool) -> dict[str, str]:
        """Ask for evictions; pods that stay, and why."""
        query = {"fieldSelector": f"spec.nodeName={self.name}"}
        answer = client.get("/api/v1/pods", params=query)
        answer.raise_for_status()
        left: dict[str, str] = {}
        for pod in filter(movable, answer.json()["items"]):
            name = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
            if pod["metadata"].get("deletionTimestamp"):
                reason = "has not ended yet" if wait_for_end else None
            else:
                reason = eviction(client, pod["metadata"])
            if reason:
                left[name] = reason
        return left

    def attached_volumes(self, client: httpx2.Client) -> dict[str, str]:
        """Volumes that the storage driver still has to detach."""
        answer = client.get("/apis/storage.k8s.io/v1/volumeattachments")
        answer.raise_for_status()
        return {
            f"volume {item['spec']['source'].get('persistentVolumeName', '')}": "is still attached"
            for item in answer.json()["items"]
            if item["spec"]["nodeName"] == self.name
        }

    def delete(self, seconds: float) -> None:
        """Delete the Node object; the kubelet makes a new one only when it starts anew."""
        call, deadline = operation.current(), time.monotonic() + seconds
        while True:
            try:
                with api_server.connect(self.kubeconfig) as client:
                    api_server.delete(client, self.path)
            except api_server.Unreachable as error:
                if time.monotonic() >= deadline:
                    raise Refused(
                        f"the Node {self.name} could not be deleted within {seconds:.0f} s: "
                        f"{api_server.problem(error)}. Its machine stays until the Kubernetes API "
                        "answers; a cluster that is lost is destroyed as a whole."
                    ) from None
            else:
                return
            call.wait(self.pause)


def movable(pod: Json) -> bool:
    """Whether a pod has to go somewhere else: not a DaemonSet's, not static, not over."""
    metadata = pod["metadata"]
    owners = metadata.get("ownerReferences") or []
    tied = any(owner["kind"] == "DaemonSet" and owner.get("controller") for owner in owners)
    static = MIRROR in (metadata.get("annotations") or {})
    over = pod.get("status", {}).get("phase") in {"Succeeded", "Failed"}
    return not (tied or static or over)


def eviction(client: httpx2.Client, metadata: Json) -> str | None:
    """Ask for a pod's eviction; None when it is gone already, else why it is still there."""
    named = {"name": metadata["name"], "namespace": metadata["namespace"]}
    answer = client.post(
        f"/api/v1/namespaces/{named['namespace']}/pods/{named['name']}/eviction",
        json={"apiVersion": "policy/v1", "kind": "Eviction", "metadata": named},
    )
    if answer.status_code == httpx2.codes.NOT_FOUND:
        return None
    if answer.is_error:
        return api_server.reason(answer)
    return "is ending"
