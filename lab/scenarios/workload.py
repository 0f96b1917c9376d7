"""A guarded workload: what has to go on running while its node is taken away.

Four pods of which three must always be up, spread over whatever takes workloads. kwok plays them,
the API server's own eviction and disruption budget decide.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from lab.scenarios.rehearsal import Failed, Rehearsal

NAME, PODS, ALWAYS = "guarded", 4, 3
LABELS = {"app": NAME}
POD = {
    "metadata": {"labels": LABELS},
    "spec": {
        "containers": [{"name": "sleep", "image": "registry.k8s.io/pause:3.10"}],
        "terminationGracePeriodSeconds": 1,
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": LABELS},
            }
        ],
    },
}
DOCUMENTS = [
    {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": NAME},
        "spec": {"replicas": PODS, "selector": {"matchLabels": LABELS}, "template": POD},
    },
    {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": NAME},
        "spec": {"minAvailable": ALWAYS, "selector": {"matchLabels": LABELS}},
    },
]


@contextmanager
def guarded(rehearsal: Rehearsal) -> Iterator[None]:
    """The workload, for as long as the block lasts; it is complete when the block begins."""
    manifest = rehearsal.directory / "guarded.json"
    manifest.write_text(
        json.dumps({"apiVersion": "v1", "kind": "List", "items": DOCUMENTS}), encoding="utf-8"
    )
    rehearsal.kubectl("apply", "-f", str(manifest))
    try:
        rehearsal.kubectl("rollout", "status", f"deployment/{NAME}", "--timeout=50s")
        yield
    finally:
        rehearsal.kubectl("delete", "-f", str(manifest), "--wait=false")


def nodes_of_it(rehearsal: Rehearsal) -> list[str]:
    """The nodes its running pods are on, one entry per pod."""
    found = rehearsal.kubectl("get", "pods", "-l", f"app={NAME}", "-o", "json")
    return [
        pod["spec"]["nodeName"]
        for pod in json.loads(found)["items"]
        if pod["status"]["phase"] == "Running" and "deletionTimestamp" not in pod["metadata"]
    ]


def insist_it_moved(rehearsal: Rehearsal, gone: str) -> None:
    """All of it must be up again, and nothing of it on the node that is gone."""
    rehearsal.kubectl("rollout", "status", f"deployment/{NAME}", "--timeout=50s")
    nodes = nodes_of_it(rehearsal)
    if gone in nodes or len(nodes) != PODS:
        raise Failed(f"the pods of {NAME} are on {nodes} after {gone} has gone")
