"""How chart repositories fail, as data."""

from typing import Final

from lab.http_faults import Answer

_DENIED = '{"errors": [{"code": "DENIED", "message": "denied"}]}'
_MANY = '{"errors": [{"code": "TOOMANYREQUESTS", "message": "retry later"}]}'

KINDS: Final = {
    "unavailable": Answer(503, "Service Unavailable\n", "text/plain"),
    "denied": Answer(403, _DENIED),
    "rate-limit": Answer(429, _MANY, headers=(("Retry-After", "1"),)),
}
