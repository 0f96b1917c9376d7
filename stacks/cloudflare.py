"""A stack's names at Cloudflare, where it has any: outside before the machines, then inside.

Nothing else imports the vendor's SDK, which costs every run two seconds and 100 MiB.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pulumi import ResourceOptions

from components import hearth
from components.dns.handover import Handover, HandoverArgs
from config.cluster import Cluster
from config.services import ExternalDns
from stacks.keys import needed
from stacks.special import Facts
from stacks.zone import CERT_MANAGER

if TYPE_CHECKING:
    from components.dns.cloudflare import Cloudflare


@dataclass(frozen=True, kw_only=True)
class Names:
    """What stands at Cloudflare: made before the machines, so that it goes after them."""

    outside: "Cloudflare"

    def hand_over(self, inside: ResourceOptions) -> Handover:
        """Give those in the cluster what they need."""
        args = HandoverArgs(tunnel_token=self.outside.tunnel_token, tokens=self.outside.tokens)
        return Handover("cloudflare-secrets", args, opts=inside)


def names_at_cloudflare(facts: Facts, provider: hearth.Provider) -> Names | None:
    """The names that the stack's facts ask for; None without Cloudflare."""
    cluster, dns = facts.cluster, facts.cluster.dns
    if dns.cloudflare is None:
        return None
    from components.dns.cloudflare import Cloudflare, CloudflareArgs  # noqa: PLC0415 (its SDK)

    delegated = dns.delegation is not None and dns.delegation.provider == "cloudflare"
    outside = Cloudflare(
        "cloudflare",
        CloudflareArgs(
            stack=cluster.name,
            domain=cluster.domain,
            facts=dns.cloudflare,
            users=token_users(cluster),
            owners=tuple(item.owner_id for item in writers(cluster)),
            delegation=dns.delegation if delegated else None,
            token=needed(facts.keys.cloudflare_token, "cloudflareToken", "names are at Cloudflare"),
            hearth=provider,
        ),
    )
    return Names(outside=outside)


def token_users(cluster: Cluster) -> tuple[str, ...]:
    """Who in the cluster gets an API token of its own; also their namespaces."""
    return (*(item.name for item in writers(cluster)), CERT_MANAGER)


def writers(cluster: Cluster) -> list[ExternalDns]:
    """The instances of external-dns that write at Cloudflare."""
    return [item for item in cluster.dns.external_dns if item.target == "cloudflare"]
