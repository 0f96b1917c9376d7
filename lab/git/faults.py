"""How a Git server fails, as data."""

from typing import Final

from lab.http_faults import Answer

KINDS: Final = {
    "unavailable": Answer(503, "Service Unavailable\n", "text/plain"),
    "denied": Answer(403, "Forbidden\n", "text/plain"),
    "missing": Answer(404, "Not Found\n", "text/plain"),
}
