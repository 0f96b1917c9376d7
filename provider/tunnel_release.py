"""A tunnel's release: the end of its connections, without which Cloudflare keeps a tunnel.

The vendor's provider reports such a tunnel as deleted, and the next one of its name is refused
(cloudflare/terraform-provider-cloudflare issue 5255). So this stands between the tunnel and the
machines: a destroy resets those first, then what their cloudflared left behind is cleaned up here
and looked for, and only then the tunnel itself is deleted. Its create does nothing.
"""

import time
from collections.abc import Mapping
from typing import Any

from provider import cloudflare
from provider.cloudflare import Api
from provider.rpc import Properties, Refused, Resource, operation, plain

POLL_SECONDS = 1.0


class TunnelRelease(Resource):
    """Inputs: `account`, `tunnelId`, `tunnel` (its name) and `deadlineSeconds`."""

    required = ("account", "tunnelId", "tunnel", "deadlineSeconds")
    replace_on = ("account", "tunnelId")

    def __init__(self) -> None:
        self.credentials: cloudflare.Credentials | None = None

    def create(self, inputs: Properties, preview: bool, timeout: float) -> tuple[str, Properties]:
        """Nothing: a new tunnel has no connections."""
        del timeout
        return "" if preview else str(plain(inputs)["tunnelId"]), inputs

    def update(
        self,
        id: str,  # noqa: A002
        olds: Properties,
        news: Properties,
        preview: bool,
        timeout: float,
    ) -> Properties:
        """Nothing: only the deadline or the name has changed."""
        del id, olds, preview, timeout
        return news

    def delete(self, id: str, state: Properties, timeout: float) -> None:  # noqa: A002
        """Clean up until there is no connection; those of a running cloudflared come back."""
        del id, timeout
        known = plain(state)
        path = f"/accounts/{known['account']}/cfd_tunnel/{known['tunnelId']}/connections"
        seconds = float(known["deadlineSeconds"])
        with cloudflare.connected(self.credentials) as api:
            deadline = time.monotonic() + seconds
            while clients := connected(api, path):
                if time.monotonic() >= deadline:
                    raise Refused(still_connected(known, clients, seconds))
                operation.current().status(f"cleaning up {len(clients)} connections")
                api.answer("DELETE", path)
                if connected(api, path):
                    operation.current().wait(POLL_SECONDS)


def connected(api: Api, path: str) -> list[Mapping[str, Any]]:
    """Who is connected; nobody is when the tunnel is gone."""
    answer = api.answer("GET", path)
    if not answer.found:
        return []
    found: list[Mapping[str, Any]] = cloudflare.result_of(answer, path) or []
    return found


def still_connected(
    known: Mapping[str, Any], clients: list[Mapping[str, Any]], seconds: float
) -> str:
    """Who keeps a tunnel alive, and what to do."""
    origins = {
        str(connection.get("origin_ip"))
        for client in clients
        for connection in client.get("conns") or []
    }
    return (
        f"the tunnel {known['tunnel']} still has {len(clients)} clients after {seconds:.0f} s, "
        f"connected from {', '.join(sorted(origins)) or 'nobody knows where'}: something runs "
        "cloudflared with its token. Switch that off, then run the destroy again; Cloudflare keeps "
        "a tunnel that is connected."
    )
