"""The router's side of BGP, as FRRouting reads it: from the facts that the cluster's side has.

Pure. Every node is a neighbour by each of its addresses, so there is one session per family; the
nodes dial, the router listens. What they announce is admitted exactly when it is an address of a
pool, and nothing is told to them: they know their gateway. Source of the words: FRRouting's manual,
"BGP" and "Filtering".
"""

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address, summarize_address_range

from config.base import AddressRange
from config.cluster import Cluster
from config.network import BgpPeer, PoolMode
from ops.errors import VerbError

# Cilium announces a Service's address as what it is: one host.
HOST = {4: 32, 6: 128}
WORD = {4: "ip", 6: "ipv6"}


def frr_config(cluster: Cluster, asn: int | None = None) -> str:
    """`frr.conf` for one router; `asn` is its own, to be named where the peers have several."""
    bgp = cluster.network.load_balancer.bgp
    if bgp is None:
        raise VerbError(
            f"{cluster.name} has no network.loadBalancer.bgp: nothing of it is announced by BGP"
        )
    peers = of_one_router(cluster.name, bgp.peers, asn)
    own = peers[0].asn
    routers = sorted({str(peer.address) for peer in peers if peer.address.version == 4})
    lines = [
        f"! BGP with the nodes of {cluster.name}: `./hearth export bgp-peer {cluster.name}` writes",
        "! this from the stack's facts. Change them, not this.",
        "frr defaults traditional",
        f"router bgp {own}",
        *(f" bgp router-id {address}" for address in routers[:1]),
        " no bgp default ipv4-unicast",
    ]
    families = [peer.address.version for peer in peers]
    for family in families:
        lines += neighbours(cluster, family, bgp.local_asn)
    for family in families:
        lines += address_family(cluster, family)
    lines.append("exit")
    for family in families:
        lines += ["!", *admitted(cluster, family)]
    return "\n".join(lines) + "\n"


def of_one_router(stack: str, peers: Sequence[BgpPeer], asn: int | None) -> list[BgpPeer]:
    """The peers of one AS number, one per family in the facts' order."""
    numbers = sorted({peer.asn for peer in peers})
    if asn is None and len(numbers) > 1:
        known = ", ".join(map(str, numbers))
        raise VerbError(
            f"{stack} peers with the AS numbers {known}: name one, as --asn {numbers[0]}"
        )
    wanted = numbers[0] if asn is None else asn
    found = {peer.address.version: peer for peer in reversed(peers) if peer.asn == wanted}
    if not found:
        known = ", ".join(map(str, numbers))
        raise VerbError(f"{stack} has no BGP peer with the AS number {asn}; it has: {known}")
    return [peer for peer in peers if found.get(peer.address.version) is peer]


def group(cluster: Cluster, family: int) -> str:
    """The nodes as one group of neighbours."""
    return f"{cluster.name}-v{family}".upper()


def neighbours(cluster: Cluster, family: int, asn: int) -> Iterator[str]:
    """The nodes by their addresses of one family."""
    nodes = group(cluster, family)
    yield f" neighbor {nodes} peer-group"
    yield f" neighbor {nodes} remote-as {asn}"
    # Cilium listens on no port.
    yield f" neighbor {nodes} passive"
    for machine in cluster.machines:
        for address in machine.addresses:
            if address.version == family:
                yield f" neighbor {address} peer-group {nodes}"
                yield f" neighbor {address} description {machine.name}"


def address_family(cluster: Cluster, family: int) -> Iterator[str]:
    """What is taken from the nodes and told to them, with one path for each of them."""
    nodes = group(cluster, family)
    yield f" address-family ipv{family} unicast"
    yield f"  neighbor {nodes} activate"
    yield f"  neighbor {nodes} soft-reconfiguration inbound"
    yield f"  neighbor {nodes} prefix-list {nodes}-POOLS in"
    yield f"  neighbor {nodes} prefix-list {nodes}-NOTHING out"
    yield f"  maximum-paths {len(cluster.machines)}"
    yield " exit-address-family"


def admitted(cluster: Cluster, family: int) -> Iterator[str]:
    """Prefix lists: single addresses of the pools, and none at all."""
    nodes, word = group(cluster, family), WORD[family]
    number = 0
    for pool in cluster.network.load_balancer.pools:
        if pool.mode is not PoolMode.BGP:
            continue
        for span in pool.addresses:
            if span.first.version != family:
                continue
            for net in covering(span):
                number += 5
                single = "" if net.endswith(f"/{HOST[family]}") else f" ge {HOST[family]}"
                yield f"{word} prefix-list {nodes}-POOLS seq {number} permit {net}{single}"
    yield f"{word} prefix-list {nodes}-NOTHING seq 5 deny any"


def covering(span: AddressRange) -> list[str]:
    """The fewest nets that hold exactly a span's addresses."""
    first, last = span.first, span.last
    if isinstance(first, IPv4Address) and isinstance(last, IPv4Address):
        return [str(net) for net in summarize_address_range(first, last)]
    if isinstance(first, IPv6Address) and isinstance(last, IPv6Address):
        return [str(net) for net in summarize_address_range(first, last)]
    raise ValueError(f"{span} is of two families")
