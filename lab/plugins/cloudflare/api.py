"""Cloudflare's API through Cloudflare's own client, as plain JSON.

The client is imported when the first call is made: it costs half a second, and a preview without
changes makes none. Errors read as those of the vendor's plugin, which prints its client's:
`failed to make http request: POST "https://...": 409 Conflict {...}`.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Mapping
from typing import Any

from provider.rpc import Failure, Properties, Refused, plain
from provider.rpc.wire import UNKNOWN

DEFAULT_URL = "https://api.cloudflare.com/client/v4"
_ENVIRONMENT = {
    "apiToken": "CLOUDFLARE_API_TOKEN",
    "apiKey": "CLOUDFLARE_API_KEY",
    "email": "CLOUDFLARE_EMAIL",
    "apiUserServiceKey": "CLOUDFLARE_API_USER_SERVICE_KEY",
    "baseUrl": "CLOUDFLARE_BASE_URL",
}


class ApiError(Refused):
    """A refusal; `codes` are Cloudflare's own."""

    def __init__(self, request: str, status: int, reason: str, body: Any) -> None:
        text = json.dumps(body, separators=(",", ":")) if body else ""
        super().__init__(
            f"failed to make http request: {request}: {status} {reason} {text}".strip()
        )
        self.status = status
        errors = body.get("errors") if isinstance(body, Mapping) else None
        self.codes = {error.get("code") for error in errors or [] if isinstance(error, Mapping)}


def setting(config: Mapping[str, Any], name: str) -> Any:
    """A provider argument, or its environment variable."""
    value = config.get(name)
    return value if value not in (None, "") else os.environ.get(_ENVIRONMENT[name])


def check_config(olds: Properties, news: Properties) -> tuple[Properties, list[Failure]]:
    """Refuse a provider without credentials."""
    del olds
    known = plain(news)
    if any(known.get(name) is UNKNOWN for name in _ENVIRONMENT):
        return news, []
    pair = setting(known, "apiKey") and setting(known, "email")
    if setting(known, "apiToken") or setting(known, "apiUserServiceKey") or pair:
        return news, []
    return news, [
        Failure(
            "apiToken",
            'must provide one of "api_key", "api_token" or "api_user_service_key"',
        )
    ]


def connect(config: Mapping[str, Any], base_url: str) -> Any:
    """Cloudflare's own client."""
    from cloudflare import Cloudflare  # noqa: PLC0415 (half a second)

    return Cloudflare(
        api_token=setting(config, "apiToken"),
        api_key=setting(config, "apiKey"),
        api_email=setting(config, "email"),
        user_service_key=setting(config, "apiUserServiceKey"),
        base_url=base_url,
    )


class Api:
    """A client that is made when it is first needed. Safe for many threads."""

    def __init__(self, connect: Callable[[Mapping[str, Any], str], Any] = connect) -> None:
        self._connect = connect
        self._config: Properties = {}
        self._client: Any = None
        self._lock = threading.Lock()

    def configure(self, config: Properties) -> None:
        """Take the provider's arguments."""
        with self._lock:
            self._config, self._client = dict(config), None

    @property
    def base_url(self) -> str:
        """Where the API is."""
        return str(setting(self._config, "baseUrl") or DEFAULT_URL).rstrip("/")

    def _connected(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = self._connect(self._config, self.base_url)
            return self._client

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """One request; the envelope's `result`. Raises `ApiError` or `Refused`."""
        from cloudflare import APIConnectionError, APIStatusError  # noqa: PLC0415

        arguments: dict[str, Any] = {"cast_to": object}
        if query:
            arguments["options"] = {"params": query}
        if method != "get":
            arguments["body"] = body
        request = f'{method.upper()} "{self.base_url}{path}"'
        try:
            answer = getattr(self._connected(), method)(path, **arguments)
        except APIStatusError as error:
            response = error.response
            raise ApiError(
                request, response.status_code, response.reason_phrase, error.body
            ) from error
        except APIConnectionError as error:
            reason = error.__cause__ or error
            raise Refused(f"failed to make http request: {request}: {reason}") from error
        return answer.get("result") if isinstance(answer, Mapping) else answer

    def all(self, path: str, **query: Any) -> list[Any]:
        """Every page of a list."""
        found: list[Any] = []
        number = 1
        while True:
            page = self.call("get", path, page=number, per_page=50, **query) or []
            found += page
            if len(page) < 50:
                return found
            number += 1
