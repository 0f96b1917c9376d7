"""Load-balancer pools: where they may lie, who hands their addresses out, what is fixed in them."""

from collections.abc import Iterator
from itertools import combinations

from config.cluster import Cluster
from config.network import Allocator, PoolMode
from config.rules import places
from config.rules.model import Finding, over_cluster
from config.rules.places import Span


@over_cluster("unique-pool", "Pool names are unique")
def unique_pool(cluster: Cluster) -> Iterator[Finding]:
    """Services ask for a pool by its name."""
    seen: dict[str, int] = {}
    for index, pool in enumerate(cluster.network.load_balancer.pools):
        first = seen.setdefault(pool.name, index)
        if first != index:
            yield Finding(
                path=f"network.loadBalancer.pools[{index}].name",
                value=pool.name,
                message=f"{pool.name} is also the name of pools[{first}]",
                fix="rename one, or put both spans into one pool",
            )


@over_cluster("l2-pool-inside-node-net", "An L2 pool lies inside one node net")
def l2_pool_inside_node_net(cluster: Cluster) -> Iterator[Finding]:
    """An L2 address is found by ARP or NDP on the machines' own net, and nowhere else."""
    for pool in places.pools(cluster, PoolMode.L2):
        if places.node_span_of(cluster, pool.range) is None:
            nets = places.node_nets_text(cluster)
            yield Finding(
                path=pool.path,
                value=pool.range,
                message=f"{pool} is not inside a node net ({nets})",
                fix="take free addresses of the node net, or make the pool `mode: bgp`",
            )


@over_cluster("l2-pool-free", "An L2 pool holds nobody else's address")
def l2_pool_free(cluster: Cluster) -> Iterator[Finding]:
    """Two owners of one address answer ARP in turn: each works half of the time.

    A VIP inside a pool is reported at the VIP (`vip-free`).
    """
    taken = places.machines(cluster) + places.maintenance(cluster) + places.routers(cluster)
    for pool in places.pools(cluster, PoolMode.L2):
        for place in taken:
            if place.address in pool.range:
                yield _taken(pool, f"{place.what}, {place.address} ({place.path})")
        for span in places.dhcp(cluster):
            if span.range.overlaps(pool.range):
                yield _taken(pool, f"addresses of {span} ({span.path})")


def _taken(pool: Span, what: str) -> Finding:
    return Finding(
        path=pool.path,
        value=pool.range,
        message=f"{pool} holds {what}",
        fix="take that out of the pool; a pool's addresses belong to it alone",
    )


@over_cluster("pool-overlap", "Pools share no address")
def pool_overlap(cluster: Cluster) -> Iterator[Finding]:
    """The allocator would give one address to two Services."""
    for one, other in combinations(places.pools(cluster), 2):
        if one.range.overlaps(other.range):
            yield Finding(
                path=other.path,
                value=other.range,
                message=f"{other} overlaps {one} ({one.path})",
                fix="give every address to one pool",
            )


@over_cluster("bgp-pool-outside-node-net", "A BGP pool lies outside the node nets")
def bgp_pool_outside_node_net(cluster: Cluster) -> Iterator[Finding]:
    """Neighbours on the node net ask for such an address by ARP, and nobody answers."""
    nodes = [net for net in places.nets(cluster) if net.path.startswith("network.nodeSubnets")]
    for pool in places.pools(cluster, PoolMode.BGP):
        for net in nodes:
            if pool.range.overlaps(places.span_of(net.net)):
                yield Finding(
                    path=pool.path,
                    value=pool.range,
                    message=f"{pool} overlaps {net} ({net.path})",
                    fix="take a net of its own for BGP, or make the pool `mode: l2`",
                )


@over_cluster("pool-family", "A pool's addresses are of a family that Services have")
def pool_family(cluster: Cluster) -> Iterator[Finding]:
    """No Service could ever get such an address."""
    versions = {net.version for net in cluster.network.service_subnets}
    for pool in places.pools(cluster, PoolMode.BGP):
        version = pool.range.first.version
        if version not in versions:
            yield Finding(
                path=pool.path,
                value=pool.range,
                message=f"{pool} is IPv{version}, and network.serviceSubnets has no IPv{version}",
                fix=f"drop the span, or add an IPv{version} net to pods, Services and nodes",
            )


@over_cluster("one-allocator", "One allocator hands out load-balancer addresses")
def one_allocator(cluster: Cluster) -> Iterator[Finding]:
    """Two of them fight over every Service's status (one per cluster, nothing in between)."""
    if cluster.network.load_balancer.allocator is Allocator.CILIUM:
        return
    for key in ("l2announcements", "bgpControlPlane"):
        chosen = cluster.cilium.values.get(key)
        if isinstance(chosen, dict) and chosen.get("enabled") is True:
            yield Finding(
                path=f"cilium.values.{key}.enabled",
                value=True,
                message=f"true makes Cilium a second allocator beside "
                f"{cluster.network.load_balancer.allocator} (network.loadBalancer.allocator)",
                fix="drop it, or set `allocator: cilium`",
            )


@over_cluster("fixed-in-one-pool", "A fixed address lies inside a pool")
def fixed_in_one_pool(cluster: Cluster) -> Iterator[Finding]:
    """The allocator refuses an address of no pool, and the Service stays pending.

    That it is not inside two of them follows from `pool-overlap`.
    """
    for index, fixed in enumerate(cluster.network.load_balancer.fixed):
        if not any(fixed.address in pool.range for pool in places.pools(cluster)):
            spans = ", ".join(str(pool) for pool in places.pools(cluster))
            yield Finding(
                path=f"network.loadBalancer.fixed[{index}].address",
                value=fixed.address,
                message=f"{fixed.address} of {fixed.service} lies in no pool: {spans}",
                fix="take an address of a pool, or widen the pool",
            )


@over_cluster("fixed-unique", "A fixed address belongs to one Service")
def fixed_unique(cluster: Cluster) -> Iterator[Finding]:
    """The second Service stays pending."""
    seen: dict[object, tuple[int, str]] = {}
    for index, fixed in enumerate(cluster.network.load_balancer.fixed):
        first, owner = seen.setdefault(fixed.address, (index, fixed.service))
        if first != index:
            yield Finding(
                path=f"network.loadBalancer.fixed[{index}].address",
                value=fixed.address,
                message=f"{fixed.address} is already fixed for {owner} (fixed[{first}])",
                fix=f"give {fixed.service} an address of its own",
            )
