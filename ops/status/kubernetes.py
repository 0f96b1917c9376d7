"""API servers, nodes and Cilium, as the Kubernetes API tells it."""

from collections.abc import Mapping, Sequence
from typing import Any

from ops.status.report import Row, Section, Verdict
from provider import api_server
from provider.cluster_api import ClusterApi
from provider.rpc.parallel import at_once

Json = dict[str, Any]
ANSWER_SECONDS = 8.0
TOGETHER_SECONDS = 15.0
API_PORT = 6443


def api_servers(planes: Mapping[str, str], kubeconfig: str) -> Section:
    """Whether every API server is ready, each asked itself."""
    urls = [f"https://{bracketed(address)}:{API_PORT}" for address in planes.values()]
    found = at_once(lambda url: api_server.readiness(kubeconfig, url), urls)
    rows = [
        Row(
            name=name,
            verdict=Verdict.WRONG if why else Verdict.WELL,
            actual={"ready": str(not why).lower()},
            why=why or "",
            todo="`talosctl service` and `talosctl logs -k` on it say more" if why else "",
        )
        for name, why in zip(planes, found, strict=True)
    ]
    ready = sum(row.verdict is Verdict.WELL for row in rows)
    return Section(
        name="api", rows=tuple(rows), summary=f"{ready} of {len(rows)} API servers ready"
    )


def bracketed(address: str) -> str:
    """An address as it stands in a URL."""
    return f"[{address}]" if ":" in address else address


def nodes(names: Sequence[str], kubernetes: str, kubeconfig: str) -> Section:
    """Whether every machine is a Ready node of the wanted version."""
    with api_server.connect(kubeconfig) as client:
        api = ClusterApi(client, each=ANSWER_SECONDS, together=TOGETHER_SECONDS)
        listed = (api.get("/api/v1/nodes") or {}).get("items") or []
    return judged_nodes(names, kubernetes, {one["metadata"]["name"]: one for one in listed})


def judged_nodes(names: Sequence[str], kubernetes: str, found: Mapping[str, Json]) -> Section:
    """The same of nodes that were read."""
    rows = [node_row(name, kubernetes, found.get(name)) for name in names]
    rows += [
        Row(
            name=name,
            verdict=Verdict.WRONG,
            why="a node that no machine of the facts is",
            todo=f"`kubectl delete node {name}` once you know whose it was",
        )
        for name in found
        if name not in names
    ]
    ready = sum(row.verdict is Verdict.WELL for row in rows)
    summary = f"{ready} of {len(names)} Ready with Kubernetes {kubernetes}"
    return Section(name="nodes", rows=tuple(rows), summary=summary)


def node_row(name: str, kubernetes: str, node: Json | None) -> Row:
    """One machine's node."""
    if node is None:
        return Row(
            name=name,
            verdict=Verdict.WRONG,
            why="there is no node of that name",
            todo="look at the machine: its kubelet has not joined",
        )
    version = str(((node.get("status") or {}).get("nodeInfo") or {}).get("kubeletVersion", ""))
    reason = api_server.not_ready_because(node)
    why = [reason] if reason else []
    if version != kubernetes:
        why.append(f"its kubelet is {version}, wanted is {kubernetes}")
    if (node.get("spec") or {}).get("unschedulable"):
        why.append("it is cordoned")
    return Row(
        name=name,
        verdict=Verdict.WRONG if why else Verdict.WELL,
        actual={"ready": str(not reason).lower(), "kubelet": version},
        why="; ".join(why),
        todo=f"`kubectl describe node {name}`" if why else "",
    )


WORKLOADS = {"agent": "daemonsets/cilium", "operator": "deployments/cilium-operator"}


def cilium(version: str, kubeconfig: str) -> Section:
    """Whether Cilium runs everywhere, in the wanted version."""
    with api_server.connect(kubeconfig) as client:
        api = ClusterApi(client, each=ANSWER_SECONDS, together=TOGETHER_SECONDS)
        found = {
            name: api.get(f"/apis/apps/v1/namespaces/kube-system/{where}")
            for name, where in WORKLOADS.items()
        }
    rows = tuple(workload_row(name, version, raw) for name, raw in found.items())
    well = " and ".join(row.name for row in rows if row.verdict is Verdict.WELL) or "nothing"
    summary = f"{well} of version {version} everywhere"
    return Section(name="cilium", rows=rows, summary=summary)


def workload_row(name: str, version: str, raw: Json | None) -> Row:
    """The agents, or the operator."""
    if raw is None:
        return Row(
            name=name,
            verdict=Verdict.WRONG,
            why=f"there is no {WORKLOADS[name]} in kube-system",
            todo="`pulumi up` installs it",
        )
    status = raw.get("status") or {}
    wanted = status.get("desiredNumberScheduled", (raw.get("spec") or {}).get("replicas", 1))
    ready = status.get("numberReady", status.get("readyReplicas", 0)) or 0
    tag = image_tag(raw)
    why = []
    if ready < wanted:
        why.append(f"{ready} of {wanted} pods are ready")
    if tag != f"v{version}":
        why.append(f"its image is {tag or 'without tag'}, wanted is v{version}")
    return Row(
        name=name,
        verdict=Verdict.WRONG if why else Verdict.WELL,
        actual={"ready": str(ready), "wanted": str(wanted), "version": tag},
        why="; ".join(why),
        todo=f"`kubectl -n kube-system describe {WORKLOADS[name].replace('/', ' ')}`"
        if why
        else "",
    )


def image_tag(raw: Json) -> str:
    """The tag of a workload's first container's image, without its digest."""
    image = str(raw["spec"]["template"]["spec"]["containers"][0].get("image", ""))
    return image.partition("@")[0].rpartition("/")[2].partition(":")[2]
