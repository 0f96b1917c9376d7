"""Refusals of chart repositories: a registry's JSON, a web server's text."""

import json

from aiohttp import web


def _registry(status: int, code: str, message: str) -> web.Response:
    body = {"errors": [{"code": code, "message": message}]}
    return web.Response(status=status, text=json.dumps(body), content_type="application/json")


def unknown_repository(path: str) -> web.Response:
    """The registry has no such repository."""
    return _registry(404, "NAME_UNKNOWN", f"repository name not known to registry: {path}")


def unknown_manifest(path: str, reference: str) -> web.Response:
    """The repository has no such tag or digest."""
    return _registry(404, "MANIFEST_UNKNOWN", f"manifest unknown: {path}:{reference}")


def unknown_blob(digest: str) -> web.Response:
    """The repository has no such blob."""
    return _registry(404, "BLOB_UNKNOWN", f"blob unknown to registry: {digest}")


def no_file(name: str) -> web.Response:
    """The web server has no such file."""
    return web.Response(status=404, text=f"404: {name} not found\n")
