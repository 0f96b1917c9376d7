"""The Cloudflare of a lab as its owner had set it up by docs/cloudflare.md, before any `up`.

The account and the zone of the facts, and a token with exactly the rights that the page lists: what
it says is what is rehearsed.
"""

import uuid
from collections.abc import Mapping
from typing import Any

from config.cluster import Cluster
from config.secret_keys import CLOUDFLARE_TOKEN

ACCOUNT_RESOURCE, ZONE_RESOURCE = "com.cloudflare.api.account", "com.cloudflare.api.account.zone"
TOKEN_NAME = "hearth"  # noqa: S105 (a name)


def zone_id(zone: str) -> str:
    """The lab's identifier of a zone, the same in every run."""
    return uuid.uuid5(uuid.NAMESPACE_DNS, f"{zone}.zone.lab.hearth").hex


def cloudflare_setup(cluster: Cluster, values: Mapping[str, str]) -> dict[str, Any]:
    """The simulator's document; `values` are the lab's secrets by their keys."""
    facts = cluster.dns.cloudflare
    if facts is None:
        raise ValueError(f"{cluster.name} has nothing at Cloudflare")
    zone = zone_id(facts.zone)
    account = ["Account API Tokens Write"]
    if facts.tunnel is not None:
        account.insert(0, "Cloudflare Tunnel Write")
    return {
        "accounts": [{"id": facts.account, "name": f"Owner of {facts.zone}"}],
        "zones": [{"id": zone, "name": facts.zone, "account": facts.account}],
        "tokens": [
            {
                "name": TOKEN_NAME,
                "value": values[CLOUDFLARE_TOKEN],
                "policies": [
                    {
                        "permissions": ["Zone Read", "DNS Write"],
                        "resources": {f"{ZONE_RESOURCE}.{zone}": "*"},
                    },
                    {
                        "permissions": account,
                        "resources": {f"{ACCOUNT_RESOURCE}.{facts.account}": "*"},
                    },
                ],
            }
        ],
    }
