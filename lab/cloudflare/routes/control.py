"""The lab's own endpoints: the world, and connectors that come and go.

Nobody runs cloudflared in the lab, so what plays it says here that a connector is there:
`POST /-/connectors {"token": ...}` with the tunnel's token, as cloudflared is given it.
"""

import base64
import json
import uuid
from typing import Any

from aiohttp import web

from lab.cloudflare.routes.gate import Gate, json_object, now
from lab.cloudflare.state.tunnels import Connector, Tunnel


class ControlRoutes:
    """The handlers."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._store = gate.store

    def table(self) -> list[web.RouteDef]:
        """What is served."""
        return [
            web.get("/-/world", self._world),
            web.post("/-/connectors", self._connect),
            web.delete("/-/connectors/{connector}", self._stop),
        ]

    async def _world(self, _request: web.Request) -> web.Response:
        return web.json_response(self._store.world())

    def _claimed(self, token: Any) -> Tunnel | None:
        """The tunnel a token opens."""
        try:
            parts = json.loads(base64.b64decode(str(token), validate=True))
            found = self._store.tunnels.get(parts["t"])
        except (ValueError, KeyError, TypeError):
            return None
        opens = found is not None and found.deleted_at is None and found.secret == parts.get("s")
        return found if opens else None

    async def _connect(self, request: web.Request) -> web.Response:
        """A cloudflared starts; its token has to be the tunnel's present one."""
        tunnel = self._claimed((await json_object(request)).get("token"))
        if tunnel is None:
            text = "Provided Tunnel token is not valid."  # what cloudflared prints
            return web.json_response({"error": text}, status=401)
        connector = Connector(str(uuid.uuid4()), now())
        tunnel.connectors.append(connector)
        self._gate.changed()
        return web.json_response({"id": connector.id, "tunnel": tunnel.id}, status=201)

    async def _stop(self, request: web.Request) -> web.Response:
        """A cloudflared ends: `?abruptly=true` leaves its connections behind."""
        wanted = request.match_info["connector"]
        for tunnel in self._store.tunnels.values():
            for connector in [found for found in tunnel.connectors if found.id == wanted]:
                connector.running = False
                if request.query.get("abruptly") != "true":
                    tunnel.connectors.remove(connector)
                self._gate.changed()
                return web.json_response({})
        return web.json_response({"error": f"no connector {wanted}"}, status=404)
