"""Where a config's addresses stand: every one with its key path and what it is, for messages.

Only collects; what may not meet what is said by the rules.
"""

from dataclasses import dataclass

from config.base import Address, AddressRange, Network
from config.cluster import Cluster
from config.network import PoolMode


@dataclass(frozen=True)
class Place:
    """An address: its key path, and what it is in a reader's words."""

    path: str
    what: str
    address: Address


@dataclass(frozen=True)
class Span:
    """A span of addresses; `mode` is set for load-balancer pools."""

    path: str
    what: str
    range: AddressRange
    mode: PoolMode | None = None

    def __str__(self) -> str:
        """What it is, and which addresses."""
        return f"{self.what} ({self.range})"


@dataclass(frozen=True)
class Net:
    """A network of the address plan."""

    path: str
    what: str
    net: Network

    def __str__(self) -> str:
        """What it is, and which net."""
        return f"{self.what} {self.net}"


def machines(cluster: Cluster) -> list[Place]:
    """Every machine's own addresses."""
    return [
        Place(f"machines[{i}].addresses[{j}]", f"the address of {machine.name}", address)
        for i, machine in enumerate(cluster.machines)
        for j, address in enumerate(machine.addresses)
    ]


def maintenance(cluster: Cluster) -> list[Place]:
    """The addresses at which adopted hosts wait in maintenance mode."""
    return [
        Place(
            f"machines[{i}].metal.maintenanceAddress",
            f"the maintenance address of {machine.name}",
            machine.metal.maintenance_address,
        )
        for i, machine in enumerate(cluster.machines)
        if machine.metal
    ]


def vips(cluster: Cluster) -> list[Place]:
    """The API's virtual addresses."""
    return [Place(f"network.vips[{i}]", "the VIP", x) for i, x in enumerate(cluster.network.vips)]


def routers(cluster: Cluster) -> list[Place]:
    """Gateways and name servers: addresses that somebody else answers."""
    network = cluster.network
    gateways = [
        Place(f"network.gateways[{i}]", "the gateway", x) for i, x in enumerate(network.gateways)
    ]
    known = set(network.gateways)
    return gateways + [
        Place(f"network.nameservers[{i}]", "a name server", x)
        for i, x in enumerate(network.nameservers)
        if x not in known
    ]


def dhcp(cluster: Cluster) -> list[Span]:
    """The spans that a DHCP server hands out."""
    return [
        Span(f"network.dhcpRanges[{i}]", "the DHCP range", span)
        for i, span in enumerate(cluster.network.dhcp_ranges)
    ]


def pools(cluster: Cluster, mode: PoolMode | None = None) -> list[Span]:
    """The load-balancer spans, of one mode or of all."""
    return [
        Span(
            f"network.loadBalancer.pools[{i}].addresses[{j}]",
            f"pool {pool.name}",
            span,
            pool.mode,
        )
        for i, pool in enumerate(cluster.network.load_balancer.pools)
        for j, span in enumerate(pool.addresses)
        if mode is None or pool.mode is mode
    ]


def nets(cluster: Cluster) -> list[Net]:
    """Node, pod and service nets."""
    network = cluster.network
    named = (
        ("nodeSubnets", "the node net", network.node_subnets),
        ("podSubnets", "the pod net", network.pod_subnets),
        ("serviceSubnets", "the service net", network.service_subnets),
    )
    return [
        Net(f"network.{key}[{i}]", what, net)
        for key, what, listed in named
        for i, net in enumerate(listed)
    ]


def span_of(net: Network) -> AddressRange:
    """A network as the span of its first to its last address."""
    return AddressRange(first=net[0], last=net[-1])


def node_span_of(cluster: Cluster, span: AddressRange) -> Network | None:
    """The node net that holds a whole span, if one does."""
    net = cluster.network.subnet_of(span.first)
    return net if net is not None and span.last in net else None


def node_nets_text(cluster: Cluster) -> str:
    """The node nets, for a message."""
    return ", ".join(str(net) for net in cluster.network.node_subnets)
