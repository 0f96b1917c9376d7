"""All routes as one application."""

from collections.abc import Callable

from aiohttp import web

from lab.cloudflare.faults import KINDS
from lab.cloudflare.routes.control import ControlRoutes
from lab.cloudflare.routes.gate import Gate, envelope_errors
from lab.cloudflare.routes.tokens import TokenRoutes
from lab.cloudflare.routes.tunnels import TunnelRoutes
from lab.cloudflare.routes.zones import ZoneRoutes
from lab.cloudflare.state.store import Store
from lab.http_faults import Faults


def application(store: Store, changed: Callable[[], None]) -> web.Application:
    """Cloudflare over a store; `changed` is called after every change."""
    gate, faults = Gate(store, changed), Faults(KINDS)
    app = web.Application(middlewares=[faults.middleware, envelope_errors])
    for routes in (ZoneRoutes(gate), TunnelRoutes(gate), TokenRoutes(gate), ControlRoutes(gate)):
        app.router.add_routes(routes.table())
    app.router.add_routes(faults.routes())
    return app
