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


def application(factory: Factory, changed: Callable[[], None]) -> web.Application:
    """The factory as an application; `changed` is called after a schematic was kept."""
    faults = Faults(KINDS)
    app = web.Application(middlewares=[faults.middleware, errors])

    async def create(request: web.Request) -> web.Response:
        schematic = factory.put(await request.read())
        changed()
        body = {"id": schematic.identifier, "schematic": schematic.text}
        return web.json_response(body, status=201)

    async def read(request: web.Request) -> web.Response:
        identifier = request.match_info["schematic"]
        if identifier not in factory.schematics:
            return web.Response(status=404, text="schematic not found\n")
        text = factory.schematics[identifier].text
        return web.Response(text=text, content_type="application/yaml")

    async def versions(request: web.Request) -> web.Response:
        return go_json([] if request.query.get("broken") == "true" else list(VERSIONS))

    async def extensions(request: web.Request) -> web.Response:
        found = factory.official(request.match_info["version"])
        keys = [{"name": e.name, "ref": e.ref, "digest": e.digest} for e in found]
        return go_json([{**entry, "author": "", "description": ""} for entry in keys])

    async def overlays(_request: web.Request) -> web.Response:
        return go_json([])

    async def image(request: web.Request) -> web.Response:
        names = ("schematic", "version", "file")
        made = factory.image(*(request.match_info[name] for name in names))
        shown = request.query.get("filename") or made.file
        headers = {"Content-Disposition": f'attachment; filename="{shown}"'}
        return web.Response(
            body=content(made), content_type=content_type(made.file), headers=headers
        )

    async def world(_request: web.Request) -> web.Response:
        kept = {name: schematic.text for name, schematic in sorted(factory.schematics.items())}
        return web.json_response({"schematics": kept})

    app.router.add_routes(
        [
            web.post("/schematics", create),
            web.get("/schematics/{schematic}", read),
            web.get("/versions", versions),
            web.get("/version/{version}/extensions/official", extensions),
            web.get("/version/{version}/overlays/official", overlays),
            web.get("/image/{schematic}/{version}/{file}", image),
            web.get("/-/world", world),
            *faults.routes(),
        ]
    )
    return app
