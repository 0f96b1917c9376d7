# SPDX-License-Identifier: AGPL-3.0-or-later
"""The lab's own endpoints under `/-/`: faults, and the world for before-and-after comparisons.

They ask for no login: the simulator listens on loopback, inside the lab's namespace.
"""

from typing import Any

from aiohttp import web
from pydantic import ValidationError

from lab.proxmox.errors import PveError
from lab.proxmox.wire import FAULT


def control_routes(host: Any) -> list[web.RouteDef]:
    """`/-/world` and `/-/faults` of a host."""

    async def world(_request: web.Request) -> web.Response:
        return web.json_response(host.world())

    async def listing(_request: web.Request) -> web.Response:
        return web.json_response(host.faults.listing())

    async def add(request: web.Request) -> web.Response:
        try:
            await host.faults.add(FAULT.validate_json(await request.read()))
        except (ValidationError, ValueError, TypeError, PveError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response(host.faults.listing(), status=201)

    async def clear(_request: web.Request) -> web.Response:
        host.faults.clear()
        return web.json_response([])

    return [
        web.get("/-/world", world),
        web.get("/-/faults", listing),
        web.post("/-/faults", add),
        web.delete("/-/faults", clear),
    ]
