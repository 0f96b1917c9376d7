"""A tunnel's connections: what cloudflared begins them with, and their end.

Cloudflare keeps a tunnel that has connections; the vendor's provider reports it as deleted all the
same, and the next one of its name is refused (cloudflare/terraform-provider-cloudflare issue 5255).
So this stands between the tunnel and the machines: a destroy resets those first, then what their
cloudflared left behind is cleaned up here and looked for, and only then the tunnel itself goes.

The token is asked for once and kept, so that no run needs Cloudflare which changes nothing there;
`pulumi refresh` asks again.
"""

import time
from collections.abc import Mapping
from typing import Any

from provider import cloudflare
from provider.cloudflare import Api
from provider.rpc import Properties, Refused, Resource, operation, plain

POLL_SECONDS = 1.0


class TunnelConnections(Resource):
    """Inputs: `account`, `tunnelId`, `tunnel` (its name), `deadlineSeconds`; output `token`."""

    required = ("account", "tunnelId", "tunnel", "deadlineSeconds")
    replace_on = ("account", "tunnelId")
    computed = ("token",)
    secret_outputs = ("token",)

    def __init__(self) -> None:
        self.credentials: cloudflare.Credentials | None = None

    def create(self, inputs: Properties, preview: bool, timeout: float) -> tuple[str, Properties]:
        """Ask for the token; a new tunnel has no connections."""
        del timeout
        if preview:
            return "", self.planned(inputs)
        known = plain(inputs)
        with cloudflare.connected(self.credentials) as api:
            path = f"{path_of(known)}/token"
            token = cloudflare.result_of(api.answer("GET", path), path)
        return str(known["tunnelId"]), {**inputs, "token": token}

    def read(
        self,
        id: str,  # noqa: A002
        state: Properties,
        inputs: Properties,
    ) -> tuple[str | None, Properties, Properties]:
        """Ask again; gone with the tunnel."""
        path = f"{path_of(plain(state))}/token"
        with cloudflare.connected(self.credentials) as api:
            answer = api.answer("GET", path)
            if not answer.found:
                return None, {}, {}
            return id, {**state, "token": cloudflare.result_of(answer, path)}, inputs

    def update(
        self,
        id: str,  # noqa: A002
        olds: Properties,
        news: Properties,
        preview: bool,
        timeout: float,
    ) -> Properties:
        """Nothing: only the deadline or the name has changed, and the token is what it was."""
        del id, preview, timeout
        return self.planned(news, olds)

    def delete(self, id: str, state: Properties, timeout: float) -> None:  # noqa: A002
        """Clean up until there is no connection; those of a running cloudflared come back."""
        del id, timeout
        known = plain(state)
        path, seconds = f"{path_of(known)}/connections", float(known["deadlineSeconds"])
        deadline = time.monotonic() + seconds
        with cloudflare.connected(self.credentials) as api:
            while clients := connected(api, path):
                if time.monotonic() >= deadline:
                    raise Refused(still_connected(known, clients, seconds))
                operation.current().status(f"cleaning up after {len(clients)} clients")
                api.answer("DELETE", path)
                if connected(api, path):
                    operation.current().wait(POLL_SECONDS)


def path_of(known: Mapping[str, Any]) -> str:
    """The tunnel's own path."""
    return f"/accounts/{known['account']}/cfd_tunnel/{known['tunnelId']}"


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
