"""Which of a machine's addresses Talos takes as the node's: evaluated as Talos evaluates it.

`validSubnets` (kubelet) and `advertisedSubnets` (etcd) are computed from the address plan; this
rule proves for every machine that they select exactly its own addresses.
"""

from collections.abc import Iterable, Iterator
from ipaddress import ip_network

from config.base import Address
from config.cluster import Cluster
from config.machines import Machine
from config.network import TAILSCALE_NETS
from config.rules.model import Finding, over_cluster


def selected(addresses: Iterable[Address], subnets: Iterable[str]) -> list[Address]:
    """What Talos' `FilterIPs` (siderolabs/net v0.4.0) leaves of a machine's addresses.

    Subnets are worked off in their order: one adds what it holds, one with `!` takes out again
    what earlier ones have added. An exclusion that stands first excludes nothing.
    """
    candidates, result = list(addresses), list[Address]()
    for subnet in subnets:
        net = ip_network(subnet.removeprefix("!"))
        held = [x for x in candidates if x.version == net.version and x in net]
        if subnet.startswith("!"):
            result = [x for x in result if x not in held]
        else:
            result += [x for x in dict.fromkeys(held) if x not in result]
    return result


def tailscale_addresses(cluster: Cluster) -> list[Address]:
    """One Tailscale address per node net that overlaps Tailscale's: a machine may be given it."""
    found: list[Address] = []
    for text in TAILSCALE_NETS if cluster.talos.tailscale else ():
        tailnet = ip_network(text)
        for net in cluster.network.node_subnets:
            if net.version == tailnet.version and net.overlaps(tailnet):
                smaller = max(net, tailnet, key=lambda item: item.prefixlen)
                found.append(smaller[-2])
    return found


def present(cluster: Cluster, machine: Machine) -> list[Address]:
    """Every address the machine may hold at once: its own, the VIPs, Tailscale's."""
    vips = cluster.network.vips if machine.is_control_plane else ()
    tailnet = tailscale_addresses(cluster) if machine.is_control_plane else []
    return [*machine.addresses, *vips, *tailnet]


@over_cluster("node-ip", "Talos finds exactly one node IP per family and machine, its own")
def node_ip(cluster: Cluster) -> Iterator[Finding]:
    """Else the kubelet and etcd register under an address that moves away from them.

    Addresses outside the node nets and VIPs at a machine's address are reported by their rules.
    """
    network = cluster.network
    vips = set(network.vips)
    for index, machine in enumerate(cluster.machines):
        if vips & set(machine.addresses) or any(
            network.subnet_of(address) is None for address in machine.addresses
        ):
            continue
        found = selected(present(cluster, machine), network.valid_subnets)
        for version in dict.fromkeys(net.version for net in network.node_subnets):
            mine = [address for address in found if address.version == version]
            if len(mine) != 1:
                said = " and ".join(map(str, mine)) or "none"
                nets = ", ".join(network.valid_subnets)
                yield Finding(
                    path=f"machines[{index}].addresses",
                    value=said,
                    message=f"validSubnets ({nets}) select {said} as the IPv{version} address "
                    f"of {machine.name}; exactly one is wanted",
                    fix=f"give {machine.name} one IPv{version} address inside the node nets, "
                    f"and keep Tailscale's {' and '.join(TAILSCALE_NETS)} out of them",
                )
