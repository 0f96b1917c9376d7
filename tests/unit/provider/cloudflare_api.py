"""The few endpoints of Cloudflare that preflight and a tunnel's connections ask, over real HTTPS.

An account that passes every check, until a test changes what it knows. Write rights are asked for
before anything is looked up, as Cloudflare does: 403 without one, 404 for what is not there.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from provider.cloudflare import Credentials
from tests.unit.provider.https_server import Answer, Request, Server, make_certificate, serving

TOKEN = "canary-of-a-cloudflare-token"
ACCOUNT, ZONE, TUNNEL = "a" * 32, "b" * 32, "0e7cbf3f-1e0f-4a8a-9d8e-000000000001"
TUNNEL_TOKEN = "canary-of-a-tunnel-token"
DNS_READ, DNS_WRITE, TUNNELS, TOKENS = "dns read", "dns write", "tunnels", "tokens"


def no_fault(_request: Request) -> Answer | None:
    return None


def refused(status: int, code: int, message: str) -> Answer:
    """A refusal in Cloudflare's envelope."""
    return status, {"success": False, "errors": [{"code": code, "message": message}]}


@dataclass
class CloudflareApi:
    """What Cloudflare knows; tests write into it. `returning` is how often clients reconnect at
    once; None instead of `clients` is a tunnel that is gone."""

    owner: str = "/user"
    status: str = "active"
    rights: set[str] = field(default_factory=lambda: {DNS_READ, DNS_WRITE, TUNNELS, TOKENS})
    zones: list[dict[str, Any]] = field(
        default_factory=lambda: [
            {"id": ZONE, "name": "example.org", "account": {"id": ACCOUNT, "name": "Home"}}
        ]
    )
    records: list[dict[str, Any]] = field(default_factory=list)
    tunnels: list[dict[str, Any]] = field(default_factory=list)
    groups: tuple[str, ...] = ("DNS Write", "DNS Read", "Zone Read")
    clients: list[dict[str, Any]] | None = field(default_factory=list)
    returning: int = 0
    fault: Callable[[Request], Answer | None] = no_fault
    server: Server = field(default_factory=lambda: Server(""))
    directory: Path = Path()

    @property
    def credentials(self) -> Credentials:
        """A token that opens it."""
        return Credentials(
            token=TOKEN, endpoint=self.server.url, authorities=str(self.directory / "tls.crt")
        )

    def handle(self, request: Request) -> Answer:
        """Answer one request."""
        broken = self.fault(request)
        if broken is not None:
            return broken
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return stranger()
        found = self._found(request)
        return found if isinstance(found, tuple) else (200, {"success": True, "result": found})

    def _found(self, request: Request) -> Any:
        path, name = request.path, request.query.get("name")
        if path.endswith("/tokens/verify"):
            known = path.startswith(self.owner)
            return {"id": "t", "status": self.status} if known else stranger()
        if path == "/zones":
            return [zone for zone in self.zones if name in {None, zone["name"]}]
        if path == f"/zones/{ZONE}/dns_records":
            found = [record for record in self.records if record["name"] == name]
            return found if DNS_READ in self.rights else denied()
        if "/dns_records/" in path:
            return self._needs(DNS_WRITE)
        return self._tokens(path) if "/tokens/" in path else self._tunnel(request)

    def _needs(self, right: str) -> Answer:
        return refused(404, 1003, "Not found") if right in self.rights else denied()

    def _tokens(self, path: str) -> Any:
        if not path.endswith("permission_groups"):
            return self._needs(TOKENS)
        return [{"id": f"id of {name}", "name": name} for name in self.groups]

    def _tunnel(self, request: Request) -> Any:
        if self.clients is None:
            return refused(404, 1003, "Tunnel not found")
        if request.path.endswith("/token"):
            return TUNNEL_TOKEN
        if request.path.endswith("/connections"):
            return self._connections(request)
        if not request.path.endswith("/cfd_tunnel"):
            return self._needs(TUNNELS)
        name = request.query.get("name")
        found = [tunnel for tunnel in self.tunnels if tunnel["name"] == name]
        return found if TUNNELS in self.rights else denied()

    def _connections(self, request: Request) -> Any:
        if request.method != "DELETE":
            return self.clients
        self.returning -= 1
        self.clients = self.clients if self.returning >= 0 else []
        return {}


def stranger() -> Answer:
    return refused(401, 1000, "Invalid API Token")


def denied() -> Answer:
    return refused(403, 10000, "Authentication error")


@contextmanager
def cloudflare_api(directory: Path) -> Iterator[CloudflareApi]:
    """A running API that only the token opens."""
    api = CloudflareApi(directory=directory)
    with serving(api.handle, make_certificate(), directory, mutual=False) as server:
        api.server = server
        yield api
