"""The plain values that Flux substitutes into the GitOps tree: what the tree needs of the facts.

Pure. Names are the contract between the program and the tree; a test compares both sides. A list is
written as YAML has it on one line: put where a value stands, it is a list.
"""

import json
from collections.abc import Iterable

from config.cluster import Cluster

# Let's Encrypt's own (letsencrypt.org/docs/staging-environment). A cluster that is made anew again
# and again would use up the limit of the one that browsers trust.
ACME_PRODUCTION = "https://acme-v02.api.letsencrypt.org/directory"
ACME_STAGING = "https://acme-staging-v02.api.letsencrypt.org/directory"


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
        # MetalLB takes the list as it is, Cilium wants both ends of each span by themselves.
        spans = (f"{span.first}-{span.last}" for span in pool.addresses)
        found[f"POOL_{variable(pool.name)}"] = flow(spans)
        for number, span in enumerate(pool.addresses, start=1):
            found[f"POOL_{variable(pool.name)}_{number}_START"] = str(span.first)
            found[f"POOL_{variable(pool.name)}_{number}_STOP"] = str(span.last)
    for fixed in balancer.fixed:
        found[f"ADDRESS_{variable(fixed.service)}"] = str(fixed.address)
    if balancer.bgp:
        found["BGP_LOCAL_ASN"] = str(balancer.bgp.local_asn)
        for peer in balancer.bgp.peers:
            found[f"BGP_PEER_{variable(peer.name)}_ADDRESS"] = str(peer.address)
            found[f"BGP_PEER_{variable(peer.name)}_ASN"] = str(peer.asn)
    if cluster.storage.kind == "proxmoxCsi":
        found["STORAGE_CLASS"] = cluster.storage.storage_class
    else:
        # Where Talos mounts a volume of this name (patches.py tells the kubelet the same).
        found["LONGHORN_PATH"] = f"/var/mnt/{cluster.storage.volume}"
    found["ACME_SERVER"] = ACME_PRODUCTION if cluster.protected else ACME_STAGING
    found |= names(cluster)
    own = {variable(name): value for name, value in cluster.seeds.settings.items()}
    return dict(sorted((found | own).items()))


def names(cluster: Cluster) -> dict[str, str]:
    """Which zone and which names each external-dns serves, and under which owner it writes."""
    found = {}
    if cluster.dns.delegation is not None:
        found["DNS_NAMESERVER"] = cluster.dns.delegation.nameserver
        found["DNS_TRANSFER_FROM"] = str(cluster.dns.delegation.transfer_from)
    if cluster.dns.cloudflare is not None:
        found["CLOUDFLARE_ZONE"] = cluster.dns.cloudflare.zone
    for instance in cluster.dns.external_dns:
        found[f"{variable(instance.name)}_OWNER_ID"] = instance.owner_id
        found[f"{variable(instance.name)}_DOMAIN_FILTERS"] = flow(instance.domain_filters)
    return found


def flow(items: Iterable[str]) -> str:
    """A list on one line, as YAML takes it."""
    return json.dumps(list(items))


def variable(name: str) -> str:
    """A name as Flux' substitution spells it."""
    return name.upper().replace("-", "_").replace(".", "_")
