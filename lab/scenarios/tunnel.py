"""tunnel-connected: a destroy while Cloudflare holds connections of the cluster's; kill-tunnel.

Nobody runs cloudflared in the lab, so the simulator plays it, with the token that lies in the
cluster for it. It ends as a machine that is reset ends it: without a word, so that Cloudflare keeps
its connections, and the tunnel with them until somebody cleans up. What external-dns would have
written is written by hand, with the mark that says whose it is, and has to be gone as well.
"""

from typing import Any

from lab.scenarios import cloudflare_account as account
from lab.scenarios.core import taken_down
from lab.scenarios.entry import Entry
from lab.scenarios.needs import Need
from lab.scenarios.recovery import survives
from lab.scenarios.rehearsal import Failed, Rehearsal
from lab.strikes import Moment

SIMULATOR = "cloudflare"
NAMESPACE, SECRET, KEY = "cloudflare-tunnel", "tunnel-token", "token"


def tunnel_connected(rehearsal: Rehearsal) -> str:
    """Connect with the cluster's token, lose the machine, destroy: nothing is left."""
    written_by_external_dns(rehearsal)
    token = rehearsal.secret(NAMESPACE, SECRET)[KEY].decode()
    base = rehearsal.vendors.worlds[SIMULATOR].removesuffix("/world")
    connected = rehearsal.vendors.ask("POST", f"{base}/connectors", {"token": token})
    (tunnel,) = tunnels(rehearsal)
    if not tunnel["connections"]:
        raise Failed(f"cloudflared is connected, and the tunnel has no connections: {tunnel}")
    rehearsal.vendors.ask("DELETE", f"{base}/connectors/{connected['id']}?abruptly=true")
    (tunnel,) = tunnels(rehearsal)
    if not tunnel["connections"]:
        raise Failed("connections of a vanished cloudflared were to stay, and did not")
    return f"{tunnel['connections']} connections left behind; {taken_down(rehearsal)}"


def written_by_external_dns(rehearsal: Rehearsal) -> None:
    """A record and its mark, as "The TXT registry" of external-dns' documentation has them."""
    cluster = rehearsal.cluster()
    (owner,) = (item.owner_id for item in cluster.dns.external_dns if item.target == "cloudflare")
    name = f"left-behind.{cluster.domain}"
    said = f"heritage=external-dns,external-dns/owner={owner},external-dns/resource=service/a/b"
    account.write(rehearsal, {"type": "A", "name": name, "content": "192.0.2.1", "ttl": 300})
    mark = {"type": "TXT", "name": f"a-{name}", "content": f'"{said}"', "ttl": 300}
    account.write(rehearsal, mark)


def kill_tunnel(rehearsal: Rehearsal) -> str:
    """A tunnel is at Cloudflare, and the state does not know it: it is adopted."""
    moment = Moment(
        resource="ZeroTrustTunnelCloudflared::cloudflare-tunnel",
        effect=lambda: bool(tunnels(rehearsal)),
    )
    return survives(rehearsal, moment)


def tunnels(rehearsal: Rehearsal) -> list[dict[str, Any]]:
    """The account's tunnels."""
    found: list[dict[str, Any]] = rehearsal.vendors.get(rehearsal.vendors.worlds[SIMULATOR])[
        "tunnels"
    ]
    return found


NAMES = frozenset({Need.CLOUDFLARE})
ENTRIES = (
    Entry(
        name="kill-tunnel",
        run=kill_tunnel,
        starts_with_cluster=False,
        ends_with_cluster=True,
        needs=NAMES,
    ),
    Entry(
        name="tunnel-connected",
        run=tunnel_connected,
        starts_with_cluster=True,
        ends_with_cluster=False,
        needs=NAMES,
    ),
)
