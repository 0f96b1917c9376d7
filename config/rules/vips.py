"""The API's virtual addresses: on the machines' net, and nobody else's."""

from collections.abc import Iterator

from config.cluster import Cluster
from config.rules import places
from config.rules.model import Finding, over_cluster


@over_cluster("vip-inside-node-net", "A VIP lies inside a node net")
def vip_inside_node_net(cluster: Cluster) -> Iterator[Finding]:
    """Talos announces it by gratuitous ARP, which no router carries."""
    for vip in places.vips(cluster):
        if cluster.network.subnet_of(vip.address) is None:
            nets = places.node_nets_text(cluster)
            yield Finding(
                path=vip.path,
                value=vip.address,
                message=f"{vip.address} lies outside the node nets ({nets})",
                fix="take a free address of the control planes' own net",
            )


@over_cluster("vip-free", "A VIP is no machine's, gateway's, pool's or DHCP server's address")
def vip_free(cluster: Cluster) -> Iterator[Finding]:
    """The API would be reached, or not, by who answered ARP last."""
    taken = places.machines(cluster) + places.maintenance(cluster) + places.routers(cluster)
    for vip in places.vips(cluster):
        owners = [f"{x.what} ({x.path})" for x in taken if x.address == vip.address]
        spans = places.pools(cluster) + places.dhcp(cluster)
        owners += [f"in {x.what} {x.range} ({x.path})" for x in spans if vip.address in x.range]
        if owners:
            yield Finding(
                path=vip.path,
                value=vip.address,
                message=f"{vip.address} is also {' and '.join(owners)}",
                fix="take an address that nothing else uses or hands out",
            )
