"""Tunnels of an account: their connectors and connections, configuration and tokens. Pure.

A connector is a running cloudflared. When one stops without a word, Cloudflare keeps its
connections for a while; cleaning up removes those, and those of a running one come back at once.
So a tunnel can only be deleted once nobody runs for it and what was left is cleaned up.
"""

import base64
import json
import secrets
import uuid
from dataclasses import dataclass, field
from typing import Any, Final

from lab.cloudflare.errors import invalid_tunnel

SECRET_BYTES: Final = 32
CONNECTIONS: Final = 4
_COLOS: Final = ("fra01", "fra06", "ams01", "ams16")


@dataclass
class Connector:
    """One cloudflared, as Cloudflare sees it."""

    id: str
    opened_at: str
    running: bool = True

    def connections(self) -> list[dict[str, Any]]:
        """Its four connections."""
        made = [uuid.uuid5(uuid.UUID(self.id), str(number)) for number in range(CONNECTIONS)]
        return [
            {
                "id": str(identifier),
                "uuid": str(identifier),
                "client_id": self.id,
                "client_version": "lab",
                "colo_name": colo,
                "is_pending_reconnect": not self.running,
                "opened_at": self.opened_at,
                "origin_ip": "192.0.2.1",
            }
            for identifier, colo in zip(made, _COLOS, strict=True)
        ]


@dataclass
class Tunnel:
    """A cloudflared tunnel."""

    id: str
    account: str
    name: str
    created_at: str
    config_src: str = "local"
    secret: str = ""
    deleted_at: str | None = None
    config: dict[str, Any] | None = None
    version: int = 0
    connectors: list[Connector] = field(default_factory=list)

    def connections(self) -> list[dict[str, Any]]:
        """All connections, those of vanished connectors included."""
        return [found for connector in self.connectors for found in connector.connections()]

    def shown(self) -> dict[str, Any]:
        """As the API shows it, without its secret."""
        running = any(connector.running for connector in self.connectors)
        status = "healthy" if running else "down" if self.connectors else "inactive"
        opened = self.connectors[0].opened_at if self.connectors else None
        return {
            "id": self.id,
            "account_tag": self.account,
            "name": self.name,
            "config_src": self.config_src,
            "remote_config": self.config_src == "cloudflare",
            "created_at": self.created_at,
            "deleted_at": self.deleted_at,
            "conns_active_at": opened if running else None,
            "conns_inactive_at": None if running else self.created_at,
            "connections": self.connections(),
            "status": status,
            "tun_type": "cfd_tunnel",
            "metadata": {},
        }

    def token(self) -> str:
        """What cloudflared is started with."""
        parts = {"a": self.account, "t": self.id, "s": self.secret}
        return base64.b64encode(json.dumps(parts).encode()).decode()

    def clean_up(self, client: str | None = None) -> None:
        """`DELETE connections`: a running connector is back before anybody looks."""
        self.connectors = [
            connector
            for connector in self.connectors
            if connector.running or client not in {None, connector.id}
        ]


def checked_secret(given: Any) -> str:
    """The tunnel's secret: 32 bytes or more in base64, made here when none was given."""
    if given is None:
        return base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
    try:
        size = len(base64.b64decode(str(given), validate=True))
    except ValueError:
        raise invalid_tunnel("tunnel_secret must be base64 encoded") from None
    if size < SECRET_BYTES:
        raise invalid_tunnel(f"tunnel_secret must be at least {SECRET_BYTES} bytes, it is {size}")
    return str(given)


def checked_config(config: Any) -> dict[str, Any]:
    """A tunnel's configuration: its last ingress rule catches everything."""
    if not isinstance(config, dict):
        raise invalid_tunnel("config must be an object")
    rules = config.get("ingress") or []
    for number, rule in enumerate(rules, start=1):
        if not isinstance(rule, dict) or not rule.get("service"):
            raise invalid_tunnel(f"Rule #{number} has no service")
        catches_all = not rule.get("hostname") and not rule.get("path")
        if number < len(rules) and catches_all:
            text = f"Rule #{number} is matching the hostname '', but it is not the last one"
            raise invalid_tunnel(text)
        if number == len(rules) and not catches_all:
            raise invalid_tunnel("The last ingress rule must match all URLs")
    return config
