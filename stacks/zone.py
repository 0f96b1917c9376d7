"""The zone that a cluster serves itself: what its layer gives to the rest, and who writes to it."""

from dataclasses import dataclass

from pulumi import Output, Resource

from config.cluster import Cluster

# Proves to Let's Encrypt that a name is ours, by a record.
CERT_MANAGER = "cert-manager"


@dataclass(frozen=True, kw_only=True)
class Zone:
    """What a parent zone needs, where a person sets it, and the keys that lie in the cluster."""

    records: Output[list[str]]
    keys: tuple[Resource, ...]


def zone_writers(cluster: Cluster) -> tuple[str, ...]:
    """Who in the cluster gets a key of the name server's API; also their namespaces.

    With names at Cloudflare cert-manager proves them there, and has its namespace from there.
    """
    external = (item.name for item in cluster.dns.external_dns if item.target == "powerdns")
    prover = () if cluster.dns.cloudflare is not None else (CERT_MANAGER,)
    return (*external, *prover)
