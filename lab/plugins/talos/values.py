"""Versions, durations and certificates' ends, read as Go and Talos read them. Pure."""

import base64
import datetime as dt
import re
from typing import Final

from provider.rpc import Refused

CONTRACT: Final = "v1.13"
"""The default contract of the provider: the Talos release that its machinery is of."""
DEFAULT_KUBERNETES: Final = "1.36.0"
"""The default Kubernetes of that machinery."""

_UNITS: Final = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}
_EXPLICIT_0: Final = 0xA0
_GENERALIZED_TIME: Final = 0x18
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_VERSION = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+)(?:-([0-9A-Za-z.-]+))?)?(?:\+.*)?")


def seconds(duration: str) -> float:
    """A Go duration ("10m", "1h30m") in seconds; `Refused` with Go's own words."""
    sign, text = (-1.0, duration[1:]) if duration.startswith("-") else (1.0, duration)
    parts = _PART.findall(text)
    if text == "0":
        return 0.0
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise Refused(f'time: invalid duration "{duration}"')
    return sign * sum(float(number) * _UNITS[unit] for number, unit in parts)


Precedence = tuple[int, int, int, bool, tuple[tuple[bool, int, str], ...]]


def precedence(version: str) -> Precedence:
    """A key that orders versions as semantic versioning does; "v1.13" is "v1.13.0"."""
    found = _VERSION.fullmatch(version)
    if found is None:
        raise Refused(f'Invalid version: error parsing version "{version}"')
    major, minor, patch, before = found.groups()
    names = tuple(
        (not part.isdigit(), int(part) if part.isdigit() else 0, part)
        for part in (before or "").split(".")
        if part
    )
    return int(major), int(minor), int(patch or 0), before is None, names


def certificate_end(encoded: str) -> dt.datetime:
    """When the certificate (PEM in base64, as Talos keeps them) ends.

    Read out of the DER by hand: a cryptography library costs 80 ms on every plan. A certificate's
    first element is its body: version, serial, algorithm, issuer, validity (RFC 5280, 4.1).
    """
    pem = base64.b64decode(encoded).decode()
    body = "".join(line for line in pem.splitlines() if not line.startswith("-----"))
    der = base64.b64decode(body)
    elements = _children(_children(der)[0])
    has_version = elements[0][0] == _EXPLICIT_0
    end = _children(elements[4 if has_version else 3])[1]
    text = _content(end).decode()
    full = text if end[0] == _GENERALIZED_TIME else ("20" if int(text[:2]) < 50 else "19") + text
    return dt.datetime.strptime(full, "%Y%m%d%H%M%SZ").replace(tzinfo=dt.UTC)


def _content(element: bytes) -> bytes:
    first = element[1]
    if first < 0x80:
        return element[2 : 2 + first]
    count = first & 0x7F
    length = int.from_bytes(element[2 : 2 + count])
    return element[2 + count : 2 + count + length]


def _children(element: bytes) -> list[bytes]:
    rest = _content(element)
    found = []
    while rest:
        content = _content(rest)
        header = 2 if rest[1] < 0x80 else 2 + (rest[1] & 0x7F)
        found.append(rest[: header + len(content)])
        rest = rest[header + len(content) :]
    return found
