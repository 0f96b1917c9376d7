"""The HTTP frontend of the Image Factory: schematics, versions, extensions, boot assets.

After image-factory's `internal/frontend/http`. Absent: PXE, the registry of installers, Secure
Boot, the web pages.
"""

import json
from collections.abc import Callable
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from lab.factory.errors import FactoryError
from lab.factory.faults import KINDS
from lab.factory.images import content, content_type
from lab.factory.state import VERSIONS, Factory
from lab.http_faults import Faults


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """`MatchError`: plain text, as Go's `http.Error`."""
    try:
        return await handler(request)
    except FactoryError as error:
        return web.Response(status=error.status, text=f"{error.message}\n")


def go_json(data: Any) -> web.Response:
    """`json.NewEncoder`: the factory leaves the content type to be sniffed."""
    text = json.dumps(data, separators=(",", ":")) + "\n"
    return web.Response(text=text, content_type="text/plain")


class Frontend:
    """The handlers, over what the factory knows."""

    def __init__(self, factory: Factory, changed: Callable[[], None]) -> None:
        """`changed` is called after a schematic was kept."""
        self._factory = factory
        self._changed = changed

    def table(self) -> list[web.RouteDef]:
        """What is served."""
        return [
            web.post("/schematics", self._create),
            web.get("/schematics/{schematic}", self._read),
            web.get("/versions", self._versions),
            web.get("/version/{version}/extensions/official", self._extensions),
            web.get("/version/{version}/overlays/official", self._overlays),
            web.get("/image/{schematic}/{version}/{file}", self._image),
            web.get("/-/world", self._world),
        ]

    async def _create(self, request: web.Request) -> web.Response:
        schematic = self._factory.put(await request.read())
        self._changed()
        body = {"id": schematic.identifier, "schematic": schematic.text}
        return web.json_response(body, status=201)

    async def _read(self, request: web.Request) -> web.Response:
        found = self._factory.schematics.get(request.match_info["schematic"])
        if found is None:
            return web.Response(status=404, text="schematic not found\n")
        return web.Response(text=found.text, content_type="application/yaml")

    async def _versions(self, request: web.Request) -> web.Response:
        return go_json([] if request.query.get("broken") == "true" else list(VERSIONS))

    async def _extensions(self, request: web.Request) -> web.Response:
        found = self._factory.official(request.match_info["version"])
        keys = [{"name": e.name, "ref": e.ref, "digest": e.digest} for e in found]
        return go_json([{**entry, "author": "", "description": ""} for entry in keys])

    async def _overlays(self, _request: web.Request) -> web.Response:
        return go_json([])

    async def _image(self, request: web.Request) -> web.Response:
        names = ("schematic", "version", "file")
        made = self._factory.image(*(request.match_info[name] for name in names))
        shown = request.query.get("filename") or made.file
        headers = {"Content-Disposition": f'attachment; filename="{shown}"'}
        kind = content_type(made.file)
        return web.Response(body=content(made), content_type=kind, headers=headers)

    async def _world(self, _request: web.Request) -> web.Response:
        kept = sorted(self._factory.schematics.items())
        return web.json_response({"schematics": {name: found.text for name, found in kept}})


def application(factory: Factory, changed: Callable[[], None]) -> web.Application:
    """The factory as an application; `changed` is called after a schematic was kept."""
    faults = Faults(KINDS)
    app = web.Application(middlewares=[faults.middleware, errors])
    app.router.add_routes([*Frontend(factory, changed).table(), *faults.routes()])
    return app
