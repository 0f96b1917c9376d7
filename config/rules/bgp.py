"""BGP: pools that need it have it, and each peer is one AS pair."""

from collections.abc import Iterator

from config.cluster import Cluster
from config.network import Allocator, PoolMode
from config.rules.model import Finding, over_cluster


@over_cluster("bgp-needs-section", "A pool with `mode: bgp` needs network.loadBalancer.bgp")
def bgp_needs_section(cluster: Cluster) -> Iterator[Finding]:
    """Without a peer nobody learns the way to the pool."""
    balancer = cluster.network.load_balancer
    for index, pool in enumerate(balancer.pools):
        if pool.mode is PoolMode.BGP and balancer.bgp is None:
            yield Finding(
                path=f"network.loadBalancer.pools[{index}].mode",
                value=pool.mode,
                message=f"pool {pool.name} is announced by BGP, and there is no bgp section",
                fix="add network.loadBalancer.bgp with localAsn and peers, or use `mode: l2`",
            )


@over_cluster("bgp-needs-cilium", "Pools with `mode: bgp` need the allocator cilium")
def bgp_needs_cilium(cluster: Cluster) -> Iterator[Finding]:
    """Cilium's BGP control plane announces what Cilium allocated, not what MetalLB did."""
    balancer = cluster.network.load_balancer
    for index, pool in enumerate(balancer.pools):
        if pool.mode is PoolMode.BGP and balancer.allocator is not Allocator.CILIUM:
            yield Finding(
                path=f"network.loadBalancer.pools[{index}].mode",
                value=pool.mode,
                message=f"pool {pool.name} is announced by Cilium's BGP, and the allocator "
                f"is {balancer.allocator} (network.loadBalancer.allocator)",
                fix="set `allocator: cilium`, or use `mode: l2`",
            )


@over_cluster("bgp-peer-families", "Every family of a BGP pool has a peer that speaks it")
def bgp_peer_families(cluster: Cluster) -> Iterator[Finding]:
    """A session carries the family of its own addresses, so a dual-stack router is two peers."""
    balancer = cluster.network.load_balancer
    peers = balancer.bgp.peers if balancer.bgp else ()
    spoken = {peer.address.version for peer in peers}
    for index, pool in enumerate(balancer.pools):
        if pool.mode is not PoolMode.BGP or balancer.bgp is None:
            continue
        for number, span in enumerate(pool.addresses):
            if span.first.version not in spoken:
                yield Finding(
                    path=f"network.loadBalancer.pools[{index}].addresses[{number}]",
                    value=span,
                    message=f"{span} is announced to nobody: no peer has an IPv"
                    f"{span.first.version} address (network.loadBalancer.bgp.peers)",
                    fix="add the router's address of that family as a peer of its own, with its "
                    "asn, or drop the span",
                )


@over_cluster("peer-unique", "A BGP peer stands in the list once")
def peer_unique(cluster: Cluster) -> Iterator[Finding]:
    """One session, hence one AS pair, per peer and family."""
    bgp = cluster.network.load_balancer.bgp
    peers = bgp.peers if bgp else ()
    for key in ("name", "address"):
        seen: dict[object, int] = {}
        for index, peer in enumerate(peers):
            value = getattr(peer, key)
            first = seen.setdefault(value, index)
            if first != index:
                yield Finding(
                    path=f"network.loadBalancer.bgp.peers[{index}].{key}",
                    value=value,
                    message=f"{value} is also the {key} of peers[{first}]",
                    fix="keep one entry per peer, with the AS number it has",
                )


@over_cluster("peer-asn", "A peer's AS number differs from ours, unless it says `ibgp: true`")
def peer_asn(cluster: Cluster) -> Iterator[Finding]:
    """Equal numbers mean iBGP, which passes no learned routes on: rarely meant in a home."""
    bgp = cluster.network.load_balancer.bgp
    for index, peer in enumerate(bgp.peers if bgp else ()):
        equal = bgp is not None and peer.asn == bgp.local_asn
        if equal != peer.ibgp:
            relation = "equals" if equal else "differs from"
            yield Finding(
                path=f"network.loadBalancer.bgp.peers[{index}].asn",
                value=peer.asn,
                message=f"{peer.asn} of {peer.name} {relation} network.loadBalancer.bgp.localAsn",
                fix="correct one of the numbers, or say `ibgp: true` at the peer"
                if equal
                else "drop `ibgp: true`: the peer is in another AS",
            )
