"""Zero Trust: cloudflared tunnels, their configuration, token and connections."""

import uuid
from typing import Any

from aiohttp import web

from lab.cloudflare.errors import (
    invalid_tunnel,
    tunnel_connected,
    tunnel_named_so,
    unknown_tunnel,
)
from lab.cloudflare.routes.gate import BASE, Gate, json_object, now
from lab.cloudflare.state.tunnels import Tunnel, checked_config, checked_secret
from lab.cloudflare.wire import envelope, page

READ, WRITE = "Cloudflare Tunnel Read", "Cloudflare Tunnel Write"


class TunnelRoutes:
    """The handlers."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._store = gate.store

    def table(self) -> list[web.RouteDef]:
        """What is served."""
        tunnels = f"{BASE}/accounts/{{account}}/cfd_tunnel"
        one = f"{tunnels}/{{tunnel}}"
        return [
            web.get(tunnels, self._list),
            web.post(tunnels, self._create),
            web.get(one, self._read),
            web.patch(one, self._edit),
            web.delete(one, self._delete),
            web.get(f"{one}/configurations", self._configuration),
            web.put(f"{one}/configurations", self._configure),
            web.get(f"{one}/token", self._token),
            web.get(f"{one}/connections", self._connections),
            web.delete(f"{one}/connections", self._clean_up),
        ]

    def _of(self, account: str) -> list[Tunnel]:
        return [tunnel for tunnel in self._store.tunnels.values() if tunnel.account == account]

    def _tunnel(self, request: web.Request, group: str, *, deleted: bool = False) -> Tunnel:
        account = self._gate.account(request, group)
        found = self._store.tunnels.get(request.match_info["tunnel"])
        if found is None or found.account != account:
            raise unknown_tunnel()
        if found.deleted_at is not None and not deleted:
            raise unknown_tunnel()
        return found

    def _changed(self, result: Any) -> web.Response:
        self._gate.changed()
        return web.json_response(envelope(result))

    async def _list(self, request: web.Request) -> web.Response:
        account, query = self._gate.account(request, READ), request.query
        deleted = {"true": True, "false": False}.get(query.get("is_deleted", ""))
        found = [
            tunnel.shown()
            for tunnel in self._of(account)
            if query.get("name") in {None, tunnel.name}
            and query.get("uuid") in {None, tunnel.id}
            and deleted in {None, tunnel.deleted_at is not None}
        ]
        return web.json_response(page(found, query, 20, 1000))

    def _check_name(self, account: str, name: Any) -> str:
        if not isinstance(name, str) or not name:
            raise invalid_tunnel("tunnel name must not be empty")
        if any(t.name == name and t.deleted_at is None for t in self._of(account)):
            raise tunnel_named_so()
        return name

    async def _create(self, request: web.Request) -> web.Response:
        account, body = self._gate.account(request, WRITE), await json_object(request)
        source = body.get("config_src", "local")
        if source not in {"local", "cloudflare"}:
            raise invalid_tunnel("config_src must be 'local' or 'cloudflare'")
        tunnel = Tunnel(
            id=str(uuid.uuid4()),
            account=account,
            name=self._check_name(account, body.get("name")),
            created_at=now(),
            config_src=source,
            secret=checked_secret(body.get("tunnel_secret")),
        )
        self._store.tunnels[tunnel.id] = tunnel
        return self._changed(tunnel.shown())

    async def _read(self, request: web.Request) -> web.Response:
        return web.json_response(envelope(self._tunnel(request, READ, deleted=True).shown()))

    async def _edit(self, request: web.Request) -> web.Response:
        tunnel, body = self._tunnel(request, WRITE), await json_object(request)
        if body.get("name") not in {None, tunnel.name}:
            tunnel.name = self._check_name(tunnel.account, body["name"])
        if body.get("tunnel_secret") is not None:
            tunnel.secret = checked_secret(body["tunnel_secret"])
        return self._changed(tunnel.shown())

    async def _delete(self, request: web.Request) -> web.Response:
        tunnel = self._tunnel(request, WRITE)
        if tunnel.connectors:
            raise tunnel_connected()
        tunnel.deleted_at = now()
        return self._changed(tunnel.shown())

    def _configured(self, tunnel: Tunnel) -> dict[str, Any]:
        return {
            "tunnel_id": tunnel.id,
            "account_id": tunnel.account,
            "version": tunnel.version,
            "config": tunnel.config,
            "source": tunnel.config_src,
            "created_at": tunnel.created_at,
        }

    async def _configuration(self, request: web.Request) -> web.Response:
        return web.json_response(envelope(self._configured(self._tunnel(request, READ))))

    async def _configure(self, request: web.Request) -> web.Response:
        tunnel, body = self._tunnel(request, WRITE), await json_object(request)
        tunnel.config = checked_config(body.get("config"))
        tunnel.version += 1
        return self._changed(self._configured(tunnel))

    async def _token(self, request: web.Request) -> web.Response:
        return web.json_response(envelope(self._tunnel(request, READ).token()))

    async def _connections(self, request: web.Request) -> web.Response:
        tunnel = self._tunnel(request, READ)
        clients = [
            {
                "id": connector.id,
                "version": "lab",
                "arch": "linux_amd64",
                "config_version": tunnel.version,
                "run_at": connector.opened_at,
                "features": [],
                "conns": connector.connections(),
            }
            for connector in tunnel.connectors
        ]
        return web.json_response(page(clients, {}, 1000, 1000))

    async def _clean_up(self, request: web.Request) -> web.Response:
        tunnel = self._tunnel(request, WRITE)
        tunnel.clean_up(request.query.get("client_id"))
        return self._changed({})
