"""Accounts, zones, records, tunnels and API tokens of one simulated Cloudflare.

Plain data with a way to JSON and back. `world` is what a program could leave behind, without
secrets and clocks.
"""

import json
import os
import uuid
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from lab.cloudflare.state.records import Record
from lab.cloudflare.state.rights import ApiToken
from lab.cloudflare.state.tunnels import Connector, Tunnel
from lab.cloudflare.wire import Setup

_CLOCKS: Final = ("id", "created_on", "modified_on", "comment_modified_on")


def new_id() -> str:
    """An identifier as Cloudflare's: 32 hexadecimal digits."""
    return uuid.uuid4().hex


@dataclass
class Store:
    """Everything there is."""

    accounts: dict[str, dict[str, Any]] = field(default_factory=dict)
    zones: dict[str, dict[str, Any]] = field(default_factory=dict)
    # zone -> record -> data
    records: dict[str, dict[str, Record]] = field(default_factory=dict)
    tunnels: dict[str, Tunnel] = field(default_factory=dict)
    tokens: dict[str, ApiToken] = field(default_factory=dict)
    # value -> token
    values: dict[str, str] = field(default_factory=dict)

    @classmethod
    def fresh(cls, setup: Setup, now: str) -> Self:
        """From a setup document."""
        store = cls()
        for account in setup.accounts:
            made = {"id": account.id, "name": account.name, "type": "standard", "settings": {}}
            store.accounts[account.id] = {**made, "created_on": now}
        for zone in setup.zones:
            owner = store.accounts.get(zone.account)
            if owner is None:
                raise ValueError(f"zone {zone.name}: there is no account {zone.account}")
            store.zones[zone.id] = _zone(zone.id, zone.name, owner, now)
            store.records[zone.id] = {}
        for token in setup.tokens:
            identifier = new_id()
            policies = [policy.as_api() for policy in token.policies]
            store.tokens[identifier] = ApiToken(identifier, token.name, policies, now, now)
            store.values[token.value] = identifier
        return store

    @classmethod
    def load(cls, path: Path) -> Self:
        """From what `save` wrote."""
        data = json.loads(path.read_text(encoding="utf-8"))
        tunnels = {
            key: Tunnel(**{**kept, "connectors": [Connector(**c) for c in kept["connectors"]]})
            for key, kept in data["tunnels"].items()
        }
        tokens = {key: ApiToken(**kept) for key, kept in data["tokens"].items()}
        return cls(**{**data, "tunnels": tunnels, "tokens": tokens})

    def save(self, path: Path) -> None:
        """Write everything; whoever reads sees the old file or the new one."""
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_suffix(".new")
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            json.dump(asdict(self), out)
        scratch.replace(path)

    def world(self) -> dict[str, Any]:
        """Comparable before and after."""
        records = {
            zone["name"]: sorted(
                ({k: x for k, x in record.items() if k not in _CLOCKS} for record in kept.values()),
                key=lambda record: (record["name"], record["type"], str(record.get("content"))),
            )
            for zone, kept in ((self.zones[key], kept) for key, kept in self.records.items())
        }
        tunnels = [
            {
                "account": tunnel.account,
                "name": tunnel.name,
                "config": tunnel.config,
                "connections": len(tunnel.connections()),
            }
            for tunnel in self.tunnels.values()
            if tunnel.deleted_at is None
        ]
        tokens = [{"name": t.name, "policies": t.policies} for t in self.tokens.values()]
        return {
            "accounts": sorted(account["name"] for account in self.accounts.values()),
            "records": records,
            "tunnels": sorted(tunnels, key=lambda tunnel: str(tunnel["name"])),
            "tokens": sorted(tokens, key=lambda token: str(token["name"])),
        }


def _zone(identifier: str, name: str, account: dict[str, Any], now: str) -> dict[str, Any]:
    servers = ["one.ns.lab", "two.ns.lab"]
    return {
        "id": identifier,
        "name": name,
        "status": "active",
        "paused": False,
        "type": "full",
        "development_mode": 0,
        "name_servers": servers,
        "original_name_servers": None,
        "original_registrar": None,
        "original_dnshost": None,
        "created_on": now,
        "modified_on": now,
        "activated_on": now,
        "vanity_name_servers": [],
        "meta": {"step": 2, "custom_certificate_quota": 0, "page_rule_quota": 3},
        "owner": {"id": None, "type": "user", "email": None},
        "account": {"id": account["id"], "name": account["name"]},
        "permissions": ["#dns_records:edit", "#dns_records:read", "#zone:read"],
        "plan": {"id": "lab", "name": "Free Website"},
    }
