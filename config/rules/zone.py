"""The zone that the cluster serves itself: where its name server stands, and who reaches it."""

from collections.abc import Iterator
from ipaddress import ip_network

from config.base import Address
from config.cluster import Cluster
from config.network import TAILSCALE_NETS
from config.rules.dns import within
from config.rules.model import Finding, over_cluster

SERVICE = "powerdns"


def writers(cluster: Cluster) -> list[int]:
    """Which external-dns instances write to the cluster's own name server."""
    return [i for i, x in enumerate(cluster.dns.external_dns) if x.target == "powerdns"]


def server(cluster: Cluster) -> Address | None:
    """The address that is kept for the name server."""
    kept = cluster.network.load_balancer.fixed
    return next((item.address for item in kept if item.service == SERVICE), None)


@over_cluster("powerdns-address", "The cluster's own name server has a fixed address")
def powerdns_address(cluster: Cluster) -> Iterator[Finding]:
    """The secondary is told an address, and asks it for ever."""
    if server(cluster) is not None:
        return
    for index in writers(cluster):
        yield Finding(
            path=f"dns.externalDns[{index}].target",
            value=SERVICE,
            message="powerdns is to serve the zone, and network.loadBalancer.fixed keeps no "
            "address for it",
            fix=f"add `{{service: {SERVICE}, address: ...}}` with an address of a pool of its own",
        )


@over_cluster("powerdns-zone", "What is written to PowerDNS lies inside the zone it serves")
def powerdns_zone(cluster: Cluster) -> Iterator[Finding]:
    """It serves one zone, the cluster's domain; external-dns skips every other name in silence."""
    for index in writers(cluster):
        filters = cluster.dns.external_dns[index].domain_filters
        if cluster.dns.delegation is None:
            yield Finding(
                path=f"dns.externalDns[{index}].target",
                value=SERVICE,
                message="powerdns is written to, and there is no dns.delegation: it has no zone, "
                "and nobody would ask it",
                fix="add dns.delegation, or write these names elsewhere",
            )
        for j, domain in enumerate(filters):
            if not within(domain, cluster.domain):
                yield Finding(
                    path=f"dns.externalDns[{index}].domainFilters[{j}]",
                    value=domain,
                    message=f"{domain} lies outside the zone {cluster.domain} (domain)",
                    fix=f"use a name that ends with .{cluster.domain}",
                )


@over_cluster("transfer-route", "A secondary in the tailnet finds the name server's address there")
def transfer_route(cluster: Cluster) -> Iterator[Finding]:
    """Without the route the zone is delegated to a secondary that never gets it."""
    delegation, address, tailnet = cluster.dns.delegation, server(cluster), cluster.talos.tailscale
    if delegation is None or address is None or tailnet is None:
        return
    routes = tailnet.advertise_routes
    if in_tailnet(delegation.transfer_from) and not any(
        address.version == net.version and address in net for net in routes
    ):
        given = ", ".join(str(net) for net in routes)
        yield Finding(
            path="dns.delegation.transferFrom",
            value=delegation.transfer_from,
            message=f"{delegation.transfer_from} fetches the zone over the tailnet from {address} "
            f"(network.loadBalancer.fixed), to which no route leads: {given} "
            "(talos.tailscale.advertiseRoutes)",
            fix=f"advertise a net that holds {address}",
        )


def in_tailnet(address: Address) -> bool:
    """Whether an address is one that Tailscale gives."""
    return any(address in ip_network(net) for net in TAILSCALE_NETS)
