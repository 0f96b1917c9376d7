"""The plain values that Flux substitutes into the GitOps tree: what the tree needs of the facts.

Pure. Names are the contract between the program and the tree; a check compares both sides.
"""

from config.cluster import Cluster


def settings(cluster: Cluster) -> dict[str, str]:
    """`cluster-settings`: upper-case names, string values."""
    balancer = cluster.network.load_balancer
    found = {
        "CLUSTER_NAME": cluster.name,
        "CLUSTER_DOMAIN": cluster.domain,
        "CLUSTER_API_VIP": str(cluster.network.api_vip),
        "POD_SUBNETS": ",".join(str(net) for net in cluster.network.pod_subnets),
        "SERVICE_SUBNETS": ",".join(str(net) for net in cluster.network.service_subnets),
    }
    for pool in balancer.pools:
        spans = ",".join(str(span) for span in pool.addresses)
        found[f"POOL_{variable(pool.name)}"] = spans
    for fixed in balancer.fixed:
        found[f"ADDRESS_{variable(fixed.service)}"] = str(fixed.address)
    if balancer.bgp:
        found["BGP_LOCAL_ASN"] = str(balancer.bgp.local_asn)
        for peer in balancer.bgp.peers:
            found[f"BGP_PEER_{variable(peer.name)}_ADDRESS"] = str(peer.address)
            found[f"BGP_PEER_{variable(peer.name)}_ASN"] = str(peer.asn)
    if cluster.storage.kind == "proxmoxCsi":
        found["STORAGE_CLASS"] = cluster.storage.storage_class
    own = {variable(name): value for name, value in cluster.seeds.settings.items()}
    return dict(sorted((found | own).items()))


def variable(name: str) -> str:
    """A name as Flux' substitution spells it."""
    return name.upper().replace("-", "_").replace(".", "_")
