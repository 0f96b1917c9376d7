"""Dates: RFC 3339 in the program, seconds since the epoch in Proxmox VE; 0 means never."""

from __future__ import annotations

import datetime as dt
from typing import Any

from provider.rpc import Refused

NEVER = "1970-01-01T00:00:00Z"


def epoch(text: str) -> int:
    """Seconds since the epoch. `Refused` when the text is no date."""
    try:
        return int(dt.datetime.fromisoformat(text).timestamp())
    except ValueError as error:
        raise Refused(f"Error parsing expiration date: {error}; write RFC 3339") from error


def date(seconds: Any) -> str:
    """The date in UTC."""
    when = dt.datetime.fromtimestamp(int(seconds or 0), dt.UTC)
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")
