"""Two address families in the cluster: what the real API server gives out of the configured nets.

A Service that asks for both families has to get a cluster address of each, from the nets of the
facts and in their order; every Node has both of its machine's addresses and a block of pods in each
family. No packet is sent: whether Cilium forwards them is for the hardware to show.
"""

import json
from ipaddress import ip_address, ip_network
from typing import Any

from config.base import Address, Network
from config.cluster import Cluster
from lab.scenarios.entry import Entry
from lab.scenarios.needs import Need
from lab.scenarios.rehearsal import Failed, Rehearsal

SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "both-families"},
    "spec": {
        "ipFamilyPolicy": "RequireDualStack",
        "selector": {"app": "nobody"},
        "ports": [{"port": 80}],
    },
}


def dual_stack(rehearsal: Rehearsal) -> str:
    """Look at Nodes and at a Service that is made for it."""
    cluster = rehearsal.cluster()
    nodes: list[dict[str, Any]] = asked(rehearsal, "get", "nodes")["items"]
    for node in nodes:
        insist_on_node(cluster, node)
    addresses = service_addresses(rehearsal)
    insist_in(addresses, cluster.network.service_subnets, "a Service's addresses")
    return (
        f"a Service got {' and '.join(map(str, addresses))}; {len(nodes)} nodes have addresses "
        "and blocks of pods in both families"
    )


def insist_on_node(cluster: Cluster, node: dict[str, Any]) -> None:
    """A Node has its machine's addresses, and a block out of every pod net."""
    name = str(node["metadata"]["name"])
    machine = next(item for item in cluster.machines if item.name == name)
    found = [
        ip_address(item["address"])
        for item in node["status"]["addresses"]
        if item["type"] == "InternalIP"
    ]
    if found != list(machine.addresses):
        raise Failed(f"the Node {name} has {found}, and the facts say {machine.addresses}")
    blocks = [ip_network(item) for item in node["spec"]["podCIDRs"]]
    firsts = [block.network_address for block in blocks]
    insist_in(firsts, cluster.network.pod_subnets, f"blocks of pods of {name}")


def service_addresses(rehearsal: Rehearsal) -> list[Address]:
    """The cluster addresses that a Service with both families is given."""
    manifest = rehearsal.directory / "both-families.json"
    manifest.write_text(json.dumps(SERVICE), encoding="utf-8")
    rehearsal.kubectl("apply", "-f", str(manifest))
    try:
        made = asked(rehearsal, "get", "service", "both-families")
    finally:
        rehearsal.kubectl("delete", "-f", str(manifest))
    return [ip_address(item) for item in made["spec"]["clusterIPs"]]


def insist_in(addresses: list[Address], nets: tuple[Network, ...], what: str) -> None:
    """Each address lies in the net of its place, one for each family."""
    if len(addresses) != len(nets) or any(
        address.version != net.version or address not in net
        for address, net in zip(addresses, nets, strict=True)
    ):
        raise Failed(f"{what} are {addresses}, and the nets are {nets}")


def asked(rehearsal: Rehearsal, *words: str) -> dict[str, Any]:
    """What kubectl shows of an object, as a document."""
    document: dict[str, Any] = json.loads(rehearsal.kubectl(*words, "-o", "json"))
    return document


ENTRIES = (
    Entry(
        name="dual-stack",
        run=dual_stack,
        starts_with_cluster=True,
        ends_with_cluster=True,
        needs=frozenset({Need.TWO_FAMILIES}),
    ),
)
