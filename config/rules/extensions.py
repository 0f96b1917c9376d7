"""System extensions and the settings that need them: never one without the other."""

from collections.abc import Iterator

from config.cluster import Cluster
from config.rules import places
from config.rules.model import Finding, over_cluster
from config.services import Longhorn
from config.talos import Extension


def _lacks(cluster: Cluster, extension: Extension, why: str) -> Iterator[Finding]:
    if extension not in cluster.talos.extensions:
        given = ", ".join(cluster.talos.extensions) or "none"
        yield Finding(
            path="talos.extensions",
            value=given,
            message=f"{given}: {extension} is missing, and {why}",
            fix=f"add {extension} to talos.extensions",
        )


def _pair(cluster: Cluster, extension: Extension, key: str, without: str) -> Iterator[Finding]:
    """Findings when only one of an extension and its section is there."""
    if getattr(cluster.talos, key) is not None:
        yield from _lacks(cluster, extension, f"talos.{key} configures it")
    elif extension in cluster.talos.extensions:
        yield Finding(
            path="talos.extensions",
            value=extension,
            message=f"{extension} is listed, and there is no talos.{key}: {without}",
            fix=f"add `{key}:` below talos, or drop the extension",
        )


@over_cluster("qemu-guest-agent", "Virtual machines have the QEMU guest agent")
def qemu_guest_agent(cluster: Cluster) -> Iterator[Finding]:
    """Without it a clean shutdown from Proxmox waits for its timeout."""
    made = next((machine for machine in cluster.machines if machine.vm), None)
    if made:
        yield from _lacks(cluster, Extension.QEMU_GUEST_AGENT, f"{made.name} is a VM")


@over_cluster("tailscale-extension", "The Tailscale extension and talos.tailscale go together")
def tailscale_extension(cluster: Cluster) -> Iterator[Finding]:
    """An extension without its settings waits for them for ever, and Talos says so every 5 s."""
    without = "the service waits for its settings for ever"
    yield from _pair(cluster, Extension.TAILSCALE, "tailscale", without)


@over_cluster("lldpd-extension", "The LLDPD extension and talos.lldp go together")
def lldpd_extension(cluster: Cluster) -> Iterator[Finding]:
    """Its missing settings document rebooted nodes at intervals."""
    yield from _pair(cluster, Extension.LLDPD, "lldp", "its missing settings rebooted nodes")


@over_cluster("longhorn-extensions", "Longhorn has iscsi-tools and util-linux-tools")
def longhorn_extensions(cluster: Cluster) -> Iterator[Finding]:
    """Its volumes are iSCSI targets, and it trims them with the host's fstrim."""
    if isinstance(cluster.storage, Longhorn):
        for extension in (Extension.ISCSI_TOOLS, Extension.UTIL_LINUX_TOOLS):
            yield from _lacks(cluster, extension, "storage.kind is longhorn")


@over_cluster("unique-extension", "An extension is listed once")
def unique_extension(cluster: Cluster) -> Iterator[Finding]:
    """The image factory refuses the schematic."""
    seen = set()
    for index, extension in enumerate(cluster.talos.extensions):
        if extension in seen:
            yield Finding(
                path=f"talos.extensions[{index}]",
                value=extension,
                message=f"{extension} is listed twice",
                fix="drop one",
            )
        seen.add(extension)


@over_cluster("tailscale-routes", "Tailscale routes lead to node nets or pools, nowhere inside")
def tailscale_routes(cluster: Cluster) -> Iterator[Finding]:
    """Whoever advertises the pod or service net pulls the cluster's own traffic into the tunnel."""
    routes = cluster.talos.tailscale.advertise_routes if cluster.talos.tailscale else ()
    inner = [net for net in places.nets(cluster) if "nodeSubnets" not in net.path]
    for index, route in enumerate(routes):
        span = places.span_of(route)
        hit = next((n for n in inner if span.overlaps(places.span_of(n.net))), None)
        leads = places.node_span_of(cluster, span) is not None or any(
            pool.range.overlaps(span) for pool in places.pools(cluster)
        )
        if hit or not leads:
            said = f"overlaps {hit} ({hit.path})" if hit else "leads to no node net and no pool"
            yield Finding(
                path=f"talos.tailscale.advertiseRoutes[{index}]",
                value=route,
                message=f"{route} {said}",
                fix="advertise a part of the node net, or a load-balancer pool",
            )
