"""flux-owns-cilium: what happens to a cluster whose Git holds what the program installs.

Every run of the program refuses such a tree, so the change comes as the worst one does: pushed to
the repository and reconciled before anybody ran anything. Flux changes Cilium, the agents go, and
whatever of Flux starts anew gets no network. The mended commit then lies in Git, and nobody is left
to fetch it. The way back is the one of docs/flux.md, from outside.
"""

import json
from typing import Any

from lab.scenarios.core import ready_nodes
from lab.scenarios.entry import Entry
from lab.scenarios.flux import commit, insist_well, listed, look, tree_put_back
from lab.scenarios.flux_state import KUSTOMIZATIONS, RELEASES
from lab.scenarios.polling import wait_until
from lab.scenarios.rehearsal import Failed, Rehearsal

NAME = "infrastructure-cilium"
FOLDER = "gitops/infrastructure/cilium"
NAMESPACE = "kube-system"
SECONDS = 240.0
# The controllers ask nine times, ever later, for an artifact that went with its pod, before they
# look where the next one lies (kustomize-controller, --http-retry).
BACK_SECONDS = 360.0
# Longer than Flux takes for a commit that it can fetch.
STUCK_SECONDS = 30.0
# One wrong word, as it passes a review: no node has this label.
RELEASE = """apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmRepository
metadata: {{name: cilium, namespace: kube-system}}
spec: {{interval: 12h, url: "https://helm.cilium.io"}}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {{name: cilium, namespace: kube-system}}
spec:
  interval: 1h
  timeout: 2m
  chart:
    spec: {{chart: cilium, version: {version}, sourceRef: {{kind: HelmRepository, name: cilium}}}}
  values: {{nodeSelector: {{kubernetes.io/os: linus}}}}
"""
KUSTOMIZATION = f"""apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {{name: {NAME}, namespace: flux-system}}
spec:
  interval: 1h
  prune: true
  sourceRef: {{kind: GitRepository, name: flux-system}}
  path: ./{FOLDER}
"""


def flux_owns_cilium(rehearsal: Rehearsal) -> str:
    """Taken over, cut off, stuck with the mended commit in Git, and mended from outside."""
    installed, nodes = helm_revision(rehearsal), agents(rehearsal)
    with tree_put_back(rehearsal):
        taken_over(rehearsal)
        gone = f"Flux to take {nodes} agents of Cilium away"
        wait_until(lambda: agents(rehearsal) == 0, SECONDS, gone)
        before = source_revision(rehearsal)
        flux_kubectl(rehearsal, "delete", "pod", "-l", "app=source-controller", "--wait=false")
    said = stuck(rehearsal, before)
    restored(rehearsal, installed)
    insist_well(rehearsal, BACK_SECONDS)
    # Helm counts the rollback as a revision, which the state learns, and the gate behind it looks.
    rehearsal.run(rehearsal.engine.refresh())
    outcome = rehearsal.run(rehearsal.engine.up())
    return (
        f"Flux took {nodes} agents away; source-controller, started anew, was told {said!r}, and "
        f"for {STUCK_SECONDS:.0f} s nobody fetched the mended commit; rolled back from outside, "
        f"{ready_nodes(rehearsal)} nodes Ready, up took {outcome.seconds:.1f} s"
    )


def taken_over(rehearsal: Rehearsal) -> None:
    """Cilium into the tree, as a commit, and Flux told to look."""
    (release,) = json.loads(helm(rehearsal, "list", "--filter", "^cilium$", "-o", "json"))
    version = release["chart"].removeprefix("cilium-")
    where = str(rehearsal.cluster().gitops.path).removeprefix("./").rstrip("/")
    listing = (rehearsal.engine.project / where / "kustomization.yaml").read_text()
    files = {
        f"{where}/{NAME}.yaml": KUSTOMIZATION,
        f"{where}/kustomization.yaml": listed(listing, f"{NAME}.yaml"),
        f"{FOLDER}/release.yaml": RELEASE.format(version=version),
        f"{FOLDER}/kustomization.yaml": "resources: [release.yaml]\n",
    }
    commit(rehearsal, "Let Flux update Cilium", files)
    look(rehearsal)


def stuck(rehearsal: Rehearsal, revision: str) -> str:
    """Insist that nobody fetches the mended commit; why not, in the plugin's words."""
    said: set[str] = set()

    def fetched() -> bool:
        said.update(waiting(rehearsal))
        return source_revision(rehearsal) != revision

    try:
        wait_until(fetched, STUCK_SECONDS, "what must not happen")
    except Failed:
        reasons = [text for text in said if "Cilium agent" in text]
        if not reasons:
            raise Failed(f"source-controller is to be without a network, and says {said}") from None
        return reasons[0]
    raise Failed("a cluster without Cilium's agents fetched a commit by a pod that started anew")


def restored(rehearsal: Rehearsal, revision: int) -> None:
    """The way back: Flux's hands off, then Helm's last good revision, then Flux's claim goes.

    What is suspended uninstalls nothing when it is deleted.
    """
    hold = ("--type=merge", "-p", json.dumps({"spec": {"suspend": True}}))
    flux_kubectl(rehearsal, "patch", KUSTOMIZATIONS, NAME, *hold)
    rehearsal.kubectl("-n", NAMESPACE, "patch", RELEASES, "cilium", *hold)
    helm(rehearsal, "rollback", "cilium", str(revision), "--wait", "--timeout", "3m")
    flux_kubectl(rehearsal, "delete", KUSTOMIZATIONS, NAME, "--timeout=60s")
    rehearsal.kubectl("-n", NAMESPACE, "delete", RELEASES, "cilium", "--timeout=60s")
    if agents(rehearsal) == 0:
        raise Failed("Cilium's agents went with Flux's claim on them")


def agents(rehearsal: Rehearsal) -> int:
    """On how many nodes an agent is to run."""
    path = "jsonpath={.status.desiredNumberScheduled}"
    said = rehearsal.kubectl("-n", NAMESPACE, "get", "daemonset", "cilium", "-o", path)
    return int(said or 0)


def waiting(rehearsal: Rehearsal) -> list[str]:
    """What the kubelets say of source-controller's containers that wait."""
    items: list[dict[str, Any]] = json.loads(
        flux_kubectl(rehearsal, "get", "pods", "-l", "app=source-controller", "-o", "json")
    )["items"]
    states = [
        status.get("state", {}).get("waiting") or {}
        for item in items
        for status in item.get("status", {}).get("containerStatuses") or []
    ]
    return [str(state["message"]) for state in states if "message" in state]


def source_revision(rehearsal: Rehearsal) -> str:
    """The commit that Flux has."""
    path = "jsonpath={.status.artifact.revision}"
    return flux_kubectl(rehearsal, "get", "gitrepository", "flux-system", "-o", path)


def flux_kubectl(rehearsal: Rehearsal, *arguments: str) -> str:
    """Ask the cluster about Flux's own namespace."""
    return rehearsal.kubectl("-n", "flux-system", *arguments)


def helm_revision(rehearsal: Rehearsal) -> int:
    """The revision of Cilium that the program installed."""
    return int(json.loads(helm(rehearsal, "history", "cilium", "-o", "json"))[-1]["revision"])


def helm(rehearsal: Rehearsal, *arguments: str) -> str:
    """Helm about the namespace of Cilium's release."""
    return rehearsal.helm("-n", NAMESPACE, *arguments, seconds=SECONDS)


ENTRIES = (
    Entry(
        name="flux-owns-cilium",
        run=flux_owns_cilium,
        starts_with_cluster=True,
        ends_with_cluster=True,
    ),
)
