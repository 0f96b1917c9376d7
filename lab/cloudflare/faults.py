"""How Cloudflare's API fails, as data."""

import json
from typing import Final

from lab.http_faults import Answer


def _failure(status: int, code: int, message: str, *headers: tuple[str, str]) -> Answer:
    error = {"code": code, "message": message}
    body = {"success": False, "errors": [error], "messages": [], "result": None}
    return Answer(status, json.dumps(body), headers=headers)


_THROTTLED: Final = "Please wait and consider throttling your request speed"

KINDS: Final = {
    "rate-limit": _failure(429, 971, _THROTTLED, ("Retry-After", "1")),
    "error": _failure(500, 1002, "Internal server error"),
    "unavailable": _failure(503, 1002, "Service unavailable"),
    "forbidden": _failure(403, 10000, "Authentication error"),
}
