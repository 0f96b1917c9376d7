"""How the Image Factory fails, as data."""

from typing import Final

from lab.http_faults import Answer

KINDS: Final = {
    "unavailable": Answer(503, "service temporarily unavailable\n", "text/plain"),
    "error": Answer(500, "internal server error\n", "text/plain"),
}
