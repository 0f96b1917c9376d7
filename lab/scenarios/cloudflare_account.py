"""The Cloudflare account of a rehearsal in its owner's hands: what faults are made with.

The vendor's own API, with the token that the owner made for the stack.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import requests

from config.secret_keys import CLOUDFLARE_TOKEN
from lab.cloudflare_setup import ZONE_RESOURCE, zone_id
from lab.scenarios.rehearsal import Rehearsal
from lab.scenarios.vendors import REQUEST_SECONDS
from lab.seal import lab_values
from lab.world.services import CLOUDFLARE

BASE = f"{CLOUDFLARE.url}/client/v4"


def ask(rehearsal: Rehearsal, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
    """One request; the result in its envelope."""
    answer = requests.request(
        method,
        f"{BASE}{path}",
        json=body,
        headers={"Authorization": f"Bearer {lab_values(rehearsal.stack)[CLOUDFLARE_TOKEN]}"},
        timeout=REQUEST_SECONDS,
        verify=str(rehearsal.vendors.bundle),
    )
    answer.raise_for_status()
    return answer.json()["result"]


def facts(rehearsal: Rehearsal) -> dict[str, Any]:
    """What the stack's owner wrote of Cloudflare."""
    found: dict[str, Any] = rehearsal.facts.read()["dns"]["cloudflare"]
    return found


@contextmanager
def token_for(rehearsal: Rehearsal, groups: Sequence[str]) -> Iterator[str]:
    """A token of the account's own that has only these permission groups, on the stack's zone."""
    named = facts(rehearsal)
    base = f"/accounts/{named['account']}/tokens"
    known = {group["name"]: group for group in ask(rehearsal, "GET", f"{base}/permission_groups")}
    policy = {
        "effect": "allow",
        "permission_groups": [{"id": known[name]["id"]} for name in groups],
        "resources": {f"{ZONE_RESOURCE}.{zone_id(named['zone'])}": "*"},
    }
    made = ask(rehearsal, "POST", base, {"name": "a lesser one", "policies": [policy]})
    try:
        yield str(made["value"])
    finally:
        ask(rehearsal, "DELETE", f"{base}/{made['id']}")


@contextmanager
def record(rehearsal: Rehearsal, wanted: Mapping[str, Any]) -> Iterator[None]:
    """A record that somebody made by hand."""
    made = write(rehearsal, wanted)
    try:
        yield
    finally:
        ask(rehearsal, "DELETE", f"{records_path(rehearsal)}/{made['id']}")


def write(rehearsal: Rehearsal, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Make a record in the stack's zone."""
    made: dict[str, Any] = ask(rehearsal, "POST", records_path(rehearsal), wanted)
    return made


def records_path(rehearsal: Rehearsal) -> str:
    """Where the records of the stack's zone are."""
    return f"/zones/{zone_id(facts(rehearsal)['zone'])}/dns_records"
