"""A simulated Cloudflare for tests, with Cloudflare's own client."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import requests
from cloudflare import Cloudflare

from tests.lab.simulator_process import Authority, Simulator, running

ACCOUNT, ZONE, OTHER_ZONE = "a" * 32, "b" * 32, "c" * 32
OWNER_TOKEN = "owner-token-of-the-test-0000000000000000"
DNS_TOKEN = "dns-token-of-the-test-000000000000000000"
READER_TOKEN = "reader-token-of-the-test-0000000000000000"
_ACCOUNT, _ZONE = f"com.cloudflare.api.account.{ACCOUNT}", f"com.cloudflare.api.account.zone.{ZONE}"
SETUP: dict[str, Any] = {
    "accounts": [{"id": ACCOUNT, "name": "Home"}],
    "zones": [
        {"id": ZONE, "name": "example.org", "account": ACCOUNT},
        {"id": OTHER_ZONE, "name": "example.net", "account": ACCOUNT},
    ],
    "tokens": [
        {
            "name": "owner",
            "value": OWNER_TOKEN,
            "policies": [
                {
                    "permissions": [
                        "Zone Write",
                        "DNS Write",
                        "Account Settings Read",
                        "Cloudflare Tunnel Write",
                        "Account API Tokens Write",
                    ],
                    "resources": {_ACCOUNT: "*"},
                },
                {
                    "permissions": ["API Tokens Write"],
                    "resources": {"com.cloudflare.api.user.me": "*"},
                },
            ],
        },
        {
            "name": "dns",
            "value": DNS_TOKEN,
            "policies": [
                {"permissions": ["Zone Read", "DNS Write"], "resources": {_ZONE: "*"}},
            ],
        },
        {
            "name": "reader",
            "value": READER_TOKEN,
            "policies": [
                {
                    "permissions": ["Zone Read", "DNS Read"],
                    "resources": {_ACCOUNT: {"com.cloudflare.api.account.zone.*": "*"}},
                },
            ],
        },
    ],
}


@dataclass
class World:
    """The running simulator."""

    simulator: Simulator
    authority: Authority

    @contextmanager
    def client(self, token: str = OWNER_TOKEN, retries: int = 0) -> Iterator[Cloudflare]:
        """Cloudflare's own client."""
        base = f"{self.simulator.url}/client/v4"
        with (
            httpx.Client(verify=self.authority.context()) as http,
            Cloudflare(
                api_token=token, base_url=base, http_client=http, max_retries=retries
            ) as client,
        ):
            yield client

    def lab(self, method: str, path: str, body: Any = None) -> requests.Response:
        """One of the simulator's own endpoints."""
        url = f"{self.simulator.url}/-/{path}"
        return requests.request(
            method, url, json=body, verify=str(self.authority.bundle), timeout=20
        )


@contextmanager
def cloudflare_in(directory: Path, authority: Authority) -> Iterator[World]:
    """A simulator over the state in `directory`."""
    setup = directory / "setup.json"
    setup.write_text(json.dumps(SETUP))
    arguments = ("--state", directory / "state", "--setup", setup)
    with running("lab.cloudflare", directory, *arguments, authority=authority) as simulator:
        yield World(simulator, authority)
