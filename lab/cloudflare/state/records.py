"""DNS records of a zone: what one may look like, and which may stand beside which. Pure."""

import ipaddress
import re
from collections.abc import Iterable
from typing import Any, Final

from lab.cloudflare.errors import (
    cname_there,
    existing_record,
    host_taken,
    identical_record,
    invalid_record,
)

Record = dict[str, Any]

PROXIABLE: Final = ("A", "AAAA", "CNAME")
TYPES: Final = (
    *PROXIABLE,
    "CAA",
    "CERT",
    "DNSKEY",
    "DS",
    "HTTPS",
    "LOC",
    "MX",
    "NAPTR",
    "NS",
    "OPENPGPKEY",
    "PTR",
    "SMIMEA",
    "SRV",
    "SSHFP",
    "SVCB",
    "TLSA",
    "TXT",
    "URI",
)
AUTOMATIC: Final = 1
_HOST: Final = re.compile(
    r"(?=.{1,253}\.?$)(?:[A-Za-z0-9_*](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.?)+"
)
_OWN_FIELDS: Final = ("id", "created_on", "modified_on", "meta", "proxiable", "comment_modified_on")


def full_name(name: str, zone: str) -> str:
    """A record's whole name: `@` and names outside the zone are taken as relative to it."""
    name = name.rstrip(".").lower()
    if name in {"@", "", zone}:
        return zone
    return name if name.endswith(f".{zone}") else f"{name}.{zone}"


def normalised(given: Record, zone: str) -> Record:
    """A record as it is kept; refuses what is none. `given` has what a client sent."""
    kind = given.get("type")
    if kind not in TYPES:
        raise invalid_record(9000, f"DNS record type {kind} is invalid.")
    name = given.get("name")
    if not isinstance(name, str) or not _HOST.fullmatch(full_name(name, zone)):
        raise invalid_record(9000, "DNS name is invalid.")
    proxied = bool(given.get("proxied", False))
    if proxied and kind not in PROXIABLE:
        raise invalid_record(9004, "This record type cannot be proxied.")
    record = {key: value for key, value in given.items() if key not in _OWN_FIELDS}
    content = given.get("content")
    if content is None and "data" not in given:
        raise invalid_record(9020, "Record content is required.")
    if content is not None:
        record["content"] = _content(kind, content)
    if kind in {"MX", "URI"} and given.get("priority") is None:
        raise invalid_record(9100, "priority is a required data field.")
    return {
        **record,
        "name": full_name(name, zone),
        "type": kind,
        "proxied": proxied,
        "proxiable": kind in PROXIABLE,
        "ttl": AUTOMATIC if proxied else _ttl(given.get("ttl", AUTOMATIC)),
        "comment": given.get("comment"),
        "tags": given.get("tags") or [],
        "settings": given.get("settings") or {},
    }


def _ttl(ttl: Any) -> int:
    whole = isinstance(ttl, int | float) and ttl == int(ttl)
    if not whole or not (ttl == AUTOMATIC or 60 <= ttl <= 86400):
        text = "Invalid TTL. Must be between 60 and 86,400 seconds, or 1 for Automatic."
        raise invalid_record(9021, text)
    return int(ttl)


def _content(kind: str, content: Any) -> str:
    text = str(content)
    try:
        if kind == "A":
            return str(ipaddress.IPv4Address(text))
        if kind == "AAAA":
            return str(ipaddress.IPv6Address(text))
    except ValueError:
        code, family = (9005, "IPv4") if kind == "A" else (9006, "IPv6")
        reason = f"Content for {kind} record must be a valid {family} address."
        raise invalid_record(code, reason) from None
    if kind in {"CNAME", "MX", "NS", "PTR"}:
        if not _HOST.fullmatch(text) or text.replace(".", "").isdigit():
            raise invalid_record(9007, f"Content for {kind} record is invalid.")
        return text.rstrip(".").lower()
    return text


def check_neighbours(record: Record, others: Iterable[Record], *, changes: bool = False) -> None:
    """Refuse a record that may not stand beside the others of its zone."""
    for other in others:
        if other["name"] != record["name"]:
            continue
        same = other["type"] == record["type"] and other.get("content") == record.get("content")
        if same and record["type"] != "CNAME":
            raise existing_record() if changes else identical_record()
        if record["type"] == "CNAME" and other["type"] in PROXIABLE:
            raise host_taken()
        if other["type"] == "CNAME" and record["type"] in PROXIABLE:
            raise cname_there()


def matches(record: Record, filters: dict[str, str]) -> bool:
    """Whether a record passes the filters of a list request."""
    for key, wanted in filters.items():
        name, _, how = key.partition(".")
        value = str(record.get(name) or "")
        passes = {
            "": value.lower() == wanted.lower(),
            "exact": value.lower() == wanted.lower(),
            "contains": wanted.lower() in value.lower(),
            "startswith": value.lower().startswith(wanted.lower()),
            "endswith": value.lower().endswith(wanted.lower()),
        }
        if not passes.get(how, True):
            return False
    return True
