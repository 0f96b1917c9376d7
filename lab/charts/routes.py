"""Chart repositories by the name they are asked under: classic ones, and an OCI registry.

One process plays all of them; the Host header tells which is meant. Pulling only, without tokens.
"""

from typing import Final

from aiohttp import web

from lab.charts.errors import no_file, unknown_blob, unknown_manifest, unknown_repository
from lab.charts.faults import KINDS
from lab.charts.packing import Chart
from lab.charts.state import Library
from lab.charts.wire import Blob, blobs, index, manifest
from lab.http_faults import Faults

_API: Final = ("Docker-Distribution-API-Version", "registry/2.0")


def _host(request: web.Request) -> str:
    return request.host.rpartition(":")[0] or request.host


def _blob(blob: Blob) -> web.Response:
    headers = {"Docker-Content-Digest": blob.digest, _API[0]: _API[1]}
    return web.Response(body=blob.data, content_type=blob.media_type, headers=headers)


def _manifest(charts: dict[str, Chart], path: str, reference: str) -> web.Response:
    for name, chart in charts.items():
        found = manifest(chart)
        if reference in {name, found.digest}:
            return _blob(found)
    return unknown_manifest(path, reference)


class Repositories:
    """The handlers, over a library."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def routes(self) -> list[web.RouteDef]:
        """What is served; the archives' catch-all comes last."""
        return [
            web.get("/index.yaml", self._index),
            web.get("/{path:.+}/index.yaml", self._index),
            web.get("/v2/", self._ping),
            web.get("/v2/{path:.+}/{kind:manifests|blobs}/{last}", self._registry),
            web.get("/v2/{path:.+}/{kind:tags}/{last:list}", self._registry),
            web.get("/-/charts", self._listing),
        ]

    async def _index(self, request: web.Request) -> web.Response:
        charts = self._library.classic(_host(request), request.match_info.get("path", ""))
        if not charts:
            return no_file("index.yaml")
        return web.Response(text=index(charts), content_type="text/yaml")

    async def archive(self, request: web.Request) -> web.Response:
        """A chart's archive in a classic repository."""
        name = request.match_info["file"]
        path = request.match_info.get("path", "")
        for chart in self._library.classic(_host(request), path):
            if chart.file == name:
                return web.Response(body=chart.archive, content_type="application/gzip")
        return no_file(name)

    async def _ping(self, _request: web.Request) -> web.Response:
        return web.json_response({}, headers={_API[0]: _API[1]})

    async def _registry(self, request: web.Request) -> web.Response:
        path, kind, last = (request.match_info[key] for key in ("path", "kind", "last"))
        charts = self._library.repository(_host(request), path)
        if not charts:
            return unknown_repository(path)
        if kind == "manifests":
            return _manifest(charts, path, last)
        if kind == "tags":
            return web.json_response({"name": path, "tags": sorted(charts)})
        found = (blob for chart in charts.values() for blob in blobs(chart) if blob.digest == last)
        blob = next(found, None)
        return _blob(blob) if blob else unknown_blob(last)

    async def _listing(self, _request: web.Request) -> web.Response:
        return web.json_response(self._library.listing())


def application(library: Library) -> web.Application:
    """The repositories of a library as an application."""
    faults = Faults(KINDS)
    repositories = Repositories(library)
    app = web.Application(middlewares=[faults.middleware])
    app.router.add_routes([*repositories.routes(), *faults.routes()])
    app.router.add_get("/{file}", repositories.archive)
    app.router.add_get("/{path:.+}/{file}", repositories.archive)
    return app
