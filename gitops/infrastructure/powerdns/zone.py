"""Makes the cluster's zone in PowerDNS and lets whoever has the transfer key fetch it.

Runs beside the server, in its pod and its image, and speaks its API on loopback; so neither key
stands on a command line. Looks again at intervals, because a database may be new. Records are
external-dns's and cert-manager's: of these it makes none but the name server's.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

API = "http://127.0.0.1:8081/api/v1/servers/localhost"
DONE = Path("/tmp/zone")  # noqa: S108 (a volume of this container's own)
AGAIN_SECONDS, SOON_SECONDS, ANSWER_SECONDS = 600, 2, 10
NOT_FOUND = 404


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The zone, its public name server, and the key for transfers."""

    zone: str
    nameserver: str
    key_name: str
    key_algorithm: str
    key: str


@dataclass(frozen=True, kw_only=True)
class Server:
    """PowerDNS' API."""

    api: str
    api_key: str

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """What it answers; None where there is no such thing. URLError when it does not."""
        request = urllib.request.Request(  # noqa: S310 (its address is the caller's)
            self.api + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"X-API-Key": self.api_key, "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:  # noqa: S310
                text = answer.read()
        except urllib.error.HTTPError as error:
            if error.code == NOT_FOUND and method == "GET":
                return None
            raise
        return json.loads(text) if text else {}


def ensure(server: Server, wanted: Wanted) -> list[str]:
    """Make what is missing and change what is another; the names of what was."""
    key = ensure_key(server, wanted)
    zone = f"{wanted.zone}."
    secured = {"kind": "Master", "master_tsig_key_ids": [f"{wanted.key_name}."]}
    # Every change through the API gets a serial of its own, or the secondary would not see it.
    settings = {**secured, "soa_edit_api": "DEFAULT"}
    found = server.ask("GET", f"/zones/{zone}?rrsets=false")
    if found is None:
        nameservers = [f"{wanted.nameserver}."]
        server.ask("POST", "/zones", {"name": zone, "nameservers": nameservers, **settings})
        return [*key, f"zone {zone}"]
    if any(found.get(name) != value for name, value in settings.items()):
        server.ask("PUT", f"/zones/{zone}", settings)
        return [*key, f"settings of zone {zone}"]
    return key


def ensure_key(server: Server, wanted: Wanted) -> list[str]:
    """The key for transfers, as it is wanted."""
    named = f"{wanted.key_name}."
    body = {"name": wanted.key_name, "algorithm": wanted.key_algorithm, "key": wanted.key}
    found = server.ask("GET", f"/tsigkeys/{named}")
    if found is None:
        server.ask("POST", "/tsigkeys", body)
    elif any(found.get(name) != body[name] for name in ("algorithm", "key")):
        server.ask("PUT", f"/tsigkeys/{named}", body)
    else:
        return []
    return [f"key {named}"]


def main() -> None:
    """Until the pod ends."""
    given = os.environ
    server = Server(api=API, api_key=given["PDNS_AUTH_API_KEY"])
    wanted = Wanted(
        zone=given["ZONE"],
        nameserver=given["NAMESERVER"],
        key_name=given["KEY_NAME"],
        key_algorithm=given["KEY_ALGORITHM"],
        key=given["KEY"],
    )
    while True:
        try:
            for made in ensure(server, wanted):
                print(f"made: {made}", flush=True)
        except OSError as error:
            print(f"PowerDNS: {error}", file=sys.stderr, flush=True)
            time.sleep(SOON_SECONDS)
            continue
        DONE.touch()
        time.sleep(AGAIN_SECONDS)


if __name__ == "__main__":
    main()
