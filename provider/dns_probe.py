"""Whether cluster DNS answers from every node: one Job pinned to each, resolving one name.

Cilium healthy does not mean that its service maps are filled: in between lie seconds in which every
Kustomization fails. The probe resolves through the cluster's own DNS Service, from inside.
"""

import hashlib
from typing import Any

import httpx2

from provider import api_server
from provider.rpc import Properties

NAMESPACE = "kube-system"
JOBS = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs"
IMAGE = "registry.k8s.io/e2e-test-images/agnhost:2.63.0"
NAME = "kubernetes.default.svc.cluster.local"
LABEL = "hearth.probe"


def dns_missing(inputs: Properties) -> dict[str, str]:
    """Nodes from which the name does not resolve yet; finished probes are removed."""
    missing: dict[str, str] = {}
    with api_server.connect(inputs["kubeconfig"]) as client:
        for node in inputs["nodes"]:
            reason = probe(client, node)
            if reason:
                missing[node] = reason
        if not missing:
            for node in inputs["nodes"]:
                api_server.delete(client, f"{JOBS}/{job_name(node)}")
    return missing


def probe(client: httpx2.Client, node: str) -> str | None:
    """None once the node's Job has succeeded; starts it, and starts a failed one anew."""
    name = job_name(node)
    answer = client.get(f"{JOBS}/{name}")
    if answer.status_code == httpx2.codes.NOT_FOUND:
        api_server.post(client, JOBS, job(name, node))
        return "the probe has just been started"
    answer.raise_for_status()
    status = answer.json().get("status", {})
    if status.get("succeeded"):
        return None
    if status.get("failed"):
        api_server.delete(client, f"{JOBS}/{name}")
        return f"{NAME} does not resolve"
    return "the probe has not finished"


def job_name(node: str) -> str:
    """A name that stays within 63 characters whatever the node is called."""
    return f"hearth-dns-{hashlib.sha256(node.encode()).hexdigest()[:12]}"


def job(name: str, node: str) -> dict[str, Any]:
    """A Job that runs on exactly this node and succeeds when the name resolves."""
    container = {
        "name": "resolve",
        "image": IMAGE,
        "command": ["nslookup", NAME],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "runAsNonRoot": True,
            "runAsUser": 65534,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }
    pod = {
        "restartPolicy": "Never",
        "nodeName": node,
        "tolerations": [{"operator": "Exists"}],
        "containers": [container],
    }
    labels = {LABEL: "dns"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels},
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": 30,
            "ttlSecondsAfterFinished": 300,
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }
