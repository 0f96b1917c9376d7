"""API tokens of the user and of accounts: verify, permission groups, create, roll, delete."""

import secrets
from typing import Any, Final

from aiohttp import web

from lab.cloudflare.errors import unknown_api_token, unknown_token
from lab.cloudflare.routes.gate import BASE, Gate, json_object, now
from lab.cloudflare.state.rights import ApiToken, checked, groups
from lab.cloudflare.state.store import new_id
from lab.cloudflare.wire import envelope, page

_EXTRA: Final = ("expires_on", "not_before", "condition")


class TokenRoutes:
    """The handlers; the same for both kinds of owner."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._store = gate.store

    def table(self) -> list[web.RouteDef]:
        """What is served."""
        made: list[web.RouteDef] = []
        for owner in ("user", "accounts/{account}"):
            base = f"{BASE}/{owner}/tokens"
            made += [
                web.get(f"{base}/verify", self._verify),
                web.get(f"{base}/permission_groups", self._groups),
                web.get(base, self._list),
                web.post(base, self._create),
                web.get(f"{base}/{{token}}", self._read),
                web.put(f"{base}/{{token}}", self._update),
                web.put(f"{base}/{{token}}/value", self._roll),
                web.delete(f"{base}/{{token}}", self._delete),
            ]
        return made

    def _owner(self, request: web.Request, how: str) -> str | None:
        """The account whose tokens are meant, None for the user's; checks the right."""
        if "account" in request.match_info:
            return self._gate.account(request, f"Account API Tokens {how}")
        self._gate.user(request, f"API Tokens {how}")
        return None

    def _token(self, request: web.Request, how: str) -> ApiToken:
        owner = self._owner(request, how)
        found = self._store.tokens.get(request.match_info["token"])
        if found is None or found.account != owner:
            raise unknown_api_token()
        return found

    def _changed(self, result: Any) -> web.Response:
        self._gate.changed()
        return web.json_response(envelope(result))

    async def _verify(self, request: web.Request) -> web.Response:
        found = self._store.tokens.get(self._store.values.get(self._gate.value(request), ""))
        # Each kind of owner knows its own tokens only.
        if found is None or found.account != request.match_info.get("account"):
            raise unknown_token()
        text = f"This API Token is valid and {found.status}"
        messages = [{"code": 10000, "message": text, "type": None}]
        result = {"id": found.id, "status": found.status}
        return web.json_response({**envelope(result), "messages": messages})

    async def _groups(self, request: web.Request) -> web.Response:
        self._owner(request, "Read")
        query = request.query
        found = groups(query.get("name"), query.get("scope"))
        return web.json_response(page(found, {}, 1000, 1000))

    async def _list(self, request: web.Request) -> web.Response:
        owner = self._owner(request, "Read")
        found = [token.shown() for token in self._store.tokens.values() if token.account == owner]
        return web.json_response(page(found, request.query, 20, 50))

    async def _create(self, request: web.Request) -> web.Response:
        owner, body, moment = self._owner(request, "Write"), await json_object(request), now()
        token = ApiToken(
            id=new_id(),
            name=str(body.get("name", "")),
            policies=checked(body.get("policies")),
            issued_on=moment,
            modified_on=moment,
            account=owner,
            extra={key: body[key] for key in _EXTRA if body.get(key) is not None},
        )
        self._store.tokens[token.id] = token
        return self._changed({**token.shown(), "value": self._new_value(token)})

    def _new_value(self, token: ApiToken) -> str:
        kept = self._store.values
        for value in [value for value, owner in kept.items() if owner == token.id]:
            del kept[value]
        value = secrets.token_urlsafe(30)
        kept[value] = token.id
        return value

    async def _read(self, request: web.Request) -> web.Response:
        return web.json_response(envelope(self._token(request, "Read").shown()))

    async def _update(self, request: web.Request) -> web.Response:
        token, body = self._token(request, "Write"), await json_object(request)
        token.policies = checked(body.get("policies", token.policies))
        token.name = str(body.get("name", token.name))
        token.status = str(body.get("status", token.status))
        token.extra = {key: body[key] for key in _EXTRA if body.get(key) is not None}
        token.modified_on = now()
        return self._changed(token.shown())

    async def _roll(self, request: web.Request) -> web.Response:
        token = self._token(request, "Write")
        return self._changed(self._new_value(token))

    async def _delete(self, request: web.Request) -> web.Response:
        token = self._token(request, "Write")
        del self._store.tokens[token.id]
        kept = self._store.values
        for value in [value for value, owner in kept.items() if owner == token.id]:
            del kept[value]
        return self._changed({"id": token.id})
