"""The nets of the address plan: apart from each other, in one family order, big enough.

Host bits are refused by the network type itself (`canonical-network`).
"""

from collections.abc import Iterable, Iterator
from itertools import combinations

from config.base import Address, Network
from config.cluster import Cluster
from config.network import IPV6_SERVICE_MASK_MIN, PoolMode
from config.rules import places
from config.rules.model import Finding, over_cluster

# kube-apiserver refuses a service net with more than 20 host bits.
SERVICE_HOST_BITS_MAX = 20
# kube-controller-manager refuses a node mask more than 16 bits longer than the pod net.
NODE_MASK_SPAN_MAX = 16
_NAMES = {4: "IPv4", 6: "IPv6"}


def _families(items: Iterable[Address | Network]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(item.version for item in items))


def _listed(cluster: Cluster) -> dict[str, tuple[Address, ...] | tuple[Network, ...]]:
    network = cluster.network
    return {
        "network.nodeSubnets": network.node_subnets,
        "network.podSubnets": network.pod_subnets,
        "network.serviceSubnets": network.service_subnets,
        "network.gateways": network.gateways,
        "network.vips": network.vips,
    }


def _text(versions: Iterable[int]) -> str:
    return ", ".join(_NAMES[version] for version in versions)


@over_cluster("one-per-family", "Nets, gateways and VIPs are one per address family at most")
def one_per_family(cluster: Cluster) -> Iterator[Finding]:
    """Kubernetes takes at most one net per family, Talos one VIP and gateway per family here."""
    for path, items in _listed(cluster).items():
        if len(_families(items)) != len(items):
            value = ", ".join(map(str, items))
            yield Finding(
                path=path,
                value=value,
                message=f"{value} are two of one address family",
                fix="keep one IPv4 and one IPv6 entry at most",
            )


@over_cluster("family-order", "Every list of nets and addresses keeps one order of families")
def family_order(cluster: Cluster) -> Iterator[Finding]:
    """The pod nets' order decides; gateways, VIPs and machines may lack a family, never swap."""
    wanted = _families(cluster.network.pod_subnets)
    whole = {"network.nodeSubnets", "network.serviceSubnets"}
    lists = {path: _families(items) for path, items in _listed(cluster).items()}
    for index, machine in enumerate(cluster.machines):
        lists[f"machines[{index}].addresses"] = _families(machine.addresses)
    for path, found in lists.items():
        kept = tuple(version for version in wanted if version in found)
        if found != (wanted if path in whole else kept):
            yield Finding(
                path=path,
                value=_text(found),
                message=f"the families are {_text(found)}; network.podSubnets has {_text(wanted)}",
                fix=f"list {_text(wanted)} in this order everywhere",
            )


@over_cluster("disjoint-nets", "Node, pod, service and BGP-pool nets share no address")
def disjoint_nets(cluster: Cluster) -> Iterator[Finding]:
    """Nets that overlap send packets to the wrong side; BGP pools against node nets: see pools."""
    for one, other in combinations(places.nets(cluster), 2):
        if one.net.version == other.net.version and one.net.overlaps(other.net):
            yield Finding(
                path=other.path,
                value=other.net,
                message=f"{other} overlaps {one} ({one.path})",
                fix=f"move one of them: no address of {one.net} may be in {other.net}",
            )
    inner = [net for net in places.nets(cluster) if "nodeSubnets" not in net.path]
    for pool in places.pools(cluster, PoolMode.BGP):
        for net in inner:
            if pool.range.overlaps(places.span_of(net.net)):
                yield Finding(
                    path=pool.path,
                    value=pool.range,
                    message=f"{pool} overlaps {net} ({net.path})",
                    fix="take load-balancer addresses from a net that routers see",
                )


@over_cluster("service-net-size", "A service net has at most 20 host bits (/12, /108)")
def service_net_size(cluster: Cluster) -> Iterator[Finding]:
    """kube-apiserver does not start with a larger one (siderolabs/talos#8115)."""
    for index, net in enumerate(cluster.network.service_subnets):
        longest = IPV6_SERVICE_MASK_MIN if net.version == 6 else 32 - SERVICE_HOST_BITS_MAX
        if net.prefixlen < longest:
            yield Finding(
                path=f"network.serviceSubnets[{index}]",
                value=net,
                message=f"{net} is larger than kube-apiserver takes",
                fix=f"use {net.network_address}/{longest} or smaller",
            )


@over_cluster("node-blocks", "A pod net has a block for every machine")
def node_blocks(cluster: Cluster) -> Iterator[Finding]:
    """A /64 cut into /64 blocks is one block: the second node never becomes Ready."""
    network = cluster.network
    for index, net in enumerate(network.pod_subnets):
        blocks, count = network.node_blocks(net), len(cluster.machines)
        if blocks < count:
            mask = network.node_mask(net)
            wanted = max(mask - (count - 1).bit_length(), 0)
            yield Finding(
                path=f"network.podSubnets[{index}]",
                value=net,
                message=f"{net} has {blocks} block(s) of /{mask} for {count} machines",
                fix=f"widen it to /{wanted}, or lengthen nodeCidrMaskIpv{net.version}",
            )


@over_cluster("node-mask-span", "A node's block is at most 16 bits longer than the pod net")
def node_mask_span(cluster: Cluster) -> Iterator[Finding]:
    """kube-controller-manager exits with a longer one, and no node ever gets a block."""
    network = cluster.network
    for index, net in enumerate(network.pod_subnets):
        mask = network.node_mask(net)
        if mask - net.prefixlen > NODE_MASK_SPAN_MAX:
            yield Finding(
                path=f"network.podSubnets[{index}]",
                value=net,
                message=f"blocks of /{mask} are {mask - net.prefixlen} bits longer than {net}",
                fix=f"use /{mask - NODE_MASK_SPAN_MAX} or longer here, or a shorter "
                f"nodeCidrMaskIpv{net.version}",
            )


@over_cluster("gateway-inside-node-net", "A gateway lies inside a node net, or is link-local")
def gateway_inside_node_net(cluster: Cluster) -> Iterator[Finding]:
    """A machine reaches its gateway without one."""
    for index, gateway in enumerate(cluster.network.gateways):
        if cluster.network.subnet_of(gateway) is None and not gateway.is_link_local:
            nets = places.node_nets_text(cluster)
            yield Finding(
                path=f"network.gateways[{index}]",
                value=gateway,
                message=f"{gateway} lies outside the node nets ({nets})",
                fix="name the router's address on the machines' own net",
            )
