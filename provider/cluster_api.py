"""Lists and merge patches of a Kubernetes API within one deadline: for reading much of it at once.

An answer that is no answer (server errors, too many requests) is `Unreachable`; what the API
refuses for good is `Refused`. Nothing is retried and nothing kept.
"""

import time

import httpx2

from provider import api_server
from provider.api_server import MERGE, Json


class ClusterApi:
    """One connection; a request takes at most `each` seconds, all of them at most `together`."""

    def __init__(self, client: httpx2.Client, *, each: float, together: float) -> None:
        self._client, self._each = client, each
        self._until = time.monotonic() + together

    def get(self, path: str) -> Json | None:
        """What lies there; None for 404, which is also what an unknown kind answers."""
        answer = self._client.get(path, timeout=self._left())
        if answer.status_code == httpx2.codes.NOT_FOUND:
            return None
        api_server.refuse(answer, f"the API server refused {path}")
        found: Json = answer.json()
        return found

    def patch(self, path: str, body: Json) -> None:
        """Change some fields of an object; None takes one away. What is gone is no error."""
        answer = self._client.patch(path, json=body, headers=MERGE, timeout=self._left())
        if answer.status_code != httpx2.codes.NOT_FOUND:
            api_server.refuse(answer, f"the API server refused to change {path}")

    def _left(self) -> float:
        left = self._until - time.monotonic()
        if left <= 0:
            raise httpx2.ReadTimeout("it takes too long to answer")
        return min(self._each, left)
