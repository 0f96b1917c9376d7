"""Who asks, and whether they may: the token of a request, and its rights on a zone or account.

Cloudflare answers differently when a token is unknown, may not see a thing, or sees it but lacks
the right; clients and people tell the cases apart by these codes, so they are kept apart here.
"""

import datetime as dt
import json
import re
from collections.abc import Callable
from typing import Any, Final

from aiohttp import web
from aiohttp.typedefs import Handler

from lab.cloudflare.errors import (
    ApiError,
    forbidden,
    invalid_body,
    invalid_token,
    malformed_credentials,
    missing_credentials,
    no_route,
    unauthorized,
    unroutable,
)
from lab.cloudflare.state.rights import ACCOUNT, USER, ZONE, ApiToken
from lab.cloudflare.state.store import Store

BASE: Final = "/client/v4"
_BEARER: Final = re.compile(r"Bearer (\S+)")


def now() -> str:
    """The time as Cloudflare writes it."""
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


async def json_object(request: web.Request) -> dict[str, Any]:
    """The request's body."""
    text = await request.text()
    try:
        body = json.loads(text or "{}")
    except ValueError as error:
        raise invalid_body(str(error)) from error
    if not isinstance(body, dict):
        raise invalid_body("not an object")
    return body


@web.middleware
async def envelope_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every refusal in Cloudflare's envelope."""
    try:
        return await handler(request)
    except ApiError as error:
        return web.json_response(error.body(), status=error.status)
    except web.HTTPNotFound:
        return web.json_response(no_route().body(), status=404)


class Gate:
    """The checks before a handler."""

    def __init__(self, store: Store, changed: Callable[[], None]) -> None:
        """`changed` is called once something was changed."""
        self.store = store
        self.changed = changed

    def value(self, request: web.Request) -> str:
        """The bearer token of a request, known or not."""
        header = request.headers.get("Authorization")
        if header is None:
            raise missing_credentials()
        found = _BEARER.fullmatch(header)
        if not found or not re.fullmatch(r"[A-Za-z0-9_-]{16,}", found[1]):
            raise malformed_credentials()
        return found[1]

    def token(self, request: web.Request) -> ApiToken:
        """Who asks."""
        found = self.store.tokens.get(self.store.values.get(self.value(request), ""))
        if found is None or found.status != "active":
            raise invalid_token()
        return found

    def user(self, request: web.Request, group: str) -> ApiToken:
        """Who asks, with a right of the user's own."""
        token = self.token(request)
        if not any(
            token.allows(group, resource)
            for policy in token.policies
            for resource in policy["resources"]
            if resource.startswith(f"{USER}.")
        ):
            raise unauthorized()
        return token

    def may_account(self, token: ApiToken, group: str, account: str) -> bool:
        """Whether a token has a right on an account."""
        return token.allows(group, f"{ACCOUNT}.{account}")

    def may_zone(self, token: ApiToken, group: str, zone: str) -> bool:
        """Whether a token has a right on a zone."""
        account = self.store.zones[zone]["account"]["id"]
        return token.allows(group, f"{ZONE}.{zone}", [f"{ACCOUNT}.{account}"])

    def account(self, request: web.Request, group: str) -> str:
        """The account of the path, if the token has the right there."""
        token, account = self.token(request), request.match_info["account"]
        if not re.fullmatch(r"[0-9a-f]{32}", account):
            raise unroutable(request.path)
        if account not in self.store.accounts or not self.may_account(token, group, account):
            raise forbidden()
        return account

    def zone(self, request: web.Request, group: str) -> dict[str, Any]:
        """The zone of the path, if the token has the right there."""
        token, zone = self.token(request), request.match_info["zone"]
        if zone not in self.store.zones:
            raise unroutable(request.path)
        if not self.may_zone(token, group, zone):
            raise unauthorized() if group == "Zone Read" else forbidden()
        return self.store.zones[zone]
