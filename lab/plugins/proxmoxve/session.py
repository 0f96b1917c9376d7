"""The configured provider: endpoint and credentials, and which arguments they cannot use.

`endpoint`, `apiToken` or `username` and `password` or `authTicket`, `insecure`, each with its
environment variable. SSH is not there: what needs it is refused by name.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from lab.plugins.proxmoxve.api import Api
from provider.rpc import Failure, Properties, Refused, plain
from provider.rpc.wire import UNKNOWN

_ENVIRONMENT = {
    "endpoint": "PROXMOX_VE_ENDPOINT",
    "username": "PROXMOX_VE_USERNAME",
    "password": "PROXMOX_VE_PASSWORD",
    "apiToken": "PROXMOX_VE_API_TOKEN",
    "insecure": "PROXMOX_VE_INSECURE",
}
_TIMEOUT = 60


@dataclass(frozen=True)
class Credentials:
    """What logs in: a ticket by user and password, or a token."""

    endpoint: str
    username: str = ""
    password: str = ""
    token: str = ""
    insecure: bool = False

    def __repr__(self) -> str:
        return f"Credentials({self.endpoint})"


def setting(config: Mapping[str, Any], name: str) -> Any:
    """A provider argument, or its environment variable."""
    value = config.get(name)
    return value if value not in (None, "") else os.environ.get(_ENVIRONMENT[name])


def check_config(olds: Properties, news: Properties) -> tuple[Properties, list[Failure]]:
    """Refuse a provider that cannot log in."""
    del olds
    known = plain(news)
    given = {name: known.get(name) for name in ("username", "password", "apiToken", "authTicket")}
    failures = []
    if known.get("endpoint") is not UNKNOWN and not setting(known, "endpoint"):
        failures.append(Failure("endpoint", "you must specify the endpoint for the Proxmox VE API"))
    if not any(value is UNKNOWN for value in given.values()) and not _credentials(known):
        failures.append(
            Failure(
                "apiToken",
                "must provide either username and password, an API token, or a ticket",
            )
        )
    return news, failures


def _credentials(config: Mapping[str, Any]) -> bool:
    return bool(
        setting(config, "apiToken") or (setting(config, "username") and setting(config, "password"))
    )


def credentials(config: Mapping[str, Any]) -> Credentials:
    """The credentials that a provider's arguments (or the environment) give."""
    insecure = setting(config, "insecure")
    return Credentials(
        endpoint=str(setting(config, "endpoint") or "").rstrip("/"),
        username=str(setting(config, "username") or ""),
        password=str(setting(config, "password") or ""),
        token=str(setting(config, "apiToken") or ""),
        insecure=insecure in (True, "true", "1"),
    )


def connect(found: Credentials) -> Api:
    """Log in. `Refused` when the endpoint does not answer or does not know the credentials."""
    import requests  # noqa: PLC0415 (the plugin starts without HTTP)
    import urllib3  # noqa: PLC0415
    from proxmoxer import AuthenticationError, ProxmoxAPI  # noqa: PLC0415

    parts = urlsplit(found.endpoint)
    if not parts.hostname:
        raise Refused(f"the endpoint {found.endpoint!r} is no URL; write https://HOST:8006/")
    arguments: dict[str, Any] = {
        "port": parts.port or (443 if parts.scheme == "https" else 80),
        "verify_ssl": not found.insecure,
        "timeout": _TIMEOUT,
    }
    if found.insecure:
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    if found.token:
        identity, _, secret = found.token.partition("=")
        user, mark, name = identity.partition("!")
        if not mark or not secret:
            raise Refused("apiToken: must be USER@REALM!NAME=UUID")
        arguments |= {"user": user, "token_name": name, "token_value": secret}
    else:
        arguments |= {"user": found.username, "password": found.password}
    try:
        client = ProxmoxAPI(parts.hostname, **arguments)
    except AuthenticationError as error:
        raise Refused(
            "failed to authenticate HTTP POST request (path: access/ticket) - Reason: received an "
            f"HTTP 401 response - Reason: authentication failure ({error})"
        ) from error
    except requests.RequestException as error:
        raise Refused(
            f"failed to perform HTTP POST request (path: access/ticket) - Reason: {error}"
        ) from error
    root = not found.token and found.username == "root@pam"
    return Api(client, is_root_password=root)


class Session:
    """Logs in at the first operation that needs it, so that a preview of nothing needs no host."""

    def __init__(self, login: Callable[[Credentials], Api] = connect) -> None:
        self._login = login
        self._credentials: Credentials | None = None
        self._api: Api | None = None

    def configure(self, config: Properties) -> None:
        """Take the provider's arguments."""
        self._credentials, self._api = credentials(config), None

    def __call__(self) -> Api:
        """The logged-in client."""
        if self._credentials is None:
            raise Refused("the proxmoxve provider is not configured yet")
        if self._api is None:
            self._api = self._login(self._credentials)
        return self._api
